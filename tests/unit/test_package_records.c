/* metadata.txt: fixed heads, lengths in UTF-16 units, any chopping of the stream. */
#include "helpers.h"

#include "common/source/package/package_records.h"

/* Hands out a text in pieces of a size; can fail at an offset. */
struct stream {
    const char *bytes;
    size_t length, at, piece, fail_at;
};

static ssize_t pull(void *context, void *out, size_t room, struct su_err *err)
{
    struct stream *s = context;
    size_t n = s->length - s->at;
    if (s->fail_at && s->at >= s->fail_at)
        return su_fail(err, SU_SYSTEM, "stick pulled");
    if (n > s->piece)
        n = s->piece;
    if (n > room)
        n = room;
    memcpy(out, s->bytes + s->at, n);
    s->at += n;
    return (ssize_t)n;
}

#define ID1 "e6cf1350-c01b-414d-a61f-263d14d133b4"
#define ID2 "0fa1201d-4330-4fa8-8ae9-b877473b6441"

struct expected {
    const char *id;
    uint32_t revision;
    const char *document;
};

static void expect(const char *text, size_t length, const struct expected *records, size_t count)
{
    static const size_t pieces[] = {1, 2, 7, 55, 64, 65536, SIZE_MAX};
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        struct stream stream = {.bytes = text, .length = length, .piece = pieces[p]};
        SU_AUTO(su_package_records) struct su_package_records in;
        struct su_record record;
        su_package_records_open(&in, pull, &stream);
        for (size_t i = 0; i < count; i++) {
            char id[SU_GUID_TEXT];
            GOOD(su_package_records_next(&in, &record, &e) - 1);
            assert_string_equal(su_guid_format(&record.id, id), records[i].id);
            assert_int_equal(record.revision, records[i].revision);
            assert_int_equal(record.document_bytes, strlen(records[i].document));
            assert_memory_equal(record.document, records[i].document, record.document_bytes);
            assert_int_equal(record.urls_bytes, 0);
            assert_int_equal(in.count, i + 1);
        }
        assert_int_equal(su_package_records_next(&in, &record, &e), 0);
        assert_int_equal(su_package_records_next(&in, &record, &e), 0);
    }
}
#define EXPECT(text, ...)                                                                                    \
    expect(text, sizeof text - 1, (const struct expected[]){__VA_ARGS__},                                    \
           sizeof((const struct expected[]){__VA_ARGS__}) / sizeof(struct expected))

static int read_through(const char *text, size_t length, size_t piece)
{
    struct stream stream = {.bytes = text, .length = length, .piece = piece};
    SU_AUTO(su_package_records) struct su_package_records in;
    struct su_record record;
    int more;
    su_package_records_open(&in, pull, &stream);
    while ((more = su_package_records_next(&in, &record, &e)) > 0)
        ;
    return more;
}

static void refuse(const char *text, size_t length, enum su_code code)
{
    static const size_t pieces[] = {1, 7, 65536};
    for (size_t p = 0; p < 3; p++)
        REFUSED(read_through(text, length, pieces[p]), code);
}
#define REFUSE(text) refuse(text, sizeof text - 1, SU_DATA)

static void test_records(void **state)
{
    (void)state;
    EXPECT(ID1 ",00000001,00000004,<a/>\r\n", {ID1, 1, "<a/>"});
    EXPECT("E6CF1350-C01B-414D-A61F-263D14D133B4,ffffffff,00000004,<a/>\r\n" ID2
           ",00000064,00000005,<bb/>\r\n",
           {ID1, UINT32_MAX, "<a/>"}, {ID2, 100, "<bb/>"});
    EXPECT(ID1 ",00000001,00000000,\r\n" ID2 ",00000000,00000001,x\r\n", {ID1, 1, ""}, {ID2, 0, "x"});
}

/* Documents do hold raw line ends and tabs: the length counts, never the line. */
static void test_line_ends_inside_documents(void **state)
{
    (void)state;
    EXPECT(ID1 ",00000001,0000000a,<a>\r\n\t\n</a\r\n" ID2 ",00000001,00000004,\r\n\r\n\r\n",
           {ID1, 1, "<a>\r\n\t\n</a"}, {ID2, 1, "\r\n\r\n"});
    EXPECT(ID1 ",00000001,00000040,\r\n" ID2 ",00000001,00000004,<b/>\r\n1\r\n",
           {ID1, 1, "\r\n" ID2 ",00000001,00000004,<b/>\r\n1"});
}

static void test_lengths_count_utf16_units(void **state)
{
    (void)state;
    EXPECT(ID1 ",00000001,00000003,\xc3\xa9\xe2\x82\xac"
               "x\r\n",
           {ID1, 1,
            "\xc3\xa9\xe2\x82\xac"
            "x"});
    EXPECT(ID1 ",00000001,00000002,\xf0\x9f\x98\x80\r\n" ID2 ",00000001,00000005,\xf0\x9f\x98\x80"
               "a\xf4\x8f\xbf\xbf\r\n",
           {ID1, 1, "\xf0\x9f\x98\x80"},
           {ID2, 1,
            "\xf0\x9f\x98\x80"
            "a\xf4\x8f\xbf\xbf"});
    EXPECT(ID1 ",00000001,00000002,\xef\xbf\xbd\xee\x80\x80\r\n",
           {ID1, 1, "\xef\xbf\xbd\xee\x80\x80"}); /* three bytes, one unit each */
}

static void test_wrong_lengths(void **state)
{
    (void)state;
    REFUSE(ID1 ",00000001,00000003,<a/>\r\n");             /* one short */
    REFUSE(ID1 ",00000001,00000005,<a/>\r\n");             /* one long: eats the CR */
    REFUSE(ID1 ",00000001,00000006,<a/>\r\n");             /* eats the line end, then nothing is left */
    REFUSE(ID1 ",00000001,00000001,\xf0\x9f\x98\x80\r\n"); /* cuts a character of two units */
    REFUSE(ID1 ",00000001,00000003,\xf0\x9f\x98\x80\xf0\x9f\x98\x80\r\n");
    REFUSE(ID1 ",00000001,00000004,\xf0\x9f\x98\x80\r\n"); /* counted in bytes */
    REFUSE(ID1 ",00000001,00000003,\xe2\x82\xac\r\n");
    refuse(ID1 ",00000001,ffffffff,<a/>\r\n", 61, SU_LIMIT);
}

static void test_missing_or_other_line_end(void **state)
{
    (void)state;
    REFUSE(ID1 ",00000001,00000004,<a/>");
    REFUSE(ID1 ",00000001,00000004,<a/>\r");
    REFUSE(ID1 ",00000001,00000004,<a/>\n");
    REFUSE(ID1 ",00000001,00000004,<a/>\n\r");
    REFUSE(ID1 ",00000001,00000004,<a/>" ID2 ",00000001,00000004,<b/>\r\n");
    REFUSE(ID1 ",00000001,00000004,<a/>\r\n\r\n");
    REFUSE(ID1 ",00000001,00000004,<a/>\r\n\0");
}

static void test_bad_heads(void **state)
{
    (void)state;
    REFUSE(ID1 ",0000000A,00000004,<a/>\r\n"); /* capitals in numbers: {0:x8} prints none */
    REFUSE(ID1 ",0000000a,0000000E,<aaaaaaaaaaa/>\r\n");
    REFUSE(ID1 ",0000001,00000004,<a/>\r\n");
    REFUSE(ID1 ",000000001,00000004,<a/>\r\n");
    REFUSE(ID1 ",0x000001,00000004,<a/>\r\n");
    REFUSE(ID1 ",00000001;00000004,<a/>\r\n");
    REFUSE(ID1 ";00000001,00000004,<a/>\r\n");
    REFUSE(ID1 ",00000001,00000004;<a/>\r\n");
    REFUSE(ID1 ", 0000001,00000004,<a/>\r\n");
    REFUSE("{" ID1 "},00000001,00000004,<a/>\r\n");
    REFUSE("\xef\xbb\xbf" ID1 ",00000001,00000004,<a/>\r\n");
    REFUSE("\r\n" ID1 ",00000001,00000004,<a/>\r\n");
    REFUSE("x6cf1350-c01b-414d-a61f-263d14d133b4,00000001,00000004,<a/>\r\n");
    REFUSE("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0,00000001,00000004,<a/"
           ">\r\n");
}

static void test_not_utf8(void **state)
{
    (void)state;
    REFUSE(ID1 ",00000001,00000001,\xff\r\n");
    REFUSE(ID1 ",00000001,00000001,\xc0\x80\r\n");
    REFUSE(ID1 ",00000001,00000001,\xed\xa0\x80\r\n");
    REFUSE(ID1 ",00000001,00000002,\xf5\x80\x80\x80\r\n");
    REFUSE(ID1 ",00000001,00000001,\xe2\x82\r\n");
    REFUSE(ID1 ",00000001,00000003,a\0b\r\n");
    REFUSE(ID1 ",00000001,00000001,a\x80\x80\r\n");
    REFUSE(ID1 ",00000001,00000000,\x80\r\n");
}

/* Cut at every byte: an error, except exactly between records. */
static void test_truncation(void **state)
{
    (void)state;
    static const char text[] =
        ID1 ",00000001,00000008,<a>\xf0\x9f\x98\x80\r\n>\r\n" ID2 ",00000064,00000006,<b>\xe2\x82\xac/>\r\n";
    const size_t first = 55 + 10 + 2, all = sizeof text - 1;
    assert_int_equal(all, first + 55 + 8 + 2);
    for (size_t cut = 0; cut <= all; cut++)
        for (size_t piece = 1; piece <= 64; piece *= 8) {
            struct stream stream = {.bytes = text, .length = cut, .piece = piece};
            SU_AUTO(su_package_records) struct su_package_records in;
            struct su_record record;
            int more;
            size_t count = 0;
            su_package_records_open(&in, pull, &stream);
            su_err_clear(&e);
            while ((more = su_package_records_next(&in, &record, &e)) > 0)
                count++;
            bool is_boundary = cut == 0 || cut == first || cut == all;
            assert_int_equal(more, is_boundary ? 0 : -1);
            assert_int_equal(count, cut == all ? 2 : cut >= first ? 1 : 0);
            if (!is_boundary)
                assert_int_equal(e.code, SU_DATA);
        }
}

static void test_error_names_record_and_offset(void **state)
{
    (void)state;
    static const char text[] = ID1 ",00000001,00000004,<a/>\r\n" ID2 ",0000000X,00000004,<b/>\r\n";
    struct stream stream = {.bytes = text, .length = sizeof text - 1, .piece = 5};
    SU_AUTO(su_package_records) struct su_package_records in;
    struct su_record record;
    su_package_records_open(&in, pull, &stream);
    assert_int_equal(su_package_records_next(&in, &record, &e), 1);
    REFUSED(su_package_records_next(&in, &record, &e), SU_DATA);
    NAMES("record 2");
    NAMES("offset 61");
}

static void test_failing_source(void **state)
{
    (void)state;
    static const char text[] = ID1 ",00000001,00000004,<a/>\r\n" ID2 ",00000001,00000004,<b/>\r\n";
    for (size_t at = 1; at < sizeof text; at++) {
        struct stream stream = {.bytes = text, .length = sizeof text - 1, .piece = 1, .fail_at = at};
        SU_AUTO(su_package_records) struct su_package_records in;
        struct su_record record;
        int more;
        su_package_records_open(&in, pull, &stream);
        su_err_clear(&e);
        while ((more = su_package_records_next(&in, &record, &e)) > 0)
            ;
        assert_int_equal(more, -1);
        assert_int_equal(e.code, SU_SYSTEM); /* never taken for the end */
    }
}

static void test_long_documents(void **state)
{
    (void)state;
    /* Around the size of the window, with characters of every length across its edge. */
    for (size_t units = 262144 - 60; units < 262144 + 3; units += 7) {
        SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(4000000);
        static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
        size_t left = units, i = units;
        su_buf_addf(&text, ID1 ",00000001,%08zx,", units);
        while (left > 0) {
            size_t k = i++ % 4;
            if (left == 1 && k == 3)
                k = 0;
            su_buf_adds(&text, characters[k]);
            left -= k == 3 ? 2 : 1;
        }
        size_t document = text.length - 55;
        su_buf_adds(&text, "\r\n" ID2 ",00000001,00000004,<b/>\r\n");
        GOOD(su_buf_check(&text, "text", &e));
        struct stream stream = {.bytes = text.bytes, .length = text.length, .piece = 65536};
        SU_AUTO(su_package_records) struct su_package_records in;
        struct su_record record;
        su_package_records_open(&in, pull, &stream);
        assert_int_equal(su_package_records_next(&in, &record, &e), 1);
        assert_int_equal(record.document_bytes, document);
        assert_memory_equal(record.document, text.bytes + 55, document);
        assert_int_equal(su_package_records_next(&in, &record, &e), 1);
        assert_int_equal(su_package_records_next(&in, &record, &e), 0);
    }
}

static void test_limit(void **state)
{
    (void)state;
    char *text = malloc(SU_MAX_DOCUMENT_BYTES + 100);
    assert_non_null(text);
    SU_AUTO(su_package_records) struct su_package_records in;
    struct su_record record;
    /* 64 MiB of ASCII: the largest document there may be. */
    (void)sprintf(text, ID1 ",00000001,%08zx,", (size_t)SU_MAX_DOCUMENT_BYTES);
    memset(text + 55, 'd', SU_MAX_DOCUMENT_BYTES);
    memcpy(text + 55 + SU_MAX_DOCUMENT_BYTES, "\r\n", 2);
    struct stream whole = {.bytes = text, .length = SU_MAX_DOCUMENT_BYTES + 57, .piece = 1000000};
    su_package_records_open(&in, pull, &whole);
    assert_int_equal(su_package_records_next(&in, &record, &e), 1);
    assert_int_equal(record.document_bytes, SU_MAX_DOCUMENT_BYTES);
    su_package_records_cleanup(&in);
    /* One unit more is refused on the claim, before anything is read for it. */
    (void)sprintf(text, ID1 ",00000001,%08zx", (size_t)SU_MAX_DOCUMENT_BYTES + 1);
    text[54] = ',';
    struct stream past = {.bytes = text, .length = SU_MAX_DOCUMENT_BYTES + 57, .piece = 1000};
    su_package_records_open(&in, pull, &past);
    REFUSED(su_package_records_next(&in, &record, &e), SU_LIMIT);
    assert_true(past.at < 300000);
    su_package_records_cleanup(&in);
    /* Few units, but more bytes than any document may have. */
    (void)sprintf(text, ID1 ",00000001,%08zx", (size_t)SU_MAX_DOCUMENT_BYTES / 2);
    text[54] = ',';
    for (size_t i = 0; i < SU_MAX_DOCUMENT_BYTES; i++)
        text[55 + i] = "\xe2\x82\xac"[i % 3];
    struct stream wide = {.bytes = text, .length = SU_MAX_DOCUMENT_BYTES + 57, .piece = 1000000};
    su_package_records_open(&in, pull, &wide);
    su_err_clear(&e);
    assert_int_equal(su_package_records_next(&in, &record, &e), -1);
    free(text);
}

/* A stream of UTF-8 tails: they take no unit, so the length never ends the document; its size must. */
static ssize_t endless(void *context, void *out, size_t room, struct su_err *err)
{
    size_t *given = context;
    static const char head[] = ID1 ",00000001,00000010,";
    if (*given > 40 * SU_MAX_DOCUMENT_BYTES)
        return su_fail(err, SU_BUG, "the reader does not stop");
    if (*given == 0 && room >= sizeof head - 1) {
        memcpy(out, head, sizeof head - 1);
        *given = sizeof head - 1;
        return (ssize_t)*given;
    }
    memset(out, 0x80, room);
    *given += room;
    return (ssize_t)room;
}

static void test_units_that_never_come(void **state)
{
    (void)state;
    size_t given = 0;
    SU_AUTO(su_package_records) struct su_package_records in;
    struct su_record record;
    su_package_records_open(&in, endless, &given);
    su_err_clear(&e);
    assert_int_equal(su_package_records_next(&in, &record, &e), -1);
    assert_true(e.code == SU_LIMIT || e.code == SU_DATA);
    assert_true(given <= 2 * SU_MAX_DOCUMENT_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_line_ends_inside_documents),
        cmocka_unit_test(test_lengths_count_utf16_units),
        cmocka_unit_test(test_wrong_lengths),
        cmocka_unit_test(test_missing_or_other_line_end),
        cmocka_unit_test(test_bad_heads),
        cmocka_unit_test(test_not_utf8),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_error_names_record_and_offset),
        cmocka_unit_test(test_failing_source),
        cmocka_unit_test(test_long_documents),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_units_that_never_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
