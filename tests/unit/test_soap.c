/* What a server says: envelopes, answers in pieces, faults; documents in cabinets; the captured answer. */
#include "helpers.h"

#include "common/source/upstream/soap.h"
#include "common/source/upstream/upstream_blob.h"

#define ENV(body)                                                                                            \
    "<?xml version=\"1.0\"?><soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">" body   \
    "</soap:Envelope>"
#define SYNC "xmlns=\"" SU_SYNC_URI "\""
#define ANSWER(inner)                                                                                        \
    ENV("<soap:Body><XResponse " SYNC "><XResult>" inner "</XResult></XResponse></soap:Body>")

struct log {
    struct su_buf text;
};

static int on_end(void *context, const char *name, const char *parent, struct su_buf *text,
                  struct su_err *err)
{
    struct log *log = context;
    (void)err;
    su_buf_addf(&log->text, "%s/%s=%s;", parent, name, text->bytes);
    return 0;
}

static const struct su_soap_form form = {
    .operation = "X", .uri = SU_SYNC_URI, .most_text = 64, .end = on_end};

static int read_answer(const char *xml, size_t length, size_t piece, struct su_buf *out,
                       struct su_soap_fault *fault)
{
    struct log log = {.text = SU_BUF_INIT(10000)};
    SU_AUTO(su_soap_reader) struct su_soap_reader *reader = su_soap_reader_new(&form, &log, &e);
    assert_non_null(reader);
    int result = 0;
    for (size_t at = 0; result == 0 && at < length; at += piece)
        result = su_soap_feed(reader, xml + at, length - at < piece ? length - at : piece, &e);
    if (result == 0)
        result = su_soap_finish(reader, fault, &e);
    su_buf_adds(&log.text, "");
    *out = log.text;
    return result;
}

static void gives(const char *xml, const char *wanted)
{
    for (size_t piece = 1; piece < 5000; piece = piece * 3 + 1) {
        SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1);
        struct su_soap_fault fault;
        GOOD(read_answer(xml, strlen(xml), piece, &out, &fault));
        assert_int_equal(fault.kind, SU_FAULT_NONE);
        assert_string_equal(out.bytes, wanted);
    }
}

static void refused(const char *xml, const char *names)
{
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1);
    struct su_soap_fault fault;
    su_err_clear(&e);
    assert_int_equal(read_answer(xml, strlen(xml), 7, &out, &fault), -1);
    assert_true(e.code == SU_DATA || e.code == SU_LIMIT);
    NAMES(names);
}

static void test_writes(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1000);
    su_soap_begin(&out, "GetAuthConfig", SU_SYNC_URI);
    su_soap_element(&out, "a", "x<y>&\"z");
    su_soap_end(&out, "GetAuthConfig");
    assert_string_equal(out.bytes,
                        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope "
                        "xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">"
                        "<soap:Body><GetAuthConfig "
                        "xmlns=\"http://www.microsoft.com/SoftwareDistribution\"><a>x&lt;y&gt;&amp;\"z</a>"
                        "</GetAuthConfig></soap:Body></soap:Envelope>");
}

static void test_reads(void **state)
{
    (void)state;
    gives(ANSWER("<a>1</a><b><c>2</c> <c/></b>"), "XResult/a=1;b/c=2;b/c=;XResult/b=;XResponse/XResult=;");
    gives(ANSWER("<a>x&amp;y &lt;z</a>"), "XResult/a=x&y <z;XResponse/XResult=;");
    gives(ENV("<soap:Header><h>1</h></soap:Header><soap:Body><XResponse " SYNC " /></soap:Body>"), "");
    /* what is of another namespace is not ours, nor what it holds */
    gives(ANSWER("<o:x xmlns:o=\"urn:o\"><a>1</a></o:x><a>2</a>"), "XResult/a=2;XResponse/XResult=;");
    gives(ANSWER("<a123456789012345678901234567890123456789012345678>1</"
                 "a123456789012345678901234567890123456789012345678><b>2</b>"),
          "XResult/b=2;XResponse/XResult=;");
}

static void test_faults(void **state)
{
    static const struct {
        const char *code;
        enum su_fault kind;
    } all[] = {{"InvalidParameters", SU_FAULT_INVALID_PARAMETERS},
               {"InvalidCookie", SU_FAULT_INVALID_COOKIE},
               {"InvalidAuthorizationCookie", SU_FAULT_INVALID_COOKIE},
               {"InternalServerError", SU_FAULT_INTERNAL},
               {"IncompatibleProtocolVersion", SU_FAULT_PROTOCOL},
               {"ServerChanged", SU_FAULT_SERVER_CHANGED},
               {"FileDigestsMissing", SU_FAULT_FILES_MISSING},
               {"ServerBusy", SU_FAULT_BUSY},
               {"TooManyIds", SU_FAULT_TOO_MANY},
               {"Nonsense", SU_FAULT_OTHER},
               {"", SU_FAULT_OTHER}};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char xml[1024];
        (void)snprintf(xml, sizeof xml,
                       ENV("<soap:Body><soap:Fault><faultcode>soap:Client</faultcode><faultstring>Fault "
                           "occurred</faultstring>"
                           "<detail><ErrorCode>%s</ErrorCode><Message>parameters.x</"
                           "Message><ID>0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0</ID></detail>"
                           "</soap:Fault></soap:Body>"),
                       all[i].code);
        SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1);
        struct su_soap_fault fault;
        GOOD(read_answer(xml, strlen(xml), 11, &out, &fault));
        assert_int_equal(fault.kind, all[i].kind);
        assert_string_equal(fault.code, all[i].code);
        assert_string_equal(fault.message, "parameters.x");
        assert_string_equal(fault.id, "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0");
        assert_string_equal(fault.text, "Fault occurred");
        assert_int_equal(out.length, 0);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    refused("<html><body>Sign in</body></html>", "<html>");
    refused("Service Unavailable", "XML");
    refused("", "");
    refused(ENV("<soap:Body/>"), "empty");
    refused(ENV("<soap:Body><YResponse " SYNC "/></soap:Body>"), "<YResponse>");
    refused(ENV("<soap:Body><XResponse/></soap:Body>"), "<XResponse>"); /* of no namespace */
    refused(ENV("<soap:Body><XResponse " SYNC "/><XResponse " SYNC "/></soap:Body>"), "more than one");
    refused("<!DOCTYPE x []>" ENV("<soap:Body/>"), "document type");
    /* cut anywhere */
    const char *whole = ANSWER("<a>1</a>");
    for (size_t n = 0; n < strlen(whole); n += 5) {
        SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1);
        struct su_soap_fault fault;
        REFUSED(read_answer(whole, n, 64, &out, &fault), SU_DATA);
    }
    /* at the limits, and one past them */
    char text[65 + 1], xml[2000];
    memset(text, 'x', sizeof text);
    (void)snprintf(xml, sizeof xml, ANSWER("<a>%.*s</a>"), 64, text);
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1);
    struct su_soap_fault fault;
    GOOD(read_answer(xml, strlen(xml), 9, &out, &fault));
    (void)snprintf(xml, sizeof xml, ANSWER("<a>%.*s</a>"), 65, text);
    refused(xml, "64 bytes");
    for (unsigned depth = SU_MAX_SOAP_DEPTH; depth <= SU_MAX_SOAP_DEPTH + 1; depth++) {
        SU_AUTO(su_buf) struct su_buf deep = SU_BUF_INIT(4000), got = SU_BUF_INIT(1);
        su_buf_adds(&deep,
                    "<soap:Envelope "
                    "xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><XResponse " SYNC
                    ">");
        for (unsigned i = 3; i < depth; i++)
            su_buf_adds(&deep, "<a>");
        for (unsigned i = 3; i < depth; i++)
            su_buf_adds(&deep, "</a>");
        su_buf_adds(&deep, "</XResponse></soap:Body></soap:Envelope>");
        if (depth == SU_MAX_SOAP_DEPTH)
            GOOD(read_answer(deep.bytes, deep.length, 50, &got, &fault));
        else
            REFUSED(read_answer(deep.bytes, deep.length, 50, &got, &fault), SU_LIMIT);
    }
}

/* The captured answer of a real server, byte for byte. */
struct captured {
    struct su_buf blob, url;
    char id[64], digest[64];
};

static int on_captured(void *context, const char *name, const char *parent, struct su_buf *text,
                       struct su_err *err)
{
    struct captured *c = context;
    (void)err, (void)parent;
    if (strcmp(name, "XmlUpdateBlobCompressed") == 0) {
        struct su_buf taken = *text;
        *text = c->blob;
        c->blob = taken;
    } else if (strcmp(name, "MUUrl") == 0) {
        su_buf_adds(&c->url, text->bytes);
    } else if (strcmp(name, "UpdateID") == 0) {
        (void)snprintf(c->id, sizeof c->id, "%s", text->bytes);
    } else if (strcmp(name, "FileDigest") == 0) {
        (void)snprintf(c->digest, sizeof c->digest, "%s", text->bytes);
    }
    return 0;
}

static const char *data_path(const char *name)
{
    static char paths[2][4096];
    static unsigned at;
    const char *data = getenv("SU_DATA");
    char *path = paths[at++ % 2];
    (void)snprintf(path, sizeof paths[0], "%s/server-sync/%s", data ? data : "/nowhere", name);
    return path;
}

static void test_captured(void **state)
{
    (void)state;
    const char *path = data_path("000014-GetUpdateData.response.xml");
    if (access(path, R_OK) < 0)
        skip();
    static const struct su_soap_form captured_form = {
        .operation = "GetUpdateData", .uri = SU_SYNC_URI, .most_text = SU_MIB, .end = on_captured};
    size_t length, wanted_bytes;
    char *xml = get_file(path, &length);
    char *wanted = get_file(data_path("266f6222-c89d-43f2-9f8a-69340271e677.r200.xml"), &wanted_bytes);
    struct captured c = {.blob = SU_BUF_INIT(SU_MIB), .url = SU_BUF_INIT(4096)};
    struct su_soap_fault fault;
    SU_AUTO(su_soap_reader) struct su_soap_reader *reader = su_soap_reader_new(&captured_form, &c, &e);
    SU_AUTO(su_buf) struct su_buf cabinet = SU_BUF_INIT(SU_MIB), document = SU_BUF_INIT(SU_MIB);
    GOOD(su_soap_feed(reader, xml, length, &e));
    GOOD(su_soap_finish(reader, &fault, &e));
    GOOD(su_blob_open(c.blob.bytes, c.blob.length, &cabinet, &document, &e));
    assert_int_equal(document.length, wanted_bytes);
    assert_memory_equal(document.bytes, wanted, wanted_bytes);
    assert_string_equal(c.id, "266f6222-c89d-43f2-9f8a-69340271e677");
    assert_string_equal(c.digest, "h/W9BGlYUAaqXTp30cZi/SiV3c0=");
    assert_string_equal(c.url.bytes,
                        "http://download.windowsupdate.com/c/msdownload/update/software/defu/2026/10/"
                        "am_delta_87f5bd0469585006aa5d3a77d1c662fd2895ddcd.exe");
    /* every cut of it, and one changed bit in its data, is refused */
    for (size_t n = 4; n < c.blob.length; n += 97 * 4)
        REFUSED(su_blob_open(c.blob.bytes, n / 4 * 4, &cabinet, &document, &e), SU_DATA);
    c.blob.bytes[1200] = c.blob.bytes[1200] == 'A' ? 'B' : 'A';
    REFUSED(su_blob_open(c.blob.bytes, c.blob.length, &cabinet, &document, &e), SU_DATA);
    su_buf_cleanup(&c.blob);
    su_buf_cleanup(&c.url);
    free(xml);
    free(wanted);
}

/* A stored cabinet of members, as base64. */
static void make_blob(struct su_buf *out, const void *content, size_t length, unsigned members)
{
    SU_AUTO(su_buf) struct su_buf cab = SU_BUF_INIT(SU_MIB);
    uint8_t head[36] = "MSCF", folder[8] = {0}, file[16] = {0}, data[8] = {0};
    size_t at = 36 + 8 + members * (16 + 5), all = at + 8 + length * members;
    assert_true(length * members <= 32768);
#define LE(to, value, n)                                                                                     \
    for (size_t i_ = 0; i_ < (n); i_++)                                                                      \
    (to)[i_] = (uint8_t)((value) >> 8 * i_)
    LE(head + 8, all, 4);
    head[16] = 36 + 8;
    head[24] = 3, head[25] = 1, head[26] = 1, head[28] = (uint8_t)members;
    LE(folder, at, 4);
    folder[4] = 1;
    su_buf_add(&cab, head, sizeof head);
    su_buf_add(&cab, folder, sizeof folder);
    for (unsigned i = 0; i < members; i++) {
        LE(file, length, 4);
        LE(file + 4, length * i, 4);
        su_buf_add(&cab, file, sizeof file);
        su_buf_add(&cab, "blob", 5);
    }
    LE(data + 4, length * members, 2);
    LE(data + 6, length * members, 2);
    su_buf_add(&cab, data, sizeof data);
    for (unsigned i = 0; i < members; i++)
        su_buf_add(&cab, content, length);
    char *text = malloc(4 * ((cab.length + 2) / 3) + 1);
    assert_non_null(text);
    su_base64_format((const uint8_t *)cab.bytes, cab.length, text);
    su_buf_clear(out);
    su_buf_adds(out, text);
    free(text);
}

static void test_blobs(void **state)
{
    (void)state;
    SU_AUTO(su_buf)
    struct su_buf blob = SU_BUF_INIT(SU_MIB),
                  cabinet = SU_BUF_INIT(SU_MIB), document = SU_BUF_INIT(8);
    make_blob(&blob, "<\0a\0/\0>\0", 8, 1);
    GOOD(su_blob_open(blob.bytes, blob.length, &cabinet, &document, &e));
    assert_string_equal(document.bytes, "<a/>");
    make_blob(&blob, "\xac\x20\x3d\xd8\x00\xde\xe9\0", 8,
              1); /* a euro, a face beyond 16 bits, e acute: 3 + 4 + 2 bytes */
    REFUSED(su_blob_open(blob.bytes, blob.length, &cabinet, &document, &e), SU_LIMIT);
    document.max = 9;
    GOOD(su_blob_open(blob.bytes, blob.length, &cabinet, &document, &e));
    assert_string_equal(document.bytes, "\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9");
    make_blob(&blob, "a\0b\0\0", 5, 1); /* half a character */
    REFUSED(su_blob_open(blob.bytes, blob.length, &cabinet, &document, &e), SU_DATA);
    make_blob(&blob,
              "\x3d\xd8"
              "a\0",
              4, 1); /* half a pair */
    REFUSED(su_blob_open(blob.bytes, blob.length, &cabinet, &document, &e), SU_DATA);
    make_blob(&blob, "\x3d\xd8", 2, 1);
    REFUSED(su_blob_open(blob.bytes, blob.length, &cabinet, &document, &e), SU_DATA);
    make_blob(&blob,
              "\x00\xde"
              "a\0",
              4, 1); /* its second half first */
    REFUSED(su_blob_open(blob.bytes, blob.length, &cabinet, &document, &e), SU_DATA);
    make_blob(&blob, "a\0\0\0", 4, 1);
    REFUSED(su_blob_open(blob.bytes, blob.length, &cabinet, &document, &e), SU_DATA);
    make_blob(&blob, "a\0", 2, 2);
    REFUSED(su_blob_open(blob.bytes, blob.length, &cabinet, &document, &e), SU_DATA);
    NAMES("second member");
    REFUSED(su_blob_open("AAAA", 4, &cabinet, &document, &e), SU_DATA);
    REFUSED(su_blob_open("", 0, &cabinet, &document, &e), SU_DATA);
    REFUSED(su_blob_open("*", 1, &cabinet, &document, &e), SU_DATA);
}

/* Against the converter of libc, over random characters; pieces cut anywhere. */
static void test_utf16(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (unsigned round = 0; round < 300; round++) {
        uint8_t in[256];
        char want[600], have[600];
        size_t n = 0, made = 0;
        while (n + 4 <= sizeof in) {
            seed = seed * 1103515245 + 12345;
            uint32_t c = (seed >> 8) % (round % 3 == 0 ? 0x60 : round % 3 == 1 ? 0x900 : 0x10ffff) + 1;
            if (c >= 0xd800 && c < 0xe000)
                continue;
            char *to = want + made;
            if (c < 0x80)
                made += (size_t)snprintf(to, 8, "%c", (int)c);
            else if (c < 0x800)
                made += (size_t)snprintf(to, 8, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 63)));
            else if (c < 0x10000)
                made += (size_t)snprintf(to, 8, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 63)),
                                         (int)(0x80 | (c & 63)));
            else
                made +=
                    (size_t)snprintf(to, 8, "%c%c%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 63)),
                                     (int)(0x80 | (c >> 6 & 63)), (int)(0x80 | (c & 63)));
            if (c >= 0x10000) {
                uint32_t high = 0xd800 + ((c - 0x10000) >> 10), low = 0xdc00 + ((c - 0x10000) & 0x3ff);
                in[n++] = (uint8_t)high, in[n++] = (uint8_t)(high >> 8), in[n++] = (uint8_t)low,
                in[n++] = (uint8_t)(low >> 8);
            } else {
                in[n++] = (uint8_t)c, in[n++] = (uint8_t)(c >> 8);
            }
        }
        size_t cut = seed % (n + 1), used, rest;
        size_t first = su_utf16le_to_utf8(have, in, cut, &used);
        assert_true(first != SIZE_MAX && cut - used < 4);
        size_t second = su_utf16le_to_utf8(have + first, in + used, n - used, &rest);
        assert_true(rest == n - used && first + second == made);
        assert_memory_equal(have, want, made);
        assert_true(su_utf8_is_valid(have, made));
    }
}

static void test_base64(void **state)
{
    (void)state;
    uint8_t bytes[40], back[64];
    char text[64];
    size_t count;
    for (size_t n = 0; n <= sizeof bytes; n++) {
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(i * 37 + n);
        su_base64_format(bytes, n, text);
        assert_true(su_base64_decode(back, &count, text, strlen(text)) && count == n &&
                    memcmp(back, bytes, n) == 0);
    }
    assert_true(su_base64_decode(back, &count, " QU\r\nJD\t", 8) && count == 3 &&
                memcmp(back, "ABC", 3) == 0);
    static const char *const bad[] = {"A", "AA",   "AAA",  "A===", "AA=A", "AA==AAAA",   "AA===", "AAA==",
                                      "=", "====", "AB==", "AAB=", "QU*D", "QU\xc3\xa9", "-_AA"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (su_base64_decode(back, &count, bad[i], strlen(bad[i])))
            fail_msg("taken: %s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_writes),   cmocka_unit_test(test_reads),
                                       cmocka_unit_test(test_faults),   cmocka_unit_test(test_refuses),
                                       cmocka_unit_test(test_captured), cmocka_unit_test(test_blobs),
                                       cmocka_unit_test(test_utf16),    cmocka_unit_test(test_base64)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
