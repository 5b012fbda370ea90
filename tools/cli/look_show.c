/*
 * look_show.c - show: the tabs of an update's properties.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/catalogue/catalogue.h"
#include "common/catalogue/update_child.h"
#include "common/site/overlay.h"
#include "tools/cli/look.h"

void su_ids_cleanup(struct su_ids *ids)
{
    free(ids->list.at);
    *ids = (struct su_ids){0};
}

static int add_rows(struct su_rows *rows, struct su_ids *out, struct su_err *err)
{
    int more;
    while ((more = su_rows_next(rows, err)) > 0) {
        struct su_guid *id = SU_PUSH(&out->list, 100000);
        if (!id)
            return su_fail_full(err, "too many updates match");
        if (su_rows_fixed(rows, 0, id->bytes, 16, err) < 0)
            return -1;
    }
    return more;
}

/* The search index names the few revisions that may have the number; their tags say which do. None is left
 * out: what is equal has equal words. */
static int look_up_number(struct su_db *db, const char *word, struct su_ids *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_buf) struct su_buf words = SU_BUF_INIT(4096);
    if (su_look_words(word, &words, err) < 0)
        return -1;
    if (words.length == 0)
        return 0;
    if (su_query(
            db, &rows, err,
            "SELECT DISTINCT r.update_id FROM search s CROSS JOIN tag t ON t.rev_id=s.rowid AND t.kind IN "
            "('kb','bulletin','cve') AND t.value IN (?1, ?2) CROSS JOIN revision r ON r.rev_id=s.rowid WHERE "
            "search MATCH ?3 ORDER BY 1",
            SU_T(word), SU_T(strncasecmp(word, "KB", 2) == 0 ? word + 2 : word), SU_T(words.bytes)) < 0)
        return -1;
    return add_rows(&rows, out, err);
}

static int look_up_id(struct su_db *db, const struct su_guid *id, struct su_ids *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (su_query(db, &rows, err, "SELECT DISTINCT update_id FROM revision WHERE update_id=?1",
                 SU_B(id->bytes, 16)) < 0)
        return -1;
    return add_rows(&rows, out, err);
}

int su_look_up(struct su_db *db, const char *word, struct su_ids *out, struct su_err *err)
{
    struct su_guid id;
    if ((su_guid_parse(&id, word, strlen(word)) ? look_up_id(db, &id, out, err)
                                                : look_up_number(db, word, out, err)) < 0)
        return -1;
    return out->list.count > 0
               ? 0
               : su_fail(err, SU_NOT_FOUND, "no update with KB, bulletin, CVE or id %s is held", word);
}

struct showing {
    struct su_context *c;
    struct su_update_child *child;
    struct su_update update;
    int64_t rev_id;
    struct su_standing urgent; /* the urgent bundle that alone brought the revision shown */
};

/* A list of other updates: id, title, whether held. ?1 and ?2 as each query needs them. */
static int list_relations(struct showing *s, const char *key, const char *heading, const char *sql,
                          const struct su_arg *args, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    char text[SU_GUID_TEXT];
    struct su_guid id;
    int more;
    if (su_db_query(s->c->home.db, &rows, err, sql, args) < 0)
        return -1;
    su_json_open(&s->c->json, key, '[');
    bool has_heading = false;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, id.bytes, 16, err) < 0)
            return -1;
        if (!has_heading)
            su_line(s->c, "  %s", heading);
        has_heading = true;
        bool is_held = !su_rows_is_null(&rows, 1);
        su_line(s->c, "    %s  %s%s%s", su_guid_format(&id, text),
                is_held ? su_rows_text(&rows, 1) : "(not held)", su_rows_text(&rows, 2)[0] ? "  " : "",
                su_rows_text(&rows, 2));
        su_json_open(&s->c->json, NULL, '{');
        su_json_text(&s->c->json, "update_id", text);
        su_json_text(&s->c->json, "title", is_held ? su_rows_text(&rows, 1) : NULL);
        su_json_text(&s->c->json, "note", su_rows_text(&rows, 2));
        su_json_close(&s->c->json, '}');
    }
    su_json_close(&s->c->json, ']');
    return more;
}

#define NEWEST_TITLE(id)                                                                                     \
    "(SELECT i.title FROM revision x JOIN info i USING (rev_id) WHERE x.update_id=" id                       \
    " ORDER BY x.revision DESC LIMIT 1)"

/* The categories of a type among the prerequisites. */
static int list_categories(struct showing *s, const char *key, const char *heading, const char *type,
                           struct su_err *err)
{
    return list_relations(s, key, heading,
                          "SELECT DISTINCT p.target, " NEWEST_TITLE(
                              "p.target") ", '' FROM prerequisite p JOIN revision r ON "
                                          "r.update_id=p.target JOIN info i ON i.rev_id=r.rev_id WHERE "
                                          "p.rev_id=?1 AND i.type=0 AND "
                                          "i.category_type=?2 ORDER BY 2, 1",
                          SU_ARGS(SU_I(s->rev_id), SU_T(type)), err);
}

static int show_relations(struct showing *s, struct su_err *err)
{
    struct su_arg id = SU_B(s->update.id.bytes, 16), row = SU_I(s->rev_id);
    if (list_categories(s, "products", "Products", "Product", err) < 0 ||
        list_categories(s, "classifications", "Classification", "UpdateClassification", err) < 0 ||
        list_relations(
            s, "prerequisites", "Prerequisites (one of each clause)",
            "SELECT target, " NEWEST_TITLE(
                "target") ", 'clause '||(clause+1)||CASE is_category WHEN 1 THEN ', category' ELSE '' END"
                          " FROM prerequisite WHERE rev_id=?1 ORDER BY clause, target",
            SU_ARGS(row), err) < 0 ||
        list_relations(s, "bundled", "Bundled updates",
                       "SELECT target, " NEWEST_TITLE(
                           "target") ", 'revision '||target_revision||', clause '||(clause+1) FROM bundled "
                                     "WHERE rev_id=?1 ORDER BY clause, target",
                       SU_ARGS(row), err) < 0 ||
        list_relations(s, "bundled_by", "Bundled by",
                       "SELECT r.update_id, i.title, 'revision '||r.revision FROM bundled b JOIN revision r "
                       "USING (rev_id) JOIN info i USING (rev_id) WHERE b.target=?1 ORDER BY 1, 3",
                       SU_ARGS(id), err) < 0 ||
        list_relations(
            s, "supersedes", "Supersedes",
            "SELECT target, " NEWEST_TITLE("target") ", '' FROM superseded WHERE rev_id=?1 ORDER BY target",
            SU_ARGS(row), err) < 0 ||
        list_relations(s, "superseded_by", "Superseded by",
                       "SELECT DISTINCT r.update_id, i.title, '' FROM superseded s JOIN revision r USING "
                       "(rev_id) JOIN info i USING (rev_id) WHERE s.target=?1 ORDER BY 1",
                       SU_ARGS(id), err) < 0)
        return -1;
    return 0;
}

static void show_file(struct showing *s, struct su_rows *rows)
{
    struct su_context *c = s->c;
    char id[SU_GUID_TEXT], path[16 + SU_SHA256_TEXT] = "";
    struct su_guid owner = {{0}};
    size_t n;
    const void *bytes = su_rows_blob(rows, 8, &n);
    if (n == sizeof owner.bytes)
        memcpy(owner.bytes, bytes, n);
    su_guid_format(&owner, id);
    bool is_licence = su_rows_int(rows, 4) != 0, is_stored = !su_rows_is_null(rows, 7);
    bool is_own = memcmp(owner.bytes, s->update.id.bytes, sizeof owner.bytes) == 0;
    if (is_stored)
        (void)snprintf(path, sizeof path, "content/%.2s/%s", su_rows_text(rows, 7), su_rows_text(rows, 7));
    su_line(c, "    %s  %s  %s%s%s  sha1 %s%s%s", su_rows_text(rows, 0),
            su_bytes_text((uint64_t)su_rows_int(rows, 1)), is_stored ? "stored" : "missing",
            is_licence ? ", licence terms " : "", su_rows_text(rows, 5), su_rows_text(rows, 2),
            is_own ? "" : "  of bundled ", is_own ? "" : id);
    su_json_open(&c->json, NULL, '{');
    su_json_text(&c->json, "name", su_rows_text(rows, 0));
    su_json_int(&c->json, "bytes", su_rows_int(rows, 1));
    su_json_text(&c->json, "sha1", su_rows_text(rows, 2));
    su_json_text(&c->json, "sha256", su_rows_is_null(rows, 3) ? NULL : su_rows_text(rows, 3));
    su_json_bool(&c->json, "is_licence", is_licence);
    su_json_text(&c->json, "language", su_rows_text(rows, 5));
    su_json_text(&c->json, "url", su_rows_text(rows, 6));
    su_json_bool(&c->json, "is_stored", is_stored);
    su_json_text(&c->json, "path", is_stored ? path : NULL);
    su_json_text(&c->json, "update_id", id);
    su_json_close(&c->json, '}');
}

/* Its own files and those of what it bundles: what an administrator calls the update's content. */
static int show_files(struct showing *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    bool has_heading = false;
    if (su_query(
            s->c->home.db, &rows, err,
            "WITH RECURSIVE part (rev_id) AS (SELECT ?1 UNION SELECT t.rev_id FROM part JOIN bundled b USING "
            "(rev_id) JOIN "
            "revision t ON t.update_id=b.target AND t.revision=b.target_revision) SELECT f.name, f.bytes, "
            "lower(hex(f.sha1)), lower(hex(f.sha256)), f.licence, f.language, f.url, (SELECT "
            "lower(hex(t.sha256)) FROM "
            "stored_file t WHERE t.sha1=f.sha1 ORDER BY t.sha256 LIMIT 1), r.update_id FROM part JOIN file f "
            "USING (rev_id) "
            "JOIN revision r USING (rev_id) ORDER BY f.rev_id<>?1, r.update_id, f.licence, f.name, f.sha1, "
            "f.language",
            SU_I(s->rev_id)) < 0)
        return -1;
    su_json_open(&s->c->json, "files", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (!has_heading)
            su_line(s->c, "  Content");
        has_heading = true;
        show_file(s, &rows);
    }
    su_json_close(&s->c->json, ']');
    return more;
}

static const struct su_localized *localized(const struct su_update *u, const char *language)
{
    const char *wanted[] = {language, u->default_language, "en"};
    for (size_t w = language ? 0 : 1; w < 3; w++)
        for (size_t i = 0; i < u->localized.count; i++)
            if (strcasecmp(u->localized.at[i].language, wanted[w]) == 0)
                return &u->localized.at[i];
    return u->localized.count ? &u->localized.at[0] : NULL;
}

static void show_properties(struct showing *s, const struct su_record *record)
{
    struct su_context *c = s->c;
    const struct su_update *u = &s->update;
    const struct su_localized *l = localized(u, su_given(c, "lang"));
    char id[SU_GUID_TEXT];
    static const char *const origins[] = {"synchronization", "catalogue import", "third party"};
    su_guid_format(&u->id, id);
    su_json_text(&c->json, "update_id", id);
    su_json_int(&c->json, "revision", record->revision);
    su_json_text(&c->json, "type", su_update_type_text(u->type));
    su_json_text(&c->json, "title", l ? l->title : "");
    su_json_text(&c->json, "description", l ? l->description : "");
    su_json_text(&c->json, "state", u->is_expired ? "expired" : "published");
    su_json_text(&c->json, "severity", u->severity);
    su_json_text(&c->json, "created", u->created);
    su_json_text(&c->json, "category_type", u->category_type);
    su_json_text(&c->json, "origin", origins[record->origin]);
    su_json_int(&c->json, "urgent", (int64_t)s->urgent.number);
    su_json_hex(&c->json, "document_sha256", record->document_sha256, SU_SHA256_BYTES);
    su_line(c, "%s", l ? l->title : "(no title)");
    su_line(c, "  Update id    %s revision %u", id, record->revision);
    su_line(c, "  Type         %s%s%s%s, %s", su_update_type_text(u->type), u->category_type[0] ? " (" : "",
            u->category_type, u->category_type[0] ? ")" : "", u->is_expired ? "expired" : "published");
    su_line(c, "  Revised      %s%s%s", u->created, u->severity[0] ? ", severity " : "", u->severity);
    if (s->urgent.urgent_id)
        su_line(c, "  Urgent       %s brought it, no ordinary bundle yet; bundle %llu takes its place",
                s->urgent.bundle, (unsigned long long)s->urgent.sequence);
    if (l && l->description[0])
        su_line(c, "  Description  %s", l->description);
    su_json_open(&c->json, "tags", '[');
    for (size_t i = 0; i < u->tags.count; i++) {
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "kind", u->tags.at[i].kind);
        su_json_text(&c->json, "value", u->tags.at[i].value);
        su_json_close(&c->json, '}');
        if (strcmp(u->tags.at[i].kind, "property") != 0)
            su_line(c, "  %-12s %s", u->tags.at[i].kind, u->tags.at[i].value);
    }
    su_json_close(&c->json, ']');
    SU_AUTO(su_buf) struct su_buf languages = SU_BUF_INIT(4096);
    su_json_open(&c->json, "languages", '[');
    for (size_t i = 0; i < u->localized.count; i++) {
        su_json_text(&c->json, NULL, u->localized.at[i].language);
        su_buf_addf(&languages, "%s%s", i ? ", " : "", u->localized.at[i].language);
    }
    su_json_close(&c->json, ']');
    if (u->localized.count > 0 && languages.bytes)
        su_line(c, "  Languages    %s", languages.bytes);
}

static int find_urgent(struct showing *s, struct su_err *err)
{
    int64_t is_laid;
    s->urgent = (struct su_standing){.urgent_id = 0};
    if (su_query_int(s->c->home.db, &is_laid, NULL, err,
                     "SELECT EXISTS (SELECT 1 FROM overlay WHERE rev_id=?1)", SU_I(s->rev_id)) < 0)
        return -1;
    return is_laid ? su_overlay_standing(s->c->home.db, &s->urgent, err) : 0;
}

static int show_one(struct showing *s, struct su_catalogue *catalogue, const struct su_guid *id,
                    struct su_err *err)
{
    SU_AUTO(su_buf)
    struct su_buf document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES), urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
    struct su_record record;
    uint64_t wanted = UINT32_MAX;
    bool found;
    if (su_given_number(s->c, "revision", UINT32_MAX, &wanted, err) < 0 ||
        su_query_int(s->c->home.db, &s->rev_id, &found, err,
                     "SELECT rev_id FROM revision WHERE update_id=?1 AND (?3 OR revision=?2) ORDER BY "
                     "revision DESC LIMIT 1",
                     SU_B(id->bytes, 16), SU_I(wanted), SU_I(!su_has(s->c, "revision"))) < 0)
        return -1;
    if (!found)
        return su_fail(err, SU_NOT_FOUND, "revision %llu of that update is not held",
                       (unsigned long long)wanted);
    if (su_catalogue_get(catalogue, s->rev_id, &record, &document, &urls, err) < 0)
        return -1;
    if (su_has(s->c, "xml")) { /* the exact bytes; only into a file or pipe, never escaped */
        if (fwrite(record.document, 1, record.document_bytes, stdout) != record.document_bytes)
            return su_fail_sys(err, "writing the document");
        return 0;
    }
    if (su_update_child_parse(s->child, &s->update, record.document, record.document_bytes, err) < 0 ||
        find_urgent(s, err) < 0)
        return -1;
    su_json_open(&s->c->json, NULL, '{');
    show_properties(s, &record);
    if (show_relations(s, err) < 0 || show_files(s, err) < 0)
        return -1;
    su_json_close(&s->c->json, '}');
    return 0;
}

int su_cmd_show(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_ids) struct su_ids ids = {0};
    SU_AUTO(su_catalogue) struct su_catalogue *catalogue = su_catalogue_new(c->home.db, err);
    struct showing s = {.c = c, .update = SU_UPDATE_INIT};
    struct su_err second = SU_ERR_INIT;
    int result = !catalogue || su_look_up(c->home.db, su_argument(c, 0), &ids, err) < 0 ? -1 : 0;
    if (result < 0 && err->code == SU_NOT_FOUND &&
        su_scan_look_up(c->home.db, su_argument(c, 0), &ids, &second) == 0 && ids.list.count > 0) {
        su_err_clear(err);
        return su_scan_show(c, &ids, err);
    }
    if (result == 0 && su_has(c, "xml") && (ids.list.count != 1 || c->is_json))
        result = su_fail(err, SU_USAGE,
                         "--xml prints one document as it is: name one update by its id, without --json");
    if (result == 0 && !(s.child = su_update_child_start(err)))
        result = -1;
    if (result == 0)
        su_json_open(&c->json, "updates", '[');
    for (size_t i = 0; i < ids.list.count && result == 0; i++)
        result = show_one(&s, catalogue, &ids.list.at[i], err);
    if (result == 0)
        su_json_close(&c->json, ']');
    su_update_child_cleanup(&s.child);
    su_update_cleanup(&s.update);
    return result;
}
