#include "common/catalogue/graph.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/relations.h"

#define MAX_EDGES ((size_t)1 << 29)
#define PREFIXES ((size_t)1 << 16)

void su_graph_cleanup(struct su_graph **g)
{
    if (!*g)
        return;
    free((*g)->nodes.at);
    free((*g)->rows.at);
    free((*g)->clauses.at);
    free((*g)->alternatives.at);
    free((*g)->missing.at);
    free((*g)->by_rev_id);
    free((*g)->prefixes);
    free(*g);
    *g = NULL;
}

static size_t prefix_of(const struct su_guid *id)
{
    return (size_t)id->bytes[0] << 8 | id->bytes[1];
}

/* In the order of memcmp, without a call: most of the time a load takes goes into finding what clauses name.
 */
static int compare_ids(const struct su_guid *a, const struct su_guid *b)
{
    uint64_t x[2], y[2];
    memcpy(x, a->bytes, sizeof x);
    memcpy(y, b->bytes, sizeof y);
    size_t at = x[0] == y[0];
    uint64_t p = be64toh(x[at]), q = be64toh(y[at]);
    return (p > q) - (p < q);
}

uint32_t su_graph_find(const struct su_graph *g, const struct su_guid *id)
{
    uint32_t low = g->prefixes[prefix_of(id)], high = g->prefixes[prefix_of(id) + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_ids(&g->nodes.at[middle].id, id);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SU_NOBODY;
}

static uint32_t find_revision(const struct su_graph *g, uint32_t node, int64_t revision)
{
    uint32_t low = g->nodes.at[node].first_row, high = low + g->nodes.at[node].row_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (g->rows.at[middle].revision == revision)
            return middle;
        if (g->rows.at[middle].revision < revision)
            low = middle + 1;
        else
            high = middle;
    }
    return SU_NOBODY;
}

uint32_t su_graph_row(const struct su_graph *g, int64_t rev_id, size_t *cursor)
{
    while (*cursor < g->rows.count && g->by_rev_id[*cursor].rev_id < rev_id)
        (*cursor)++;
    bool is_held = *cursor < g->rows.count && g->by_rev_id[*cursor].rev_id == rev_id;
    return is_held ? g->by_rev_id[*cursor].row : SU_NOBODY;
}

static int load_rows(struct su_graph *g, struct su_db *db, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(db, &rows, err,
                 "SELECT update_id, revision, record_sha256, rev_id FROM revision ORDER BY update_id, "
                 "revision") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_guid id;
        struct su_graph_row *row = SU_PUSH(&g->rows, SU_MAX_PACKAGE_REVISIONS);
        if (!row)
            return su_fail_memory(err);
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0 ||
            su_rows_fixed(&rows, 2, row->record_sha256, SU_SHA256_BYTES, err) < 0)
            return -1;
        row->revision = (uint32_t)su_rows_int(&rows, 1);
        row->rev_id = su_rows_int(&rows, 3);
        struct su_graph_node *node = g->nodes.count ? &g->nodes.at[g->nodes.count - 1] : NULL;
        if (!node || memcmp(node->id.bytes, id.bytes, sizeof id.bytes) != 0) {
            if (!(node = SU_PUSH(&g->nodes, SU_MAX_PACKAGE_REVISIONS)))
                return su_fail_memory(err);
            node->id = id;
            node->first_row = (uint32_t)(g->rows.count - 1);
        }
        node->row_count++;
        row->node = (uint32_t)(g->nodes.count - 1);
    }
    return more;
}

static int compare_numbered(const void *a, const void *b)
{
    int64_t x = ((const struct su_graph_number *)a)->rev_id, y = ((const struct su_graph_number *)b)->rev_id;
    return (x > y) - (x < y);
}

static int make_indices(struct su_graph *g, struct su_err *err)
{
    g->by_rev_id = malloc((g->rows.count + 1) * sizeof *g->by_rev_id);
    g->prefixes = calloc(PREFIXES + 1, sizeof *g->prefixes);
    if (!g->by_rev_id || !g->prefixes)
        return su_fail_memory(err);
    for (uint32_t i = 0; i < g->rows.count; i++)
        g->by_rev_id[i] = (struct su_graph_number){g->rows.at[i].rev_id, i};
    qsort(g->by_rev_id, g->rows.count, sizeof *g->by_rev_id, compare_numbered);
    for (size_t i = 0; i < g->nodes.count; i++)
        g->prefixes[prefix_of(&g->nodes.at[i].id) + 1]++;
    for (size_t i = 0; i < PREFIXES; i++)
        g->prefixes[i + 1] += g->prefixes[i];
    return 0;
}

static int begin_clause(struct su_graph *g, uint32_t row, enum su_edge relation, struct su_err *err)
{
    struct su_graph_clause *clause = SU_PUSH(&g->clauses, MAX_EDGES);
    if (!clause || g->alternatives.count >= MAX_EDGES)
        return su_fail_memory(err);
    *clause = (struct su_graph_clause){
        .row = row, .first = (uint32_t)g->alternatives.count & (MAX_EDGES * 2 - 1), .relation = relation & 3};
    return 0;
}

static int add_alternative(struct su_graph *g, const struct su_packed_relation *relation, struct su_err *err)
{
    uint32_t held = su_graph_find(g, &relation->id);
    if (relation->is_bundled && held != SU_NOBODY)
        held = find_revision(g, held, relation->revision);
    uint32_t *slot = SU_PUSH(&g->alternatives, MAX_EDGES);
    if (!slot)
        return su_fail_memory(err);
    *slot = held;
    if (held != SU_NOBODY)
        return 0;
    struct su_graph_missing *missing = SU_PUSH(&g->missing, MAX_EDGES);
    if (!missing)
        return su_fail_memory(err);
    *slot = SU_GRAPH_MISSING | (uint32_t)(g->missing.count - 1);
    *missing = (struct su_graph_missing){relation->id, relation->revision};
    return 0;
}

static int load_relations(struct su_graph *g, uint32_t row, bool with_prerequisites,
                          struct su_relations_reader *reader, struct su_err *err)
{
    struct su_packed_relation relation;
    int more;
    while ((more = su_relations_next(reader, &relation, err)) > 0) {
        if (!relation.is_bundled && !with_prerequisites)
            continue;
        if (relation.is_first) {
            struct su_graph_range *range =
                relation.is_bundled ? &g->rows.at[row].bundled : &g->rows.at[row].prerequisites;
            enum su_edge edge = relation.is_bundled    ? SU_BY_BUNDLE
                                : relation.is_category ? SU_BY_CATEGORY
                                                       : SU_BY_PREREQUISITE;
            if (range->count++ == 0)
                range->first = (uint32_t)g->clauses.count;
            if (begin_clause(g, row, edge, err) < 0)
                return -1;
        }
        if (add_alternative(g, &relation, err) < 0)
            return -1;
    }
    return more;
}

static int load_facts(struct su_graph *g, struct su_db *db, bool with_prerequisites, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    size_t cursor = 0, found = 0;
    int more;
    if (su_query(db, &rows, err, "SELECT rev_id, type, expired, relations FROM info ORDER BY rev_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        uint32_t row = su_graph_row(g, su_rows_int(&rows, 0), &cursor);
        struct su_relations_reader reader = {0};
        size_t length;
        if (row == SU_NOBODY)
            return su_fail(err, SU_DATA, "database: facts and relations belong to no revision");
        g->rows.at[row].type = (uint8_t)su_rows_int(&rows, 1);
        g->rows.at[row].is_expired = su_rows_int(&rows, 2) != 0;
        found++;
        reader.at = su_rows_blob(&rows, 3, &length);
        reader.end = reader.at + length;
        if (load_relations(g, row, with_prerequisites, &reader, err) < 0)
            return -1;
    }
    if (more < 0)
        return -1;
    if (found != g->rows.count)
        return su_fail(err, SU_DATA, "database: a revision has no facts derived from its document");
    if (begin_clause(g, 0, SU_BY_PREREQUISITE, err) < 0)
        return -1;
    g->clauses.count--; /* the one behind the last */
    return 0;
}

struct su_graph *su_graph_load(struct su_db *db, bool with_prerequisites, struct su_err *err)
{
    struct su_graph *g = calloc(1, sizeof *g);
    if (!g)
        (void)su_fail_memory(err);
    if (!g || load_rows(g, db, err) < 0 || make_indices(g, err) < 0 ||
        load_facts(g, db, with_prerequisites, err) < 0)
        su_graph_cleanup(&g);
    return g;
}

int su_graph_state(const struct su_graph *g, const bool *nodes, struct su_state *out, struct su_err *err)
{
    SU_AUTO(su_state_builder) struct su_state_builder builder = SU_STATE_BUILDER_INIT;
    for (size_t i = 0; i < g->rows.count; i++) {
        const struct su_graph_row *row = &g->rows.at[i];
        if ((!nodes || nodes[row->node]) &&
            su_state_add(&builder, &g->nodes.at[row->node].id, row->record_sha256, err) < 0)
            return -1;
    }
    return su_state_end(&builder, out, err);
}

int su_graph_hole_line(const struct su_graph *g, uint32_t number, struct su_buf *out, struct su_err *err)
{
    const struct su_graph_clause *clause = &g->clauses.at[number];
    const struct su_graph_row *row = &g->rows.at[clause->row];
    const struct su_graph_missing *first = su_graph_alternative(g, number, clause->first).missing;
    char from[SU_GUID_TEXT], to[SU_GUID_TEXT];
    if (!first)
        return su_fail(err, SU_BUG, "a clause that something answers is no hole");
    su_guid_format(&g->nodes.at[row->node].id, from);
    su_guid_format(&first->id, to);
    if (clause->relation == SU_BY_BUNDLE)
        su_buf_addf(out, "bundled %s %u %s %u", from, row->revision, to, first->revision);
    else
        su_buf_addf(out, "prerequisite %s %u %s", from, row->revision, to);
    return su_buf_check(out, "a hole", err);
}
