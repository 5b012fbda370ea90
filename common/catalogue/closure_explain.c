/* What a closure found, and why: counts, holes with the way to them, why an update travels or does not. */
#include "common/catalogue/closure_parts.h"

#include <stdlib.h>

#include "common/base/limits.h"

void su_closure_count(const struct su_closure *c, struct su_closure_counts *out)
{
    const struct su_graph *g = c->graph;
    *out = (struct su_closure_counts){0};
    for (size_t i = 0; i < g->nodes.count; i++) {
        out->selected += c->marks[i].is_selected;
        out->updates += c->carried[i];
    }
    for (size_t r = 0; r < g->rows.count; r++)
        if (c->carried[g->rows.at[r].node]) {
            out->prerequisites += g->rows.at[r].prerequisites.count;
            out->bundled += g->rows.at[r].bundled.count;
        }
}

size_t su_closure_hole_count(const struct su_closure *c)
{
    return c->holes.count;
}

/* None of the alternatives of a hole is held: a held one would have been carried, closable or not. */
int su_closure_hole_line(const struct su_closure *c, size_t hole, struct su_buf *out, struct su_err *err)
{
    return su_graph_hole_line(c->graph, c->holes.at[hole], out, err);
}

static int describe(const struct su_closure *c, const struct su_guid *id, struct su_buf *out,
                    struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf title = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES);
    char text[SU_GUID_TEXT];
    bool found;
    if (su_query_text(
            c->db, &title, &found, err,
            "SELECT coalesce((SELECT 'KB'||value||' ' FROM tag t WHERE t.rev_id=r.rev_id AND kind='kb' LIMIT "
            "1),'')||title"
            " FROM revision r JOIN info USING (rev_id) WHERE update_id=?1 ORDER BY revision DESC LIMIT 1",
            SU_B(id->bytes, 16)) < 0)
        return -1;
    su_buf_addf(out, "%s", su_guid_format(id, text));
    if (found && title.length > 0)
        su_buf_addf(out, " (%.120s)", title.bytes);
    return 0;
}

static int chain_to(const struct su_closure *c, uint32_t node, struct su_buf *out, struct su_err *err)
{
    static const char *const words[] = {"prerequisite", "category", "bundled update"};
    SU_VEC(uint32_t) path = {0};
    int result = 0;
    for (uint32_t at = node; at != SU_NOBODY && result == 0; at = c->marks[at].reason) {
        uint32_t *slot = SU_PUSH(&path, SU_MAX_PACKAGE_REVISIONS);
        result = slot ? 0 : su_fail_memory(err);
        if (slot)
            *slot = at;
    }
    bool is_pinned = path.count > 0 && c->marks[path.at[path.count - 1]].is_pinned;
    su_buf_adds(out, is_pinned ? "selected: pinned " : "selected ");
    for (size_t i = path.count; i-- > 0 && result == 0;) {
        const struct su_closure_mark *mark = &c->marks[path.at[i]];
        if (mark->reason != SU_NOBODY)
            su_buf_addf(out, " -> %s ", words[mark->reason_kind]);
        result = describe(c, &c->graph->nodes.at[path.at[i]].id, out, err);
    }
    free(path.at);
    return result < 0 ? -1 : su_buf_check(out, "a chain", err);
}

int su_closure_hole_chain(const struct su_closure *c, size_t hole, struct su_buf *out, struct su_err *err)
{
    uint32_t number = c->holes.at[hole];
    const struct su_graph_clause *clause = &c->graph->clauses.at[number];
    const struct su_graph_missing *target = su_graph_alternative(c->graph, number, clause->first).missing;
    bool is_bundled = clause->relation == SU_BY_BUNDLE;
    char to[SU_GUID_TEXT];
    if (chain_to(c, su_closure_node_of(c, number), out, err) < 0)
        return -1;
    su_buf_addf(out, " -> %s %s", is_bundled ? "bundled update" : "prerequisite",
                su_guid_format(&target->id, to));
    if (is_bundled)
        /* NOLINTNEXTLINE(analyzer-null-dereference,clang-analyzer-core.NullDereference): a hole has one */
        su_buf_addf(out, " revision %u", target->revision);
    bool is_one_of_many = su_graph_clause_end(c->graph, number) - clause->first > 1;
    su_buf_adds(out, is_one_of_many ? " (or another of its clause): not held" : ": not held");
    return su_buf_check(out, "a chain", err);
}

int su_closure_explain(const struct su_closure *c, const struct su_guid *id, struct su_buf *out,
                       struct su_err *err)
{
    uint32_t node = su_graph_find(c->graph, id);
    char text[SU_GUID_TEXT];
    if (node == SU_NOBODY)
        return su_fail(err, SU_NOT_FOUND, "%s is not in the catalogue", su_guid_format(id, text));
    if (!c->carried[node] && c->marks[node].is_withheld) {
        (void)su_fail(err, SU_NOT_FOUND,
                      "%s does not travel: it is a third-party update that is not published",
                      su_guid_format(id, text));
        return su_remedy(err, "Run: suexport catalog publish %s", text);
    }
    if (!c->carried[node])
        return su_fail(err, SU_NOT_FOUND,
                       "%s does not travel: the profile does not select it and nothing selected needs it",
                       su_guid_format(id, text));
    return chain_to(c, node, out, err);
}

enum su_exclusion su_closure_exclusion(const struct su_closure *c, const struct su_guid *id)
{
    uint32_t node = su_graph_find(c->graph, id);
    if (node == SU_NOBODY)
        return SU_NOT_NEEDED;
    const struct su_closure_mark *n = &c->marks[node];
    if (c->carried[node])
        return SU_TRAVELS;
    if (n->is_dropped)
        return SU_RULED_OUT;
    if (n->lacks_product)
        return n->lacks_classification ? SU_NEITHER : SU_NO_PRODUCT;
    return n->lacks_classification ? SU_NO_CLASSIFICATION : SU_NOT_NEEDED;
}

static bool is_answered(const struct su_graph *g, uint32_t clause)
{
    for (uint32_t a = g->clauses.at[clause].first; a < su_graph_clause_end(g, clause); a++)
        if (su_graph_alternative(g, clause, a).node != SU_NOBODY)
            return true;
    return false;
}

int su_closure_judge(struct su_db *db, const struct su_graph *g, struct su_closure_counts *out,
                     struct su_err *err)
{
    if (su_db_script(db,
                     "CREATE TEMP TABLE IF NOT EXISTS open_clause (line TEXT PRIMARY KEY) WITHOUT ROWID; "
                     "DELETE FROM temp.open_clause;",
                     err) < 0)
        return -1;
    *out = (struct su_closure_counts){.selected = g->nodes.count, .updates = g->nodes.count};
    for (uint32_t k = 0; k < g->clauses.count; k++) {
        SU_AUTO(su_buf) struct su_buf line = SU_BUF_INIT(256);
        (*(g->clauses.at[k].relation == SU_BY_BUNDLE ? &out->bundled : &out->prerequisites))++;
        if (!is_answered(g, k) &&
            (su_graph_hole_line(g, k, &line, err) < 0 ||
             su_run(db, err, "INSERT OR IGNORE INTO temp.open_clause VALUES (?1)", SU_T(line.bytes)) < 0))
            return -1;
    }
    return 0;
}
