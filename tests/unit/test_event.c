/* test_event.c - messages and progress reach one sink, one at a time, whichever thread speaks. */
#include "helpers.h"

#include "common/point/event.h"
#include "common/sys/belt.h"

enum { SPEAKERS = 8, WORDS = 2000 };

/* Plain fields on purpose: two at once would lose counts here, and a thread checker would see it. */
struct sink { uint64_t messages, progress, inside, together; };

static void listen(void *context, const struct su_event *event)
{
    struct sink *s = context;
    s->together += s->inside++ > 0;
    s->messages += event->text != NULL;
    s->progress += event->text == NULL;
    s->inside--;
}

static int speak(void *context, unsigned worker, void *job, struct su_err *err)
{
    (void)worker, (void)job, (void)err;
    for (uint64_t i = 0; i < WORDS; i++) {
        su_message(context, SU_OK, SU_INFO, "word %llu", (unsigned long long)i);
        su_progress(context, SU_OK, "speech", i, WORDS, "items");
    }
    return 0;
}

static void test_event_one_at_a_time(void **state)
{
    (void)state;
    struct sink sink = {0};
    struct su_events events = {listen, &sink};
    char jobs[SPEAKERS] = {0};
    void *job;
    int more;
    su_threads_set(4);
    struct su_belt *belt = su_belt_new(
        &(struct su_belt_plan){.jobs = jobs, .slots = SPEAKERS, .job_bytes = 1, .context = &events, .work = speak}, &e);
    assert_non_null(belt);
    for (size_t i = 0; i < SPEAKERS; i++) {
        assert_non_null(su_belt_slot(belt, &e));
        su_belt_submit(belt, 1);
    }
    GOOD(su_belt_finish(belt, &e));
    while ((more = su_belt_take(belt, &job, &e)) > 0)
        su_belt_release(belt);
    assert_int_equal(more, 0);
    su_belt_cleanup(&belt);
    assert_int_equal(sink.messages, SPEAKERS * WORDS);
    assert_int_equal(sink.progress, SPEAKERS * WORDS);
    assert_int_equal(sink.together, 0);
}

static void test_event_without_a_sink(void **state)
{
    (void)state;
    su_message(NULL, SU_OK, SU_INFO, "nobody hears");
    su_progress(&(struct su_events){NULL, NULL}, SU_OK, "nothing", 1, 2, "items");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_one_at_a_time),
        cmocka_unit_test(test_event_without_a_sink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
