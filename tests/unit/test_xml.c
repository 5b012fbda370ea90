/* Streaming XML: what arrives, and every door that stays shut. */
#include "helpers.h"

#include "common/lib/xml.h"

/* Writes events down: <uri|name a=v>, text, </name>. */
struct log {
    struct su_buf text;
    size_t elements, text_bytes;
    bool is_quiet;
    const char *stop_at; /* an element at which the handler itself refuses */
};

static int on_start(void *context, const char *uri, const char *name, const struct su_xml_attribute *attributes,
                    size_t count, struct su_err *err)
{
    struct log *log = context;
    log->elements++;
    if (log->stop_at && strcmp(name, log->stop_at) == 0)
        return su_fail(err, SU_LOCKED, "handler refuses %s", name);
    if (log->is_quiet)
        return 0;
    su_buf_addf(&log->text, "<%s|%s", uri, name);
    for (size_t i = 0; i < count; i++) {
        su_buf_addf(&log->text, " %s=", attributes[i].name);
        su_buf_add(&log->text, attributes[i].value, attributes[i].length);
    }
    su_buf_adds(&log->text, ">");
    return 0;
}

static int on_end(void *context, const char *uri, const char *name, struct su_err *err)
{
    struct log *log = context;
    (void)err;
    if (!log->is_quiet)
        su_buf_addf(&log->text, "</%s|%s>", uri, name);
    return 0;
}

static int on_text(void *context, const char *text, size_t length, struct su_err *err)
{
    struct log *log = context;
    (void)err;
    log->text_bytes += length;
    if (!log->is_quiet)
        su_buf_add(&log->text, text, length);
    return 0;
}

static const struct su_xml_handler handler = {on_start, on_end, on_text};

static void log_cleanup(struct log *log)
{
    su_buf_cleanup(&log->text);
}

static int parse_pieces(struct log *log, const char *xml, size_t length, size_t piece)
{
    SU_AUTO(su_xml) struct su_xml *parser = su_xml_new(&handler, log, &e);
    assert_non_null(parser);
    log->text.max = 1000000;
    for (size_t at = 0; at < length; at += piece)
        if (su_xml_feed(parser, xml + at, length - at < piece ? length - at : piece, &e) < 0)
            return -1;
    return su_xml_finish(parser, &e);
}

static int parse(struct log *log, const char *xml)
{
    return parse_pieces(log, xml, strlen(xml), strlen(xml) + 1);
}

static void expect(const char *xml, const char *events)
{
    for (size_t piece = 1; piece <= 64; piece = piece * 3 + 1) {
        SU_AUTO(log) struct log log = {.is_quiet = false};
        GOOD(parse_pieces(&log, xml, strlen(xml), piece));
        assert_string_equal(log.text.bytes, events);
    }
}

static void test_events(void **state)
{
    (void)state;
    expect("<a/>", "<|a></|a>");
    expect("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a x='1' y=\"\">t<b>u</b>v</a>\n", "<|a x=1 y=>t<|b>u</|b>v</|a>");
    expect("\xef\xbb\xbf<a>\xe2\x82\xac</a>", "<|a>\xe2\x82\xac</|a>"); /* a BOM is no text */
    expect("<a><!-- c --><?pi x?>t</a>", "<|a>t</|a>");
    expect("<a><![CDATA[<b>&amp;]]></a>", "<|a><b>&amp;</|a>");
    expect("<a>l1\r\nl2\tx</a>", "<|a>l1\nl2\tx</|a>"); /* XML 1.0 2.11 */
}

static void test_the_five_entities_and_references(void **state)
{
    (void)state;
    expect("<a x=\"1&amp;2&lt;&gt;&quot;&apos;&#65;&#x20AC;\">1&amp;2&lt;&gt;&quot;&apos;&#65;&#x20AC;</a>",
           "<|a x=1&2<>\"'A\xe2\x82\xac>1&2<>\"'A\xe2\x82\xac</|a>");
    expect("<a x=\"&amp;lt;\">&amp;lt;</a>", "<|a x=&lt;>&lt;</|a>"); /* decoded once, not twice */
    expect("<a x=\"http://h/f?a=1&amp;b=2\"/>", "<|a x=http://h/f?a=1&b=2></|a>");
}

static void test_namespaces_by_content(void **state)
{
    (void)state;
    expect("<u:a xmlns:u=\"urn:1\" xmlns=\"urn:2\" u:x=\"v\"><b/><u:c xmlns:u=\"urn:3\"/></u:a>",
           "<urn:1|a x=v><urn:2|b></urn:2|b><urn:3|c></urn:3|c></urn:1|a>");
    SU_AUTO(log) struct log log = {.is_quiet = true};
    REFUSED(parse(&log, "<u:a/>"), SU_DATA); /* a prefix that means nothing */
}

static void test_not_well_formed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", " ", "text", "<a", "<a>", "<a></b>", "<a/><b/>", "<a/>text", "<a x=1/>", "<a x='1' x='2'/>", "<a b/>", "<a>&</a>",
        "<a>&amp</a>", "<a><![CDATA[</a>", "<a><!-- </a>", "<a><!-- -- --></a>", "<a>]]></a>", "<a x='<'/>", "<1/>", "< a/>",
        "<a>&#0;</a>", "<a>&#x1F;</a>", "<a>\x01</a>", "<a>\x1b</a>", "<?xml version=\"1.0\"?>", "<a></a",
        "<a xmlns:x=\"u\" xmlns:y=\"u\" x:i=\"1\" y:i=\"2\"/>",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        SU_AUTO(log) struct log log = {.is_quiet = true};
        if (parse(&log, texts[i]) == 0)
            fail_msg("accepted: %s", texts[i]);
        REFUSED(parse(&log, texts[i]), SU_DATA);
    }
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    static const char xml[] = "<u:Update xmlns:u=\"urn:u\"><u:Title lang=\"en\">A &amp; B \xe2\x82\xac</u:Title><!-- c --></u:Update>";
    for (size_t cut = 0; cut + 1 < sizeof xml; cut++) {
        SU_AUTO(log) struct log log = {.is_quiet = true};
        su_err_clear(&e);
        assert_int_equal(parse_pieces(&log, xml, cut, 7), -1);
        assert_int_equal(e.code, SU_DATA);
    }
}

static void test_encodings_other_than_utf8(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t length; } texts[] = {
#define TEXT(s) {s, sizeof s - 1}
        TEXT("<a>\xe9</a>"), TEXT("<a>\xc0\xaf</a>"), TEXT("<a>\xed\xa0\x80</a>"), TEXT("<a>\xf4\x90\x80\x80</a>"), TEXT("<a x='\xff'/>"),
        TEXT("<a>\xe2\x82</a>"), TEXT("<a>\0</a>"), TEXT("<a>\xef\xbf\xbf</a>"), /* U+FFFF is no XML character */
        /* Declared: the exact bytes are kept and called UTF-8 everywhere else, so they must be it. */
        TEXT("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><a>\xe9</a>"),
        TEXT("<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>\x80</a>"),
        TEXT("<?xml version=\"1.0\" encoding=\"utf-7\"?><a>\x80</a>"),
        /* Detected: UTF-16 with and without a BOM, both orders, UCS-4, EBCDIC. */
        TEXT("\xff\xfe<\0a\0/\0>\0"), TEXT("\xfe\xff\0<\0a\0/\0>"), TEXT("<\0a\0/\0>\0"), TEXT("\0<\0a\0/\0>"),
        TEXT("<\0\0\0a\0\0\0/\0\0\0>\0\0\0"), TEXT("\0\0\0<\0\0\0a\0\0\0/\0\0\0>"), TEXT("\x4c\x6f\xa7\x94\x93\x6f\x6e\x4c\x81\x61\x6e"),
        TEXT("<\0?\0x\0m\0l\0 \0v\0e\0r\0s\0i\0o\0n\0=\0'\0" "1\0.\0" "0\0'\0?\0>\0<\0a\0/\0>\0"),
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t piece = 1; piece < 100; piece += 98) {
            SU_AUTO(log) struct log log = {.is_quiet = true};
            su_err_clear(&e);
            if (parse_pieces(&log, texts[i].bytes, texts[i].length, piece) == 0)
                fail_msg("text %zu was accepted in pieces of %zu", i, piece);
            assert_int_equal(e.code, SU_DATA);
        }
}

static void test_no_document_type(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
        "<!DOCTYPE a SYSTEM \"http://127.0.0.1:9/a.dtd\"><a/>",
        "<!DOCTYPE a PUBLIC \"-//x\" \"file:///etc/hostname\"><a/>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]><a/>",
        "<?xml version=\"1.0\"?><!DOCTYPE a [<!ELEMENT a ANY><!ATTLIST a x CDATA \"default\">]><a/>",
        "<?xml version=\"1.0\" standalone=\"yes\"?><!-- c --><!DOCTYPE a><a/>",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t piece = 1; piece < 200; piece += 99) {
            SU_AUTO(log) struct log log = {.is_quiet = true};
            REFUSED(parse_pieces(&log, texts[i], strlen(texts[i]), piece), SU_DATA);
            NAMES("document type");
            assert_int_equal(log.elements, 0); /* nothing of it was handed out */
        }
}

static void test_billion_laughs(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000);
    su_buf_adds(&xml, "<!DOCTYPE l [<!ENTITY l0 \"ha\">");
    for (int i = 1; i < 30; i++) {
        su_buf_addf(&xml, "<!ENTITY l%d \"", i);
        for (int k = 0; k < 10; k++)
            su_buf_addf(&xml, "&l%d;", i - 1);
        su_buf_adds(&xml, "\">");
    }
    su_buf_adds(&xml, "]><l x=\"&l29;\">&l29;</l>");
    SU_AUTO(log) struct log log = {.is_quiet = true};
    REFUSED(parse(&log, xml.bytes), SU_DATA);
    assert_int_equal(log.text_bytes, 0);
}

static void test_unknown_entities(void **state)
{
    (void)state;
    static const char *const texts[] = {"<a>&nbsp;</a>", "<a x='&nbsp;'/>", "<a>&x;</a>", "<a>&AMP;</a>", "<?xml version=\"1.0\" standalone=\"no\"?><a>&x;</a>"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        SU_AUTO(log) struct log log = {.is_quiet = true};
        REFUSED(parse(&log, texts[i]), SU_DATA);
    }
}

static void nested(struct su_buf *out, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        su_buf_adds(out, "<e>");
    for (unsigned i = 0; i < depth; i++)
        su_buf_adds(out, "</e>");
}

static void test_depth(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf limit = SU_BUF_INIT(100000), past = SU_BUF_INIT(100000), wide = SU_BUF_INIT(100000);
    SU_AUTO(log) struct log log = {.is_quiet = true};
    nested(&limit, SU_MAX_XML_DEPTH);
    GOOD(parse(&log, limit.bytes));
    assert_int_equal(log.elements, 128);
    nested(&past, SU_MAX_XML_DEPTH + 1);
    REFUSED(parse(&log, past.bytes), SU_LIMIT);
    NAMES("128");
    su_buf_adds(&wide, "<r>"); /* many, but side by side */
    for (int i = 0; i < 50; i++)
        nested(&wide, SU_MAX_XML_DEPTH - 1);
    su_buf_adds(&wide, "</r>");
    GOOD(parse(&log, wide.bytes));
}

static void test_attributes(void **state)
{
    (void)state;
    for (unsigned count = SU_MAX_XML_ATTRIBUTES; count <= SU_MAX_XML_ATTRIBUTES + 1; count++) {
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000);
        SU_AUTO(log) struct log log = {.is_quiet = true};
        su_buf_adds(&xml, "<e xmlns=\"urn:x\"");
        for (unsigned i = 0; i < count; i++)
            su_buf_addf(&xml, " a%u=\"%u\"", i, i);
        su_buf_adds(&xml, "/>");
        if (count <= SU_MAX_XML_ATTRIBUTES) {
            GOOD(parse(&log, xml.bytes));
        } else {
            REFUSED(parse(&log, xml.bytes), SU_LIMIT);
            NAMES("65");
        }
    }
    for (unsigned count = SU_MAX_XML_ATTRIBUTES; count <= SU_MAX_XML_ATTRIBUTES + 1; count++) { /* declarations cost as much */
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000);
        SU_AUTO(log) struct log log = {.is_quiet = true};
        su_buf_adds(&xml, "<e");
        for (unsigned i = 0; i < count; i++)
            su_buf_addf(&xml, " xmlns:n%u=\"urn:%u\"", i, i);
        su_buf_adds(&xml, "/>");
        if (count <= SU_MAX_XML_ATTRIBUTES)
            GOOD(parse(&log, xml.bytes));
        else
            REFUSED(parse(&log, xml.bytes), SU_LIMIT);
    }
}

/* The text of an element may be longer than the 10 MB at which libxml2 stops by itself; one CDATA section may not. */
static void test_long_content(void **state)
{
    (void)state;
    static const struct { const char *before, *after; size_t length, piece; } cases[] = {
        {"<a><b>", "</b></a>", 12 * SU_MIB, SIZE_MAX}, {"<a><b>", "</b></a>", 12 * SU_MIB, 65536}, {"<a x='1'>", "<b/></a>", 12 * SU_MIB, 7919},
        {"<a><![CDATA[", "]]></a>", SU_MAX_XML_CDATA_BYTES, SIZE_MAX}, {"<a><![CDATA[", "]]></a>", SU_MAX_XML_CDATA_BYTES, 65536},
    };
    char *xml = malloc(12 * SU_MIB + 100);
    assert_non_null(xml);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SU_AUTO(log) struct log log = {.is_quiet = true};
        size_t n = strlen(cases[i].before), tail = strlen(cases[i].after), length = cases[i].length;
        memcpy(xml, cases[i].before, n);
        memset(xml + n, 'x', length);
        memcpy(xml + n + length, cases[i].after, tail);
        GOOD(parse_pieces(&log, xml, n + length + tail, cases[i].piece < length ? cases[i].piece : n + length + tail));
        assert_int_equal(log.text_bytes, length);
    }
    SU_AUTO(log) struct log log = {.is_quiet = true};
    int n = snprintf(xml, 100, "<a><![CDATA[");
    const size_t past = SU_MAX_XML_CDATA_BYTES + SU_MAX_XML_TAG_BYTES; /* it is looked at from piece to piece */
    memset(xml + n, 'x', past);
    memcpy(xml + (size_t)n + past, "]]></a>", 7);
    REFUSED(parse_pieces(&log, xml, (size_t)n + past + 7, 65536), SU_LIMIT);
    NAMES("CDATA");
    free(xml);
}

/* One tag or comment: libxml2 hands it out only when it is whole, so its size is capped before that. */
static void test_long_tags(void **state)
{
    (void)state;
    static const char *const shells[][2] = {{"<a x='", "'/>"}, {"<a><!--", "--></a>"}, {"<a><?p ", "?></a>"}};
    for (size_t i = 0; i < 3; i++)
        for (unsigned large = 0; large <= 1; large++) {
            size_t length = large ? 4 * SU_MAX_XML_TAG_BYTES : SU_MAX_XML_TAG_BYTES - 100, n = strlen(shells[i][0]), tail = strlen(shells[i][1]);
            char *xml = malloc(length + 100);
            assert_non_null(xml);
            memcpy(xml, shells[i][0], n);
            memset(xml + n, 'x', length);
            memcpy(xml + n + length, shells[i][1], tail);
            SU_AUTO(log) struct log log = {.is_quiet = true};
            if (large)
                REFUSED(parse_pieces(&log, xml, n + length + tail, 1000), SU_LIMIT);
            else
                GOOD(parse_pieces(&log, xml, n + length + tail, 1000));
            free(xml);
        }
}

static void test_handler_stops_the_parse(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 100; piece += 98) {
        SU_AUTO(log) struct log log = {.is_quiet = true, .stop_at = "bad"};
        static const char xml[] = "<a><b/><bad/><c/><d>text</d></a>";
        REFUSED(parse_pieces(&log, xml, sizeof xml - 1, piece), SU_LOCKED);
        NAMES("handler refuses bad");
        assert_int_equal(log.elements, 3); /* nothing more is handed out */
        assert_int_equal(log.text_bytes, 0);
    }
    /* The first error stays: a later feed cannot hide it. */
    SU_AUTO(log) struct log log = {.is_quiet = true, .stop_at = "bad"};
    SU_AUTO(su_xml) struct su_xml *parser = su_xml_new(&handler, &log, &e);
    REFUSED(su_xml_feed(parser, "<bad>", 5, &e), SU_LOCKED);
    REFUSED(su_xml_feed(parser, "</bad>", 6, &e), SU_LOCKED);
    REFUSED(su_xml_finish(parser, &e), SU_LOCKED);
}

static void test_message_has_a_position(void **state)
{
    (void)state;
    SU_AUTO(log) struct log log = {.is_quiet = true};
    REFUSED(parse(&log, "<a>\n\n<b>\x1b[31m</b></a>"), SU_DATA);
    NAMES("line 3");
    assert_int_not_equal(e.text[strlen(e.text) - 1], ' '); /* libxml2 ends its messages with a line end */
}

/* ---- where the parser stands, and what an element declares ---- */

struct places {
    struct su_xml *xml;
    const char *text;
    uint64_t ends[8]; /* behind each '>' of an end */
    char before[9];   /* the byte at each start's offset */
    size_t starts, stops;
    char declared[200];
};

static int places_start(void *context, const char *uri, const char *name, const struct su_xml_attribute *a, size_t n, struct su_err *err)
{
    struct places *p = context;
    const char *prefix, *of;
    (void)uri, (void)name, (void)a, (void)n, (void)err;
    p->before[p->starts++] = p->text[su_xml_offset(p->xml)];
    for (size_t i = 0; su_xml_declared(p->xml, i, &prefix, &of); i++)
        (void)snprintf(p->declared + strlen(p->declared), sizeof p->declared - strlen(p->declared), "%s=%s;", prefix, of);
    return 0;
}

static int places_end(void *context, const char *uri, const char *name, struct su_err *err)
{
    struct places *p = context;
    (void)uri, (void)name, (void)err;
    p->ends[p->stops++] = su_xml_offset(p->xml);
    return 0;
}

static int places_text(void *context, const char *text, size_t length, struct su_err *err)
{
    (void)context, (void)text, (void)length, (void)err;
    return 0;
}

/* Whole and in pieces of every length: the places are those of the bytes, not of the pieces. */
static void test_places_and_declarations(void **state)
{
    static const char text[] = "\xef\xbb\xbf<?xml version=\"1.0\"?>\r\n<a xmlns=\"urn:d\" xmlns:p=\"urn:&amp;p\" b=\"&lt;&#252;\"  >\xc3\xbc<p:b/>"
                               "<c xmlns:q=\"urn:q\" ></c ></a>";
    static const struct su_xml_handler place = {places_start, places_end, places_text};
    (void)state;
    for (size_t piece = 1; piece <= sizeof text - 1; piece++) {
        struct places p = {.text = text};
        p.xml = su_xml_new(&place, &p, &e);
        assert_non_null(p.xml);
        for (size_t at = 0; at < sizeof text - 1; at += piece)
            GOOD(su_xml_feed(p.xml, text + at, sizeof text - 1 - at < piece ? sizeof text - 1 - at : piece, &e));
        GOOD(su_xml_finish(p.xml, &e));
        assert_string_equal(p.before, ">/>");
        assert_int_equal(p.ends[0], strstr(text, "<c ") - text);
        assert_int_equal(p.ends[1], strstr(text, "</a>") - text);
        assert_int_equal(p.ends[2], sizeof text - 1);
        assert_string_equal(p.declared, "=urn:d;p=urn:&p;q=urn:q;");
        su_xml_cleanup(&p.xml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_the_five_entities_and_references),
        cmocka_unit_test(test_namespaces_by_content),
        cmocka_unit_test(test_not_well_formed),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_encodings_other_than_utf8),
        cmocka_unit_test(test_no_document_type),
        cmocka_unit_test(test_billion_laughs),
        cmocka_unit_test(test_unknown_entities),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_long_content),
        cmocka_unit_test(test_long_tags),
        cmocka_unit_test(test_handler_stops_the_parse),
        cmocka_unit_test(test_message_has_a_position),
        cmocka_unit_test(test_places_and_declarations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
