#include "common/site/owed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/content.h"

#define LAST_IMPORT "(SELECT max(import_id) FROM import WHERE NOT undone)"
#define IS_FILE "(line LIKE 'licence %' OR line LIKE 'content %')"

bool su_owed_is_declared(const struct su_manifest *m, const char *line)
{
    size_t low = 0, high = m->holes.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(m->holes.at[middle].text, line);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static int format_line(const uint8_t sha1[SU_SHA1_BYTES], uint64_t bytes, bool is_licence, struct su_buf *out,
                       struct su_err *err)
{
    su_buf_clear(out);
    su_buf_adds(out, is_licence ? "licence " : "content ");
    su_buf_addhex(out, sha1, SU_SHA1_BYTES);
    su_buf_addf(out, " %llu", (unsigned long long)bytes);
    return su_buf_check(out, "a hole", err);
}

static int parse_line(const char *line, struct su_owed *out, struct su_err *err)
{
    size_t n = strlen(line);
    out->is_licence = strncmp(line, "licence ", 8) == 0;
    if (n < 8 + 2 * SU_SHA1_BYTES + 2 ||
        !su_hex_parse(out->sha1, SU_SHA1_BYTES, line + 8, 2 * SU_SHA1_BYTES, true) ||
        !su_u64_parse(&out->bytes, line + 9 + 2 * SU_SHA1_BYTES, n - 9 - 2 * SU_SHA1_BYTES, INT64_MAX))
        return su_fail(err, SU_DATA, "database: a hole has a line that is none: %s", line);
    return 0;
}

/* One for people, with the file's name and an update that asks for it. */
static int tell(struct su_db *db, const struct su_owed_list *list, struct su_owed *owed, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (su_query(
            db, &rows, err,
            "SELECT f.name, i.title FROM file f JOIN info i USING (rev_id) JOIN revision r USING (rev_id)"
            " WHERE f.sha1=?1 ORDER BY r.update_id, r.revision DESC LIMIT 1",
            SU_B(owed->sha1, SU_SHA1_BYTES)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more < 0)
        return -1;
    owed->name = more ? su_rows_text(&rows, 0) : "";
    owed->update = more ? su_rows_text(&rows, 1) : "";
    list->take(list->context, owed);
    return 0;
}

int su_owed_now(struct su_db *db, const struct su_owed_list *list, struct su_owed_count *out,
                struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    *out = (struct su_owed_count){0, 0};
    if (su_query(db, &rows, err,
                 "SELECT line, bundle FROM hole WHERE import_id=" LAST_IMPORT " AND " IS_FILE
                 " ORDER BY line") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_owed owed = {.bundle = su_rows_text(&rows, 1)};
        if (parse_line(su_rows_text(&rows, 0), &owed, err) < 0 ||
            (list && list->take && tell(db, list, &owed, err) < 0))
            return -1;
        out->files++;
        out->licence += owed.is_licence;
    }
    return more;
}

int su_owed_carried(struct su_db *db, const struct su_manifest *m, bool *wanted, bool *has_any,
                    struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf line = SU_BUF_INIT(256);
    *has_any = false;
    for (size_t k = 0; k < m->payloads.count; k++) {
        const struct su_payload *p = &m->payloads.at[k];
        int64_t count;
        if (format_line(p->id.sha1, p->id.bytes, p->is_licence, &line, err) < 0 ||
            su_query_int(db, &count, NULL, err,
                         "SELECT count(*) FROM hole WHERE import_id=" LAST_IMPORT " AND line=?1",
                         SU_T(line.bytes)) < 0)
            return -1;
        wanted[k] = count > 0;
        *has_any |= wanted[k];
    }
    return 0;
}

int su_owed_from(struct su_db *db, const struct su_bundle *bundle, bool *out, struct su_err *err)
{
    int64_t count;
    if (su_query_int(db, &count, NULL, err,
                     "SELECT count(*) FROM hole h JOIN import i ON i.bundle=h.bundle AND NOT i.undone"
                     " WHERE h.import_id=" LAST_IMPORT " AND h.bundle=?1 AND i.manifest_sha256=?2",
                     SU_T(bundle->name), SU_B(bundle->manifest_sha256, SU_SHA256_BYTES)) < 0)
        return -1;
    *out = count > 0;
    return 0;
}

/* A row is a claim; the store itself must hold each file that is needed. A row that lies is taken
 * back, so that the file counts as missing. */
static int check_store(const struct su_staging *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_db *db = s->site->db;
    int more;
    if (su_query(db, &rows, err,
                 "SELECT s.sha256, s.bytes FROM temp.need n JOIN stored_file s ON " SU_STORED_AS_NEEDED
                 " WHERE s.sha256 NOT IN (SELECT sha256 FROM temp.carried)") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_file_id id = {.bytes = (uint64_t)su_rows_int(&rows, 1)};
        if (su_rows_fixed(&rows, 0, id.sha256, SU_SHA256_BYTES, err) < 0)
            return -1;
        if (!su_store_has(s->site, &id) &&
            su_run(db, err, "DELETE FROM stored_file WHERE sha256=?1", SU_B(id.sha256, SU_SHA256_BYTES)) < 0)
            return -1;
    }
    return more;
}

/* What this bundle carries and the medium did not give. */
static int list_unread(const struct su_staging *s, struct su_err *err)
{
    const struct su_manifest *m = &s->bundle->manifest;
    if (su_db_script(
            s->site->db,
            "CREATE TEMP TABLE IF NOT EXISTS unread (sha1 BLOB, bytes INTEGER, PRIMARY KEY (sha1, bytes)) "
            "WITHOUT ROWID; DELETE FROM temp.unread;",
            err) < 0)
        return -1;
    for (size_t k = 0; k < m->payloads.count; k++)
        if (s->unread[k] &&
            su_run(s->site->db, err, "INSERT OR IGNORE INTO temp.unread VALUES (?1,?2)",
                   SU_B(m->payloads.at[k].id.sha1, SU_SHA1_BYTES), SU_I(m->payloads.at[k].id.bytes)) < 0)
            return -1;
    return 0;
}

/* The bundle that carries a missing file: this one when the medium did not give it, else the one that
 * an earlier import names. */
static int find_carrier(const struct su_staging *s, const char *line, const uint8_t sha1[SU_SHA1_BYTES],
                        uint64_t bytes, struct su_buf *out, struct su_err *err)
{
    bool found;
    su_buf_clear(out);
    return su_query_text(
        s->site->db, out, &found, err,
        "SELECT bundle FROM (SELECT ?4 AS bundle, 1 AS here, 0 AS import_id FROM temp.unread WHERE sha1=?1 "
        "AND "
        "bytes=?2 UNION ALL SELECT h.bundle, 0, h.import_id FROM hole h JOIN import i USING (import_id) "
        "WHERE "
        "h.line=?3 AND h.bundle<>'' AND NOT i.undone) ORDER BY here DESC, import_id DESC LIMIT 1",
        SU_B(sha1, SU_SHA1_BYTES), SU_I(bytes), SU_T(line), SU_T(s->bundle->name));
}

static int refuse(const struct su_staging *s, const char *name, const char *line, const char *carrier,
                  struct su_err *err)
{
    const char *site = s->bundle->manifest.site, *digits = strrchr(carrier, '-');
    if (!digits) {
        (void)su_fail(err, SU_INCOMPLETE,
                      "file %s (%s) is needed, but it is neither here as the metadata describes it, nor in "
                      "this bundle, nor declared as missing",
                      name, line);
        return su_remedy(err,
                         "Ask the hub for a full bundle: suexport export --site %s --full; or import with "
                         "--allow-partial-content and get the file later.",
                         site);
    }
    (void)su_fail(err, SU_INCOMPLETE, "file %s (%s) is needed; it is owed since %s, which carries it", name,
                  line, carrier);
    return su_remedy(
        err,
        "a) import a good copy of %s first, or ask the hub for: suexport resend --site %s --sequence "
        "%s --out DIR, or b) import with --allow-partial-content, and the file stays owed",
        carrier, site, digits + 1 + strspn(digits + 1, "0"));
}

static int list_missing(const struct su_staging *s, bool allow_partial, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_buf) struct su_buf line = SU_BUF_INIT(256), carrier = SU_BUF_INIT(256);
    uint8_t sha1[SU_SHA1_BYTES];
    int more;
    if (su_query(s->site->db, &rows, err,
                 "SELECT n.sha1, n.bytes, n.licence, n.name FROM temp.need n WHERE NOT EXISTS (SELECT 1 FROM "
                 "stored_file s WHERE " SU_STORED_AS_NEEDED ")") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        uint64_t bytes = (uint64_t)su_rows_int(&rows, 1);
        if (su_rows_fixed(&rows, 0, sha1, sizeof sha1, err) < 0 ||
            format_line(sha1, bytes, su_rows_int(&rows, 2) != 0, &line, err) < 0 ||
            find_carrier(s, line.bytes, sha1, bytes, &carrier, err) < 0)
            return -1;
        const char *from = carrier.bytes ? carrier.bytes : "";
        if (!allow_partial && !su_owed_is_declared(&s->bundle->manifest, line.bytes))
            return refuse(s, su_rows_text(&rows, 3), line.bytes, from, err);
        if (su_run(s->site->db, err, "INSERT OR IGNORE INTO temp.missing VALUES (?1,?2)", SU_T(line.bytes),
                   SU_T(from)) < 0)
            return -1;
    }
    return more;
}

int su_owed_settle(const struct su_staging *s, const struct su_profile *profile, const struct su_graph *graph,
                   int64_t import_id, bool allow_partial, struct su_err *err)
{
    struct su_db *db = s->site->db;
    if (su_content_need(db, profile, graph, NULL, err) < 0 || check_store(s, err) < 0 ||
        list_unread(s, err) < 0 ||
        su_db_script(db,
                     "CREATE TEMP TABLE IF NOT EXISTS missing (line TEXT PRIMARY KEY, bundle TEXT NOT NULL) "
                     "WITHOUT ROWID; DELETE FROM temp.missing;",
                     err) < 0 ||
        list_missing(s, allow_partial, err) < 0 ||
        su_run(db, err,
               "DELETE FROM hole WHERE import_id=?1 AND " IS_FILE
               " AND line NOT IN (SELECT line FROM temp.missing)",
               SU_I(import_id)) < 0)
        return -1;
    return su_run(
        db, err,
        "INSERT OR IGNORE INTO hole (import_id, line, bundle) SELECT ?1, line, bundle FROM temp.missing",
        SU_I(import_id));
}
