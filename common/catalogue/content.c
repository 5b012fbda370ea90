#include "common/catalogue/content.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/sys/interrupt.h"

#define MAX_TREE_DEPTH 16
#define MAX_FOLDER_NAMES 1000000

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

struct adding {
    struct su_home *home;
    const struct su_events *events;
    struct su_content_report *report;
    uint64_t looked_at;
};

static void report_file(struct su_content_report *report, const struct su_content_finding *finding)
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

/* What the metadata says of a digest. */
struct named {
    bool is_known, has_sha256, is_licence, is_contradictory;
    uint8_t sha256[SU_SHA256_BYTES];
    uint64_t bytes;
    char title[200];
};

static int look_up(struct su_db *db, const uint8_t sha1[SU_SHA1_BYTES], struct named *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    *out = (struct named){0};
    if (su_query(db, &rows, err,
                 "SELECT f.sha256, f.bytes, f.licence, i.title FROM file f JOIN info i USING (rev_id) WHERE "
                 "f.sha1=?1",
                 SU_B(sha1, SU_SHA1_BYTES)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        uint8_t sha256[SU_SHA256_BYTES];
        bool states_sha256 = !su_rows_is_null(&rows, 0);
        if (states_sha256 && su_rows_fixed(&rows, 0, sha256, sizeof sha256, err) < 0)
            return -1;
        if (out->is_known &&
            (out->bytes != (uint64_t)su_rows_int(&rows, 1) ||
             (states_sha256 && out->has_sha256 && memcmp(sha256, out->sha256, sizeof sha256) != 0)))
            out->is_contradictory = true;
        if (states_sha256) {
            memcpy(out->sha256, sha256, sizeof sha256);
            out->has_sha256 = true;
        }
        out->bytes = (uint64_t)su_rows_int(&rows, 1);
        out->is_licence |= su_rows_int(&rows, 2) != 0;
        if (!out->is_known)
            su_escape_into(out->title, sizeof out->title, su_rows_text(&rows, 3));
        out->is_known = true;
    }
    return more;
}

/* Empty when bytes and metadata agree, else what differs. */
static void compare(const struct named *named, const struct su_file_id *id, char out[200])
{
    out[0] = 0;
    if (named->is_contradictory)
        (void)snprintf(out, 200, "the metadata contradicts itself about this digest");
    else if (named->bytes != id->bytes)
        (void)snprintf(out, 200, "%llu bytes, the metadata says %llu", (unsigned long long)id->bytes,
                       (unsigned long long)named->bytes);
    else if (named->has_sha256 && memcmp(named->sha256, id->sha256, SU_SHA256_BYTES) != 0)
        (void)snprintf(out, 200, "SHA-1 agrees but SHA-256 differs from the metadata");
}

/* WsusContent names a file by its SHA-1 (formats.md 5.1). */
static bool name_is_digest(const char *name, uint8_t sha1[SU_SHA1_BYTES])
{
    size_t stem = strcspn(name, ".");
    return su_hex_parse(sha1, SU_SHA1_BYTES, name, stem, false);
}

static int add_file(struct adding *a, int fd, const char *path, const char *name, uint64_t bytes,
                    struct su_err *err)
{
    uint8_t by_name[SU_SHA1_BYTES];
    struct named named = {0};
    struct su_file_id id;
    char detail[200] = "";
    bool is_digest = name_is_digest(name, by_name), was_linked = false;
    struct su_content_finding f = {.name = path, .detail = detail, .update = named.title, .bytes = bytes};
    if (is_digest) {
        f.sha1 = by_name;
        if (look_up(a->home->db, by_name, &named, err) < 0)
            return -1;
        if (!named.is_known) {
            f.verdict = SU_FILE_UNKNOWN;
            report_file(a->report, &f);
            return 0;
        }
    }
    if (su_store_identify(fd, &id, err) < 0)
        return su_prefix(err, "%s", path);
    f.is_licence = named.is_licence;
    if (is_digest && memcmp(by_name, id.sha1, SU_SHA1_BYTES) != 0) {
        if (named.bytes != id.bytes)
            compare(&named, &id, detail);
        else
            (void)snprintf(detail, sizeof detail, "its SHA-1 is not the one in its name");
        f.verdict = SU_FILE_WRONG;
        report_file(a->report, &f);
        return 0;
    }
    f.sha1 = id.sha1;
    if (!is_digest && look_up(a->home->db, id.sha1, &named, err) < 0)
        return -1;
    f.is_licence = named.is_licence;
    compare(&named, &id, detail);
    f.verdict = !named.is_known ? SU_FILE_UNKNOWN : detail[0] ? SU_FILE_WRONG : SU_FILE_ADOPTED;
    if (f.verdict == SU_FILE_ADOPTED && su_store_has(a->home, &id))
        f.verdict = SU_FILE_HELD;
    if (f.verdict == SU_FILE_ADOPTED && su_store_adopt(a->home, fd, &id, &was_linked, err) < 0)
        return su_prefix(err, "%s", path);
    if ((f.verdict == SU_FILE_ADOPTED || f.verdict == SU_FILE_HELD) &&
        su_store_record(a->home->db, &id, 0, err) < 0)
        return -1;
    a->report->linked += was_linked;
    report_file(a->report, &f);
    return 0;
}

static int add_tree(struct adding *a, int dir, const char *prefix, int depth, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    if (depth > MAX_TREE_DEPTH)
        return su_fail(err, SU_LIMIT, "%s nests deeper than %d folders", prefix, MAX_TREE_DEPTH);
    if (su_dir_list(dir, &names, MAX_FOLDER_NAMES, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        SU_AUTO(su_fd) su_fd fd = openat(dir, names.at[i], O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        char path[1024];
        struct stat st;
        if (su_interrupt_check(err) < 0)
            return -1;
        (void)snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "/" : "", names.at[i]);
        if (fd < 0 || fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
            report_file(a->report, &(struct su_content_finding){
                                       .verdict = SU_FILE_WRONG,
                                       .name = path,
                                       .update = "",
                                       .detail = "cannot be read, or is neither a file nor a folder"});
            continue;
        }
        int result = S_ISDIR(st.st_mode) ? add_tree(a, fd, path, depth + 1, err)
                                         : add_file(a, fd, path, names.at[i], (uint64_t)st.st_size, err);
        if (result < 0)
            return -1;
        if (++a->looked_at % 20 == 0)
            su_progress(a->events, SU_CONTENT_DONE, "content", a->report->bytes_adopted, 0, "bytes");
    }
    return 0;
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
        report_file(report, &(struct su_content_finding){.verdict = su_rows_int(&rows, 4) ? SU_FILE_HELD
                                                                                          : SU_FILE_MISSING,
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
        report_file(filter->report, finding);
}

static int report_missing(struct su_home *home, const struct su_profile *profile,
                          struct su_content_report *report, struct su_err *err)
{
    struct only_missing filter = {report};
    struct su_content_report list = {.finding = keep_missing, .context = &filter};
    return su_content_list(home, profile, &list, err);
}

int su_content_add(struct su_home *home, const char *path, const struct su_events *events,
                   struct su_content_report *report, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct adding a = {.home = home, .events = events, .report = report};
    if (su_dir_open(&dir, AT_FDCWD, path, err) < 0 || su_begin(&t, home->db, err) < 0 ||
        add_tree(&a, dir, "", 0, err) < 0 || report_missing(home, NULL, report, err) < 0)
        return -1;
    return su_commit(&t, err);
}

int su_content_verify(struct su_home *home, const struct su_profile *profile, const struct su_events *events,
                      struct su_content_report *report, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint64_t done = 0;
    int64_t total;
    int more;
    if (su_query_int(home->db, &total, NULL, err, "SELECT coalesce(sum(bytes),0) FROM stored_file") < 0 ||
        su_query(
            home->db, &rows, err,
            "SELECT sha256, sha1, bytes, coalesce((SELECT name FROM file f WHERE f.sha1=s.sha1 LIMIT 1),''),"
            " coalesce((SELECT i.title FROM file f JOIN info i USING (rev_id) WHERE f.sha1=s.sha1 LIMIT "
            "1),'')"
            " FROM stored_file s ORDER BY sha256") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        SU_AUTO(su_fd) su_fd fd = -1;
        struct su_file_id want = {.bytes = (uint64_t)su_rows_int(&rows, 2)}, have;
        struct su_err why = SU_ERR_INIT;
        if (su_rows_fixed(&rows, 0, want.sha256, SU_SHA256_BYTES, err) < 0 ||
            su_rows_fixed(&rows, 1, want.sha1, SU_SHA1_BYTES, err) < 0)
            return -1;
        bool is_open = su_store_open(&fd, home, want.sha256, NULL, &why) == 0;
        bool is_good =
            is_open && su_store_identify(fd, &have, &why) == 0 && su_store_compare(&have, &want, &why) == 0;
        bool is_absent =
            !is_open && why.code != SU_DATA; /* a link or device in its place is wrong, not absent */
        report_file(report, &(struct su_content_finding){.verdict = is_good     ? SU_FILE_HELD
                                                                    : is_absent ? SU_FILE_MISSING
                                                                                : SU_FILE_WRONG,
                                                         .name = su_rows_text(&rows, 3),
                                                         .detail = is_good ? "" : why.text,
                                                         .update = su_rows_text(&rows, 4),
                                                         .sha1 = want.sha1,
                                                         .bytes = want.bytes});
        done += want.bytes;
        su_progress(events, SU_CONTENT_DONE, "content", done, (uint64_t)total, "bytes");
    }
    return more < 0 ? -1 : report_missing(home, profile, report, err);
}
