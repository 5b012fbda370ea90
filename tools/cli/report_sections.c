/*
 * report_sections.c - the sections of a report that hub and site have in common.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/catalogue/need.h"
#include "common/catalogue/update.h"
#include "common/point/ledger.h"
#include "tools/cli/look_report.h"

enum { RUNS = 30, CATEGORIES = 20, UPDATES = 20, FILES = 20, ENTRIES = 12, ALERTS = 5, LATENCY_DAYS = 90 };

/* ---- alerts ------------------------------------------------------------------------------------------- */

static const struct su_report_column alert_columns[] = {
    {"kind", "What", SU_COLUMN_WORD, SU_NO_CHART},
    {"state", "State", SU_COLUMN_WORD, SU_NO_CHART},
    {"opened", "Opened", SU_COLUMN_WORD, SU_NO_CHART},
    {"last", "Newest failure", SU_COLUMN_WORD, SU_NO_CHART},
    {"failures", "Failures", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"closed", "Closed", SU_COLUMN_WORD, SU_NO_CHART},
    {"message", "Message", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"detail", "Detail", SU_COLUMN_TEXT, SU_NO_CHART},
    SU_COLUMNS_END,
};

int su_report_alerts(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_report *r = &g->report;
    int more;
    if (su_query(g->c->home.db, &rows, err,
                 "SELECT kind, opened, last, failures, closed, message, detail FROM alert ORDER BY "
                 "closed<>'', alert_id DESC "
                 "LIMIT ?1",
                 SU_I(ALERTS)) < 0)
        return -1;
    su_report_section(r, "alerts", "Alerts", false);
    su_report_part(r, SU_PART_TABLE, "newest", "", alert_columns, "There was none.");
    while ((more = su_rows_next(&rows, err)) > 0) {
        bool is_open = su_rows_text(&rows, 4)[0] == 0;
        su_report_text(r, su_rows_text(&rows, 0));
        su_report_marked(r, is_open ? SU_BAD : SU_GOOD, "%s", is_open ? "open" : "closed");
        su_report_when(r, su_rows_text(&rows, 1));
        su_report_when(r, su_rows_text(&rows, 2));
        su_report_count(r, (uint64_t)su_rows_int(&rows, 3));
        su_report_when(r, su_rows_text(&rows, 4));
        su_report_word(r, SU_PLAIN, su_rows_int(&rows, 5), "%lld", (long long)su_rows_int(&rows, 5));
        su_report_text(r, su_rows_text(&rows, 6));
    }
    return more;
}

/* ---- history ----------------------------------------------------------------------------------------- */

static const struct su_report_column run_columns[] = {
    {"finished", "Finished", SU_COLUMN_WORD, SU_NO_CHART},
    {"state", "Result", SU_COLUMN_WORD, SU_NO_CHART},
    {"source", "Source", SU_COLUMN_TEXT, SU_NO_CHART},
    {"kind", "Kind", SU_COLUMN_WORD, SU_NO_CHART},
    {"new", "New", SU_COLUMN_NUMBER, SU_SERIES},
    {"revised", "Revised", SU_COLUMN_NUMBER, SU_SERIES},
    {"expired", "Expired", SU_COLUMN_NUMBER, SU_SERIES},
    {"removed", "Removed", SU_COLUMN_NUMBER, SU_SERIES},
    {"updates", "Updates", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"content_version", "Version", SU_COLUMN_NUMBER, SU_NO_CHART},
    SU_COLUMNS_END,
};
static const struct su_report_column failure_columns[] = {
    {"finished", "Finished", SU_COLUMN_WORD, SU_NO_CHART},
    {"source", "Source", SU_COLUMN_TEXT, SU_NO_CHART},
    {"error", "What went wrong", SU_COLUMN_TEXT, SU_NO_CHART},
    SU_COLUMNS_END,
};

void su_report_result(struct su_report *r, int64_t state, bool with_id)
{
    char id[24] = "";
    const char *word = state == 6702   ? "done"
                       : state == 6703 ? "failed"
                       : state == 6707 ? "content owed"
                                       : "licence terms owed";
    enum su_mark mark = state == 6702 ? SU_GOOD : state == 6703 ? SU_BAD : SU_FAIR;
    if (with_id)
        (void)snprintf(id, sizeof id, "%lld ", (long long)state);
    su_report_word(r, mark, state, "%s%s", id, word);
}

static int add_failures(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(g->c->home.db, &rows, err,
                 "SELECT finished, source, error FROM (SELECT * FROM sync_history ORDER BY sync_id DESC "
                 "LIMIT ?1) WHERE "
                 "error<>'' ORDER BY sync_id DESC",
                 SU_I(RUNS)) < 0)
        return -1;
    for (bool is_first = true; (more = su_rows_next(&rows, err)) > 0; is_first = false) {
        if (is_first)
            su_report_part(&g->report, SU_PART_TABLE, "failures", "What failed", failure_columns, "");
        su_report_when(&g->report, su_rows_text(&rows, 0));
        su_report_text(&g->report, su_rows_text(&rows, 1));
        su_report_text(&g->report, su_rows_text(&rows, 2));
    }
    return more;
}

int su_report_history(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_report *r = &g->report;
    bool is_hub = g->c->home.role == SU_HUB;
    int64_t runs;
    int more;
    if (su_query_int(g->c->home.db, &runs, NULL, err, "SELECT count(*) FROM sync_history") < 0 ||
        su_query(g->c->home.db, &rows, err,
                 "SELECT finished, state, source, kind, new, revised, expired, removed, updates, "
                 "content_version FROM "
                 "sync_history ORDER BY sync_id DESC LIMIT ?1",
                 SU_I(RUNS)) < 0)
        return -1;
    su_report_section(r, "history", is_hub ? "Synchronizations" : "Imports", false);
    if (runs > RUNS)
        su_report_say(r, "The last %d of %s.", RUNS, su_count_text((uint64_t)runs));
    su_report_part(r, SU_PART_TABLE, "runs", "", run_columns,
                   is_hub ? "Nothing was synchronized yet." : "Nothing was imported yet.");
    while ((more = su_rows_next(&rows, err)) > 0) {
        su_report_when(r, su_rows_text(&rows, 0));
        su_report_result(r, su_rows_int(&rows, 1), false);
        su_report_text(r, su_rows_text(&rows, 2));
        su_report_text(r, su_rows_text(&rows, 3));
        for (int i = 4; i < 10; i++)
            su_report_count(r, (uint64_t)su_rows_int(&rows, i));
    }
    return more < 0 ? -1 : add_failures(g, err);
}

/* ---- the catalogue by its categories ------------------------------------------------------------------ */

struct category {
    uint32_t node;
    bool is_product; /* else a classification */
    int64_t rev_id;
    uint64_t count;
};
struct categories {
    struct su_reporting *g;
    uint32_t *slots; /* by node: 1 + its place in list, 0 none */
    SU_VEC(struct category) list;
};

static const struct su_report_column type_columns[] = {
    {"type", "Type", SU_COLUMN_TEXT, SU_NO_CHART},
    {"updates", "Updates", SU_COLUMN_NUMBER, SU_SHARE},
    {"expired", "Of them expired", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"revisions", "Revisions", SU_COLUMN_NUMBER, SU_NO_CHART},
    SU_COLUMNS_END,
};
static const struct su_report_column classification_columns[] = {
    {"title", "Classification", SU_COLUMN_TEXT, SU_NO_CHART},
    {"updates", "Updates", SU_COLUMN_NUMBER, SU_SHARE},
    SU_COLUMNS_END,
};
static const struct su_report_column product_columns[] = {
    {"title", "Product", SU_COLUMN_TEXT, SU_NO_CHART},
    {"updates", "Updates", SU_COLUMN_NUMBER, SU_SHARE},
    SU_COLUMNS_END,
};

static void add_types(struct su_reporting *g)
{
    struct {
        uint64_t updates, expired, revisions;
    } by[SU_DRIVER + 1] = {0};
    su_report_part(&g->report, SU_PART_TABLE, "types", "By type", type_columns, "");
    for (uint32_t i = 0; i < g->graph->nodes.count; i++) {
        const struct su_graph_row *newest = su_graph_newest(g->graph, i);
        if (newest->type > SU_DRIVER)
            continue;
        by[newest->type].updates++;
        by[newest->type].expired += newest->is_expired;
        by[newest->type].revisions += g->graph->nodes.at[i].row_count;
    }
    for (int type = 0; type <= SU_DRIVER; type++) {
        su_report_text(&g->report, su_update_type_text((enum su_update_type)type));
        su_report_count(&g->report, by[type].updates);
        su_report_count(&g->report, by[type].expired);
        su_report_count(&g->report, by[type].revisions);
    }
}

/* Products and classifications, at their newest revision. */
static int load_categories(struct categories *k, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    const struct su_graph *graph = k->g->graph;
    size_t cursor = 0;
    int more;
    if (su_query(
            k->g->c->home.db, &rows, err,
            "SELECT rev_id, category_type='Product' FROM info WHERE type=0 AND category_type IN ('Product', "
            "'UpdateClassification') ORDER BY rev_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        uint32_t row = su_graph_row(graph, su_rows_int(&rows, 0), &cursor);
        if (row == SU_NOBODY || su_graph_newest(graph, graph->rows.at[row].node) != &graph->rows.at[row])
            continue;
        struct category *c = SU_PUSH(&k->list, SU_MAX_PACKAGE_REVISIONS);
        if (!c)
            return su_fail_memory(err);
        *c =
            (struct category){graph->rows.at[row].node, su_rows_int(&rows, 1) != 0, su_rows_int(&rows, 0), 0};
        k->slots[c->node] = (uint32_t)k->list.count;
    }
    return more;
}

/* Every software or driver counts once for each category that its newest revision asks for. */
static void count_updates(struct categories *k, uint32_t *last)
{
    const struct su_graph *graph = k->g->graph;
    for (uint32_t i = 0; i < graph->nodes.count; i++) {
        const struct su_graph_row *newest = su_graph_newest(graph, i);
        if (newest->type != SU_SOFTWARE && newest->type != SU_DRIVER)
            continue;
        struct su_graph_range clauses = newest->prerequisites;
        for (uint32_t c = clauses.first; c < clauses.first + clauses.count; c++)
            for (uint32_t a = graph->clauses.at[c].first; a < su_graph_clause_end(graph, c); a++) {
                uint32_t node = su_graph_alternative(graph, c, a).node;
                if (node == SU_NOBODY || k->slots[node] == 0 || last[node] == i + 1)
                    continue;
                last[node] = i + 1;
                k->list.at[k->slots[node] - 1].count++;
            }
    }
}

static int by_count(const void *a, const void *b)
{
    const struct category *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : (x->node > y->node) - (x->node < y->node);
}

static int add_categories(struct categories *k, bool products, struct su_err *err)
{
    struct su_report *r = &k->g->report;
    SU_AUTO(su_buf) struct su_buf title = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES);
    uint64_t listed = 0, others = 0, in_others = 0;
    for (size_t i = 0; i < k->list.count; i++) {
        const struct category *c = &k->list.at[i];
        if (c->is_product != products || c->count == 0)
            continue;
        if (listed++ >= CATEGORIES) {
            others++;
            in_others += c->count;
            continue;
        }
        if (su_query_text(k->g->c->home.db, &title, NULL, err, "SELECT title FROM info WHERE rev_id=?1",
                          SU_I(c->rev_id)) < 0)
            return -1;
        su_report_text(r, title.bytes);
        su_report_count(r, c->count);
    }
    if (others > 0) {
        su_report_marked(r, SU_PLAIN, "%s others together", su_count_text(others));
        su_report_sum(r, in_others);
    }
    return 0;
}

static int add_by_category(struct categories *k, uint32_t *last, struct su_err *err)
{
    struct su_report *r = &k->g->report;
    if (load_categories(k, err) < 0)
        return -1;
    count_updates(k, last);
    if (k->list.count > 0)
        qsort(k->list.at, k->list.count, sizeof *k->list.at, by_count);
    su_report_part(r, SU_PART_TABLE, "classifications", "By classification", classification_columns,
                   "No update has a classification.");
    if (add_categories(k, false, err) < 0)
        return -1;
    su_report_part(r, SU_PART_TABLE, "products", "By product", product_columns, "No update has a product.");
    return add_categories(k, true, err);
}

int su_report_catalogue(struct su_reporting *g, struct su_err *err)
{
    struct categories k = {.g = g};
    size_t nodes = g->graph->nodes.count + 1;
    uint32_t *last = calloc(nodes, sizeof *last);
    k.slots = calloc(nodes, sizeof *k.slots);
    su_report_section(&g->report, "catalogue", "Catalogue", true);
    su_report_say(&g->report, "Updates are counted by their newest revision. Software and drivers count for "
                              "each product and classification "
                              "that they ask for, so the sums may be larger than the catalogue.");
    add_types(g);
    int result = !last || !k.slots ? su_fail_memory(err) : add_by_category(&k, last, err);
    free(last);
    free(k.slots);
    free(k.list.at);
    return result;
}

/* ---- the newest security updates ---------------------------------------------------------------------- */

static const struct su_report_column update_columns[] = {
    {"released", "Released", SU_COLUMN_WORD, SU_NO_CHART},
    {"kb", "KB", SU_COLUMN_WORD, SU_NO_CHART},
    {"severity", "Severity", SU_COLUMN_WORD, SU_NO_CHART},
    {"superseded", "Superseded", SU_COLUMN_WORD, SU_NO_CHART},
    {"title", "Title", SU_COLUMN_TEXT, SU_NO_CHART},
    SU_COLUMNS_END,
};

int su_report_security(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_report *r = &g->report;
    int more;
    if (su_query(
            g->c->home.db, &rows, err,
            "SELECT substr(i.created, 1, 10), coalesce((SELECT group_concat('KB'||value, ' ') FROM tag t "
            "WHERE "
            "t.rev_id=i.rev_id AND t.kind='kb'), ''), i.severity, EXISTS (SELECT 1 FROM superseded s WHERE "
            "s.target=v.update_id), i.title FROM info i JOIN revision v USING (rev_id) WHERE i.type=2 AND "
            "i.expired=0 "
            "AND i.deployable AND EXISTS (SELECT 1 FROM prerequisite p WHERE p.rev_id=i.rev_id AND "
            "p.target=x'0fa12"
            "01d43304fa88ae9b877473b6441') AND NOT EXISTS (SELECT 1 FROM revision n WHERE "
            "n.update_id=v.update_id AND n.revision>v.revision) ORDER BY i.created DESC, v.update_id LIMIT "
            "?1",
            SU_I(UPDATES)) < 0)
        return -1;
    su_report_section(r, "security", "Newest security updates", false);
    su_report_part(r, SU_PART_TABLE, "security_updates", "", update_columns,
                   "No update is classified as a security update.");
    while ((more = su_rows_next(&rows, err)) > 0) {
        for (int i = 0; i < 3; i++)
            su_report_text(r, su_rows_text(&rows, i));
        su_report_text(r, su_rows_int(&rows, 3) ? "yes" : "no");
        su_report_text(r, su_rows_text(&rows, 4));
    }
    return more;
}

/* ---- sizes and ages ----------------------------------------------------------------------------------- */

static const struct su_report_column size_columns[] = {
    {"documents", "Documents", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"document_bytes", "Their size", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"packed_bytes", "Their size as kept", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"database_bytes", "Database", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"files_named", "Files the documents name", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"files_needed", "Files needed here", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"needed_bytes", "Their size", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"files_stored", "Files stored", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"stored_bytes", "Their size", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"files_missing", "Files missing", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"missing_bytes", "Their size", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"licence_terms_missing", "Licence terms among them", SU_COLUMN_NUMBER, SU_NO_CHART},
    SU_COLUMNS_END,
};
static const struct su_report_column age_columns[] = {
    {"newest_update", "Newest update released", SU_COLUMN_TEXT, SU_NO_CHART},
    {"newest_update_days", "Since then", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"last_success", "Last success", SU_COLUMN_TEXT, SU_NO_CHART},
    {"last_success_days", "Since then", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"recent_updates", "Updates released in the last 90 days", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"median_days", "From release to here, median", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"worst_days", "From release to here, longest", SU_COLUMN_NUMBER, SU_NO_CHART},
    SU_COLUMNS_END,
};

static int add_sizes(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_report *r = &g->report;
    if (su_query(g->c->home.db, &rows, err,
                 "SELECT d.n, d.raw, d.packed, (SELECT page_count*page_size FROM pragma_page_count, "
                 "pragma_page_size), (SELECT "
                 "count(DISTINCT sha1) FROM file), s.n, s.bytes FROM (SELECT count(*) AS n, "
                 "coalesce(sum(raw_bytes),0) AS raw, "
                 "coalesce(sum(length(packed)),0) AS packed FROM document) d, (SELECT count(*) AS n, "
                 "coalesce(sum(bytes),0) AS "
                 "bytes FROM stored_file) s") < 0 ||
        su_rows_next(&rows, err) < 0)
        return -1;
    su_report_part(r, SU_PART_FACTS, "sizes", "Sizes", size_columns, "");
    su_report_count(r, (uint64_t)su_rows_int(&rows, 0));
    for (int i = 1; i < 4; i++)
        su_report_bytes(r, (uint64_t)su_rows_int(&rows, i));
    su_report_count(r, (uint64_t)su_rows_int(&rows, 4));
    su_report_count(r, g->need.count);
    su_report_bytes(r, g->need.bytes);
    su_report_count(r, (uint64_t)su_rows_int(&rows, 5));
    su_report_bytes(r, (uint64_t)su_rows_int(&rows, 6));
    su_report_count(r, g->need.missing);
    su_report_bytes(r, g->need.missing_bytes);
    su_report_count(r, g->need.missing_licence);
    return 0;
}

static void add_days(struct su_report *r, struct su_rows *rows, int column)
{
    if (su_rows_is_null(rows, column))
        su_report_none(r);
    else
        su_report_word(r, SU_PLAIN, su_rows_int(rows, column), "%lld day%s",
                       (long long)su_rows_int(rows, column), su_rows_int(rows, column) == 1 ? "" : "s");
}

static int add_ages(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_report *r = &g->report;
    if (su_query(
            g->c->home.db, &rows, err,
            "WITH l (days) AS MATERIALIZED (SELECT CAST(julianday(h.finished)-julianday(i.created) AS "
            "INTEGER) FROM info i "
            "JOIN revision r USING (rev_id) JOIN sync_history h ON h.sync_id=r.arrived WHERE i.type=2 AND "
            "i.created>=date(?1, '-'||?2||' days') AND julianday(i.created) IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM "
            "revision n WHERE n.update_id=r.update_id AND n.revision>r.revision)) SELECT (SELECT "
            "max(created) FROM info "
            "WHERE type>=2), (SELECT finished FROM sync_history WHERE error='' ORDER BY sync_id DESC LIMIT "
            "1), (SELECT "
            "count(*) FROM l), (SELECT days FROM l ORDER BY days LIMIT 1 OFFSET (SELECT (count(*)-1)/2 FROM "
            "l)), (SELECT "
            "max(days) FROM l)",
            SU_T(g->now), SU_I(LATENCY_DAYS)) < 0 ||
        su_rows_next(&rows, err) < 0)
        return -1;
    su_report_part(r, SU_PART_FACTS, "ages", "Ages", age_columns, "");
    for (int i = 0; i < 2; i++) {
        su_report_when(r, su_rows_text(&rows, i));
        su_report_age(r, su_rows_text(&rows, i));
    }
    su_report_count(r, (uint64_t)su_rows_int(&rows, 2));
    add_days(r, &rows, 3);
    add_days(r, &rows, 4);
    return 0;
}

int su_report_sizes(struct su_reporting *g, struct su_err *err)
{
    su_report_section(&g->report, "measures", "Sizes and ages", true);
    return add_sizes(g, err) < 0 ? -1 : add_ages(g, err);
}

/* ---- what is missing ---------------------------------------------------------------------------------- */

static const struct su_report_column missing_columns[] = {
    {"name", "File", SU_COLUMN_TEXT, SU_NO_CHART},
    {"bytes", "Size", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"kind", "Kind", SU_COLUMN_WORD, SU_NO_CHART},
    {"update", "Needed by", SU_COLUMN_TEXT, SU_NO_CHART},
    SU_COLUMNS_END,
};

int su_report_missing(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_report *r = &g->report;
    int more;
    if (su_query(g->c->home.db, &rows, err,
                 "SELECT n.name, n.bytes, n.licence, coalesce((SELECT i.title FROM file f JOIN info i USING "
                 "(rev_id) WHERE "
                 "f.sha1=n.sha1 ORDER BY i.title LIMIT 1), '') FROM temp.need n WHERE NOT EXISTS (SELECT 1 "
                 "FROM stored_file s WHERE " SU_STORED_AS_NEEDED
                 ") ORDER BY n.licence DESC, n.bytes DESC, n.sha1 LIMIT ?1",
                 SU_I(FILES)) < 0)
        return -1;
    su_report_section(r, "missing", "Missing content", false);
    if (g->need.missing > FILES)
        su_report_say(r, "The first %d of %s files; 'content verify' lists them all.", FILES,
                      su_count_text(g->need.missing));
    su_report_part(r, SU_PART_TABLE, "files", "", missing_columns,
                   "Every file that is needed here is stored.");
    while ((more = su_rows_next(&rows, err)) > 0) {
        su_report_text(r, su_rows_text(&rows, 0));
        su_report_bytes(r, (uint64_t)su_rows_int(&rows, 1));
        su_report_text(r, su_rows_int(&rows, 2) ? "licence terms" : "payload");
        su_report_text(r, su_rows_text(&rows, 3));
    }
    return more;
}

/* ---- the ledger --------------------------------------------------------------------------------------- */

static const struct su_report_column ledger_columns[] = {
    {"entries", "Entries", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"chain", "Chain", SU_COLUMN_TEXT, SU_NO_CHART},
    {"head", "Head", SU_COLUMN_CODE, SU_NO_CHART},
    SU_COLUMNS_END,
};
static const struct su_report_column entry_columns[] = {
    {"entry", "Entry", SU_COLUMN_NUMBER, SU_NO_CHART},     {"time", "Time", SU_COLUMN_WORD, SU_NO_CHART},
    {"kind", "What", SU_COLUMN_WORD, SU_NO_CHART},         {"site", "Site", SU_COLUMN_WORD, SU_NO_CHART},
    {"sequence", "Bundle", SU_COLUMN_NUMBER, SU_NO_CHART}, {"operator", "By", SU_COLUMN_TEXT, SU_NO_CHART},
    {"detail", "Detail", SU_COLUMN_TEXT, SU_NO_CHART},     SU_COLUMNS_END,
};

int su_report_ledger(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_report *r = &g->report;
    struct su_ledger_check check;
    char head[SU_SHA256_TEXT];
    int more;
    if (su_ledger_verify(g->c->home.db, NULL, &check, err) < 0 ||
        su_query(g->c->home.db, &rows, err,
                 "SELECT entry, time, kind, site, sequence, operator, detail FROM ledger ORDER BY entry DESC "
                 "LIMIT ?1",
                 SU_I(ENTRIES)) < 0)
        return -1;
    su_hex_format(check.head, sizeof check.head, head);
    su_report_section(r, "ledger", "Ledger", false);
    su_report_part(r, SU_PART_FACTS, "chain", "", ledger_columns, "");
    su_report_count(r, check.entries);
    if (check.bad_entry)
        su_report_marked(r, SU_BAD, "entry %lld is wrong: %s", (long long)check.bad_entry, check.what);
    else
        su_report_marked(r, SU_GOOD, "good");
    su_report_text(r, head);
    su_report_part(r, SU_PART_TABLE, "entries", "Newest entries", entry_columns,
                   "Nothing is written there yet.");
    while ((more = su_rows_next(&rows, err)) > 0) {
        su_report_count(r, (uint64_t)su_rows_int(&rows, 0));
        su_report_when(r, su_rows_text(&rows, 1));
        su_report_text(r, su_rows_text(&rows, 2));
        su_report_text(r, su_rows_text(&rows, 3));
        su_report_count(r, (uint64_t)su_rows_int(&rows, 4));
        su_report_text(r, su_rows_text(&rows, 5));
        su_report_text(r, su_rows_text(&rows, 6));
    }
    return more;
}
