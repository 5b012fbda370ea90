/*
 * removal.h - takes listed revisions out of the catalogue, in batches; they count as changes (changes.h).
 */
#ifndef SU_REMOVAL_H
#define SU_REMOVAL_H

#include "common/catalogue/catalogue.h"

/* Empties the list, temp.gone (rev_id, update_id), for the caller to INSERT into. */
int su_removal_begin(struct su_db *db, struct su_err *err) SU_CHECKED;
/* Removes what the list names, inside the caller's transaction after su_changes_begin. Adds to *count; NULL: nobody asks. */
int su_removal_run(struct su_db *db, struct su_catalogue *catalogue, uint64_t *count, struct su_err *err) SU_CHECKED;

#endif
