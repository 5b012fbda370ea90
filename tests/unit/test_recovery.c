/* Where the cells of the erasure code lie: the promises of docs/bundle-format.md 4.4, by counting. */
#include "helpers.h"

#include "common/bundle/recovery.h"

static uint64_t up(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

/* Each byte of every volume is in exactly one cell, head, check record or pad. */
static void check_places(const struct su_geometry *g, uint64_t largest)
{
    uint64_t lane = g->codewords * SU_CELL_BYTES;
    for (uint32_t v = 0; v < g->volumes + g->recovery_volumes; v++) {
        bool is_data = v < g->volumes;
        uint64_t bytes = is_data ? g->segments * lane : su_recovery_bytes(g, v - g->volumes);
        uint8_t *used = calloc(1, (size_t)(bytes / 1024));
        assert_non_null(used);
        for (uint32_t i = 0; i < g->data_cells + g->parity_cells; i++) {
            struct su_cell_place place = su_cell_place(g, i);
            for (uint64_t at = place.offset / 1024; place.volume == v && at < (place.offset + lane) / 1024; at++)
                used[at]++;
        }
        if (!is_data)
            for (uint32_t copy = 0; copy < g->copies; copy++)
                for (uint64_t x = 0; x < g->codewords; x++) {
                    uint64_t at = su_check_offset(g, v - g->volumes, copy, x);
                    assert_true(at % 1024 == 0 && at / 4096 * 4096 + 4096 <= bytes);
                    used[at / 1024]++;
                }
        size_t free_kib = 0;
        for (uint64_t at = 0; at < bytes / 1024; at++) {
            assert_true(used[at] <= 1);
            free_kib += !used[at];
        }
        assert_int_equal(free_kib, is_data ? 0 : 4 + g->copies * ((4 - g->codewords % 4) % 4));
        assert_true(!is_data || bytes >= largest);
        free(used);
    }
}

static void test_geometry(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 4096, 4097, 65536, 300 * 1024, 1048576 + 5}, percents[] = {1, 7, 20, 33, 50, 99, 100};
    size_t made = 0;
    for (size_t n = 1; n < 260; n = n < 12 ? n + 1 : n * 5 / 4)
        for (size_t p = 0; p < sizeof percents / sizeof *percents; p++)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                struct su_geometry g;
                bool fits = n + up(n * percents[p], 100) <= 254 && up(n * percents[p], 100) <= 99;
                assert_int_equal(su_geometry_make(&g, n, sizes[s], percents[p]), fits);
                if (!fits)
                    continue;
                made++;
                uint64_t cells = up(sizes[s], 4096);
                assert_true(g.volumes == n && g.data_cells == n * g.segments);
                assert_true(g.parity_cells == up(g.data_cells * percents[p], 100) && g.data_cells + g.parity_cells <= 254);
                assert_true(g.segments * g.codewords >= cells);
                assert_true((g.segments - 1) * g.codewords < cells); /* no lane without a cell */
                /* one cell more of each volume would not fit, or would be for nothing */
                uint64_t more = n * (g.segments + 1);
                assert_true(more + up(more * percents[p], 100) > 254 || g.codewords == up(cells, g.segments));
                assert_true(g.recovery_volumes == up(g.parity_cells, g.segments) && g.recovery_volumes * g.copies >= 6);
                /* so many whole volumes, of either kind, cost no codeword more than it may lose */
                assert_true(su_recovery_can_lose(&g) >= n * percents[p] / 100);
                assert_true(su_recovery_can_lose(&g) * g.segments <= g.parity_cells);
                if (n < 6)
                    check_places(&g, sizes[s]);
            }
    assert_true(made > 300);
}

static void test_geometry_limits(void **state)
{
    (void)state;
    struct su_geometry g;
    assert_false(su_geometry_make(&g, 0, 65536, 20));
    assert_false(su_geometry_make(&g, 1, 0, 20));
    assert_false(su_geometry_make(&g, 1, 65536, 0));
    assert_true(su_geometry_make(&g, 1, 65536, SU_MAX_RECOVERY_PERCENT));
    assert_false(su_geometry_make(&g, 1, 65536, SU_MAX_RECOVERY_PERCENT + 1));
    assert_true(su_geometry_make(&g, 251, 65536, 1)); /* 251 + 3 = 254 */
    assert_int_equal(g.data_cells + g.parity_cells, SU_MAX_CODEWORD_CELLS);
    assert_false(su_geometry_make(&g, 252, 65536, 1));
    assert_true(su_geometry_make(&g, 99, 65536, 100));
    assert_int_equal(g.recovery_volumes, SU_MAX_RECOVERY_VOLUMES);
    assert_false(su_geometry_make(&g, 100, 65536, 100));
    assert_false(su_geometry_make(&g, 1, INT64_MAX, 20)); /* codewords are counted in 32 bits */
    assert_false(su_geometry_make(&g, SIZE_MAX, 65536, 20));
}

/* By the numbers of the design: 10 volumes of BD-R at 20 %. */
static void test_geometry_by_hand(void **state)
{
    (void)state;
    struct su_geometry g;
    assert_true(su_geometry_make(&g, 10, 25000000000, 20));
    assert_int_equal(g.segments, 21); /* 210 + 42 = 252; 220 + 44 = 264 */
    assert_int_equal(g.data_cells, 210);
    assert_int_equal(g.parity_cells, 42);
    assert_int_equal(g.codewords, 290644); /* 6103516 cells / 21 */
    assert_int_equal(g.recovery_volumes, 2);
    assert_int_equal(g.copies, 3);
    assert_int_equal(su_recovery_can_lose(&g), 2);
    uint32_t one_in = su_recovery_one_in(&g);
    assert_in_range(one_in, 13, 16); /* mean 252 / 14 = 18, deviation 4.1 */
}

static void test_checks(void **state)
{
    (void)state;
    struct su_geometry g;
    uint8_t record[SU_CHECK_BYTES];
    uint32_t in[254], out[254];
    assert_true(su_geometry_make(&g, 251, 65536, 1));
    for (uint32_t i = 0; i < 254; i++)
        in[i] = i * 2654435761u;
    su_check_make(&g, 3, in, record);
    assert_memory_equal(record + 4, "\xb1\x79\x37\x9e", 4); /* least significant byte first */
    assert_true(su_check_read(&g, 3, record, out));
    assert_memory_equal(in, out, sizeof in);
    assert_false(su_check_read(&g, 2, record, out));
    for (size_t i = 0; i < sizeof record; i++) {
        record[i] ^= 0x10;
        assert_false(su_check_read(&g, 3, record, out));
        record[i] ^= 0x10;
    }
    memset(record, 0, sizeof record);
    assert_false(su_check_read(&g, 0, record, out));
}

/* With the size that is planned for data, no recovery volume is larger than asked for, however many come. */
static void test_planned_sizes(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {200 * 1024, 1 << 20, 4294967295, 25000000000}, percents[] = {1, 5, 20, 50, 100};
    for (size_t s = 0; s < 4; s++)
        for (size_t p = 0; p < 5; p++)
            for (uint64_t volumes = 1; volumes < 120; volumes += 17) {
                struct su_geometry g;
                uint64_t bytes = su_recovery_volume_bytes(sizes[s], percents[p], 0, sizes[s] * volumes);
                if (bytes == 0) /* small volumes have no room for the check tables of many */
                    continue;
                assert_true(bytes <= sizes[s] && bytes >= sizes[s] / 2);
                for (size_t n = 1; n <= sizes[s] * volumes / bytes + 1; n++)
                    for (uint64_t largest = bytes; largest > bytes / 3; largest -= bytes / 3)
                        if (su_geometry_make(&g, n, largest, percents[p]))
                            assert_true(su_recovery_bytes(&g, 0) <= sizes[s]);
            }
    assert_int_equal(su_recovery_volume_bytes(65536, 1, 0, 1 << 24), 0);
    assert_true(su_recovery_volume_bytes(4294967295, 20, 0, 50000000000) > 4100000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_geometry),
        cmocka_unit_test(test_geometry_limits),
        cmocka_unit_test(test_geometry_by_hand),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_planned_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
