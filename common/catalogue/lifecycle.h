/*
 * lifecycle.h - superseded and expired updates: rules, marks, removal.
 *
 * A rule makes superseded updates count as expired some months after what supersedes them was created. That is a
 * mark in a table, never an edit of a document: a marked update is not selected for a site any more, and travels
 * only where something selected needs it. What is expired, by document or by rule, is removed from the hub after a
 * grace, unless it is pinned, approved for a site, or needed by something that stays; the table excluded_update keeps
 * synchronizations from bringing it back.
 *
 * Everything is as of a date that is stated, so that the same run says the same on any day.
 */
#ifndef SU_LIFECYCLE_H
#define SU_LIFECYCLE_H

#include "common/catalogue/id_query.h"
#include "common/catalogue/graph.h"
#include "common/lib/db.h"
#include "common/lib/digest.h"

#define SU_NEVER (-1)
struct su_lifecycle_rules {
    int64_t updates, feature_updates; /* months; SU_NEVER: superseded ones stay as they are */
    int64_t grace;                    /* days */
};
int su_lifecycle_rules_load(struct su_db *db, struct su_lifecycle_rules *out, struct su_err *err) SU_CHECKED;
int su_lifecycle_rules_save(struct su_db *db, const struct su_lifecycle_rules *rules, struct su_err *err) SU_CHECKED;

/* "YYYY-MM-DD". */
bool su_lifecycle_date_is_valid(const char *text);

struct su_lifecycle_counts {
    uint64_t looked_at;              /* software updates and drivers */
    uint64_t expired, superseded;    /* marked now, by document and by rule */
    uint64_t newly_superseded, no_longer;
    uint64_t due;                    /* past their grace */
    uint64_t pinned, approved, needed; /* of those: kept, and why */
    uint64_t removed, removed_revisions, left; /* left: the time was up */
};

/* Inside the caller's transaction. Brings the marks to what the rules say as of that date. */
int su_lifecycle_mark(struct su_db *db, const struct su_lifecycle_rules *rules, const char *as_of,
                      struct su_lifecycle_counts *counts, struct su_err *err) SU_CHECKED;
/* Fills temp.leaving (update_id) with what is due and may go, and what only that bundles. */
int su_lifecycle_find_due(struct su_db *db, const struct su_lifecycle_rules *rules, const char *as_of,
                          struct su_lifecycle_counts *counts, struct su_err *err) SU_CHECKED;
/* Removes what temp.leaving names, and excludes it; ends early after `seconds`. su_changes_begin was called. */
int su_lifecycle_remove(struct su_db *db, const char *as_of, double seconds, struct su_lifecycle_counts *counts,
                        struct su_err *err) SU_CHECKED;

/* Updates that a rule expired, in the order of their ids. */
int su_lifecycle_list(struct su_db *db, su_id_take take, void *context, struct su_err *err) SU_CHECKED;
int su_lifecycle_digest(struct su_db *db, uint8_t out[SU_SHA256_BYTES], uint64_t *count, struct su_err *err) SU_CHECKED;

/* What a synchronization passes over. Sorted; read by any thread. */
struct su_excluded_entry { struct su_guid id; uint32_t revision; };
struct su_excluded { struct su_excluded_entry *at; size_t count, capacity; };
int su_excluded_load(struct su_db *db, struct su_excluded *out, struct su_err *err) SU_CHECKED;
bool su_excluded_has(const struct su_excluded *excluded, const struct su_guid *id, uint32_t revision);
void su_excluded_cleanup(struct su_excluded *excluded);
/* Something that came names them: the next synchronization may bring them again. */
int su_excluded_release_needed(struct su_db *db, uint64_t *count, struct su_err *err) SU_CHECKED;

#endif
