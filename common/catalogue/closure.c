#include "common/catalogue/closure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"

#define MAX_EDGES ((size_t)1 << 27)
#define NOBODY UINT32_MAX

struct node {
    struct su_guid id;
    uint32_t first_clause, clause_count;
    uint32_t reason; /* node that brought it in; NOBODY: selected or not carried */
    uint8_t reason_kind;
    bool is_category_type, is_selected, is_closable, is_carried;
    bool lacks_product, lacks_classification; /* of what the profile names; why it was not selected */
};

struct alternative {
    uint32_t node;    /* NOBODY: not held */
    uint32_t missing; /* index in missing when not held */
};

struct clause {
    uint32_t node, revision;
    uint32_t first, count; /* alternatives */
    uint8_t kind;          /* reason kinds below */
};
enum { SELECTED, PREREQUISITE, CATEGORY, BUNDLED };

struct missing {
    struct su_guid id;
    uint32_t revision;
};

struct su_closure {
    struct su_db *db;
    SU_VEC(struct node) nodes;     /* sorted by id */
    SU_VEC(struct clause) clauses; /* grouped by node */
    SU_VEC(struct alternative) alternatives;
    SU_VEC(struct missing) missing;
    SU_VEC(uint32_t) holes; /* clause numbers */
};

void su_closure_cleanup(struct su_closure **c)
{
    if (!*c)
        return;
    free((*c)->nodes.at);
    free((*c)->clauses.at);
    free((*c)->alternatives.at);
    free((*c)->missing.at);
    free((*c)->holes.at);
    free(*c);
    *c = NULL;
}

static int compare_nodes(const void *a, const void *b)
{
    return memcmp(((const struct node *)a)->id.bytes, ((const struct node *)b)->id.bytes, 16);
}

static uint32_t find(const struct su_closure *c, const struct su_guid *id)
{
    struct node key = {.id = *id};
    const struct node *found =
        c->nodes.count ? bsearch(&key, c->nodes.at, c->nodes.count, sizeof key, compare_nodes) : NULL;
    return found ? (uint32_t)(found - c->nodes.at) : NOBODY;
}

static int load_nodes(struct su_closure *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(c->db, &rows, err,
                 "SELECT r.update_id, max(i.type=0) FROM revision r JOIN info i USING (rev_id) GROUP BY "
                 "r.update_id ORDER BY r.update_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct node *node = SU_PUSH(&c->nodes, SU_MAX_PACKAGE_REVISIONS);
        if (!node)
            return su_fail_memory(err);
        if (su_rows_fixed(&rows, 0, node->id.bytes, 16, err) < 0)
            return -1;
        node->is_category_type = su_rows_int(&rows, 1) != 0;
        node->reason = NOBODY;
        node->is_closable = true;
    }
    return more;
}

/* Columns: update_id, revision, relation (0 prerequisite, 1 bundled), clause, target, is_category,
 * target_revision, held revision; grouped by update, revision, relation, clause. */
static int load_row(struct su_closure *c, struct su_rows *rows, struct su_guid *last_id, int64_t last[3],
                    struct su_err *err)
{
    struct su_guid id, target;
    if (su_rows_fixed(rows, 0, id.bytes, 16, err) < 0 || su_rows_fixed(rows, 4, target.bytes, 16, err) < 0)
        return -1;
    int64_t group[3] = {su_rows_int(rows, 1), su_rows_int(rows, 2), su_rows_int(rows, 3)};
    bool is_bundled = group[1] != 0;
    if (c->clauses.count == 0 || memcmp(id.bytes, last_id->bytes, 16) != 0 ||
        memcmp(group, last, sizeof group) != 0) {
        struct clause *clause = SU_PUSH(&c->clauses, MAX_EDGES);
        if (!clause)
            return su_fail_memory(err);
        clause->node = find(c, &id);
        clause->revision = (uint32_t)group[0];
        clause->first = (uint32_t)c->alternatives.count;
        clause->kind = is_bundled ? BUNDLED : su_rows_int(rows, 5) ? CATEGORY : PREREQUISITE;
        if (clause->node == NOBODY)
            return su_fail(err, SU_DATA, "database: a relation belongs to no update");
        struct node *node = &c->nodes.at[clause->node];
        if (node->clause_count++ == 0)
            node->first_clause = (uint32_t)(c->clauses.count - 1);
        *last_id = id;
        memcpy(last, group, sizeof group);
    }
    struct alternative *alternative = SU_PUSH(&c->alternatives, MAX_EDGES);
    if (!alternative)
        return su_fail_memory(err);
    c->clauses.at[c->clauses.count - 1].count++;
    bool is_held = !is_bundled || !su_rows_is_null(rows, 7);
    alternative->node = is_held ? find(c, &target) : NOBODY;
    if (alternative->node == NOBODY) {
        struct missing *missing = SU_PUSH(&c->missing, MAX_EDGES);
        if (!missing)
            return su_fail_memory(err);
        alternative->missing = (uint32_t)(c->missing.count - 1);
        *missing = (struct missing){target, (uint32_t)su_rows_int(rows, 6)};
    }
    return 0;
}

static int load_clauses(struct su_closure *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid last_id = {{0}};
    int64_t last[3] = {-1, -1, -1};
    int more;
    if (su_query(
            c->db, &rows, err,
            "SELECT r.update_id, r.revision, 0, p.clause, p.target, p.is_category, 0, NULL"
            " FROM revision r JOIN prerequisite p USING (rev_id)"
            " UNION ALL SELECT r.update_id, r.revision, 1, b.clause, b.target, 0, b.target_revision, t.rev_id"
            " FROM revision r JOIN bundled b USING (rev_id)"
            " LEFT JOIN revision t ON t.update_id=b.target AND t.revision=b.target_revision"
            " ORDER BY 1, 2, 3, 4, 5, 7") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (load_row(c, &rows, &last_id, last, err) < 0)
            return -1;
    return more;
}

struct su_closure *su_closure_load(struct su_db *db, struct su_err *err)
{
    struct su_closure *c = calloc(1, sizeof *c);
    if (!c) {
        (void)su_fail_memory(err);
        return NULL;
    }
    c->db = db;
    if (load_nodes(c, err) < 0 || load_clauses(c, err) < 0)
        su_closure_cleanup(&c);
    return c;
}

static bool clause_holds(const struct su_closure *c, const struct clause *clause)
{
    for (uint32_t i = 0; i < clause->count; i++) {
        uint32_t node = c->alternatives.at[clause->first + i].node;
        if (node != NOBODY && c->nodes.at[node].is_closable)
            return true;
    }
    return false;
}

/* For each node the clauses that name it: offsets into one array, so that a fall costs what hangs on it. */
static int users_of(const struct su_closure *c, uint32_t **offsets, uint32_t **users, struct su_err *err)
{
    *offsets = calloc(c->nodes.count + 2, sizeof **offsets);
    *users = malloc((c->alternatives.count + 1) * sizeof **users);
    if (!*offsets || !*users)
        return su_fail_memory(err);
    for (size_t i = 0; i < c->alternatives.count; i++)
        if (c->alternatives.at[i].node != NOBODY)
            (*offsets)[c->alternatives.at[i].node + 2]++;
    for (size_t i = 2; i < c->nodes.count + 2; i++)
        (*offsets)[i] += (*offsets)[i - 1];
    for (uint32_t k = 0; k < c->clauses.count; k++)
        for (uint32_t a = 0; a < c->clauses.at[k].count; a++) {
            uint32_t node = c->alternatives.at[c->clauses.at[k].first + a].node;
            if (node != NOBODY)
                (*users)[(*offsets)[node + 1]++] = k;
        }
    return 0;
}

/* Greatest fixed point: everything closes until a clause proves otherwise. Each clause counts its
 * living alternatives, so the work is linear in the relations, whatever their shape. */
static int find_closable(struct su_closure *c, struct su_err *err)
{
    uint32_t *offsets = NULL, *users = NULL, *fallen = malloc((c->nodes.count + 1) * sizeof *fallen);
    uint32_t *alive = calloc(c->clauses.count + 1, sizeof *alive);
    size_t count = 0;
    int result = fallen && alive ? users_of(c, &offsets, &users, err) : su_fail_memory(err);
    for (uint32_t k = 0; result == 0 && k < c->clauses.count; k++) {
        for (uint32_t a = 0; a < c->clauses.at[k].count; a++)
            alive[k] += c->alternatives.at[c->clauses.at[k].first + a].node != NOBODY;
        struct node *node = &c->nodes.at[c->clauses.at[k].node];
        if (alive[k] == 0 && node->is_closable) {
            node->is_closable = false;
            fallen[count++] = c->clauses.at[k].node;
        }
    }
    while (result == 0 && count > 0) {
        uint32_t at = fallen[--count];
        for (uint32_t u = offsets[at]; u < offsets[at + 1]; u++) {
            struct node *node = &c->nodes.at[c->clauses.at[users[u]].node];
            if (--alive[users[u]] == 0 && node->is_closable) {
                node->is_closable = false;
                fallen[count++] = c->clauses.at[users[u]].node;
            }
        }
    }
    free(offsets);
    free(users);
    free(fallen);
    free(alive);
    return result;
}

#define NEWEST "r.revision=(SELECT max(n.revision) FROM revision n WHERE n.update_id=r.update_id)"

/* Ids of the profile and everything below them in the tree of categories. */
#define SELECT_CATEGORIES                                                                                    \
    "CREATE TEMP TABLE IF NOT EXISTS wanted (kind INTEGER, id BLOB, PRIMARY KEY (kind, id)) WITHOUT ROWID;"

static int fill_wanted(struct su_db *db, const struct su_profile *profile, struct su_err *err)
{
    if (su_db_script(db, SELECT_CATEGORIES "DELETE FROM temp.wanted;", err) < 0)
        return -1;
    for (size_t i = 0; i < profile->items.count; i++) {
        struct su_guid id;
        if (profile->items.at[i].kind <= SU_ITEM_CLASSIFICATION &&
            su_guid_parse(&id, profile->items.at[i].value, SU_GUID_TEXT - 1) &&
            su_run(db, err, "INSERT OR IGNORE INTO temp.wanted VALUES (?1,?2)",
                   SU_I(profile->items.at[i].kind), SU_B(id.bytes, 16)) < 0)
            return -1;
    }
    return su_run(db, err,
                  "INSERT OR IGNORE INTO temp.wanted WITH RECURSIVE below (id) AS (SELECT id FROM "
                  "temp.wanted WHERE kind=0 UNION"
                  " SELECT r.update_id FROM below JOIN prerequisite p ON p.target=below.id JOIN revision r "
                  "USING (rev_id)"
                  " JOIN info i USING (rev_id) WHERE i.type=0 AND " NEWEST ") SELECT 0, id FROM below");
}

static int mark_selected(struct su_closure *c, struct su_rows *rows, struct su_err *err)
{
    struct su_guid id;
    int more;
    while ((more = su_rows_next(rows, err)) > 0) {
        if (su_rows_fixed(rows, 0, id.bytes, 16, err) < 0)
            return -1;
        uint32_t node = find(c, &id);
        if (node == NOBODY)
            return su_fail(err, SU_BUG, "a selected update is not in the graph");
        c->nodes.at[node].lacks_product = su_rows_int(rows, 1) == 0;
        c->nodes.at[node].lacks_classification = su_rows_int(rows, 2) == 0;
        c->nodes.at[node].is_selected = su_rows_int(rows, 1) != 0 && su_rows_int(rows, 2) != 0;
    }
    return more;
}

/* No filter means everything. With one: the categories named, and every software and driver whose
 * newest revision lists a chosen product and a chosen classification among its prerequisites
 * (hidden children may do so without IsCategory, formats.md 3.5); children follow their bundle. */
static int select_roots(struct su_closure *c, const struct su_profile *profile, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    bool by_product = su_profile_has(profile, SU_ITEM_PRODUCT);
    bool by_classification = su_profile_has(profile, SU_ITEM_CLASSIFICATION);
    if (!by_product && !by_classification) {
        for (size_t i = 0; i < c->nodes.count; i++)
            c->nodes.at[i].is_selected = true;
        return 0;
    }
    if (fill_wanted(c->db, profile, err) < 0 ||
        su_query(
            c->db, &rows, err,
            "SELECT DISTINCT update_id, 1, 1 FROM revision r JOIN temp.wanted w ON w.id=r.update_id UNION ALL"
            " SELECT r.update_id, NOT ?1 OR EXISTS (SELECT 1 FROM prerequisite p JOIN temp.wanted w ON "
            "w.kind=0 AND w.id=p.target WHERE p.rev_id=r.rev_id),"
            " NOT ?2 OR EXISTS (SELECT 1 FROM prerequisite p JOIN temp.wanted w ON w.kind=1 AND "
            "w.id=p.target WHERE p.rev_id=r.rev_id) FROM revision r JOIN info i USING (rev_id) WHERE i.type "
            "IN (2, 3) "
            "AND " NEWEST,
            SU_I(by_product), SU_I(by_classification)) < 0)
        return -1;
    return mark_selected(c, &rows, err);
}

/* Breadth first from the selected ids, so that each reason chain is a shortest one. */
static int carry(struct su_closure *c, struct su_err *err)
{
    uint32_t *queue = malloc((c->nodes.count + 1) * sizeof *queue);
    size_t head = 0, tail = 0;
    if (!queue)
        return su_fail_memory(err);
    for (uint32_t i = 0; i < c->nodes.count; i++)
        if (c->nodes.at[i].is_selected) {
            c->nodes.at[i].is_carried = true;
            queue[tail++] = i;
        }
    while (head < tail) {
        const struct node *node = &c->nodes.at[queue[head]];
        for (uint32_t k = 0; k < node->clause_count; k++) {
            const struct clause *clause = &c->clauses.at[node->first_clause + k];
            bool holds = clause_holds(c, clause);
            for (uint32_t a = 0; a < clause->count; a++) {
                uint32_t to = c->alternatives.at[clause->first + a].node;
                if (to == NOBODY || c->nodes.at[to].is_carried || (holds && !c->nodes.at[to].is_closable))
                    continue; /* an incomplete alternative travels only where there is no better one */
                c->nodes.at[to].is_carried = true;
                c->nodes.at[to].reason = queue[head];
                c->nodes.at[to].reason_kind = clause->kind;
                queue[tail++] = to;
            }
        }
        head++;
    }
    free(queue);
    return 0;
}

static int collect_holes(struct su_closure *c, struct su_err *err)
{
    for (uint32_t i = 0; i < c->clauses.count; i++) {
        const struct clause *clause = &c->clauses.at[i];
        bool is_open = c->nodes.at[clause->node].is_carried;
        for (uint32_t a = 0; is_open && a < clause->count; a++) {
            uint32_t to = c->alternatives.at[clause->first + a].node;
            is_open = to == NOBODY || !c->nodes.at[to].is_carried;
        }
        if (!is_open)
            continue;
        uint32_t *slot = SU_PUSH(&c->holes, SU_MAX_HOLES);
        if (!slot)
            return su_fail(err, SU_LIMIT, "the closure has more than %u holes", SU_MAX_HOLES);
        *slot = i;
    }
    return 0;
}

int su_closure_walk(struct su_closure *c, const struct su_profile *profile, struct su_err *err)
{
    if (select_roots(c, profile, err) < 0)
        return -1;
    if (find_closable(c, err) < 0 || carry(c, err) < 0)
        return -1;
    return collect_holes(c, err);
}

void su_closure_count(const struct su_closure *c, struct su_closure_counts *out)
{
    *out = (struct su_closure_counts){0};
    for (size_t i = 0; i < c->nodes.count; i++) {
        out->selected += c->nodes.at[i].is_selected;
        out->updates += c->nodes.at[i].is_carried;
    }
    for (size_t i = 0; i < c->clauses.count; i++)
        if (c->nodes.at[c->clauses.at[i].node].is_carried)
            (*(c->clauses.at[i].kind == BUNDLED ? &out->bundled : &out->prerequisites))++;
}

int su_closure_store(const struct su_closure *c, struct su_err *err)
{
    if (su_db_script(
            c->db,
            "CREATE TEMP TABLE IF NOT EXISTS carry (rev_id INTEGER PRIMARY KEY); DELETE FROM temp.carry;",
            err) < 0)
        return -1;
    for (size_t i = 0; i < c->nodes.count; i++)
        if (c->nodes.at[i].is_carried &&
            su_run(c->db, err, "INSERT INTO temp.carry SELECT rev_id FROM revision WHERE update_id=?1",
                   SU_B(c->nodes.at[i].id.bytes, 16)) < 0)
            return -1;
    return 0;
}

size_t su_closure_hole_count(const struct su_closure *c)
{
    return c->holes.count;
}

/* What a hole's clause asks for first. None of its alternatives is held: a held one would have been
 * carried, closable or not. They are in order of (target, revision). */
static const struct missing *first_target(const struct su_closure *c, const struct clause *clause)
{
    return &c->missing.at[c->alternatives.at[clause->first].missing];
}

int su_closure_hole_line(const struct su_closure *c, size_t hole, struct su_buf *out, struct su_err *err)
{
    const struct clause *clause = &c->clauses.at[c->holes.at[hole]];
    char from[SU_GUID_TEXT], to[SU_GUID_TEXT];
    const struct missing *target = first_target(c, clause);
    su_guid_format(&c->nodes.at[clause->node].id, from);
    su_guid_format(&target->id, to);
    if (clause->kind == BUNDLED)
        su_buf_addf(out, "bundled %s %u %s %u", from, clause->revision, to, target->revision);
    else
        su_buf_addf(out, "prerequisite %s %u %s", from, clause->revision, to);
    return su_buf_check(out, "a hole", err);
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
    static const char *const words[] = {"", "prerequisite", "category", "bundled update"};
    SU_VEC(uint32_t) path = {0};
    int result = 0;
    for (uint32_t at = node; at != NOBODY && result == 0; at = c->nodes.at[at].reason) {
        uint32_t *slot = SU_PUSH(&path, SU_MAX_PACKAGE_REVISIONS);
        result = slot ? 0 : su_fail_memory(err);
        if (slot)
            *slot = at;
    }
    su_buf_adds(out, "selected ");
    for (size_t i = path.count; i-- > 0 && result == 0;) {
        const struct node *n = &c->nodes.at[path.at[i]];
        if (n->reason != NOBODY)
            su_buf_addf(out, " -> %s ", words[n->reason_kind]);
        result = describe(c, &n->id, out, err);
    }
    free(path.at);
    return result < 0 ? -1 : su_buf_check(out, "a chain", err);
}

int su_closure_hole_chain(const struct su_closure *c, size_t hole, struct su_buf *out, struct su_err *err)
{
    const struct clause *clause = &c->clauses.at[c->holes.at[hole]];
    char to[SU_GUID_TEXT];
    const struct missing *target = first_target(c, clause);
    if (chain_to(c, clause->node, out, err) < 0)
        return -1;
    su_buf_addf(out, " -> %s %s", clause->kind == BUNDLED ? "bundled update" : "prerequisite",
                su_guid_format(&target->id, to));
    if (clause->kind == BUNDLED)
        su_buf_addf(out, " revision %u", target->revision);
    su_buf_adds(out, clause->count > 1 ? " (or another of its clause): not held" : ": not held");
    return su_buf_check(out, "a chain", err);
}

int su_closure_explain(const struct su_closure *c, const struct su_guid *id, struct su_buf *out,
                       struct su_err *err)
{
    uint32_t node = find(c, id);
    char text[SU_GUID_TEXT];
    if (node == NOBODY)
        return su_fail(err, SU_NOT_FOUND, "%s is not in the catalogue", su_guid_format(id, text));
    if (!c->nodes.at[node].is_carried)
        return su_fail(err, SU_NOT_FOUND,
                       "%s does not travel: the profile does not select it and nothing selected needs it",
                       su_guid_format(id, text));
    return chain_to(c, node, out, err);
}

enum su_exclusion su_closure_exclusion(const struct su_closure *c, const struct su_guid *id)
{
    uint32_t node = find(c, id);
    if (node == NOBODY)
        return SU_NOT_NEEDED;
    const struct node *n = &c->nodes.at[node];
    if (n->is_carried)
        return SU_TRAVELS;
    if (n->lacks_product)
        return n->lacks_classification ? SU_NEITHER : SU_NO_PRODUCT;
    return n->lacks_classification ? SU_NO_CLASSIFICATION : SU_NOT_NEEDED;
}

int su_closure_recompute(struct su_db *db, struct su_closure_counts *out, struct su_err *err)
{
    int64_t prerequisites, bundled, updates;
    if (su_db_script(db,
                     "CREATE TEMP TABLE IF NOT EXISTS open_clause (line TEXT PRIMARY KEY) WITHOUT ROWID; "
                     "DELETE FROM temp.open_clause;",
                     err) < 0 ||
        su_query_int(db, &updates, NULL, err, "SELECT count(DISTINCT update_id) FROM revision") < 0 ||
        su_query_int(db, &prerequisites, NULL, err,
                     "SELECT count(*) FROM (SELECT 1 FROM prerequisite GROUP BY rev_id, clause)") < 0 ||
        su_query_int(db, &bundled, NULL, err,
                     "SELECT count(*) FROM (SELECT 1 FROM bundled GROUP BY rev_id, clause)") < 0)
        return -1;
#define GUID_TEXT(x)                                                                                         \
    "lower(substr(hex(" x "),1,8)||'-'||substr(hex(" x "),9,4)||'-'||substr(hex(" x                          \
    "),13,4)||'-'||substr(hex(" x "),17,4)||'-'||substr(hex(" x "),21))"
    if (su_run(db, err,
               "INSERT OR IGNORE INTO temp.open_clause SELECT 'prerequisite '||" GUID_TEXT(
                   "r.update_id") "||' '||r.revision||' '||" GUID_TEXT("o.target") " FROM (SELECT rev_id, "
                                                                                   "min(target) AS target "
                                                                                   "FROM prerequisite p "
                                                                                   "GROUP BY rev_id, clause"
                                                                                   " HAVING NOT max(EXISTS "
                                                                                   "(SELECT 1 FROM revision "
                                                                                   "t WHERE "
                                                                                   "t.update_id=p.target))) "
                                                                                   "o JOIN revision r USING "
                                                                                   "(rev_id)") < 0 ||
        su_run(db, err,
               "INSERT OR IGNORE INTO temp.open_clause SELECT 'bundled '||" GUID_TEXT(
                   "r.update_id") "||' '||r.revision||' '||" GUID_TEXT("o.target") "||' '||(SELECT "
                                                                                   "min(target_revision) "
                                                                                   "FROM bundled b WHERE "
                                                                                   "b.rev_id=o.rev_id AND "
                                                                                   "b.clause=o.clause AND "
                                                                                   "b.target=o.target)"
                                                                                   " FROM (SELECT rev_id, "
                                                                                   "clause, min(target) AS "
                                                                                   "target FROM bundled b "
                                                                                   "GROUP BY rev_id, clause"
                                                                                   " HAVING NOT max(EXISTS "
                                                                                   "(SELECT 1 FROM revision "
                                                                                   "t WHERE "
                                                                                   "t.update_id=b.target AND "
                                                                                   "t.revision=b.target_"
                                                                                   "revision))) o"
                                                                                   " JOIN revision r USING "
                                                                                   "(rev_id)") < 0)
        return -1;
    *out = (struct su_closure_counts){.selected = (uint64_t)updates,
                                      .updates = (uint64_t)updates,
                                      .prerequisites = (uint64_t)prerequisites,
                                      .bundled = (uint64_t)bundled};
    return 0;
}
