/* Needed files and what a site lacks, on random small catalogues, against the plain statements that say the same row by row. */
#include "catalogue_helpers.h"

#include "common/catalogue/need.h"
#include "common/hub/difference.h"

#define IDS 12
#define REVISIONS 3

static unsigned random_state;
static unsigned dice(unsigned sides)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 10) % sides;
}

static void run_sql(struct fixture *f, const char *sql) { GOOD(su_db_script(f->home.db, sql, &e)); }

/* Updates with several revisions that bundle each other, files that several of them name and describe differently, languages. */
static void make_catalogue(struct fixture *f)
{
    GOOD(su_run(f->home.db, &e, "DELETE FROM document"));
    GOOD(su_run(f->home.db, &e, "DELETE FROM revision"));
    run_sql(f, "DELETE FROM info; DELETE FROM title; DELETE FROM tag; DELETE FROM prerequisite; DELETE FROM bundled; DELETE FROM file;"
               "INSERT INTO search (search) VALUES ('delete-all');");
    put(f, 1000, 1, "Category/Product", "product", "");
    put(f, 1001, 1, "Category/UpdateClassification", "class", "");
    put(f, 1002, 1, "Category/Product", "below", "c1000");
    for (unsigned id = 1; id <= IDS; id++)
        for (unsigned revision = 1; revision <= REVISIONS; revision++) {
            static const char *const kinds[] = {"Software", "Driver", "Detectoid", "Software"};
            char spec[200];
            if (dice(3) == 0)
                continue;
            int n = snprintf(spec, sizeof spec, "%s%s%s", dice(2) ? "c1000 " : "", dice(3) ? "c1001 " : "", dice(4) == 0 ? "c1002 " : "");
            if (dice(2))
                n += snprintf(spec + n, sizeof spec - (size_t)n, "p%u|%u ", 1 + dice(IDS), 1 + dice(IDS));
            if (dice(2))
                n += snprintf(spec + n, sizeof spec - (size_t)n, "b%u.%u|%u.%u ", 1 + dice(IDS), 1 + dice(REVISIONS), 1 + dice(IDS), 1 + dice(REVISIONS));
            spec[n > 0 ? n - 1 : 0] = 0;
            int64_t rev_id = put(f, id, revision, kinds[dice(4)], "random", spec);
            GOOD(su_run(f->home.db, &e, "UPDATE info SET expired=?2 WHERE rev_id=?1", SU_I(rev_id), SU_I(dice(4) == 0)));
            for (unsigned k = dice(4); k > 0; k--) {
                uint8_t sha1[20] = {(uint8_t)dice(6)}, sha256[32] = {(uint8_t)dice(3)};
                static const char *const languages[] = {"", "en", "de", "fr"}, *const names[] = {"a.cab", "b.cab", "a name that is so long that nobody remembers it, because it has more than eighty characters.cab"};
                bool is_licence = dice(3) == 0;
                GOOD(su_run(f->home.db, &e, "INSERT OR IGNORE INTO file VALUES (?1,?2,?3,?4,?5,?6,?7,?8,'')", SU_I(rev_id), SU_B(sha1, 20), SU_I(is_licence),
                            SU_T(is_licence ? languages[dice(4)] : ""), dice(2) ? SU_NULL : SU_B(sha256, 32), SU_T(names[dice(3)]), SU_I(1 + dice(3)), SU_I(dice(3) == 0)));
            }
            static const char *const tags[] = {"de", "fr", "all"};
            for (unsigned k = dice(3); k > 0; k--)
                GOOD(su_run(f->home.db, &e, "INSERT OR IGNORE INTO tag VALUES (?1,'language',?2)", SU_I(rev_id), SU_T(tags[dice(3)])));
        }
}

static void make_profile(struct su_profile *p)
{
    p->content = (enum su_content_mode)dice(4);
    p->has_express = dice(2) == 0;
    if (dice(2))
        GOOD(su_profile_add(p, SU_ITEM_LANGUAGE, dice(2) ? "de" : "fr", &e));
    for (unsigned k = dice(3); k > 0; k--)
        GOOD(su_profile_add(p, SU_ITEM_APPROVAL, guid_text(1 + dice(IDS)), &e));
    if (dice(2))
        GOOD(su_profile_add(p, SU_ITEM_PRODUCT, guid_text(dice(4) ? 1000 : 1 + dice(IDS)), &e));
    if (dice(3) == 0)
        GOOD(su_profile_add(p, SU_ITEM_CLASSIFICATION, guid_text(1001), &e));
}

static void list(struct fixture *f, const char *sql, struct su_buf *out)
{
    bool found;
    GOOD(su_query_text(f->home.db, out, &found, &e, sql));
}

/* --- selection and needed files --- */

#define NEWEST "r.revision=(SELECT max(n.revision) FROM revision n WHERE n.update_id=r.update_id)"
#define LIVE                                                                                                                              \
    "WITH RECURSIVE live (rev_id) AS (SELECT r.rev_id FROM revision r JOIN info i USING (rev_id) WHERE NOT i.expired AND " NEWEST          \
    " AND r.rev_id IN (SELECT rev_id FROM temp.carry) AND (NOT ?1 OR r.update_id IN (SELECT id FROM temp.asked WHERE kind=3))"            \
    " UNION SELECT t.rev_id FROM live JOIN bundled b USING (rev_id) JOIN revision t ON t.update_id=b.target AND t.revision=b.target_revision" \
    " WHERE t.rev_id IN (SELECT rev_id FROM temp.carry))"
#define INTO                                                                                                                     \
    " ON CONFLICT (sha1) DO UPDATE SET sha256=coalesce(max(plain.sha256, excluded.sha256), plain.sha256, excluded.sha256),"      \
    " bytes=min(bytes, excluded.bytes), licence=max(licence, excluded.licence), name=min(name, excluded.name)"
#define IS_ASKED_LANGUAGE(x) x " IN (SELECT value FROM temp.asked WHERE kind=2)"

static void ask(struct fixture *f, const struct su_profile *p, const struct su_closure *c)
{
    const struct su_graph *g = su_closure_graph(c);
    run_sql(f, "DROP TABLE IF EXISTS temp.plain; CREATE TEMP TABLE plain (sha1 BLOB PRIMARY KEY, sha256 BLOB, bytes INTEGER, licence INTEGER, name TEXT);"
               "DROP TABLE IF EXISTS temp.carry; CREATE TEMP TABLE carry (rev_id INTEGER PRIMARY KEY);"
               "DROP TABLE IF EXISTS temp.asked; CREATE TEMP TABLE asked (kind INTEGER, value TEXT, id BLOB);");
    for (size_t i = 0; i < g->rows.count; i++)
        if (su_closure_carried(c)[g->rows.at[i].node])
            GOOD(su_run(f->home.db, &e, "INSERT INTO temp.carry VALUES (?1)", SU_I(g->rows.at[i].rev_id)));
    for (size_t i = 0; i < p->items.count; i++) {
        struct su_guid id = {{0}};
        (void)su_guid_parse(&id, p->items.at[i].value, strlen(p->items.at[i].value));
        GOOD(su_run(f->home.db, &e, "INSERT INTO temp.asked VALUES (?1,?2,?3)", SU_I(p->items.at[i].kind), SU_T(p->items.at[i].value), SU_B(id.bytes, 16)));
    }
}

static void need_plainly(struct fixture *f, const struct su_profile *p)
{
    bool any_language = !su_profile_has(p, SU_ITEM_LANGUAGE);
    if (p->content >= SU_CONTENT_LICENCE)
        GOOD(su_run(f->home.db, &e, "INSERT INTO temp.plain " LIVE " SELECT f.sha1, f.sha256, f.bytes, 1, f.name FROM live JOIN file f USING (rev_id) WHERE f.licence AND (?2 OR "
                    "f.language IN ('', 'en') OR " IS_ASKED_LANGUAGE("f.language") ")" INTO, SU_I(0), SU_I(any_language)));
    if (p->content >= SU_CONTENT_APPROVED)
        GOOD(su_run(f->home.db, &e, "INSERT INTO temp.plain " LIVE " SELECT f.sha1, f.sha256, f.bytes, 0, f.name FROM live JOIN file f USING (rev_id) WHERE NOT f.licence AND (?3 OR NOT "
                    "f.express) AND (?2 OR NOT EXISTS (SELECT 1 FROM tag g WHERE g.rev_id=f.rev_id AND g.kind='language') OR EXISTS (SELECT 1 FROM tag g WHERE g.rev_id=f.rev_id AND "
                    "g.kind='language' AND (g.value='all' OR " IS_ASKED_LANGUAGE("g.value") ")))" INTO, SU_I(p->content == SU_CONTENT_APPROVED), SU_I(any_language), SU_I(p->has_express)));
}

/* The selection, as plainly: named, below a product, or by the categories of the newest revision. */
static void expect_selection(struct fixture *f, const struct su_profile *p, const struct su_closure *c)
{
    SU_AUTO(su_buf) struct su_buf want = SU_BUF_INIT(10000), have = SU_BUF_INIT(10000);
    struct su_closure_counts counts;
    int64_t count;
    bool by_product = su_profile_has(p, SU_ITEM_PRODUCT), by_class = su_profile_has(p, SU_ITEM_CLASSIFICATION);
    run_sql(f, "DROP TABLE IF EXISTS temp.wanted; CREATE TEMP TABLE wanted (kind INTEGER, id BLOB, PRIMARY KEY (kind, id));"
               "INSERT OR IGNORE INTO temp.wanted SELECT kind, id FROM temp.asked WHERE kind<=1;");
    GOOD(su_run(f->home.db, &e, "INSERT OR IGNORE INTO temp.wanted WITH RECURSIVE below (id) AS (SELECT id FROM temp.wanted WHERE kind=0 UNION SELECT r.update_id FROM below JOIN prerequisite p ON "
                "p.target=below.id JOIN revision r USING (rev_id) JOIN info i USING (rev_id) WHERE i.type=0 AND " NEWEST ") SELECT 0, id FROM below"));
    GOOD(su_query_int(f->home.db, &count, NULL, &e,
                      "SELECT count(*) FROM (SELECT r.update_id FROM revision r JOIN info i USING (rev_id) WHERE " NEWEST " AND CASE WHEN NOT ?1 AND NOT ?2 THEN 1 WHEN i.type IN (2, 3) THEN"
                      " (NOT ?1 OR EXISTS (SELECT 1 FROM prerequisite p JOIN temp.wanted w ON w.kind=0 AND w.id=p.target WHERE p.rev_id=r.rev_id)) AND"
                      " (NOT ?2 OR EXISTS (SELECT 1 FROM prerequisite p JOIN temp.wanted w ON w.kind=1 AND w.id=p.target WHERE p.rev_id=r.rev_id))"
                      " ELSE r.update_id IN (SELECT id FROM temp.wanted) END)", SU_I(by_product), SU_I(by_class)));
    su_closure_count(c, &counts);
    assert_int_equal(counts.selected, count);
}

#define FILES(table) "SELECT coalesce(group_concat(hex(sha1)||' '||coalesce(hex(sha256), '-')||' '||bytes||' '||licence||' '||name, char(10)), '') FROM (SELECT * FROM temp." table " ORDER BY sha1)"

static void test_need(void **state)
{
    struct fixture *f = *state;
    unsigned some = 0, none = 0;
    for (unsigned round = 0; round < 150; round++) {
        SU_AUTO(su_profile) struct su_profile p = {0};
        SU_AUTO(su_buf) struct su_buf have = SU_BUF_INIT(100000), want = SU_BUF_INIT(100000);
        random_state = round * 7919 + 3;
        make_catalogue(f);
        make_profile(&p);
        SU_AUTO(su_closure) struct su_closure *c = su_closure_load(f->home.db, &e);
        assert_non_null(c);
        GOOD(su_closure_walk(c, &p, &e));
        ask(f, &p, c);
        expect_selection(f, &p, c);
        need_plainly(f, &p);
        GOOD(su_content_need(f->home.db, &p, su_closure_graph(c), su_closure_carried(c), &e));
        list(f, FILES("need"), &have);
        list(f, FILES("plain"), &want);
        assert_string_equal(have.bytes, want.bytes);
        (*(want.length ? &some : &none))++;
        /* Everything held counts when nobody asks who carries it, and the graph is loaded when none is given. */
        run_sql(f, "INSERT OR IGNORE INTO temp.carry SELECT rev_id FROM revision; DELETE FROM temp.plain;");
        need_plainly(f, &p);
        GOOD(su_content_need(f->home.db, &p, NULL, NULL, &e));
        list(f, FILES("need"), &have);
        list(f, FILES("plain"), &want);
        assert_string_equal(have.bytes, want.bytes);
    }
    assert_true(some > 20 && none > 5);
}

/* --- what a site lacks --- */

/* Left as they are when the revision is not held. */
static void digests_of(struct fixture *f, const struct su_guid *id, unsigned revision, uint8_t record[32], uint8_t document[32])
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    GOOD(su_query(f->home.db, &rows, &e, "SELECT record_sha256, doc_sha256 FROM revision WHERE update_id=?1 AND revision=?2", SU_B(id->bytes, 16), SU_I(revision)));
    if (su_rows_next(&rows, &e) == 0)
        return;
    GOOD(su_rows_fixed(&rows, 0, record, 32, &e));
    GOOD(su_rows_fixed(&rows, 1, document, 32, &e));
}

/* Books of some bundles that never were: right, wrong, ended, with another document or another address only. */
static void make_books(struct fixture *f)
{
    run_sql(f, "DELETE FROM site; INSERT INTO site (site_id, code, content_mode, express, promise_days, public_key, acknowledged) VALUES (7, 'S', 0, 0, 1, '', 0), (8, 'T', 0, 0, 1, '', 0)");
    for (unsigned id = 1; id <= IDS + 2; id++)
        for (unsigned revision = 1; revision <= REVISIONS; revision++) {
            unsigned from = 1 + dice(3);
            for (unsigned times = dice(3); times > 0; times--) {
                struct su_guid guid = guid_of(id);
                bool is_open = times == 1 && dice(4) > 0;
                uint8_t other[32] = {0};
                uint8_t record[32] = {0}, document[32] = {0};
                digests_of(f, &guid, revision, record, document);
                unsigned is_same_record = dice(3), to = from + 1 + dice(2);
                GOOD(su_run(f->home.db, &e, "INSERT INTO site_state VALUES (?1,?2,?3,?4,?5,?6,?7)", SU_I(dice(8) ? 7 : 8), SU_B(guid.bytes, 16), SU_I(revision), SU_I(from),
                            is_open ? SU_NULL : SU_I(to), SU_B(is_same_record ? record : other, 32),
                            SU_B(is_same_record || dice(2) ? document : other, 32)));
                from = to;
            }
        }
}

#define CARRIED_AS(s) "EXISTS (SELECT 1 FROM revision r JOIN temp.carry USING (rev_id) WHERE r.update_id=" s ".update_id AND r.revision=" s ".revision)"
#define SENT_AS(condition) "EXISTS (SELECT 1 FROM site_state s WHERE s.site_id=7 AND s.update_id=r.update_id AND s.revision=r.revision AND s.to_sequence IS NULL AND " condition ")"

static void expect_equal(struct fixture *f, const char *what, const char *have_sql, const char *want_sql)
{
    SU_AUTO(su_buf) struct su_buf have = SU_BUF_INIT(100000), want = SU_BUF_INIT(100000);
    list(f, have_sql, &have);
    list(f, want_sql, &want);
    if (strcmp(have.bytes, want.bytes) != 0)
        fail_msg("%s: have\n%s\nwant\n%s", what, have.bytes, want.bytes);
}

#define LIST(columns, from) "SELECT coalesce(group_concat(x, char(10)), '') FROM (SELECT " columns " AS x FROM " from " ORDER BY 1)"

static void expect_tables(struct fixture *f, bool is_full)
{
    expect_equal(f, "send", LIST("rev_id||' '||is_fresh", "temp.send"),
                 is_full ? LIST("r.rev_id||' '||(NOT " SENT_AS("s.record_sha256=r.record_sha256") ")", "temp.carry JOIN revision r USING (rev_id)")
                         : LIST("r.rev_id||' '||(NOT " SENT_AS("s.record_sha256=r.record_sha256") ")",
                                "temp.carry JOIN revision r USING (rev_id) WHERE NOT " SENT_AS("s.from_sequence<=2 AND s.record_sha256=r.record_sha256")));
    expect_equal(f, "gone", LIST("hex(update_id)||' '||revision", "temp.gone"),
                 is_full ? "SELECT ''" : LIST("DISTINCT hex(s.update_id)||' '||s.revision", "site_state s WHERE s.site_id=7 AND (s.to_sequence IS NULL OR s.to_sequence>2) AND NOT " CARRIED_AS("s")));
    expect_equal(f, "stale", LIST("hex(update_id)||' '||revision||' '||from_sequence", "temp.stale"),
                 LIST("hex(s.update_id)||' '||s.revision||' '||s.from_sequence", "site_state s WHERE s.site_id=7 AND s.to_sequence IS NULL AND NOT EXISTS (SELECT 1 FROM revision r JOIN temp.carry "
                      "USING (rev_id) WHERE r.update_id=s.update_id AND r.revision=s.revision AND r.record_sha256=s.record_sha256)"));
}

static void expect_changes(struct fixture *f, const struct su_difference *d)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    GOOD(su_query(f->home.db, &rows, &e,
                  "WITH now AS (SELECT r.update_id AS id, max(r.revision) AS newest FROM temp.carry JOIN revision r USING (rev_id) GROUP BY 1),"
                  " was AS (SELECT DISTINCT update_id AS id FROM site_state WHERE site_id=7 AND to_sequence IS NULL),"
                  " changed AS (SELECT DISTINCT r.update_id AS id FROM temp.carry JOIN revision r USING (rev_id) WHERE NOT " SENT_AS("s.doc_sha256=r.doc_sha256")
                  "  UNION SELECT s.update_id FROM site_state s WHERE s.site_id=7 AND s.to_sequence IS NULL AND NOT " CARRIED_AS("s") "),"
                  " both AS (SELECT n.id, (SELECT i.expired FROM revision r JOIN info i USING (rev_id) WHERE r.update_id=n.id AND r.revision=n.newest) AND NOT EXISTS"
                  "   (SELECT 1 FROM site_state s WHERE s.site_id=7 AND s.update_id=n.id AND s.revision=n.newest AND s.to_sequence IS NULL) AS expires FROM now n JOIN was USING (id) JOIN changed USING (id))"
                  " SELECT (SELECT count(*) FROM now WHERE id NOT IN (SELECT id FROM was)), (SELECT count(*) FROM was WHERE id NOT IN (SELECT id FROM now)),"
                  " (SELECT count(*) FROM both WHERE expires), (SELECT count(*) FROM both WHERE NOT expires),"
                  " (SELECT count(*) FROM temp.send), (SELECT count(*) FROM temp.gone)"));
    assert_int_equal(su_rows_next(&rows, &e), 1);
    assert_int_equal(d->new, su_rows_int(&rows, 0));
    assert_int_equal(d->removed, su_rows_int(&rows, 1));
    assert_int_equal(d->expired, su_rows_int(&rows, 2));
    assert_int_equal(d->revised, su_rows_int(&rows, 3));
    assert_int_equal(d->records, su_rows_int(&rows, 4));
    assert_int_equal(d->removals, su_rows_int(&rows, 5));
}

static void test_difference(void **state)
{
    struct fixture *f = *state;
    struct su_difference d, sum = {0};
    for (unsigned round = 0; round < 150; round++) {
        SU_AUTO(su_profile) struct su_profile p = {0};
        random_state = round * 104729 + 5;
        make_catalogue(f);
        make_books(f);
        make_profile(&p);
        SU_AUTO(su_closure) struct su_closure *c = su_closure_load(f->home.db, &e);
        assert_non_null(c);
        GOOD(su_closure_walk(c, &p, &e));
        ask(f, &p, c);
        for (int is_full = 0; is_full <= 1; is_full++) {
            GOOD(su_difference_find(f->home.db, c, 7, is_full, 2, &d, &e));
            expect_tables(f, is_full);
            expect_changes(f, &d);
        }
        sum.new += d.new;
        sum.expired += d.expired;
        sum.revised += d.revised;
        sum.removed += d.removed;
    }
    assert_true(sum.new > 20 && sum.expired > 20 && sum.revised > 20 && sum.removed > 20); /* the dice did show all */
}

/* The state of what is carried, and of everything, is the one that the rows give when they are asked again. */
static void test_state(void **state)
{
    struct fixture *f = *state;
    struct su_state have, want;
    for (unsigned round = 0; round < 10; round++) {
        random_state = round + 1;
        make_catalogue(f);
        SU_AUTO(su_graph) struct su_graph *g = su_graph_load(f->home.db, true, &e);
        assert_non_null(g);
        GOOD(su_graph_state(g, NULL, &have, &e));
        GOOD(su_state_of(f->home.db, &want, &e));
        assert_memory_equal(have.digest, want.digest, sizeof want.digest);
        assert_int_equal(have.updates, want.updates);
        assert_int_equal(have.revisions, want.revisions);
    }
}

static int plan_all(struct fixture *f)
{
    SU_AUTO(su_profile) struct su_profile p = {.content = SU_CONTENT_ALL};
    SU_AUTO(su_closure) struct su_closure *c = su_closure_load(f->home.db, &e);
    struct su_difference d;
    GOOD(su_profile_add(&p, SU_ITEM_LANGUAGE, "de", &e));
    return c && su_closure_walk(c, &p, &e) == 0 && su_content_need(f->home.db, &p, su_closure_graph(c), su_closure_carried(c), &e) == 0 &&
                   su_difference_find(f->home.db, c, 7, false, 2, &d, &e) == 0
               ? 0
               : -1;
}

static void test_damage_is_told(void **state)
{
    struct fixture *f = *state;
    random_state = 1;
    make_catalogue(f);
    make_books(f);
    fails_without(f, NEEDED("revision", "info", "file", "tag", "site_state"), plan_all);
    GOOD(su_run(f->home.db, &e, "DELETE FROM info WHERE rev_id=(SELECT min(rev_id) FROM info)"));
    REFUSED(plan_all(f), SU_DATA);
    make_catalogue(f);
    /* Relations that nothing of ours has written. */
    static const char *const damages[] = {"x'70'", "x'7c'||zeroblob(16)", "'p'||zeroblob(15)", "'p'||zeroblob(17)", "'q'||zeroblob(16)", "'b'||zeroblob(16)",
                                          "'b'||zeroblob(16)||'0000000G'", "'b'||zeroblob(16)||'0000000A'", "'b'||zeroblob(16)||'00000001|'||zeroblob(16)"};
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        char sql[200];
        (void)snprintf(sql, sizeof sql, "SAVEPOINT damage; UPDATE info SET relations=CAST(%s AS BLOB) WHERE rev_id=(SELECT max(rev_id) FROM info)", damages[i]);
        GOOD(su_db_script(f->home.db, sql, &e));
        REFUSED(plan_all(f), SU_DATA);
        GOOD(su_db_script(f->home.db, "ROLLBACK TO damage; RELEASE damage", &e));
    }
    assert_int_equal(plan_all(f), 0);
    GOOD(su_run(f->home.db, &e, "INSERT INTO info SELECT 999999, type, expired, deployable, created, severity, category_type, title, relations FROM info LIMIT 1"));
    REFUSED(plan_all(f), SU_DATA);
}

int main(void)
{
#define HELD(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
    const struct CMUnitTest tests[] = {HELD(test_need), HELD(test_difference), HELD(test_state), HELD(test_damage_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
