/* The catalogue: exact bytes in, exact bytes out, and nothing damaged passes for them. */
#include "catalogue_helpers.h"

static const char *const tables[] = {"revision", "document", "info", "title", "tag", "prerequisite", "bundled", "superseded", "file"};

static int64_t count_of(struct fixture *f, const char *table)
{
    int64_t n = -1;
    static const char *const counts[] = {"SELECT count(*) FROM revision", "SELECT count(*) FROM document", "SELECT count(*) FROM info",
                                         "SELECT count(*) FROM title", "SELECT count(*) FROM tag", "SELECT count(*) FROM prerequisite",
                                         "SELECT count(*) FROM bundled", "SELECT count(*) FROM superseded", "SELECT count(*) FROM file"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (strcmp(tables[i], table) == 0)
            GOOD(su_query_int(f->home.db, &n, NULL, &e, counts[i]));
    return n;
}

static int get(struct fixture *f, int64_t rev_id, struct su_record *record, struct su_buf *document, struct su_buf *urls)
{
    return su_catalogue_get(f->catalogue, rev_id, record, document, urls, &e);
}

#define SHA1_A "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
#define SHA1_B "a9993e364706816aba3e25717850c26c9cd0d89d"
static const char urls_of_one[] = SHA1_A " http://h/a?x=1&y=2\n" SHA1_B " http://h/b\n";

/* Line ends, tabs, comments, characters beyond the BMP: none of it may change. */
static void odd_document(struct su_buf *out, unsigned id, unsigned revision, const char *title)
{
    su_buf_addf(out,
                "<upd:Update\r\n\txmlns:upd='" UPD_URI "'><!-- \xf0\x9f\x98\x80 --><upd:UpdateIdentity RevisionNumber=\"%u\" UpdateID=\"%s\"/>\n"
                "<upd:Properties UpdateType=\"Software\" DefaultPropertiesLanguage=\"en\"><upd:KBArticleID>5034123</upd:KBArticleID></upd:Properties>"
                "<upd:LocalizedPropertiesCollection><upd:LocalizedProperties><upd:Language>en</upd:Language><upd:Title>%s</upd:Title>"
                "</upd:LocalizedProperties></upd:LocalizedPropertiesCollection><upd:Relationships><upd:Prerequisites>"
                "<upd:UpdateIdentity UpdateID=\"%s\"/></upd:Prerequisites><upd:SupersededUpdates><upd:UpdateIdentity UpdateID=\"%s\"/>"
                "</upd:SupersededUpdates><upd:BundledUpdates><upd:UpdateIdentity UpdateID=\"%s\" RevisionNumber=\"1\"/></upd:BundledUpdates>"
                "</upd:Relationships><upd:Files><upd:File Digest=\"qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\" Size=\"3\" FileName=\"b.cab\"/></upd:Files></upd:Update>\r\n",
                revision, guid_text(id), title, guid_text(501), guid_text(502), guid_text(503));
    GOOD(su_buf_check(out, "document", &e));
}

static void test_exact_bytes(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000), document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES), urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
    struct su_record record;
    uint8_t digest[32];
    odd_document(&xml, 1, 200, "Title \xe2\x82\xac");
    int64_t rev_id = put_document(f, 1, 200, xml.bytes, xml.length, urls_of_one);
    GOOD(get(f, rev_id, &record, &document, &urls));
    assert_int_equal(record.document_bytes, xml.length);
    assert_memory_equal(record.document, xml.bytes, xml.length);
    assert_int_equal(record.urls_bytes, sizeof urls_of_one - 1);
    assert_memory_equal(record.urls, urls_of_one, sizeof urls_of_one - 1);
    assert_true(record.revision == 200 && record.origin == SU_FROM_SYNC && !record.is_removal);
    struct su_guid id = guid_of(1);
    assert_memory_equal(record.id.bytes, id.bytes, 16);
    GOOD(su_sha256(digest, xml.bytes, xml.length, &e));
    struct su_held held = held_of(f, 1, 200);
    assert_true(held.is_held && held.rev_id == rev_id);
    assert_memory_equal(held.document_sha256, digest, 32);
    assert_memory_equal(held.record_sha256, record.record_sha256, 32);
    assert_false(held_of(f, 1, 201).is_held);
    assert_false(held_of(f, 2, 200).is_held);
    REFUSED(get(f, rev_id + 1, &record, &document, &urls), SU_DATA);
}

static void test_put_replaces(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_buf) struct su_buf old = SU_BUF_INIT(10000), new = SU_BUF_INIT(10000), document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES), urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
    struct su_record record;
    odd_document(&old, 1, 200, "Old title");
    odd_document(&new, 1, 200, "New title");
    put_document(f, 1, 200, old.bytes, old.length, urls_of_one);
    int64_t rows[sizeof tables / sizeof *tables];
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        rows[i] = count_of(f, tables[i]);
        assert_true(rows[i] > 0);
    }
    int64_t rev_id = put_document(f, 1, 200, new.bytes, new.length, "");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        assert_int_equal(count_of(f, tables[i]), rows[i]); /* nothing of the old one beside the new one */
    GOOD(get(f, rev_id, &record, &document, &urls));
    assert_memory_equal(record.document, new.bytes, new.length);
    assert_int_equal(record.urls_bytes, 0);
    SU_AUTO(su_buf) struct su_buf title = SU_BUF_INIT(1000);
    GOOD(su_query_text(f->home.db, &title, NULL, &e, "SELECT title FROM info"));
    assert_string_equal(title.bytes, "New title");
}

static void test_remove_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000), document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES), urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
    struct su_record record;
    odd_document(&xml, 1, 200, "Title");
    int64_t rev_id = put_document(f, 1, 200, xml.bytes, xml.length, urls_of_one);
    remove_row(f, rev_id);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        assert_int_equal(count_of(f, tables[i]), 0);
    REFUSED(get(f, rev_id, &record, &document, &urls), SU_DATA);
}

static void test_document_must_be_about_its_identity(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000);
    odd_document(&xml, 1, 200, "Title");
    const struct su_record records[] = {{.id = guid_of(2), .revision = 200}, {.id = guid_of(1), .revision = 201}};
    for (size_t i = 0; i < 2; i++) {
        struct su_record record = records[i];
        int64_t rev_id;
        record.document = xml.bytes;
        record.document_bytes = xml.length;
        record.urls = "";
        REFUSED(edit(f, &record, SU_PUT, &rev_id), SU_DATA);
        NAMES(guid_text(1));
    }
    assert_int_equal(count_of(f, "revision"), 0);
}

static void test_damaged_document(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000), document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES), urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
    struct su_record record;
    odd_document(&xml, 1, 200, "Title");
    int64_t rev_id = put_document(f, 1, 200, xml.bytes, xml.length, urls_of_one), length = 0;
    GOOD(su_query_int(f->home.db, &length, NULL, &e, "SELECT length(packed) FROM document"));
    uint8_t packed[2000];
    assert_in_range(length, 100, sizeof packed);
    {
        SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
        GOOD(su_query(f->home.db, &rows, &e, "SELECT packed FROM document"));
        assert_int_equal(su_rows_next(&rows, &e), 1);
        GOOD(su_rows_fixed(&rows, 0, packed, (size_t)length, &e));
    }
    for (int64_t i = 0; i < length; i++)
        for (unsigned bit = 0; bit < 8; bit += 3) {
            packed[i] = (uint8_t)(packed[i] ^ (1u << bit));
            GOOD(su_run(f->home.db, &e, "UPDATE document SET packed=?1", SU_B(packed, (size_t)length)));
            packed[i] = (uint8_t)(packed[i] ^ (1u << bit));
            /* A bit that zstd ignores gives the same document; anything else is refused. */
            if (get(f, rev_id, &record, &document, &urls) == 0)
                assert_memory_equal(record.document, xml.bytes, xml.length);
            else
                assert_int_equal(e.code, SU_DATA);
        }
    for (int64_t cut = 0; cut < length; cut++) {
        GOOD(su_run(f->home.db, &e, "UPDATE document SET packed=?1", SU_B(packed, (size_t)cut)));
        REFUSED(get(f, rev_id, &record, &document, &urls), SU_DATA);
    }
    GOOD(su_run(f->home.db, &e, "UPDATE document SET packed=?1", SU_B(packed, (size_t)length)));
    GOOD(get(f, rev_id, &record, &document, &urls));
}

static void test_damaged_rows(void **state)
{
    struct fixture *f = *state;
    static const char *const edits[] = {
        "UPDATE document SET raw_bytes=raw_bytes+1", "UPDATE document SET raw_bytes=raw_bytes-1", "UPDATE document SET raw_bytes=0",
        "UPDATE document SET urls=''", "UPDATE document SET urls=urls||'x'", "UPDATE document SET packed=x''",
        "UPDATE document SET packed=(SELECT packed FROM document WHERE rev_id=2), raw_bytes=(SELECT raw_bytes FROM document WHERE rev_id=2) WHERE rev_id=1",
        "UPDATE revision SET origin=1", "UPDATE revision SET revision=revision+1", "UPDATE revision SET update_id=zeroblob(16) WHERE rev_id=1",
        "UPDATE revision SET record_sha256=zeroblob(32)", "DELETE FROM document",
    };
    SU_AUTO(su_buf) struct su_buf document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES), urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
    struct su_record record;
    SU_AUTO(su_buf) struct su_buf one = SU_BUF_INIT(10000), two = SU_BUF_INIT(10000);
    odd_document(&one, 1, 200, "One");
    odd_document(&two, 2, 200, "Two");
    assert_int_equal(put_document(f, 1, 200, one.bytes, one.length, urls_of_one), 1);
    assert_int_equal(put_document(f, 2, 200, two.bytes, two.length, ""), 2);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        GOOD(su_db_script(f->home.db, "SAVEPOINT edit", &e));
        GOOD(su_db_script(f->home.db, edits[i], &e));
        su_err_clear(&e);
        if (get(f, 1, &record, &document, &urls) == 0)
            fail_msg("read back after: %s", edits[i]);
        assert_int_equal(e.code, SU_DATA);
        GOOD(su_db_script(f->home.db, "ROLLBACK TO edit; RELEASE edit", &e));
        GOOD(get(f, 1, &record, &document, &urls));
    }
    static const char *const sizes[] = {"UPDATE document SET raw_bytes=-1", "UPDATE document SET raw_bytes=67108865", "UPDATE document SET raw_bytes=9223372036854775807"};
    for (size_t i = 0; i < 3; i++) { /* a size no document may have is not asked from memory */
        GOOD(su_db_script(f->home.db, sizes[i], &e));
        REFUSED(get(f, 1, &record, &document, &urls), SU_LIMIT);
    }
}

/* Documents packed before and after the dictionary was trained, across catalogues. */
static void test_dictionary(void **state)
{
    struct fixture *f = *state;
    static struct su_buf documents[260];
    int64_t rows[260], dictionaries = 0, with = 0, without = 0;
    for (unsigned i = 0; i < 260; i++) {
        documents[i] = (struct su_buf)SU_BUF_INIT(100000);
        SU_AUTO(su_buf) struct su_buf rules = SU_BUF_INIT(100000);
        for (unsigned k = 0; k < 200; k++)
            su_buf_addf(&rules, "<upd:RegSz Key=\"HKEY_LOCAL_MACHINE\" Subkey=\"SOFTWARE\\%u\" Value=\"%x\" Data=\"%u\" />", k % 17, (i * 7919 + k) * 2654435761u, k * i);
        write_doc(&documents[i], &(struct doc){.id = i + 1, .revision = 1, .title = "Trained", .files = rules.bytes});
        if (i == 250) /* another run finds the dictionary in the database */
            open_catalogue(f);
        rows[i] = put_document(f, i + 1, 1, documents[i].bytes, documents[i].length, "");
    }
    GOOD(su_query_int(f->home.db, &dictionaries, NULL, &e, "SELECT count(*) FROM dictionary"));
    GOOD(su_query_int(f->home.db, &with, NULL, &e, "SELECT count(*) FROM document WHERE dictionary_id=1"));
    GOOD(su_query_int(f->home.db, &without, NULL, &e, "SELECT count(*) FROM document WHERE dictionary_id IS NULL"));
    assert_int_equal(dictionaries, 1);
    assert_true(with >= 20 && without >= 100 && with + without == 260);
    int64_t last = 0;
    GOOD(su_query_int(f->home.db, &last, NULL, &e, "SELECT dictionary_id FROM document ORDER BY rev_id DESC LIMIT 1"));
    assert_int_equal(last, 1);
    SU_AUTO(su_buf) struct su_buf document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES), urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
    struct su_record record;
    for (unsigned i = 260; i-- > 0;) {
        GOOD(get(f, rows[i], &record, &document, &urls));
        assert_int_equal(record.document_bytes, documents[i].length);
        assert_memory_equal(record.document, documents[i].bytes, documents[i].length);
    }
    uint64_t rebuilt;
    GOOD(su_catalogue_rebuild(f->catalogue, &rebuilt, &e));
    assert_int_equal(rebuilt, 260);
    GOOD(su_run(f->home.db, &e, "UPDATE dictionary SET bytes=x'00'")); /* a damaged dictionary damages what needs it */
    su_catalogue_cleanup(&f->catalogue);
    f->catalogue = su_catalogue_new(f->home.db, &e);
    assert_true(f->catalogue == NULL || get(f, rows[259], &record, &document, &urls) < 0);
    for (unsigned i = 0; i < 260; i++)
        su_buf_cleanup(&documents[i]);
}

static int put_rich(struct fixture *f)
{
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000);
    int64_t rev_id;
    odd_document(&xml, 1, 200, "Title");
    return edit(f, &(struct su_record){.id = guid_of(1), .revision = 200, .urls = "", .document = xml.bytes, .document_bytes = xml.length}, SU_PUT, &rev_id);
}

static int remove_it(struct fixture *f)
{
    int64_t rev_id;
    return edit(f, &(struct su_record){.id = guid_of(1), .revision = 200}, SU_REMOVE, &rev_id);
}

static int rebuild(struct fixture *f)
{
    uint64_t count;
    return su_catalogue_rebuild(f->catalogue, &count, &e);
}

static void test_no_failure_is_swallowed(void **state)
{
    struct fixture *f = *state;
    const char *const *every = NEEDED("revision", "document", "info", "title", "tag", "prerequisite", "bundled", "superseded", "file", "search");
    fails_without(f, every, put_rich); /* into an empty place, and in place of the same */
    fails_without(f, every, rebuild);
    assert_int_equal(count_of(f, "revision"), 1);
    for (const char *const *table = every; *table; table++)
        assert_int_equal(without(f, *table, remove_it), -1);
    GOOD(remove_it(f));
    for (const char *const *table = every; *table; table++)
        assert_int_equal(without(f, *table, put_rich), -1);
    assert_int_equal(count_of(f, "revision"), 0);
}

/* More pages are kept while what is held changes. */
static void test_cache(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000);
    int64_t kib = 0;
    bool is_first;
    odd_document(&xml, 1, 200, "T");
    put_document(f, 1, 200, xml.bytes, xml.length, "");
    GOOD(su_query_int(f->home.db, &kib, NULL, &e, "PRAGMA cache_size"));
    assert_int_equal(-kib, SU_DB_CACHE_KIB);
    GOOD(su_catalogue_load_begin(f->catalogue, &is_first, &e));
    GOOD(su_query_int(f->home.db, &kib, NULL, &e, "PRAGMA cache_size"));
    assert_int_equal(-kib, SU_DB_CHANGES_CACHE_KIB);
    GOOD(su_catalogue_load_end(f->catalogue, &e));
    GOOD(su_query_int(f->home.db, &kib, NULL, &e, "PRAGMA cache_size"));
    assert_int_equal(-kib, SU_DB_CACHE_KIB);
    assert_false(is_first);
}

int main(void)
{
#define HELD(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
    const struct CMUnitTest tests[] = {
        HELD(test_exact_bytes),
        HELD(test_put_replaces),
        HELD(test_remove_leaves_nothing),
        HELD(test_document_must_be_about_its_identity),
        HELD(test_damaged_document),
        HELD(test_damaged_rows),
        HELD(test_dictionary),
        HELD(test_cache),
        HELD(test_no_failure_is_swallowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
