#include "common/catalogue/changes.h"

int su_changes_begin(struct su_db *db, struct su_err *err)
{
    return su_db_script(
        db,
        "CREATE TEMP TABLE IF NOT EXISTS touched (update_id BLOB PRIMARY KEY, was_held INTEGER NOT NULL,"
        " was_expired INTEGER NOT NULL) WITHOUT ROWID; DELETE FROM temp.touched;",
        err);
}

/* Held and expired (by the newest revision) as of now; NULL expired when not held. */
#define NEWEST_EXPIRED(id)                                                                                   \
    "(SELECT i.expired FROM revision r JOIN info i USING (rev_id) WHERE r.update_id=" id                     \
    " ORDER BY r.revision DESC LIMIT 1)"

#define TOUCH                                                                                                \
    "INSERT OR IGNORE INTO temp.touched SELECT c0, EXISTS (SELECT 1 FROM revision WHERE update_id=c0),"      \
    " coalesce(" NEWEST_EXPIRED("c0") ", 0) FROM feed"

int su_changes_touch(struct su_db *db, const struct su_prepared *items, size_t count, struct su_err *err)
{
    su_feed_begin(db);
    for (size_t i = 0; i < count; i++)
        if (items[i].is_touched &&
            su_feed_row(db, err, TOUCH, SU_B(items[i].record.id.bytes, sizeof items[i].record.id.bytes)) < 0)
            return -1;
    return su_feed_run(db, err, TOUCH);
}

/* Materialized: each subquery once an id, not once for each sum that asks for it. */
int su_changes_count(struct su_db *db, const struct su_state *before, const struct su_state *after,
                     struct su_changes *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (before->updates == 0) {
        *out = (struct su_changes){.new = after->updates};
        return 0;
    }
    if (su_query(
            db, &rows, err,
            "WITH now AS MATERIALIZED (SELECT was_held, was_expired, EXISTS (SELECT 1 FROM revision r WHERE "
            "r.update_id=t.update_id) AS is_held,"
            " coalesce(" NEWEST_EXPIRED(
                "t.update_id") ", 0) AS is_expired FROM temp.touched t)"
                               " SELECT coalesce(sum(NOT was_held AND is_held), 0), coalesce(sum(was_held "
                               "AND NOT is_held), 0),"
                               " coalesce(sum(was_held AND is_held AND is_expired AND NOT was_expired), 0),"
                               " coalesce(sum(was_held AND is_held AND NOT (is_expired AND NOT "
                               "was_expired)), 0) FROM now") < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0 ? -1 : su_fail(err, SU_BUG, "a sum gave no row");
    *out = (struct su_changes){.new = (uint64_t)su_rows_int(&rows, 0),
                               .removed = (uint64_t)su_rows_int(&rows, 1),
                               .expired = (uint64_t)su_rows_int(&rows, 2),
                               .revised = (uint64_t)su_rows_int(&rows, 3)};
    out->unchanged = after->updates - out->new - out->expired - out->revised;
    return 0;
}
