/*
 * cmd_schedule.c - when the hub synchronizes by itself.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/hub/schedule.h"
#include "common/hub/timer.h"
#include "common/sys/program.h"
#include "tools/suexport/commands.h"

/* "Tue 2026-11-24 02:00 +01:00" */
static const char *local_text(const char *zone, int64_t seconds, char out[64])
{
    static const char *const names[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    struct su_wall w;
    su_zone_wall(zone, seconds, &w);
    int64_t days = su_days_of(w.year, w.month, w.day);
    int64_t offset = (days * 86400 + w.hour * 3600 + w.minute * 60 + w.second - seconds) / 60;
    (void)snprintf(out, 64, "%s %04d-%02d-%02d %02d:%02d %c%02d:%02d", names[(days % 7 + 7) % 7], w.year,
                   w.month, w.day, w.hour, w.minute, offset < 0 ? '-' : '+', (int)(llabs(offset) / 60),
                   (int)(llabs(offset) % 60));
    return out;
}

static bool take_digits(const char **text, size_t count, int *out)
{
    *out = 0;
    for (size_t i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        *out = *out * 10 + (**text - '0');
    }
    return true;
}

/* "2026-11-24", "2026-11-24 02:00", "2026-11-24T02:00" as the clocks of the zone show it; or UTC with a Z. */
static int parse_time(const char *option, const char *text, const char *zone, int64_t *out,
                      struct su_err *err)
{
    struct su_wall w = {.hour = 0}, again;
    const char *p = text;
    if (su_time_parse(text, out))
        return 0;
    bool is_good = take_digits(&p, 4, &w.year) && *p++ == '-' && take_digits(&p, 2, &w.month) &&
                   *p++ == '-' && take_digits(&p, 2, &w.day);
    if (is_good && *p)
        is_good = (*p == ' ' || *p == 'T') && (p++, take_digits(&p, 2, &w.hour)) && *p++ == ':' &&
                  take_digits(&p, 2, &w.minute) && !*p;
    if (is_good) {
        su_days_date(su_days_of(w.year, w.month, w.day), &again);
        is_good = w.year >= 1970 && again.year == w.year && again.month == w.month && again.day == w.day &&
                  w.hour < 24 && w.minute < 60;
    }
    if (!is_good)
        return su_fail(err, SU_USAGE, "--%s %s is no time like 2026-11-24 02:00 or 2026-11-24T01:00:00Z",
                       option, text);
    *out = su_zone_seconds(zone, &w);
    return 0;
}

/* A rule from the command line, with zone and start. */
static int take_rule(struct su_context *c, struct su_recurrence *r, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(4 * SU_KIB);
    const char *zone = su_given(c, "time-zone"), *start = su_given(c, "start");
    for (size_t i = 0; su_argument(c, i); i++)
        su_buf_addf(&text, "%s%s", i ? " " : "", su_argument(c, i));
    if (su_buf_check(&text, "the rule", err) < 0)
        return -1;
    if (!zone)
        (void)su_zone_here(r->zone);
    else if (su_zone_check(zone, err) < 0)
        return -1;
    else
        (void)snprintf(r->zone, sizeof r->zone, "%s", zone);
    r->start = su_time_seconds();
    if (start && parse_time("start", start, r->zone, &r->start, err) < 0)
        return -1;
    r->start -= r->start % 60;
    return su_recurrence_parse(r, text.bytes, err);
}

static void answer_due(struct su_context *c, const struct su_schedule *s, int64_t now)
{
    struct su_due due = su_schedule_due(s, now);
    char utc[SU_TIME_TEXT], local[64], overdue[32];
    su_json_bool(&c->json, "due", due.is_due);
    su_json_text(&c->json, "next_due", due.has_next ? su_time_format(due.at, utc) : NULL);
    su_json_int(&c->json, "overdue_seconds", due.overdue);
    su_json_bool(&c->json, "is_retry", due.is_retry);
    if (due.has_next)
        su_line(c, "  next due     %s (%s)%s", local_text(s->rule.zone, due.at, local), utc,
                due.is_retry ? ", after a failure" : "");
    else
        su_line(c, "  next due     never");
    if (due.overdue > 0)
        su_line(c, "  overdue      by %s", su_duration_text(due.overdue, overdue));
    if (due.is_clock_behind)
        su_line(c, "  clock        the last success lies in the future; so one is due now");
}

static int answer(struct su_context *c, const struct su_schedule *s, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf rule = SU_BUF_INIT(256);
    char utc[SU_TIME_TEXT], local[64];
    su_json_bool(&c->json, "is_set", s->is_set);
    if (!s->is_set) {
        su_line(c, "no schedule is set");
        return 0;
    }
    su_recurrence_format(&s->rule, &rule);
    if (su_buf_check(&rule, "a rule", err) < 0)
        return -1;
    su_json_text(&c->json, "rule", rule.bytes);
    su_json_text(&c->json, "time_zone", s->rule.zone);
    su_json_text(&c->json, "start", su_time_format(s->rule.start, utc));
    su_json_int(&c->json, "retry_minutes", s->retry_minutes);
    su_json_text(&c->json, "changed", s->changed);
    su_line(c, "%s", rule.bytes);
    su_line(c, "  time zone    %s", s->rule.zone);
    su_line(c, "  start        %s (%s)", local_text(s->rule.zone, s->rule.start, local), utc);
    su_line(c, "  retry        %lld minutes after a failure", (long long)s->retry_minutes);
    answer_due(c, s, su_time_seconds());
    return 0;
}

int cmd_schedule_set(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_buf) struct su_buf rule = SU_BUF_INIT(256);
    struct su_schedule s;
    int64_t retry = SU_RETRY_MINUTES * 60;
    if (su_schedule_load(c->home.db, &s, err) < 0 && err->code != SU_DATA && err->code != SU_CONFIG)
        return -1; /* one that cannot be read is replaced */
    if (take_rule(c, &s.rule, err) < 0 || su_given_duration(c, "retry-after", 7 * 86400, &retry, err) < 0)
        return su_after(err, "Nothing was written.");
    if (retry % 60 != 0 || retry < 60)
        return su_fail(err, SU_USAGE, "--retry-after wants whole minutes, at least one");
    s.is_set = true;
    s.retry_minutes = retry / 60;
    (void)su_time_now(s.changed);
    su_recurrence_format(&s.rule, &rule);
    su_buf_addf(&rule, ", %s", s.rule.zone);
    const struct su_ledger_entry entry = {
        .actor = &c->actor, .kind = "schedule", .site = "", .detail = rule.bytes ? rule.bytes : ""};
    if (su_buf_check(&rule, "a rule", err) < 0 || su_begin(&t, c->home.db, err) < 0 ||
        su_schedule_save(c->home.db, &s, err) < 0 || su_ledger_add(c->home.db, &entry, err) < 0 ||
        su_commit(&t, err) < 0)
        return -1;
    return answer(c, &s, err);
}

int cmd_schedule_show(struct su_context *c, struct su_err *err)
{
    struct su_schedule s;
    return su_schedule_load(c->home.db, &s, err) < 0 ? -1 : answer(c, &s, err);
}

int cmd_schedule_next(struct su_context *c, struct su_err *err)
{
    struct su_schedule s;
    const char *after = su_given(c, "after");
    char utc[SU_TIME_TEXT], local[64];
    uint64_t count = 5;
    if (su_given_number(c, "count", SU_MAX_SCHEDULE_TIMES, &count, err) < 0 ||
        su_schedule_load(c->home.db, &s, err) < 0)
        return -1;
    if (su_argument(c, 0) && take_rule(c, &s.rule, err) < 0)
        return -1;
    if (!su_argument(c, 0) && (su_has(c, "time-zone") || su_has(c, "start")))
        return su_fail(err, SU_USAGE, "--time-zone and --start belong to a RULE to be tried");
    if (!su_argument(c, 0) && !s.is_set)
        return su_fail(err, SU_NO_SCHEDULE, "no schedule is set");
    int64_t at = su_time_seconds();
    if (after && parse_time("after", after, s.rule.zone, &at, err) < 0)
        return -1;
    su_json_text(&c->json, "time_zone", s.rule.zone);
    su_json_open(&c->json, "times", '[');
    while (count-- > 0 && su_recurrence_next(&s.rule, at, &at)) {
        su_line(c, "%s  %s", local_text(s.rule.zone, at, local), su_time_format(at, utc));
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "utc", su_time_format(at, utc));
        su_json_text(&c->json, "local", local_text(s.rule.zone, at, local));
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return 0;
}

static const char *owner_of(const char *path)
{
    static char name[64];
    struct stat st;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no thread runs in this command */
    struct passwd *user = stat(path, &st) == 0 ? getpwuid(st.st_uid) : NULL;
    (void)snprintf(name, sizeof name, "%s", user && user->pw_name ? user->pw_name : "");
    return name;
}

static int make_part(struct su_context *c, enum su_timer_format format, const char *name, const char *heading,
                     const struct su_timer_job *job, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(64 * SU_KIB);
    if (su_timer_make(format, job, &text, err) < 0)
        return -1;
    su_json_text(&c->json, name, text.bytes);
    if (!c->is_json)
        (void)printf("%s%s", heading, text.bytes);
    return 0;
}

int cmd_schedule_install(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf program = SU_BUF_INIT(16 * SU_KIB), home = SU_BUF_INIT(16 * SU_KIB);
    const char *format = su_given(c, "format"), *part = su_given(c, "part");
    bool is_systemd = format && strcmp(format, "systemd") == 0;
    struct su_schedule s;
    if (!format || (!is_systemd && strcmp(format, "cron") != 0 && strcmp(format, "windows") != 0))
        return su_fail(err, SU_USAGE, "schedule install needs --format systemd, cron or windows");
    if (part && (!is_systemd || (strcmp(part, "service") != 0 && strcmp(part, "timer") != 0)))
        return su_fail(err, SU_USAGE, "--part service or --part timer goes with --format systemd");
    if (su_schedule_load(c->home.db, &s, err) < 0 || su_program_path(&program, err) < 0 ||
        su_path_real(c->home_path, &home, err) < 0)
        return -1;
    if (!s.is_set)
        return su_fail(err, SU_NO_SCHEDULE, "no schedule is set; there is nothing to wake up for");
    struct su_timer_job job = {.program = su_has(c, "program") ? su_given(c, "program") : program.bytes,
                               .home = su_has(c, "place") ? su_given(c, "place") : home.bytes,
                               .hub = c->home.name,
                               .user = owner_of(c->home_path)};
    su_json_text(&c->json, "format", format);
    if (!is_systemd)
        return strcmp(format, "cron") == 0 ? make_part(c, SU_TIMER_CRON, "cron", "", &job, err)
                                           : make_part(c, SU_TIMER_WINDOWS, "task", "", &job, err);
    if ((!part || strcmp(part, "service") == 0) &&
        make_part(c, SU_TIMER_SERVICE, "service", part ? "" : "# suexport-sync.service\n", &job, err) < 0)
        return -1;
    return part && strcmp(part, "timer") != 0
               ? 0
               : make_part(c, SU_TIMER_TIMER, "timer", part ? "" : "\n# suexport-sync.timer\n", &job, err);
}
