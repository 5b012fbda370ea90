/* Buffers, arrays and arenas: maximum, stickiness, growth. */
#include "helpers.h"

static void test_maximum_is_reached_and_not_passed(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf buf = SU_BUF_INIT(10);
    su_buf_adds(&buf, "1234567");
    su_buf_add(&buf, "890", 3);
    GOOD(su_buf_check(&buf, "text", &e));
    assert_string_equal(buf.bytes, "1234567890");
    assert_int_equal(buf.length, 10);
    su_buf_add(&buf, "", 0); /* nothing more is still fine */
    GOOD(su_buf_check(&buf, "text", &e));
    su_buf_add(&buf, "x", 1);
    REFUSED(su_buf_check(&buf, "the text", &e), SU_LIMIT);
    NAMES("the text");
    NAMES("10");
    assert_string_equal(buf.bytes, "1234567890");
}

static void test_failure_sticks_until_cleared(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf buf = SU_BUF_INIT(5);
    su_buf_adds(&buf, "123");
    su_buf_adds(&buf, "456");           /* too much: nothing of it */
    su_buf_adds(&buf, "7");             /* would fit, but an item is missing before it */
    su_buf_addf(&buf, "%d", 8);
    su_buf_addhex(&buf, (const uint8_t *)"9", 1);
    assert_null(su_buf_reserve(&buf, 1));
    assert_string_equal(buf.bytes, "123");
    REFUSED(su_buf_check(&buf, "text", &e), SU_LIMIT);
    su_buf_clear(&buf);
    assert_string_equal(buf.bytes, "");
    su_buf_adds(&buf, "abcde");
    GOOD(su_buf_check(&buf, "text", &e));
    assert_string_equal(buf.bytes, "abcde");
}

static void test_each_way_to_add_keeps_the_maximum(void **state)
{
    (void)state;
    for (size_t max = 0; max <= 9; max++) {
        SU_AUTO(su_buf) struct su_buf a = SU_BUF_INIT(max), b = SU_BUF_INIT(max), c = SU_BUF_INIT(max), d = SU_BUF_INIT(max);
        su_buf_adds(&a, "12345678");
        su_buf_addf(&b, "%s%d", "1234", 5678);
        su_buf_addhex(&c, (const uint8_t[]){0x12, 0x34, 0x56, 0x78}, 4);
        char *to = su_buf_reserve(&d, 8);
        assert_int_equal(to != NULL, max >= 8);
        if (to) {
            memcpy(to, "12345678", 8);
            su_buf_grow_by(&d, 8);
        }
        struct su_buf *all[] = {&a, &b, &c, &d};
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(all[i]->is_over, max < 8);
            assert_int_equal(all[i]->length, max < 8 ? 0 : 8);
            if (max >= 8)
                assert_string_equal(all[i]->bytes, "12345678");
        }
    }
    SU_AUTO(su_buf) struct su_buf huge = SU_BUF_INIT(SIZE_MAX);
    su_buf_adds(&huge, "12");
    assert_null(su_buf_reserve(&huge, SIZE_MAX - 1)); /* the sum would wrap */
}

static void test_grows_a_byte_at_a_time(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf buf = SU_BUF_INIT(100000);
    for (unsigned i = 0; i < 100000; i++) {
        char c = (char)('a' + i % 26);
        su_buf_add(&buf, &c, 1);
        assert_int_equal(buf.bytes[buf.length], 0);
    }
    GOOD(su_buf_check(&buf, "text", &e));
    assert_int_equal(buf.length, 100000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(buf.bytes[i], 'a' + i % 26);
    assert_true(buf.capacity <= 100001); /* never more memory than the maximum and its NUL */
}

static void test_array_stops_at_its_maximum(void **state)
{
    (void)state;
    SU_VEC(uint64_t) numbers = {0};
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t *slot = SU_PUSH(&numbers, 1000);
        assert_non_null(slot);
        assert_int_equal(*slot, 0);
        *slot = i * i;
    }
    assert_null(SU_PUSH(&numbers, 1000));
    assert_int_equal(numbers.count, 1000);
    assert_int_equal(numbers.capacity, 1000);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(numbers.at[i], i * i);
    numbers.count = 3;
    *SU_PUSH(&numbers, 1000) = 7; /* used again: zeroed again, so 7 is all there is */
    assert_int_equal(numbers.at[3], 7);
    free(numbers.at);

    SU_VEC(char) none = {0};
    assert_null(SU_PUSH(&none, 0));
    assert_null(none.at);
}

static void test_arena_stops_at_its_maximum(void **state)
{
    (void)state;
    SU_AUTO(su_arena) struct su_arena arena = SU_ARENA_INIT(1000);
    size_t piece = _Alignof(max_align_t), count = 0;
    while (su_arena_alloc(&arena, 1)) /* one byte takes one aligned piece */
        count++;
    assert_int_equal(count, 1000 / piece);
    assert_true(arena.used_bytes <= 1000);
    su_arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    assert_null(su_arena_alloc(&arena, 1001));
    assert_null(su_arena_alloc(&arena, SIZE_MAX));
    assert_non_null(su_arena_alloc(&arena, 1000 / piece * piece));
    assert_null(su_arena_alloc(&arena, 1));
    SU_AUTO(su_arena) struct su_arena even = SU_ARENA_INIT(1024), halves = SU_ARENA_INIT(1024);
    assert_non_null(su_arena_alloc(&even, 1024)); /* to the last byte */
    assert_null(su_arena_alloc(&even, 1));
    assert_non_null(su_arena_alloc(&halves, 512));
    assert_non_null(su_arena_alloc(&halves, 512));
    assert_null(su_arena_alloc(&halves, 1));
}

static void test_arena_pieces_are_apart_zeroed_and_aligned(void **state)
{
    (void)state;
    SU_AUTO(su_arena) struct su_arena arena = SU_ARENA_INIT(SU_MIB);
    for (int round = 0; round < 2; round++) {
        unsigned char *pieces[300];
        for (size_t i = 0; i < 300; i++) { /* past one chunk of 64 KiB, and one piece larger than a chunk */
            size_t bytes = i == 150 ? 100000 : i + 1;
            pieces[i] = su_arena_alloc(&arena, bytes);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
            for (size_t k = 0; k < bytes; k++)
                assert_int_equal(pieces[i][k], 0);
            memset(pieces[i], (int)(i & 255), bytes);
        }
        for (size_t i = 0; i < 300; i++)
            for (size_t k = 0, bytes = i == 150 ? 100000 : i + 1; k < bytes; k++)
                assert_int_equal(pieces[i][k], i & 255);
        su_arena_reset(&arena); /* the second round meets used memory and must find zeros */
    }
    char *text = su_arena_text(&arena, "title and more", 5);
    assert_string_equal(text, "title");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maximum_is_reached_and_not_passed),
        cmocka_unit_test(test_failure_sticks_until_cleared),
        cmocka_unit_test(test_each_way_to_add_keeps_the_maximum),
        cmocka_unit_test(test_grows_a_byte_at_a_time),
        cmocka_unit_test(test_array_stops_at_its_maximum),
        cmocka_unit_test(test_arena_stops_at_its_maximum),
        cmocka_unit_test(test_arena_pieces_are_apart_zeroed_and_aligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
