/* The belt keeps the order, the bounds and the first error, whatever the threads do. */
#include "helpers.h"

#include <stdatomic.h>
#include <unistd.h>

#include "common/sys/belt.h"

#define JOBS 500
#define SLOTS 5

struct job {
    unsigned number, worked;
};

struct story {
    unsigned count;              /* jobs to fill */
    unsigned fill_fails_at, work_fails_at, take_fails_at; /* 0: never */
    unsigned next, taken;
    atomic_uint on_belt, most_on_belt;
    struct job jobs[SLOTS];
};

static int fill(void *context, struct su_belt *belt, struct su_err *err)
{
    struct story *s = context;
    while (s->next < s->count) {
        if (++s->next == s->fill_fails_at)
            return su_fail(err, SU_DATA, "fill %u", s->next);
        struct job *job = su_belt_slot(belt, err);
        if (!job)
            return 0;
        unsigned now = atomic_fetch_add(&s->on_belt, 1) + 1;
        if (now > atomic_load(&s->most_on_belt))
            atomic_store(&s->most_on_belt, now);
        *job = (struct job){.number = s->next};
        su_belt_submit(belt, 100);
    }
    return 0;
}

static int work(void *context, unsigned worker, void *argument, struct su_err *err)
{
    struct story *s = context;
    struct job *job = argument;
    (void)worker;
    if (job->number % 7 == 0)
        (void)usleep(300); /* so that others overtake it */
    if (job->number == s->work_fails_at)
        return su_fail(err, SU_FORMAT, "work %u", job->number);
    job->worked = job->number * 2;
    return 0;
}

static int take(void *context, struct su_belt *belt, struct su_err *err)
{
    struct story *s = context;
    void *job;
    int more;
    while ((more = su_belt_take(belt, &job, err)) > 0) {
        const struct job *j = job;
        if (j->number != ++s->taken || j->worked != j->number * 2)
            return su_fail(err, SU_BUG, "took %u (%u) as number %u", j->number, j->worked, s->taken);
        if (j->number == s->take_fails_at)
            return su_fail(err, SU_SPACE, "take %u", j->number);
        (void)atomic_fetch_sub(&s->on_belt, 1);
        su_belt_release(belt);
    }
    return more;
}

static int run(struct story *s, size_t most_weight, bool caller_fills, struct su_err *err)
{
    SU_AUTO(su_belt)
    struct su_belt *belt = su_belt_new(&(struct su_belt_plan){.jobs = s->jobs,
                                                              .slots = SLOTS,
                                                              .job_bytes = sizeof(struct job),
                                                              .most_weight = most_weight,
                                                              .context = s,
                                                              .fill = caller_fills ? NULL : fill,
                                                              .work = work,
                                                              .take = caller_fills ? take : NULL},
                                       err);
    if (!belt)
        return -1;
    if (!caller_fills)
        return take(s, belt, err);
    if (fill(s, belt, err) < 0)
        return -1;
    return su_belt_finish(belt, err);
}

/* Both ends on threads of the belt; the caller is busy elsewhere, and asks now and then. */
static int run_beside(struct story *s, struct su_err *err)
{
    SU_AUTO(su_belt)
    struct su_belt *belt = su_belt_new(&(struct su_belt_plan){.jobs = s->jobs,
                                                              .slots = SLOTS,
                                                              .job_bytes = sizeof(struct job),
                                                              .context = s,
                                                              .fill = fill,
                                                              .work = work,
                                                              .take = take},
                                       err);
    if (!belt)
        return -1;
    for (int i = 0; i < 20; i++) {
        if (su_belt_check(belt, err) < 0) {
            struct su_err again = SU_ERR_INIT;
            assert_int_equal(su_belt_finish(belt, &again), -1);
            assert_string_equal(again.text, err->text);
            return -1;
        }
        (void)usleep(200);
    }
    int result = su_belt_finish(belt, err);
    struct su_err after = SU_ERR_INIT;
    assert_int_equal(su_belt_check(belt, &after), result);
    return result;
}

static const unsigned thread_counts[] = {1, 2, 8};
#define FOR_THREADS for (size_t t = 0; t < 3 && (su_threads_set(thread_counts[t]), true); t++)

static void test_order_is_kept(void **state)
{
    (void)state;
    FOR_THREADS
    for (int caller_fills = 0; caller_fills < 2; caller_fills++) {
        struct story s = {.count = JOBS};
        GOOD(run(&s, 0, caller_fills, &e));
        assert_int_equal(s.taken, JOBS);
        assert_true(atomic_load(&s.most_on_belt) <= SLOTS + 1); /* counted after the slot was given */
    }
}

static void test_caller_is_elsewhere(void **state)
{
    (void)state;
    FOR_THREADS
    {
        struct story s = {.count = JOBS}, fill_fails = {.count = JOBS, .fill_fails_at = 77},
                     work_fails = {.count = JOBS, .work_fails_at = 123},
                     take_fails = {.count = JOBS, .take_fails_at = 3};
        GOOD(run_beside(&s, &e));
        assert_int_equal(s.taken, JOBS);
        REFUSED(run_beside(&fill_fails, &e), SU_DATA);
        assert_int_equal(fill_fails.taken, 76);
        REFUSED(run_beside(&work_fails, &e), SU_FORMAT);
        REFUSED(run_beside(&take_fails, &e), SU_SPACE);
        assert_string_equal(e.text, "take 3");
    }
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    struct story s = {.count = 0};
    GOOD(run(&s, 0, false, &e));
    GOOD(run(&s, 0, true, &e));
    assert_int_equal(s.taken, 0);
}

/* Jobs of weight 100 under a limit of 250: at most three at once, the third begun below the limit. */
static void test_weight_is_bounded(void **state)
{
    (void)state;
    FOR_THREADS
    {
        struct story s = {.count = JOBS};
        GOOD(run(&s, 250, false, &e));
        assert_int_equal(s.taken, JOBS);
        assert_true(atomic_load(&s.most_on_belt) <= 4);
    }
}

static void test_error_comes_at_its_place(void **state)
{
    (void)state;
    FOR_THREADS
    {
        struct story work_fails = {.count = JOBS, .work_fails_at = 123};
        REFUSED(run(&work_fails, 0, false, &e), SU_FORMAT);
        assert_string_equal(e.text, "work 123");
        assert_int_equal(work_fails.taken, 122);
        struct story fill_fails = {.count = JOBS, .fill_fails_at = 77};
        REFUSED(run(&fill_fails, 0, false, &e), SU_DATA);
        assert_string_equal(e.text, "fill 77");
        assert_int_equal(fill_fails.taken, 76);
        struct story earlier = {.count = JOBS, .fill_fails_at = 77, .work_fails_at = 75};
        REFUSED(run(&earlier, 0, false, &e), SU_FORMAT);
    }
}

static void test_taker_that_fails_stops_the_filler(void **state)
{
    (void)state;
    FOR_THREADS
    {
        struct story s = {.count = JOBS, .take_fails_at = 50};
        REFUSED(run(&s, 0, false, &e), SU_SPACE);
        assert_true(s.next < 50 + SLOTS + 2);
        struct story other = {.count = JOBS, .take_fails_at = 50};
        REFUSED(run(&other, 0, true, &e), SU_SPACE);
        assert_string_equal(e.text, "take 50");
        struct story last = {.count = JOBS, .take_fails_at = JOBS};
        REFUSED(run(&last, 0, true, &e), SU_SPACE);
        struct story worker = {.count = JOBS, .work_fails_at = JOBS};
        REFUSED(run(&worker, 0, true, &e), SU_FORMAT);
    }
}

/* A caller that fills and fails: the belt is cleaned up with jobs on it, nothing hangs. */
static void test_filler_that_fails_leaves(void **state)
{
    (void)state;
    FOR_THREADS
    {
        struct story s = {.count = JOBS, .fill_fails_at = 40};
        REFUSED(run(&s, 0, true, &e), SU_DATA);
        assert_true(s.taken < 40);
    }
}

static void test_number_of_threads(void **state)
{
    (void)state;
    su_threads_set(SU_MAX_THREADS);
    assert_int_equal(su_threads(), SU_MAX_THREADS);
    su_threads_set(SU_MAX_THREADS + 1);
    assert_int_equal(su_threads(), SU_MAX_THREADS);
    struct story s = {.count = JOBS};
    GOOD(run(&s, 0, true, &e)); /* with all of them */
    assert_int_equal(s.taken, JOBS);
    su_threads_set(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_kept),
        cmocka_unit_test(test_caller_is_elsewhere),
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_weight_is_bounded),
        cmocka_unit_test(test_error_comes_at_its_place),
        cmocka_unit_test(test_taker_that_fails_stops_the_filler),
        cmocka_unit_test(test_filler_that_fails_leaves),
        cmocka_unit_test(test_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
