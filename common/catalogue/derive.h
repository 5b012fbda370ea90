/*
 * derive.h - the derived tables of one revision, from its parsed document. Called by catalogue.c only.
 */
#ifndef SU_DERIVE_H
#define SU_DERIVE_H

#include "common/catalogue/update.h"
#include "common/lib/db.h"

int su_derive(struct su_db *db, int64_t rev_id, const struct su_update *update, const char *urls,
              size_t urls_bytes, struct su_err *err) SU_CHECKED;
int su_derive_remove(struct su_db *db, int64_t rev_id, struct su_err *err) SU_CHECKED;
int su_derive_clear(struct su_db *db, struct su_err *err) SU_CHECKED; /* all of them */

#endif
