/* The erasure code against arithmetic of its own, one byte at a time. */
#include "helpers.h"

#include "common/lib/shards.h"

/* In GF(2^8) with x^8 + x^4 + x^3 + x^2 + 1, by shifting and adding. */
static uint8_t times(uint8_t a, uint8_t b)
{
    unsigned product = 0, left = a;
    for (; b; b >>= 1, left <<= 1) {
        if (left & 0x100)
            left ^= 0x11d;
        if (b & 1)
            product ^= left;
    }
    return (uint8_t)product;
}

static uint8_t inverse(uint8_t a)
{
    for (unsigned b = 1; b < 256; b++)
        if (times(a, (uint8_t)b) == 1)
            return (uint8_t)b;
    fail_msg("no inverse of %u", a);
    return 0;
}

#define MOST 256
#define CELL 96

struct codeword {
    size_t data, parity;
    uint8_t bytes[MOST][CELL], damaged[MOST][CELL];
    uint8_t *cells[MOST];
    bool is_lost[MOST];
};
static struct codeword w;

static unsigned long long next_random(void)
{
    static unsigned long long state = 20;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void fill(size_t data, size_t parity)
{
    w.data = data;
    w.parity = parity;
    for (size_t k = 0; k < data; k++)
        for (size_t b = 0; b < CELL; b++)
            w.bytes[k][b] = (uint8_t)next_random();
    memset(w.bytes[data], 0, parity * CELL);
    for (size_t m = 0; m < parity; m++)
        for (size_t k = 0; k < data; k++) {
            uint8_t factor = inverse((uint8_t)((data + m) ^ k));
            for (size_t b = 0; b < CELL; b++)
                w.bytes[data + m][b] ^= times(w.bytes[k][b], factor);
        }
    for (size_t i = 0; i < MOST; i++)
        w.cells[i] = w.damaged[i];
}

static void encode(struct su_shards *shards)
{
    memset(w.damaged, 0xee, sizeof w.damaged);
    memcpy(w.damaged, w.bytes, w.data * CELL);
    su_shards_encode(shards, w.cells, CELL);
    assert_memory_equal(w.damaged, w.bytes, (w.data + w.parity) * CELL);
}

static void lose_and_solve(struct su_shards *shards, size_t expected_lost)
{
    bool is_solved;
    size_t lost = 0;
    memcpy(w.damaged, w.bytes, sizeof w.bytes);
    for (size_t i = 0; i < w.data + w.parity; i++)
        if (w.is_lost[i]) {
            memset(w.damaged[i], 0x55, CELL);
            lost++;
        }
    assert_int_equal(lost, expected_lost);
    struct codeword before = w;
    GOOD(su_shards_solve(shards, w.cells, w.is_lost, CELL, &is_solved, &e));
    assert_int_equal(is_solved, lost <= w.parity);
    assert_memory_equal(w.damaged, is_solved ? w.bytes : before.damaged, (w.data + w.parity) * CELL);
}

static void test_every_loss_of_a_small_code(void **state)
{
    (void)state;
    static const size_t codes[][2] = {{1, 1}, {1, 3}, {2, 1}, {4, 3}, {5, 5}, {7, 2}};
    for (size_t c = 0; c < sizeof codes / sizeof *codes; c++) {
        size_t n = codes[c][0] + codes[c][1];
        SU_AUTO(su_shards) struct su_shards *shards = su_shards_new(codes[c][0], codes[c][1], &e);
        assert_non_null(shards);
        fill(codes[c][0], codes[c][1]);
        encode(shards);
        for (unsigned set = 0; set < 1u << n; set++) {
            for (size_t i = 0; i < n; i++)
                w.is_lost[i] = set >> i & 1;
            lose_and_solve(shards, (size_t)__builtin_popcount(set));
        }
    }
}

static void test_codes_that_are_none(void **state)
{
    (void)state;
    static const size_t codes[][2] = {{0, 1},     {1, 0},        {256, 1},     {1, 256},
                                      {128, 129}, {SIZE_MAX, 2}, {2, SIZE_MAX}};
    for (size_t c = 0; c < sizeof codes / sizeof *codes; c++) {
        su_err_clear(&e);
        assert_null(su_shards_new(codes[c][0], codes[c][1], &e));
        assert_int_equal(e.code, SU_BUG);
    }
    su_err_clear(&e);
}

static void lose_at_random(size_t count)
{
    memset(w.is_lost, 0, sizeof w.is_lost);
    while (count > 0) {
        size_t i = next_random() % (w.data + w.parity);
        count -= !w.is_lost[i];
        w.is_lost[i] = true;
    }
}

static void test_large_codes(void **state)
{
    (void)state;
    static const size_t codes[][2] = {{211, 43}, {127, 127}, {251, 3}, {1, 255}, {128, 128}};
    for (size_t c = 0; c < sizeof codes / sizeof *codes; c++) {
        SU_AUTO(su_shards) struct su_shards *shards = su_shards_new(codes[c][0], codes[c][1], &e);
        assert_non_null(shards);
        fill(codes[c][0], codes[c][1]);
        encode(shards);
        for (int i = 0; i < 10; i++) {
            lose_at_random(w.parity);
            lose_and_solve(shards, w.parity);
            lose_and_solve(shards, w.parity); /* the same pattern again */
            lose_at_random(w.parity + 1);
            lose_and_solve(shards, w.parity + 1);
        }
        memset(w.is_lost, 0, sizeof w.is_lost); /* all parity; then as many data cells as can be lost */
        memset(w.is_lost + w.data, 1, w.parity);
        lose_and_solve(shards, w.parity);
        size_t most = w.data < w.parity ? w.data : w.parity;
        memset(w.is_lost, 0, sizeof w.is_lost);
        memset(w.is_lost, 1, most);
        lose_and_solve(shards, most);
    }
}

static void test_crc(void **state)
{
    (void)state;
    static const uint8_t zero[4096];
    assert_int_equal(su_crc32("123456789", 9), 0xcbf43926);
    assert_int_equal(su_crc32("", 0), 0);
    assert_int_equal(su_crc32(zero, sizeof zero), 0xc71c0011); /* python3: zlib.crc32(bytes(4096)) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_loss_of_a_small_code),
        cmocka_unit_test(test_codes_that_are_none),
        cmocka_unit_test(test_large_codes),
        cmocka_unit_test(test_crc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
