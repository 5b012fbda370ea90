#include "common/hub/export_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/closure.h"
#include "common/catalogue/content.h"
#include "common/catalogue/history.h"
#include "common/catalogue/state.h"
#include "common/hub/difference.h"
#include "common/hub/rotation.h"
#include "common/hub/settled.h"

static int check_since(const struct su_site *site, const struct su_export_options *o, struct su_err *err)
{
    return o->since <= site->last_sent
               ? 0
               : su_fail(err, SU_USAGE, "--since %llu: the last bundle made for %s is %llu",
                         (unsigned long long)o->since, site->code, (unsigned long long)site->last_sent);
}

/* The oldest state a delta must fit: the last acknowledged one; without any receipt the last full
 * bundle, which whoever is to use a delta must have; --since is the operator's word that N has arrived. */
static int choose_floor(const struct su_site *site, const struct su_export_options *o, struct su_manifest *m,
                        uint64_t *floor, struct su_err *err)
{
    m->is_full = o->is_full || site->last_sent == 0;
    *floor = site->acknowledged > 0 ? site->acknowledged : site->last_full;
    if (check_since(site, o, err) < 0)
        return -1;
    if (o->since > 0)
        *floor = o->since;
    if (*floor >= site->kept_from || m->is_full)
        return 0;
    if (o->since == 0) { /* the site went back further than the books do */
        m->is_full = true;
        return 0;
    }
    (void)su_fail(err, SU_USAGE, "--since %llu: what states of %s before bundle %llu held is no longer kept",
                  (unsigned long long)o->since, site->code, (unsigned long long)site->kept_from);
    return su_remedy(err, "Use --full: a full bundle fits any state.");
}

static int list_bases(struct su_db *db, const struct su_site *site, uint64_t floor, struct su_manifest *m,
                      struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(db, &rows, err,
                 "SELECT sequence, state_digest, created FROM export WHERE site_id=?1 AND sequence>=?2 ORDER "
                 "BY sequence",
                 SU_I(site->site_id), SU_I(m->is_full ? site->last_sent : floor)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        m->follows = (uint64_t)su_rows_int(&rows, 0);
        (void)snprintf(m->follows_created, sizeof m->follows_created, "%s", su_rows_text(&rows, 2));
        if (m->is_full)
            continue;
        struct su_base *base = SU_PUSH(&m->bases, 1000000);
        if (!base)
            return su_fail_memory(err);
        base->sequence = m->follows;
        if (su_rows_fixed(&rows, 1, base->digest, SU_SHA256_BYTES, err) < 0)
            return -1;
    }
    return more;
}

static int fill_head(struct su_home *home, const struct su_site *site, struct su_manifest *m,
                     struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf created = SU_BUF_INIT(sizeof m->created - 1);
    (void)snprintf(m->hub, sizeof m->hub, "%s", home->name);
    (void)snprintf(m->site, sizeof m->site, "%s", site->code);
    m->sequence = (site->last_sent > site->numbers_used ? site->last_sent : site->numbers_used) + 1;
    for (size_t i = 0; i < site->children.count; i++) {
        struct su_line *slot = SU_PUSH(&m->children, SU_MAX_CHILDREN);
        if (!slot)
            return su_fail_memory(err);
        if (su_line_add(slot, site->children.at[i].code, strlen(site->children.at[i].code), err) < 0)
            return -1;
    }
    m->promise_days = site->promise_days;
    m->jump_limit = site->jump_limit;
    if (m->sequence > 999999)
        return su_fail(err, SU_LIMIT, "sequence numbers of %s are used up", site->code);
    if (su_history_source_time(home->db, &created, err) < 0)
        return -1;
    if (created.length == 0) {
        (void)su_fail(
            err, SU_CONFIG,
            "the catalogue has no date: this hub was never synchronized, or nothing in its source has one");
        return su_remedy(err, "Run: suexport sync --from PACKAGE.cab");
    }
    (void)snprintf(m->created, sizeof m->created, "%s", created.bytes);
    for (size_t i = 0; i < site->profile.items.count; i++)
        if (su_profile_add(&m->profile, site->profile.items.at[i].kind, site->profile.items.at[i].value,
                           err) < 0)
            return -1;
    m->profile.content = site->profile.content;
    m->profile.has_express = site->profile.has_express;
    su_profile_sort(&m->profile);
    if (su_rotation_declare(home->db, site->site_id, m, err) < 0)
        return -1;
    return su_profile_digest(&m->profile, m->profile_digest, err);
}

static int take_holes(const struct su_closure *closure, struct su_export_result *result, struct su_err *err)
{
    for (size_t i = 0; i < su_closure_hole_count(closure); i++) {
        SU_AUTO(su_buf) struct su_buf line = SU_BUF_INIT(256), chain = SU_BUF_INIT(64 * SU_KIB);
        struct su_line *slot = SU_PUSH(&result->manifest.holes, SU_MAX_HOLES);
        struct su_line *told = SU_PUSH(&result->chains, SU_MAX_HOLES);
        if (!slot || !told)
            return su_fail_full(err, "the closure has more than %u holes", SU_MAX_HOLES);
        if (su_closure_hole_line(closure, i, &line, err) < 0 ||
            su_line_add(slot, line.bytes, line.length, err) < 0 ||
            su_closure_hole_chain(closure, i, &chain, err) < 0 ||
            su_line_add(told, chain.bytes, chain.length, err) < 0)
            return -1;
    }
    return 0;
}

static int plan_closure(const struct su_closure *closure, struct su_export_result *result, struct su_err *err)
{
    struct su_manifest *m = &result->manifest;
    struct su_closure_counts counts;
    struct su_state state;
    if (take_holes(closure, result, err) < 0 ||
        su_graph_state(su_closure_graph(closure), su_closure_carried(closure), &state, err) < 0)
        return -1;
    su_closure_count(closure, &counts);
    result->selected = counts.selected;
    m->prerequisites = counts.prerequisites;
    m->bundled = counts.bundled;
    memcpy(m->result, state.digest, SU_SHA256_BYTES);
    m->updates = state.updates;
    m->revisions = state.revisions;
    if (state.updates < su_closure_graph(closure)->nodes.count &&
        su_graph_state(su_closure_graph(closure), NULL, &state, err) < 0)
        return -1;
    memcpy(result->catalogue, state.digest, SU_SHA256_BYTES);
    return 0;
}

static int plan_records(struct su_db *db, const struct su_closure *closure, const struct su_site *site,
                        uint64_t floor, struct su_export_result *result, struct su_err *err)
{
    struct su_difference difference;
    if (su_difference_find(db, closure, site->site_id, result->manifest.is_full, floor, &difference, err) < 0)
        return -1;
    result->manifest.records = difference.records;
    result->manifest.removals = difference.removals;
    result->new = difference.new;
    result->revised = difference.revised;
    result->expired = difference.expired;
    result->removed = difference.removed;
    return 0;
}

static int missing_files(struct su_db *db, struct su_export_result *result, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t sha1[SU_SHA1_BYTES];
    int more;
    if (su_query(db, &rows, err,
                 "SELECT n.sha1, n.bytes, n.licence, n.name, (SELECT i.title FROM file f JOIN info i USING "
                 "(rev_id) WHERE f.sha1=n.sha1 LIMIT 1)"
                 " FROM temp.need n WHERE NOT EXISTS (SELECT 1 FROM stored_file s WHERE " SU_STORED_AS_NEEDED
                 ") ORDER BY n.licence DESC, n.sha1") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        SU_AUTO(su_buf) struct su_buf line = SU_BUF_INIT(256), told = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES * 2);
        struct su_line *slot = SU_PUSH(&result->manifest.holes, SU_MAX_HOLES);
        struct su_line *chain = SU_PUSH(&result->chains, SU_MAX_HOLES);
        const char *kind = su_rows_int(&rows, 2) ? "licence" : "content";
        if (!slot || !chain)
            return su_fail_full(err, "more than %u files are missing", SU_MAX_HOLES);
        if (su_rows_fixed(&rows, 0, sha1, sizeof sha1, err) < 0)
            return -1;
        su_buf_addf(&line, "%s ", kind);
        su_buf_addhex(&line, sha1, sizeof sha1);
        su_buf_addf(&line, " %lld", (long long)su_rows_int(&rows, 1));
        su_buf_addf(&told, "%s file %s (", kind, su_rows_text(&rows, 3));
        su_buf_addhex(&told, sha1, sizeof sha1);
        su_buf_addf(&told, ", %lld bytes) of %s: not in the content store", (long long)su_rows_int(&rows, 1),
                    su_rows_text(&rows, 4));
        if (su_buf_check(&line, "a hole", err) < 0 || su_buf_check(&told, "a hole", err) < 0 ||
            su_line_add(slot, line.bytes, line.length, err) < 0 ||
            su_line_add(chain, told.bytes, told.length, err) < 0)
            return -1;
    }
    return more;
}

static int plan_needs(struct su_db *db, const struct su_closure *closure, const bool *carried,
                      struct su_export_result *result, struct su_err *err)
{
    struct su_manifest *m = &result->manifest;
    int64_t licence, payload;
    if (su_content_need(db, &m->profile, su_closure_graph(closure), carried, err) < 0 ||
        su_query_int(db, &licence, NULL, err, "SELECT count(*) FROM temp.need WHERE licence") < 0 ||
        su_query_int(db, &payload, NULL, err, "SELECT count(*) FROM temp.need WHERE NOT licence") < 0)
        return -1;
    m->licence_files = (uint64_t)licence;
    m->payload_files = (uint64_t)payload;
    return missing_files(db, result, err);
}

/* `is_all`: whatever the site has been sent. */
static int plan_files(struct su_db *db, const struct su_site *site, uint64_t floor, bool is_all,
                      struct su_export_result *result, struct su_err *err)
{
    int64_t bytes, files, held;
    /* After a full bundle a site may hold what that bundle carries, and what it acknowledged, no more. */
    result->floor = is_all ? site->acknowledged : floor;
    if (su_db_script(db,
                     "CREATE TEMP TABLE IF NOT EXISTS deliver (sha256 BLOB PRIMARY KEY, sha1 BLOB NOT NULL, "
                     "bytes INTEGER NOT NULL,"
                     " licence INTEGER NOT NULL) WITHOUT ROWID; DELETE FROM temp.deliver;",
                     err) < 0 ||
        su_run(db, err,
               "INSERT OR IGNORE INTO temp.deliver SELECT s.sha256, s.sha1, s.bytes, n.licence FROM "
               "temp.need n JOIN stored_file s ON " SU_STORED_AS_NEEDED
               " WHERE ?3 OR NOT EXISTS (SELECT 1 FROM site_file f WHERE f.site_id=?1 AND f.sha256=s.sha256 "
               "AND f.sequence<=?2)",
               SU_I(site->site_id), SU_I(floor), SU_I(is_all)) < 0 ||
        su_query_int(db, &bytes, NULL, err, "SELECT coalesce(sum(bytes),0) FROM temp.deliver") < 0 ||
        su_query_int(db, &files, NULL, err, "SELECT count(*) FROM temp.deliver") < 0 ||
        su_query_int(db, &held, NULL, err,
                     "SELECT count(*) FROM temp.need n JOIN stored_file s ON " SU_STORED_AS_NEEDED) < 0)
        return -1;
    result->payload_bytes = (uint64_t)bytes;
    result->files = (uint64_t)files;
    result->held_files = (uint64_t)(held - files);
    return 0;
}

/* What a site in any state since `floor` lacks. */
static int plan_difference(struct su_db *db, const struct su_closure *closure, const struct su_site *site,
                           uint64_t floor, struct su_export_result *result, struct su_err *err)
{
    struct su_manifest *m = &result->manifest;
    m->bases.count = 0;
    if (list_bases(db, site, floor, m, err) < 0 || plan_records(db, closure, site, floor, result, err) < 0 ||
        plan_files(db, site, floor, m->is_full, result, err) < 0)
        return -1;
    result->is_nothing = !m->is_full && m->records == 0 && m->removals == 0 && result->files == 0;
    return 0;
}

/* Nothing that the last bundle made has not carried, whether it arrived or not. */
static int find_due(struct su_db *db, const struct su_site *site, struct su_export_result *result,
                    struct su_err *err)
{
    const struct su_manifest *m = &result->manifest;
    int64_t unsent;
    if (m->is_full || m->bases.count == 0)
        return 0;
    const struct su_base *last = &m->bases.at[m->bases.count - 1];
    if (su_query_int(db, &unsent, NULL, err,
                     "SELECT count(*) FROM temp.deliver WHERE sha256 NOT IN (SELECT sha256 FROM site_file "
                     "WHERE site_id=?1)",
                     SU_I(site->site_id)) < 0)
        return -1;
    result->is_nothing |= unsent == 0 && memcmp(last->digest, m->result, SU_SHA256_BYTES) == 0;
    return 0;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(((const struct su_line *)a)->text, ((const struct su_line *)b)->text);
}

/* Sorted, each once: two clauses of one revision may ask for the same id. */
static void sort_holes(struct su_manifest *m)
{
    size_t kept = 0;
    if (m->holes.count == 0)
        return;
    qsort(m->holes.at, m->holes.count, sizeof *m->holes.at, compare_lines);
    for (size_t i = 1; i < m->holes.count; i++) {
        if (compare_lines(&m->holes.at[kept], &m->holes.at[i]) == 0)
            free(m->holes.at[i].text);
        else
            m->holes.at[++kept] = m->holes.at[i];
    }
    m->holes.count = kept + 1;
}

static int refuse_holes(const struct su_export_result *result, struct su_err *err)
{
    char more[64] = "";
    if (result->chains.count > 1)
        (void)snprintf(more, sizeof more, " (and %zu more; 'plan' lists all)", result->chains.count - 1);
    return su_fail(err, SU_INCOMPLETE, "not complete: %s%s", result->chains.at[0].text, more);
}

/* Whether the plan is for a site in the very state that the newest bundle led to, and the books know that
 * nothing has moved since. Without a receipt, being asked again means something else. */
static int ask_books(struct su_db *db, const struct su_site *site, const struct su_export_options *options,
                     uint64_t floor, struct su_export_result *result, struct su_err *err)
{
    struct su_manifest *m = &result->manifest;
    bool is_settled;
    if (m->is_full || floor != site->last_sent ||
        (site->acknowledged < site->last_sent && options->since == 0 && !options->is_due_only))
        return 0;
    if (list_bases(db, site, floor, m, err) < 0 || su_settled_nothing(db, site, result, &is_settled, err) < 0)
        return -1;
    if (is_settled && m->bases.count == 1)
        memcpy(m->result, m->bases.at[0].digest, SU_SHA256_BYTES);
    return 0;
}

static int raw_bytes(struct su_db *db, struct su_export_result *result, struct su_err *err)
{
    int64_t raw;
    if (su_query_int(db, &raw, NULL, err,
                     "SELECT coalesce(sum(raw_bytes),0) FROM temp.send JOIN document USING (rev_id)") < 0)
        return -1;
    result->raw_bytes = (uint64_t)raw;
    return 0;
}

/* An urgent bundle carries whole updates, all their revisions, so that its reader can tell the newest of each
 * from the bundle alone. It removes nothing. `*lain` by node, owned by the caller. */
static int widen(struct su_db *db, const struct su_graph *graph, bool **lain, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    int more;
    if (!(*lain = calloc(graph->nodes.count + 1, sizeof **lain)))
        return su_fail_memory(err);
    if (su_run(db, err,
               "INSERT OR IGNORE INTO temp.send SELECT o.rev_id, 1 FROM temp.send s JOIN revision r USING "
               "(rev_id) JOIN revision o ON o.update_id=r.update_id") < 0 ||
        su_db_script(db, "DELETE FROM temp.gone; DELETE FROM temp.stale;", err) < 0 ||
        su_query(db, &rows, err, "SELECT DISTINCT update_id FROM temp.send JOIN revision USING (rev_id)") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0)
            return -1;
        uint32_t node = su_graph_find(graph, &id);
        if (node != SU_NOBODY)
            (*lain)[node] = true;
    }
    return more;
}

/* The certificate of an urgent bundle speaks of its own records alone. */
static int certify_urgent(const struct su_graph *graph, const bool *lain, struct su_manifest *m,
                          struct su_err *err)
{
    struct su_state state;
    if (su_graph_state(graph, lain, &state, err) < 0)
        return -1;
    memcpy(m->result, state.digest, SU_SHA256_BYTES);
    m->updates = state.updates;
    m->records = m->revisions = state.revisions;
    for (size_t r = 0; r < graph->rows.count; r++)
        if (lain[graph->rows.at[r].node]) {
            m->prerequisites += graph->rows.at[r].prerequisites.count;
            m->bundled += graph->rows.at[r].bundled.count;
        }
    return 0;
}

static int fill_urgent_head(struct su_home *home, const struct su_site *site, struct su_manifest *m,
                            struct su_err *err)
{
    struct su_line *feature = SU_PUSH(&m->features, 64);
    if (!feature)
        return su_fail_memory(err);
    m->is_full = true;
    if (fill_head(home, site, m, err) < 0 || list_bases(home->db, site, 0, m, err) < 0 ||
        su_line_add(feature, SU_FEATURE_URGENT, strlen(SU_FEATURE_URGENT), err) < 0 ||
        su_urgent_next(home->db, site, &m->urgent, err) < 0)
        return -1;
    return m->urgent <= SU_MAX_URGENT_NUMBER
               ? 0
               : su_fail(err, SU_LIMIT, "the numbers of urgent bundles of %s are used up", site->code);
}

static int check_urgent(const struct su_export_result *result, const struct su_export_options *options,
                        struct su_err *err)
{
    if (result->manifest.records > SU_MAX_URGENT_RECORDS || result->raw_bytes > SU_MAX_URGENT_BYTES) {
        (void)su_fail(
            err, SU_LIMIT,
            "an urgent bundle of %llu records and %llu bytes of documents: at most %u and %zu are taken",
            (unsigned long long)result->manifest.records, (unsigned long long)result->raw_bytes,
            SU_MAX_URGENT_RECORDS, SU_MAX_URGENT_BYTES);
        return su_remedy(err, "Make an ordinary bundle: suexport export --site CODE");
    }
    if (result->manifest.holes.count == 0 || options->is_plan)
        return 0;
    (void)refuse_holes(result, err);
    return su_remedy(err, "Add what is missing: an urgent bundle is complete, also with --allow-incomplete.");
}

/* What is pinned or came by catalogue import, with what it needs, as far as a site in any state since `floor`
 * may lack it: since the last receipt, or the bundle the operator names, else all of it. */
static int plan_urgent(struct su_home *home, const struct su_site *site,
                       const struct su_export_options *options, struct su_export_result *result,
                       struct su_err *err)
{
    struct su_manifest *m = &result->manifest;
    SU_AUTO(su_closure) struct su_closure *closure = NULL;
    struct su_difference difference;
    uint64_t floor = options->since > 0 ? options->since : site->acknowledged;
    bool is_all = floor == 0 || floor < site->kept_from, *lain = NULL;
    if (check_since(site, options, err) < 0 || fill_urgent_head(home, site, m, err) < 0 ||
        !(closure = su_closure_load(home->db, err)) || su_closure_walk_urgent(closure, err) < 0 ||
        su_difference_find(home->db, closure, site->site_id, is_all, floor, &difference, err) < 0)
        return -1;
    struct su_closure_counts counts;
    su_closure_count(closure, &counts);
    result->selected = counts.selected;
    result->new = difference.new;
    result->revised = difference.revised;
    result->expired = difference.expired;
    int code = widen(home->db, su_closure_graph(closure), &lain, err);
    if (code == 0)
        code = certify_urgent(su_closure_graph(closure), lain, m, err);
    if (code == 0)
        code = plan_needs(home->db, closure, lain, result, err);
    free(lain);
    if (code < 0 || take_holes(closure, result, err) < 0 ||
        plan_files(home->db, site, floor, is_all, result, err) < 0 || raw_bytes(home->db, result, err) < 0)
        return -1;
    sort_holes(m);
    result->is_nothing = m->records == 0;
    return check_urgent(result, options, err);
}

/* For people, before it is done: what the site was sent last and will not hold any more. */
static int list_leaving(struct su_db *db, const struct su_site *site, struct su_export_result *result,
                        struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    char text[SU_GUID_TEXT];
    int more;
    if (result->removed == 0)
        return 0;
    if (su_query(
            db, &rows, err,
            "SELECT DISTINCT s.update_id, coalesce((SELECT i.title FROM revision r JOIN info i USING "
            "(rev_id) "
            "WHERE r.update_id=s.update_id ORDER BY r.revision DESC LIMIT 1), '') FROM temp.stale s WHERE "
            "NOT "
            "EXISTS (SELECT 1 FROM temp.send t JOIN revision r USING (rev_id) WHERE r.update_id=s.update_id) "
            "AND NOT EXISTS (SELECT 1 FROM site_state o WHERE o.site_id=?1 AND o.update_id=s.update_id AND "
            "o.to_sequence IS NULL AND NOT EXISTS (SELECT 1 FROM temp.stale e WHERE e.update_id=o.update_id "
            "AND e.revision=o.revision AND e.from_sequence=o.from_sequence)) ORDER BY 2, 1",
            SU_I(site->site_id)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0 && result->leaving.count < SU_MAX_LEAVING_TOLD) {
        SU_AUTO(su_buf) struct su_buf line = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES + 64);
        struct su_line *slot = SU_PUSH(&result->leaving, SU_MAX_LEAVING_TOLD);
        if (!slot)
            return su_fail_memory(err);
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0)
            return -1;
        su_buf_addf(&line, "%s %s", su_guid_format(&id, text), su_rows_text(&rows, 1));
        if (su_buf_check(&line, "a title", err) < 0 || su_line_add(slot, line.bytes, line.length, err) < 0)
            return -1;
    }
    return more < 0 ? -1 : 0;
}

int su_export_plan(struct su_home *home, struct su_site *site, const struct su_export_options *options,
                   struct su_export_result *result, struct su_err *err)
{
    struct su_manifest *m = &result->manifest;
    if (options->is_urgent)
        return plan_urgent(home, site, options, result, err);
    SU_AUTO(su_closure) struct su_closure *closure = NULL;
    uint64_t floor;
    if (choose_floor(site, options, m, &floor, err) < 0 || fill_head(home, site, m, err) < 0 ||
        ask_books(home->db, site, options, floor, result, err) < 0)
        return -1;
    if (result->is_nothing)
        return 0;
    if (!(closure = su_closure_load(home->db, err)) || su_closure_walk(closure, &m->profile, err) < 0 ||
        plan_closure(closure, result, err) < 0 ||
        plan_needs(home->db, closure, su_closure_carried(closure), result, err) < 0 ||
        plan_difference(home->db, closure, site, floor, result, err) < 0)
        return -1;
    if (options->is_due_only && find_due(home->db, site, result, err) < 0)
        return -1;
    if (result->is_nothing && site->acknowledged < site->last_sent && options->since == 0 &&
        !options->is_due_only) {
        /* Asked again with nothing new and no receipt: the bundle was lost. Go back to what is certain. */
        m->is_full = site->acknowledged == 0;
        if (plan_difference(home->db, closure, site, site->acknowledged, result, err) < 0)
            return -1;
    }
    sort_holes(m);
    if (raw_bytes(home->db, result, err) < 0 ||
        (options->is_plan && list_leaving(home->db, site, result, err) < 0))
        return -1;
    if (m->holes.count > 0 && !options->allow_incomplete && !options->is_plan)
        return refuse_holes(result, err);
    return 0;
}
