/* Files brought by hand, and offline scan cabinets, cut and flipped everywhere: refused or read, never more
 * than that. */
#include "helpers.h"

#include <sys/mman.h>

#include "common/source/payload/brought_confined.h"
#include "common/source/payload/brought_inside.h"
#include "common/sys/wire.h"
#include "common/source/scan/scan_read.h"

static void le(struct su_buf *out, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++, value >>= 8)
        su_buf_add(out, &(char){(char)(value & 255)}, 1);
}

struct member {
    const char *name, *content;
    size_t length;
};
#define TEXT(name, text)                                                                                     \
    {                                                                                                        \
        name, text, sizeof text - 1                                                                          \
    }
#define OF(name, buf)                                                                                        \
    {                                                                                                        \
        name, (buf).bytes, (buf).length                                                                      \
    }

/* One folder, stored. */
static void write_cab(struct su_buf *out, const struct member *members, size_t count)
{
    SU_AUTO(su_buf) struct su_buf data = SU_BUF_INIT(4 * SU_MIB), files = SU_BUF_INIT(100000);
    for (size_t i = 0; i < count; i++) {
        le(&files, (uint32_t)members[i].length, 4);
        le(&files, (uint32_t)data.length, 4);
        le(&files, 0, 2);
        le(&files, 0x8a0f58d3, 4);
        le(&files, 0x20, 2);
        su_buf_add(&files, members[i].name, strlen(members[i].name) + 1);
        su_buf_add(&data, members[i].content, members[i].length);
    }
    size_t data_at = 44 + files.length, blocks = data.length > 0 ? (data.length + 32767) / 32768 : 1;
    su_buf_add(out, "MSCF\0\0\0\0", 8);
    le(out, (uint32_t)(data_at + 8 * blocks + data.length), 4);
    le(out, 0, 4);
    le(out, 44, 4);
    le(out, 0, 4);
    le(out, 0x0103, 2);
    le(out, 1, 2);
    le(out, (uint32_t)count, 2);
    le(out, 0, 6);
    le(out, (uint32_t)data_at, 4);
    le(out, (uint32_t)blocks, 4); /* their number, and stored */
    su_buf_add(out, files.bytes, files.length);
    for (size_t at = 0, block; blocks-- > 0; at += block) {
        block = data.length - at < 32768 ? data.length - at : 32768;
        le(out, 0, 4);
        le(out, (uint32_t)block, 2);
        le(out, (uint32_t)block, 2);
        su_buf_add(out, data.bytes + at, block);
    }
    assert_false(out->is_over || data.is_over || files.is_over);
}

#define UPDATE                                                                                               \
    "<Update UpdateId=\"0a51549b-4e86-4a26-97d4-9e3567f24ea1\" RevisionNumber=\"201\" RevisionId=\"5\" "     \
    "IsBundle=\"true\"/>"
#define PACKAGE "<OfflineSyncPackage><Updates>" UPDATE "</Updates></OfflineSyncPackage>"

static void write_msu(struct su_buf *out)
{
    SU_AUTO(su_buf) struct su_buf inner = SU_BUF_INIT(32768), scan = SU_BUF_INIT(32768);
    write_cab(&inner, (const struct member[]){TEXT("package.xml", PACKAGE)}, 1);
    write_cab(&scan, (const struct member[]){OF("package.cab", inner), OF("wsusscan.cab", inner)}, 2);
    write_cab(out,
              (const struct member[]){
                  OF("WSUSSCAN.cab", scan), TEXT("a.cab", "payload"),
                  TEXT("a.xml", "<unattend><assemblyIdentity name=\"Package\" version=\"1.2\"/></unattend>"),
                  TEXT("a-pkgProperties.txt",
                       "KB Article Number=\"7654321\"\r\nbroken\r\nProcessor Architecture=\"x86")},
              4);
}

static int look(const char *bytes, size_t length, struct su_brought *out)
{
    int fd = memfd_create("msu", MFD_CLOEXEC);
    assert_true(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    su_err_clear(&e);
    int result = su_brought_identify(fd, "/tmp/Windows10.0-KB111111-x64.msu", out, &e) < 0 ||
                         su_brought_look_inside(fd, out, &e) < 0
                     ? -1
                     : 0;
    (void)close(fd);
    return result;
}

static void test_msu(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf msu = SU_BUF_INIT(65536);
    SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT;
    write_msu(&msu);
    GOOD(look(msu.bytes, msu.length, &b));
    assert_int_equal(b.kind, SU_BROUGHT_MSU);
    assert_string_equal(b.kb, "7654321");
    assert_string_equal(b.architecture, "x64"); /* the property's line is broken */
    assert_string_equal(b.package, "Package");
    assert_string_equal(b.version, "1.2");
    assert_int_equal(b.update_count, 1);
    assert_int_equal(b.updates[0].revision, 201);
    assert_int_equal(b.members.count, 1);
    assert_int_equal(b.members.at[0].id.bytes, 7);
    assert_hex(b.members.at[0].id.sha1, SU_SHA1_BYTES, "f07e5a815613c5abeddc4b682247a4c42d8a95df");
}

/* Every place where it can be cut, and every bit of every eleventh byte. */
static void test_damaged_msus(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf msu = SU_BUF_INIT(65536);
    unsigned refused = 0;
    write_msu(&msu);
    for (size_t length = 0; length < msu.length; length++) {
        SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT;
        int result = look(msu.bytes, length, &b);
        assert_true(result == 0 || e.text[0]);
        refused += result < 0;
    }
    assert_true(refused > msu.length / 2);
    for (size_t bit = 0; bit < 8 * msu.length; bit += 11) {
        SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT;
        msu.bytes[bit / 8] = (char)(msu.bytes[bit / 8] ^ 1 << bit % 8);
        int result = look(msu.bytes, msu.length, &b);
        assert_true(result == 0 || e.text[0]);
        msu.bytes[bit / 8] = (char)(msu.bytes[bit / 8] ^ 1 << bit % 8);
    }
}

static void test_number_of_members(void **state)
{
    (void)state;
    for (unsigned count = SU_MAX_BROUGHT_MEMBERS; count <= SU_MAX_BROUGHT_MEMBERS + 1; count++) {
        SU_AUTO(su_buf) struct su_buf cab = SU_BUF_INIT(1000000);
        SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT;
        struct member members[SU_MAX_BROUGHT_MEMBERS + 1];
        for (unsigned i = 0; i < count; i++)
            members[i] = (struct member)TEXT("a", "b");
        write_cab(&cab, members, count);
        GOOD(look(cab.bytes, cab.length, &b));
        assert_int_equal(b.is_cut_short, count > SU_MAX_BROUGHT_MEMBERS);
        assert_int_equal(b.members.count, SU_MAX_BROUGHT_MEMBERS);
    }
}

/* What is beyond the room for a text is not read; the digest in a name must be the file's. */
static void test_texts_and_names(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool is_good;
    } names[] = {{"a_da39a3ee5e6b4b0d3255bfef95601890afd80709.cab", true},
                 {"A_DA39A3EE5E6B4B0D3255BFEF95601890AFD80709.cab", true},
                 {"a_da39a3ee5e6b4b0d3255bfef95601890afd80708.cab", false},
                 {"a_da39a3ee5e6b4b0d3255bfef95601890afd80708", false},
                 {"/x_0000000000000000000000000000000000000000.d/a.cab", true},
                 {"da39a3ee5e6b4b0d3255bfef95601890afd80708.cab", true},
                 {"a_da39a3ee5e6b4b0d3255bfef95601890afd8070.cab", true},
                 {"", true}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT;
        int fd = memfd_create("empty", MFD_CLOEXEC);
        if (names[i].is_good)
            GOOD(su_brought_identify(fd, names[i].path, &b, &e));
        else
            REFUSED(su_brought_identify(fd, names[i].path, &b, &e), SU_CONTENT_WRONG);
        (void)close(fd);
    }
    SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT;
    SU_AUTO(su_buf) struct su_buf cab = SU_BUF_INIT(65536), text = SU_BUF_INIT(32768);
    su_buf_adds(&text, "KB Article Number=\"");
    for (unsigned i = 0; i < 30000; i++)
        su_buf_adds(&text, "9");
    su_buf_adds(&text, "\"");
    write_cab(&cab, (const struct member[]){OF("pkgProperties.txt", text)}, 1);
    GOOD(look(cab.bytes, cab.length, &b));
    assert_int_equal(strlen(b.kb), sizeof b.kb - 1);
}

/* ---- what a child says of it ---- */

static int hear(const char *said, size_t length, struct su_brought *out)
{
    SU_AUTO(su_wire) struct su_wire a, b;
    uint32_t kind;
    GOOD(su_wire_pair(&a, &b, &e));
    su_wire_begin(&a, 16);
    su_put_raw(&a, said, length);
    GOOD(su_wire_end(&a, &e));
    GOOD(su_wire_flush(&a, &e));
    assert_int_equal(su_wire_next(&b, &kind, &e), 1);
    su_err_clear(&e);
    return su_brought_get(&b, out, &e);
}

/* As it is it comes across; cut at any byte, or with any byte changed, it is refused or within all bounds. */
static void test_lies_about_it(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf msu = SU_BUF_INIT(65536);
    SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT, back = SU_BROUGHT_INIT;
    SU_AUTO(su_wire) struct su_wire here, there;
    write_msu(&msu);
    GOOD(look(msu.bytes, msu.length, &b));
    GOOD(su_wire_pair(&here, &there, &e));
    GOOD(su_brought_put(&here, &b, &e));
    char *said = here.sending.bytes + 8; /* behind length and kind */
    size_t length = here.sending.length - 8, refused = 0;
    GOOD(hear(said, length, &back));
    assert_int_equal(back.kind, SU_BROUGHT_MSU);
    assert_string_equal(back.package, "Package");
    assert_int_equal(back.update_count, 1);
    assert_int_equal(back.members.count, 1);
    assert_memory_equal(back.updates, b.updates, sizeof *b.updates);
    assert_string_equal(back.members.at[0].name, b.members.at[0].name);
    assert_memory_equal(&back.members.at[0].id, &b.members.at[0].id, sizeof b.members.at[0].id);
    for (size_t cut = 0; cut < length; cut++) {
        SU_AUTO(su_brought) struct su_brought lie = SU_BROUGHT_INIT;
        REFUSED(hear(said, cut, &lie), SU_CONFINED);
    }
    for (size_t i = 0; i < 8 * length; i++) {
        SU_AUTO(su_brought) struct su_brought lie = SU_BROUGHT_INIT;
        said[i / 8] = (char)(said[i / 8] ^ 1 << i % 8);
        if (hear(said, length, &lie) < 0)
            refused++;
        else
            assert_true(lie.kind <= SU_BROUGHT_OTHER && lie.update_count <= SU_BROUGHT_UPDATES);
        said[i / 8] = (char)(said[i / 8] ^ 1 << i % 8);
    }
    assert_true(refused > 8 * 4 * 4 && refused < 8 * length);
}

/* What stands within the first bytes of a text counts; a line that goes on past them is broken. */
static void test_length_of_a_text(void **state)
{
    static const char line[] = "\nKB Article Number=\"7654321\"";
    (void)state;
    for (size_t past = 0; past < 2; past++) {
        SU_AUTO(su_buf) struct su_buf cab = SU_BUF_INIT(SU_MIB), text = SU_BUF_INIT(SU_MIB);
        SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT;
        while (text.length < SU_MAX_BROUGHT_TEXT_BYTES - strlen(line) + past)
            su_buf_adds(&text, "x");
        su_buf_adds(&text, line);
        su_buf_adds(&text, "\r\nKB Article Number=\"1\"");
        write_cab(&cab, (const struct member[]){OF("pkgProperties.txt", text)}, 1);
        GOOD(look(cab.bytes, cab.length, &b));
        assert_string_equal(b.kb, past ? "111111" : "7654321"); /* that of its name */
    }
}

static void test_updates_of_a_scan_cabinet(void **state)
{
    (void)state;
    for (unsigned count = SU_MAX_BROUGHT_SCAN_UPDATES; count <= SU_MAX_BROUGHT_SCAN_UPDATES + 1; count++) {
        SU_AUTO(su_buf)
        struct su_buf package = SU_BUF_INIT(4 * SU_MIB), inner = SU_BUF_INIT(4 * SU_MIB),
                      scan = SU_BUF_INIT(4 * SU_MIB), msu = SU_BUF_INIT(4 * SU_MIB);
        SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT;
        su_buf_adds(&package, "<OfflineSyncPackage><Updates>");
        for (unsigned i = 1; i <= count; i++)
            su_buf_addf(&package, "<Update UpdateId=\"%08x-4e86-4a26-97d4-9e3567f24ea1\" RevisionNumber=\"1\" RevisionId=\"%u\"/>", i, i);
        su_buf_adds(&package, "</Updates></OfflineSyncPackage>");
        write_cab(&inner, (const struct member[]){OF("package.xml", package)}, 1);
        write_cab(&scan, (const struct member[]){OF("package.cab", inner)}, 1);
        write_cab(&msu, (const struct member[]){OF("WSUSSCAN.cab", scan)}, 1);
        if (count <= SU_MAX_BROUGHT_SCAN_UPDATES) {
            GOOD(look(msu.bytes, msu.length, &b));
        } else {
            REFUSED(look(msu.bytes, msu.length, &b), SU_LIMIT);
            NAMES("more than 20000 updates");
        }
    }
}

static int count_rows(void *context, const struct su_scan_rows *rows, struct su_err *err)
{
    (void)err;
    *(size_t *)context += rows->updates.count + rows->cores.count;
    return 0;
}

/* A scan cabinet, cut at 200 places under a head that agrees, and with one bit wrong at 200 places. */
static int read_scan(const char *path, size_t *rows, struct su_scan_reading *reading)
{
    SU_AUTO(su_fd) su_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    return su_scan_read(fd, path, count_rows, rows, reading, &e);
}

static void test_damaged_scans(void **state)
{
    SU_AUTO(su_buf)
    struct su_buf package = SU_BUF_INIT(32768),
                  shard = SU_BUF_INIT(32768), scan = SU_BUF_INIT(65536);
    const char *path = in_place(state, "scan.cab");
    struct su_scan_reading reading;
    size_t rows = 0;
    write_cab(&package, (const struct member[]){TEXT("package.xml", PACKAGE)}, 1);
    write_cab(
        &shard,
        (const struct member[]){
            TEXT(
                "c/5",
                "<UpdateIdentity UpdateID=\"0a51549b-4e86-4a26-97d4-9e3567f24ea1\" RevisionNumber=\"201\"/>"),
            TEXT("l/en/5", "")},
        2);
    write_cab(&scan,
              (const struct member[]){
                  TEXT("index.xml", "<INDEX><CABLIST><CAB NAME=\"package.cab\"/><CAB NAME=\"package2.cab\" "
                                    "RANGESTART=\"0\"/></CABLIST></INDEX>"),
                  OF("package.cab", package), OF("package2.cab", shard)},
              3);
    put_file(path, scan.bytes, scan.length);
    GOOD(read_scan(path, &rows, &reading));
    assert_int_equal(rows, 2);
    assert_int_equal(reading.fragments, 2);
    for (size_t n = 0; n < 400; n++) {
        size_t at = (n % 200) * scan.length / 200, length = n < 200 ? at : scan.length;
        SU_AUTO(su_buf) struct su_buf bad = SU_BUF_INIT(65536);
        su_buf_add(&bad, scan.bytes, length);
        for (unsigned i = 0; n < 200 && length >= 12 && i < 4; i++)
            bad.bytes[8 + i] = (char)(length >> 8 * i & 255);
        if (n >= 200)
            bad.bytes[at] = (char)(bad.bytes[at] ^ 1 << n % 8);
        put_file(path, bad.bytes ? bad.bytes : "", length);
        su_err_clear(&e);
        int result = read_scan(path, &rows, &reading);
        assert_true(result == 0 ? n >= 200 : e.text[0] != 0); /* a flipped date or letter may be read */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_msu), cmocka_unit_test(test_damaged_msus),
        cmocka_unit_test(test_number_of_members), cmocka_unit_test(test_texts_and_names),
        cmocka_unit_test(test_lies_about_it), cmocka_unit_test(test_length_of_a_text), cmocka_unit_test(test_updates_of_a_scan_cabinet),
        cmocka_unit_test_setup_teardown(test_damaged_scans, make_place, remove_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
