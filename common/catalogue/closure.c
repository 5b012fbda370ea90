#include "common/catalogue/closure_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/lifecycle.h"
#include "common/catalogue/pin.h"
#include "common/catalogue/update.h"
#include "common/catalogue/withheld.h"

enum { WANTED_PRODUCT = 1, WANTED_CLASSIFICATION = 2 }; /* what an id is to the profile */

void su_closure_cleanup(struct su_closure **c)
{
    if (!*c)
        return;
    su_graph_cleanup(&(*c)->graph);
    free((*c)->marks);
    free((*c)->carried);
    free((*c)->offsets);
    free((*c)->users);
    free((*c)->wishes.at);
    free((*c)->holes.at);
    free(*c);
    *c = NULL;
}

struct su_closure *su_closure_load(struct su_db *db, struct su_err *err)
{
    struct su_closure *c = calloc(1, sizeof *c);
    if (!c) {
        (void)su_fail_memory(err);
        return NULL;
    }
    c->db = db;
    if (!(c->graph = su_graph_load(db, true, err))) {
        su_closure_cleanup(&c);
        return NULL;
    }
    size_t count = c->graph->nodes.count;
    c->marks = calloc(count + 1, sizeof *c->marks);
    c->carried = calloc(count + 1, sizeof *c->carried);
    if (!c->marks || !c->carried) {
        (void)su_fail_memory(err);
        su_closure_cleanup(&c);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        c->marks[i] = (struct su_closure_mark){.reason = SU_NOBODY, .is_closable = true};
    return c;
}

const struct su_graph *su_closure_graph(const struct su_closure *c)
{
    return c->graph;
}

const bool *su_closure_carried(const struct su_closure *c)
{
    return c->carried;
}

/* The node that an alternative names. */
static uint32_t named(const struct su_closure *c, uint32_t clause, uint32_t alternative)
{
    return su_graph_alternative(c->graph, clause, alternative).node;
}

/* For each node the clauses that name it: offsets into one array, so that a change costs what hangs on it. */
static int find_users(struct su_closure *c, struct su_err *err)
{
    const struct su_graph *g = c->graph;
    c->offsets = calloc(g->nodes.count + 2, sizeof *c->offsets);
    c->users = malloc((g->alternatives.count + 1) * sizeof *c->users);
    if (!c->offsets || !c->users)
        return su_fail_memory(err);
    for (uint32_t k = 0; k < g->clauses.count; k++)
        for (uint32_t a = g->clauses.at[k].first; a < su_graph_clause_end(g, k); a++)
            if (named(c, k, a) != SU_NOBODY)
                c->offsets[named(c, k, a) + 2]++;
    for (size_t i = 2; i < g->nodes.count + 2; i++)
        c->offsets[i] += c->offsets[i - 1];
    for (uint32_t k = 0; k < g->clauses.count; k++)
        for (uint32_t a = g->clauses.at[k].first; a < su_graph_clause_end(g, k); a++)
            if (named(c, k, a) != SU_NOBODY)
                c->users[c->offsets[named(c, k, a) + 1]++] = k;
    return 0;
}

/* Greatest fixed point: everything closes until a clause proves otherwise. Each clause counts its
 * living alternatives, so the work is linear in the relations, whatever their shape. */
static int find_closable(struct su_closure *c, struct su_err *err)
{
    const struct su_graph *g = c->graph;
    uint32_t *fallen = malloc((g->nodes.count + 1) * sizeof *fallen);
    uint32_t *alive = calloc(g->clauses.count + 1, sizeof *alive);
    size_t count = 0;
    int result = fallen && alive ? 0 : su_fail_memory(err);
    for (uint32_t k = 0; result == 0 && k < g->clauses.count; k++) {
        for (uint32_t a = g->clauses.at[k].first; a < su_graph_clause_end(g, k); a++)
            alive[k] += named(c, k, a) != SU_NOBODY;
        if (alive[k] == 0 && c->marks[su_closure_node_of(c, k)].is_closable) {
            c->marks[su_closure_node_of(c, k)].is_closable = false;
            fallen[count++] = su_closure_node_of(c, k);
        }
    }
    while (result == 0 && count > 0) {
        uint32_t at = fallen[--count];
        for (uint32_t u = c->offsets[at]; u < c->offsets[at + 1]; u++) {
            struct su_closure_mark *mark = &c->marks[su_closure_node_of(c, c->users[u])];
            if (--alive[c->users[u]] == 0 && mark->is_closable) {
                mark->is_closable = false;
                fallen[count++] = su_closure_node_of(c, c->users[u]);
            }
        }
    }
    free(fallen);
    free(alive);
    return result;
}

static int compare_wishes(const void *a, const void *b)
{
    return memcmp(((const struct su_closure_wish *)a)->id.bytes,
                  ((const struct su_closure_wish *)b)->id.bytes, 16);
}

static int make_wishes(struct su_closure *c, const struct su_profile *profile, struct su_err *err)
{
    for (size_t i = 0; i < profile->items.count; i++) {
        const struct su_profile_item *item = &profile->items.at[i];
        struct su_guid id;
        if (item->kind > SU_ITEM_CLASSIFICATION || !su_guid_parse(&id, item->value, SU_GUID_TEXT - 1))
            continue;
        struct su_closure_wish *wish = SU_PUSH(&c->wishes, SU_MAX_PROFILE_ITEMS);
        if (!wish)
            return su_fail_memory(err);
        *wish = (struct su_closure_wish){id, item->kind == SU_ITEM_PRODUCT ? WANTED_PRODUCT
                                                                           : WANTED_CLASSIFICATION};
        uint32_t node = su_graph_find(c->graph, &id);
        if (node != SU_NOBODY)
            c->marks[node].wanted |= wish->wanted;
    }
    if (c->wishes.count > 0)
        qsort(c->wishes.at, c->wishes.count, sizeof *c->wishes.at, compare_wishes);
    return 0;
}

/* What the profile wants of what an alternative names, be it held or not. */
static uint8_t wanted_by(const struct su_closure *c, uint32_t clause, uint32_t alternative)
{
    struct su_graph_target target = su_graph_alternative(c->graph, clause, alternative);
    if (!target.missing)
        return c->marks[target.node].wanted;
    struct su_closure_wish key = {.id = target.missing->id};
    const struct su_closure_wish *found =
        c->wishes.count ? bsearch(&key, c->wishes.at, c->wishes.count, sizeof key, compare_wishes) : NULL;
    uint8_t wanted = 0; /* one id may be named twice, as a product and as a classification */
    for (const struct su_closure_wish *w = found; w && w >= c->wishes.at && compare_wishes(w, &key) == 0; w--)
        wanted |= w->wanted;
    for (const struct su_closure_wish *w = found;
         w && w < c->wishes.at + c->wishes.count && compare_wishes(w, &key) == 0; w++)
        wanted |= w->wanted;
    return wanted;
}

/* What the prerequisites of a revision name of the profile. */
static uint8_t wanted_of(const struct su_closure *c, const struct su_graph_row *row)
{
    uint8_t wanted = 0;
    for (uint32_t k = row->prerequisites.first; k < row->prerequisites.first + row->prerequisites.count; k++)
        for (uint32_t a = c->graph->clauses.at[k].first; a < su_graph_clause_end(c->graph, k); a++)
            wanted |= wanted_by(c, k, a);
    return wanted;
}

/* A product stands for everything below it in the tree of categories. */
static int spread_products(struct su_closure *c, struct su_err *err)
{
    const struct su_graph *g = c->graph;
    uint32_t *queue = malloc((g->nodes.count + 1) * sizeof *queue);
    size_t count = 0;
    if (!queue)
        return su_fail_memory(err);
    for (uint32_t i = 0; i < g->nodes.count; i++) {
        const struct su_graph_row *newest = su_graph_newest(g, i);
        if (c->marks[i].wanted & WANTED_PRODUCT ||
            (newest->type == SU_CATEGORY && wanted_of(c, newest) & WANTED_PRODUCT)) {
            c->marks[i].wanted |= WANTED_PRODUCT;
            queue[count++] = i;
        }
    }
    while (count > 0) {
        uint32_t at = queue[--count];
        for (uint32_t u = c->offsets[at]; u < c->offsets[at + 1]; u++) {
            const struct su_graph_clause *clause = &g->clauses.at[c->users[u]];
            const struct su_graph_row *row = &g->rows.at[clause->row];
            if (clause->relation == SU_BY_BUNDLE || row != su_graph_newest(g, row->node) ||
                row->type != SU_CATEGORY || c->marks[row->node].wanted & WANTED_PRODUCT)
                continue;
            c->marks[row->node].wanted |= WANTED_PRODUCT;
            queue[count++] = row->node;
        }
    }
    free(queue);
    return 0;
}

static int select_pinned(void *context, const struct su_guid *id, struct su_err *err)
{
    struct su_closure *c = context;
    uint32_t node = su_graph_find(c->graph, id);
    (void)err;
    if (node != SU_NOBODY && !c->marks[node].is_selected)
        c->marks[node].is_selected = c->marks[node].is_pinned = true;
    return 0;
}

static int note_ruled(void *context, const struct su_guid *id, struct su_err *err)
{
    struct su_closure *c = context;
    uint32_t node = su_graph_find(c->graph, id);
    (void)err;
    if (node != SU_NOBODY)
        c->has_ruled = c->marks[node].is_ruled = true;
    return 0;
}

static void spare_approved(struct su_closure *c, const struct su_profile *profile)
{
    for (size_t i = 0; i < profile->items.count; i++) {
        const struct su_profile_item *item = &profile->items.at[i];
        struct su_guid id;
        uint32_t node = SU_NOBODY;
        if (item->kind == SU_ITEM_APPROVAL && su_guid_parse(&id, item->value, strlen(item->value)))
            node = su_graph_find(c->graph, &id);
        if (node != SU_NOBODY)
            c->marks[node].is_ruled = false;
    }
}

static void drop(struct su_closure *c, uint32_t node)
{
    c->marks[node].is_dropped = true;
    c->marks[node].is_selected = false;
}

/* Whether all that bundles it, if anything does, was dropped, and nobody could approve it by itself. */
static int is_orphan(const struct su_closure *c, uint32_t node, bool *out, struct su_err *err)
{
    int64_t deployable;
    *out = false;
    for (uint32_t u = c->offsets[node]; u < c->offsets[node + 1]; u++) {
        if (c->graph->clauses.at[c->users[u]].relation != SU_BY_BUNDLE)
            continue;
        *out = c->marks[su_closure_node_of(c, c->users[u])].is_dropped;
        if (!*out)
            return 0;
    }
    if (!*out)
        return 0;
    if (su_query_int(
            c->db, &deployable, NULL, err,
            "SELECT coalesce(max(deployable), 0) FROM revision JOIN info USING (rev_id) WHERE update_id=?1",
            SU_B(c->graph->nodes.at[node].id.bytes, 16)) < 0)
        return -1;
    *out = deployable == 0;
    return 0;
}

/* What a rule has expired is not selected, nor what only that bundles; approved for the site, it stays. */
static int drop_ruled(struct su_closure *c, const struct su_profile *profile, struct su_err *err)
{
    spare_approved(c, profile);
    for (uint32_t i = 0; i < c->graph->nodes.count; i++)
        if (c->marks[i].is_ruled && c->marks[i].is_selected)
            drop(c, i);
    for (bool is_more = true; is_more;) {
        is_more = false;
        for (uint32_t i = 0; i < c->graph->nodes.count; i++) {
            bool is_part;
            if (!c->marks[i].is_selected)
                continue;
            if (is_orphan(c, i, &is_part, err) < 0)
                return -1;
            if (is_part)
                drop(c, i);
            is_more |= is_part;
        }
    }
    return 0;
}

/* The categories named, and every software and driver whose newest revision lists a chosen product and a
 * chosen classification among its prerequisites (hidden children may do so without IsCategory,
 * formats.md 3.5); children follow their bundle. Then what is pinned. */
static int select_roots(struct su_closure *c, const struct su_profile *profile, struct su_err *err)
{
    const struct su_graph *g = c->graph;
    bool by_product = su_profile_has(profile, SU_ITEM_PRODUCT);
    bool by_classification = su_profile_has(profile, SU_ITEM_CLASSIFICATION);
    bool by_any = by_product || by_classification;
    if (make_wishes(c, profile, err) < 0 || spread_products(c, err) < 0)
        return -1;
    for (uint32_t i = 0; i < g->nodes.count; i++) {
        struct su_closure_mark *mark = &c->marks[i];
        const struct su_graph_row *newest = su_graph_newest(g, i);
        mark->is_selected = !by_any || mark->wanted != 0;
        if (newest->type != SU_SOFTWARE && newest->type != SU_DRIVER)
            continue;
        uint8_t wanted = wanted_of(c, newest);
        mark->lacks_product = by_product && !(wanted & WANTED_PRODUCT);
        mark->lacks_classification = by_classification && !(wanted & WANTED_CLASSIFICATION);
        mark->is_selected = !mark->lacks_product && !mark->lacks_classification && !mark->is_withheld;
    }
    return c->has_ruled && drop_ruled(c, profile, err) < 0 ? -1 : su_pin_list(c->db, select_pinned, c, err);
}

static int select_urgent(struct su_closure *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    int more;
    if (su_query(c->db, &rows, err, "SELECT DISTINCT update_id FROM revision WHERE origin=1") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0)
            return -1;
        uint32_t node = su_graph_find(c->graph, &id);
        if (node != SU_NOBODY)
            c->marks[node].is_selected = true;
    }
    return more < 0 ? -1 : su_pin_list(c->db, select_pinned, c, err);
}

static bool clause_holds(const struct su_closure *c, uint32_t clause)
{
    for (uint32_t a = c->graph->clauses.at[clause].first; a < su_graph_clause_end(c->graph, clause); a++) {
        uint32_t node = named(c, clause, a);
        if (node != SU_NOBODY && c->marks[node].is_closable)
            return true;
    }
    return false;
}

struct queue {
    uint32_t *at;
    size_t head, tail;
};

/* Everything the clauses of a range ask for, on behalf of the node at the queue's head. */
static void carry_range(struct su_closure *c, const struct su_graph_range *range, struct queue *queue)
{
    const struct su_graph *g = c->graph;
    for (uint32_t k = range->first; k < range->first + range->count; k++) {
        bool holds = clause_holds(c, k);
        for (uint32_t a = g->clauses.at[k].first; a < su_graph_clause_end(g, k); a++) {
            uint32_t to = named(c, k, a);
            if (to == SU_NOBODY || c->carried[to] || (holds && !c->marks[to].is_closable))
                continue; /* an incomplete alternative travels only where there is no better one */
            c->carried[to] = true;
            c->marks[to].reason = queue->at[queue->head];
            c->marks[to].reason_kind = g->clauses.at[k].relation;
            queue->at[queue->tail++] = to;
        }
    }
}

/* Breadth first from the selected ids, so that each reason chain is a shortest one. */
static int carry(struct su_closure *c, struct su_err *err)
{
    const struct su_graph *g = c->graph;
    struct queue queue = {.at = malloc((g->nodes.count + 1) * sizeof *queue.at)};
    if (!queue.at)
        return su_fail_memory(err);
    for (uint32_t i = 0; i < g->nodes.count; i++)
        if ((c->carried[i] = c->marks[i].is_selected))
            queue.at[queue.tail++] = i;
    for (; queue.head < queue.tail; queue.head++) {
        const struct su_graph_node *node = &g->nodes.at[queue.at[queue.head]];
        for (uint32_t r = node->first_row; r < node->first_row + node->row_count; r++) {
            carry_range(c, &g->rows.at[r].prerequisites, &queue);
            carry_range(c, &g->rows.at[r].bundled, &queue);
        }
    }
    free(queue.at);
    return 0;
}

static int collect_range(struct su_closure *c, const struct su_graph_range *range, struct su_err *err)
{
    for (uint32_t k = range->first; k < range->first + range->count; k++) {
        bool is_open = true;
        for (uint32_t a = c->graph->clauses.at[k].first; is_open && a < su_graph_clause_end(c->graph, k); a++)
            is_open = named(c, k, a) == SU_NOBODY || !c->carried[named(c, k, a)];
        if (!is_open)
            continue;
        uint32_t *slot = SU_PUSH(&c->holes, SU_MAX_HOLES);
        if (!slot)
            return su_fail_full(err, "the closure has more than %u holes", SU_MAX_HOLES);
        *slot = k;
    }
    return 0;
}

static int collect_holes(struct su_closure *c, struct su_err *err)
{
    for (size_t r = 0; r < c->graph->rows.count; r++) {
        const struct su_graph_row *row = &c->graph->rows.at[r];
        if (c->carried[row->node] &&
            (collect_range(c, &row->prerequisites, err) < 0 || collect_range(c, &row->bundled, err) < 0))
            return -1;
    }
    return 0;
}

/* `profile` NULL: what is urgent. */
static int walk(struct su_closure *c, const struct su_profile *profile, struct su_err *err)
{
    if (find_users(c, err) < 0 || (profile ? select_roots(c, profile, err) : select_urgent(c, err)) < 0 ||
        find_closable(c, err) < 0)
        return -1;
    free(c->offsets);
    free(c->users);
    c->offsets = c->users = NULL;
    return carry(c, err);
}

static int withhold(void *context, const struct su_guid *id, struct su_err *err)
{
    struct su_closure *c = context;
    uint32_t node = su_graph_find(c->graph, id);
    (void)err;
    if (node != SU_NOBODY)
        c->has_withheld = c->marks[node].is_withheld = true;
    return 0;
}

int su_closure_walk(struct su_closure *c, const struct su_profile *profile, struct su_err *err)
{
    if (su_withheld_list(c->db, withhold, c, err) < 0 || su_lifecycle_list(c->db, note_ruled, c, err) < 0)
        return -1;
    if (c->has_withheld || c->has_ruled || su_profile_has(profile, SU_ITEM_PRODUCT) ||
        su_profile_has(profile, SU_ITEM_CLASSIFICATION)) {
        if (walk(c, profile, err) < 0)
            return -1;
    } else { /* no filter means everything: nothing is left to be brought in */
        for (size_t i = 0; i < c->graph->nodes.count; i++)
            c->marks[i].is_selected = c->carried[i] = true;
    }
    return collect_holes(c, err);
}

int su_closure_walk_urgent(struct su_closure *c, struct su_err *err)
{
    return walk(c, NULL, err) < 0 ? -1 : collect_holes(c, err);
}
