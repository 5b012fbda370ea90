#include "common/sys/belt.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/limits.h"

/* Of nineteen steps: beside one that wants all, three tenths of a processor. With ten steps an import's files
 * were still to be done when its records were, and waited behind every other program of the machine. */
#define GIVES_WAY 4

struct slot {
    size_t weight;
    bool is_done;
    int result;
    struct su_err err;
};

struct su_belt {
    struct su_belt_plan plan;
    struct slot *slots;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Counted from the start; the slot of job n is n modulo the number of slots. */
    uint64_t filled, begun, taken;
    size_t weight;
    bool is_closed, is_stopped; /* nothing more is filled; nothing more is taken */
    int fill_result, take_result;
    struct su_err fill_err, take_err;
    pthread_t fill_thread, take_thread, workers[SU_MAX_THREADS];
    bool has_fill_thread, has_take_thread;
    unsigned worker_count, next_worker;
};

static unsigned threads;

void su_threads_set(unsigned count)
{
    threads = count < SU_MAX_THREADS ? count : SU_MAX_THREADS;
}

unsigned su_threads(void)
{
    if (threads > 0)
        return threads;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online < (long)SU_MAX_THREADS ? (unsigned)online : SU_MAX_THREADS;
}

static void *job_at(const struct su_belt *b, uint64_t number)
{
    return (char *)b->plan.jobs + number % b->plan.slots * b->plan.job_bytes;
}

static void wait_for_change(struct su_belt *b)
{
    (void)pthread_cond_wait(&b->changed, &b->mutex);
}

static void unlock_changed(struct su_belt *b)
{
    (void)pthread_cond_broadcast(&b->changed);
    (void)pthread_mutex_unlock(&b->mutex);
}

static void close_belt(struct su_belt *b, int result, const struct su_err *err)
{
    (void)pthread_mutex_lock(&b->mutex);
    b->is_closed = true;
    b->fill_result = result;
    if (result < 0)
        b->fill_err = *err;
    unlock_changed(b);
}

static void stop_belt(struct su_belt *b, int result, const struct su_err *err)
{
    (void)pthread_mutex_lock(&b->mutex);
    b->is_stopped = true;
    b->take_result = result;
    if (result < 0)
        b->take_err = *err;
    unlock_changed(b);
}

/* Here a priority is a thread's own. One that cannot be lowered changes the order of things only. */
static void begin_thread(const struct su_belt *b)
{
    if (b->plan.gives_way)
        (void)setpriority(PRIO_PROCESS, 0, GIVES_WAY);
}

static void *run_fill(void *argument)
{
    struct su_belt *b = argument;
    struct su_err err = SU_ERR_INIT;
    begin_thread(b);
    int result = b->plan.fill(b->plan.context, b, &err);
    close_belt(b, result, &err);
    return NULL;
}

static void *run_take(void *argument)
{
    struct su_belt *b = argument;
    struct su_err err = SU_ERR_INIT;
    begin_thread(b);
    int result = b->plan.take(b->plan.context, b, &err);
    stop_belt(b, result, &err);
    return NULL;
}

static void *run_worker(void *argument)
{
    struct su_belt *b = argument;
    begin_thread(b);
    (void)pthread_mutex_lock(&b->mutex);
    unsigned worker = b->next_worker++;
    for (;;) {
        while (b->begun == b->filled && !b->is_closed && !b->is_stopped)
            wait_for_change(b);
        if (b->begun == b->filled || b->is_stopped)
            break;
        uint64_t number = b->begun++;
        struct slot *slot = &b->slots[number % b->plan.slots];
        (void)pthread_mutex_unlock(&b->mutex);
        struct su_err err = SU_ERR_INIT;
        int result = b->plan.work(b->plan.context, worker, job_at(b, number), &err);
        (void)pthread_mutex_lock(&b->mutex);
        slot->is_done = true;
        slot->result = result;
        if (result < 0)
            slot->err = err;
        (void)pthread_cond_broadcast(&b->changed);
    }
    (void)pthread_mutex_unlock(&b->mutex);
    return NULL;
}

/* Signals go to the main thread: its system calls are the ones they should reach. */
static int start(struct su_belt *b, pthread_t *thread, void *(*run)(void *), struct su_err *err)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(thread, NULL, run, b);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code == 0 ? 0 : su_fail(err, SU_SYSTEM, "no thread could be started (error %d)", code);
}

static int start_all(struct su_belt *b, struct su_err *err)
{
    for (unsigned i = 0; b->plan.work && i < su_threads() && i < b->plan.slots; i++) {
        if (start(b, &b->workers[i], run_worker, err) < 0)
            return -1;
        b->worker_count++;
    }
    if (b->plan.fill && start(b, &b->fill_thread, run_fill, err) < 0)
        return -1;
    b->has_fill_thread = b->plan.fill != NULL;
    if (b->plan.take && start(b, &b->take_thread, run_take, err) < 0)
        return -1;
    b->has_take_thread = b->plan.take != NULL;
    return 0;
}

struct su_belt *su_belt_new(const struct su_belt_plan *plan, struct su_err *err)
{
    struct su_belt *b = calloc(1, sizeof *b);
    if (b)
        b->slots = calloc(plan->slots, sizeof *b->slots);
    if (!b || !b->slots) {
        free(b);
        (void)su_fail_memory(err);
        return NULL;
    }
    b->plan = *plan;
    (void)pthread_mutex_init(&b->mutex, NULL);
    (void)pthread_cond_init(&b->changed, NULL);
    if (start_all(b, err) < 0)
        su_belt_cleanup(&b);
    return b;
}

void su_belt_cleanup(struct su_belt **belt)
{
    struct su_belt *b = *belt;
    if (!b)
        return;
    (void)pthread_mutex_lock(&b->mutex);
    b->is_closed = b->is_stopped = true;
    unlock_changed(b);
    if (b->has_fill_thread)
        (void)pthread_join(b->fill_thread, NULL);
    if (b->has_take_thread)
        (void)pthread_join(b->take_thread, NULL);
    for (unsigned i = 0; i < b->worker_count; i++)
        (void)pthread_join(b->workers[i], NULL);
    (void)pthread_cond_destroy(&b->changed);
    (void)pthread_mutex_destroy(&b->mutex);
    free(b->slots);
    free(b);
    *belt = NULL;
}

static bool has_room(const struct su_belt *b)
{
    return b->filled - b->taken < b->plan.slots &&
           (b->plan.most_weight == 0 || b->weight < b->plan.most_weight);
}

void *su_belt_slot(struct su_belt *b, struct su_err *err)
{
    (void)pthread_mutex_lock(&b->mutex);
    while (!b->is_stopped && !has_room(b))
        wait_for_change(b);
    void *job = b->is_stopped ? NULL : job_at(b, b->filled);
    if (!job && b->take_result < 0)
        *err = b->take_err;
    (void)pthread_mutex_unlock(&b->mutex);
    return job;
}

void su_belt_submit(struct su_belt *b, size_t weight)
{
    (void)pthread_mutex_lock(&b->mutex);
    b->slots[b->filled % b->plan.slots] = (struct slot){.weight = weight, .is_done = !b->plan.work};
    b->weight += weight;
    b->filled++;
    unlock_changed(b);
}

int su_belt_finish(struct su_belt *b, struct su_err *err)
{
    if (!b->plan.fill)
        close_belt(b, 0, NULL);
    if (b->has_take_thread)
        (void)pthread_join(b->take_thread, NULL);
    b->has_take_thread = false;
    if (b->take_result < 0)
        *err = b->take_err;
    return b->take_result;
}

int su_belt_check(struct su_belt *b, struct su_err *err)
{
    (void)pthread_mutex_lock(&b->mutex);
    int result = b->take_result;
    if (result < 0)
        *err = b->take_err;
    (void)pthread_mutex_unlock(&b->mutex);
    return result;
}

int su_belt_take(struct su_belt *b, void **job, struct su_err *err)
{
    int result = 1;
    (void)pthread_mutex_lock(&b->mutex);
    struct slot *slot = &b->slots[b->taken % b->plan.slots];
    while (!b->is_stopped && (b->taken < b->filled ? !slot->is_done : !b->is_closed))
        wait_for_change(b);
    if (b->is_stopped) {
        result = 0;
    } else if (b->taken == b->filled) {
        result = b->fill_result;
        if (result < 0)
            *err = b->fill_err;
    } else if (slot->result < 0) {
        result = -1;
        *err = slot->err;
    }
    if (result == 1)
        *job = job_at(b, b->taken);
    (void)pthread_mutex_unlock(&b->mutex);
    return result;
}

void su_belt_release(struct su_belt *b)
{
    (void)pthread_mutex_lock(&b->mutex);
    b->weight -= b->slots[b->taken % b->plan.slots].weight;
    b->taken++;
    unlock_changed(b);
}
