#include "common/hub/schedule.h"

#include <stdio.h>
#include <string.h>

/* Catalogues of other vendors and scan metadata come beside what the hub is kept by. */
#define OF_THE_HUB "kind NOT LIKE 'sdp%' AND kind<>'wsusscn2'"

static int load_history(struct su_db *db, struct su_schedule *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf success = SU_BUF_INIT(64), failed = SU_BUF_INIT(64);
    bool found;
    if (su_query_text(db, &success, &found, err,
                      "SELECT started FROM sync_history WHERE error='' AND " OF_THE_HUB
                      " ORDER BY sync_id DESC LIMIT 1") < 0 ||
        su_query_text(
            db, &failed, &found, err,
            "SELECT finished FROM sync_history WHERE error<>'' AND sync_id=(SELECT max(sync_id) FROM "
            "sync_history WHERE " OF_THE_HUB ")") < 0)
        return -1;
    out->has_success = success.bytes && su_time_parse(success.bytes, &out->success);
    out->has_failed = failed.bytes && su_time_parse(failed.bytes, &out->failed);
    return 0;
}

int su_schedule_load(struct su_db *db, struct su_schedule *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    *out = (struct su_schedule){.retry_minutes = SU_RETRY_MINUTES};
    if (load_history(db, out, err) < 0 ||
        su_query(db, &rows, err,
                 "SELECT rule, zone, start, retry_minutes, changed FROM schedule WHERE task='sync'") < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    (void)snprintf(out->rule.zone, sizeof out->rule.zone, "%s", su_rows_text(&rows, 1));
    (void)snprintf(out->changed, sizeof out->changed, "%s", su_rows_text(&rows, 4));
    out->retry_minutes = su_rows_int(&rows, 3);
    out->is_set = true;
    if (su_zone_check(out->rule.zone, err) < 0)
        return su_prefix(err, "the stored schedule");
    if (!su_time_parse(su_rows_text(&rows, 2), &out->rule.start))
        return su_fail(err, SU_DATA, "the stored schedule starts at '%s', which is no time",
                       su_rows_text(&rows, 2));
    if (su_recurrence_parse(&out->rule, su_rows_text(&rows, 0), err) < 0) {
        err->code = SU_DATA;
        return su_prefix(err, "the stored schedule");
    }
    return 0;
}

int su_schedule_save(struct su_db *db, const struct su_schedule *s, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf rule = SU_BUF_INIT(256);
    char start[SU_TIME_TEXT];
    su_recurrence_format(&s->rule, &rule);
    if (su_buf_check(&rule, "a rule", err) < 0)
        return -1;
    return su_run(db, err,
                  "INSERT OR REPLACE INTO schedule (task, rule, zone, start, retry_minutes, changed)"
                  " VALUES ('sync', ?1, ?2, ?3, ?4, ?5)",
                  SU_T(rule.bytes), SU_T(s->rule.zone), SU_T(su_time_format(s->rule.start, start)),
                  SU_I(s->retry_minutes), SU_T(s->changed));
}

struct su_due su_schedule_due(const struct su_schedule *s, int64_t now)
{
    struct su_due due = {.is_due = false};
    int64_t wanted;
    if (!s->is_set || !su_recurrence_next(&s->rule, s->has_success ? s->success : s->rule.start - 1, &wanted))
        return due;
    due.has_next = true;
    due.at = wanted;
    due.overdue = now > wanted ? now - wanted : 0;
    due.is_clock_behind = s->has_success && s->success > now;
    if (due.is_clock_behind)
        due.at = now;
    else if (s->has_failed && s->failed <= now) { /* a failure in the future says nothing */
        due.is_retry = true;
        due.at = s->failed + s->retry_minutes * 60;
    }
    due.is_due = due.at <= now;
    return due;
}
