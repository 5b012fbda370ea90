/*
 * graph.h - the relations of a catalogue in memory: update ids, their revisions, what each revision's
 * clauses ask for.
 *
 * One pass over the index of revisions and one over info, where the relations of each stand packed (relations.h):
 * 100,000 updates with 560,000 relations load in about 0.15 s. Everything that judges the whole catalogue (state,
 * closure, needed files, what a site lacks) reads it from here instead of asking the database row by row.
 *
 * The graph is a copy: it belongs to whoever loaded it, and is right as long as the catalogue does
 * not change. About 100 bytes a revision, 8 a clause, 4 an alternative.
 */
#ifndef SU_GRAPH_H
#define SU_GRAPH_H

#include "common/catalogue/state.h"

#define SU_NOBODY UINT32_MAX
#define SU_GRAPH_MISSING ((uint32_t)1 << 31)

/* Of a clause. A category is a prerequisite marked as such. */
enum su_edge { SU_BY_PREREQUISITE, SU_BY_CATEGORY, SU_BY_BUNDLE };

struct su_graph_node { /* an update id */
    struct su_guid id;
    uint32_t first_row, row_count; /* its revisions, the newest last */
};
struct su_graph_range {
    uint32_t first, count;
};
struct su_graph_row { /* a revision */
    int64_t rev_id;
    uint32_t node, revision;
    struct su_graph_range prerequisites, bundled; /* clauses */
    uint8_t record_sha256[SU_SHA256_BYTES];
    uint8_t type; /* enum su_update_type */
    bool is_expired;
};
struct su_graph_clause { /* its alternatives end where the next clause's begin */
    uint32_t row;
    uint32_t first : 30, relation : 2;
};
struct su_graph_missing {
    struct su_guid id;
    uint32_t revision; /* of a bundled update */
};

struct su_graph_number {
    int64_t rev_id;
    uint32_t row;
};

struct su_graph {
    SU_VEC(struct su_graph_node) nodes;     /* in order of id */
    SU_VEC(struct su_graph_row) rows;       /* in order of (id, revision): the order of the state digest */
    SU_VEC(struct su_graph_clause) clauses; /* and one behind the last */
    SU_VEC(uint32_t) alternatives;          /* in order of (target, revision): a node, or a row when bundled, or with
                                             * SU_GRAPH_MISSING an index in missing; read by su_graph_alternative */
    SU_VEC(struct su_graph_missing) missing;
    struct su_graph_number *by_rev_id; /* rows in the order of their rev_id */
    uint32_t *prefixes;                /* where the nodes of each first two bytes begin */
};

/* NULL with an error. `with_prerequisites`: else only bundled updates are related. */
struct su_graph *su_graph_load(struct su_db *db, bool with_prerequisites, struct su_err *err);
void su_graph_cleanup(struct su_graph **graph);

uint32_t su_graph_find(const struct su_graph *graph, const struct su_guid *id); /* node or SU_NOBODY */
/* The row of a rev_id, or SU_NOBODY. Fast when asked in ascending order with one `*cursor`, first 0. */
uint32_t su_graph_row(const struct su_graph *graph, int64_t rev_id, size_t *cursor);

static inline const struct su_graph_row *su_graph_newest(const struct su_graph *g, uint32_t node)
{
    return &g->rows.at[g->nodes.at[node].first_row + g->nodes.at[node].row_count - 1];
}
static inline uint32_t su_graph_clause_end(const struct su_graph *g, uint32_t clause)
{
    return g->clauses.at[clause + 1].first;
}
/* What an alternative of a clause names. */
struct su_graph_target {
    uint32_t node;                          /* SU_NOBODY: not held */
    uint32_t row;                           /* of a bundled update that is held, the exact revision */
    const struct su_graph_missing *missing; /* of one not held */
};
static inline struct su_graph_target su_graph_alternative(const struct su_graph *g, uint32_t clause, uint32_t alternative)
{
    uint32_t value = g->alternatives.at[alternative];
    if (value & SU_GRAPH_MISSING)
        return (struct su_graph_target){SU_NOBODY, SU_NOBODY, &g->missing.at[value & ~SU_GRAPH_MISSING]};
    if (g->clauses.at[clause].relation == SU_BY_BUNDLE)
        return (struct su_graph_target){g->rows.at[value].node, value, NULL};
    return (struct su_graph_target){value, SU_NOBODY, NULL};
}

/* The state digest of all rows, or of those whose node is marked. */
int su_graph_state(const struct su_graph *graph, const bool *nodes, struct su_state *out, struct su_err *err) SU_CHECKED;
/* A clause that nothing held answers, as the manifest's line without "hole ". */
int su_graph_hole_line(const struct su_graph *graph, uint32_t clause, struct su_buf *out, struct su_err *err) SU_CHECKED;

#endif
