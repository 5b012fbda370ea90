/*
 * timer.h - what wakes the hub up to see whether a synchronization is due: texts for systemd, cron and the Windows
 * Task Scheduler.
 *
 * All of them ask every five minutes. What is due, the rule tells (schedule.h), with its time zone, the retry after a
 * failure and what was missed while the machine was off, the same everywhere; the calendars of the three know neither
 * "every 3 days" nor "second Tuesday + 1 day" alike, and none of them knows about a failure.
 */
#ifndef SU_TIMER_H
#define SU_TIMER_H

#include "common/base/buf.h"

enum su_timer_format { SU_TIMER_SERVICE, SU_TIMER_TIMER, SU_TIMER_CRON, SU_TIMER_WINDOWS };
struct su_timer_job {
    const char *program, *home; /* paths as they are where the text is used */
    const char *hub;            /* its name */
    const char *user;           /* whom the home belongs to; "" or root: not said */
};
/* Paths are quoted as each format demands; SU_USAGE for one that it cannot hold. */
int su_timer_make(enum su_timer_format format, const struct su_timer_job *job, struct su_buf *out, struct su_err *err) SU_CHECKED;

#endif
