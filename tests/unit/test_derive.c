/* Derived tables: what they hold of a document, the words that find it, and that a rebuild gives the same. */
#include "catalogue_helpers.h"

#include "schema.h"

/* All derived rows as text, in an order of their own. */
static void dump(struct fixture *f, struct su_buf *out)
{
    static const char *const queries[] = {
        "SELECT 'info '||rev_id||' '||type||' '||expired||' '||deployable||' '||quote(created)||' '||quote(severity)||' '||quote(category_type)||' '||quote(title)||' '||quote(relations) FROM info ORDER BY 1",
        "SELECT 'title '||rev_id||' '||language||' '||quote(title) FROM title ORDER BY 1",
        "SELECT 'tag '||rev_id||' '||kind||' '||quote(value) FROM tag ORDER BY 1",
        "SELECT 'prerequisite '||rev_id||' '||clause||' '||quote(target)||' '||is_category FROM prerequisite ORDER BY 1",
        "SELECT 'bundled '||rev_id||' '||clause||' '||quote(target)||' '||target_revision FROM bundled ORDER BY 1",
        "SELECT 'superseded '||rev_id||' '||quote(target) FROM superseded ORDER BY 1",
        "SELECT 'file '||rev_id||' '||quote(sha1)||' '||licence||' '||quote(language)||' '||quote(sha256)||' '||quote(name)||' '||bytes||' '||express||' '||quote(url) FROM file ORDER BY 1",
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
        int more;
        GOOD(su_query(f->home.db, &rows, &e, queries[i]));
        while ((more = su_rows_next(&rows, &e)) > 0)
            su_buf_addf(out, "%s\n", su_rows_text(&rows, 0));
        assert_int_equal(more, 0);
    }
    GOOD(su_buf_check(out, "dump", &e));
}

/* Rows found by a full-text query, as "1 3". */
static void expect_found(struct fixture *f, const char *words, const char *expected)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1000);
    int more;
    su_buf_adds(&out, "");
    GOOD(su_query(f->home.db, &rows, &e, "SELECT rowid FROM search WHERE search MATCH ?1 ORDER BY rowid", SU_T(words)));
    while ((more = su_rows_next(&rows, &e)) > 0)
        su_buf_addf(&out, "%s%lld", out.length ? " " : "", (long long)su_rows_int(&rows, 0));
    assert_int_equal(more, 0);
    if (strcmp(out.bytes, expected) != 0)
        fail_msg("'%s' finds [%s], not [%s]", words, out.bytes, expected);
}

#define A1 "11111111-1111-4111-8111-111111111111"
#define A2 "22222222-2222-4222-8222-222222222222"
static const char rich[] =
    "<upd:Update xmlns:upd=\"" UPD_URI "\"><upd:UpdateIdentity UpdateID=\"00000001-0000-4000-8000-000000000001\" RevisionNumber=\"200\" />"
    "<upd:Properties UpdateType=\"Software\" DefaultPropertiesLanguage=\"en\" PublicationState=\"Expired\" ExplicitlyDeployable=\"true\" "
    "CreationDate=\"2024-01-11T20:15:45Z\" MsrcSeverity=\"Critical\"><upd:MoreInfoUrl>http://not/searched</upd:MoreInfoUrl>"
    "<upd:SecurityBulletinID>MS17-010</upd:SecurityBulletinID><upd:CveID>CVE-2024-0001</upd:CveID><upd:KBArticleID>5034123</upd:KBArticleID>"
    "<upd:KBArticleID>5034123</upd:KBArticleID><upd:Language>all</upd:Language></upd:Properties>"
    "<upd:LocalizedPropertiesCollection><upd:LocalizedProperties><upd:Language>de</upd:Language><upd:Title>Sicherheitsupdate f\xc3\xbcr Windows</upd:Title></upd:LocalizedProperties>"
    "<upd:LocalizedProperties><upd:Language>en</upd:Language><upd:Title>Security Update's \"best\"</upd:Title></upd:LocalizedProperties>"
    "<upd:EulaFile Digest=\"hJg+RBw70m66rkqh+VEp5eVGcPE=\" Size=\"9\" FileName=\"eula.txt\" Language=\"de\"/>"
    "<upd:EulaFile Digest=\"hJg+RBw70m66rkqh+VEp5eVGcPE=\" Size=\"9\" FileName=\"eula.txt\" Language=\"en\"/></upd:LocalizedPropertiesCollection>"
    "<upd:Relationships><upd:Prerequisites><upd:UpdateIdentity UpdateID=\"" A1 "\"/><upd:AtLeastOne IsCategory=\"true\"><upd:UpdateIdentity UpdateID=\"" A2 "\"/>"
    "<upd:UpdateIdentity UpdateID=\"" A2 "\"/></upd:AtLeastOne></upd:Prerequisites><upd:SupersededUpdates><upd:UpdateIdentity UpdateID=\"" A1 "\"/>"
    "<upd:UpdateIdentity UpdateID=\"" A2 "\"/><upd:UpdateIdentity UpdateID=\"" A2 "\"/></upd:SupersededUpdates><upd:BundledUpdates><upd:AtLeastOne><upd:UpdateIdentity UpdateID=\"" A1 "\" RevisionNumber=\"1\"/>"
    "<upd:UpdateIdentity UpdateID=\"" A1 "\" RevisionNumber=\"2\"/></upd:AtLeastOne></upd:BundledUpdates></upd:Relationships>"
    "<upd:Files><upd:File Digest=\"qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\" Size=\"3\" FileName=\"x.psf\"><upd:AdditionalDigest Algorithm=\"SHA256\">ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    "</upd:AdditionalDigest></upd:File></upd:Files></upd:Update>";
#define URLS "84983e441c3bd26ebaae4aa1f95129e5e54670f1 http://h/eula.txt\n"
#define A1_HEX "11111111111141118111111111111111"
#define A2_HEX "22222222222242228222222222222222"
#define X1 "X'" A1_HEX "'"
#define X2 "X'" A2_HEX "'"
#define XS "X'84983E441C3BD26EBAAE4AA1F95129E5E54670F1'"

static void test_rows_of_a_document(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(100000);
    assert_int_equal(put_document(f, 1, 200, rich, sizeof rich - 1, URLS), 1);
    dump(f, &out);
    assert_string_equal(out.bytes,
                        "info 1 2 1 1 '2024-01-11T20:15:45Z' 'Critical' '' 'Security Update''s \"best\"' X'70" A1_HEX "63" A2_HEX "62" A1_HEX "30303030303030317C" A1_HEX "3030303030303032'\n"
                        "title 1 de 'Sicherheitsupdate f\xc3\xbcr Windows'\ntitle 1 en 'Security Update''s \"best\"'\n"
                        "tag 1 bulletin 'MS17-010'\ntag 1 cve 'CVE-2024-0001'\ntag 1 kb '5034123'\ntag 1 language 'all'\n"
                        "prerequisite 1 0 " X1 " 0\nprerequisite 1 1 " X2 " 1\nbundled 1 0 " X1 " 1\nbundled 1 0 " X1 " 2\nsuperseded 1 " X1 "\nsuperseded 1 " X2 "\n"
                        "file 1 " XS " 1 'de' NULL 'eula.txt' 9 0 'http://h/eula.txt'\nfile 1 " XS " 1 'en' NULL 'eula.txt' 9 0 'http://h/eula.txt'\n"
                        "file 1 X'A9993E364706816ABA3E25717850C26C9CD0D89D' 0 '' X'BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD' 'x.psf' 3 1 ''\n");
}

static void test_words(void **state)
{
    struct fixture *f = *state;
    put_document(f, 1, 200, rich, sizeof rich - 1, URLS);
    put(f, 2, 1, "Software", "Another Security Update", "");
    expect_found(f, "security", "1 2");
    expect_found(f, "SECURITY", "1 2");
    expect_found(f, "sicherheitsupdate", "1"); /* any language */
    expect_found(f, "windows", "1");
    expect_found(f, "another", "2");
    expect_found(f, "5034123", "1");
    expect_found(f, "kb5034123", "1"); /* as people write it */
    expect_found(f, "secu*", "1 2");
    expect_found(f, "searched", ""); /* addresses are no words */
    expect_found(f, "absent", "");
}

static void test_words_go_with_their_row(void **state)
{
    struct fixture *f = *state;
    int64_t first = put_document(f, 1, 200, rich, sizeof rich - 1, URLS);
    int64_t second = put(f, 2, 1, "Software", "Another Security Update", "");
    assert_true(first == 1 && second == 2);
    remove_row(f, first);
    expect_found(f, "security", "2");
    expect_found(f, "sicherheitsupdate", "");
    expect_found(f, "kb5034123", "");
    int64_t third = put(f, 2, 1, "Software", "Changed Title", ""); /* in place of the second */
    char row[32];
    (void)snprintf(row, sizeof row, "%lld", (long long)third);
    expect_found(f, "security", "");
    expect_found(f, "another", "");
    expect_found(f, "changed", row);
    GOOD(su_db_script(f->home.db, "INSERT INTO search (search) VALUES ('integrity-check');", &e));
}

static void test_update_without_a_word(void **state)
{
    struct fixture *f = *state;
    int64_t bare = put(f, 1, 1, "Detectoid", NULL, "");
    put(f, 2, 1, "Software", "Some words", "");
    expect_found(f, "some", "2");
    remove_row(f, bare);
    expect_found(f, "some", "2");
    GOOD(su_db_script(f->home.db, "INSERT INTO search (search) VALUES ('integrity-check');", &e));
}

/* What a full-text table holds, as text: each word with its rows. */
static void dump_words(struct fixture *f, const char *vocabulary, struct su_buf *out)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(%s, instance)", vocabulary);
    GOOD(su_db_script(f->home.db, sql, &e));
    {
        SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
        int more;
        GOOD(su_query(f->home.db, &rows, &e, "SELECT term, doc FROM temp.vocabulary ORDER BY 1, 2"));
        while ((more = su_rows_next(&rows, &e)) > 0)
            su_buf_addf(out, "%s %lld\n", su_rows_text(&rows, 0), (long long)su_rows_int(&rows, 1));
        assert_int_equal(more, 0);
    }
    su_buf_adds(out, "");
    GOOD(su_buf_check(out, "words", &e));
    GOOD(su_db_script(f->home.db, "DROP TABLE temp.vocabulary", &e));
}

/* Languages and tags in any number, many of them repeated with another text or the same. */
static void write_random(struct su_buf *out, unsigned id, unsigned *seed)
{
#define UP_TO(n) ((*seed = *seed * 1103515245u + 12345u) >> 16) % (n)
    unsigned languages = id % 10 == 9 ? 190 + UP_TO(30) : UP_TO(8), tags = UP_TO(12);
    su_buf_addf(out, "<upd:Update xmlns:upd='" UPD_URI "'><upd:UpdateIdentity UpdateID=\"%s\" RevisionNumber=\"1\"/>"
                     "<upd:Properties UpdateType=\"Software\" DefaultPropertiesLanguage=\"en\">", guid_text(id));
    for (unsigned i = 0; i < tags; i++) {
        static const char *const kinds[] = {"KBArticleID", "CveID", "SecurityBulletinID", "Language"};
        unsigned kind = UP_TO(4), value = UP_TO(5);
        su_buf_addf(out, "<upd:%s>w%u</upd:%s>", kinds[kind], value, kinds[kind]);
    }
    su_buf_adds(out, "</upd:Properties><upd:LocalizedPropertiesCollection>");
    for (unsigned i = 0; i < languages; i++) {
        unsigned language = UP_TO(6), title = UP_TO(40), more = UP_TO(40);
        su_buf_addf(out, "<upd:LocalizedProperties><upd:Language>l%u</upd:Language><upd:Title>t%u t%u</upd:Title></upd:LocalizedProperties>",
                    language, title, more);
    }
    su_buf_adds(out, "</upd:LocalizedPropertiesCollection></upd:Update>");
    GOOD(su_buf_check(out, "document", &e));
}

/* The words of a row are those of its tables, however they were found, and go completely. */
static void test_words_are_those_of_the_tables(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_buf) struct su_buf have = SU_BUF_INIT(SU_MIB), want = SU_BUF_INIT(SU_MIB), none = SU_BUF_INIT(SU_MIB);
    unsigned seed = 7;
    int64_t rows[60];
    for (unsigned round = 0; round < 2; round++) /* the second time in place of the first */
        for (unsigned i = 0; i < 60; i++) {
            SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(SU_MIB);
            write_random(&xml, i + 1, &seed);
            rows[i] = put_document(f, i + 1, 1, xml.bytes, xml.length, "");
        }
    GOOD(su_db_script(f->home.db, "CREATE VIRTUAL TABLE temp.wanted USING fts5 (words, content='', detail='none', columnsize=0);"
                                  "INSERT INTO temp.wanted (rowid, words) SELECT rev_id, (SELECT group_concat(title, ' ') FROM title t WHERE t.rev_id=r.rev_id)||' '||"
                                  "coalesce((SELECT group_concat(value||' '||iif(kind='kb', 'KB'||value, ''), ' ') FROM tag g WHERE g.rev_id=r.rev_id AND kind<>'language'), '') FROM revision r"
                                  " WHERE EXISTS (SELECT 1 FROM title t WHERE t.rev_id=r.rev_id);"
                                  "INSERT INTO temp.wanted (rowid, words) SELECT rev_id, (SELECT group_concat(value||' '||iif(kind='kb', 'KB'||value, ''), ' ') FROM tag g"
                                  " WHERE g.rev_id=r.rev_id AND kind<>'language') FROM revision r WHERE NOT EXISTS (SELECT 1 FROM title t WHERE t.rev_id=r.rev_id);", &e));
    dump_words(f, "main, search", &have);
    dump_words(f, "temp, wanted", &want);
    assert_true(want.length > 3000);
    assert_string_equal(have.bytes, want.bytes);
    GOOD(su_db_script(f->home.db, "INSERT INTO search (search) VALUES ('integrity-check');", &e));
    for (unsigned i = 0; i < 60; i++)
        remove_row(f, rows[i]);
    dump_words(f, "main, search", &none);
    assert_int_equal(none.length, 0);
    GOOD(su_db_script(f->home.db, "INSERT INTO search (search) VALUES ('integrity-check');", &e));
}

/* Clauses in any number and order, alternatives repeated. */
static void write_random_relations(struct su_buf *out, unsigned *seed)
{
    for (unsigned clauses = UP_TO(6); clauses > 0; clauses--) {
        unsigned kind = UP_TO(3), alternatives = kind == 1 ? 1 : UP_TO(5) + 1;
        su_buf_addf(out, "%s%c", out->length ? " " : "", "pcb"[kind]);
        for (unsigned i = 0; i < alternatives; i++) {
            unsigned id = UP_TO(6) + 1, revision = UP_TO(3) * 0x7fffffffu;
            su_buf_addf(out, "%s%u", i ? "|" : "", id);
            if (kind == 2)
                su_buf_addf(out, ".%u", revision);
        }
    }
    su_buf_adds(out, "");
}

/* What stands packed is what stands in the tables: the step of the schema that packs what older programs wrote
 * comes to the same bytes. */
static void test_relations_are_packed(void **state)
{
    struct fixture *f = *state;
    const char *step = strstr(su_schema_steps[2], "UPDATE info SET relations");
    int64_t packed = 0, different = -1, longest = 0;
    unsigned seed = 11;
    assert_non_null(step);
    for (unsigned i = 0; i < 300; i++) {
        SU_AUTO(su_buf) struct su_buf spec = SU_BUF_INIT(10000);
        write_random_relations(&spec, &seed);
        put(f, 100 + i, i % 3, "Software", "Title", spec.bytes);
    }
    GOOD(su_db_script(f->home.db, "CREATE TEMP TABLE packed AS SELECT rev_id, relations FROM info; UPDATE info SET relations=x'00';", &e));
    GOOD(su_db_script(f->home.db, step, &e));
    GOOD(su_query_int(f->home.db, &packed, NULL, &e, "SELECT count(*) FROM temp.packed WHERE length(relations)>0"));
    GOOD(su_query_int(f->home.db, &longest, NULL, &e, "SELECT max(length(relations)) FROM temp.packed"));
    GOOD(su_query_int(f->home.db, &different, NULL, &e, "SELECT count(*) FROM info i LEFT JOIN temp.packed p USING (rev_id) WHERE p.relations IS NOT i.relations"));
    assert_int_equal(different, 0);
    assert_true(packed > 200 && longest > 200);
}

static void test_rebuild_gives_the_same(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_buf) struct su_buf before = SU_BUF_INIT(SU_MIB), after = SU_BUF_INIT(SU_MIB), empty = SU_BUF_INIT(SU_MIB);
    uint64_t count = 0;
    put_document(f, 1, 200, rich, sizeof rich - 1, URLS);
    put(f, 10, 1, "Category/Product", "Windows 11", "c5");
    for (unsigned i = 100; i < 140; i++)
        put(f, i, i % 3, i % 2 ? "Software" : "Driver", i % 5 ? "Title of one" : NULL, "c10 p1|2|3 p4 b7.1|7.2 b8.1");
    remove_row(f, 5); /* a gap in the row numbers */
    dump(f, &before);
    assert_true(before.length > 10000);
    /* Whatever stands in the derived tables by accident is gone afterwards. */
    GOOD(su_db_script(f->home.db, "INSERT INTO title VALUES (1,'xx','planted'); DELETE FROM info WHERE rev_id=2; UPDATE file SET name='other';"
                                  "DELETE FROM prerequisite; INSERT INTO search (rowid, words) VALUES (77777, 'planted');", &e));
    GOOD(su_catalogue_rebuild(f->catalogue, &count, &e));
    assert_int_equal(count, 41);
    dump(f, &after);
    assert_string_equal(after.bytes, before.bytes);
    expect_found(f, "planted", "");
    expect_found(f, "kb5034123", "1");
    expect_found(f, "title", "4 6 7 9 10 11 12 14 15 16 17 19 20 21 22 24 25 26 27 29 30 31 32 34 35 36 37 39 40 41 42");
    GOOD(su_run(f->home.db, &e, "DELETE FROM document"));
    GOOD(su_run(f->home.db, &e, "DELETE FROM revision"));
    GOOD(su_catalogue_rebuild(f->catalogue, &count, &e));
    assert_int_equal(count, 0);
    dump(f, &empty);
    assert_int_equal(empty.length, 0);
    expect_found(f, "security", "");
}

/* The indices that a first load does without are there afterwards, word for word and whole. */
static void test_first_load_leaves_the_schema(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_buf) struct su_buf before = SU_BUF_INIT(SU_MIB), after = SU_BUF_INIT(SU_MIB), good = SU_BUF_INIT(100);
    bool is_first = false;
    int64_t indices = -1;
    GOOD(su_query_text(f->home.db, &before, NULL, &e, "SELECT group_concat(name||sql, ';') FROM (SELECT * FROM sqlite_schema ORDER BY name)"));
    GOOD(su_catalogue_load_begin(f->catalogue, &is_first, &e));
    assert_true(is_first);
    GOOD(su_query_int(f->home.db, &indices, NULL, &e, "SELECT count(*) FROM sqlite_schema WHERE name IN ('info_order','superseded_target','file_sha1')"));
    assert_int_equal(indices, 0);
    put_document(f, 1, 200, rich, sizeof rich - 1, URLS);
    put(f, 2, 1, "Software", "Another Security Update", "p1");
    GOOD(su_catalogue_load_end(f->catalogue, &e));
    GOOD(su_query_text(f->home.db, &after, NULL, &e, "SELECT group_concat(name||sql, ';') FROM (SELECT * FROM sqlite_schema ORDER BY name)"));
    assert_string_equal(after.bytes, before.bytes);
    GOOD(su_query_text(f->home.db, &good, NULL, &e, "PRAGMA integrity_check"));
    assert_string_equal(good.bytes, "ok");
    GOOD(su_catalogue_load_begin(f->catalogue, &is_first, &e)); /* something is held: the indices stay */
    assert_false(is_first);
    GOOD(su_query_text(f->home.db, &after, NULL, &e, "SELECT group_concat(name||sql, ';') FROM (SELECT * FROM sqlite_schema ORDER BY name)"));
    assert_string_equal(after.bytes, before.bytes);
    GOOD(su_catalogue_load_end(f->catalogue, &e));
}

static void test_rebuild_stops_at_damage(void **state)
{
    struct fixture *f = *state;
    uint64_t count;
    put(f, 1, 1, "Software", "One", "");
    put(f, 2, 1, "Software", "Two", "");
    GOOD(su_run(f->home.db, &e, "UPDATE document SET packed=zeroblob(length(packed)) WHERE rev_id=2"));
    REFUSED(su_catalogue_rebuild(f->catalogue, &count, &e), SU_DATA);
}

int main(void)
{
#define HELD(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
    const struct CMUnitTest tests[] = {
        HELD(test_rows_of_a_document),
        HELD(test_words),
        HELD(test_words_go_with_their_row),
        HELD(test_update_without_a_word),
        HELD(test_words_are_those_of_the_tables),
        HELD(test_relations_are_packed),
        HELD(test_rebuild_gives_the_same),
        HELD(test_first_load_leaves_the_schema),
        HELD(test_rebuild_stops_at_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
