#include "common/site/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/bundle/volume_read.h"
#include "common/catalogue/changes.h"
#include "common/catalogue/closure.h"
#include "common/catalogue/content.h"
#include "common/catalogue/history.h"
#include "common/point/ledger.h"
#include "common/site/replay.h"
#include "common/site/stage.h"
#include "common/site/urgent.h"
#include "common/sys/belt.h"

struct importing {
    struct su_home *site;
    const struct su_import_options *options;
    const struct su_events *events;
    struct su_import_result *result;
    struct su_bundle *bundle;
    const struct su_manifest *m;
    struct su_volume_reader *reader, *content; /* one for the frames, one for the files */
    struct su_staging staging;
    struct su_replay_hands hands;
    char started[SU_TIME_TEXT];
    int64_t import_id;
};

static int check_space(const struct importing *i, struct su_err *err)
{
    /* The database grows by the compressed documents and their relations, and as much again waits
     * in the write-ahead log until the commit. */
    uint64_t have, content = su_stage_bytes(&i->staging),
                   metadata = i->staging.wanted ? 0 : su_manifest_raw_bytes(i->m),
                   need = content + metadata + 16 * SU_MIB;
    if (su_space_free(i->site->dir, &have, err) < 0)
        return -1;
    if (have < need)
        return su_fail(err, SU_SPACE,
                       "the import needs about %llu bytes (content %llu, metadata %llu), %llu are free",
                       (unsigned long long)need, (unsigned long long)content, (unsigned long long)metadata,
                       (unsigned long long)have);
    return 0;
}

static int check_state(struct importing *i, const struct su_graph *graph, struct su_err *err)
{
    char have[SU_SHA256_TEXT], want[SU_SHA256_TEXT];
    if (su_graph_state(graph, NULL, &i->result->state, err) < 0)
        return -1;
    if (memcmp(i->result->state.digest, i->m->result, SU_SHA256_BYTES) == 0 &&
        i->result->state.updates == i->m->updates && i->result->state.revisions == i->m->revisions)
        return 0;
    su_hex_format(i->result->state.digest, SU_SHA256_BYTES, have);
    su_hex_format(i->m->result, SU_SHA256_BYTES, want);
    return su_fail(err, SU_STATE_DIFFERS,
                   "recomputed from the database the state would be %s with %llu revisions, the manifest "
                   "promises %s with %llu",
                   have, (unsigned long long)i->result->state.revisions, want,
                   (unsigned long long)i->m->revisions);
}

/* What stays open after this import, for status and receipt. */
static int keep_hole(struct importing *i, const char *line, struct su_err *err)
{
    return su_run(i->site->db, err, "INSERT INTO hole (import_id, line) VALUES (?1,?2)", SU_I(i->import_id),
                  SU_T(line));
}

/* The certificate is not believed: clauses are judged on what the database now holds. */
static int check_closure(struct importing *i, const struct su_graph *graph, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_closure_counts counts;
    int more;
    if (su_closure_judge(i->site->db, graph, &counts, err) < 0)
        return -1;
    if (counts.prerequisites != i->m->prerequisites || counts.bundled != i->m->bundled)
        return su_fail(err, SU_INCOMPLETE,
                       "the closure has %llu prerequisite and %llu bundle clauses here, the manifest "
                       "certifies %llu and %llu",
                       (unsigned long long)counts.prerequisites, (unsigned long long)counts.bundled,
                       (unsigned long long)i->m->prerequisites, (unsigned long long)i->m->bundled);
    if (su_query(i->site->db, &rows, err, "SELECT line FROM temp.open_clause ORDER BY line") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (!su_owed_is_declared(i->m, su_rows_text(&rows, 0)))
            return su_fail(err, SU_INCOMPLETE, "open clause that the manifest does not declare: %s",
                           su_rows_text(&rows, 0));
        if (keep_hole(i, su_rows_text(&rows, 0), err) < 0)
            return -1;
    }
    return more;
}

static int tell_owed(struct importing *i, struct su_err *err)
{
    struct su_owed_count owed;
    if (su_owed_now(i->site->db, &i->options->owed, &owed, err) < 0)
        return -1;
    i->result->content_owed = owed.files;
    i->result->licence_owed = owed.licence;
    return 0;
}

static int check_content(struct importing *i, const struct su_graph *graph, struct su_err *err)
{
    int64_t licence, payload;
    if (su_stage_record(&i->staging, err) < 0 ||
        su_owed_settle(&i->staging, &i->m->profile, graph, i->import_id, i->options->allow_partial, err) <
            0 ||
        su_query_int(i->site->db, &licence, NULL, err, "SELECT count(*) FROM temp.need WHERE licence") < 0 ||
        su_query_int(i->site->db, &payload, NULL, err, "SELECT count(*) FROM temp.need WHERE NOT licence") <
            0)
        return -1;
    if ((uint64_t)licence != i->m->licence_files || (uint64_t)payload != i->m->payload_files)
        return su_fail(err, SU_INCOMPLETE,
                       "the profile needs %lld licence and %lld content files here, the manifest certifies "
                       "%llu and %llu",
                       (long long)licence, (long long)payload, (unsigned long long)i->m->licence_files,
                       (unsigned long long)i->m->payload_files);
    return tell_owed(i, err);
}

/* Waits for the files, also when the replay has failed: so the error told is that of the files if they have
 * one, whichever side was faster, and what was staged is whole and need not be read again next time. A
 * failure of the files ends the replay at once. */
static int join_content(struct importing *i, int replayed, struct su_err *err)
{
    struct su_err why = SU_ERR_INIT;
    if (su_stage_end(&i->staging, &why) == 0)
        return replayed;
    *err = why;
    return -1;
}

/* What the rows now say, read once for all questions; the last of them asks for the files as well. */
static int prove(struct importing *i, struct su_err *err)
{
    SU_AUTO(su_graph) struct su_graph *graph = su_graph_load(i->site->db, true, err);
    int result = !graph || check_state(i, graph, err) < 0 || check_closure(i, graph, err) < 0 ? -1 : 0;
    return join_content(i, result, err) < 0 || su_stage_check_rest(&i->staging, i->reader, err) < 0
               ? -1
               : check_content(i, graph, err);
}

static int declare_import(struct importing *i, const struct su_position *position, struct su_err *err)
{
    SU_AUTO(su_buf)
    struct su_buf profile = SU_BUF_INIT(SU_MAX_PROFILE_ITEMS * 64),
                  approvals = SU_BUF_INIT(SU_MAX_PROFILE_ITEMS * 64);
    char now[SU_TIME_TEXT];
    su_profile_format(&i->m->profile, &profile);
    su_profile_format_approvals(&i->m->profile, &approvals);
    if (su_buf_check(&profile, "a profile", err) < 0 || su_buf_check(&approvals, "a profile", err) < 0 ||
        su_run(i->site->db, err,
               "INSERT INTO import (sequence, kind, bundle, hub, created, imported, manifest_sha256, "
               "profile, approvals, promise_days, base_digest, state_digest, jump_limit)"
               " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)",
               SU_I(i->m->sequence), SU_T(i->m->is_full ? "full" : "delta"), SU_T(i->bundle->name),
               SU_T(i->m->hub), SU_T(i->m->created), SU_T(su_time_now(now)),
               SU_B(i->bundle->manifest_sha256, SU_SHA256_BYTES), SU_T(profile.bytes),
               SU_T(approvals.bytes ? approvals.bytes : ""), SU_I(i->m->promise_days),
               SU_B(position->state.digest, SU_SHA256_BYTES), SU_B(i->m->result, SU_SHA256_BYTES),
               SU_I(i->m->jump_limit)) < 0)
        return -1;
    i->import_id = su_db_last_rowid(i->site->db);
    return 0;
}

static int close_books(struct su_home *site, struct su_history *row, struct su_import_result *result,
                       const struct su_state *before, const struct su_ledger_entry *entry, struct su_err *err)
{
    row->changes = result->changes;
    row->state = result->state;
    if (su_history_add_change(site->db, row, before, err) < 0)
        return -1;
    result->content_version = row->content_version;
    return su_ledger_add(site->db, entry, err);
}

static enum su_code owed_state(const struct su_import_result *r)
{
    return r->licence_owed ? SU_LICENCE_PENDING : r->content_owed ? SU_CONTENT_BEHIND : SU_SYNC_DONE;
}

static int may_go_on(void *context, struct su_err *err)
{
    const struct importing *i = context;
    return su_stage_check(&i->staging, err);
}

static int replay(struct importing *i, struct su_err *err)
{
    const struct su_replay_check check = {may_go_on, i};
    return su_replay(i->site->db, &i->hands, i->reader, i->m, i->import_id, &check, i->events, err);
}

static int apply(struct importing *i, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_position) struct su_position position = SU_POSITION_INIT;
    int replayed = su_changes_begin(i->site->db, err) < 0 || su_begin(&t, i->site->db, err) < 0 ||
                           su_position_load(i->site->db, &position, err) < 0 ||
                           su_overlay_lift(i->site->db, false, err) < 0 ||
                           declare_import(i, &position, err) < 0 || replay(i, err) < 0
                       ? -1
                       : 0;
    if ((replayed < 0 ? join_content(i, replayed, err) : prove(i, err)) < 0 ||
        su_changes_count(i->site->db, &position.state, &i->result->state, &i->result->changes, err) < 0 ||
        su_run(i->site->db, err, "DELETE FROM undo WHERE import_id<=?1", SU_I(i->import_id - SU_UNDO_KEEP)) <
            0)
        return -1;
    struct su_history row = {.source = i->bundle->name,
                             .kind = i->m->is_full ? "full" : "delta",
                             .source_time = i->m->created,
                             .state_code = owed_state(i->result)};
    memcpy(row.started, i->started, sizeof row.started);
    SU_AUTO(su_buf) struct su_buf detail = SU_BUF_INIT(8 * SU_KIB);
    su_buf_adds(&detail, i->bundle->name);
    su_signing_say(&i->bundle->signing, &detail);
    if (su_buf_check(&detail, "a ledger entry", err) < 0)
        return -1;
    struct su_ledger_entry entry = {.actor = i->options->actor,
                                    .kind = "import",
                                    .site = i->site->name,
                                    .sequence = i->m->sequence,
                                    .detail = detail.bytes};
    memcpy(entry.subject, i->bundle->manifest_sha256, SU_SHA256_BYTES);
    if (su_overlay_lay(i->site->db, false, err) < 0 ||
        su_overlay_standing(i->site->db, &i->result->urgent, err) < 0 ||
        close_books(i->site, &row, i->result, &position.state, &entry, err) < 0 ||
        su_trust_apply_manifest(i->site, i->m, i->bundle->name, i->options->actor, i->events,
                                &i->result->trust, err) < 0)
        return -1;
    if (i->options->is_plan) /* it rolls back at scope end */
        return 0;
    if (su_commit(&t, err) < 0)
        return -1;
    su_changes_tell(i->site->db, position.state.updates == 0, i->events);
    return 0;
}

static int refuse_incomplete(const struct su_manifest *m, struct su_err *err)
{
    for (size_t k = 0; k < m->holes.count; k++)
        if (strncmp(m->holes.at[k].text, "prerequisite ", 13) == 0 ||
            strncmp(m->holes.at[k].text, "bundled ", 8) == 0) {
            (void)su_fail(err, SU_INCOMPLETE, "the hub signed for %zu holes, the first: %s", m->holes.count,
                          m->holes.at[k].text);
            return su_remedy(err, "Ask the hub for a complete bundle, or import with --allow-incomplete.");
        }
    return 0;
}

/* Owed files that came: the catalogue stays, what is missing is computed anew. */
static int record_paid(struct importing *i, const struct su_position *position, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_profile) struct su_profile profile = {.content = SU_CONTENT_ALL};
    struct su_history row = {.source = i->bundle->name, .kind = "content", .source_time = i->m->created};
    struct su_ledger_entry entry = {.actor = i->options->actor,
                                    .kind = "content",
                                    .site = i->site->name,
                                    .sequence = i->m->sequence,
                                    .detail = i->bundle->name};
    memcpy(row.started, i->started, sizeof row.started);
    memcpy(entry.subject, i->bundle->manifest_sha256, SU_SHA256_BYTES);
    if (su_begin(&t, i->site->db, err) < 0 || su_position_profile(i->site->db, &profile, err) < 0 ||
        su_stage_record(&i->staging, err) < 0 ||
        su_owed_settle(&i->staging, &profile, NULL, position->import_id, true, err) < 0 ||
        tell_owed(i, err) < 0)
        return -1;
    row.state_code = owed_state(i->result);
    if (close_books(i->site, &row, i->result, &position->state, &entry, err) < 0)
        return -1;
    return i->options->is_plan ? 0 : su_commit(&t, err);
}

/* The site has imported this bundle. Files of it that are owed are taken, as far as the medium gives them;
 * all else of it may be absent. */
static int pay(struct importing *i, const struct su_position *position, struct su_err *err)
{
    bool has_any = false, *wanted = calloc(i->m->payloads.count + 1, sizeof *wanted);
    i->result->is_repeated = true;
    i->result->state = position->state;
    i->result->changes.unchanged = position->state.updates;
    int code = wanted ? su_owed_carried(i->site->db, i->m, wanted, &has_any, err) : su_fail_memory(err);
    i->staging.wanted = wanted;
    i->staging.allow_partial = true;
    if (code == 0 && has_any)
        code = su_bundle_check_folder(i->bundle, err) < 0 || check_space(i, err) < 0 ||
                       (!i->options->is_plan && su_store_sweep(i->site, err) < 0) ||
                       su_stage_begin(&i->staging, err) < 0 || su_stage_end(&i->staging, err) < 0
                   ? -1
                   : 0;
    i->staging.wanted = NULL;
    free(wanted);
    if (code < 0 || su_setting_int(i->site->db, "content_version", &i->result->content_version, err) < 0)
        return -1;
    return has_any && i->staging.files_stored + i->staging.files_held > 0 ? record_paid(i, position, err)
                                                                          : tell_owed(i, err);
}

static int import_urgent(struct importing *i, struct su_err *err)
{
    struct su_urgent_work work = {.site = i->site,
                                  .bundle = i->bundle,
                                  .options = i->options,
                                  .events = i->events,
                                  .result = i->result,
                                  .staging = &i->staging,
                                  .reader = i->reader,
                                  .started = i->started};
    i->staging.allow_partial = false;
    return su_urgent_import(&work, err);
}

/* Nothing of an urgent bundle is owed, so there is nothing to be done. */
static int repeat_urgent(struct importing *i, const struct su_position *position, struct su_err *err)
{
    i->result->is_repeated = true;
    i->result->is_settled = su_position_is_settled(position, i->m);
    i->result->state = position->state;
    i->result->urgent = position->urgent;
    i->result->changes.unchanged = position->state.updates + position->urgent.updates;
    if (su_setting_int(i->site->db, "content_version", &i->result->content_version, err) < 0)
        return -1;
    return tell_owed(i, err);
}

static int run(struct importing *i, const struct su_bundle_raw *raw, struct su_err *err)
{
    SU_AUTO(su_position) struct su_position position = SU_POSITION_INIT;
    if (su_bundle_verify(i->bundle, raw, i->site->db, err) < 0)
        return -1;
    i->m = &i->bundle->manifest;
    (void)snprintf(i->result->bundle, sizeof i->result->bundle, "%s", i->bundle->name);
    (void)snprintf(i->result->site, sizeof i->result->site, "%s", i->m->site);
    i->result->sequence = i->m->urgent ? 0 : i->m->sequence;
    if (su_position_load(i->site->db, &position, err) < 0)
        return -1;
    bool pays = false;
    int judged = su_position_judge(&position, i->site, i->bundle, i->options->accepted, err);
    if (!(i->reader = su_volume_reader_new(i->bundle->dir, i->m, err)) ||
        !(i->content = su_volume_reader_new(i->bundle->dir, i->m, err)))
        return -1;
    i->staging = (struct su_staging){.site = i->site,
                                     .events = i->events,
                                     .bundle = i->bundle,
                                     .reader = i->content,
                                     .is_plan = i->options->is_plan,
                                     .allow_partial = i->options->allow_partial};
    (void)su_time_now(i->started);
    if (judged < 0) {
        struct su_err refusal = *err;
        if (err->code != SU_OLDER || su_owed_from(i->site->db, i->bundle, &pays, err) < 0 || !pays) {
            *err = refusal;
            return -1;
        }
        su_err_clear(err);
    }
    if (judged == 1 && i->m->urgent)
        return repeat_urgent(i, &position, err);
    i->result->urgent = position.urgent;
    if (judged == 1 || pays)
        return pay(i, &position, err);
    if (su_bundle_check_folder(i->bundle, err) < 0 ||
        (!i->options->allow_incomplete && refuse_incomplete(i->m, err) < 0) || check_space(i, err) < 0)
        return -1;
    su_message(i->events, SU_IMPORT_STARTED, SU_INFO, "%s %s started",
               i->options->is_plan ? "plan of" : "import of", i->bundle->name);
    if (!i->options->is_plan && su_store_sweep(i->site, err) < 0)
        return -1;
    if (i->m->urgent)
        return import_urgent(i, err);
    /* Files and records have nothing to do with each other until check_content, so they are taken at the same
     * time. The database's write lock is held for all of it, and not for the records alone: that keeps nobody
     * out, as readers never wait and whoever changes this home waits for its lock anyway. With one thread,
     * --jobs 1, the medium is read from its beginning to its end, as a slow disc likes it. */
    if (su_replay_hands_open(&i->hands, err) < 0 || su_stage_begin(&i->staging, err) < 0 ||
        (su_threads() == 1 && su_stage_end(&i->staging, err) < 0))
        return -1;
    return apply(i, err);
}

int su_import(struct su_home *site, const struct su_bundle_raw *raw, const struct su_import_options *options,
              const struct su_events *events, struct su_import_result *result, struct su_err *err)
{
    SU_AUTO(su_bundle) struct su_bundle bundle = SU_BUNDLE_INIT;
    struct importing i = {
        .site = site, .options = options, .events = events, .result = result, .bundle = &bundle};
    double started = su_time_monotonic();
    *result = (struct su_import_result){.sequence = 0};
    int code = run(&i, raw, err);
    su_staging_cleanup(&i.staging);
    su_replay_hands_cleanup(&i.hands);
    su_volume_reader_cleanup(&i.reader);
    su_volume_reader_cleanup(&i.content);
    result->files_stored = i.staging.files_stored;
    result->bytes_stored = i.staging.bytes_stored;
    result->files_held = i.staging.files_held;
    bool has_staged = i.staging.staged_bytes > 0 && !options->is_plan;
    result->seconds = su_time_monotonic() - started;
    /* files staged in the store belong to no update: the catalogue decides what the site holds */
    return code < 0 ? su_after(err, has_staged ? "The catalogue is unchanged." : "Nothing was written.") : 0;
}

static int apply_undo(struct su_home *site, const struct su_actor *actor, const struct su_position *position,
                      struct su_import_result *result, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_owed_count owed;
    uint8_t base[SU_SHA256_BYTES];
    char previous[SU_TIME_TEXT];
    (void)su_time_now(previous);
    if (su_query(site->db, &rows, err,
                 "SELECT base_digest, (SELECT max(import_id) FROM import) FROM import WHERE import_id=?1",
                 SU_I(position->import_id)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0 || su_rows_fixed(&rows, 0, base, sizeof base, err) < 0)
        return more == 0 ? su_fail(err, SU_DATA, "database: the last import has no row") : -1;
    if (su_rows_int(&rows, 1) - position->import_id >= SU_UNDO_KEEP)
        return su_fail(err, SU_UNDO_NOTHING, "the inverse of %s is no longer kept (the last %d imports are)",
                       position->bundle, SU_UNDO_KEEP);
    su_rows_cleanup(&rows);
    if (su_overlay_lift(site->db, false, err) < 0 ||
        su_replay_inverse(site->db, position->import_id, err) < 0 ||
        su_state_of(site->db, &result->state, err) < 0)
        return -1;
    if (memcmp(result->state.digest, base, sizeof base) != 0)
        return su_fail(err, SU_STATE_DIFFERS, "the inverse of %s does not lead to the state before it",
                       position->bundle);
    if (su_changes_count(site->db, &position->state, &result->state, &result->changes, err) < 0 ||
        su_run(site->db, err, "UPDATE import SET undone=1 WHERE import_id=?1", SU_I(position->import_id)) <
            0 ||
        su_run(site->db, err, "DELETE FROM undo WHERE import_id=?1", SU_I(position->import_id)) < 0 ||
        su_run(site->db, err, "DELETE FROM hole WHERE import_id=?1", SU_I(position->import_id)) < 0 ||
        su_overlay_lay(site->db, false, err) < 0 || su_overlay_standing(site->db, &result->urgent, err) < 0 ||
        su_owed_now(site->db, NULL, &owed, err) < 0)
        return -1;
    result->content_owed = owed.files;
    result->licence_owed = owed.licence;
    struct su_history row = {
        .source = position->bundle, .kind = "undo", .source_time = "", .state_code = SU_SYNC_DONE};
    memcpy(row.started, previous, sizeof row.started);
    struct su_ledger_entry entry = {.actor = actor,
                                    .kind = "undo",
                                    .site = site->name,
                                    .sequence = position->sequence,
                                    .detail = position->bundle};
    memcpy(entry.subject, position->manifest_sha256, SU_SHA256_BYTES);
    return close_books(site, &row, result, &position->state, &entry, err);
}

/* An import can be undone while none builds on it. */
static int check_newest(struct su_home *site, const struct su_position *position, uint64_t sequence,
                        struct su_err *err)
{
    int64_t held;
    if (sequence == 0 || sequence == position->sequence)
        return 0;
    if (su_query_int(site->db, &held, NULL, err,
                     "SELECT count(*) FROM import WHERE sequence=?1 AND NOT undone", SU_I(sequence)) < 0)
        return -1;
    if (held == 0)
        return su_fail(err, SU_UNDO_NOTHING, "bundle %llu is not in force here; the newest import is %s",
                       (unsigned long long)sequence, position->bundle);
    (void)su_fail(err, SU_UNDO_ORDER, "bundle %llu cannot be undone: %s was imported after it",
                  (unsigned long long)sequence, position->bundle);
    return su_remedy(err, "Undo that first: suimport undo %llu", (unsigned long long)position->sequence);
}

/* It builds on the ordinary bundles, so it goes first. */
static int undo_urgent(struct su_home *site, uint64_t sequence, const struct su_actor *actor,
                       const struct su_position *position, const struct su_events *events,
                       struct su_import_result *result, struct su_transaction *t, struct su_err *err)
{
    if (sequence > 0) {
        (void)su_fail(err, SU_UNDO_ORDER, "bundle %llu cannot be undone: the urgent bundle %s stands on it",
                      (unsigned long long)sequence, position->urgent.bundle);
        (void)su_remedy(err, "Undo that first: suimport undo");
        return su_after(err, "Nothing was written.");
    }
    if (su_urgent_undo(site, actor, position, result, err) < 0 || su_commit(t, err) < 0)
        return su_after(err, "Nothing was written.");
    su_message(events, SU_UNDO_DONE, SU_INFO, "undo of %s done", position->urgent.bundle);
    return 0;
}

int su_undo(struct su_home *site, uint64_t sequence, const struct su_actor *actor,
            const struct su_events *events, struct su_import_result *result, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_position) struct su_position position = SU_POSITION_INIT;
    double started = su_time_monotonic();
    *result = (struct su_import_result){.sequence = 0};
    if (su_changes_begin(site->db, err) < 0 || su_begin(&t, site->db, err) < 0 ||
        su_position_load(site->db, &position, err) < 0)
        return su_after(err, "Nothing was written.");
    if (position.urgent.revisions > 0)
        return undo_urgent(site, sequence, actor, &position, events, result, &t, err);
    if (!position.has_import) {
        (void)su_fail(err, SU_UNDO_NOTHING, "no import lies behind the state of this site");
        return su_after(err, "Nothing was written.");
    }
    if (check_newest(site, &position, sequence, err) < 0 ||
        apply_undo(site, actor, &position, result, err) < 0 || su_commit(&t, err) < 0)
        return su_after(err, "Nothing was written.");
    su_changes_tell(site->db, position.state.updates == 0, events);
    (void)snprintf(result->bundle, sizeof result->bundle, "%s", position.bundle);
    result->sequence = position.sequence;
    result->seconds = su_time_monotonic() - started;
    su_message(events, SU_UNDO_DONE, SU_INFO, "undo of %s done", position.bundle);
    return 0;
}
