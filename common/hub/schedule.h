/*
 * schedule.h - when the hub synchronizes by itself: the stored rule, and what it makes due now.
 *
 * A synchronization satisfies every time of the rule up to its own beginning. So the next one is due at the first time
 * of the rule after the newest success began; after a failure, as long after its end as the schedule says. Whatever
 * wakes the program up (a timer, cron) only asks often whether anything is due.
 */
#ifndef SU_SCHEDULE_H
#define SU_SCHEDULE_H

#include "common/hub/recurrence.h"
#include "common/lib/db.h"

struct su_schedule {
    bool is_set; /* else nothing below holds but the history */
    struct su_recurrence rule;
    int64_t retry_minutes;
    char changed[SU_TIME_TEXT];
    /* The history. */
    bool has_success, has_failed;  /* a success there was; the newest attempt failed */
    int64_t success, failed;       /* when the newest success began, when that failure ended */
};
#define SU_RETRY_MINUTES 60
/* Nothing set is no failure. A stored rule that is none is SU_DATA. */
int su_schedule_load(struct su_db *db, struct su_schedule *out, struct su_err *err) SU_CHECKED;
/* Inside the caller's transaction. */
int su_schedule_save(struct su_db *db, const struct su_schedule *schedule, struct su_err *err) SU_CHECKED;

struct su_due {
    bool is_due, is_retry;
    bool has_next;   /* else it never comes; with it: */
    int64_t at;      /* when the next attempt is or was due */
    int64_t overdue; /* seconds since the time of the rule that no success satisfied; 0: none */
    bool is_clock_behind; /* the newest success lies in the future, so nothing can be told and it is due */
};
struct su_due su_schedule_due(const struct su_schedule *schedule, int64_t now);

#endif
