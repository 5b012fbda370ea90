/* Scan metadata: names and ranges of cabinets, names and contents of fragments, what is counted and capped.
 */
#include "helpers.h"

#include "common/source/scan/scan_fragment.h"
#include "common/source/scan/scan_index.h"
#include "common/source/scan/scan_package.h"
#include "common/source/scan/scan_read.h"

static int parse_index(struct su_scan_index *index, const char *text)
{
    return su_scan_index_parse(index, text, strlen(text), &e);
}

#define LIST(cabs) "<INDEX VERSION=\"1\"><CABLIST XOR=\"0\">" cabs "</CABLIST></INDEX>"
#define PACKAGE "<CAB NAME=\"package.cab\"/>"
#define SHARD(name, first) "<CAB NAME=\"" name "\" RANGESTART=\"" first "\"/>"

static void test_ranges(void **state)
{
    (void)state;
    struct su_scan_index index = SU_SCAN_INDEX_INIT;
    GOOD(parse_index(&index, LIST(SHARD("Package3.cab", "170753") PACKAGE SHARD("package2.cab", "10"))));
    assert_int_equal(index.cabs.count, 3);
    assert_string_equal(index.cabs.at[0].name, "package.cab");
    assert_null(su_scan_index_owner(&index, 9));
    assert_string_equal(su_scan_index_owner(&index, 10)->name, "package2.cab");
    assert_string_equal(su_scan_index_owner(&index, 170752)->name, "package2.cab");
    assert_string_equal(su_scan_index_owner(&index, 170753)->name, "package3.cab");
    assert_string_equal(su_scan_index_owner(&index, INT64_MAX)->name, "package3.cab");
    assert_non_null(su_scan_index_find(&index, "PACKAGE3.CAB"));
    assert_null(su_scan_index_find(&index, "package4.cab"));
    su_scan_index_cleanup(&index);
}

static void test_bad_indexes(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "<INDEX>",
        "<LIST/>",
        LIST(PACKAGE),
        LIST(SHARD("package2.cab", "0")),
        LIST(PACKAGE PACKAGE SHARD("a.cab", "0")),
        LIST(PACKAGE "<CAB NAME=\"a.cab\"/>"),
        LIST(PACKAGE SHARD("a.cab", "-1")),
        LIST(PACKAGE SHARD("a.cab", "01")),
        LIST(PACKAGE SHARD("a.cab", "1") SHARD("b.cab", "1")),
        LIST(PACKAGE SHARD("a.xml", "1")),
        LIST(PACKAGE SHARD("../a.cab", "1")),
        LIST(PACKAGE SHARD(".cab", "1")),
        LIST(PACKAGE "<CAB RANGESTART=\"1\"/>"),
        LIST("<CAB NAME=\"package.cab\" RANGESTART=\"0\"/>" SHARD("a.cab", "1")),
        "<INDEX><CABLIST XOR=\"1\">" PACKAGE SHARD("a.cab", "1") "</CABLIST></INDEX>"};
    struct su_scan_index index = SU_SCAN_INDEX_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        REFUSED(parse_index(&index, bad[i]), SU_DATA);
    su_scan_index_cleanup(&index);
}

static void test_number_of_cabinets(void **state)
{
    (void)state;
    for (unsigned count = SU_MAX_SCAN_CABS; count <= SU_MAX_SCAN_CABS + 1; count++) {
        struct su_scan_index index = SU_SCAN_INDEX_INIT;
        SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(1000000);
        su_buf_adds(&text, "<INDEX><CABLIST>" PACKAGE);
        for (unsigned i = 1; i < count; i++)
            su_buf_addf(&text, "<CAB NAME=\"p%u.cab\" RANGESTART=\"%u\"/>", i, i);
        su_buf_adds(&text, "</CABLIST></INDEX>");
        if (count <= SU_MAX_SCAN_CABS)
            GOOD(su_scan_index_parse(&index, text.bytes, text.length, &e));
        else
            REFUSED(su_scan_index_parse(&index, text.bytes, text.length, &e), SU_LIMIT);
        su_scan_index_cleanup(&index);
    }
}

static void test_unpacked_is_capped(void **state)
{
    (void)state;
    uint64_t total = 0;
    GOOD(su_scan_unpacked(&total, SU_MAX_SCAN_BYTES - 1, &e));
    GOOD(su_scan_unpacked(&total, 1, &e));
    REFUSED(su_scan_unpacked(&total, 1, &e), SU_LIMIT);
    total = 0;
    REFUSED(su_scan_unpacked(&total, UINT64_MAX, &e), SU_LIMIT);
}

static void test_member_names(void **state)
{
    (void)state;
    static const char *const good[] = {"index.xml", "c/1", "l/en/1", "files/a b..c", "..a/b"};
    static const char *const bad[] = {"",       "/c/7",      "..",   "../a",   "a/..",
                                      "a/../b", "c/\x1b[1m", "c/\n", "c/\x7f", "//"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        GOOD(su_scan_check_name(good[i], &e));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        REFUSED(su_scan_check_name(bad[i], &e), SU_DATA);
}

static void test_fragment_names(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum su_scan_kind kind;
        const char *language;
        uint64_t id;
    } good[] = {{"c/616", SU_SCAN_CORE, "", 616},
                {"x/000001", SU_SCAN_EXTENDED, "", 1},
                {"l/zh-CN/7", SU_SCAN_LOCALIZED, "zh-cn", 7},
                {"core/0", SU_SCAN_CORE, "", 0},
                {"extended/12", SU_SCAN_EXTENDED, "", 12},
                {"localized/en/9223372036854775807", SU_SCAN_LOCALIZED, "en", INT64_MAX}};
    static const char *const bad[] = {"",
                                      "c",
                                      "c/",
                                      "c/a",
                                      "c/1.xml",
                                      "c/-1",
                                      "c/1/2",
                                      "l/1",
                                      "l/en",
                                      "l/en/",
                                      "l/e_n/1",
                                      "l//1",
                                      "l/../1",
                                      "e/1",
                                      "s/1",
                                      "files/1",
                                      "C/1",
                                      "c/9223372036854775808",
                                      "l/abcdefghijklmnopqrstuvwxyz/1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        enum su_scan_kind kind;
        char language[SU_SCAN_LANGUAGE_BYTES];
        uint64_t id;
        assert_true(su_scan_fragment_name(good[i].path, &kind, language, &id));
        assert_int_equal(kind, good[i].kind);
        assert_string_equal(language, good[i].language);
        assert_int_equal(id, good[i].id);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum su_scan_kind kind;
        char language[SU_SCAN_LANGUAGE_BYTES];
        uint64_t id;
        assert_false(su_scan_fragment_name(bad[i], &kind, language, &id));
    }
}

static struct su_scan_rows rows = SU_SCAN_ROWS_INIT;
static int fragment(enum su_scan_kind kind, const char *text)
{
    su_scan_rows_clear(&rows);
    return su_scan_fragment_parse(&rows, kind, kind == SU_SCAN_LOCALIZED ? "en" : "", 7, text, strlen(text),
                                  &e);
}

#define CORE_ID "<UpdateIdentity UpdateID=\"AABD43AD-A183-4f0b-8EEE-8DBBCD67687F\" RevisionNumber=\"100\" />"

static void test_core(void **state)
{
    (void)state;
    GOOD(fragment(SU_SCAN_CORE, CORE_ID
                  "<Properties UpdateType=\"Detectoid\" /><Relationships><SupersededUpdates><UpdateIdentity "
                  "UpdateID=\"0a51549b-4e86-4a26-97d4-9e3567f24ea1\"/>"
                  "</SupersededUpdates><BundledUpdates><UpdateIdentity "
                  "UpdateID=\"x\"/></BundledUpdates></Relationships>"
                  "<ApplicabilityRules><IsInstalled><b.Processor Architecture=\"6\" "
                  "/></IsInstalled></ApplicabilityRules>"));
    assert_int_equal(rows.cores.count, 1);
    assert_int_equal(rows.cores.at[0].revision, 100);
    assert_string_equal(rows.cores.at[0].type, "Detectoid");
    assert_int_equal(rows.superseded.count, 1);
    assert_int_equal(rows.superseded.at[0].revision_id, 7);
    REFUSED(fragment(SU_SCAN_CORE, ""), SU_DATA);
    REFUSED(fragment(SU_SCAN_CORE, CORE_ID CORE_ID), SU_DATA);
    REFUSED(fragment(SU_SCAN_CORE, CORE_ID "</r><r>"), SU_DATA);
    REFUSED(fragment(SU_SCAN_CORE, CORE_ID "<Properties>"), SU_DATA);
    REFUSED(fragment(SU_SCAN_CORE, CORE_ID "&undeclared;"), SU_DATA);
    REFUSED(fragment(SU_SCAN_CORE, "<UpdateIdentity UpdateID=\"AABD43AD\" RevisionNumber=\"100\" />"),
            SU_DATA);
}

#define SHA1 "fQTAfvF3nDnhdPA/eUmJ+CSM/3Q="
#define SHA256 "Rq5QeQ4tcNyFF+BLmad694ramk3yoahUzG2EXulIQT0="

static void test_extended(void **state)
{
    (void)state;
    GOOD(fragment(
        SU_SCAN_EXTENDED,
        "<ExtendedProperties MsrcSeverity=\"Critical\" "
        "MaxDownloadSize=\"5428536\"><KBArticleID>1</KBArticleID><CveID>C&amp;1</CveID></ExtendedProperties>"
        "<Files><File Digest=\"" SHA1
        "\" FileName=\"a.cab\" Size=\"5\"><AdditionalDigest Algorithm=\"SHA384\">x</AdditionalDigest>"
        "<AdditionalDigest Algorithm=\"SHA256\">" SHA256 "</AdditionalDigest></File><File Digest=\"" SHA1
        "\" FileName=\"b.cab\" Size=\"6\"/></Files>"
        "<HandlerSpecificData "
        "type=\"msp:WindowsInstaller\"><KBArticleID>2</KBArticleID></HandlerSpecificData>"));
    assert_int_equal(rows.tags.count, 2);
    assert_string_equal(rows.tags.at[1].value, "C&1");
    assert_int_equal(rows.extended.at[0].max_bytes, 5428536);
    assert_string_equal(rows.extended.at[0].severity, "Critical");
    assert_int_equal(rows.files.count, 2);
    assert_true(rows.files.at[0].has_sha256 && !rows.files.at[1].has_sha256 && rows.files.at[1].is_described);
    assert_hex(rows.files.at[0].sha1, SU_SHA1_BYTES, "7d04c07ef1779c39e174f03f794989f8248cff74");
    REFUSED(fragment(SU_SCAN_EXTENDED, "<Files><File Digest=\"x\" FileName=\"a\" Size=\"5\"/></Files>"),
            SU_DATA);
    REFUSED(
        fragment(SU_SCAN_EXTENDED, "<Files><File Digest=\"" SHA1 "\" FileName=\"a\" Size=\"-5\"/></Files>"),
        SU_DATA);
    REFUSED(fragment(SU_SCAN_EXTENDED, "<Files><File Digest=\"" SHA1
                                       "\" FileName=\"a\" Size=\"5\"><AdditionalDigest "
                                       "Algorithm=\"SHA256\">x</AdditionalDigest></File></Files>"),
            SU_DATA);
    REFUSED(fragment(SU_SCAN_EXTENDED, "<ExtendedProperties/><ExtendedProperties/>"), SU_DATA);
}

static void test_localized(void **state)
{
    (void)state;
    GOOD(fragment(SU_SCAN_LOCALIZED, "<LocalizedProperties><Language>de</Language><Title>A &lt;b&gt; "
                                     "\xc3\xa4</Title><Description>c</Description></LocalizedProperties>"));
    assert_int_equal(rows.titles.count, 1);
    assert_string_equal(rows.titles.at[0].language, "en"); /* of the folder, which is unique */
    assert_string_equal(rows.titles.at[0].title, "A <b> \xc3\xa4");
    int64_t id = rows.titles.at[0].description_id;
    assert_true(id > 0);
    GOOD(fragment(
        SU_SCAN_LOCALIZED,
        "<LocalizedProperties><Title>other</Title><Description>c</Description></LocalizedProperties>"));
    assert_true(rows.titles.at[0].description_id == id);
    GOOD(fragment(SU_SCAN_LOCALIZED, ""));
    assert_int_equal(rows.titles.count, 0);
    REFUSED(fragment(SU_SCAN_LOCALIZED, "<LocalizedProperties><Title>\xff</Title></LocalizedProperties>"),
            SU_DATA);
}

static void test_text_limit(void **state)
{
    (void)state;
    for (size_t length = SU_MAX_XML_TEXT_BYTES; length <= SU_MAX_XML_TEXT_BYTES + 1; length++) {
        SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(2 * SU_MAX_XML_TEXT_BYTES);
        su_buf_adds(&text, "<LocalizedProperties><Title>");
        for (size_t i = 0; i < length; i++)
            su_buf_adds(&text, "t");
        su_buf_adds(&text, "</Title></LocalizedProperties>");
        if (length <= SU_MAX_XML_TEXT_BYTES)
            GOOD(fragment(SU_SCAN_LOCALIZED, text.bytes));
        else
            REFUSED(fragment(SU_SCAN_LOCALIZED, text.bytes), SU_LIMIT);
    }
}

static int more(void *context, struct su_scan_rows **at, struct su_err *err)
{
    (void)at, (void)err;
    ++*(unsigned *)context;
    return 0;
}

/* In pieces of every size; a foreign namespace is passed over, the right one and none are read. */
static void test_package(void **state)
{
    (void)state;
    static const char text[] =
        "<?xml version=\"1.0\"?><OfflineSyncPackage "
        "xmlns=\"http://schemas.microsoft.com/msus/2004/02/OfflineSync\" CreationDate=\"2026-07-14\" "
        "PackageId=\"p\">"
        "<Updates><Update UpdateId=\"0a51549b-4e86-4a26-97d4-9e3567f24ea1\" RevisionNumber=\"201\" "
        "RevisionId=\"5\" IsBundle=\"true\"><BundledBy><Revision Id=\"9\"/></BundledBy>"
        "<x:PayloadFiles xmlns:x=\"other\"><File Id=\"no digest\"/></x:PayloadFiles><EulaFiles><File "
        "Id=\"" SHA1 "\"><Language Name=\"en\"/><Language Name=\"de\"/></File></EulaFiles>"
        "</Update></Updates><FileLocations><FileLocation Id=\"" SHA1
        "\" Url=\"http://a/b\"/></FileLocations></OfflineSyncPackage>";
    for (size_t piece = 1; piece < sizeof text; piece += 7) {
        struct su_scan_edition edition;
        unsigned calls = 0;
        su_scan_rows_clear(&rows);
        SU_AUTO(su_scan_package)
        struct su_scan_package *package = su_scan_package_new(&rows, more, &calls, &e);
        assert_non_null(package);
        for (size_t at = 0; at < sizeof text - 1; at += piece)
            GOOD(su_scan_package_feed(package, text + at,
                                      sizeof text - 1 - at < piece ? sizeof text - 1 - at : piece, &e));
        GOOD(su_scan_package_finish(package, &edition, &e));
        assert_int_equal(calls, 2);
        assert_string_equal(edition.created, "2026-07-14");
        assert_int_equal(rows.updates.count, 1);
        assert_true(rows.updates.at[0].is_bundle && rows.updates.at[0].is_software);
        assert_int_equal(rows.relations.at[0].target, 9);
        assert_int_equal(rows.files.count, 2);
        assert_true(rows.files.at[1].is_licence);
        assert_string_equal(rows.files.at[1].language, "de");
        assert_string_equal(rows.locations.at[0].url, "http://a/b");
    }
}

static int parse_package(const char *text)
{
    struct su_scan_edition edition;
    unsigned calls = 0;
    su_scan_rows_clear(&rows);
    SU_AUTO(su_scan_package) struct su_scan_package *package = su_scan_package_new(&rows, more, &calls, &e);
    assert_non_null(package);
    return su_scan_package_feed(package, text, strlen(text), &e) < 0
               ? -1
               : su_scan_package_finish(package, &edition, &e);
}

#define IN_UPDATE(inner)                                                                                     \
    "<OfflineSyncPackage><Updates><Update UpdateId=\"0a51549b-4e86-4a26-97d4-9e3567f24ea1\" "                \
    "RevisionNumber=\"1\" RevisionId=\"5\">" inner "</Update></Updates></OfflineSyncPackage>"

static void test_bad_packages(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "<ExportPackage/>",
        "<OfflineSyncPackage/>",
        "<OfflineSyncPackage><Updates><Update/></Updates></OfflineSyncPackage>",
        "<OfflineSyncPackage><Updates><Update UpdateId=\"1\" RevisionNumber=\"1\" "
        "RevisionId=\"5\"/></Updates></OfflineSyncPackage>",
        "<OfflineSyncPackage><Updates><Update UpdateId=\"0a51549b-4e86-4a26-97d4-9e3567f24ea1\" "
        "RevisionNumber=\"4294967296\" RevisionId=\"5\"/></Updates></OfflineSyncPackage>",
        IN_UPDATE("<PayloadFiles><File Id=\"x\"/></PayloadFiles>"),
        IN_UPDATE("<BundledBy><Revision Id=\"\"/></BundledBy>"),
        IN_UPDATE("<Categories><Category Type=\"Product\" Id=\"x\"/></Categories>"),
        IN_UPDATE("<Categories>")};
    GOOD(parse_package(IN_UPDATE("<Unknown><File Id=\"x\"/></Unknown>")));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        REFUSED(parse_package(bad[i]), SU_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ranges),
                                       cmocka_unit_test(test_bad_indexes),
                                       cmocka_unit_test(test_number_of_cabinets),
                                       cmocka_unit_test(test_unpacked_is_capped),
                                       cmocka_unit_test(test_member_names),
                                       cmocka_unit_test(test_fragment_names),
                                       cmocka_unit_test(test_core),
                                       cmocka_unit_test(test_extended),
                                       cmocka_unit_test(test_localized),
                                       cmocka_unit_test(test_text_limit),
                                       cmocka_unit_test(test_package),
                                       cmocka_unit_test(test_bad_packages)};
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    su_scan_rows_cleanup(&rows);
    return failures;
}
