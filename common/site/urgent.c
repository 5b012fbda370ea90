#include "common/site/urgent.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/catalogue.h"
#include "common/catalogue/closure.h"
#include "common/catalogue/history.h"
#include "common/lib/pack.h"
#include "common/point/ledger.h"
#include "common/site/overlay.h"
#include "common/site/replay.h"
#include "common/sys/clock.h"

static int check_size(const struct su_manifest *m, struct su_err *err)
{
    uint64_t bytes = su_manifest_raw_bytes(m);
    return m->records <= SU_MAX_URGENT_RECORDS && bytes <= SU_MAX_URGENT_BYTES
               ? 0
               : su_fail(err, SU_LIMIT,
                         "an urgent bundle of %llu records and %llu bytes: at most %u and %zu are taken",
                         (unsigned long long)m->records, (unsigned long long)bytes, SU_MAX_URGENT_RECORDS,
                         SU_MAX_URGENT_BYTES);
}

static int go_on(void *context, struct su_err *err)
{
    (void)context;
    (void)err;
    return 0;
}

/* The bundle's records alone, as rows. */
static int replay(const struct su_urgent_work *u, struct su_db *own, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_replay_hands) struct su_replay_hands hands = SU_REPLAY_HANDS_INIT;
    const struct su_replay_check check = {go_on, NULL};
    if (su_replay_hands_open(&hands, err) < 0 || su_changes_begin(own, err) < 0 ||
        su_begin(&t, own, err) < 0 ||
        su_replay(own, &hands, u->reader, &u->bundle->manifest, 0, &check, u->events, err) < 0)
        return -1;
    return su_commit(&t, err);
}

static int check_certificate(const struct su_manifest *m, struct su_db *own, const struct su_graph *graph,
                             struct su_err *err)
{
    struct su_state state;
    uint64_t prerequisites = 0, bundled = 0;
    int64_t licence, payload;
    if (su_graph_state(graph, NULL, &state, err) < 0)
        return -1;
    if (memcmp(state.digest, m->result, SU_SHA256_BYTES) != 0 || state.updates != m->updates ||
        state.revisions != m->revisions)
        return su_fail(err, SU_STATE_DIFFERS,
                       "the records are %llu revisions with another state digest than the manifest promises",
                       (unsigned long long)state.revisions);
    for (uint32_t k = 0; k < graph->clauses.count; k++)
        (*(graph->clauses.at[k].relation == SU_BY_BUNDLE ? &bundled : &prerequisites))++;
    if (su_content_need(own, &m->profile, graph, NULL, err) < 0 ||
        su_query_int(own, &licence, NULL, err, "SELECT count(*) FROM temp.need WHERE licence") < 0 ||
        su_query_int(own, &payload, NULL, err, "SELECT count(*) FROM temp.need WHERE NOT licence") < 0)
        return -1;
    if (prerequisites == m->prerequisites && bundled == m->bundled && (uint64_t)licence == m->licence_files &&
        (uint64_t)payload == m->payload_files)
        return 0;
    return su_fail(err, SU_INCOMPLETE,
                   "the closure is %llu %llu %lld %lld here, the manifest certifies %llu %llu %llu %llu",
                   (unsigned long long)prerequisites, (unsigned long long)bundled, (long long)licence,
                   (long long)payload, (unsigned long long)m->prerequisites, (unsigned long long)m->bundled,
                   (unsigned long long)m->licence_files, (unsigned long long)m->payload_files);
}

/* Whether the bundle or the site holds one of a clause's alternatives; the overlay is lifted. */
static int is_answered(const struct su_urgent_work *u, const struct su_graph *g, uint32_t clause, bool *out,
                       struct su_err *err)
{
    *out = false;
    for (uint32_t a = g->clauses.at[clause].first; a < su_graph_clause_end(g, clause); a++)
        if (su_graph_alternative(g, clause, a).node != SU_NOBODY) {
            *out = true;
            return 0;
        }
    for (uint32_t a = g->clauses.at[clause].first; a < su_graph_clause_end(g, clause) && !*out; a++) {
        const struct su_graph_missing *target = su_graph_alternative(g, clause, a).missing;
        int64_t count;
        if (!target)
            continue;
        if (su_query_int(u->site->db, &count, NULL, err,
                         "SELECT EXISTS (SELECT 1 FROM revision WHERE update_id=?1 AND (?3 OR revision=?2))",
                         SU_B(target->id.bytes, 16), SU_I(target->revision),
                         SU_I(g->clauses.at[clause].relation != SU_BY_BUNDLE)) < 0)
            return -1;
        *out = count > 0;
    }
    return 0;
}

static int check_base(const struct su_urgent_work *u, const struct su_graph *graph, struct su_err *err)
{
    const struct su_manifest *m = &u->bundle->manifest;
    SU_AUTO(su_buf) struct su_buf line = SU_BUF_INIT(256);
    bool is_held;
    for (uint32_t k = 0; k < graph->clauses.count; k++) {
        if (is_answered(u, graph, k, &is_held, err) < 0)
            return -1;
        if (is_held)
            continue;
        if (su_graph_hole_line(graph, k, &line, err) < 0)
            return -1;
        (void)su_fail(
            err, SU_URGENT_BASE,
            "%s builds on what this site was sent before; neither the bundle nor the site holds: %s",
            u->bundle->name, line.bytes);
        return m->follows > 0
                   ? su_remedy(
                         err,
                         "Import the bundles up to SU-%s-%06llu first, or ask the hub for: suexport export "
                         "--site %s --full",
                         m->site, (unsigned long long)m->follows, m->site)
                   : su_remedy(err, "Ask the hub for: suexport export --site %s --full", m->site);
    }
    return 0;
}

/* Every file the records need, as the profile asks: brought by the bundle or held already. */
static int check_files(const struct su_urgent_work *u, struct su_db *own, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(own, &rows, err, "SELECT sha1, bytes, sha256, name FROM temp.need ORDER BY sha1") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        SU_AUTO(su_rows) struct su_rows found = SU_ROWS_INIT;
        struct su_file_id id = {.bytes = (uint64_t)su_rows_int(&rows, 1)};
        size_t n;
        bool is_held = false, has_digest = !su_rows_is_null(&rows, 2);
        const void *sha256 = su_rows_blob(&rows, 2, &n);
        if (su_rows_fixed(&rows, 0, id.sha1, sizeof id.sha1, err) < 0 ||
            su_query(u->site->db, &found, err,
                     "SELECT sha256, sha256 IN (SELECT sha256 FROM temp.carried) FROM stored_file WHERE "
                     "sha1=?1 AND bytes=?2 AND (?4 OR sha256=?3)",
                     SU_B(id.sha1, sizeof id.sha1), SU_I(id.bytes), SU_B(sha256, n), SU_I(!has_digest)) < 0)
            return -1;
        while ((more = su_rows_next(&found, err)) > 0) {
            if (su_rows_fixed(&found, 0, id.sha256, sizeof id.sha256, err) < 0)
                return -1;
            is_held |= su_rows_int(&found, 1) != 0 || su_store_has(u->site, &id);
        }
        if (more < 0)
            return -1;
        if (!is_held)
            return su_fail(err, SU_INCOMPLETE,
                           "file %s is needed, and neither the bundle brings it nor the site holds it",
                           su_rows_text(&rows, 3));
    }
    return more;
}

struct keeping {
    const struct su_urgent_work *u;
    struct su_db *own;
    struct su_catalogue *catalogue; /* of the bundle's records alone */
    struct su_packer *packer;
    int64_t urgent_id, arrived;
};

static int keep_record(struct keeping *k, int64_t rev_id, struct su_buf *document, struct su_buf *urls,
                       struct su_buf *packed, struct su_err *err)
{
    struct su_record r;
    su_buf_clear(packed);
    if (su_catalogue_get(k->catalogue, rev_id, &r, document, urls, err) < 0 ||
        su_pack_frame(k->packer, r.document, r.document_bytes, packed, err) < 0)
        return -1;
    return su_run(k->u->site->db, err, "INSERT INTO urgent_record VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
                  SU_I(k->urgent_id), SU_B(r.id.bytes, 16), SU_I(r.revision), SU_I(r.origin),
                  SU_I(r.document_bytes), SU_B(packed->bytes, packed->length),
                  SU_T(urls->bytes ? urls->bytes : ""), SU_I(k->arrived));
}

static int keep_records(struct keeping *k, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_buf)
    struct su_buf document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES), urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES),
                  packed = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES + SU_MIB);
    int more;
    if (!(k->catalogue = su_catalogue_new(k->own, err)) || !(k->packer = su_packer_new(err)) ||
        su_query_int(k->u->site->db, &k->arrived, NULL, err,
                     "SELECT coalesce(max(sync_id),0)+1 FROM sync_history") < 0 ||
        su_query(k->own, &rows, err, "SELECT rev_id FROM revision ORDER BY update_id, revision") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (keep_record(k, su_rows_int(&rows, 0), &document, &urls, &packed, err) < 0)
            return -1;
    return more;
}

static int declare(const struct su_urgent_work *u, struct su_db *own, struct su_err *err)
{
    const struct su_manifest *m = &u->bundle->manifest;
    struct keeping k = {.u = u, .own = own};
    char now[SU_TIME_TEXT];
    if (su_run(u->site->db, err,
               "INSERT INTO urgent (number, sequence, bundle, hub, created, imported, manifest_sha256, "
               "state_digest) VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
               SU_I(m->urgent), SU_I(m->sequence), SU_T(u->bundle->name), SU_T(m->hub), SU_T(m->created),
               SU_T(su_time_now(now)), SU_B(u->bundle->manifest_sha256, SU_SHA256_BYTES),
               SU_B(m->result, SU_SHA256_BYTES)) < 0)
        return -1;
    k.urgent_id = su_db_last_rowid(u->site->db);
    int result = keep_records(&k, err);
    su_catalogue_cleanup(&k.catalogue);
    su_packer_cleanup(&k.packer);
    return result < 0 ? -1
                      : su_run(u->site->db, err, "DELETE FROM urgent_record WHERE urgent_id<=?1",
                               SU_I(k.urgent_id - SU_UNDO_KEEP));
}

/* Ids held, overlay and all: what a change class is a part of. */
static int count_ids(struct su_db *db, struct su_state *out, struct su_err *err)
{
    int64_t updates;
    if (su_query_int(db, &updates, NULL, err, "SELECT count(DISTINCT update_id) FROM revision") < 0)
        return -1;
    *out = (struct su_state){.updates = (uint64_t)updates};
    return 0;
}

/* What is held has changed, so the content version moves; the state digest has not. */
static int close_books(struct su_home *site, struct su_history *row, const struct su_ledger_entry *entry,
                       const struct su_state *before, const struct su_position *position,
                       struct su_import_result *result, struct su_err *err)
{
    struct su_owed_count owed;
    struct su_state after;
    if (count_ids(site->db, &after, err) < 0 ||
        su_changes_count(site->db, before, &after, &result->changes, err) < 0 ||
        su_overlay_standing(site->db, &result->urgent, err) < 0 ||
        su_owed_now(site->db, NULL, &owed, err) < 0)
        return -1;
    result->state = position->state;
    result->content_owed = owed.files;
    result->licence_owed = owed.licence;
    row->changes = result->changes;
    row->state = result->state;
    row->state_code = SU_SYNC_DONE;
    if (su_history_add_change(site->db, row, NULL, err) < 0)
        return -1;
    result->content_version = row->content_version;
    return su_ledger_add(site->db, entry, err);
}

static int record(const struct su_urgent_work *u, const struct su_state *before,
                  const struct su_position *position, struct su_err *err)
{
    const struct su_manifest *m = &u->bundle->manifest;
    SU_AUTO(su_buf) struct su_buf detail = SU_BUF_INIT(8 * SU_KIB);
    struct su_history row = {.source = u->bundle->name, .kind = "urgent", .source_time = m->created};
    (void)snprintf(row.started, sizeof row.started, "%s", u->started);
    su_buf_adds(&detail, u->bundle->name);
    su_signing_say(&u->bundle->signing, &detail);
    if (su_buf_check(&detail, "a ledger entry", err) < 0)
        return -1;
    struct su_ledger_entry entry = {
        .actor = u->options->actor, .kind = "urgent", .site = u->site->name, .detail = detail.bytes};
    memcpy(entry.subject, u->bundle->manifest_sha256, SU_SHA256_BYTES);
    if (close_books(u->site, &row, &entry, before, position, u->result, err) < 0)
        return -1;
    return su_trust_apply_manifest(u->site, m, u->bundle->name, u->options->actor, u->events,
                                   &u->result->trust, err);
}

static int apply(const struct su_urgent_work *u, struct su_db *own, const struct su_graph *graph,
                 struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_position) struct su_position position = SU_POSITION_INIT;
    struct su_db *db = u->site->db;
    struct su_state before;
    if (su_changes_begin(db, err) < 0 || su_begin(&t, db, err) < 0 ||
        su_position_load(db, &position, err) < 0 || count_ids(db, &before, err) < 0 ||
        su_overlay_lift(db, true, err) < 0 || check_base(u, graph, err) < 0 ||
        su_stage_record(u->staging, err) < 0 || check_files(u, own, err) < 0 || declare(u, own, err) < 0 ||
        su_overlay_lay(db, true, err) < 0 || record(u, &before, &position, err) < 0)
        return -1;
    return u->options->is_plan ? 0 : su_commit(&t, err);
}

int su_urgent_import(struct su_urgent_work *u, struct su_err *err)
{
    const struct su_manifest *m = &u->bundle->manifest;
    struct su_db *own = NULL;
    struct su_graph *graph = NULL;
    if (check_size(m, err) < 0)
        return -1;
    /* Little at a time: nothing is gained by doing it side by side. */
    int result = su_stage_begin(u->staging, err) < 0 || su_stage_end(u->staging, err) < 0 ||
                         su_home_memory(&own, err) < 0 || replay(u, own, err) < 0 ||
                         su_stage_check_rest(u->staging, u->reader, err) < 0 ||
                         !(graph = su_graph_load(own, true, err)) || check_certificate(m, own, graph, err) < 0
                     ? -1
                     : apply(u, own, graph, err);
    su_graph_cleanup(&graph);
    su_db_cleanup(&own);
    return result;
}

int su_urgent_undo(struct su_home *site, const struct su_actor *actor, const struct su_position *position,
                   struct su_import_result *result, struct su_err *err)
{
    const struct su_standing *gone = &position->urgent;
    struct su_history row = {.source = gone->bundle, .kind = "undo", .source_time = ""};
    struct su_ledger_entry entry = {
        .actor = actor, .kind = "undo", .site = site->name, .detail = gone->bundle};
    struct su_state before;
    (void)su_time_now(row.started);
    memcpy(entry.subject, gone->manifest_sha256, SU_SHA256_BYTES);
    if (count_ids(site->db, &before, err) < 0 || su_overlay_lift(site->db, true, err) < 0 ||
        su_run(site->db, err, "UPDATE urgent SET undone=1 WHERE urgent_id=?1", SU_I(gone->urgent_id)) < 0 ||
        su_overlay_lay(site->db, true, err) < 0)
        return -1;
    (void)snprintf(result->bundle, sizeof result->bundle, "%s", gone->bundle);
    return close_books(site, &row, &entry, &before, position, result, err);
}
