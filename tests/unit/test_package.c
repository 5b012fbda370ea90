/* Packages as files: cabinets made here byte by byte (stored), and what may stand in an .xml.gz. */
#include "helpers.h"

#include <archive.h>
#include <archive_entry.h>

#include "common/source/package/package.h"
#include "common/sys/file.h"

#define ROOT                                                                                                 \
    "<ExportPackage ServerID=\"e5cd1c1a-a36b-4f62-8c9d-0c1d2a4cd5f0\" "                                      \
    "CreationTime=\"2024-06-19T17:11:14Z\" FormatVersion=\"1.0\" ProtocolVersion=\"1.20\">"
#define ID1 "e6cf1350-c01b-414d-a61f-263d14d133b4"
#define ID2 "0fa1201d-4330-4fa8-8ae9-b877473b6441"
#define U1 "<Update UpdateId=\"" ID1 "\" RevisionNumber=\"1\"/>"
#define U2 "<Update UpdateId=\"" ID2 "\" RevisionNumber=\"100\"/>"
#define INDEX ROOT "<Updates>" U1 U2 "</Updates></ExportPackage>"
#define R1 ID1 ",00000001,00000004,<a/>\r\n"
#define R2 ID2 ",00000064,00000006,<b>\n\xe2\x82\xac>\r\n"

static void le(struct su_buf *out, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++, value >>= 8)
        su_buf_add(out, &(char){(char)(value & 255)}, 1);
}

struct member {
    const char *name, *content;
    size_t length;
};
#define MEMBER(name, text)                                                                                   \
    {                                                                                                        \
        name, text, sizeof text - 1                                                                          \
    }

/* One folder, no compression, no checksums (0: not given). */
static void write_cab(struct su_buf *out, const struct member *members, size_t count)
{
    SU_AUTO(su_buf) struct su_buf data = SU_BUF_INIT(1000000), files = SU_BUF_INIT(100000);
    for (size_t i = 0; i < count; i++) {
        le(&files, (uint32_t)members[i].length, 4);
        le(&files, (uint32_t)data.length, 4);
        le(&files, 0, 2);
        le(&files, 0x58d3, 2);
        le(&files, 0x8a0f, 2);
        le(&files, 0x20, 2);
        su_buf_add(&files, members[i].name, strlen(members[i].name) + 1);
        su_buf_add(&data, members[i].content, members[i].length);
    }
    size_t blocks = (data.length + 32767) / 32768, data_at = 36 + 8 + files.length;
    su_buf_add(out, "MSCF\0\0\0\0", 8);
    le(out, (uint32_t)(data_at + 8 * blocks + data.length), 4);
    le(out, 0, 4);
    le(out, 36 + 8, 4);
    le(out, 0, 4);
    le(out, 0x0103, 2);
    le(out, 1, 2);
    le(out, (uint32_t)count, 2);
    le(out, 0, 2);
    le(out, 0, 2);
    le(out, 0, 2);
    le(out, (uint32_t)data_at, 4);
    le(out, (uint32_t)blocks, 2);
    le(out, 0, 2);
    su_buf_add(out, files.bytes, files.length);
    for (size_t at = 0; at < data.length; at += 32768) {
        size_t n = data.length - at < 32768 ? data.length - at : 32768;
        le(out, 0, 4);
        le(out, (uint32_t)n, 2);
        le(out, (uint32_t)n, 2);
        su_buf_add(out, data.bytes + at, n);
    }
    GOOD(su_buf_check(out, "cab", &e));
}

static void write_gzip(const char *path, const char *bytes, size_t length)
{
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    assert_int_equal(archive_write_add_filter_gzip(a), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_pathname(entry, "x");
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, bytes, length), length);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_entry_free(entry);
    archive_write_free(a);
}

/* What the package gave, as text. */
static struct su_buf taken = SU_BUF_INIT(100000);
static int take(void *context, const struct su_package *package, struct su_record *record, struct su_err *err)
{
    const uint64_t *stop = context;
    char id[SU_GUID_TEXT];
    if (stop && package->records == *stop)
        return su_fail(err, SU_LOCKED, "taker refuses");
    su_buf_addf(&taken, "%s %u [", su_guid_format(&record->id, id), record->revision);
    su_buf_add(&taken, record->document, record->document_bytes);
    su_buf_adds(&taken, "]");
    return 0;
}
#define BOTH ID1 " 1 [<a/>]" ID2 " 100 [<b>\n\xe2\x82\xac>]"

static int read_path(const char *path, struct su_package *package, su_package_take with, void *context)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    uint64_t bytes;
    if (su_file_open(&fd, AT_FDCWD, path, &bytes, &e) < 0)
        return -1;
    return su_package_read(fd, path, package, with, context, &e);
}

static int read_file(const char *path, struct su_package *package)
{
    su_buf_clear(&taken);
    su_package_cleanup(package);
    *package = (struct su_package)SU_PACKAGE_INIT;
    return read_path(path, package, take, NULL);
}

static int read_cab(void **state, const struct member *members, size_t count)
{
    SU_AUTO(su_buf) struct su_buf cab = SU_BUF_INIT(2000000);
    SU_AUTO(su_package) struct su_package package = SU_PACKAGE_INIT;
    write_cab(&cab, members, count);
    put_file(in_place(state, "p.cab"), cab.bytes, cab.length);
    int result = read_file(in_place(state, "p.cab"), &package);
    if (result == 0)
        assert_string_equal(package.kind, "wsusutil-cab");
    return result;
}
#define CAB(...)                                                                                             \
    read_cab(state, (const struct member[]){__VA_ARGS__},                                                    \
             sizeof((const struct member[]){__VA_ARGS__}) / sizeof(struct member))

static void test_cabinet_in_either_order(void **state)
{
    GOOD(CAB(MEMBER("package.xml", INDEX), MEMBER("metadata.txt", R1 R2)));
    assert_string_equal(taken.bytes, BOTH);
    GOOD(CAB(MEMBER("metadata.txt", R1 R2),
             MEMBER("package.xml", "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>" INDEX)));
    assert_string_equal(taken.bytes, BOTH);
    GOOD(CAB(MEMBER("other.bin", "junk"), MEMBER("metadata.txt", R1 R2), MEMBER("more.bin", ""),
             MEMBER("package.xml", INDEX)));
    assert_string_equal(taken.bytes, BOTH);
}

static void test_both_files_must_agree(void **state)
{
    REFUSED(CAB(MEMBER("package.xml", INDEX), MEMBER("metadata.txt", R2 R1)), SU_DATA);
    NAMES("record 1");
    REFUSED(CAB(MEMBER("package.xml", INDEX), MEMBER("metadata.txt", R1)), SU_DATA);
    NAMES("lists 2");
    REFUSED(CAB(MEMBER("package.xml", INDEX), MEMBER("metadata.txt", R1 R2 R1)), SU_DATA);
    REFUSED(CAB(MEMBER("package.xml", INDEX), MEMBER("metadata.txt", R1 ID2 ",00000065,00000004,<b/>\r\n")),
            SU_DATA);
    NAMES("revision 101");
    REFUSED(CAB(MEMBER("package.xml", INDEX), MEMBER("metadata.txt", "")), SU_DATA);
    REFUSED(CAB(MEMBER("package.xml", ROOT "<Updates/></ExportPackage>"), MEMBER("metadata.txt", "")),
            SU_DATA); /* says nothing at all */
    REFUSED(CAB(MEMBER("package.xml", ROOT "<Updates/></ExportPackage>"), MEMBER("metadata.txt", R1)),
            SU_DATA);
}

static void test_members(void **state)
{
    REFUSED(CAB(MEMBER("package.xml", INDEX)), SU_DATA);
    NAMES("metadata.txt");
    REFUSED(CAB(MEMBER("metadata.txt", R1 R2)), SU_DATA);
    NAMES("package.xml");
    REFUSED(CAB(MEMBER("other.txt", "x")), SU_DATA);
    REFUSED(CAB(MEMBER("package.xml", INDEX), MEMBER("metadata.txt", R1 R2), MEMBER("package.xml", INDEX)),
            SU_DATA);
    NAMES("two members");
    REFUSED(CAB(MEMBER("package.xml", INDEX), MEMBER("metadata.txt", R1 R2), MEMBER("metadata.txt", R1 R2)),
            SU_DATA);
    REFUSED(
        CAB(MEMBER("package.xml", INDEX), MEMBER("metadata.txt", R1 R2), MEMBER("x\\metadata.txt", R1 R2)),
        SU_DATA);
    for (size_t count = SU_MAX_PACKAGE_MEMBERS; count <= SU_MAX_PACKAGE_MEMBERS + 1; count++) {
        struct member members[SU_MAX_PACKAGE_MEMBERS + 1] = {MEMBER("package.xml", INDEX),
                                                             MEMBER("metadata.txt", R1 R2)};
        char names[SU_MAX_PACKAGE_MEMBERS + 1][16];
        for (size_t i = 2; i < count; i++) {
            (void)snprintf(names[i], sizeof names[i], "m%zu", i);
            members[i] = (struct member){names[i], "x", 1};
        }
        if (count <= SU_MAX_PACKAGE_MEMBERS)
            GOOD(read_cab(state, members, count));
        else
            REFUSED(read_cab(state, members, count), SU_LIMIT);
    }
}

/* Names are data: one that climbs out of the folder is compared, never opened. */
static void test_member_names_are_not_paths(void **state)
{
    GOOD(CAB(MEMBER("..\\..\\package.xml", INDEX), MEMBER("/etc/metadata.txt", R1 R2)));
    assert_int_equal(count_names(*state), 1); /* nothing was written */
}

static void test_cabinet_cut_grown_or_announcing_otherwise(void **state)
{
    SU_AUTO(su_buf) struct su_buf cab = SU_BUF_INIT(100000);
    SU_AUTO(su_package) struct su_package package = SU_PACKAGE_INIT;
    write_cab(&cab, (const struct member[]){MEMBER("package.xml", INDEX), MEMBER("metadata.txt", R1 R2)}, 2);
    for (size_t cut = 0; cut < cab.length; cut++) {
        put_file(in_place(state, "p.cab"), cab.bytes, cut);
        REFUSED(read_file(in_place(state, "p.cab"), &package), SU_DATA);
        if (cut < 12)
            continue;
        /* Cut and announcing the cut size, so that the first look does not help. */
        char *copy = malloc(cut);
        assert_non_null(copy);
        memcpy(copy, cab.bytes, cut);
        for (unsigned i = 0; i < 4; i++)
            copy[8 + i] = (char)(cut >> 8 * i);
        put_file(in_place(state, "p.cab"), copy, cut);
        REFUSED(read_file(in_place(state, "p.cab"), &package), SU_DATA);
        free(copy);
    }
    su_buf_adds(&cab, "x");
    put_file(in_place(state, "p.cab"), cab.bytes, cab.length);
    REFUSED(read_file(in_place(state, "p.cab"), &package), SU_DATA);
    NAMES("announces");
}

/* Any byte of the container may be wrong: never a crash, and never other records by accident of the
 * container alone (documents themselves have no check here). */
static void test_changed_bytes(void **state)
{
    SU_AUTO(su_buf) struct su_buf cab = SU_BUF_INIT(100000);
    SU_AUTO(su_package) struct su_package package = SU_PACKAGE_INIT;
    write_cab(&cab, (const struct member[]){MEMBER("package.xml", INDEX), MEMBER("metadata.txt", R1 R2)}, 2);
    for (size_t i = 0; i < 36 + 8 + 60; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            cab.bytes[i] = (char)(cab.bytes[i] ^ (1 << bit));
            put_file(in_place(state, "p.cab"), cab.bytes, cab.length);
            if (read_file(in_place(state, "p.cab"), &package) == 0)
                assert_string_equal(taken.bytes, BOTH);
            cab.bytes[i] = (char)(cab.bytes[i] ^ (1 << bit));
        }
}

static void test_taker_stops_it(void **state)
{
    SU_AUTO(su_buf) struct su_buf cab = SU_BUF_INIT(100000);
    SU_AUTO(su_package) struct su_package package = SU_PACKAGE_INIT;
    uint64_t stop = 1;
    write_cab(&cab, (const struct member[]){MEMBER("package.xml", INDEX), MEMBER("metadata.txt", R1 R2)}, 2);
    put_file(in_place(state, "p.cab"), cab.bytes, cab.length);
    REFUSED(read_path(in_place(state, "p.cab"), &package, take, &stop), SU_LOCKED);
    assert_null(
        strstr(e.text, "record 2")); /* who takes names the record: it may be an earlier one that fails */
}

static int read_gz(void **state, const char *bytes, size_t length)
{
    SU_AUTO(su_package) struct su_package package = SU_PACKAGE_INIT;
    write_gzip(in_place(state, "p.xml.gz"), bytes, length);
    int result = read_file(in_place(state, "p.xml.gz"), &package);
    if (result == 0)
        assert_string_equal(package.kind, "wsusutil-xml-gz");
    return result;
}
#define GZ(text) read_gz(state, text, sizeof text - 1)

static void test_gzip(void **state)
{
    GOOD(GZ(R1 R2));
    assert_string_equal(taken.bytes, BOTH);
    GOOD(GZ("\xef\xbb\xbf" R1 R2));
    assert_string_equal(taken.bytes, BOTH);
    GOOD(GZ("<?xml version=\"1.0\" encoding=\"utf-8\"?>" ROOT "<Updates><Update UpdateId=\"" ID1
            "\" RevisionNumber=\"1\"><Xml><![CDATA[<a/>]]></Xml></Update></Updates></ExportPackage>"));
    assert_string_equal(taken.bytes, ID1 " 1 [<a/>]");
    /* Lists, but no documents in a place that is known. */
    REFUSED(GZ("\xef\xbb\xbf" INDEX), SU_DATA);
    assert_true(strstr(e.remedy, ".cab") != NULL);
    /* Something else: shown, with what to do instead. */
    REFUSED(GZ("PK\x03\x04"
               "something"),
            SU_DATA);
    NAMES("504b0304");
    assert_true(strstr(e.remedy, ".cab") != NULL);
    REFUSED(GZ("x"), SU_DATA);
    REFUSED(GZ(""), SU_DATA);
    REFUSED(GZ(R1 ID2 ",00000064,00000006,<b>"), SU_DATA);
}

static void test_gzip_cut(void **state)
{
    SU_AUTO(su_package) struct su_package package = SU_PACKAGE_INIT;
    size_t length;
    write_gzip(in_place(state, "p.xml.gz"), R1 R2, sizeof(R1 R2) - 1);
    char *gz = get_file(in_place(state, "p.xml.gz"), &length);
    for (size_t cut = 0; cut < length - 8;
         cut++) { /* the last 8 bytes are the sum, at which libarchive does not look */
        put_file(in_place(state, "cut.xml.gz"), gz, cut);
        REFUSED(read_file(in_place(state, "cut.xml.gz"), &package), SU_DATA);
    }
    free(gz);
}

static void test_other_files(void **state)
{
    SU_AUTO(su_package) struct su_package package = SU_PACKAGE_INIT;
    put_file(in_place(state, "zip"), "PK\x03\x04xxxxxxxx", 12);
    REFUSED(read_file(in_place(state, "zip"), &package), SU_DATA);
    NAMES("50 4b 03 04");
    put_file(in_place(state, "empty"), "", 0);
    REFUSED(read_file(in_place(state, "empty"), &package), SU_DATA);
    put_file(in_place(state, "mscf"), "MSCF", 4);
    REFUSED(read_file(in_place(state, "mscf"), &package), SU_DATA);
    REFUSED(read_file(in_place(state, "absent"), &package), SU_SYSTEM);
    assert_int_equal(mkfifo(in_place(state, "fifo"), 0600), 0);
    REFUSED(read_file(in_place(state, "fifo"), &package), SU_DATA);
    REFUSED(read_file(*state, &package), SU_DATA);
}

static int drop_taken(void **state)
{
    (void)state;
    su_buf_cleanup(&taken);
    return 0;
}

int main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        PLACED(test_cabinet_in_either_order),
        PLACED(test_both_files_must_agree),
        PLACED(test_members),
        PLACED(test_member_names_are_not_paths),
        PLACED(test_cabinet_cut_grown_or_announcing_otherwise),
        PLACED(test_changed_bytes),
        PLACED(test_taker_stops_it),
        PLACED(test_gzip),
        PLACED(test_gzip_cut),
        PLACED(test_other_files),
    };
    return cmocka_run_group_tests(tests, NULL, drop_taken);
}
