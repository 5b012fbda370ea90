#include "common/catalogue/changes.h"

int su_changes_begin(struct su_db *db, struct su_err *err)
{
    return su_db_script(
        db,
        "CREATE TEMP TABLE IF NOT EXISTS touched (update_id BLOB PRIMARY KEY, was_held INTEGER NOT NULL,"
        " was_expired INTEGER NOT NULL, title TEXT) WITHOUT ROWID; DELETE FROM temp.touched;",
        err);
}

/* Held and expired (by the newest revision) as of now; NULL expired when not held. */
#define NEWEST_EXPIRED(id)                                                                                   \
    "(SELECT i.expired FROM revision r JOIN info i USING (rev_id) WHERE r.update_id=" id                     \
    " ORDER BY r.revision DESC LIMIT 1)"

#define TOUCH                                                                                                \
    "INSERT OR IGNORE INTO temp.touched SELECT c0, EXISTS (SELECT 1 FROM revision WHERE update_id=c0),"      \
    " coalesce(" NEWEST_EXPIRED("c0") ", 0), NULL FROM feed"

/* With the title, which is gone afterwards. */
#define NEWEST_TITLE(id)                                                                                     \
    "(SELECT i.title FROM revision r JOIN info i USING (rev_id) WHERE r.update_id=" id                       \
    " ORDER BY r.revision DESC LIMIT 1)"
#define TOUCH_REMOVED                                                                                        \
    "INSERT OR IGNORE INTO temp.touched SELECT c0, EXISTS (SELECT 1 FROM revision WHERE update_id=c0),"      \
    " coalesce(" NEWEST_EXPIRED("c0") ", 0), " NEWEST_TITLE("c0") " FROM feed"

static int touch(struct su_db *db, const struct su_prepared *items, size_t count, bool is_removal,
                 const char *sql, struct su_err *err)
{
    su_feed_begin(db);
    for (size_t i = 0; i < count; i++)
        if (items[i].is_touched && (items[i].edit == SU_REMOVE) == is_removal &&
            su_feed_row(db, err, sql, SU_B(items[i].record.id.bytes, sizeof items[i].record.id.bytes)) < 0)
            return -1;
    return su_feed_run(db, err, sql);
}

int su_changes_touch(struct su_db *db, const struct su_prepared *items, size_t count, struct su_err *err)
{
    return touch(db, items, count, true, TOUCH_REMOVED, err) < 0 ? -1
                                                                 : touch(db, items, count, false, TOUCH, err);
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

/* Older revisions are few, and told from one pass over the index of identities; to ask of each row whether it
 * has a newer one takes 0.26 instead of 0.1 s at 100,000 updates. */
#define TELL_ALL                                                                                             \
    "SELECT r.update_id, 'new', i.title FROM info i JOIN revision r USING (rev_id) WHERE i.rev_id NOT IN "   \
    "(SELECT o.rev_id FROM revision o JOIN (SELECT update_id, max(revision) AS newest FROM revision GROUP "  \
    "BY update_id HAVING count(*)>1) USING (update_id) WHERE o.revision<newest) ORDER BY i.rev_id"
#define TELL_TOUCHED                                                                                         \
    "SELECT update_id, CASE WHEN NOT was_held AND now IS NULL THEN NULL WHEN NOT was_held THEN 'new' "       \
    "WHEN now IS NULL THEN 'removed' WHEN expired AND NOT was_expired THEN 'expired' ELSE 'revised' END, "   \
    "coalesce(now, title, '') FROM (SELECT t.*, " NEWEST_TITLE("t.update_id") " AS now, " NEWEST_EXPIRED(    \
        "t.update_id") " AS expired FROM temp.touched t)"

void su_changes_tell(struct su_db *db, bool is_first, const struct su_events *events)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_err err = SU_ERR_INIT;
    char id[SU_GUID_TEXT];
    struct su_guid guid;
    int more = is_first ? su_query(db, &rows, &err, TELL_ALL) : su_query(db, &rows, &err, TELL_TOUCHED);
    while (more >= 0 && (more = su_rows_next(&rows, &err)) > 0) {
        if (su_rows_is_null(&rows, 1))
            continue;
        if ((more = su_rows_fixed(&rows, 0, guid.bytes, sizeof guid.bytes, &err)) < 0)
            break;
        su_note(events, SU_SYNC_UPDATE, SU_INFO, "Synchronizing update %s - %s (%s)",
                su_guid_format(&guid, id), su_rows_text(&rows, 2), su_rows_text(&rows, 1));
    }
    if (more < 0)
        su_note(events, err.code, SU_WARNING, "the changed updates could not be listed: %s", err.text);
}
