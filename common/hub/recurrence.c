#include "common/hub/recurrence.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

#define LAST_YEAR 9000
#define MOST_WORDS 24

static const char *const day_names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                        "friday", "saturday", "sunday"};
static const char *const nth_names[] = {"first", "second", "third", "fourth", "last"};

/* The words of a rule, in lower case; commas and plus signs part them. */
struct words {
    char text[256];
    const char *at[MOST_WORDS + 1]; /* ended by NULL */
    size_t next;
};

static bool split(struct words *w, const char *text)
{
    size_t count = 0, used = 0;
    *w = (struct words){.next = 0};
    for (const char *p = text; *p;) {
        if (*p == ' ' || *p == ',') {
            p++;
            continue;
        }
        size_t length = *p == '+' ? 1 : strcspn(p, " ,+");
        if (count == MOST_WORDS || used + length + 1 > sizeof w->text)
            return false;
        w->at[count++] = w->text + used;
        for (size_t i = 0; i < length; i++)
            w->text[used++] = (char)tolower((unsigned char)p[i]);
        used++; /* the NUL that stands there */
        p += length;
    }
    return true;
}

static bool take(struct words *w, const char *word)
{
    bool is_it = w->at[w->next] && strcmp(w->at[w->next], word) == 0;
    w->next += is_it;
    return is_it;
}

static bool take_number(struct words *w, int least, int most, int *out)
{
    uint64_t value;
    const char *text = w->at[w->next];
    if (!text || !su_u64_parse(&value, text, strlen(text), (uint64_t)most) || value < (uint64_t)least)
        return false;
    *out = (int)value;
    w->next++;
    return true;
}

/* "1 day", "2 days" */
static bool take_unit(struct words *w, const char *unit)
{
    size_t length = strlen(unit);
    const char *text = w->at[w->next];
    bool is_it =
        text && strncmp(text, unit, length) == 0 && (text[length] == 0 || strcmp(text + length, "s") == 0);
    w->next += is_it;
    return is_it;
}

/* Whole names, or their first letters, at least two. */
static bool take_weekday(struct words *w, int *out)
{
    const char *text = w->at[w->next];
    for (int i = 0; text && i < 7; i++)
        if (strlen(text) >= 2 && strncmp(day_names[i], text, strlen(text)) == 0) {
            *out = i;
            w->next++;
            return true;
        }
    return false;
}

/* "at HH:MM"; nothing leaves the start's. */
static bool take_time(struct words *w, struct su_recurrence *r)
{
    uint64_t hour, minute = 0;
    if (!take(w, "at"))
        return true;
    const char *text = w->at[w->next];
    if (!text || strlen(text) != 5 || text[2] != ':' || strspn(text, "0123456789:") != 5)
        return false;
    const char hours[] = {text[0], text[1], 0}, minutes[] = {text[3], text[4], 0};
    bool is_good =
        su_u64_parse(&hour, hours + (hours[0] == '0'), strlen(hours) - (hours[0] == '0'), 23) &&
        su_u64_parse(&minute, minutes + (minutes[0] == '0'), strlen(minutes) - (minutes[0] == '0'), 59);
    if (is_good) {
        r->hour = (int)hour;
        r->minute = (int)minute;
        w->next++;
    }
    return is_good;
}

static bool take_days(struct words *w, struct su_recurrence *r)
{
    int day;
    if (!take(w, "on"))
        return true;
    r->days = 0;
    while (take_weekday(w, &day)) {
        r->days |= 1u << day;
        (void)take(w, "and");
    }
    return r->days != 0;
}

static bool take_date(struct words *w, struct su_recurrence *r)
{
    if (!take(w, "on"))
        return true;
    (void)take(w, "day");
    return take_number(w, 1, 31, &r->date);
}

static bool take_nth(struct words *w, struct su_recurrence *r)
{
    int day;
    r->kind = SU_NTH_WEEKDAY;
    if (!take_weekday(w, &day))
        return false;
    r->days = 1u << day;
    if (!take(w, "+") && !take(w, "plus"))
        return true;
    return take_number(w, 0, 27, &r->later_days) && take_unit(w, "day");
}

static bool take_every(struct words *w, struct su_recurrence *r, int number)
{
    static const struct {
        const char *unit;
        int most;
    } units[] = {
        [SU_EVERY_HOURS] = {"hour", 23},
        [SU_EVERY_DAYS] = {"day", 31},
        [SU_EVERY_WEEKS] = {"week", 4},
        [SU_EVERY_MONTHS] = {"month", 12},
    };
    for (int kind = SU_EVERY_HOURS; kind <= SU_EVERY_MONTHS; kind++)
        if (take_unit(w, units[kind].unit)) {
            r->kind = (__typeof__(r->kind))kind;
            r->every = number;
            return number <= units[kind].most && (kind != SU_EVERY_WEEKS || take_days(w, r)) &&
                   (kind != SU_EVERY_MONTHS || take_date(w, r));
        }
    return false;
}

static bool take_rule(struct words *w, struct su_recurrence *r)
{
    int number = 1;
    if (take(w, "none")) {
        r->kind = SU_NEVER;
        return true;
    }
    for (int i = 0; i < 5; i++)
        if (take(w, nth_names[i])) {
            r->nth = i + 1;
            return take_nth(w, r) && take_time(w, r);
        }
    if (take(w, "hourly")) {
        r->kind = SU_EVERY_HOURS;
        r->every = 1;
        return true;
    }
    if (take(w, "daily")) {
        r->kind = SU_EVERY_DAYS;
        r->every = 1;
        return take_time(w, r);
    }
    if (take(w, "weekly")) {
        r->kind = SU_EVERY_WEEKS;
        r->every = 1;
        return take_days(w, r) && take_time(w, r);
    }
    if (take(w, "monthly")) {
        r->kind = SU_EVERY_MONTHS;
        r->every = 1;
        return take_date(w, r) && take_time(w, r);
    }
    if (!take(w, "every"))
        return false;
    (void)take_number(w, 1, 31, &number);
    return take_every(w, r, number) && (r->kind == SU_EVERY_HOURS || take_time(w, r));
}

static int weekday_of(int64_t days) /* 0 Monday; 1970-01-01 was a Thursday */
{
    return (int)(((days + 3) % 7 + 7) % 7);
}

int su_recurrence_parse(struct su_recurrence *r, const char *text, struct su_err *err)
{
    struct words w;
    struct su_wall start;
    su_zone_wall(r->zone, r->start, &start);
    r->kind = SU_NEVER;
    r->every = r->nth = r->later_days = 0;
    r->hour = start.hour;
    r->minute = start.minute;
    r->date = start.day;
    r->days = 1u << weekday_of(su_days_of(start.year, start.month, start.day));
    if (split(&w, text) && take_rule(&w, r) && !w.at[w.next])
        return 0;
    (void)su_fail(err, SU_USAGE, "'%s' is no rule of a schedule", text);
    return su_remedy(err,
                     "Write one of: every N hours (1-23); every N days at HH:MM (1-31); weekly on DAY,DAY "
                     "at HH:MM; every N weeks on DAY at HH:MM (1-4); monthly on D at HH:MM; every N months "
                     "on D at HH:MM (1-12); second tuesday + N days at HH:MM (first to fourth or last, "
                     "0-27); none.");
}

void su_recurrence_format(const struct su_recurrence *r, struct su_buf *out)
{
    static const char *const units[] = {[SU_EVERY_HOURS] = "hour",
                                        [SU_EVERY_DAYS] = "day",
                                        [SU_EVERY_WEEKS] = "week",
                                        [SU_EVERY_MONTHS] = "month"};
    if (r->kind == SU_NEVER) {
        su_buf_adds(out, "none");
        return;
    }
    if (r->kind == SU_NTH_WEEKDAY)
        su_buf_adds(out, nth_names[r->nth - 1]);
    else
        su_buf_addf(out, "every %d %s%s", r->every, units[r->kind], r->every == 1 ? "" : "s");
    if (r->kind == SU_EVERY_HOURS)
        return;
    if (r->kind == SU_EVERY_MONTHS)
        su_buf_addf(out, " on %d", r->date);
    bool has_days = r->kind == SU_EVERY_WEEKS || r->kind == SU_NTH_WEEKDAY, is_first = true;
    for (int i = 0; has_days && i < 7; i++)
        if (r->days & 1u << i) {
            su_buf_addf(out, "%s%s", is_first ? r->kind == SU_EVERY_WEEKS ? " on " : " " : ",", day_names[i]);
            is_first = false;
        }
    if (r->kind == SU_NTH_WEEKDAY && r->later_days > 0)
        su_buf_addf(out, " + %d day%s", r->later_days, r->later_days == 1 ? "" : "s");
    su_buf_addf(out, " at %02d:%02d", r->hour, r->minute);
}

static int64_t at_time(const struct su_recurrence *r, int64_t days)
{
    struct su_wall wall;
    su_days_date(days, &wall);
    wall.hour = r->hour;
    wall.minute = r->minute;
    wall.second = 0;
    return su_zone_seconds(r->zone, &wall);
}

static int days_in_month(int year, int month)
{
    int64_t next = month == 12 ? su_days_of(year + 1, 1, 1) : su_days_of(year, month + 1, 1);
    return (int)(next - su_days_of(year, month, 1));
}

/* The day of the rule that belongs to a month, counted in months since the year 0. */
static int64_t day_in_month(const struct su_recurrence *r, int64_t months)
{
    int year = (int)(months / 12), month = (int)(months % 12) + 1, length = days_in_month(year, month);
    int64_t first = su_days_of(year, month, 1);
    if (r->kind == SU_EVERY_MONTHS)
        return first + (r->date < length ? r->date : length) - 1;
    int weekday = __builtin_ctz(r->days);
    int date = 1 + (weekday - weekday_of(first) + 7) % 7 + 7 * ((r->nth == 5 ? 4 : r->nth) - 1);
    while (date + 7 <= length && r->nth == 5)
        date += 7;
    return first + date - 1 + r->later_days;
}

static bool is_day(const struct su_recurrence *r, int64_t days, int64_t start_days)
{
    if (r->kind == SU_EVERY_DAYS)
        return (days - start_days) % r->every == 0;
    int64_t monday = start_days - weekday_of(start_days);
    return (r->days & 1u << weekday_of(days)) != 0 && (days - monday) / 7 % r->every == 0;
}

/* Candidates in order from a day on; `after` is at most two days past its midnight in any zone. */
static bool next_by_day(const struct su_recurrence *r, int64_t from, int64_t start_days, int64_t after,
                        int64_t *out)
{
    for (int64_t days = from < start_days ? start_days : from;; days++) {
        if (!is_day(r, days, start_days))
            continue;
        *out = at_time(r, days);
        if (*out > after && *out >= r->start)
            return true;
    }
}

static bool next_by_month(const struct su_recurrence *r, const struct su_wall *from,
                          const struct su_wall *start, int64_t after, int64_t *out)
{
    int64_t first = (int64_t)start->year * 12 + start->month - 1,
            months = (int64_t)from->year * 12 + from->month - 1;
    int step = r->kind == SU_EVERY_MONTHS ? r->every : 1;
    if (r->kind == SU_NTH_WEEKDAY) /* the day may lie in the month after the one it is counted in */
        first--;
    months = months - 2 < first ? first : months - 2;
    months += (step - (months - first) % step) % step;
    for (;; months += step) {
        *out = at_time(r, day_in_month(r, months));
        if (*out > after && *out >= r->start)
            return true;
    }
}

bool su_recurrence_next(const struct su_recurrence *r, int64_t after, int64_t *out)
{
    struct su_wall from, start;
    if (after < r->start - 1)
        after = r->start - 1;
    su_zone_wall(r->zone, after, &from);
    su_zone_wall(r->zone, r->start, &start);
    if (r->kind == SU_NEVER || from.year >= LAST_YEAR)
        return false;
    if (r->kind == SU_EVERY_HOURS) {
        int64_t step = (int64_t)r->every * 3600;
        *out = r->start + ((after - r->start) / step + (after >= r->start)) * step;
        return true;
    }
    if (r->kind == SU_EVERY_MONTHS || r->kind == SU_NTH_WEEKDAY)
        return next_by_month(r, &from, &start, after, out);
    return next_by_day(r, su_days_of(from.year, from.month, from.day) - 1,
                       su_days_of(start.year, start.month, start.day), after, out);
}
