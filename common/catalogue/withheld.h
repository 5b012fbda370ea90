/*
 * withheld.h - third-party updates that nobody published: held and shown at the hub, but neither carried to sites nor
 * in need of their files (vendor.h). What another update needs is carried all the same.
 */
#ifndef SU_WITHHELD_H
#define SU_WITHHELD_H

#include "common/base/text.h"
#include "common/lib/db.h"

/* Calls `take` for each, in the order of the ids. */
int su_withheld_list(struct su_db *db, int (*take)(void *context, const struct su_guid *id, struct su_err *err),
                     void *context, struct su_err *err) SU_CHECKED;

#endif
