/*
 * cmd_sync.c - synchronizing by hand and by the schedule.
 */
#include <string.h>

#include "common/base/limits.h"
#include "common/hub/request.h"
#include "common/hub/schedule.h"
#include "common/source/sync.h"
#include "common/source/upstream/upstream.h"
#include "common/source/upstream/upstream_server.h"
#include "common/source/vendor/vendor.h"
#include "common/sys/program.h"
#include "tools/cli/alert.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

/* What was given, else the newest source that a synchronization succeeded with, else the only known server.
 */
static int settle_source(struct su_context *c, struct su_buf *out, struct su_err *err)
{
    const char *from = su_given(c, "from");
    bool found = true;
    if (from)
        su_buf_adds(out, from);
    else if (su_query_text(c->home.db, out, &found, err,
                           "SELECT value FROM setting WHERE key='last_source'") < 0)
        return -1;
    if (!found || out->length == 0) {
        struct su_server server;
        if (su_server_get(c->home.db, NULL, &server, err) < 0)
            return su_fail(err, SU_USAGE, "sync needs --from SOURCE");
        su_buf_adds(out, server.url);
    }
    return su_buf_check(out, "--from", err);
}

/* For the next time, which may start in another folder. An address with a name or password in it is not kept;
 * nor is what cannot be found, which fails by itself. */
static void find_again(const char *from, struct su_buf *out)
{
    struct su_err ignored = SU_ERR_INIT;
    if (strstr(from, "://") && !strchr(from, '@'))
        su_buf_adds(out, from);
    else if (!strstr(from, "://") && su_path_real(from, out, &ignored) < 0)
        su_buf_clear(out);
}

static void answer(struct su_context *c, const struct su_sync_result *r)
{
    char digest[SU_SHA256_TEXT];
    su_json_text(&c->json, "source", r->source);
    su_json_text(&c->json, "kind", r->kind);
    su_json_bool(&c->json, "dry_run", su_has(c, "dry-run"));
    su_line(c, "%s (%s)%s", r->source, r->kind, su_has(c, "dry-run") ? ": what it would change" : "");
    su_answer_changes(c, &r->changes, true);
    su_json_int(&c->json, "updates", (int64_t)r->state.updates);
    su_json_int(&c->json, "revisions", (int64_t)r->state.revisions);
    su_json_int(&c->json, "content_version", r->content_version);
    su_json_hex(&c->json, "state_digest", r->state.digest, SU_SHA256_BYTES);
    su_json_int(&c->json, "open_prerequisites", (int64_t)r->open_prerequisites);
    su_json_int(&c->json, "calls", (int64_t)r->calls);
    su_json_int(&c->json, "received", (int64_t)r->received);
    su_json_int(&c->json, "missing", (int64_t)r->missing);
    su_json_int(&c->json, "open_bundled", (int64_t)r->open_bundled);
    su_json_seconds(&c->json, "seconds", r->seconds);
    su_hex_format(r->state.digest, SU_SHA256_BYTES, digest);
    su_line(c, "  catalogue    %s updates, %s revisions, content version %lld",
            su_count_text(r->state.updates), su_count_text(r->state.revisions),
            (long long)r->content_version);
    su_line(c, "  state        %s", digest);
    if (r->missing > 0)
        c->note = SU_UPSTREAM_MISSING;
    if (r->is_older)
        su_message(&c->events, SU_SYNC_DONE, SU_WARNING,
                   "%s is older than the package before it; what that one had brought since was removed",
                   r->source);
    if (r->released > 0)
        su_message(
            &c->events, SU_LIFECYCLE_RELEASED, SU_WARNING,
            "%llu updates that 'maintain' had removed are needed again; the next synchronization brings "
            "them",
            (unsigned long long)r->released);
    if (r->open_prerequisites > 0)
        su_message(
            &c->events, SU_SYNC_DONE, SU_WARNING,
            "%llu prerequisite clauses name nothing this hub holds; exports that need them will be refused",
            (unsigned long long)r->open_prerequisites);
    if (su_has(c, "dry-run")) {
        su_message(&c->events, SU_OK, SU_INFO, "Nothing was written.");
        return;
    }
    su_message(&c->events, SU_SYNC_DONE, SU_INFO,
               "synchronization done: %llu new, %llu revised, %llu expired, %llu removed; content version "
               "%lld; %.2f s",
               (unsigned long long)r->changes.new, (unsigned long long)r->changes.revised,
               (unsigned long long)r->changes.expired, (unsigned long long)r->changes.removed,
               (long long)r->content_version, r->seconds);
}

/* Says when the schedule, if there is one, will try it again. */
static void tell_retry(struct su_context *c)
{
    struct su_err ignored = SU_ERR_INIT;
    struct su_schedule s;
    if (su_schedule_load(c->home.db, &s, &ignored) == 0 && s.is_set && s.rule.kind != SU_NEVER)
        su_message(&c->events, SU_WILL_RETRY, SU_WARNING, "Will retry in %lld minutes",
                   (long long)s.retry_minutes);
}

/* A request file makes it due at once, whether or not a schedule is set. */
static int find_due(struct su_context *c, struct su_due *due, struct su_requests *asked, struct su_err *err)
{
    struct su_schedule s;
    if (su_requests_find(c->home.dir, asked, err) < 0 || su_schedule_load(c->home.db, &s, err) < 0)
        return -1;
    if (!s.is_set && asked->count == 0) {
        (void)su_fail(err, SU_NO_SCHEDULE,
                      "--if-due goes by a schedule and by request files; none is set, and none is there");
        return -1;
    }
    *due = s.is_set ? su_schedule_due(&s, su_time_seconds()) : (struct su_due){.is_due = false};
    due->is_due |= asked->count > 0;
    return 0;
}

static const char *name_asked(const struct su_requests *asked)
{
    return asked->count == 0 ? NULL : asked->is_full ? "FULL.SYN" : "SELF.SYN";
}

/* The run was tried and the history says how it ended. One that was broken off by a signal was not. */
static int remove_asked(struct su_context *c, const struct su_requests *asked, struct su_err *err)
{
    if (asked->count == 0 || su_requests_remove(c->home.dir, asked, err) == 0)
        return 0;
    (void)su_remedy(err, "Remove %s by hand: every run of 'sync --if-due' will serve it again.",
                    name_asked(asked));
    return -1;
}

static void answer_due(struct su_context *c, const struct su_due *due, const char *asked)
{
    char at[SU_TIME_TEXT] = "never", overdue[32];
    if (due->has_next)
        (void)su_time_format(due->at, at);
    su_json_bool(&c->json, "due", due->is_due);
    su_json_text(&c->json, "next_due", due->has_next ? at : NULL);
    su_json_int(&c->json, "overdue_seconds", due->overdue);
    su_json_text(&c->json, "requested_by", asked);
    if (asked)
        su_message(&c->events, SU_DUE, SU_INFO, "sync requested by %s", asked);
    else if (!due->is_due)
        su_message(&c->events, SU_DUE, SU_INFO, "not due, nothing to do; next due: %s%s", at,
                   due->is_retry ? " (after a failure)" : "");
    else if (due->overdue > 0)
        su_message(&c->events, SU_DUE, SU_INFO, "due by the schedule since %s",
                   su_duration_text(due->overdue, overdue));
}

/* Whether there is something to do; then the home is open for changes. Asked first without the lock, so that
 * a timer that asks every few minutes gets into nobody's way, and once more with it. */
static int open_if_due(struct su_context *c, bool *is_due, struct su_requests *asked, struct su_err *err)
{
    struct su_err ignored = SU_ERR_INIT;
    struct su_due due = {.is_due = true};
    if (su_open_home(c, SU_READ, &ignored) == 0 &&
        find_due(c, &due, asked, err) < 0) /* else it wants the upgrade */
        return -1;
    if (due.is_due && (su_open_home(c, SU_WRITE, err) < 0 || find_due(c, &due, asked, err) < 0))
        return su_after(err, "Nothing was written.");
    if (!due.is_due && su_alert_silence_moved(c)) {
        if (su_open_home(c, SU_WRITE, err) < 0)
            return su_after(err, "Nothing was written.");
        su_alert_review_silence(c);
    }
    *is_due = due.is_due;
    answer_due(c, &due, name_asked(asked));
    return 0;
}

static int take_upstream(struct su_context *c, struct su_upstream_options *o, struct su_err *err)
{
    const char *replica = su_given(c, "replica");
    uint64_t wait = 0, stall = 0;
    if (replica && strcmp(replica, "yes") != 0 && strcmp(replica, "no") != 0)
        return su_fail(err, SU_USAGE, "--replica %s is neither yes nor no", replica);
    if (su_given_number(c, "retry-wait", 3600, &wait, err) < 0 ||
        su_given_number(c, "stall-time", 3600, &stall, err) < 0)
        return -1;
    *o = (struct su_upstream_options){.ca_file = su_given(c, "ca-file"),
                                      .proxy = su_given(c, "proxy"),
                                      .retry_wait = su_has(c, "retry-wait") ? (double)wait : -1,
                                      .stall_seconds = (unsigned)stall,
                                      .sets_replica = replica != NULL,
                                      .is_replica = replica && strcmp(replica, "yes") == 0};
    return 0;
}

int cmd_sync(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf from = SU_BUF_INIT(16 * SU_KIB), again = SU_BUF_INIT(16 * SU_KIB);
    struct su_sync_result r;
    struct su_upstream_options upstream;
    struct su_requests asked = {.count = 0};
    bool is_due = true;
    if (take_upstream(c, &upstream, err) < 0)
        return -1;
    if (su_has(c, "if-due") ? open_if_due(c, &is_due, &asked, err) < 0 : su_open_home(c, SU_WRITE, err) < 0)
        return su_after(err, "Nothing was written.");
    if (!is_due)
        return 0;
    if (settle_source(c, &from, err) < 0)
        return -1;
    const struct su_vendor_request vendor = {.allow_unsigned = su_has(c, "allow-unsigned"),
                                             .actor = &c->actor};
    find_again(from.bytes, &again);
    const struct su_sync_request request = {.from = from.bytes,
                                            .again = again.bytes,
                                            .actor = &c->actor,
                                            .is_full = su_has(c, "full") || asked.is_full,
                                            .is_trial = su_has(c, "dry-run"),
                                            .upstream = &upstream,
                                            .vendor = &vendor};
    su_note(&c->events, SU_SYNC_STARTED, SU_INFO, "Performing sync on %s",
            su_has(c, "if-due") && asked.count == 0 ? "regular schedule" : "local request");
    if (su_sync(&c->home, &request, &c->events, &r, err) < 0) {
        su_note_failure(c, r.source, err);
        su_note_time(c, r.seconds);
        if (!request.is_trial) {
            struct su_err kept = SU_ERR_INIT;
            su_alert_failed(c, SU_ALERT_SYNC, err);
            tell_retry(c);
            if (err->code != SU_INTERRUPTED && remove_asked(c, &asked, &kept) < 0)
                su_message(&c->events, kept.code, SU_WARNING, "%s", kept.text);
        }
        return -1;
    }
    if (request.is_trial) {
        answer(c, &r);
        return 0;
    }
    su_note(&c->events, SU_SYNC_DONE, SU_INFO, "Done synchronizing WSUS Server %s", r.source);
    su_note(&c->events, SU_SYNC_DONE, SU_INFO, "Set content version of update source %s for site %s to %lld",
            r.kind, c->home.name, (long long)r.content_version);
    answer(c, &r);
    su_note_time(c, r.seconds);
    su_alert_succeeded(c, SU_ALERT_SYNC);
    return remove_asked(c, &asked, err) < 0 ? su_after(err, "The synchronization is done.") : 0;
}
