/*
 * look_scan.c - scan metadata, where the catalogue holds nothing: every answer says that it is that.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/lib/digest.h"
#include "tools/cli/look.h"

static int add_ids(struct su_rows *rows, struct su_ids *out, struct su_err *err)
{
    int more;
    while ((more = su_rows_next(rows, err)) > 0) {
        struct su_guid *id = SU_PUSH(&out->list, 100000);
        if (!id)
            return su_fail_full(err, "too many updates match");
        if (su_rows_fixed(rows, 0, id->bytes, sizeof id->bytes, err) < 0)
            return -1;
    }
    return more;
}

int su_scan_look_up(struct su_db *db, const char *word, struct su_ids *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    out->list.count = 0;
    if (su_guid_parse(&id, word, strlen(word))) {
        if (su_query(db, &rows, err, "SELECT DISTINCT update_id FROM scan_update WHERE update_id=?1",
                     SU_B(id.bytes, sizeof id.bytes)) < 0)
            return -1;
    } else if (su_query(db, &rows, err,
                        "SELECT DISTINCT u.update_id FROM scan_tag t JOIN scan_update u USING (revision_id) "
                        "WHERE t.value IN (?1, ?2) AND t.kind IN ('kb', 'bulletin', 'cve') ORDER BY 1",
                        SU_T(word), SU_T(strncasecmp(word, "KB", 2) == 0 ? word + 2 : word)) < 0) {
        return -1;
    }
    return add_ids(&rows, out, err);
}

struct scanned { /* the revision being shown */
    struct su_context *c;
    int64_t revision_id;
    struct su_guid id;
};

/* The name of an update by the scan data, else by the catalogue; NULL when neither knows it. */
#define NAME(id)                                                                                             \
    "coalesce((SELECT nullif(x.title, '') FROM scan_update x WHERE x.update_id=" id                          \
    " ORDER BY x.revision DESC LIMIT 1), (SELECT i.title FROM revision x JOIN info i USING (rev_id) WHERE "  \
    "x.update_id=" id " ORDER BY x.revision DESC LIMIT 1))"

/* Rows of update id, title, note; an id that is not known is NULL, and the note tells the number. */
static int list(struct scanned *s, const char *key, const char *heading, const char *sql,
                const struct su_arg *args, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_context *c = s->c;
    bool has_heading = false;
    int more;
    if (su_db_query(c->home.db, &rows, err, sql, args) < 0)
        return -1;
    su_json_open(&c->json, key, '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_guid id;
        char text[SU_GUID_TEXT] = "";
        bool is_known = !su_rows_is_null(&rows, 0), has_title = !su_rows_is_null(&rows, 1);
        if (is_known && su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0)
            return -1;
        if (is_known)
            su_guid_format(&id, text);
        const char *note = su_rows_text(&rows, 2);
        if (!has_heading)
            su_line(c, "  %s", heading);
        has_heading = true;
        su_line(c, "    %-36s  %s%s%s", is_known ? text : "(not in the edition)",
                has_title ? su_rows_text(&rows, 1) : "(no title)", note[0] ? "  " : "", note);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", is_known ? text : NULL);
        su_json_text(&c->json, "title", has_title ? su_rows_text(&rows, 1) : NULL);
        su_json_text(&c->json, "note", note);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return more;
}

static int show_relations(struct scanned *s, struct su_err *err)
{
    struct su_arg row = SU_I(s->revision_id);
    if (list(s, "categories", "Categories",
             "SELECT target, " NAME("target") ", type FROM scan_category WHERE revision_id=?1 ORDER BY type, "
                                              "target",
             SU_ARGS(row), err) < 0 ||
        list(s, "bundled", "Bundled updates",
             "SELECT u.update_id, nullif(u.title, ''), 'revision '||u.revision FROM scan_relation r JOIN "
             "scan_update u USING (revision_id) WHERE r.target=?1 AND r.kind=0 ORDER BY 1",
             SU_ARGS(row), err) < 0 ||
        list(s, "bundled_by", "Bundled by",
             "SELECT u.update_id, nullif(u.title, ''), CASE WHEN u.update_id IS NULL THEN 'RevisionId "
             "'||r.target ELSE 'revision '||u.revision END FROM scan_relation r LEFT JOIN scan_update u ON "
             "u.revision_id=r.target WHERE r.revision_id=?1 AND r.kind=0 ORDER BY r.target",
             SU_ARGS(row), err) < 0 ||
        list(s, "supersedes", "Supersedes",
             "SELECT t.id, " NAME("t.id") ", '' FROM (SELECT target AS id FROM scan_superseded WHERE "
                                          "revision_id=?1 UNION SELECT u.update_id FROM scan_relation r JOIN "
                                          "scan_update u USING (revision_id) WHERE r.target=?1 AND r.kind=1) "
                                          "t ORDER BY 1",
             SU_ARGS(row), err) < 0 ||
        list(s, "superseded_by", "Superseded by",
             "SELECT u.update_id, nullif(u.title, ''), CASE WHEN u.update_id IS NULL THEN 'RevisionId "
             "'||r.target ELSE 'revision '||u.revision END FROM scan_relation r LEFT JOIN scan_update u ON "
             "u.revision_id=r.target WHERE r.revision_id=?1 AND r.kind=1 ORDER BY r.target",
             SU_ARGS(row), err) < 0)
        return -1;
    return 0;
}

/* Its own, and those of the updates it bundles: the number stands on the bundle, the files on what is in it.
 */
static int show_files(struct scanned *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_context *c = s->c;
    bool has_heading = false;
    int more;
    if (su_query(c->home.db, &rows, err,
                 "SELECT f.name, f.bytes, lower(hex(f.sha1)), lower(hex(f.sha256)), f.licence, f.language, "
                 "coalesce(l.url, ''), EXISTS (SELECT 1 FROM stored_file t WHERE t.sha1=f.sha1), f.sha256 IS "
                 "NULL FROM scan_file f LEFT JOIN scan_location l ON l.sha1=f.sha1 WHERE f.revision_id=?1 OR "
                 "f.revision_id IN (SELECT revision_id FROM scan_relation WHERE target=?1 AND kind=0) GROUP "
                 "BY f.sha1, f.licence, f.language ORDER BY f.licence, f.name, f.sha1",
                 SU_I(s->revision_id)) < 0)
        return -1;
    su_json_open(&c->json, "files", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        const char *name = su_rows_text(&rows, 0), *url = su_rows_text(&rows, 6);
        bool has_size = !su_rows_is_null(&rows, 1), is_licence = su_rows_int(&rows, 4) != 0;
        bool is_stored = su_rows_int(&rows, 7) != 0;
        if (!has_heading)
            su_line(c, "  Content");
        has_heading = true;
        su_line(c, "    %s  %s  %s%s%s  sha1 %s%s%s", name[0] ? name : "(not named)",
                has_size ? su_bytes_text((uint64_t)su_rows_int(&rows, 1)) : "size not stated",
                is_stored ? "stored" : "not stored", is_licence ? ", licence terms " : "",
                su_rows_text(&rows, 5), su_rows_text(&rows, 2), url[0] ? "  " : "", url);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "name", name);
        if (has_size)
            su_json_int(&c->json, "bytes", su_rows_int(&rows, 1));
        else
            su_json_text(&c->json, "bytes", NULL);
        su_json_text(&c->json, "sha1", su_rows_text(&rows, 2));
        su_json_text(&c->json, "sha256", su_rows_int(&rows, 8) ? NULL : su_rows_text(&rows, 3));
        su_json_bool(&c->json, "is_licence", is_licence);
        su_json_text(&c->json, "language", su_rows_text(&rows, 5));
        su_json_text(&c->json, "url", url);
        su_json_bool(&c->json, "is_stored", is_stored);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return more;
}

static int show_tags(struct scanned *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_rows) struct su_rows languages = SU_ROWS_INIT;
    struct su_context *c = s->c;
    int more;
    if (su_query(c->home.db, &rows, err,
                 "SELECT kind, value FROM scan_tag WHERE revision_id=?1 ORDER BY kind, value",
                 SU_I(s->revision_id)) < 0 ||
        su_query(c->home.db, &languages, err,
                 "SELECT language FROM scan_title WHERE revision_id=?1 ORDER BY language",
                 SU_I(s->revision_id)) < 0)
        return -1;
    su_json_open(&c->json, "tags", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        su_line(c, "  %-12s %s", su_rows_text(&rows, 0), su_rows_text(&rows, 1));
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "kind", su_rows_text(&rows, 0));
        su_json_text(&c->json, "value", su_rows_text(&rows, 1));
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    if (more < 0)
        return -1;
    su_json_open(&c->json, "languages", '[');
    while ((more = su_rows_next(&languages, err)) > 0)
        su_json_text(&c->json, NULL, su_rows_text(&languages, 0));
    su_json_close(&c->json, ']');
    return more;
}

/* Columns: update id, revision, type, is_bundle, created, severity, title, description, edition. */
#define PROPERTIES                                                                                           \
    "SELECT u.revision_id, u.revision, u.type, u.is_bundle, u.created, u.severity, "                         \
    "coalesce(t.title, u.title), coalesce((SELECT text FROM scan_text x WHERE x.text_id=t.text_id), "        \
    "(SELECT x.text FROM scan_title o JOIN scan_text x USING (text_id) WHERE o.revision_id=u.revision_id "   \
    "AND o.language=lower(u.language)), (SELECT x.text FROM scan_title o JOIN scan_text x USING (text_id) "  \
    "WHERE o.revision_id=u.revision_id AND o.language='en'), ''), "                                          \
    "coalesce((SELECT created FROM scan_edition), '') FROM scan_update u LEFT JOIN scan_title t ON "         \
    "t.revision_id=u.revision_id AND t.language=lower(?2) WHERE u.update_id=?1 AND (?4 OR u.revision=?3) "   \
    "ORDER BY u.revision DESC LIMIT 1"

static int show_properties(struct scanned *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_context *c = s->c;
    char id[SU_GUID_TEXT];
    uint64_t wanted = UINT32_MAX;
    const char *language = su_given(c, "lang");
    if (su_given_number(c, "revision", UINT32_MAX, &wanted, err) < 0 ||
        su_query(c->home.db, &rows, err, PROPERTIES, SU_B(s->id.bytes, sizeof s->id.bytes),
                 SU_T(language ? language : ""), SU_I(wanted), SU_I(!su_has(c, "revision"))) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0
                   ? -1
                   : su_fail(err, SU_NOT_FOUND, "revision %llu of that update is not in the scan metadata",
                             (unsigned long long)wanted);
    s->revision_id = su_rows_int(&rows, 0);
    su_guid_format(&s->id, id);
    const char *type = su_rows_text(&rows, 2), *severity = su_rows_text(&rows, 5);
    const char *title = su_rows_text(&rows, 6), *description = su_rows_text(&rows, 7);
    bool is_bundle = su_rows_int(&rows, 3) != 0;
    su_json_text(&c->json, "origin", "scan");
    su_json_text(&c->json, "edition", su_rows_text(&rows, 8));
    su_json_text(&c->json, "update_id", id);
    su_json_int(&c->json, "revision", su_rows_int(&rows, 1));
    su_json_text(&c->json, "type", type);
    su_json_bool(&c->json, "is_bundle", is_bundle);
    su_json_text(&c->json, "title", title);
    su_json_text(&c->json, "description", description);
    su_json_text(&c->json, "severity", severity);
    su_json_text(&c->json, "created", su_rows_text(&rows, 4));
    su_line(c, "%s", title[0] ? title : "(no title)");
    su_line(c, "  Origin       scan metadata%s%s: not in the catalogue, it cannot be exported",
            su_rows_text(&rows, 8)[0] ? " of " : "", su_rows_text(&rows, 8));
    su_line(c, "  Update id    %s revision %lld", id, (long long)su_rows_int(&rows, 1));
    su_line(c, "  Type         %s%s", type[0] ? type : "not stated", is_bundle ? ", a bundle" : "");
    su_line(c, "  Revised      %s%s%s", su_rows_text(&rows, 4), severity[0] ? ", severity " : "", severity);
    if (description[0])
        su_line(c, "  Description  %s", description);
    return 0;
}

int su_scan_show(struct su_context *c, const struct su_ids *ids, struct su_err *err)
{
    if (su_has(c, "xml"))
        return su_fail(err, SU_NOT_FOUND,
                       "this update is known from scan metadata only, which holds no document of it");
    su_json_open(&c->json, "updates", '[');
    for (size_t i = 0; i < ids->list.count; i++) {
        struct scanned s = {.c = c, .id = ids->list.at[i]};
        su_json_open(&c->json, NULL, '{');
        if (show_properties(&s, err) < 0 || show_tags(&s, err) < 0 || show_relations(&s, err) < 0 ||
            show_files(&s, err) < 0)
            return -1;
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return 0;
}

int su_scan_search(struct su_context *c, const char *match, uint64_t limit, uint64_t *found,
                   struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (limit == 0)
        return 0;
    if (su_query(
            c->home.db, &rows, err,
            "SELECT u.update_id, max(u.revision), u.title, u.type, coalesce((SELECT 'KB'||value FROM "
            "scan_tag t WHERE t.revision_id=u.revision_id AND kind='kb' LIMIT 1), '') FROM scan_search s "
            "JOIN scan_update u ON u.revision_id=s.rowid WHERE scan_search MATCH ?1 AND NOT EXISTS "
            "(SELECT 1 FROM revision r WHERE r.update_id=u.update_id) GROUP BY u.update_id ORDER BY "
            "u.is_bundle DESC, u.created DESC, u.update_id LIMIT ?2",
            SU_T(match), SU_I(limit)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_guid id;
        char text[SU_GUID_TEXT];
        const char *type = su_rows_text(&rows, 3), *kb = su_rows_text(&rows, 4),
                   *title = su_rows_text(&rows, 2);
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0)
            return -1;
        su_guid_format(&id, text);
        su_line(c, "%s  %-9s %-10s %s (scan metadata)", text, type, kb, title);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", text);
        su_json_int(&c->json, "revision", su_rows_int(&rows, 1));
        su_json_text(&c->json, "type", type);
        su_json_text(&c->json, "kb", kb);
        su_json_text(&c->json, "title", title);
        su_json_bool(&c->json, "is_expired", false);
        su_json_text(&c->json, "origin", "scan");
        su_json_close(&c->json, '}');
        ++*found;
    }
    return more;
}

int su_scan_explain(struct su_context *c, const char *word, bool *is_known, struct su_err *err)
{
    SU_AUTO(su_ids) struct su_ids ids = {0};
    SU_AUTO(su_buf) struct su_buf title = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES);
    char text[SU_GUID_TEXT];
    if (su_scan_look_up(c->home.db, word, &ids, err) < 0)
        return -1;
    *is_known = ids.list.count > 0;
    if (!*is_known)
        return 0;
    su_json_text(&c->json, "origin", "scan");
    su_json_open(&c->json, "chains", '[');
    for (size_t i = 0; i < ids.list.count; i++) {
        SU_AUTO(su_buf) struct su_buf line = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES + 1024);
        if (su_query_text(c->home.db, &title, NULL, err,
                          "SELECT title FROM scan_update WHERE update_id=?1 ORDER BY revision DESC LIMIT 1",
                          SU_B(ids.list.at[i].bytes, 16)) < 0)
            return -1;
        su_buf_addf(
            &line,
            "%s %s: known from scan metadata only, so it travels to no site; bring its update document "
            "from an upstream (catalog import --update-ids) or from a wsusutil export that holds it",
            su_guid_format(&ids.list.at[i], text), title.bytes);
        if (su_buf_check(&line, "an explanation", err) < 0)
            return -1;
        su_json_text(&c->json, NULL, line.bytes);
        su_line(c, "%s", line.bytes);
    }
    su_json_close(&c->json, ']');
    return 0;
}

int su_scan_status(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (su_query(c->home.db, &rows, err, "SELECT created, updates, source, taken FROM scan_edition") < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    const char *created = su_rows_text(&rows, 0);
    su_json_text(&c->json, "scan_edition", created);
    su_json_int(&c->json, "scan_updates", su_rows_int(&rows, 1));
    su_line(c, "  scan metadata %s, %s updates (%s, taken %s)", created[0] ? created : "of no stated date",
            su_count_text((uint64_t)su_rows_int(&rows, 1)), su_rows_text(&rows, 2), su_rows_text(&rows, 3));
    return 0;
}
