#include "tools/cli/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/text.h"

#define DAY 86400

void su_check_cleanup(struct su_check *check)
{
    su_buf_cleanup(&check->text);
    su_buf_cleanup(&check->data);
}

void su_check_add(struct su_check *check, int status, const char *fmt, ...)
{
    char text[1024], safe[2048];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *p = text; *p; p++)
        if (*p == '|') /* figures for the monitoring system follow one */
            *p = '/';
    su_escape_into(safe, sizeof safe, text);
    su_buf_addf(&check->text, "%s%s", check->text.length ? "; " : "", safe);
    if (status > check->status)
        check->status = status;
}

int su_check_ages(struct su_context *c, struct su_check *check, const char *success, int64_t warning_days,
                  int64_t critical_days, struct su_err *err)
{
    int64_t warning = warning_days * DAY, critical = critical_days * DAY, then, open;
    char age_text[32];
    if (su_given_duration(c, "warning-age", 3650 * (int64_t)DAY, &warning, err) < 0 ||
        su_given_duration(c, "critical-age", 3650 * (int64_t)DAY, &critical, err) < 0 ||
        su_query_int(c->home.db, &open, NULL, err, "SELECT count(*) FROM alert WHERE closed=''") < 0)
        return -1;
    if (!su_time_parse(success, &then)) {
        su_check_add(check, 1, "nothing has succeeded yet");
    } else {
        int64_t age = su_time_seconds() - then;
        if (age < 0)
            su_check_add(check, 1, "the clock is before the last success");
        else if (age > warning)
            su_check_add(check, age > critical ? 2 : 1, "the last success was %s ago",
                         su_duration_text(age, age_text));
        su_buf_addf(&check->data, "age=%llds;%lld;%lld;0 ", (long long)(age > 0 ? age : 0),
                    (long long)warning, (long long)critical);
    }
    if (open > 0)
        su_check_add(check, 1, "%lld alerts are open", (long long)open);
    su_buf_addf(&check->data, "alerts=%lld;0;;0", (long long)open);
    return 0;
}

int su_check_end(struct su_context *c, struct su_check *check, const char *fine, struct su_err *err)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    if (check->status == 0)
        su_check_add(check, 0, "%s", fine);
    if (su_buf_check(&check->text, "the check", err) < 0 || su_buf_check(&check->data, "the check", err) < 0)
        return -1;
    su_json_text(&c->json, "check", words[check->status]);
    su_json_text(&c->json, "check_text", check->text.bytes);
    if (!c->is_json)
        (void)printf("SU %s - %s|%s\n", words[check->status], check->text.bytes, check->data.bytes);
    c->plugin_status = check->status;
    return 0;
}
