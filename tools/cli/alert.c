#include "tools/cli/alert.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

/* Everybody is told at the end; more than a few at once there cannot be, one a kind. */
static void queue(struct su_context *c, const char *event, const struct su_alert *alert)
{
    struct su_err err = SU_ERR_INIT;
    if (c->notice_count == sizeof c->notices / sizeof *c->notices)
        return;
    if (su_alert_ways_load(c->home.db, &c->alert_ways, &err) < 0) {
        su_message(&c->events, err.code, SU_WARNING, "nobody is told of an alert: %s", err.text);
        return;
    }
    c->notices[c->notice_count++] = (struct su_notice){.event = event,
                                                       .program = c->program->name,
                                                       .role = su_role_text(c->home.role),
                                                       .name = c->home.name,
                                                       .alert = *alert};
}

static void raise_alert(struct su_context *c, enum su_alert_kind kind, int message, const char *detail)
{
    struct su_alert alert;
    struct su_err err = SU_ERR_INIT;
    if (su_alert_raise(c->home.db, kind, message, detail, &alert, &err) < 0) {
        su_message(&c->events, err.code, SU_WARNING, "the alert could not be recorded: %s", err.text);
    } else if (alert.alert_id != 0) {
        su_message(&c->events, SU_ALERT_OPENED, SU_WARNING, "Raising %s alert on site %s", alert.kind,
                   c->home.name);
        queue(c, "opened", &alert);
    }
}

static void close_alert(struct su_context *c, enum su_alert_kind kind)
{
    struct su_alert alert;
    struct su_err err = SU_ERR_INIT;
    if (su_alert_close(c->home.db, kind, &alert, &err) < 0) {
        su_message(&c->events, err.code, SU_WARNING, "the alert could not be closed: %s", err.text);
    } else if (alert.alert_id != 0) {
        su_message(&c->events, SU_ALERT_CLOSED, SU_INFO,
                   "%s succeeded. Setting %s alert to canceled state on site %s",
                   kind == SU_ALERT_IMPORT ? "Import" : "Sync", alert.kind, c->home.name);
        queue(c, "closed", &alert);
    }
}

/* False also when it cannot be told, which is then a warning. */
static bool find_silence(struct su_context *c, struct su_silence *silence, uint64_t *days, bool *is_open)
{
    struct su_err err = SU_ERR_INIT;
    struct su_alert_ways ways;
    struct su_alert open;
    if (su_alert_ways_load(c->home.db, &ways, &err) < 0 ||
        su_alert_silence(c->home.db, ways.silence_days, su_time_seconds(), silence, &err) < 0 ||
        su_alert_find(c->home.db, SU_ALERT_SILENCE, &open, &err) < 0) {
        su_message(&c->events, err.code, SU_WARNING, "silence could not be looked for: %s", err.text);
        return false;
    }
    *days = ways.silence_days;
    *is_open = open.alert_id != 0;
    return true;
}

bool su_alert_silence_moved(struct su_context *c)
{
    struct su_silence silence;
    uint64_t days;
    bool is_open;
    return find_silence(c, &silence, &days, &is_open) && silence.is_silent != is_open;
}

void su_alert_review_silence(struct su_context *c)
{
    struct su_silence silence;
    uint64_t days;
    bool is_open;
    char text[160];
    if (!find_silence(c, &silence, &days, &is_open) || silence.is_silent == is_open)
        return;
    if (is_open) {
        close_alert(c, SU_ALERT_SILENCE);
        return;
    }
    (void)snprintf(text, sizeof text, "no %s has succeeded since %s, %lld days ago; %llu are allowed",
                   c->home.role == SU_HUB ? "synchronization" : "import", silence.since,
                   (long long)silence.days, (unsigned long long)days);
    raise_alert(c, SU_ALERT_SILENCE, su_code_message_id(SU_SILENCE), text);
}

void su_alert_failed(struct su_context *c, enum su_alert_kind kind, const struct su_err *why)
{
    if (why->code == SU_USAGE || why->code == SU_LOCKED || why->code == SU_INTERRUPTED)
        return; /* nobody's failure, or told to who caused it */
    raise_alert(c, kind, su_code_message_id(why->code), why->text);
    su_alert_review_silence(c);
}

void su_alert_succeeded(struct su_context *c, enum su_alert_kind kind)
{
    close_alert(c, kind);
    su_alert_review_silence(c);
}

void su_alerts_tell(struct su_context *c)
{
    su_fd_cleanup(&c->home.lock); /* a hook may want to run a command here */
    for (size_t i = 0; i < c->notice_count; i++) {
        struct su_err err = SU_ERR_INIT;
        if (su_alert_tell(&c->alert_ways, &c->notices[i], &err) < 0)
            su_message(&c->events, SU_ALERT_UNTOLD, SU_WARNING,
                       "alert %lld (%s, %s) could not be delivered: %s",
                       (long long)c->notices[i].alert.alert_id, c->notices[i].alert.kind, c->notices[i].event,
                       err.text);
    }
}

static void answer_ways(struct su_context *c, const struct su_alert_ways *w)
{
    su_json_text(&c->json, "hook", w->hook[0] ? w->hook : NULL);
    su_json_int(&c->json, "hook_seconds", (int64_t)w->hook_seconds);
    su_json_text(&c->json, "spool", w->spool[0] ? w->spool : NULL);
    su_json_text(&c->json, "mail_to", w->mail_to[0] ? w->mail_to : NULL);
    su_json_int(&c->json, "silence_days", (int64_t)w->silence_days);
    su_line(c, "hook           %s", w->hook[0] ? w->hook : "none");
    su_line(c, "hook-seconds   %llu", (unsigned long long)w->hook_seconds);
    su_line(c, "spool          %s", w->spool[0] ? w->spool : "none");
    su_line(c, "mail-to        %s", w->mail_to[0] ? w->mail_to : "root");
    if (w->silence_days > 0)
        su_line(c, "silence        after %llu days", (unsigned long long)w->silence_days);
    else
        su_line(c, "silence        no matter");
}

static int take_text(struct su_context *c, const char *option, char *out, size_t room, struct su_err *err)
{
    const char *text = su_given(c, option);
    if (text && strlen(text) >= room)
        return su_fail(err, SU_USAGE, "--%s takes at most %zu bytes", option, room - 1);
    if (text)
        (void)snprintf(out, room, "%s", strcmp(text, "none") == 0 ? "" : text);
    return 0;
}

static int take_ways(struct su_context *c, struct su_alert_ways *w, struct su_err *err)
{
    const char *silence = su_given(c, "silence");
    if (take_text(c, "hook", w->hook, sizeof w->hook, err) < 0 ||
        take_text(c, "spool", w->spool, sizeof w->spool, err) < 0 ||
        take_text(c, "mail-to", w->mail_to, sizeof w->mail_to, err) < 0 ||
        su_given_number(c, "hook-seconds", SU_MAX_HOOK_SECONDS, &w->hook_seconds, err) < 0)
        return -1;
    if (w->hook_seconds == 0)
        return su_fail(err, SU_USAGE, "--hook-seconds 0: no program ends in no time");
    if (silence && strcmp(silence, "none") == 0)
        w->silence_days = 0;
    else if (su_given_number(c, "silence", SU_MAX_SILENCE_DAYS, &w->silence_days, err) < 0)
        return -1;
    return 0;
}

int su_cmd_alert_set(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_alert_ways w;
    if (su_alert_ways_load(c->home.db, &w, err) < 0)
        return -1;
    if (su_has(c, "hook") || su_has(c, "hook-seconds") || su_has(c, "spool") || su_has(c, "mail-to") ||
        su_has(c, "silence")) {
        char detail[SU_ALERT_PATH + 64];
        if (take_ways(c, &w, err) < 0)
            return su_after(err, "Nothing was written.");
        (void)snprintf(detail, sizeof detail, "hook %.1000s; spool %.1000s; mail to %s; silence %llu",
                       w.hook[0] ? w.hook : "none", w.spool[0] ? w.spool : "none",
                       w.mail_to[0] ? w.mail_to : "root", (unsigned long long)w.silence_days);
        const struct su_ledger_entry entry = {.actor = &c->actor,
                                              .kind = "alert",
                                              .site = c->home.role == SU_SITE ? c->home.name : "",
                                              .detail = detail};
        if (su_begin(&t, c->home.db, err) < 0 || su_alert_ways_save(c->home.db, &w, err) < 0 ||
            su_ledger_add(c->home.db, &entry, err) < 0 || su_commit(&t, err) < 0)
            return su_after(err, "Nothing was written.");
    }
    answer_ways(c, &w);
    return 0;
}

int su_cmd_alert_list(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint64_t limit = 20;
    int more;
    if (su_given_number(c, "limit", 1000000, &limit, err) < 0 ||
        su_query(c->home.db, &rows, err,
                 "SELECT alert_id, kind, opened, last, closed, failures, message, detail FROM alert WHERE "
                 "closed='' "
                 "OR NOT ?1 ORDER BY alert_id DESC LIMIT ?2",
                 SU_I(su_has(c, "open")), SU_I(limit)) < 0)
        return -1;
    su_json_open(&c->json, "alerts", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        const char *closed = su_rows_text(&rows, 4);
        su_json_open(&c->json, NULL, '{');
        su_json_int(&c->json, "alert_id", su_rows_int(&rows, 0));
        su_json_text(&c->json, "kind", su_rows_text(&rows, 1));
        su_json_text(&c->json, "opened", su_rows_text(&rows, 2));
        su_json_text(&c->json, "last", su_rows_text(&rows, 3));
        su_json_text(&c->json, "closed", closed[0] ? closed : NULL);
        su_json_int(&c->json, "failures", su_rows_int(&rows, 5));
        su_json_int(&c->json, "message", su_rows_int(&rows, 6));
        su_json_text(&c->json, "detail", su_rows_text(&rows, 7));
        su_json_close(&c->json, '}');
        su_line(c, "%-4lld %-8s opened %s, %s%s; %lld failures, the newest at %s",
                (long long)su_rows_int(&rows, 0), su_rows_text(&rows, 1), su_rows_text(&rows, 2),
                closed[0] ? "canceled " : "still open", closed, (long long)su_rows_int(&rows, 5),
                su_rows_text(&rows, 3));
        su_line(c, "     %lld %s", (long long)su_rows_int(&rows, 6), su_rows_text(&rows, 7));
    }
    su_json_close(&c->json, ']');
    return more;
}

int su_cmd_alert_check(struct su_context *c, struct su_err *err)
{
    int64_t open;
    su_alert_review_silence(c);
    if (su_query_int(c->home.db, &open, NULL, err, "SELECT count(*) FROM alert WHERE closed=''") < 0)
        return -1;
    su_json_int(&c->json, "open", open);
    su_line(c, "%lld alerts are open", (long long)open);
    return 0;
}

int su_cmd_alert_test(struct su_context *c, struct su_err *err)
{
    struct su_alert_ways ways;
    struct su_notice n = {
        .event = "test",
        .program = c->program->name,
        .role = su_role_text(c->home.role),
        .name = c->home.name,
        .alert = {.kind = "test", .message = 7163, .detail = "this is a test and no failure"}};
    (void)su_time_now(n.alert.opened);
    (void)su_time_now(n.alert.last);
    if (su_alert_ways_load(c->home.db, &ways, err) < 0)
        return -1;
    if (!ways.hook[0] && !ways.spool[0])
        return su_fail(err, SU_CONFIG, "there is neither hook nor spool, so nobody is told");
    if (su_alert_tell(&ways, &n, err) < 0)
        return -1;
    answer_ways(c, &ways);
    su_line(c, "told");
    return 0;
}
