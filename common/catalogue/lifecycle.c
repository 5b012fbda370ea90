#include "common/catalogue/lifecycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/catalogue.h"
#include "common/catalogue/changes.h"
#include "common/sys/clock.h"
#include "common/sys/interrupt.h"

#define DEFAULT_GRACE 7 /* days: the rhythm in which Configuration Manager removes what is expired */

static int rule(struct su_db *db, const char *kind, int64_t absent, int64_t *out, struct su_err *err)
{
    bool found;
    if (su_query_int(db, out, &found, err, "SELECT value FROM lifecycle_rule WHERE kind=?1", SU_T(kind)) < 0)
        return -1;
    if (!found)
        *out = absent;
    return 0;
}

int su_lifecycle_rules_load(struct su_db *db, struct su_lifecycle_rules *out, struct su_err *err)
{
    return rule(db, "updates", SU_NEVER, &out->updates, err) < 0 ||
                   rule(db, "feature-updates", SU_NEVER, &out->feature_updates, err) < 0 ||
                   rule(db, "grace", DEFAULT_GRACE, &out->grace, err) < 0
               ? -1
               : 0;
}

static int put_rule(struct su_db *db, const char *kind, int64_t value, struct su_err *err)
{
    return value == SU_NEVER ? su_run(db, err, "DELETE FROM lifecycle_rule WHERE kind=?1", SU_T(kind))
                             : su_run(db, err, "INSERT OR REPLACE INTO lifecycle_rule VALUES (?1,?2)",
                                      SU_T(kind), SU_I(value));
}

int su_lifecycle_rules_save(struct su_db *db, const struct su_lifecycle_rules *rules, struct su_err *err)
{
    return put_rule(db, "updates", rules->updates, err) < 0 ||
                   put_rule(db, "feature-updates", rules->feature_updates, err) < 0 ||
                   put_rule(db, "grace", rules->grace, err) < 0
               ? -1
               : 0;
}

bool su_lifecycle_date_is_valid(const char *text)
{
    char instant[32];
    int64_t ignored;
    if (strlen(text) != 10)
        return false;
    (void)snprintf(instant, sizeof instant, "%sT00:00:00Z", text);
    return su_time_parse(instant, &ignored);
}

#define IS_NEWEST(r)                                                                                         \
    "NOT EXISTS (SELECT 1 FROM revision n WHERE n.update_id=" r ".update_id AND n.revision>" r ".revision)"
/* The classification Upgrades: what Configuration Manager calls feature updates. */
#define UPGRADES "x'3689BDC8B2054AF48D4AA63924C5E9D5'"

static int find_marks(struct su_db *db, const struct su_lifecycle_rules *rules, const char *as_of,
                      struct su_err *err)
{
    if (su_db_script(
            db,
            "CREATE TEMP TABLE IF NOT EXISTS marked (update_id BLOB PRIMARY KEY, reason TEXT NOT NULL, "
            "superseded_by BLOB) WITHOUT ROWID; DELETE FROM temp.marked;",
            err) < 0 ||
        su_run(
            db, err,
            "INSERT INTO temp.marked SELECT r.update_id, 'expired', NULL FROM info i CROSS JOIN revision r "
            "USING (rev_id) WHERE i.type IN (2,3) AND i.expired AND " IS_NEWEST("r")) < 0)
        return -1;
    if (rules->updates == SU_NEVER && rules->feature_updates == SU_NEVER)
        return 0;
    /* The first to supersede it counts, and only what is in force itself. */
    return su_run(
        db, err,
        "INSERT OR IGNORE INTO temp.marked SELECT s.target, 'superseded', y.update_id FROM superseded s "
        "CROSS "
        "JOIN revision y ON y.rev_id=s.rev_id CROSS JOIN info iy ON iy.rev_id=s.rev_id CROSS JOIN revision x "
        "ON x.update_id=s.target CROSS JOIN info ix ON ix.rev_id=x.rev_id WHERE NOT iy.expired AND ix.type "
        "IN "
        "(2,3) AND NOT ix.expired AND y.update_id<>x.update_id AND " IS_NEWEST("y") " AND " IS_NEWEST(
            "x") " AND CASE WHEN EXISTS (SELECT 1 FROM prerequisite p WHERE p.rev_id=x.rev_id AND "
                 "p.target=" UPGRADES ") THEN ?2 ELSE ?1 END>=0 AND date(substr(iy.created,1,10), '+'||CASE "
                 "WHEN EXISTS (SELECT 1 FROM "
                 "prerequisite p WHERE p.rev_id=x.rev_id AND p.target=" UPGRADES
                 ") THEN ?2 ELSE ?1 END||' months')<=?3 ORDER BY s.target, iy.created, y.update_id",
        SU_I(rules->updates), SU_I(rules->feature_updates), SU_T(as_of));
}

static int count(struct su_db *db, uint64_t *out, struct su_err *err, const char *sql)
{
    int64_t n;
    if (su_db_int(db, &n, NULL, err, sql, SU_ARGS()) < 0)
        return -1;
    *out = (uint64_t)n;
    return 0;
}

int su_lifecycle_mark(struct su_db *db, const struct su_lifecycle_rules *rules, const char *as_of,
                      struct su_lifecycle_counts *c, struct su_err *err)
{
    if (find_marks(db, rules, as_of, err) < 0 ||
        count(db, &c->looked_at, err,
              "SELECT count(DISTINCT update_id) FROM info CROSS JOIN revision USING (rev_id) WHERE type IN "
              "(2,3)") < 0 ||
        count(db, &c->no_longer, err,
              "SELECT count(*) FROM lifecycle l WHERE l.reason='superseded' AND NOT EXISTS (SELECT 1 FROM "
              "temp.marked m WHERE m.update_id=l.update_id AND m.reason='superseded')") < 0 ||
        count(db, &c->newly_superseded, err,
              "SELECT count(*) FROM temp.marked m WHERE m.reason='superseded' AND NOT EXISTS (SELECT 1 FROM "
              "lifecycle l WHERE m.update_id=l.update_id AND l.reason='superseded')") < 0 ||
        su_run(db, err,
               "DELETE FROM lifecycle WHERE NOT EXISTS (SELECT 1 FROM temp.marked m WHERE "
               "m.update_id=lifecycle.update_id)") < 0 ||
        su_run(
            db, err,
            "INSERT INTO lifecycle SELECT update_id, reason, ?1, superseded_by FROM temp.marked WHERE true "
            "ON CONFLICT (update_id) DO UPDATE SET reason=excluded.reason, "
            "superseded_by=excluded.superseded_by",
            SU_T(as_of)) < 0 ||
        count(db, &c->expired, err, "SELECT count(*) FROM lifecycle WHERE reason='expired'") < 0)
        return -1;
    return count(db, &c->superseded, err, "SELECT count(*) FROM lifecycle WHERE reason='superseded'");
}

/* ---- what may go ---------------------------------------------------------------------------------- */

enum { STAYS, MAY_GO, KEPT };
struct leaving {
    const struct su_graph *g;
    uint8_t *fate; /* by node */
    uint32_t *queue;
    size_t count;
};

static void keep(struct leaving *l, uint32_t node)
{
    if (l->fate[node] != MAY_GO)
        return;
    l->fate[node] = KEPT;
    l->queue[l->count++] = node;
}

/* Everything that a node names stays with it. */
static void keep_named(struct leaving *l, uint32_t node)
{
    const struct su_graph_node *n = &l->g->nodes.at[node];
    for (uint32_t r = n->first_row; r < n->first_row + n->row_count; r++) {
        const struct su_graph_range *ranges[] = {&l->g->rows.at[r].prerequisites, &l->g->rows.at[r].bundled};
        for (size_t i = 0; i < 2; i++)
            for (uint32_t k = ranges[i]->first; k < ranges[i]->first + ranges[i]->count; k++)
                for (uint32_t a = l->g->clauses.at[k].first; a < su_graph_clause_end(l->g, k); a++) {
                    uint32_t to = su_graph_alternative(l->g, k, a).node;
                    if (to != SU_NOBODY)
                        keep(l, to);
                }
    }
}

/* Hidden parts go with the bundles they are part of: they are candidates until something that stays names
 * them. */
static void add_parts(struct leaving *l, const bool *is_hidden)
{
    const struct su_graph *g = l->g;
    for (size_t at = 0; at < l->count; at++) {
        const struct su_graph_node *n = &g->nodes.at[l->queue[at]];
        for (uint32_t r = n->first_row; r < n->first_row + n->row_count; r++)
            for (uint32_t k = g->rows.at[r].bundled.first;
                 k < g->rows.at[r].bundled.first + g->rows.at[r].bundled.count; k++)
                for (uint32_t a = g->clauses.at[k].first; a < su_graph_clause_end(g, k); a++) {
                    uint32_t to = su_graph_alternative(g, k, a).node;
                    if (to == SU_NOBODY || l->fate[to] != STAYS || !is_hidden[to])
                        continue;
                    l->fate[to] = MAY_GO;
                    l->queue[l->count++] = to;
                }
    }
}

static int mark_nodes(struct su_db *db, const struct su_graph *g, struct leaving *l, bool *is_hidden,
                      struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    int more;
    if (su_query(
            db, &rows, err,
            "SELECT update_id, 1 FROM temp.leaving UNION ALL SELECT r.update_id, 0 FROM info i CROSS JOIN "
            "revision r USING (rev_id) WHERE i.type IN (2,3) AND NOT i.deployable AND NOT EXISTS (SELECT 1 "
            "FROM pin p WHERE p.update_id=r.update_id)") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0)
            return -1;
        uint32_t node = su_graph_find(g, &id);
        if (node == SU_NOBODY)
            continue;
        if (su_rows_int(&rows, 1) == 0) {
            is_hidden[node] = true;
        } else {
            l->fate[node] = MAY_GO;
            l->queue[l->count++] = node;
        }
    }
    return more;
}

static int write_leaving(struct su_db *db, const struct leaving *l, struct su_err *err)
{
    if (su_run(db, err, "DELETE FROM temp.leaving") < 0)
        return -1;
    for (uint32_t i = 0; i < l->g->nodes.count; i++)
        if (l->fate[i] == MAY_GO &&
            su_run(db, err, "INSERT INTO temp.leaving VALUES (?1)", SU_B(l->g->nodes.at[i].id.bytes, 16)) < 0)
            return -1;
    return 0;
}

static int keep_needed(struct su_db *db, struct su_lifecycle_counts *c, struct su_err *err)
{
    SU_AUTO(su_graph) struct su_graph *g = su_graph_load(db, true, err);
    if (!g)
        return -1;
    struct leaving l = {.g = g,
                        .fate = calloc(g->nodes.count + 1, sizeof *l.fate),
                        .queue = malloc((g->nodes.count + 1) * sizeof *l.queue)};
    bool *is_hidden = calloc(g->nodes.count + 1, sizeof *is_hidden);
    int result = l.fate && l.queue && is_hidden ? mark_nodes(db, g, &l, is_hidden, err) : su_fail_memory(err);
    if (result == 0) {
        add_parts(&l, is_hidden);
        l.count = 0;
        for (uint32_t i = 0; i < g->nodes.count; i++)
            if (l.fate[i] == STAYS)
                keep_named(&l, i);
        for (size_t at = 0; at < l.count; at++)
            keep_named(&l, l.queue[at]);
        result = write_leaving(db, &l, err);
        if (result == 0)
            result = count(db, &c->needed, err,
                           "SELECT count(*) FROM temp.due WHERE update_id NOT IN (SELECT update_id FROM "
                           "temp.leaving)");
    }
    free(l.fate);
    free(l.queue);
    free(is_hidden);
    return result;
}

#define APPROVED "(SELECT value FROM site_item WHERE kind=3)"
#define ID_TEXT                                                                                              \
    "lower(substr(hex(update_id),1,8)||'-'||substr(hex(update_id),9,4)||'-'||substr(hex(update_id),13,4)||'" \
    "-'||"                                                                                                   \
    "substr(hex(update_id),17,4)||'-'||substr(hex(update_id),21))"

int su_lifecycle_find_due(struct su_db *db, const struct su_lifecycle_rules *rules, const char *as_of,
                          struct su_lifecycle_counts *c, struct su_err *err)
{
    if (su_db_script(db,
                     "CREATE TEMP TABLE IF NOT EXISTS leaving (update_id BLOB PRIMARY KEY) WITHOUT ROWID; "
                     "DELETE FROM temp.leaving;"
                     "CREATE TEMP TABLE IF NOT EXISTS due (update_id BLOB PRIMARY KEY) WITHOUT ROWID; "
                     "DELETE FROM temp.due;",
                     err) < 0 ||
        su_run(db, err,
               "INSERT INTO temp.due SELECT update_id FROM lifecycle WHERE date(since, '+'||?1||' days')<=?2",
               SU_I(rules->grace), SU_T(as_of)) < 0 ||
        count(db, &c->due, err, "SELECT count(*) FROM temp.due") < 0 ||
        count(db, &c->pinned, err,
              "SELECT count(*) FROM temp.due WHERE update_id IN (SELECT update_id FROM pin)") < 0 ||
        count(db, &c->approved, err,
              "SELECT count(*) FROM temp.due WHERE update_id NOT IN (SELECT update_id FROM pin) AND " ID_TEXT
              " IN " APPROVED) < 0 ||
        su_run(db, err,
               "DELETE FROM temp.due WHERE update_id IN (SELECT update_id FROM pin) OR " ID_TEXT
               " IN " APPROVED) < 0 ||
        su_run(db, err, "INSERT INTO temp.leaving SELECT update_id FROM temp.due") < 0)
        return -1;
    return keep_needed(db, c, err);
}

/* ---- removal -------------------------------------------------------------------------------------- */

static int exclude(struct su_db *db, const char *as_of, struct su_err *err)
{
    return su_run(db, err,
                  "INSERT OR REPLACE INTO excluded_update SELECT l.update_id, r.revision, coalesce((SELECT "
                  "reason FROM lifecycle m "
                  "WHERE m.update_id=l.update_id), 'expired'), ?1, i.title FROM temp.leaving l CROSS JOIN "
                  "revision r ON "
                  "r.update_id=l.update_id CROSS JOIN info i ON i.rev_id=r.rev_id WHERE " IS_NEWEST("r"),
                  SU_T(as_of));
}

struct removing {
    struct su_db *db;
    struct su_catalogue *catalogue;
    struct su_batch *batch;
};

static int remove_batch(struct removing *r, struct su_err *err)
{
    if (su_catalogue_find(r->catalogue, r->batch->items, r->batch->count, err) < 0)
        return -1;
    for (struct su_prepared *item = r->batch->items; item < r->batch->items + r->batch->count; item++) {
        item->edit = item->held.is_held ? SU_REMOVE : SU_KEEP;
        item->is_touched = item->held.is_held;
    }
    if (su_changes_touch(r->db, r->batch->items, r->batch->count, err) < 0 ||
        su_catalogue_apply(r->catalogue, r->batch->items, r->batch->count, err) < 0)
        return -1;
    su_batch_clear(r->batch, NULL);
    return 0;
}

/* Bundles go before their parts stand alone: the time is looked at between updates, and parts are updates of
 * their own that the next run finds. */
static int remove_rows(struct removing *r, double until, struct su_lifecycle_counts *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid last = {{0}};
    int more;
    if (su_query(r->db, &rows, err,
                 "SELECT update_id, revision FROM temp.going ORDER BY update_id, revision") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_record gone = {.is_removal = true, .revision = (uint32_t)su_rows_int(&rows, 1)};
        if (su_rows_fixed(&rows, 0, gone.id.bytes, 16, err) < 0 || su_interrupt_check(err) < 0)
            return -1;
        bool is_other = c->removed == 0 || memcmp(last.bytes, gone.id.bytes, 16) != 0;
        if (is_other && c->removed > 0 && su_time_monotonic() > until)
            break;
        if (is_other)
            c->removed++;
        last = gone.id;
        c->removed_revisions++;
        if (!su_batch_add(r->batch, &gone, err) || (su_batch_is_full(r->batch) && remove_batch(r, err) < 0))
            return -1;
    }
    return more < 0 ? -1 : remove_batch(r, err);
}

int su_lifecycle_remove(struct su_db *db, const char *as_of, double seconds, struct su_lifecycle_counts *c,
                        struct su_err *err)
{
    struct removing r = {.db = db};
    uint64_t wanted, remain;
    double until = su_time_monotonic() + seconds;
    if (count(db, &wanted, err, "SELECT count(*) FROM temp.leaving") < 0 ||
        su_db_script(db,
                     "CREATE TEMP TABLE IF NOT EXISTS going (update_id BLOB, revision INTEGER); DELETE FROM "
                     "temp.going;",
                     err) < 0 ||
        exclude(db, as_of, err) < 0 ||
        su_run(db, err,
               "INSERT INTO temp.going SELECT update_id, revision FROM revision WHERE update_id IN (SELECT "
               "update_id FROM temp.leaving)") < 0)
        return -1;
    int result = (r.catalogue = su_catalogue_new(db, err)) && (r.batch = su_batch_new(err))
                     ? remove_rows(&r, until, c, err)
                     : -1;
    su_batch_cleanup(&r.batch);
    su_catalogue_cleanup(&r.catalogue);
    if (result < 0 ||
        /* Those the time was up for are not excluded yet. */
        su_run(db, err,
               "DELETE FROM excluded_update WHERE update_id IN (SELECT update_id FROM temp.leaving) AND "
               "update_id IN "
               "(SELECT update_id FROM revision)") < 0 ||
        su_run(db, err, "DELETE FROM lifecycle WHERE update_id NOT IN (SELECT update_id FROM revision)") <
            0 ||
        count(db, &remain, err,
              "SELECT count(*) FROM temp.leaving WHERE update_id IN (SELECT update_id FROM revision)") < 0)
        return -1;
    c->left = remain;
    return 0;
}

/* ---- who asks ------------------------------------------------------------------------------------- */

static const char superseded[] = "SELECT update_id FROM lifecycle WHERE reason='superseded' ORDER BY update_id";

int su_lifecycle_list(struct su_db *db, su_id_take take, void *context, struct su_err *err)
{
    return su_id_query(db, superseded, take, context, err);
}

int su_lifecycle_digest(struct su_db *db, uint8_t out[SU_SHA256_BYTES], uint64_t *number, struct su_err *err)
{
    return su_id_query_digest(db, superseded, out, number, err);
}

int su_excluded_load(struct su_db *db, struct su_excluded *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    out->count = 0;
    if (su_query(db, &rows, err, "SELECT update_id, revision FROM excluded_update ORDER BY update_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_excluded_entry *slot = SU_PUSH(out, SU_MAX_PACKAGE_REVISIONS);
        if (!slot)
            return su_fail_memory(err);
        slot->revision = (uint32_t)su_rows_int(&rows, 1);
        if (su_rows_fixed(&rows, 0, slot->id.bytes, sizeof slot->id.bytes, err) < 0)
            return -1;
    }
    return more;
}

static int compare_entries(const void *a, const void *b)
{
    return memcmp(((const struct su_excluded_entry *)a)->id.bytes,
                  ((const struct su_excluded_entry *)b)->id.bytes, 16);
}

bool su_excluded_has(const struct su_excluded *excluded, const struct su_guid *id, uint32_t revision)
{
    struct su_excluded_entry key = {.id = *id};
    const struct su_excluded_entry *found =
        excluded->count ? bsearch(&key, excluded->at, excluded->count, sizeof key, compare_entries) : NULL;
    return found && revision <= found->revision;
}

void su_excluded_cleanup(struct su_excluded *excluded)
{
    free(excluded->at);
    *excluded = (struct su_excluded){.count = 0};
}

int su_excluded_release_needed(struct su_db *db, uint64_t *number, struct su_err *err)
{
    int64_t any;
    *number = 0;
    if (su_query_int(db, &any, NULL, err, "SELECT EXISTS (SELECT 1 FROM excluded_update)") < 0)
        return -1;
    if (!any)
        return 0;
    if (su_run(db, err,
               "DELETE FROM excluded_update WHERE update_id IN (SELECT target FROM prerequisite UNION ALL "
               "SELECT target "
               "FROM bundled)") < 0)
        return -1;
    *number = (uint64_t)su_db_changes(db);
    /* and what was asked for by name */
    return su_run(db, err,
                  "DELETE FROM excluded_update WHERE EXISTS (SELECT 1 FROM revision r WHERE "
                  "r.update_id=excluded_update.update_id AND r.revision<=excluded_update.revision)");
}
