/* The shipping slip: what it lists is bounded, and what it leaves out is counted. */
#include "catalogue_helpers.h"

#include "common/hub/slip.h"

#define MORE_REVISIONS                                                                                       \
    "INSERT OR IGNORE INTO revision WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<?1)" \
    " SELECT i, CAST(printf('%016d', i) AS BLOB), 1, 0, zeroblob(32), zeroblob(32), 0 FROM n"
#define MORE_INFO                                                                                            \
    "INSERT OR IGNORE INTO info SELECT rev_id, 2, 0, 1, '2024-01-01T00:00:00Z', '', '', 'title of ' || "      \
    "rev_id, x'' FROM revision"

/* As many in the profile. */
static size_t products;

static void make_slip(struct fixture *f, size_t holes, struct su_slip_part *slip)
{
    SU_AUTO(su_export_result) struct su_export_result r = SU_EXPORT_RESULT_INIT;
    const struct su_actor actor = {.operator= "not named", .witness = "a & b"};
    const uint8_t key_id[SU_SHA256_BYTES] = {0x7f, 0x3a};
    (void)snprintf(r.bundle, sizeof r.bundle, "SU-ALPHA-000001");
    for (size_t i = 0; i < holes; i++)
        GOOD(su_line_add(SU_PUSH(&r.manifest.holes, 1000), "content 00 1", 12, &e));
    for (size_t i = 0; i < products; i++) {
        struct su_profile_item *item = SU_PUSH(&r.manifest.profile.items, SU_MAX_PROFILE_ITEMS);
        assert_non_null(item);
        (void)snprintf(item->value, sizeof item->value, "product-%zu", i);
    }
    GOOD(su_db_script(f->home.db, "CREATE TEMP TABLE IF NOT EXISTS send (rev_id INTEGER PRIMARY KEY)", &e));
    SU_AUTO(su_slip_part) struct su_slip_part updates = SU_SLIP_PART_INIT;
    GOOD(su_slip_updates(f->home.db, &updates, &e));
    GOOD(su_slip(f->home.db, &r, &actor, key_id, &updates, slip, &e));
    GOOD(su_buf_check(&slip->text, "text", &e));
    GOOD(su_buf_check(&slip->html, "html", &e));
}

static size_t count_of(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        n++;
    return n;
}

static void test_limit_of_holes(void **state)
{
    for (size_t holes = SU_MAX_SLIP_HOLES; holes <= SU_MAX_SLIP_HOLES + 1; holes++) {
        SU_AUTO(su_slip_part) struct su_slip_part slip = SU_SLIP_PART_INIT;
        make_slip(*state, holes, &slip);
        assert_int_equal(count_of(slip.text.bytes, "content 00 1"), SU_MAX_SLIP_HOLES);
        assert_int_equal(count_of(slip.html.bytes, "content 00 1"), SU_MAX_SLIP_HOLES);
        assert_int_equal(count_of(slip.text.bytes, "and 1 more"), holes - SU_MAX_SLIP_HOLES);
        assert_int_equal(count_of(slip.html.bytes, "and 1 more"), holes - SU_MAX_SLIP_HOLES);
    }
}

static void test_limit_of_items(void **state)
{
    for (products = SU_MAX_SLIP_ITEMS; products <= SU_MAX_SLIP_ITEMS + 1; products++) {
        SU_AUTO(su_slip_part) struct su_slip_part slip = SU_SLIP_PART_INIT;
        make_slip(*state, 0, &slip);
        assert_int_equal(count_of(slip.text.bytes, "product-"), SU_MAX_SLIP_ITEMS);
        assert_int_equal(count_of(slip.html.bytes, "product-"), SU_MAX_SLIP_ITEMS);
        assert_int_equal(count_of(slip.text.bytes, "and 1 more"), products - SU_MAX_SLIP_ITEMS);
        assert_int_equal(count_of(slip.html.bytes, "and 1 more"), products - SU_MAX_SLIP_ITEMS);
    }
    products = 0;
}

/* Rows that tell just what a slip shows. */
static void test_limit_of_updates(void **state)
{
    struct fixture *f = *state;
    for (size_t count = SU_MAX_SLIP_UPDATES; count <= SU_MAX_SLIP_UPDATES + 1; count++) {
        SU_AUTO(su_slip_part) struct su_slip_part updates = SU_SLIP_PART_INIT;
        GOOD(su_db_script(f->home.db, "CREATE TEMP TABLE IF NOT EXISTS send (rev_id INTEGER PRIMARY KEY)", &e));
        GOOD(su_run(f->home.db, &e, MORE_REVISIONS, SU_I(count)));
        GOOD(su_run(f->home.db, &e, MORE_INFO));
        GOOD(su_db_script(f->home.db, "INSERT OR IGNORE INTO temp.send SELECT rev_id FROM revision", &e));
        GOOD(su_slip_updates(f->home.db, &updates, &e));
        assert_int_equal(count_of(updates.text.bytes, "title of"), SU_MAX_SLIP_UPDATES);
        assert_int_equal(count_of(updates.html.bytes, "title of"), SU_MAX_SLIP_UPDATES);
        assert_int_equal(count_of(updates.text.bytes, "and 1 more"), count - SU_MAX_SLIP_UPDATES);
    }
}

static void test_who(void **state)
{
    SU_AUTO(su_slip_part) struct su_slip_part slip = SU_SLIP_PART_INIT;
    make_slip(*state, 0, &slip);
    assert_null(strstr(slip.text.bytes, "not named")); /* the login name depends on the machine */
    assert_non_null(strstr(slip.text.bytes, "Witness             a & b\n"));
    assert_non_null(strstr(slip.html.bytes, "<td>a &amp; b</td>"));
    assert_non_null(strstr(slip.text.bytes, "7F3A 0000 0000 0000 0000 (exporter)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_limit_of_holes, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_limit_of_items, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_limit_of_updates, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_who, make_fixture, drop_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
