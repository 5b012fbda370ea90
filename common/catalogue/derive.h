/*
 * derive.h - the derived tables of revisions, from their parsed documents. Called by catalogue.c only.
 */
#ifndef SU_DERIVE_H
#define SU_DERIVE_H

#include "common/catalogue/prepare.h"
#include "common/lib/db.h"

/* Of all items that are put: their rows, updates and addresses. */
int su_derive(struct su_db *db, const struct su_prepared *items, size_t count, struct su_err *err) SU_CHECKED;
/* Of the revisions whose rows are c0 of the feed. */
int su_derive_remove(struct su_db *db, struct su_err *err) SU_CHECKED;
int su_derive_clear(struct su_db *db, struct su_err *err) SU_CHECKED; /* all of them */

#endif
