/*
 * promise.h - how long the last bundle is past, against the hub's promise of the next one.
 *
 * Advice for people and nothing else: the clock here may be wrong, so no verdict rests on it, and a
 * clock that cannot be right gives no age at all.
 */
#ifndef SU_PROMISE_H
#define SU_PROMISE_H

#include <stdbool.h>
#include <stdint.h>

struct su_age {
    bool is_known; /* false: never, or the clock is before it */
    bool is_clock_behind;
    uint64_t days, overdue_days; /* overdue: past the promise, 0 without one */
};
/* `when` as su_time_now writes it; "" for never. */
struct su_age su_age_since(const char *when, uint64_t promise_days);

#endif
