/*
 * difference.h - what a site lacks: the carried revisions beside what the books say it was sent.
 *
 * Both come in order of (update id, revision), so one pass over the site's rows of site_state
 * compares them, and what follows costs as much as there is different.
 */
#ifndef SU_DIFFERENCE_H
#define SU_DIFFERENCE_H

#include "common/catalogue/closure.h"

struct su_difference {
    uint64_t records, removals;              /* to carry: rows of temp.send and temp.gone */
    uint64_t new, revised, expired, removed; /* updates, against the last state sent; for people */
};

/*
 * The site may be in any state from sequence `floor` on; is_full: in any at all. Fills, inside the caller's
 * transaction:
 *
 *   temp.send (rev_id, is_fresh)      a record travels unless every fitting state has it; is_fresh: the
 *                                     last state sent has not
 *   temp.gone (update_id, revision)   a removal travels if any fitting state needs it
 *   temp.stale (update_id, revision, from_sequence)   rows of site_state that this bundle ends
 */
int su_difference_find(struct su_db *db, const struct su_closure *closure, int64_t site_id, bool is_full,
                       uint64_t floor, struct su_difference *out, struct su_err *err) SU_CHECKED;

#endif
