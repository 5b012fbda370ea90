/*
 * look_status.c - status, history, rebuild, explain ID.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/catalogue/catalogue.h"
#include "tools/cli/look.h"

const char *su_link_text(int64_t link)
{
    return link == 0 ? "healthy" : link == 1 ? "degraded" : "error";
}

static const char *time_or_null(const char *time)
{
    return time[0] ? time : NULL;
}

void su_answer_sync_row(struct su_context *c, const struct su_sync_row *row)
{
    su_json_text(&c->json, "SiteCode", row->site_code);
    su_json_text(&c->json, "WSUSServerName", row->server);
    su_json_text(&c->json, "WSUSSourceServer", row->source);
    su_json_int(&c->json, "SyncCatalogVersion", row->version);
    su_json_int(&c->json, "LastSyncState", row->state);
    su_json_text(&c->json, "LastSyncStateTime", time_or_null(row->state_time));
    su_json_text(&c->json, "LastSuccessfulSyncTime", time_or_null(row->success_time));
    su_json_int(&c->json, "LastSyncErrorCode", row->error);
    su_json_int(&c->json, "ReplicationLinkStatus", row->link);
    su_json_text(&c->json, "LastReplicationLinkCheckTime", time_or_null(row->link_time));
}

static void show_text(struct su_context *c, const char *name, const char *value)
{
    su_line(c, "  %-28s %s", name, value[0] ? value : "-");
}

static void show_code(struct su_context *c, const char *name, int64_t code)
{
    const struct su_message *message = code != 0 ? su_message_by_id((int)code) : NULL;
    su_line(c, "  %-28s %lld%s%s", name, (long long)code, message ? " " : "", message ? message->text : "");
}

void su_show_sync_row(struct su_context *c, const struct su_sync_row *row)
{
    show_text(c, "SiteCode", row->site_code);
    show_text(c, "WSUSServerName", row->server);
    show_text(c, "WSUSSourceServer", row->source);
    su_line(c, "  %-28s %lld", "SyncCatalogVersion", (long long)row->version);
    show_code(c, "LastSyncState", row->state);
    show_text(c, "LastSyncStateTime", row->state_time);
    show_text(c, "LastSuccessfulSyncTime", row->success_time);
    show_code(c, "LastSyncErrorCode", row->error);
    su_line(c, "  %-28s %lld %s", "ReplicationLinkStatus", (long long)row->link, su_link_text(row->link));
    show_text(c, "LastReplicationLinkCheckTime", row->link_time);
}

static void set_time(char out[SU_TIME_TEXT], const char *time)
{
    (void)snprintf(out, SU_TIME_TEXT, "%s", time);
}

/* The last synchronization or import; its error, in *error, is "" when there was none. */
static int load_row(struct su_db *db, const struct su_status *facts, struct su_sync_row *row,
                    struct su_buf *error, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_buf) struct su_buf success = SU_BUF_INIT(64);
    bool found;
    *row = (struct su_sync_row){
        .site_code = facts->site_code, .server = facts->server, .source = facts->source, .link = facts->link};
    if (su_setting_int(db, "content_version", &row->version, err) < 0 ||
        su_query_text(db, &success, &found, err,
                      "SELECT finished FROM sync_history WHERE error='' ORDER BY sync_id DESC LIMIT 1") < 0 ||
        su_query(db, &rows, err,
                 "SELECT state, finished, error, error_id FROM sync_history ORDER BY sync_id DESC LIMIT 1") <
            0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more < 0)
        return -1;
    if (found)
        set_time(row->success_time, success.bytes);
    if (more) {
        row->state = su_rows_int(&rows, 0);
        set_time(row->state_time, su_rows_text(&rows, 1));
        su_buf_adds(error, su_rows_text(&rows, 2));
        row->error = su_rows_int(&rows, 3); /* 0 in rows older than that column */
        if (error->length > 0 && row->error == 0)
            row->error = 1;
    }
    set_time(row->link_time, facts->checked ? facts->checked : row->state_time);
    return su_buf_check(error, "an error", err);
}

static void show_summary(struct su_context *c, const struct su_status *facts, const struct su_sync_row *row,
                         const char *error, const char *digest)
{
    const struct su_message *message = su_message_by_id((int)row->state);
    const struct su_state *state = &facts->state;
    su_line(c, "%s %s%s%s", su_role_text(c->home.role), facts->server, facts->source[0] ? ", fed by " : "",
            facts->source);
    su_line(c, "  catalogue    %s updates, %s revisions, content version %lld", su_count_text(state->updates),
            su_count_text(state->revisions), (long long)row->version);
    su_line(c, "  state        %s", digest);
    if (row->state_time[0])
        su_line(c, "  last sync    %lld %s at %s", (long long)row->state, message ? message->text : "",
                row->state_time);
    else
        su_line(c, "  last sync    never");
    if (error[0])
        su_line(c, "  error        %s", error);
    if (row->success_time[0])
        su_line(c, "  last success %s", row->success_time);
    su_line(c, "  link         %s, last sequence %llu", su_link_text(facts->link),
            (unsigned long long)facts->last_sequence);
    su_show_sync_row(c, row);
}

int su_look_status(struct su_context *c, const struct su_status *facts, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf error = SU_BUF_INIT(SU_MIB);
    struct su_sync_row row;
    char digest[SU_SHA256_TEXT];
    if (load_row(c->home.db, facts, &row, &error, err) < 0)
        return -1;
    const char *why = error.length > 0 ? error.bytes : "";
    su_hex_format(facts->state.digest, SU_SHA256_BYTES, digest);
    su_answer_sync_row(c, &row);
    su_json_text(&c->json, "LastSyncError", why);
    su_json_text(&c->json, "role", su_role_text(c->home.role));
    su_json_int(&c->json, "updates", (int64_t)facts->state.updates);
    su_json_int(&c->json, "revisions", (int64_t)facts->state.revisions);
    su_json_text(&c->json, "state_digest", digest);
    su_json_int(&c->json, "last_sequence", (int64_t)facts->last_sequence);
    show_summary(c, facts, &row, why, digest);
    return 0;
}

int su_cmd_history(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint64_t limit = 20;
    int more;
    if (su_given_number(c, "limit", 1000000, &limit, err) < 0 ||
        su_query(c->home.db, &rows, err,
                 "SELECT finished, source, kind, state, new, revised, expired, removed, updates, "
                 "content_version, state_digest, error, started, source_time, revisions, unchanged"
                 " FROM v_sync_history ORDER BY sync_id DESC LIMIT ?1",
                 SU_I(limit)) < 0)
        return -1;
    su_json_open(&c->json, "history", '[');
    su_line(c, "%-20s %5s %7s %7s %7s %7s %9s %4s  %s", "FINISHED", "STATE", "NEW", "REVISED", "EXPIRED",
            "REMOVED", "UPDATES", "VER", "SOURCE");
    while ((more = su_rows_next(&rows, err)) > 0) {
        static const char *const keys[] = {"new",     "revised", "expired",
                                           "removed", "updates", "content_version"};
        su_line(c, "%-20s %5lld %7lld %7lld %7lld %7lld %9lld %4lld  %s (%s)%s%s", su_rows_text(&rows, 0),
                (long long)su_rows_int(&rows, 3), (long long)su_rows_int(&rows, 4),
                (long long)su_rows_int(&rows, 5), (long long)su_rows_int(&rows, 6),
                (long long)su_rows_int(&rows, 7), (long long)su_rows_int(&rows, 8),
                (long long)su_rows_int(&rows, 9), su_rows_text(&rows, 1), su_rows_text(&rows, 2),
                su_rows_text(&rows, 11)[0] ? ": " : "", su_rows_text(&rows, 11));
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "started", su_rows_text(&rows, 12));
        su_json_text(&c->json, "finished", su_rows_text(&rows, 0));
        su_json_text(&c->json, "source", su_rows_text(&rows, 1));
        su_json_text(&c->json, "kind", su_rows_text(&rows, 2));
        su_json_text(&c->json, "source_time", su_rows_text(&rows, 13));
        su_json_int(&c->json, "state", su_rows_int(&rows, 3));
        for (int i = 0; i < 6; i++)
            su_json_int(&c->json, keys[i], su_rows_int(&rows, 4 + i));
        su_json_int(&c->json, "unchanged", su_rows_int(&rows, 15));
        su_json_int(&c->json, "revisions", su_rows_int(&rows, 14));
        su_json_text(&c->json, "state_digest", su_rows_text(&rows, 10));
        su_json_text(&c->json, "error", su_rows_text(&rows, 11));
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return more;
}

int su_cmd_rebuild(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_catalogue) struct su_catalogue *catalogue = su_catalogue_new(c->home.db, err);
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_state before, after;
    uint64_t count;
    if (!catalogue || su_begin(&t, c->home.db, err) < 0 || su_state_of(c->home.db, &before, err) < 0 ||
        su_catalogue_rebuild(catalogue, &count, err) < 0 || su_state_of(c->home.db, &after, err) < 0)
        return su_after(err, "Nothing was written.");
    if (memcmp(before.digest, after.digest, SU_SHA256_BYTES) != 0)
        return su_fail(err, SU_BUG, "the state changed while derived tables were made");
    if (su_commit(&t, err) < 0)
        return -1;
    su_json_int(&c->json, "revisions", (int64_t)count);
    su_json_hex(&c->json, "state_digest", after.digest, SU_SHA256_BYTES);
    su_line(c, "derived tables made again from %s documents", su_count_text(count));
    return 0;
}

bool su_look_is_id(const char *word)
{
    size_t n = strlen(word);
    return (n == 4 || n == 5) && strspn(word, "0123456789") == n;
}

int su_look_explain_id(struct su_context *c, const char *word, struct su_err *err)
{
    uint64_t id = 0;
    const struct su_message *m =
        su_u64_parse(&id, word, strlen(word), 99999) ? su_message_by_id((int)id) : NULL;
    if (!m)
        return su_fail(err, SU_NOT_FOUND, "no message has the id %s", word);
    su_json_int(&c->json, "id", m->id);
    su_json_text(&c->json, "code", m->name);
    su_json_int(&c->json, "exit_status", m->exit_status);
    su_json_text(&c->json, "text", m->text);
    su_json_text(&c->json, "cause", m->cause);
    su_json_text(&c->json, "remedy", m->remedy);
    su_line(c, "%d %s", m->id, m->text);
    su_line(c, "  cause    %s", m->cause);
    su_line(c, "  remedy   %s", m->remedy);
    su_line(c, "  exit     %d", m->exit_status);
    return 0;
}

void su_answer_changes(struct su_context *c, const struct su_changes *changes, bool with_unchanged)
{
    su_json_int(&c->json, "new", (int64_t)changes->new);
    su_json_int(&c->json, "revised", (int64_t)changes->revised);
    su_json_int(&c->json, "expired", (int64_t)changes->expired);
    su_json_int(&c->json, "removed", (int64_t)changes->removed);
    if (with_unchanged)
        su_json_int(&c->json, "unchanged", (int64_t)changes->unchanged);
    su_line(c, "  updates      %s new, %s revised, %s expired, %s removed, %s unchanged",
            su_count_text(changes->new), su_count_text(changes->revised), su_count_text(changes->expired),
            su_count_text(changes->removed), su_count_text(changes->unchanged));
}

void su_note_time(struct su_context *c, double seconds)
{
    unsigned long long whole = (unsigned long long)seconds;
    su_note(&c->events, SU_SYNC_DONE, SU_INFO, "Sync time: %llud%02lluh%02llum%02llus", whole / 86400,
            whole / 3600 % 24, whole / 60 % 60, whole % 60);
}

void su_note_failure(struct su_context *c, const char *source, const struct su_err *why)
{
    su_note(&c->events, SU_SYNC_FAILED, SU_ERROR, "Sync failed: %s. Source: %s", why->text, source);
}
