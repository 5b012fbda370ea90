/*
 * clock.h - the only source of "now". No decision of import or verification depends on it.
 */
#ifndef SU_CLOCK_H
#define SU_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define SU_TIME_TEXT 32
/* 2026-10-04T12:00:58Z */
const char *su_time_now(char out[SU_TIME_TEXT]);
/* Seconds since 1970 of a text in that form; false for anything else. */
bool su_time_parse(const char *text, int64_t *out);
/* Seconds of a clock that never goes back, for durations. */
double su_time_monotonic(void);
/* The two fields of a CMTrace line: "HH:MM:SS.mmm+000" and "MM-DD-YYYY", in UTC. */
void su_time_cmtrace(char time[24], char date[16]);

#endif
