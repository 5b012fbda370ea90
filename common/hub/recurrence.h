/*
 * recurrence.h - when something is to be done again and again: a rule, its text, the instants it gives.
 *
 * Pure arithmetic over the calendar of one time zone; nothing here asks what time it is. The kinds are those of
 * Configuration Manager's schedules, with its ranges:
 *
 *     none
 *     every N hours                          1 to 23; hours that pass, whatever the clocks do
 *     every N days at HH:MM                  1 to 31
 *     every N weeks on DAY[,DAY...] at HH:MM 1 to 4; "weekly" is every week
 *     every N months on D at HH:MM           1 to 12; "monthly" is every month; 31 is the last day of a shorter one
 *     NTH DAY [+ N days] at HH:MM            first to fourth or last; 0 to 27 days later, "second tuesday + 1 day"
 *
 * Days, weeks and months are counted from the start. Times are what the clocks of the zone show: when they show one
 * twice the first counts, and one that they skip is moved on by as much as they skip (02:30 is 03:30 that day).
 */
#ifndef SU_RECURRENCE_H
#define SU_RECURRENCE_H

#include "common/base/buf.h"
#include "common/sys/clock.h"

struct su_recurrence {
    enum { SU_NEVER, SU_EVERY_HOURS, SU_EVERY_DAYS, SU_EVERY_WEEKS, SU_EVERY_MONTHS, SU_NTH_WEEKDAY } kind;
    int every;      /* hours, days, weeks or months */
    unsigned days;  /* of the week: bit 0 Monday to bit 6 Sunday; one of them for SU_NTH_WEEKDAY */
    int date;       /* of the month */
    int nth;        /* 1 to 4, 5 the last */
    int later_days; /* after it */
    int hour, minute;
    char zone[SU_ZONE_TEXT];
    int64_t start; /* nothing happens before; whole minute */
};

/* The rule alone, words in any case. What it leaves open (time of day, date, weekday) is taken from `start`; zone
 * and start must be set. SU_USAGE for what is no rule. */
int su_recurrence_parse(struct su_recurrence *r, const char *text, struct su_err *err) SU_CHECKED;
/* The one full form of the rule; parsing it gives the same. */
void su_recurrence_format(const struct su_recurrence *r, struct su_buf *out);
/* The first instant after `after`; false when there is none (SU_NEVER, or beyond the year 9000). */
bool su_recurrence_next(const struct su_recurrence *r, int64_t after, int64_t *out);

#endif
