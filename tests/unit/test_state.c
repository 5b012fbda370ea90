/* The state digest, against values computed by another program from docs/bundle-format.md 5.4. */
#include "helpers.h"

#include "common/catalogue/state.h"

static struct su_guid id_of(uint8_t first, uint8_t last)
{
    struct su_guid guid = {{0}};
    guid.bytes[0] = first;
    guid.bytes[15] = last;
    return guid;
}

static void add(struct su_state_builder *builder, uint8_t first, uint8_t last, uint8_t leaf_byte)
{
    uint8_t leaf[SU_SHA256_BYTES];
    struct su_guid id = id_of(first, last);
    memset(leaf, leaf_byte, sizeof leaf);
    GOOD(su_state_add(builder, &id, leaf, &e));
}

static void expect(struct su_state_builder *builder, const char *digest, uint64_t updates, uint64_t revisions)
{
    struct su_state out;
    GOOD(su_state_end(builder, &out, &e));
    assert_hex(out.digest, sizeof out.digest, digest);
    assert_int_equal(out.updates, updates);
    assert_int_equal(out.revisions, revisions);
    su_state_builder_cleanup(builder);
    *builder = (struct su_state_builder)SU_STATE_BUILDER_INIT;
}

static void test_constants(void **state)
{
    (void)state;
    struct su_state_builder b = SU_STATE_BUILDER_INIT;
    expect(&b, "846af6650803bdc6cada919002e36890ffaca4f267e2710d15e453dde92bd65e", 0, 0);
    add(&b, 0x00, 1, 0x11); /* the first and the last bucket */
    add(&b, 0xff, 1, 0x22);
    expect(&b, "751dd20831c956321e8eb3c6451b64a9e42a46139fbdb25a57f71f6f9504b1b8", 2, 2);
    add(&b, 0x42, 1, 0x11); /* two ids in one bucket */
    add(&b, 0x42, 2, 0x22);
    expect(&b, "4011e0d3b362dbd8a2ec555bfdc8475d5b5c680b709ccb0cb0baa56a83bc74c9", 2, 2);
    add(&b, 0x42, 1, 0x22); /* order counts */
    add(&b, 0x42, 2, 0x11);
    expect(&b, "aa70a305039b87719fc19290c8568473fdc2ec4890705198d3edfafb48634c4d", 2, 2);
    add(&b, 0x42, 1, 0x11); /* two revisions of one id: the same leaves, one update */
    add(&b, 0x42, 1, 0x22);
    expect(&b, "4011e0d3b362dbd8a2ec555bfdc8475d5b5c680b709ccb0cb0baa56a83bc74c9", 1, 2);
    add(&b, 0x00, 1, 0x11); /* neighbouring buckets */
    add(&b, 0x00, 2, 0x22);
    add(&b, 0x01, 0, 0x33);
    expect(&b, "8518138451a56f49509147810b49f89817e8d367869f98ac6f92a4e5a7e66d24", 3, 3);
}

static void test_order_is_demanded(void **state)
{
    (void)state;
    static const uint8_t leaf[SU_SHA256_BYTES];
    SU_AUTO(su_state_builder) struct su_state_builder a = SU_STATE_BUILDER_INIT, b = SU_STATE_BUILDER_INIT;
    struct su_guid low = id_of(1, 0), high = id_of(2, 0), low_end = id_of(1, 5), low_mid = id_of(1, 4);
    GOOD(su_state_add(&a, &high, leaf, &e));
    REFUSED(su_state_add(&a, &low, leaf, &e), SU_BUG);
    GOOD(su_state_add(&b, &low_end, leaf, &e));
    REFUSED(su_state_add(&b, &low_mid, leaf, &e), SU_BUG);
}

static void test_of_a_database(void **state)
{
    (void)state;
    SU_AUTO(su_db) struct su_db *db = NULL;
    struct su_state out;
    GOOD(su_db_open_memory(&db, &e));
    GOOD(su_db_script(db, "CREATE TABLE revision (rev_id INTEGER PRIMARY KEY, update_id BLOB, revision INTEGER, record_sha256 BLOB); CREATE TABLE overlay (rev_id INTEGER PRIMARY KEY);", &e));
    GOOD(su_state_of(db, &out, &e));
    assert_hex(out.digest, 32, "846af6650803bdc6cada919002e36890ffaca4f267e2710d15e453dde92bd65e");
    /* Rows in any order; numbers sort as numbers: revision 9 before 100. */
    struct su_guid id = id_of(0x42, 1);
    uint8_t leaf[SU_SHA256_BYTES];
    memset(leaf, 0x22, sizeof leaf);
    GOOD(su_run(db, &e, "INSERT INTO revision VALUES (NULL,?1,?2,?3)", SU_B(id.bytes, 16), SU_I(100), SU_B(leaf, 32)));
    memset(leaf, 0x11, sizeof leaf);
    GOOD(su_run(db, &e, "INSERT INTO revision VALUES (NULL,?1,?2,?3)", SU_B(id.bytes, 16), SU_I(9), SU_B(leaf, 32)));
    GOOD(su_state_of(db, &out, &e));
    assert_hex(out.digest, 32, "4011e0d3b362dbd8a2ec555bfdc8475d5b5c680b709ccb0cb0baa56a83bc74c9");
    assert_int_equal(out.updates, 1);
    assert_int_equal(out.revisions, 2);
    /* What an urgent bundle laid beside them is no part of it. */
    GOOD(su_run(db, &e, "INSERT INTO revision VALUES (77,?1,?2,?3)", SU_B(id.bytes, 16), SU_I(50), SU_B(leaf, 32)));
    GOOD(su_run(db, &e, "INSERT INTO overlay VALUES (77)"));
    GOOD(su_state_of(db, &out, &e));
    assert_hex(out.digest, 32, "4011e0d3b362dbd8a2ec555bfdc8475d5b5c680b709ccb0cb0baa56a83bc74c9");
    GOOD(su_run(db, &e, "UPDATE revision SET record_sha256=x'00' WHERE revision=9")); /* a damaged row is no state */
    REFUSED(su_state_of(db, &out, &e), SU_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_order_is_demanded),
        cmocka_unit_test(test_of_a_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
