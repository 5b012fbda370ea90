/*
 * changes.h - counts change classes of product.md 3 over a transaction that edits the catalogue.
 *
 * Call su_changes_touch with the items before their edits (those that are is_touched count); su_changes_count at the end
 * compares what was held with what is. Cost is in proportion to the ids touched.
 */
#ifndef SU_CHANGES_H
#define SU_CHANGES_H

#include "common/base/text.h"
#include "common/catalogue/prepare.h"
#include "common/catalogue/state.h"
#include "common/lib/db.h"
#include "common/point/event.h"

/* Change classes by update id, as product.md 3 defines them. */
struct su_changes {
    uint64_t new, revised, expired, removed, unchanged;
};

int su_changes_begin(struct su_db *db, struct su_err *err) SU_CHECKED;
int su_changes_touch(struct su_db *db, const struct su_prepared *items, size_t count, struct su_err *err) SU_CHECKED;
/* States before and after the edits; unchanged = all ids minus the touched ones that are still held. Where nothing
 * was held before, all is new, and nothing need have been touched. */
int su_changes_count(struct su_db *db, const struct su_state *before, const struct su_state *after, struct su_changes *out,
                     struct su_err *err) SU_CHECKED;

/* After the commit: a line of the log for each update in one of the classes but unchanged. `is_first`: nothing was
 * held before. What fails is said there too. */
void su_changes_tell(struct su_db *db, bool is_first, const struct su_events *events);

#endif
