/*
 * closure_parts.h - what a closure is made of: for closure.c, which walks it, and closure_explain.c, which tells what was
 * found and why.
 */
#ifndef SU_CLOSURE_PARTS_H
#define SU_CLOSURE_PARTS_H

#include "common/catalogue/closure.h"

struct su_closure_mark {            /* of a node */
    uint32_t reason;     /* node that brought it in; SU_NOBODY: selected or not carried */
    uint8_t reason_kind; /* enum su_edge */
    uint8_t wanted;
    bool is_selected, is_pinned, is_closable; /* pinned: selected although the profile asks otherwise */
    bool is_ruled, is_dropped;                /* expired by a rule; so not selected, nor are its parts */
    bool is_withheld;                         /* not selected although the profile asks for it */
    bool lacks_product, lacks_classification; /* of what the profile names; why it was not selected */
};

struct su_closure_wish { /* an id that the profile names, held or not */
    struct su_guid id;
    uint8_t wanted;
};

struct su_closure {
    struct su_db *db;
    struct su_graph *graph;
    struct su_closure_mark *marks;
    bool *carried; /* by node */
    bool has_withheld, has_ruled;
    uint32_t *offsets, *users;  /* for each node the clauses that name it, while walking */
    SU_VEC(struct su_closure_wish) wishes; /* sorted by id */
    SU_VEC(uint32_t) holes;     /* clause numbers */
};

static inline uint32_t su_closure_node_of(const struct su_closure *c, uint32_t clause)
{
    return c->graph->rows.at[c->graph->clauses.at[clause].row].node;
}

#endif
