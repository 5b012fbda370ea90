#include "common/catalogue/content.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"

/* Newest unexpired revisions, and by exact revision what they bundle. ?1: carried only; ?2: only
 * from approved updates. */
#define LIVE                                                                                                 \
    "WITH RECURSIVE live (rev_id) AS ("                                                                      \
    " SELECT r.rev_id FROM revision r JOIN info i USING (rev_id) WHERE NOT i.expired"                        \
    "  AND r.revision=(SELECT max(n.revision) FROM revision n WHERE n.update_id=r.update_id)"                \
    "  AND (NOT ?1 OR r.rev_id IN (SELECT rev_id FROM temp.carry))"                                          \
    "  AND (NOT ?2 OR r.update_id IN (SELECT update_id FROM temp.approved))"                                 \
    " UNION SELECT t.rev_id FROM live JOIN bundled b USING (rev_id)"                                         \
    "  JOIN revision t ON t.update_id=b.target AND t.revision=b.target_revision"                             \
    "  WHERE NOT ?1 OR t.rev_id IN (SELECT rev_id FROM temp.carry))"

/* Where updates contradict each other about a digest, the choice depends on nothing but the values:
 * hub and site must come to the same list. */
#define INTO_NEED                                                                                            \
    " ON CONFLICT (sha1) DO UPDATE SET sha256=coalesce(max(need.sha256, excluded.sha256), need.sha256, "     \
    "excluded.sha256),"                                                                                      \
    " bytes=min(bytes, excluded.bytes), licence=max(licence, excluded.licence), name=min(name, "             \
    "excluded.name)"

static int fill_profile_tables(struct su_db *db, const struct su_profile *profile, struct su_err *err)
{
    if (su_db_script(
            db,
            "CREATE TEMP TABLE IF NOT EXISTS need (sha1 BLOB PRIMARY KEY, sha256 BLOB, bytes INTEGER NOT "
            "NULL,"
            " licence INTEGER NOT NULL, name TEXT NOT NULL) WITHOUT ROWID; DELETE FROM temp.need;"
            "CREATE TEMP TABLE IF NOT EXISTS carry (rev_id INTEGER PRIMARY KEY);"
            "CREATE TEMP TABLE IF NOT EXISTS approved (update_id BLOB PRIMARY KEY); DELETE FROM "
            "temp.approved;"
            "CREATE TEMP TABLE IF NOT EXISTS language (name TEXT PRIMARY KEY); DELETE FROM temp.language;",
            err) < 0)
        return -1;
    for (size_t i = 0; profile && i < profile->items.count; i++) {
        const struct su_profile_item *item = &profile->items.at[i];
        struct su_guid id;
        if (item->kind == SU_ITEM_LANGUAGE &&
            su_run(db, err, "INSERT OR IGNORE INTO temp.language VALUES (?1)", SU_T(item->value)) < 0)
            return -1;
        if (item->kind == SU_ITEM_APPROVAL && su_guid_parse(&id, item->value, strlen(item->value)) &&
            su_run(db, err, "INSERT OR IGNORE INTO temp.approved VALUES (?1)", SU_B(id.bytes, 16)) < 0)
            return -1;
    }
    return 0;
}

int su_content_need(struct su_db *db, const struct su_profile *profile, bool carried_only, struct su_err *err)
{
    enum su_content_mode mode = profile ? profile->content : SU_CONTENT_ALL;
    bool any_language = !profile || !su_profile_has(profile, SU_ITEM_LANGUAGE);
    if (fill_profile_tables(db, profile, err) < 0)
        return -1;
    /* Licence terms of whatever is live, in the chosen languages and always in English. */
    if (mode >= SU_CONTENT_LICENCE &&
        su_run(db, err,
               "INSERT INTO temp.need (sha1, sha256, bytes, licence, name) " LIVE
               " SELECT f.sha1, f.sha256, f.bytes, 1, f.name FROM live JOIN file f USING (rev_id)"
               " WHERE f.licence AND NOT ?2 AND (?3 OR f.language IN ('', 'en') OR f.language IN (SELECT "
               "name FROM temp.language))" INTO_NEED,
               SU_I(carried_only), SU_I(0), SU_I(any_language)) < 0)
        return -1;
    /* Payload: an update without languages, or for all of them, always counts. */
    if (mode >= SU_CONTENT_APPROVED &&
        su_run(db, err,
               "INSERT INTO temp.need (sha1, sha256, bytes, licence, name) " LIVE
               " SELECT f.sha1, f.sha256, f.bytes, 0, f.name FROM live JOIN file f USING (rev_id)"
               " WHERE NOT f.licence AND (?4 OR NOT f.express) AND (?3"
               "  OR NOT EXISTS (SELECT 1 FROM tag g WHERE g.rev_id=f.rev_id AND g.kind='language')"
               "  OR EXISTS (SELECT 1 FROM tag g WHERE g.rev_id=f.rev_id AND g.kind='language'"
               "   AND (g.value='all' OR g.value IN (SELECT name FROM temp.language))))" INTO_NEED,
               SU_I(carried_only), SU_I(mode == SU_CONTENT_APPROVED), SU_I(any_language),
               SU_I(!profile || profile->has_express)) < 0)
        return -1;
    return 0;
}

void su_content_tell(struct su_content_report *report, const struct su_content_finding *finding)
{
    switch (finding->verdict) {
    case SU_FILE_ADOPTED:
        report->adopted++;
        report->bytes_adopted += finding->bytes;
        break;
    case SU_FILE_HELD: report->held++; break;
    case SU_FILE_WRONG: report->wrong++; break;
    case SU_FILE_UNKNOWN: report->unknown++; break;
    case SU_FILE_MISSING:
        report->missing++;
        report->bytes_missing += finding->bytes;
        report->licence_missing += finding->is_licence;
        break;
    }
    if (report->finding)
        report->finding(report->context, finding);
}

int su_content_list(struct su_home *home, const struct su_profile *profile, struct su_content_report *report,
                    struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t sha1[SU_SHA1_BYTES];
    int more;
    if (su_content_need(home->db, profile, false, err) < 0 ||
        su_query(home->db, &rows, err,
                 "SELECT n.sha1, n.name, n.bytes, n.licence, EXISTS (SELECT 1 FROM stored_file s "
                 "WHERE " SU_STORED_AS_NEEDED "),"
                 " (SELECT i.title FROM file f JOIN info i USING (rev_id) WHERE f.sha1=n.sha1 LIMIT 1)"
                 " FROM temp.need n ORDER BY n.licence DESC, n.sha1") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, sha1, sizeof sha1, err) < 0)
            return -1;
        su_content_tell(report, &(struct su_content_finding){
                                    .verdict = su_rows_int(&rows, 4) ? SU_FILE_HELD : SU_FILE_MISSING,
                                    .name = su_rows_text(&rows, 1),
                                    .detail = "",
                                    .update = su_rows_text(&rows, 5),
                                    .sha1 = sha1,
                                    .bytes = (uint64_t)su_rows_int(&rows, 2),
                                    .is_licence = su_rows_int(&rows, 3) != 0});
    }
    return more;
}

/* Reports missing files only: what a list says, without the held ones. */
struct only_missing {
    struct su_content_report *report;
};

static void keep_missing(void *context, const struct su_content_finding *finding)
{
    struct only_missing *filter = context;
    if (finding->verdict == SU_FILE_MISSING)
        su_content_tell(filter->report, finding);
}

int su_content_tell_missing(struct su_home *home, const struct su_profile *profile,
                            struct su_content_report *report, struct su_err *err)
{
    struct only_missing filter = {report};
    struct su_content_report list = {.finding = keep_missing, .context = &filter};
    return su_content_list(home, profile, &list, err);
}
