/*
 * successor.h - products that went on under another name: a profile that takes the old one alone gets nothing new, and
 * nobody says so. Advice for whoever looks at the profile; nothing is decided by it.
 */
#ifndef SU_SUCCESSOR_H
#define SU_SUCCESSOR_H

#include "common/catalogue/profile.h"
#include "common/lib/db.h"

struct su_product_successor {
    const char *product, *successor; /* titles; until the next */
    struct su_guid id;               /* of the successor */
};
/* Tells every product of the profile whose successor the catalogue holds and the profile does not take, neither itself
 * nor by its family or company. */
int su_successors(struct su_db *db, const struct su_profile *profile,
                  void (*tell)(void *context, const struct su_product_successor *successor), void *context,
                  struct su_err *err) SU_CHECKED;

#endif
