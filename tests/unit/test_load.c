/* A load of records is applied in their order, and ends where one record after the other would, whatever the threads do. */
#include "helpers.h"

#include <unistd.h>

#include "common/catalogue/load.h"
#include "common/sys/belt.h"

#define RECORDS 3000

struct story {
    unsigned count;                                      /* records */
    unsigned read_fails_at, prepare_fails_at, apply_fails_at; /* number of the record, 0: never */
    unsigned repeated_at; /* this record has the identity of the one before */
    unsigned applied, calls;
    bool is_apart; /* the repeated one came in a call of its own */
    struct su_learner learner;
};

/* Documents of all sizes: many fit into a batch by count, some by bytes, one in 500 is larger than a batch. */
static size_t length_of(unsigned number)
{
    return number % 500 == 0 ? SU_BATCH_BYTES + number : number % 90 == 0 ? 300000 + number : number % 40;
}

static struct su_guid id_of(const struct story *s, unsigned number)
{
    struct su_guid id = {{0}};
    number -= number == s->repeated_at;
    memcpy(id.bytes, &number, sizeof number);
    return id;
}

static int read_all(void *context, struct su_load *load, struct su_err *err)
{
    struct story *s = context;
    char *document = malloc(length_of(500) + RECORDS);
    int result = 0;
    assert_non_null(document);
    for (unsigned i = 1; result == 0 && i <= s->count; i++) {
        struct su_record record = {.id = id_of(s, i), .document = document, .document_bytes = length_of(i), .urls = "u", .urls_bytes = i % 2};
        memset(document, (int)('a' + i % 26), record.document_bytes);
        result = i == s->read_fails_at ? su_fail(err, SU_DATA, "read %u", i) : su_load_add(load, &record, i, err);
    }
    free(document); /* so that what was added must be a copy */
    return result;
}

static int prepare(void *context, unsigned worker, struct su_batch *batch, struct su_prepared *item, struct su_err *err)
{
    struct story *s = context;
    (void)batch;
    if (worker >= su_threads())
        return su_fail(err, SU_BUG, "worker %u", worker);
    if (item->number % 700 == 1)
        (void)usleep(2000); /* so that other batches overtake it */
    if (item->number == s->prepare_fails_at)
        return su_fail(err, SU_FORMAT, "prepare %u", (unsigned)item->number);
    item->is_ready = true;
    return 0;
}

static int apply(void *context, struct su_batch *batch, struct su_prepared *items, size_t count, struct su_err *err)
{
    struct story *s = context;
    (void)batch;
    s->calls++;
    for (size_t i = 0; i < count; i++) {
        unsigned number = (unsigned)items[i].number;
        const struct su_record *r = &items[i].record;
        if (number == s->apply_fails_at)
            return su_fail(err, SU_LOCKED, "apply %u", number);
        if (number != ++s->applied || !items[i].is_ready || r->document_bytes != length_of(number) || r->urls_bytes != number % 2)
            return su_fail(err, SU_BUG, "record %u came in place of %u", number, s->applied);
        for (size_t k = 0; k < r->document_bytes; k += 1 + k / 2)
            if (r->document[k] != (char)('a' + number % 26))
                return su_fail(err, SU_BUG, "record %u has another's bytes", number);
        s->is_apart = s->is_apart || (number == s->repeated_at && i == 0);
    }
    return 0;
}

static int run(struct story *s, unsigned threads)
{
    const struct su_load_plan plan = {.context = s, .learner = &s->learner, .read = read_all, .prepare = prepare, .apply = apply};
    su_threads_set(threads);
    su_learner_init(&s->learner);
    s->applied = s->calls = 0;
    su_err_clear(&e);
    int result = su_load_run(&plan, &e);
    su_learner_cleanup(&s->learner);
    su_threads_set(0);
    return result;
}

static const unsigned threads[] = {1, 2, 8};

static void test_order(void **state)
{
    (void)state;
    unsigned calls = 0;
    for (size_t i = 0; i < 3; i++) {
        struct story s = {.count = RECORDS};
        GOOD(run(&s, threads[i]));
        assert_int_equal(s.applied, RECORDS);
        assert_true(s.calls >= RECORDS / SU_BATCH_RECORDS);
        assert_true(calls == 0 || calls == s.calls); /* the batches are the same */
        calls = s.calls;
    }
}

static void test_nothing(void **state)
{
    (void)state;
    struct story s = {.count = 0};
    GOOD(run(&s, 2));
    assert_int_equal(s.calls, 0);
}

static void test_an_identity_stands_once_in_a_call(void **state)
{
    (void)state;
    for (unsigned at = 2; at < 700; at += 97) {
        struct story s = {.count = 700, .repeated_at = at};
        GOOD(run(&s, 2));
        assert_int_equal(s.applied, 700);
        assert_true(s.is_apart);
    }
}

/* The first failure in the order of records is the one that is told, and all before it were applied. */
static void test_first_error(void **state)
{
    (void)state;
    static const struct {
        unsigned read, prepare, apply, first;
        enum su_code code;
    } cases[] = {
        {1, 0, 0, 1, SU_DATA},         {0, 1, 0, 1, SU_FORMAT},       {0, 0, 1, 1, SU_LOCKED},        {777, 0, 0, 777, SU_DATA},
        {0, 777, 0, 777, SU_FORMAT},   {0, 0, 777, 777, SU_LOCKED},   {778, 777, 0, 777, SU_FORMAT},  {777, 778, 0, 777, SU_DATA},
        {0, 778, 777, 777, SU_LOCKED}, {0, 777, 778, 777, SU_FORMAT}, {779, 778, 777, 777, SU_LOCKED}, {2999, 2000, 500, 500, SU_LOCKED},
        {500, 2000, 2999, 500, SU_DATA}, {0, 3000, 0, 3000, SU_FORMAT}, {3000, 0, 0, 3000, SU_DATA},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t k = 0; k < 3; k++) {
            struct story s = {
                .count = RECORDS, .read_fails_at = cases[i].read, .prepare_fails_at = cases[i].prepare, .apply_fails_at = cases[i].apply};
            char number[32];
            REFUSED(run(&s, threads[k]), cases[i].code);
            (void)snprintf(number, sizeof number, "%u", cases[i].first);
            NAMES(number);
            assert_int_equal(s.applied, cases[i].first - 1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_an_identity_stands_once_in_a_call),
        cmocka_unit_test(test_first_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
