/* package.xml: order, required attributes, the file map. */
#include "helpers.h"

#include "common/source/package/package_index.h"

#define ROOT                                                                                                 \
    "<ExportPackage ServerID=\"e5cd1c1a-a36b-4f62-8c9d-0c1d2a4cd5f0\" "                                      \
    "CreationTime=\"2024-06-19T17:11:14Z\" FormatVersion=\"1.0\" ProtocolVersion=\"1.20\">"
#define ROOT_END "</ExportPackage>"
#define LANGUAGES                                                                                            \
    "<Languages><Language Id=\"1033\" ShortName=\"en\" LongName=\"English\" Enabled=\"1\" /></Languages>"
#define SHA1_A "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=" /* of "abc" */
#define SHA1_B "hJg+RBw70m66rkqh+VEp5eVGcPE="
#define FILES                                                                                                \
    "<Files><File Digest=\"" SHA1_A "\" MUUrl=\"http://h/a?x=1&amp;y=2\" /><File Digest=\"" SHA1_B           \
    "\" MUUrl=\"http://h/b\" Name=\"b.cab\" /></Files>"
#define ID1 "E6CF1350-c01b-414d-a61f-263d14d133b4"
#define ID2 "0fa1201d-4330-4fa8-8ae9-b877473b6441"
#define EMPTY "<Files /><Categories /><Classifications />"
#define UPDATES                                                                                              \
    "<Updates><Update UpdateId=\"" ID1 "\" RevisionNumber=\"1\">" EMPTY "</Update>"                          \
    "<Update UpdateId=\"" ID2 "\" RevisionNumber=\"4294967295\"><Files><File Digest=\"" SHA1_B               \
    "\" /></Files>"                                                                                          \
    "<Categories><Category Value=\"" ID1 "\" /></Categories><Classifications><Classification Value=\"" ID1   \
    "\" /></Classifications></Update></Updates>"

/* Documents handed out by the parser, written down. */
static struct su_buf documents = SU_BUF_INIT(10000);
static int on_document(void *context, const struct su_package_entry *entry, const char *document,
                       size_t length, struct su_err *err)
{
    char id[SU_GUID_TEXT];
    (void)context, (void)err;
    su_buf_addf(&documents, "%s %u [%.*s]", su_guid_format(&entry->id, id), entry->revision, (int)length,
                document);
    return 0;
}

static int parse_with(struct su_package_index *index, su_index_document document, const char *xml,
                      size_t length, size_t piece)
{
    SU_AUTO(su_index_parser) struct su_index_parser *parser = su_index_parser_new(index, document, NULL, &e);
    assert_non_null(parser);
    for (size_t at = 0; at < length; at += piece)
        if (su_index_parser_feed(parser, xml + at, length - at < piece ? length - at : piece, &e) < 0)
            return -1;
    return su_index_parser_finish(parser, &e);
}

static int parse(struct su_package_index *index, const char *xml)
{
    return parse_with(index, NULL, xml, strlen(xml), 4096);
}

static void accept(const char *xml)
{
    SU_AUTO(su_package_index) struct su_package_index index = SU_PACKAGE_INDEX_INIT;
    GOOD(parse(&index, xml));
    assert_true(index.is_read);
}

static void refuse(const char *xml)
{
    SU_AUTO(su_package_index) struct su_package_index index = SU_PACKAGE_INDEX_INIT;
    su_err_clear(&e);
    if (parse(&index, xml) == 0)
        fail_msg("accepted: %s", xml);
    assert_int_equal(e.code, SU_DATA);
    assert_true(e.text[0] != 0);
    assert_false(index.is_read);
}

static void check_whole(const struct su_package_index *index)
{
    uint8_t a[20], b[20], absent[20] = {1};
    char id[SU_GUID_TEXT];
    size_t length = 0;
    assert_true(index->is_read);
    assert_string_equal(index->server_id, "e5cd1c1a-a36b-4f62-8c9d-0c1d2a4cd5f0");
    assert_string_equal(index->created, "2024-06-19T17:11:14Z");
    assert_string_equal(index->protocol, "1.20");
    assert_int_equal(index->entries.count, 2);
    assert_string_equal(su_guid_format(&index->entries.at[0].id, id), "e6cf1350-c01b-414d-a61f-263d14d133b4");
    assert_int_equal(index->entries.at[0].revision, 1);
    assert_string_equal(su_guid_format(&index->entries.at[1].id, id), ID2);
    assert_true(index->entries.at[1].revision == UINT32_MAX);
    from_hex(a, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
    from_hex(b, 20, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    const char *url = su_package_index_url(index, a, &length);
    assert_non_null(url);
    assert_int_equal(length, 18);
    assert_memory_equal(url, "http://h/a?x=1&y=2", 18);
    url = su_package_index_url(index, b, &length);
    assert_non_null(url);
    assert_int_equal(length, 10);
    assert_memory_equal(url, "http://h/b", 10);
    assert_null(su_package_index_url(index, absent, &length));
}

static void test_whole(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>" ROOT LANGUAGES FILES UPDATES
            ROOT_END, /* as WSUS writes it: with a BOM */
        ROOT FILES UPDATES ROOT_END,
        "<?xml version=\"1.0\"?>\n" ROOT "\n  " FILES "\n" LANGUAGES "<!-- c -->\r\n" UPDATES "\n" ROOT_END
        "\n",
        ROOT FILES "<Unknown a=\"1\"><Files/><Update/></Unknown>" UPDATES
                   "<Trailer><Files/></Trailer>" ROOT_END,
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (size_t piece = 1; piece < 100000; piece *= 7) {
            SU_AUTO(su_package_index) struct su_package_index index = SU_PACKAGE_INDEX_INIT;
            GOOD(parse_with(&index, NULL, forms[i], strlen(forms[i]), piece));
            check_whole(&index);
        }
}

static void test_order(void **state)
{
    (void)state;
    refuse(ROOT UPDATES FILES ROOT_END);
    refuse(ROOT "<Updates/>" FILES ROOT_END);
    NAMES("Files");
    refuse(ROOT FILES UPDATES LANGUAGES ROOT_END);
    NAMES("Languages");
    refuse(ROOT FILES UPDATES "<Updates/>" ROOT_END);
    refuse(ROOT LANGUAGES FILES ROOT_END);
    NAMES("Updates");
    accept(ROOT "<Updates/>" ROOT_END);
}

static void root_with(const char *attributes, bool is_good)
{
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(4096);
    su_buf_addf(&xml, "<ExportPackage %s><Updates/></ExportPackage>", attributes);
    if (is_good)
        accept(xml.bytes);
    else
        refuse(xml.bytes);
}

static void test_root(void **state)
{
    (void)state;
#define S "ServerID=\"e5cd1c1a-a36b-4f62-8c9d-0c1d2a4cd5f0\" "
#define C "CreationTime=\"2024-06-19T17:11:14Z\" "
#define F "FormatVersion=\"1.0\" "
#define P "ProtocolVersion=\"1.20\" "
    static const char *const good[] = {S C F P, P F C S, S C F "ProtocolVersion=\"1.8\"",
                                       S F P "CreationTime=\"2024-06-19T17:11:14.1234567+02:00\"",
                                       S C F P "More=\"x\""};
    static const char *const bad[] = {
        C F P,
        S F P,
        S C P,
        S C F,
        "",
        S C P "FormatVersion=\"\"",
        S C P "FormatVersion=\"1\"",
        S C P "FormatVersion=\"1.00\"",
        S C P "FormatVersion=\"2.0\"",
        S C P "FormatVersion=\" 1.0\"",
        S C F "ProtocolVersion=\"\"",
        S C F "ProtocolVersion=\"1\"",
        S C F "ProtocolVersion=\"1.\"",
        S C F "ProtocolVersion=\".1\"",
        S C F "ProtocolVersion=\"1.2.3\"",
        S C F "ProtocolVersion=\"a.b\"",
        S C F "ProtocolVersion=\"1.20 \"",
        S C F "ProtocolVersion=\"1234567890123.1234567\"",
        C F P "ServerID=\"\"",
        C F P "ServerID=\"x\"",
        C F P "ServerID=\"{e5cd1c1a-a36b-4f62-8c9d-0c1d2a4cd5f0}\"",
        S F P "CreationTime=\"\"",
        S F P "CreationTime=\"yesterday\"",
        S F P "CreationTime=\"2024-06-19\"",
        S F P "CreationTime=\"2024-06-19T17:11:14Z 2024-06-19T17:11:14Z 2024\"",
        S F P "CreationTime=\"2024-06-19T17:11:14Z&#10;x\"",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        root_with(good[i], true);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        root_with(bad[i], false);
    refuse("<ImportPackage " S C F P "><Updates/></ImportPackage>");
    refuse("<!DOCTYPE ExportPackage>" ROOT "<Updates/>" ROOT_END);
    refuse(ROOT "<Updates/>");
    refuse("");
}

static void test_updates(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "<Update RevisionNumber=\"1\"/>",
        "<Update UpdateId=\"" ID1 "\"/>",
        "<Update UpdateId=\"\" RevisionNumber=\"1\"/>",
        "<Update UpdateID=\"" ID1 "\" RevisionNumber=\"1\"/>",
        "<Update UpdateId=\"" ID1 "\" RevisionNumber=\"\"/>",
        "<Update UpdateId=\"" ID1 "\" RevisionNumber=\"4294967296\"/>",
        "<Update UpdateId=\"" ID1 "\" RevisionNumber=\"-1\"/>",
        "<Update UpdateId=\"" ID1 "\" RevisionNumber=\"0x1\"/>",
        "<Update UpdateId=\"" ID1 "\" RevisionNumber=\"01\"/>",
        "<Update UpdateId=\"" ID1 "\" RevisionNumber=\"1\"><Files><File/></Files></Update>",
        "<Update UpdateId=\"" ID1 "\" RevisionNumber=\"1\"><Files><File Digest=\"x\"/></Files></Update>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(4096);
        su_buf_addf(&xml, ROOT "%s<Updates>%s</Updates>" ROOT_END, FILES, bad[i]);
        refuse(xml.bytes);
    }
}

static void test_digest_must_be_in_the_map(void **state)
{
    (void)state;
#define USES_B                                                                                               \
    "<Updates><Update UpdateId=\"" ID1 "\" RevisionNumber=\"1\"><Files><File Digest=\"" SHA1_B               \
    "\"/></Files></Update></Updates>"
    accept(ROOT FILES USES_B ROOT_END);
    refuse(ROOT "<Files><File Digest=\"" SHA1_A "\" MUUrl=\"u\"/></Files>" USES_B ROOT_END);
    NAMES(SHA1_B);
    refuse(ROOT "<Files/>" USES_B ROOT_END);
    refuse(ROOT USES_B ROOT_END);
}

static void test_map(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "<File MUUrl=\"u\"/>",
        "<File Digest=\"" SHA1_A "\"/>",
        "<File Digest=\"\" MUUrl=\"u\"/>",
        "<File Digest=\"a9993e364706816aba3e25717850c26c9cd0d89d\" MUUrl=\"u\"/>",
        "<File Digest=\"qZk+NkcGgWq6PiVxeFDCbJzQ2J1=\" MUUrl=\"u\"/>",
        "<File Digest=\"ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=\" MUUrl=\"u\"/>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(4096);
        su_buf_addf(&xml, ROOT "<Files>%s</Files><Updates/>" ROOT_END, bad[i]);
        refuse(xml.bytes);
    }
    for (unsigned length = SU_MAX_URL_BYTES; length <= SU_MAX_URL_BYTES + 1; length++) {
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(8192);
        SU_AUTO(su_package_index) struct su_package_index index = SU_PACKAGE_INDEX_INIT;
        su_buf_adds(&xml, ROOT "<Files><File Digest=\"" SHA1_A "\" MUUrl=\"");
        for (unsigned i = 0; i < length; i++)
            su_buf_adds(&xml, "u");
        su_buf_adds(&xml, "\"/></Files><Updates/>" ROOT_END);
        if (length <= SU_MAX_URL_BYTES)
            GOOD(parse(&index, xml.bytes));
        else
            REFUSED(parse(&index, xml.bytes), SU_DATA);
    }
}

static void test_many_files_are_found(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(SU_MIB);
    SU_AUTO(su_package_index) struct su_package_index index = SU_PACKAGE_INDEX_INIT;
    su_buf_adds(&xml, ROOT "<Files>");
    for (unsigned i = 0; i < 3000; i++) { /* in no order of the digests */
        uint8_t sha1[20] = {(uint8_t)(i * 7919 >> 3), (uint8_t)(i * 7919), (uint8_t)(i >> 8), (uint8_t)i};
        char text[29];
        su_base64_format(sha1, 20, text);
        su_buf_addf(&xml, "<File Digest=\"%s\" MUUrl=\"http://h/%u\"/>", text, i);
    }
    su_buf_adds(&xml, "</Files><Updates/>" ROOT_END);
    GOOD(parse(&index, xml.bytes));
    assert_int_equal(index.files.count, 3000);
    for (unsigned i = 0; i < 3000; i++) {
        uint8_t sha1[20] = {(uint8_t)(i * 7919 >> 3), (uint8_t)(i * 7919), (uint8_t)(i >> 8), (uint8_t)i};
        char expected[32];
        size_t length = 0;
        const char *url = su_package_index_url(&index, sha1, &length);
        (void)snprintf(expected, sizeof expected, "http://h/%u", i);
        assert_non_null(url);
        assert_int_equal(length, strlen(expected));
        assert_memory_equal(url, expected, length);
    }
}

/* All addresses together: 49,152 of the longest fit into 96 MiB, one byte more does not. */
static void test_addresses_at_their_limit(void **state)
{
    (void)state;
    SU_AUTO(su_package_index) struct su_package_index index = SU_PACKAGE_INDEX_INIT;
    SU_AUTO(su_index_parser) struct su_index_parser *parser = su_index_parser_new(&index, NULL, NULL, &e);
    char file[SU_MAX_URL_BYTES + 100];
    assert_non_null(parser);
    int length = sprintf(file, "<File Digest=\"" SHA1_A "\" MUUrl=\"");
    memset(file + length, 'u', SU_MAX_URL_BYTES);
    length += (int)SU_MAX_URL_BYTES;
    length += sprintf(file + length, "\"/>");
    GOOD(su_index_parser_feed(parser, ROOT "<Files>", strlen(ROOT "<Files>"), &e));
    for (size_t i = 0; i < SU_MAX_PACKAGE_URL_BYTES / SU_MAX_URL_BYTES; i++)
        GOOD(su_index_parser_feed(parser, file, (size_t)length, &e));
    static const char one_more[] = "<File Digest=\"" SHA1_A "\" MUUrl=\"u\"/>";
    su_err_clear(&e);
    int result = su_index_parser_feed(parser, one_more, sizeof one_more - 1, &e);
    if (result == 0) /* libxml2 may keep the last element back until more comes */
        result = su_index_parser_feed(parser, one_more, sizeof one_more - 1, &e);
    assert_int_equal(result, -1);
    assert_int_equal(e.code, SU_LIMIT);
}

/* Lists that lack one of being full, as a parser would have made them; nothing of them is read. */
static void test_lists_at_their_limit(void **state)
{
    (void)state;
    static const char file[] = "<File Digest=\"" SHA1_A "\" MUUrl=\"u\"/>";
    static const char update[] = "<Update UpdateId=\"" ID1 "\" RevisionNumber=\"1\">" EMPTY "</Update>";
    for (int is_update = 0; is_update < 2; is_update++) {
        SU_AUTO(su_package_index) struct su_package_index index = SU_PACKAGE_INDEX_INIT;
        SU_AUTO(su_index_parser) struct su_index_parser *parser = su_index_parser_new(&index, NULL, NULL, &e);
        const char *head = is_update ? ROOT "<Files/><Updates>" : ROOT "<Files>", *item = is_update ? update : file;
        assert_non_null(parser);
        GOOD(su_index_parser_feed(parser, head, strlen(head), &e));
        if (is_update) {
            index.entries.capacity = SU_MAX_PACKAGE_REVISIONS;
            index.entries.count = SU_MAX_PACKAGE_REVISIONS - 1;
            index.entries.at = calloc(SU_MAX_PACKAGE_REVISIONS, sizeof *index.entries.at);
        } else {
            index.files.capacity = SU_MAX_PACKAGE_FILES;
            index.files.count = SU_MAX_PACKAGE_FILES - 1;
            index.files.at = calloc(SU_MAX_PACKAGE_FILES, sizeof *index.files.at);
        }
        assert_true(is_update ? index.entries.at != NULL : index.files.at != NULL);
        GOOD(su_index_parser_feed(parser, item, strlen(item), &e));
        su_err_clear(&e);
        int result = su_index_parser_feed(parser, item, strlen(item), &e);
        if (result == 0) /* libxml2 may keep the last element back until more comes */
            result = su_index_parser_feed(parser, item, strlen(item), &e);
        assert_int_equal(result, -1);
        assert_int_equal(e.code, SU_LIMIT);
        NAMES(is_update ? "more than 4000000 revisions" : "more than 2000000 entries");
        assert_int_equal(is_update ? index.entries.count : index.files.count, is_update ? SU_MAX_PACKAGE_REVISIONS : SU_MAX_PACKAGE_FILES);
    } /* NOLINT(memleak): the index is cleaned up */
}

/* The one place where an .xml.gz could hold documents: text in an unknown child of an Update. */
static void test_documents_inside(void **state)
{
    (void)state;
    static const char xml[] = ROOT
        "<Updates><Update UpdateId=\"" ID1 "\" RevisionNumber=\"7\">" EMPTY
        "<Xml><![CDATA[<a>&amp;\n</a>]]></Xml></Update>"
        "<Update UpdateId=\"" ID2 "\" RevisionNumber=\"8\">" EMPTY "<Metadata>&lt;b/&gt;</Metadata></Update>"
        "<Update UpdateId=\"" ID2 "\" RevisionNumber=\"9\">" EMPTY "</Update></Updates>" ROOT_END;
    SU_AUTO(su_package_index)
    struct su_package_index index = SU_PACKAGE_INDEX_INIT,
                            skipping = SU_PACKAGE_INDEX_INIT, elements = SU_PACKAGE_INDEX_INIT;
    su_buf_clear(&documents);
    GOOD(parse_with(&index, on_document, xml, strlen(xml), 11));
    assert_string_equal(documents.bytes,
                        "e6cf1350-c01b-414d-a61f-263d14d133b4 7 [<a>&amp;\n</a>]" ID2 " 8 [<b/>]");
    GOOD(parse(&skipping, xml)); /* without a taker it is skipped */
    static const char inner[] = ROOT "<Updates><Update UpdateId=\"" ID1
                                     "\" RevisionNumber=\"7\"><Xml><a/></Xml></Update></Updates>" ROOT_END;
    REFUSED(parse_with(&elements, on_document, inner, strlen(inner), 11),
            SU_DATA); /* its exact bytes would be lost */
    su_buf_cleanup(&documents);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_root),
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_digest_must_be_in_the_map),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_many_files_are_found),
        cmocka_unit_test(test_addresses_at_their_limit), cmocka_unit_test(test_lists_at_their_limit),
        cmocka_unit_test(test_documents_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
