/* The ledger: each entry's hash recomputed from the row, and chained to the one before. */
#include "catalogue_helpers.h"

#include "common/core/ledger.h"

static void add(struct fixture *f, const char *operator, const char *kind, const char *detail, uint64_t sequence, uint8_t subject)
{
    struct su_ledger_entry entry = {.actor = &(struct su_actor){.operator = operator}, .kind = kind, .site = "ALPHA", .sequence = sequence, .detail = detail};
    memset(entry.subject, subject, sizeof entry.subject);
    GOOD(su_ledger_add(f->home.db, &entry, &e));
}

static void test_chain(void **state)
{
    struct fixture *f = *state;
    uint8_t head[32], zeros[32] = {0}, previous[32] = {0};
    GOOD(su_ledger_head(f->home.db, head, &e));
    assert_memory_equal(head, zeros, 32); /* none yet */
    add(f, "anna", "export", "SU-ALPHA-000001", 1, 0x11);
    add(f, "bert\nforged line", "import", "title \x1b[2J\nnext", 2, 0x22);
    add(f, "", "undo", "", UINT32_MAX, 0xff);
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    GOOD(su_query(f->home.db, &rows, &e, "SELECT entry, time, operator, kind, site, sequence, lower(hex(subject)), detail, lower(hex(previous)), previous, hash FROM ledger ORDER BY entry"));
    for (int i = 1; i <= 3; i++) {
        SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(10000);
        uint8_t hash[32], stored[32], before[32];
        assert_int_equal(su_rows_next(&rows, &e), 1);
        assert_int_equal(su_rows_int(&rows, 0), i);
        su_buf_addf(&text, "SU-LEDGER 1\n%d\n%s\n", i, su_rows_text(&rows, 1));
        su_buf_addf(&text, "%s\n", su_rows_text(&rows, 2));
        su_buf_addf(&text, "%s\n", su_rows_text(&rows, 3));
        su_buf_addf(&text, "%s\n%lld\n", su_rows_text(&rows, 4), (long long)su_rows_int(&rows, 5));
        su_buf_addf(&text, "%s\n", su_rows_text(&rows, 6));
        su_buf_addf(&text, "%s\n", su_rows_text(&rows, 7));
        su_buf_addf(&text, "%s\n", su_rows_text(&rows, 8));
        size_t lines = 0; /* no value may make a line of its own */
        for (size_t k = 0; k < text.length; k++)
            lines += text.bytes[k] == '\n';
        assert_int_equal(lines, 10);
        GOOD(su_sha256(hash, text.bytes, text.length, &e));
        GOOD(su_rows_fixed(&rows, 9, before, 32, &e));
        GOOD(su_rows_fixed(&rows, 10, stored, 32, &e));
        assert_memory_equal(stored, hash, 32);
        assert_memory_equal(before, previous, 32);
        memcpy(previous, stored, 32);
    }
    assert_int_equal(su_rows_next(&rows, &e), 0);
    GOOD(su_ledger_head(f->home.db, head, &e));
    assert_memory_equal(head, previous, 32);
}

static int add_one(struct fixture *f)
{
    struct su_ledger_entry entry = {.actor = &(struct su_actor){.operator = "o"}, .kind = "k", .site = "S", .detail = "d"};
    return su_ledger_add(f->home.db, &entry, &e);
}

static void test_no_failure_is_swallowed(void **state)
{
    fails_without(*state, NEEDED("ledger"), add_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_failure_is_swallowed, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_chain, make_fixture, drop_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
