/*
 * belt.h - a bounded belt of jobs between threads: filled in order, worked on by several, taken in order.
 *
 * Every pipeline here is one or more belts. A job is a slot of the caller's array, used again and again,
 * so memory stays flat: filling waits while all slots are in use or the jobs on the belt weigh too much.
 * What is taken comes in the order it was filled, whichever thread was done first: results, and the first
 * error, are those of a run without threads.
 *
 *   filler: while ((job = su_belt_slot(belt, err))) { ...; su_belt_submit(belt, weight); }
 *   taker:  while ((more = su_belt_take(belt, &job, err)) > 0) { ...; su_belt_release(belt); }
 *
 * Either end is the caller's thread, or one of the belt's own (`fill`, `take`). Errors travel to the taker:
 * a failed fill or work is met by the taker at its place in the order. Where the taker is a thread of the
 * belt, the filler learns of its failure from su_belt_slot and su_belt_finish.
 */
#ifndef SU_BELT_H
#define SU_BELT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

/* Threads that work at the same time, --jobs; by default as many as there are processors, at least 1. */
void su_threads_set(unsigned count);
unsigned su_threads(void);

struct su_belt;
struct su_belt_plan {
    void *jobs; /* the caller's array, zeroed; outlives the belt, and what hangs on it is the caller's */
    size_t slots, job_bytes;
    size_t most_weight; /* of all jobs on the belt, in bytes; one alone may be heavier; 0: no limit */
    void *context;
    /* Own thread; NULL: the caller fills. Returns 0 after the last job, or when su_belt_slot gave NULL. */
    int (*fill)(void *context, struct su_belt *belt, struct su_err *err);
    /* On any of su_threads() threads, several jobs at once; NULL: nothing to be done. `worker` counts from 0. */
    int (*work)(void *context, unsigned worker, void *job, struct su_err *err);
    /* Own thread; NULL: the caller takes. */
    int (*take)(void *context, struct su_belt *belt, struct su_err *err);
    /* Its threads get less of a processor than others that want it: for what can wait, beside what others wait
     * for. */
    bool gives_way;
};
struct su_belt *su_belt_new(const struct su_belt_plan *plan, struct su_err *err);
/* Stops what still runs, waits for it, frees the belt. */
void su_belt_cleanup(struct su_belt **belt);

/* An empty job, as it was when released; NULL when the taker has gone (and the taker's error, if it has one). */
void *su_belt_slot(struct su_belt *belt, struct su_err *err);
/* The slot is filled. */
void su_belt_submit(struct su_belt *belt, size_t weight);
/* Waits for the taker's thread; its result. A caller that fills has filled all. */
int su_belt_finish(struct su_belt *belt, struct su_err *err) SU_CHECKED;
/* Does not wait. -1: the taker's thread has failed, and why; for a caller that is busy elsewhere meanwhile. */
int su_belt_check(struct su_belt *belt, struct su_err *err) SU_CHECKED;

/* 1: the next job, until su_belt_release. 0: there was no more to fill. -1: filling or working failed. */
int su_belt_take(struct su_belt *belt, void **job, struct su_err *err) SU_CHECKED;
void su_belt_release(struct su_belt *belt);

#endif
