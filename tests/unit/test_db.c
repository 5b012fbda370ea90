/* SQLite layer: typed values, counted parameters, transactions that roll back by themselves. */
#include "helpers.h"

#include "common/lib/db.h"

static struct su_db *open_memory(void)
{
    struct su_db *db = NULL;
    GOOD(su_db_open_memory(&db, &e));
    GOOD(su_db_script(db, "CREATE TABLE t (id INTEGER PRIMARY KEY, i INTEGER, s TEXT, b BLOB) STRICT;", &e));
    return db;
}

static int64_t count(struct su_db *db)
{
    int64_t n = -1;
    GOOD(su_query_int(db, &n, NULL, &e, "SELECT count(*) FROM t"));
    return n;
}

static void test_values_come_back_as_they_went(void **state)
{
    (void)state;
    SU_AUTO(su_db) struct su_db *db = open_memory();
    static const int64_t integers[] = {0, -1, INT64_MIN, INT64_MAX, UINT32_MAX};
    static const char *const texts[] = {"", "plain", "\xe2\x82\xac", "it's; DROP TABLE t --", "\x1b"};
    static const uint8_t blob[] = {0, 1, 0, 255, 0};
    for (size_t i = 0; i < 5; i++) {
        GOOD(su_run(db, &e, "INSERT INTO t VALUES (?1,?2,?3,?4)", SU_I(i), SU_I(integers[i]), SU_T(texts[i]), SU_B(blob, i)));
        assert_int_equal(su_db_changes(db), 1);
        assert_int_equal(su_db_last_rowid(db), i);
    }
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    GOOD(su_query(db, &rows, &e, "SELECT i, s, b FROM t ORDER BY id"));
    for (size_t i = 0; i < 5; i++) {
        size_t length = 99;
        assert_int_equal(su_rows_next(&rows, &e), 1);
        assert_true(su_rows_int(&rows, 0) == integers[i]);
        assert_string_equal(su_rows_text(&rows, 1), texts[i]);
        const void *bytes = su_rows_blob(&rows, 2, &length);
        assert_int_equal(length, i);
        assert_memory_equal(bytes, blob, i);
        assert_false(su_rows_is_null(&rows, 2)); /* an empty blob is not NULL */
    }
    assert_int_equal(su_rows_next(&rows, &e), 0);
}

static void test_null(void **state)
{
    (void)state;
    SU_AUTO(su_db) struct su_db *db = open_memory();
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(100);
    size_t length = 99;
    uint8_t out[1];
    GOOD(su_run(db, &e, "INSERT INTO t VALUES (1,?1,?2,?3)", SU_NULL, SU_T(NULL), SU_NULL));
    GOOD(su_query(db, &rows, &e, "SELECT i, s, b FROM t"));
    assert_int_equal(su_rows_next(&rows, &e), 1);
    for (int column = 0; column < 3; column++)
        assert_true(su_rows_is_null(&rows, column));
    assert_string_equal(su_rows_text(&rows, 1), "");
    assert_non_null(su_rows_blob(&rows, 2, &length));
    assert_int_equal(length, 0);
    REFUSED(su_rows_fixed(&rows, 2, out, 1, &e), SU_DATA);
    bool found = false;
    su_buf_adds(&text, "old");
    GOOD(su_query_text(db, &text, &found, &e, "SELECT s FROM t"));
    assert_true(found);
    assert_int_equal(text.length, 0);
}

static void test_bind_count_must_fit(void **state)
{
    (void)state;
    SU_AUTO(su_db) struct su_db *db = open_memory();
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    REFUSED(su_run(db, &e, "INSERT INTO t (i, s) VALUES (?1, ?2)"), SU_BUG);
    REFUSED(su_run(db, &e, "INSERT INTO t (i, s) VALUES (?1, ?2)", SU_I(1)), SU_BUG);
    NAMES("INSERT INTO t");
    REFUSED(su_run(db, &e, "INSERT INTO t (i) VALUES (?1)", SU_I(1), SU_I(2)), SU_BUG);
    REFUSED(su_run(db, &e, "DELETE FROM t", SU_I(1)), SU_BUG);
    REFUSED(su_query(db, &rows, &e, "SELECT i FROM t WHERE i=?1"), SU_BUG);
    assert_int_equal(count(db), 0);
    GOOD(su_run(db, &e, "INSERT INTO t (i, s) VALUES (?1, ?2)", SU_I(1), SU_T("x"))); /* the statement is not stuck */
    assert_int_equal(count(db), 1);
}

static void test_fixed_wants_the_exact_length(void **state)
{
    (void)state;
    SU_AUTO(su_db) struct su_db *db = open_memory();
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t out[3] = {9, 9, 9};
    GOOD(su_run(db, &e, "INSERT INTO t (b) VALUES (?1)", SU_B("ab", 2)));
    GOOD(su_query(db, &rows, &e, "SELECT b FROM t"));
    assert_int_equal(su_rows_next(&rows, &e), 1);
    REFUSED(su_rows_fixed(&rows, 0, out, 1, &e), SU_DATA);
    REFUSED(su_rows_fixed(&rows, 0, out, 3, &e), SU_DATA);
    assert_int_equal(out[0], 9);
    GOOD(su_rows_fixed(&rows, 0, out, 2, &e));
    assert_memory_equal(out, "ab\x09", 3);
}

static void test_single_values(void **state)
{
    (void)state;
    SU_AUTO(su_db) struct su_db *db = open_memory();
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(3);
    int64_t value = 5;
    bool found = true;
    GOOD(su_query_int(db, &value, &found, &e, "SELECT i FROM t WHERE id=?1", SU_I(1)));
    assert_false(found);
    assert_int_equal(value, 5);
    REFUSED(su_query_int(db, &value, NULL, &e, "SELECT i FROM t WHERE id=?1", SU_I(1)), SU_DATA);
    REFUSED(su_query_text(db, &text, NULL, &e, "SELECT s FROM t"), SU_DATA);
    GOOD(su_run(db, &e, "INSERT INTO t VALUES (1, 7, 'abcd', NULL)"));
    GOOD(su_query_int(db, &value, &found, &e, "SELECT i FROM t WHERE id=?1", SU_I(1)));
    assert_true(found && value == 7);
    REFUSED(su_query_text(db, &text, &found, &e, "SELECT s FROM t"), SU_LIMIT);
}

/* The inner function returns early, as code does when a step fails. */
static int insert_and_fail(struct su_db *db)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    int64_t before = count(db);
    if (su_begin(&t, db, &e) < 0 || su_run(db, &e, "INSERT INTO t (i) VALUES (1)") < 0)
        return -1;
    assert_int_equal(count(db), before + 1);
    return su_fail(&e, SU_DATA, "made up");
}

static int insert_and_commit(struct su_db *db)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    if (su_begin(&t, db, &e) < 0 || su_run(db, &e, "INSERT INTO t (i) VALUES (1)") < 0)
        return -1;
    return su_commit(&t, &e);
}

static void test_transaction_rolls_back_at_scope_end(void **state)
{
    (void)state;
    SU_AUTO(su_db) struct su_db *db = open_memory();
    REFUSED(insert_and_fail(db), SU_DATA);
    assert_int_equal(count(db), 0);
    GOOD(insert_and_commit(db));
    assert_int_equal(count(db), 1);
    REFUSED(insert_and_fail(db), SU_DATA);
    assert_int_equal(count(db), 1);
    /* A failing begin inside another must not roll the outer one back. */
    SU_AUTO(su_transaction) struct su_transaction outer = SU_TRANSACTION_INIT;
    GOOD(su_begin(&outer, db, &e));
    GOOD(su_run(db, &e, "INSERT INTO t (i) VALUES (2)"));
    REFUSED(insert_and_commit(db), SU_DATABASE);
    GOOD(su_commit(&outer, &e));
    assert_int_equal(count(db), 2);
}

static void test_errors_name_the_statement(void **state)
{
    (void)state;
    SU_AUTO(su_db) struct su_db *db = open_memory();
    REFUSED(su_run(db, &e, "SELECT nothing FROM nowhere"), SU_DATABASE);
    NAMES("SELECT nothing FROM nowhere");
    NAMES("nowhere");
    GOOD(su_run(db, &e, "INSERT INTO t VALUES (1, 1, '', NULL)"));
    REFUSED(su_run(db, &e, "INSERT INTO t VALUES (1, 1, '', NULL)"), SU_DATABASE);
    NAMES("UNIQUE");
    REFUSED(su_run(db, &e, "INSERT INTO t (i) VALUES (?1)", SU_T("text")), SU_DATABASE); /* STRICT */
    REFUSED(su_db_script(db, "CREATE TABLE u (x); BROKEN;", &e), SU_DATABASE);
}

/* The same literal, used by nested cursors: each has its own position. */
static int sum_pairs(struct su_db *db, int depth, int64_t *sum)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(db, &rows, &e, "SELECT i FROM t ORDER BY i") < 0)
        return -1;
    while ((more = su_rows_next(&rows, &e)) > 0) {
        *sum += su_rows_int(&rows, 0);
        if (depth > 0 && sum_pairs(db, depth - 1, sum) < 0)
            return -1;
    }
    return more;
}

static void test_nested_cursors_of_one_statement(void **state)
{
    (void)state;
    SU_AUTO(su_db) struct su_db *db = open_memory();
    for (int i = 1; i <= 4; i++)
        GOOD(su_run(db, &e, "INSERT INTO t (i) VALUES (?1)", SU_I(i)));
    int64_t sum = 0;
    GOOD(sum_pairs(db, 2, &sum));
    assert_int_equal(sum, 10 + 4 * (10 + 4 * 10));
}

static void test_opening_files(void **state)
{
    struct su_db *db = NULL;
    REFUSED(su_db_open(&db, in_place(state, "absent.db"), false, false, &e), SU_DATABASE);
    NAMES("absent.db");
    assert_int_equal(count_names(*state), 0); /* looking makes nothing */
    char junk[8192];
    memset(junk, 'j', sizeof junk);
    put_file(in_place(state, "junk.db"), junk, sizeof junk);
    int result = su_db_open(&db, in_place(state, "junk.db"), false, false, &e);
    if (result == 0) {
        int64_t value;
        REFUSED(su_query_int(db, &value, NULL, &e, "PRAGMA user_version"), SU_DATA);
    } else {
        assert_int_equal(e.code, SU_DATA);
    }
    su_db_cleanup(&db);
    GOOD(su_db_open(&db, in_place(state, "new.db"), true, false, &e));
    GOOD(su_db_script(db, "CREATE TABLE t (i INTEGER);", &e));
    su_db_cleanup(&db);
    assert_null(db);
    assert_int_equal(symlink("new.db", in_place(state, "link.db")), 0);
    REFUSED(su_db_open(&db, in_place(state, "link.db"), false, false, &e), SU_DATABASE);
    GOOD(su_db_open(&db, in_place(state, "new.db"), false, true, &e));
    REFUSED(su_run(db, &e, "INSERT INTO t VALUES (1)"), SU_DATABASE); /* read only */
    su_db_cleanup(&db);
}

/* What a hostile database file or statement could use. */
static void test_hardening(void **state)
{
    (void)state;
    SU_AUTO(su_db) struct su_db *db = open_memory();
    int64_t value = -1;
    GOOD(su_query_int(db, &value, NULL, &e, "PRAGMA trusted_schema"));
    assert_int_equal(value, 0);
    GOOD(su_query_int(db, &value, NULL, &e, "PRAGMA foreign_keys"));
    assert_int_equal(value, 1);
    GOOD(su_query_int(db, &value, NULL, &e, "PRAGMA synchronous"));
    assert_int_equal(value, 2);
    REFUSED(su_db_script(db, "ATTACH ':memory:' AS other;", &e), SU_DATABASE);
    GOOD(su_db_script(db, "PRAGMA writable_schema=ON;", &e)); /* accepted and without effect */
    REFUSED(su_run(db, &e, "UPDATE sqlite_schema SET sql='x'"), SU_DATABASE);
    GOOD(su_db_script(db, "CREATE TRIGGER evil AFTER INSERT ON t BEGIN DELETE FROM t; END;", &e));
    GOOD(su_run(db, &e, "INSERT INTO t (i) VALUES (1)"));
    assert_int_equal(count(db), 1); /* triggers do not run */
    REFUSED(su_run(db, &e, "SELECT zeroblob(?1)", SU_I(2 * SU_MAX_DOCUMENT_BYTES + 1)), SU_DATABASE);
}

/* Turning triggers off must not turn off what foreign keys do: site rows take their items along. */
static void test_foreign_keys_cascade(void **state)
{
    (void)state;
    SU_AUTO(su_db) struct su_db *db = open_memory();
    GOOD(su_db_script(db, "CREATE TABLE child (id INTEGER REFERENCES t ON DELETE CASCADE);", &e));
    GOOD(su_run(db, &e, "INSERT INTO t (id) VALUES (1), (2)"));
    GOOD(su_run(db, &e, "INSERT INTO child VALUES (1), (1), (2)"));
    REFUSED(su_run(db, &e, "INSERT INTO child VALUES (3)"), SU_DATABASE);
    GOOD(su_run(db, &e, "DELETE FROM t WHERE id=1"));
    int64_t left = -1;
    GOOD(su_query_int(db, &left, NULL, &e, "SELECT count(*) FROM child"));
    assert_int_equal(left, 1);
}

#define INTO_T "INSERT OR IGNORE INTO t SELECT c0, c1, c2, c3 FROM feed"

/* As many rows as a feed holds, one less, one more, and several times as many: each arrives once, as row by row. */
static void test_feed_gives_every_row_once(void **state)
{
    (void)state;
    static const size_t numbers[] = {0, 1, SU_FEED_CELLS / 4 - 1, SU_FEED_CELLS / 4, SU_FEED_CELLS / 4 + 1, 5000};
    for (size_t k = 0; k < 6; k++) {
        SU_AUTO(su_db) struct su_db *db = open_memory();
        su_feed_begin(db);
        for (size_t i = 0; i < numbers[k]; i++)
            GOOD(su_feed_row(db, &e, INTO_T, SU_I(i), i % 3 ? SU_I(-(int64_t)i) : SU_NULL, SU_T("\xe2\x82\xac"), SU_B("\0x", i % 3)));
        GOOD(su_feed_run(db, &e, INTO_T));
        assert_int_equal(count(db), numbers[k]);
        int64_t right = -1;
        GOOD(su_query_int(db, &right, NULL, &e, "SELECT count(*) FROM t WHERE i IS iif(id%3, -id, NULL) AND s=char(8364) AND b=substr(x'0078', 1, id%3)"));
        assert_int_equal(right, numbers[k]);
    }
}

static void test_feed_is_bounded_and_ours(void **state)
{
    (void)state;
    SU_AUTO(su_db) struct su_db *db = open_memory();
    int64_t n = -1;
    su_feed_begin(db);
    for (int64_t i = 0; i < SU_FEED_CELLS / 2; i++) /* kept: for several statements, and in order */
        GOOD(su_feed_row(db, &e, NULL, SU_I(i), SU_NULL));
    REFUSED(su_feed_row(db, &e, NULL, SU_I(1), SU_NULL), SU_BUG);
    REFUSED(su_feed_row(db, &e, NULL, SU_I(1)), SU_BUG);
    GOOD(su_query_int(db, &n, NULL, &e, "SELECT count(*) FROM feed WHERE rowid=c0 AND c1 IS NULL AND c9 IS NULL"));
    assert_int_equal(n, SU_FEED_CELLS / 2);
    su_feed_begin(db);
    GOOD(su_query_int(db, &n, NULL, &e, "SELECT count(*) FROM feed"));
    assert_int_equal(n, 0);
    GOOD(su_db_script(db, "CREATE VIEW v AS SELECT * FROM feed", &e)); /* nothing stored may read it */
    REFUSED(su_query_int(db, &n, NULL, &e, "SELECT count(*) FROM v"), SU_DATABASE);
    REFUSED(su_db_script(db, "CREATE VIRTUAL TABLE w USING feed", &e), SU_DATABASE);
    REFUSED(su_db_script(db, "INSERT INTO feed VALUES (1,2,3,4,5,6,7,8,9,10)", &e), SU_DATABASE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_come_back_as_they_went),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_bind_count_must_fit),
        cmocka_unit_test(test_fixed_wants_the_exact_length),
        cmocka_unit_test(test_single_values),
        cmocka_unit_test(test_transaction_rolls_back_at_scope_end),
        cmocka_unit_test(test_errors_name_the_statement),
        cmocka_unit_test(test_nested_cursors_of_one_statement),
        cmocka_unit_test_setup_teardown(test_opening_files, make_place, remove_place),
        cmocka_unit_test(test_hardening),
        cmocka_unit_test(test_feed_gives_every_row_once),
        cmocka_unit_test(test_feed_is_bounded_and_ours),
        cmocka_unit_test(test_foreign_keys_cascade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
