/* A home: made once, opened only when its database is ours. */
#include "helpers.h"

#include <sqlite3.h>

#include "common/point/home.h"

static void make(void **state, enum su_role role, const char *name)
{
    bool is_new = false;
    GOOD(su_home_init(in_place(state, "home"), role, name, &is_new, &e));
    assert_true(is_new);
}

static int open_as(void **state, enum su_role role, enum su_access access)
{
    SU_AUTO(su_home) struct su_home home = SU_HOME_INIT;
    return su_home_open(&home, in_place(state, "home"), role, access, "test", &e);
}

static void test_made_once(void **state)
{
    bool is_new = true;
    make(state, SU_HUB, "FABRIKAM");
    GOOD(su_home_init(in_place(state, "home"), SU_HUB, "FABRIKAM", &is_new, &e));
    assert_false(is_new);
    REFUSED(su_home_init(in_place(state, "home"), SU_HUB, "OTHER", &is_new, &e), SU_EXISTS);
    NAMES("FABRIKAM");
    NAMES("OTHER");
    REFUSED(su_home_init(in_place(state, "home"), SU_SITE, "FABRIKAM", &is_new, &e), SU_CONFIG);
    struct stat st;
    assert_int_equal(stat(in_place(state, "home/keys"), &st), 0);
    assert_int_equal(st.st_mode & 077, 0); /* private keys lie there */
    SU_AUTO(su_home) struct su_home home = SU_HOME_INIT;
    GOOD(su_home_open(&home, in_place(state, "home"), SU_HUB, SU_WRITE, "test", &e));
    assert_int_equal(home.role, SU_HUB);
    assert_string_equal(home.name, "FABRIKAM");
    assert_true(home.dir >= 0 && home.content >= 0 && home.keys >= 0 && home.log >= 0 && home.lock >= 0);
}

static void test_not_a_home(void **state)
{
    REFUSED(open_as(state, SU_HUB, SU_READ), SU_CONFIG);
    assert_true(strstr(e.remedy, "suexport --home") != NULL && strstr(e.remedy, " init") != NULL && !strstr(e.remedy, "--site"));
    REFUSED(open_as(state, SU_SITE, SU_READ), SU_CONFIG);
    assert_true(strstr(e.remedy, "suimport --home") != NULL && strstr(e.remedy, " init --site CODE") != NULL);
    assert_int_equal(mkdir(in_place(state, "home"), 0700), 0);
    REFUSED(open_as(state, SU_HUB, SU_READ), SU_CONFIG);
    assert_int_equal(count_names(in_place(state, "home")), 0); /* looking makes nothing */
    bool is_new;
    put_file(in_place(state, "file"), "x", 1);
    REFUSED(su_home_init(in_place(state, "file"), SU_HUB, "H", &is_new, &e), SU_SYSTEM);
    REFUSED(su_home_init(in_place(state, "absent/home"), SU_HUB, "H", &is_new, &e), SU_SYSTEM);
}

static void test_other_role(void **state)
{
    make(state, SU_SITE, "ALPHA");
    REFUSED(open_as(state, SU_HUB, SU_READ), SU_CONFIG);
    NAMES("site");
    GOOD(open_as(state, SU_SITE, SU_READ));
}

static void test_one_writer_many_readers(void **state)
{
    SU_AUTO(su_home) struct su_home writer = SU_HOME_INIT;
    make(state, SU_HUB, "H");
    GOOD(su_home_open(&writer, in_place(state, "home"), SU_HUB, SU_WRITE, "sync --from x", &e));
    REFUSED(open_as(state, SU_HUB, SU_WRITE), SU_LOCKED);
    NAMES("sync --from x");
    GOOD(open_as(state, SU_HUB, SU_READ));
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    GOOD(su_begin(&t, writer.db, &e));
    GOOD(su_setting_put_int(writer.db, "content_version", 7, &e));
    SU_AUTO(su_home) struct su_home reader = SU_HOME_INIT;
    int64_t version = -1;
    GOOD(su_home_open(&reader, in_place(state, "home"), SU_HUB, SU_READ, "status", &e)); /* not blocked, and sees the state before */
    GOOD(su_setting_int(reader.db, "content_version", &version, &e));
    assert_int_equal(version, 0);
    GOOD(su_commit(&t, &e));
    GOOD(su_setting_int(reader.db, "content_version", &version, &e));
    assert_int_equal(version, 7);
    REFUSED(su_setting_put_int(reader.db, "content_version", 8, &e), SU_DATABASE);
}

static void test_settings(void **state)
{
    SU_AUTO(su_home) struct su_home home = SU_HOME_INIT;
    int64_t value = 5;
    make(state, SU_HUB, "H");
    GOOD(su_home_open(&home, in_place(state, "home"), SU_HUB, SU_WRITE, "test", &e));
    GOOD(su_setting_int(home.db, "absent", &value, &e));
    assert_int_equal(value, 0);
    GOOD(su_setting_put_int(home.db, "x", INT64_MAX, &e));
    GOOD(su_setting_int(home.db, "x", &value, &e));
    assert_true(value == INT64_MAX);
    GOOD(su_setting_put_int(home.db, "x", -3, &e));
    GOOD(su_setting_int(home.db, "x", &value, &e));
    assert_int_equal(value, -3);
}

/* Edits the database as someone who carries it here could: with SQLite itself, nothing hardened. */
static void edit(void **state, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(in_place(state, "home/update-point.db"), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_planted_schema(void **state)
{
    static const char *const plants[] = {
        "CREATE TRIGGER evil AFTER INSERT ON revision BEGIN DELETE FROM trust; END",
        "CREATE TRIGGER sqlitey_evil AFTER INSERT ON revision BEGIN DELETE FROM trust; END", /* a name like SQLite's own */
        "CREATE TRIGGER \"sqlite.evil\" AFTER INSERT ON revision BEGIN DELETE FROM trust; END",
        "CREATE TABLE planted (x)", "CREATE TABLE sqlitex (x)", "CREATE VIEW planted AS SELECT 1", "CREATE VIEW v_zzz AS SELECT load_extension('x')",
        "CREATE INDEX planted ON trust (name)", "CREATE INDEX sqlite1 ON trust (name)", "CREATE VIRTUAL TABLE planted USING fts5 (x)",
        "DROP VIEW v_ledger", "DROP INDEX info_order", "DROP TABLE hole", "ALTER TABLE trust ADD COLUMN extra TEXT", "ALTER TABLE trust RENAME COLUMN name TO called",
        "DROP VIEW v_title; CREATE VIEW v_title AS SELECT 1",
        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql=replace(sql, 'CHECK (length(key_id) = 32)', '                            ') WHERE name='trust'",
        "PRAGMA writable_schema=ON; INSERT INTO sqlite_schema (type,name,tbl_name,rootpage,sql) VALUES ('trigger','sqlite_evil','revision',0,"
        "'CREATE TRIGGER sqlite_evil AFTER INSERT ON revision BEGIN DELETE FROM trust; END')",
    };
    for (size_t i = 0; i < sizeof plants / sizeof *plants; i++) {
        void *place = NULL;
        assert_int_equal(make_place(&place), 0);
        (void)state;
        make(&place, SU_SITE, "ALPHA");
        edit(&place, plants[i]);
        for (enum su_access access = SU_READ; access <= SU_WRITE; access++) {
            su_err_clear(&e);
            if (open_as(&place, SU_SITE, access) == 0)
                fail_msg("opened after: %s", plants[i]);
            assert_int_equal(e.code, SU_DATA);
        }
        assert_int_equal(remove_place(&place), 0);
    }
}

static void test_honest_changes_are_fine(void **state)
{
    make(state, SU_SITE, "ALPHA");
    edit(state, "ANALYZE; VACUUM; PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO setting VALUES ('more', 'x')");
    GOOD(open_as(state, SU_SITE, SU_WRITE));
}

static void test_versions(void **state)
{
    make(state, SU_SITE, "ALPHA");
    edit(state, "PRAGMA user_version=1000");
    REFUSED(open_as(state, SU_SITE, SU_READ), SU_CONFIG);
    NAMES("1000");
    edit(state, "PRAGMA user_version=0");
    REFUSED(open_as(state, SU_SITE, SU_WRITE), SU_CONFIG);
    edit(state, "PRAGMA user_version=-1");
    REFUSED(open_as(state, SU_SITE, SU_WRITE), SU_CONFIG);
    edit(state, "PRAGMA user_version=1; PRAGMA application_id=1");
    REFUSED(open_as(state, SU_SITE, SU_READ), SU_CONFIG);
    NAMES("not the database of an update point");
}

static void test_damaged_file(void **state)
{
    size_t length;
    make(state, SU_SITE, "ALPHA");
    edit(state, "PRAGMA wal_checkpoint(TRUNCATE)");
    char *bytes = get_file(in_place(state, "home/update-point.db"), &length);
    static const size_t cuts[] = {0, 50, 100, 4096, 8192};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        put_file(in_place(state, "home/update-point.db"), bytes, cuts[i]);
        su_err_clear(&e);
        assert_int_equal(open_as(state, SU_SITE, SU_WRITE), -1);
        assert_true(e.code == SU_DATA || e.code == SU_CONFIG);
    }
    for (size_t at = 0; at < 16; at++) { /* the magic */
        bytes[at] ^= 1;
        put_file(in_place(state, "home/update-point.db"), bytes, length);
        REFUSED(open_as(state, SU_SITE, SU_WRITE), SU_DATA);
        bytes[at] ^= 1;
    }
    put_file(in_place(state, "home/update-point.db"), bytes, length);
    GOOD(open_as(state, SU_SITE, SU_WRITE));
    free(bytes);
}

static void test_database_is_no_link(void **state)
{
    make(state, SU_SITE, "ALPHA");
    assert_int_equal(rename(in_place(state, "home/update-point.db"), in_place(state, "elsewhere.db")), 0);
    assert_int_equal(symlink("../elsewhere.db", in_place(state, "home/update-point.db")), 0);
    assert_int_equal(open_as(state, SU_SITE, SU_READ), -1);
    /* The home itself may be reached through a link: that is the user's own path. */
    assert_int_equal(remove(in_place(state, "home/update-point.db")), 0);
    assert_int_equal(rename(in_place(state, "elsewhere.db"), in_place(state, "home/update-point.db")), 0);
    assert_int_equal(symlink("home", in_place(state, "alias")), 0);
    SU_AUTO(su_home) struct su_home home = SU_HOME_INIT;
    GOOD(su_home_open(&home, in_place(state, "alias"), SU_SITE, SU_WRITE, "test", &e));
}

int main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        PLACED(test_made_once),
        PLACED(test_not_a_home),
        PLACED(test_other_role),
        PLACED(test_one_writer_many_readers),
        PLACED(test_settings),
        PLACED(test_planted_schema),
        PLACED(test_honest_changes_are_fine),
        PLACED(test_versions),
        PLACED(test_damaged_file),
        PLACED(test_database_is_no_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
