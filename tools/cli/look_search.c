/*
 * look_search.c - search: the newest of what has all the words, by type, the latest first.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/catalogue/update.h"
#include "tools/cli/look.h"

/* With more matches than this for each update wanted, walking the order and asking for matches is
 * cheaper than ordering the matches: the first 50 of 270,000 are found in 0.1 s instead of 0.8. */
#define MATCHES_TO_WALK 16

struct candidate { /* a matching revision */
    int64_t rev_id;
    struct su_guid id;
};

struct searching {
    struct su_db *db;
    SU_VEC(int64_t) matches; /* ascending */
    SU_VEC(int64_t) found;   /* in the order of the answer */
    SU_VEC(struct candidate) group;
    uint64_t limit;
};

static void searching_cleanup(struct searching *s)
{
    free(s->matches.at);
    free(s->found.at);
    free(s->group.at);
}

/* What a word is, the index's own tokenizer says: an en dash divides as a hyphen does. */
int su_look_words(const char *text, struct su_buf *out, struct su_err *err)
{
    SU_AUTO(su_db) struct su_db *db = NULL;
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_db_open_memory(&db, err) < 0 ||
        su_db_script(db,
                     "CREATE VIRTUAL TABLE given USING fts5 (words);"
                     "CREATE VIRTUAL TABLE word USING fts5vocab (given, 'row');",
                     err) < 0 ||
        su_run(db, err, "INSERT INTO given VALUES (?1)", SU_T(text)) < 0 ||
        su_query(db, &rows, err, "SELECT term FROM word ORDER BY term") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) /* no tokenizer leaves a quote inside a word */
        su_buf_addf(out, "%s\"%s\"", out->length ? " " : "", su_rows_text(&rows, 0));
    return more < 0 ? -1 : su_buf_check(out, "the words", err);
}

static int match_text(struct su_context *c, struct su_buf *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(4096);
    for (size_t i = 0; i < c->arguments.count; i++)
        su_buf_addf(&text, "%s ", su_argument(c, i));
    if (su_buf_check(&text, "the words", err) < 0 ||
        (text.length > 0 && su_look_words(text.bytes, out, err) < 0))
        return -1;
    return out->length > 0 ? 0 : su_fail(err, SU_USAGE, "there is no word to search for");
}

static int add_found(struct searching *s, int64_t rev_id, struct su_err *err)
{
    int64_t *slot = SU_PUSH(&s->found, SU_MAX_PACKAGE_REVISIONS);
    if (!slot)
        return su_fail_memory(err);
    *slot = rev_id;
    return 0;
}

/* An update is found by its newest revision that matches. */
static int order_matches(struct searching *s, const char *match, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(
            s->db, &rows, err,
            "SELECT r.rev_id, max(r.revision) FROM search s JOIN revision r ON r.rev_id=s.rowid JOIN info "
            "i ON i.rev_id=s.rowid WHERE search MATCH ?1 GROUP BY r.update_id"
            " ORDER BY i.type, i.created DESC, r.update_id LIMIT ?2",
            SU_T(match), SU_I(s->limit)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (add_found(s, su_rows_int(&rows, 0), err) < 0)
            return -1;
    return more;
}

static int compare_numbers(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool is_match(const struct searching *s, int64_t rev_id)
{
    return bsearch(&rev_id, s->matches.at, s->matches.count, sizeof rev_id, compare_numbers) != NULL;
}

static int has_newer_match(const struct searching *s, int64_t rev_id, const struct su_guid *id, bool *out,
                           struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    *out = false;
    if (su_query(s->db, &rows, err,
                 "SELECT n.rev_id FROM revision n WHERE n.update_id=?2 AND n.revision>(SELECT revision FROM "
                 "revision WHERE rev_id=?1)",
                 SU_I(rev_id), SU_B(id->bytes, 16)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        *out |= is_match(s, su_rows_int(&rows, 0));
    return more;
}

static int add_candidate(struct searching *s, int64_t rev_id, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    bool has_newer;
    if (su_query(s->db, &rows, err, "SELECT update_id FROM revision WHERE rev_id=?1", SU_I(rev_id)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0 ||
        has_newer_match(s, rev_id, &id, &has_newer, err) < 0)
        return -1;
    if (has_newer)
        return 0;
    struct candidate *slot = SU_PUSH(&s->group, SU_MAX_PACKAGE_REVISIONS);
    if (!slot)
        return su_fail_memory(err);
    *slot = (struct candidate){rev_id, id};
    return 0;
}

static int compare_candidates(const void *a, const void *b)
{
    return memcmp(((const struct candidate *)a)->id.bytes, ((const struct candidate *)b)->id.bytes, 16);
}

/* Those of one type and time stand in the order of their ids. */
static int end_group(struct searching *s, struct su_err *err)
{
    if (s->group.count > 1)
        qsort(s->group.at, s->group.count, sizeof *s->group.at, compare_candidates);
    for (size_t i = 0; i < s->group.count && s->found.count < s->limit; i++)
        if (add_found(s, s->group.at[i].rev_id, err) < 0)
            return -1;
    s->group.count = 0;
    return 0;
}

static int walk_type(struct searching *s, enum su_update_type type, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_buf) struct su_buf created = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES);
    int more = 0;
    if (su_query(s->db, &rows, err, "SELECT rev_id, created FROM info WHERE type=?1 ORDER BY created DESC",
                 SU_I(type)) < 0)
        return -1;
    while (s->found.count < s->limit && (more = su_rows_next(&rows, err)) > 0) {
        int64_t rev_id = su_rows_int(&rows, 0);
        if (!is_match(s, rev_id))
            continue;
        const char *now = su_rows_text(&rows, 1);
        if (!created.bytes || strcmp(created.bytes, now) != 0) {
            su_buf_clear(&created);
            su_buf_adds(&created, now);
            if (su_buf_check(&created, "a date", err) < 0 || end_group(s, err) < 0)
                return -1;
        }
        if (s->found.count < s->limit && add_candidate(s, rev_id, err) < 0)
            return -1;
    }
    return more < 0 ? -1 : end_group(s, err);
}

static int find(struct searching *s, const char *match, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(s->db, &rows, err, "SELECT rowid FROM search WHERE search MATCH ?1 ORDER BY rowid",
                 SU_T(match)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        int64_t *slot = SU_PUSH(&s->matches, SU_MAX_PACKAGE_REVISIONS);
        if (!slot)
            return su_fail_memory(err);
        *slot = su_rows_int(&rows, 0);
    }
    if (more < 0)
        return -1;
    if (s->matches.count <= MATCHES_TO_WALK * (s->limit + 1))
        return order_matches(s, match, err);
    for (enum su_update_type type = SU_CATEGORY; type <= SU_DRIVER; type++)
        if (walk_type(s, type, err) < 0)
            return -1;
    return 0;
}

static int tell(struct su_context *c, int64_t rev_id, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    char text[SU_GUID_TEXT];
    struct su_guid id;
    if (su_query(
            c->home.db, &rows, err,
            "SELECT r.update_id, r.revision, i.title, i.type, i.expired, coalesce((SELECT 'KB'||value FROM "
            "tag t WHERE t.rev_id=r.rev_id AND kind='kb' LIMIT 1), '') FROM revision r JOIN info i USING "
            "(rev_id) WHERE r.rev_id=?1",
            SU_I(rev_id)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    if (su_rows_fixed(&rows, 0, id.bytes, 16, err) < 0)
        return -1;
    const char *type = su_update_type_text((enum su_update_type)(su_rows_int(&rows, 3) & 3));
    su_guid_format(&id, text);
    su_line(c, "%s  %-9s %-10s %s%s", text, type, su_rows_text(&rows, 5), su_rows_text(&rows, 2),
            su_rows_int(&rows, 4) ? " (expired)" : "");
    su_json_open(&c->json, NULL, '{');
    su_json_text(&c->json, "update_id", text);
    su_json_int(&c->json, "revision", su_rows_int(&rows, 1));
    su_json_text(&c->json, "type", type);
    su_json_text(&c->json, "kb", su_rows_text(&rows, 5));
    su_json_text(&c->json, "title", su_rows_text(&rows, 2));
    su_json_bool(&c->json, "is_expired", su_rows_int(&rows, 4) != 0);
    su_json_close(&c->json, '}');
    return 0;
}

int su_cmd_search(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf match = SU_BUF_INIT(4096);
    SU_AUTO(searching) struct searching s = {.db = c->home.db, .limit = 50};
    if (su_given_number(c, "limit", 1000000, &s.limit, err) < 0 || match_text(c, &match, err) < 0 ||
        find(&s, match.bytes, err) < 0)
        return -1;
    su_json_open(&c->json, "found", '[');
    for (size_t i = 0; i < s.found.count; i++)
        if (tell(c, s.found.at[i], err) < 0)
            return -1;
    uint64_t count = s.found.count;
    if (su_scan_search(c, match.bytes, s.limit - (count < s.limit ? count : s.limit), &count, err) < 0)
        return -1;
    su_json_close(&c->json, ']');
    su_json_int(&c->json, "count", (int64_t)count);
    su_line(c, "%llu found", (unsigned long long)count);
    return 0;
}
