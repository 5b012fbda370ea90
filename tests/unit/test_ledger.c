/* The ledger: each entry's hash recomputed from the row, chained to the one before; every change is found. */
#include "catalogue_helpers.h"

#include "common/point/ledger.h"

static const struct su_actor full_actor = {
    .operator= "bert\nforged line", .is_named = true, .witness = "wanda\x1b[2J", .change = "CHG 1\n2", .scan_name = "scan.log", .scan_sha256 = {0xab, 0xcd}};

static void add_by(struct fixture *f, const struct su_actor *actor, const char *kind, const char *detail, uint64_t sequence, uint8_t subject)
{
    struct su_ledger_entry entry = {.actor = actor, .kind = kind, .site = "ALPHA", .sequence = sequence, .detail = detail};
    memset(entry.subject, subject, sizeof entry.subject);
    GOOD(su_ledger_add(f->home.db, &entry, &e));
}

static void add(struct fixture *f, const char *operator, const char *kind, const char *detail, uint64_t sequence, uint8_t subject)
{
    add_by(f, &(struct su_actor){.operator= operator}, kind, detail, sequence, subject);
}

static void test_chain(void **state)
{
    struct fixture *f = *state;
    uint8_t head[32], zeros[32] = {0}, previous[32] = {0};
    GOOD(su_ledger_head(f->home.db, head, &e));
    assert_memory_equal(head, zeros, 32); /* none yet */
    add(f, "anna", "export", "SU-ALPHA-000001", 1, 0x11);
    add_by(f, &full_actor, "import", "title \x1b[2J\nnext", 2, 0x22);
    add(f, "", "undo", "", UINT32_MAX, 0xff);
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    GOOD(su_query(f->home.db, &rows, &e,
                  "SELECT entry, time, operator, kind, site, sequence, lower(hex(subject)), detail, witness, change, scan_name, lower(hex(scan_sha256)), lower(hex(previous)), "
                  "previous, hash, form FROM ledger ORDER BY entry"));
    for (int i = 1; i <= 3; i++) {
        SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(10000);
        uint8_t hash[32], stored[32], before[32];
        assert_int_equal(su_rows_next(&rows, &e), 1);
        assert_int_equal(su_rows_int(&rows, 15), 2);
        assert_int_equal(su_rows_int(&rows, 0), i);
        su_buf_adds(&text, "SU-LEDGER 2\n");
        for (int column = 0; column <= 12; column++)
            su_buf_addf(&text, "%s\n", su_rows_text(&rows, column));
        size_t lines = 0; /* no value may make a line of its own */
        for (size_t k = 0; k < text.length; k++)
            lines += text.bytes[k] == '\n';
        assert_int_equal(lines, 14);
        assert_true((strstr(text.bytes, "\nCHG 1 2\nscan.log\nabcd0000") != NULL) == (i == 2));
        GOOD(su_sha256(hash, text.bytes, text.length, &e));
        GOOD(su_rows_fixed(&rows, 13, before, 32, &e));
        GOOD(su_rows_fixed(&rows, 14, stored, 32, &e));
        assert_memory_equal(stored, hash, 32);
        assert_memory_equal(before, previous, 32);
        memcpy(previous, stored, 32);
    }
    assert_int_equal(su_rows_next(&rows, &e), 0);
    GOOD(su_ledger_head(f->home.db, head, &e));
    assert_memory_equal(head, previous, 32);
}

static struct su_ledger_check check(struct fixture *f, const uint8_t *wanted)
{
    struct su_ledger_check c;
    GOOD(su_ledger_verify(f->home.db, wanted, &c, &e));
    return c;
}

static void run_sql(struct fixture *f, const char *sql)
{
    GOOD(su_db_script(f->home.db, sql, &e));
}

static void test_every_change_is_found(void **state)
{
    struct fixture *f = *state;
    uint8_t head[32];
    assert_int_equal(check(f, NULL).entries, 0);
    for (uint64_t i = 1; i <= 4; i++)
        add_by(f, &full_actor, "import", "SU-ALPHA", i, (uint8_t)i);
    GOOD(su_ledger_head(f->home.db, head, &e));
    struct su_ledger_check good = check(f, head);
    assert_true(good.entries == 4 && good.bad_entry == 0 && good.has_wanted);
    assert_memory_equal(good.head, head, 32);
    assert_false(check(f, (const uint8_t[32]){1}).has_wanted);
    static const struct { const char *sql; int64_t entry; const char *what; } changes[] = {
        {"UPDATE ledger SET time='2020-01-01T00:00:00Z' WHERE entry=2", 2, "hash"},
        {"UPDATE ledger SET operator='x' WHERE entry=1", 1, "hash"},
        {"UPDATE ledger SET kind='undo' WHERE entry=4", 4, "hash"},
        {"UPDATE ledger SET site='BRAVO' WHERE entry=4", 4, "hash"},
        {"UPDATE ledger SET sequence=9 WHERE entry=3", 3, "hash"},
        {"UPDATE ledger SET subject=zeroblob(32) WHERE entry=3", 3, "hash"},
        {"UPDATE ledger SET subject=x'00' WHERE entry=3", 3, "length"},
        {"UPDATE ledger SET detail=detail||' ' WHERE entry=3", 3, "hash"},
        {"UPDATE ledger SET detail=detail||char(0)||'x' WHERE entry=3", 3, "NUL"},
        {"UPDATE ledger SET witness='' WHERE entry=3", 3, "hash"},
        {"UPDATE ledger SET change='' WHERE entry=3", 3, "hash"},
        {"UPDATE ledger SET scan_name='x' WHERE entry=3", 3, "hash"},
        {"UPDATE ledger SET scan_sha256=NULL WHERE entry=3", 3, "hash"},
        {"UPDATE ledger SET scan_sha256=x'00' WHERE entry=3", 3, "length"},
        {"UPDATE ledger SET detail=detail||char(10)||witness, witness=change, change=scan_name, scan_name='' WHERE entry=3", 3, "line end"},
        {"UPDATE ledger SET form=1 WHERE entry=3", 3, "does not cover"},
        {"UPDATE ledger SET form=1, witness='', change='', scan_name='', scan_sha256=NULL WHERE entry=3", 3, "hash"},
        {"UPDATE ledger SET form=3 WHERE entry=3", 3, "form"},
        {"UPDATE ledger SET previous=zeroblob(32) WHERE entry=3", 3, "continue"},
        {"UPDATE ledger SET hash=zeroblob(32) WHERE entry=3", 3, "hash"},
        {"DELETE FROM ledger WHERE entry=2", 3, "gap"},
        {"DELETE FROM ledger WHERE entry=1", 2, "gap"},
        {"DELETE FROM ledger WHERE entry=2; UPDATE ledger SET entry=entry-1 WHERE entry>2", 2, "continue"},
        {"UPDATE ledger SET entry=99 WHERE entry=2; UPDATE ledger SET entry=2 WHERE entry=3; UPDATE ledger SET entry=3 WHERE entry=99", 2, "continue"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        run_sql(f, "SAVEPOINT s");
        run_sql(f, changes[i].sql);
        struct su_ledger_check c = check(f, head);
        if (c.bad_entry != changes[i].entry || !strstr(c.what, changes[i].what))
            fail_msg("%s: entry %lld, '%s'", changes[i].sql, (long long)c.bad_entry, c.what);
        run_sql(f, "ROLLBACK TO s; RELEASE s");
    }
    /* The end cut off is still a chain: only who knows the head can tell. */
    run_sql(f, "DELETE FROM ledger WHERE entry=4");
    struct su_ledger_check cut = check(f, head);
    assert_true(cut.bad_entry == 0 && cut.entries == 3 && !cut.has_wanted);
}

/* A row as the first schema step wrote it, its hash by another program. */
static void test_form_1(void **state)
{
    struct fixture *f = *state;
    run_sql(f, "INSERT INTO ledger (entry, time, operator, kind, site, sequence, subject, detail, previous, hash) VALUES (1, '2026-01-01T00:00:00Z', 'anna', 'trust', 'ALPHA', 0, "
               "zeroblob(32), 'hub-2026', zeroblob(32), x'31eb20e7d6cd0e31c4c186f7a9c6b4a6871e4baf18e2d7fdb6f0e41d8e8c8600')");
    add_by(f, &full_actor, "import", "SU-ALPHA-000001", 1, 1);
    struct su_ledger_check c = check(f, NULL);
    assert_true(c.bad_entry == 0 && c.entries == 2);
}

static void count_warnings(void *context, const struct su_event *event)
{
    (*(int *)context) += event->severity == SU_WARNING && strstr(event->text, "could not be noted") != NULL;
}

static void test_refusals(void **state)
{
    struct fixture *f = *state;
    struct su_ledger_entry entry = {.actor = &full_actor, .site = ""};
    int warnings = 0;
    struct su_events quiet = {count_warnings, &warnings};
    struct su_err why = SU_ERR_INIT;
    int64_t n;
    GOOD(su_commit(&f->t, &e)); /* a refusal is noted when everything else was rolled back */
    (void)su_fail(&why, SU_GAP, "bundle 7 is missing");
    su_ledger_refuse(f->home.db, &entry, "SU-ALPHA-000008", &quiet, &why);
    su_ledger_refuse(f->home.db, &entry, "SU-ALPHA-000008", &quiet, &why); /* the same again */
    GOOD(su_query_int(f->home.db, &n, NULL, &e, "SELECT count(*) FROM ledger WHERE kind='refuse' AND detail='7305 bundle 7 is missing; claims SU-ALPHA-000008'"));
    assert_int_equal(n, 1);
    entry.subject[0] = 1;
    su_ledger_refuse(f->home.db, &entry, NULL, &quiet, &why);
    entry.subject[0] = 0;
    su_ledger_refuse(f->home.db, &entry, "SU-ALPHA-000008", &quiet, &why); /* not directly after */
    for (int i = 0; i < 3; i++) {
        static const enum su_code none[] = {SU_USAGE, SU_LOCKED, SU_INTERRUPTED};
        (void)su_fail(&why, none[i], "no refusal");
        su_ledger_refuse(f->home.db, &entry, NULL, &quiet, &why);
    }
    GOOD(su_query_int(f->home.db, &n, NULL, &e, "SELECT count(*) FROM ledger"));
    assert_int_equal(n, 3);
    char longest[sizeof why.text];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    (void)su_fail(&why, SU_GAP, "%s", longest);
    su_ledger_refuse(f->home.db, &entry, longest, &quiet, &why);
    su_ledger_refuse(f->home.db, &entry, longest, &quiet, &why);
    struct su_ledger_check c = check(f, NULL);
    assert_true(c.bad_entry == 0 && c.entries == 4);
    assert_int_equal(warnings, 0);
    run_sql(f, "ALTER TABLE ledger RENAME TO gone");
    su_ledger_refuse(f->home.db, &entry, NULL, &quiet, &why);
    assert_int_equal(warnings, 1);
}

static int add_one(struct fixture *f)
{
    struct su_ledger_entry entry = {.actor = &(struct su_actor){.operator= "o"}, .kind = "k", .site = "S", .detail = "d"};
    return su_ledger_add(f->home.db, &entry, &e);
}

static int verify_one(struct fixture *f)
{
    struct su_ledger_check c;
    return su_ledger_verify(f->home.db, NULL, &c, &e);
}

static void test_no_failure_is_swallowed(void **state)
{
    fails_without(*state, NEEDED("ledger"), add_one);
    fails_without(*state, NEEDED("ledger"), verify_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_failure_is_swallowed, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_chain, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_every_change_is_found, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_form_1, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_refusals, make_fixture, drop_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
