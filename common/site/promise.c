#include "common/site/promise.h"

#include "common/sys/clock.h"

#define DAY 86400

struct su_age su_age_since(const char *when, uint64_t promise_days)
{
    struct su_age age = {.is_known = false};
    char now[SU_TIME_TEXT];
    int64_t then_seconds, now_seconds;
    if (!su_time_parse(when, &then_seconds) || !su_time_parse(su_time_now(now), &now_seconds))
        return age;
    age.is_clock_behind = now_seconds < then_seconds;
    if (age.is_clock_behind)
        return age;
    age.is_known = true;
    age.days = (uint64_t)(now_seconds - then_seconds) / DAY;
    if (promise_days > 0 && age.days > promise_days)
        age.overdue_days = age.days - promise_days;
    return age;
}
