/*
 * clock.h - the only source of "now". No decision of import or verification depends on it.
 */
#ifndef SU_CLOCK_H
#define SU_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

#define SU_TIME_TEXT 32
/* 2026-10-04T12:00:58Z */
const char *su_time_now(char out[SU_TIME_TEXT]);
int64_t su_time_seconds(void); /* now, since 1970 */
const char *su_time_format(int64_t seconds, char out[SU_TIME_TEXT]);
/* Seconds since 1970 of a text in that form; false for anything else. */
bool su_time_parse(const char *text, int64_t *out);
/* Seconds of a clock that never goes back, for durations. */
double su_time_monotonic(void);
/* Local time in a zone of the IANA data base ("Europe/Berlin"), by the C library. One thread at a time, and none beside
 * it that reads the environment: the zone is handed to the library there (TZ), and stays until the next call. */
struct su_wall { int year, month, day, hour, minute, second; }; /* month and day from 1 */
#define SU_ZONE_TEXT 64
/* SU_CONFIG when this machine does not know the zone. */
int su_zone_check(const char *zone, struct su_err *err) SU_CHECKED;
const char *su_zone_here(char out[SU_ZONE_TEXT]); /* this machine's; "UTC" when it has no name */
void su_zone_wall(const char *zone, int64_t seconds, struct su_wall *out);
/* Of a time that the clocks show twice the first; one that they skip is moved on by as much as they skip. */
int64_t su_zone_seconds(const char *zone, const struct su_wall *wall);
/* Days since 1970-01-01 of a date, and back; no zone in it. */
int64_t su_days_of(int year, int month, int day);
void su_days_date(int64_t days, struct su_wall *out);
/* The two fields of a CMTrace line: "HH:MM:SS.mmm+000" and "MM-DD-YYYY", in UTC. */
void su_time_cmtrace(int64_t second, long milliseconds, char time[24], char date[16]);
int64_t su_time_exact(long *milliseconds); /* now, in seconds and thousandths */

#endif
