#include "common/catalogue/graph.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"

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

uint32_t su_graph_find(const struct su_graph *g, const struct su_guid *id)
{
    uint32_t low = g->prefixes[prefix_of(id)], high = g->prefixes[prefix_of(id) + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = memcmp(g->nodes.at[middle].id.bytes, id->bytes, sizeof id->bytes);
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
    while (*cursor < g->rows.count && g->rows.at[g->by_rev_id[*cursor]].rev_id < rev_id)
        (*cursor)++;
    if (*cursor == g->rows.count || g->rows.at[g->by_rev_id[*cursor]].rev_id != rev_id)
        return SU_NOBODY;
    return g->by_rev_id[*cursor];
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

struct numbered {
    int64_t rev_id;
    uint32_t row;
};

static int compare_numbered(const void *a, const void *b)
{
    int64_t x = ((const struct numbered *)a)->rev_id, y = ((const struct numbered *)b)->rev_id;
    return (x > y) - (x < y);
}

static int make_indices(struct su_graph *g, struct su_err *err)
{
    struct numbered *order = malloc((g->rows.count + 1) * sizeof *order);
    g->by_rev_id = malloc((g->rows.count + 1) * sizeof *g->by_rev_id);
    g->prefixes = calloc(PREFIXES + 1, sizeof *g->prefixes);
    if (!order || !g->by_rev_id || !g->prefixes) {
        free(order);
        return su_fail_memory(err);
    }
    for (uint32_t i = 0; i < g->rows.count; i++)
        order[i] = (struct numbered){g->rows.at[i].rev_id, i};
    qsort(order, g->rows.count, sizeof *order, compare_numbered);
    for (size_t i = 0; i < g->rows.count; i++)
        g->by_rev_id[i] = order[i].row;
    free(order);
    for (size_t i = 0; i < g->nodes.count; i++)
        g->prefixes[prefix_of(&g->nodes.at[i].id) + 1]++;
    for (size_t i = 0; i < PREFIXES; i++)
        g->prefixes[i + 1] += g->prefixes[i];
    return 0;
}

static int load_facts(struct su_graph *g, struct su_db *db, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    size_t cursor = 0, found = 0;
    int more;
    if (su_query(db, &rows, err, "SELECT rev_id, type, expired FROM info ORDER BY rev_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        uint32_t row = su_graph_row(g, su_rows_int(&rows, 0), &cursor);
        if (row == SU_NOBODY)
            continue;
        g->rows.at[row].type = (uint8_t)su_rows_int(&rows, 1);
        g->rows.at[row].is_expired = su_rows_int(&rows, 2) != 0;
        found++;
    }
    if (more == 0 && found != g->rows.count)
        return su_fail(err, SU_DATA, "database: a revision has no facts derived from its document");
    return more;
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

/* The nodes of targets met before. Few updates are what most others require: a search in the sorted nodes
 * took longer than reading the row. */
#define RECENT_SLOTS 4096u /* power of two */
struct recent {
    struct su_guid id;
    uint32_t node;
};

struct loading {
    struct su_graph *graph;
    struct recent *recent; /* by a hash of the id; node is 1 more, 0: an empty slot */
};

static uint32_t find_recent(struct loading *l, const struct su_guid *id)
{
    uint64_t words[2];
    memcpy(words, id->bytes, sizeof words);
    struct recent *slot =
        &l->recent[((words[0] ^ words[1]) * 0x9e3779b97f4a7c15u >> 32) & (RECENT_SLOTS - 1)];
    if (slot->node == 0 || memcmp(slot->id.bytes, id->bytes, sizeof id->bytes) != 0) {
        uint32_t node = su_graph_find(l->graph, id);
        if (node == SU_NOBODY)
            return SU_NOBODY;
        *slot = (struct recent){*id, node + 1};
    }
    return slot->node - 1;
}

static int add_alternative(struct loading *l, const struct su_guid *target, bool is_bundled, int64_t revision,
                           struct su_err *err)
{
    struct su_graph *g = l->graph;
    uint32_t held = find_recent(l, target);
    if (is_bundled && held != SU_NOBODY)
        held = find_revision(g, held, revision);
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
    *missing = (struct su_graph_missing){*target, (uint32_t)revision};
    return 0;
}

/* Columns: rev_id, clause, target, is_category, revision; in order of the primary key. */
static int load_relation(struct loading *l, struct su_rows *rows, bool is_bundled, struct su_err *err)
{
    struct su_graph *g = l->graph;
    struct su_graph_range *range = NULL;
    uint32_t row = SU_NOBODY;
    int64_t last_rev_id = 0, last_clause = 0;
    size_t cursor = 0;
    int more;
    while ((more = su_rows_next(rows, err)) > 0) {
        struct su_guid target;
        int64_t rev_id = su_rows_int(rows, 0), clause = su_rows_int(rows, 1);
        if (su_rows_fixed(rows, 2, target.bytes, sizeof target.bytes, err) < 0)
            return -1;
        if (!range || rev_id != last_rev_id) {
            row = su_graph_row(g, rev_id, &cursor);
            if (row == SU_NOBODY)
                return su_fail(err, SU_DATA, "database: a relation belongs to no revision");
            range = is_bundled ? &g->rows.at[row].bundled : &g->rows.at[row].prerequisites;
        }
        if (range->count == 0 || clause != last_clause) {
            enum su_edge relation = is_bundled             ? SU_BY_BUNDLE
                                    : su_rows_int(rows, 3) ? SU_BY_CATEGORY
                                                           : SU_BY_PREREQUISITE;
            if (begin_clause(g, row, relation, err) < 0)
                return -1;
            if (range->count++ == 0)
                range->first = (uint32_t)(g->clauses.count - 1);
        }
        last_rev_id = rev_id;
        last_clause = clause;
        if (add_alternative(l, &target, is_bundled, is_bundled ? su_rows_int(rows, 4) : 0, err) < 0)
            return -1;
    }
    return more;
}

static int load_relations(struct loading *l, struct su_db *db, bool with_prerequisites, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (with_prerequisites &&
        (su_query(db, &rows, err,
                  "SELECT rev_id, clause, target, is_category FROM prerequisite ORDER BY rev_id, clause, "
                  "target") < 0 ||
         load_relation(l, &rows, false, err) < 0))
        return -1;
    if (su_query(db, &rows, err,
                 "SELECT rev_id, clause, target, 0, target_revision FROM bundled ORDER BY rev_id, clause, "
                 "target, target_revision") < 0 ||
        load_relation(l, &rows, true, err) < 0 || begin_clause(l->graph, 0, SU_BY_PREREQUISITE, err) < 0)
        return -1;
    l->graph->clauses.count--; /* the one behind the last */
    return 0;
}

struct su_graph *su_graph_load(struct su_db *db, bool with_prerequisites, struct su_err *err)
{
    struct su_graph *g = calloc(1, sizeof *g);
    struct loading l = {.graph = g, .recent = calloc(RECENT_SLOTS, sizeof *l.recent)};
    if (!g || !l.recent)
        (void)su_fail_memory(err);
    if (!g || !l.recent || load_rows(g, db, err) < 0 || make_indices(g, err) < 0 ||
        load_facts(g, db, err) < 0 || load_relations(&l, db, with_prerequisites, err) < 0)
        su_graph_cleanup(&g);
    free(l.recent);
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
