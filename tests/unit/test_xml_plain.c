/* The quick parser against libxml2: what it takes libxml2 takes too, with the same events. */
#include "helpers.h"

#include "common/lib/xml_plain.h"

/* Writes events down; a byte that is never in text sets them apart. */
static int on_start(void *context, const char *uri, const char *name, const struct su_xml_attribute *attributes,
                    size_t count, struct su_err *err)
{
    struct su_buf *log = context;
    (void)err;
    su_buf_addf(log, "\1<%s|%s", uri, name);
    for (size_t i = 0; i < count; i++) {
        su_buf_addf(log, "\1%s=", attributes[i].name);
        su_buf_add(log, attributes[i].value, attributes[i].length);
    }
    su_buf_adds(log, "\1>");
    return strcmp(name, "stop") == 0 ? su_fail(err, SU_LOCKED, "stopped") : 0;
}

static int on_end(void *context, const char *uri, const char *name, struct su_err *err)
{
    (void)err;
    su_buf_addf(context, "\1</%s|%s>", uri, name);
    return 0;
}

static int on_text(void *context, const char *text, size_t length, struct su_err *err)
{
    (void)err;
    su_buf_add(context, text, length);
    return 0;
}

static const struct su_xml_handler handler = {on_start, on_end, on_text};

/* Out of a block that ends where the document does, so that a byte too far is seen by the sanitizers. */
static bool is_plain(const char *xml, size_t length, struct su_buf *log)
{
    char *copy = malloc(length + (length == 0));
    assert_non_null(copy);
    memcpy(copy, xml, length);
    bool result = su_xml_plain(copy, length, &handler, log);
    free(copy);
    return result;
}

static int parse(const char *xml, size_t length, struct su_buf *log)
{
    SU_AUTO(su_xml) struct su_xml *parser = su_xml_new(&handler, log, &e);
    assert_non_null(parser);
    return su_xml_feed(parser, xml, length, &e) < 0 ? -1 : su_xml_finish(parser, &e);
}

/* True when it was plain. */
static bool compare(const char *xml, size_t length)
{
    SU_AUTO(su_buf) struct su_buf quick = SU_BUF_INIT(64 * SU_MIB), slow = SU_BUF_INIT(64 * SU_MIB);
    if (!is_plain(xml, length, &quick))
        return false;
    su_err_clear(&e);
    if (parse(xml, length, &slow) < 0)
        fail_msg("libxml2 says \"%s\" of: %.*s", e.text, (int)length, xml);
    if (quick.length != slow.length || memcmp(quick.bytes, slow.bytes, quick.length) != 0)
        fail_msg("of %.*s\nlibxml2 makes %s\nnot %s", (int)length, xml, slow.bytes, quick.bytes);
    return true;
}

static void test_what_is_plain(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "<a/>", "<a></a>", "<a />", "<a ></a >", "<a>t</a>\r\n\t ", "<a>\n\t <b/>\r\n</a>", "<a x='1' y=\"2\"\n z='\"'/>", "<a.b-c_d/>",
        "<a>&lt;&gt;&amp;&quot;&apos;</a>", "<a x='&lt;&gt;&amp;&quot;&apos;' y='&amp;lt;'/>", "<a x=''/>", "<a x='>'>></a>",
        "<a>]] ]> ]</a>", "<a>]</a>", "<a>\xe2\x82\xac\xf0\x9f\x98\x80\x7f</a>", "<a x='\xc3\xa9'/>", "<a>l1\r\nl2</a>",
        "<a xmlns='http://h.example/x'><b x='1'/></a>", "<u:a xmlns:u='http://h/1'><u:b u:x='y' xmlns:u='http://h/2'/><u:c/></u:a>",
        "<u:a xmlns:u='http://h/1' u:x='1'/>", "<a x:y='1' xmlns:x='http://h/1'/>", "<a><!-- c - c --><!----></a>", "<a>t<!--x-->t</a>",
        "<a xmlns='http://h/1'><b xmlns='http://h/1'><c/></b></a>",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!compare(texts[i], strlen(texts[i])))
            fail_msg("is plain: %s", texts[i]);
}

static void test_what_is_not(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", " ", "<", "<a", "<a ", "<a/", "<a>", "<a></", "<a></a", "<a></b>", "<a></ab>", "<ab></a>", "</a>", "t", "<a/>t", "<a/><b/>", " <a/>",
        "\xef\xbb\xbf<a/>", "<?xml version='1.0'?><a/>", "<!DOCTYPE a><a/>", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "<a><![CDATA[x]]></a>",
        "<a><?p x?></a>", "<!-- c --><a/>", "<a/><!-- c -->", "<a><!-- -- --></a>", "<a><!-->", "<a><!--->", "<a><!-- ", "<a><!--x--", "<a><!--\x01--></a>",
        "<a>&#65;</a>", "<a>&nbsp;</a>", "<a>&amp</a>", "<a>&</a>", "<a>]]></a>", "<a>\x01</a>", "<a>\r</a>", "<a>\xff</a>", "<a>\xef\xbf\xbf</a>",
        "<a>\xed\xa0\x80</a>", "<a>\xc0\xaf</a>", "<a>\xe2\x82</a>", "<a x/>", "<a x=/>", "<a x=1/>", "<a x='/>", "<a x='1'y='2'/>", "<a x='<'/>",
        "<a x='&'/>", "<a x='\t'/>", "<a x='\n'/>", "<a x='\x02'/>", "<a x='1' x='2'/>", "<a x ='1'/>", "<a / >", "<1/>", "<-a/>", "< a/>", "<a:/>", "<:a/>",
        "<a:b:c xmlns:a='http://h/1'/>", "<u:a/>", "<a u:x='1'/>", "<a xml:lang='en'/>", "<a xmlns:u=''/>", "<a xmlns=''/>", "<a xmlns='urn:x'/>",
        "<a xmlns='http://'/>", "<a xmlns='http://h/%zz'/>", "<a xmlns:u='http://h/1' xmlns:u='http://h/1'/>", "<a xmlns='http://h/1' xmlns='http://h/2'/>",
        "<a xmlns:xml='http://h/1'/>", "<a xmlns:xmlns='http://h/1'/>", "<a xmlns:x='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns:x='http://www.w3.org/2000/xmlns/'/>", "<a xmlns:x='http://h/&amp;'/>", "<u:a xmlns:u='http://h/1'></a>", "<a/>x", "<a/>\x01",
        "<a xmlns:x='http://h/1' xmlns:y='http://h/1' x:i='1' y:i='2'/>", "<\xc3\xa9/>", "<a><u:b xmlns:u='http://h/1'/><u:c/></a>", "<stop/>",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        SU_AUTO(su_buf) struct su_buf log = SU_BUF_INIT(1000);
        if (is_plain(texts[i], strlen(texts[i]), &log))
            fail_msg("is not plain: %s", texts[i]);
    }
    SU_AUTO(su_buf) struct su_buf log = SU_BUF_INIT(1000);
    assert_false(is_plain("<a>\0</a>", 8, &log));
    assert_false(is_plain("<a x='\0'/>", 10, &log));
}

static bool is_plain_tag(const char *attribute, unsigned count)
{
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(SU_MIB);
    su_buf_adds(&xml, "<a");
    for (unsigned i = 0; i < count; i++)
        su_buf_addf(&xml, attribute[0] == 'x' ? " xmlns:n%u='http://h/%u'" : " n%u='%u'", i, i);
    su_buf_adds(&xml, "/>");
    return compare(xml.bytes, xml.length);
}

static bool is_plain_depth(unsigned depth, const char *more)
{
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(SU_MIB);
    for (unsigned i = 0; i < depth; i++)
        su_buf_addf(&xml, "<e%s>", more);
    for (unsigned i = 0; i < depth; i++)
        su_buf_adds(&xml, "</e>");
    return compare(xml.bytes, xml.length);
}

static bool is_plain_value(size_t length, const char *one)
{
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(SU_MIB);
    su_buf_adds(&xml, "<a x='");
    for (size_t i = 0; i < length; i += strlen(one))
        su_buf_adds(&xml, one);
    su_buf_adds(&xml, "'/>");
    return compare(xml.bytes, xml.length);
}

/* Where its tables end it leaves the document to libxml2, whose limits hold. */
static void test_limits(void **state)
{
    (void)state;
    assert_true(is_plain_tag("n", SU_MAX_XML_ATTRIBUTES));
    assert_false(is_plain_tag("n", SU_MAX_XML_ATTRIBUTES + 1));
    assert_true(is_plain_tag("xmlns", SU_MAX_XML_ATTRIBUTES));
    assert_false(is_plain_tag("xmlns", SU_MAX_XML_ATTRIBUTES + 1));
    assert_true(is_plain_depth(SU_MAX_XML_DEPTH, ""));
    assert_false(is_plain_depth(SU_MAX_XML_DEPTH + 1, ""));
    assert_true(is_plain_depth(64, " xmlns:a='http://h/a' xmlns:b='http://h/b'"));
    assert_false(is_plain_depth(65, " xmlns:a='http://h/a' xmlns:b='http://h/b'")); /* 130 scopes */
    assert_true(is_plain_value(16 * SU_KIB - 20, "x"));
    assert_false(is_plain_value(16 * SU_KIB, "x"));
    assert_true(is_plain_value(16 * SU_KIB - 20, "&amp;"));
    assert_false(is_plain_value(16 * SU_KIB, "&amp;"));
}

/* Open tags keep their words: more than fits is refused, never written past the end. */
static void test_many_words_at_once(void **state)
{
    (void)state;
    for (size_t length = 100; length < 12000; length = length * 5 / 4) {
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(4 * SU_MIB);
        char *name = malloc(length + 1);
        assert_non_null(name);
        memset(name, 'n', length);
        name[length] = 0;
        for (int i = 0; i < 100; i++)
            su_buf_addf(&xml, "<%s xmlns:p%d='http://h/%s'>", name, i, i % 3 ? "x" : name);
        for (int i = 0; i < 100; i++)
            su_buf_addf(&xml, "</%s>", name);
        assert_true(compare(xml.bytes, xml.length) == (length < 500));
        free(name);
    }
}

static uint32_t seed = 1;
static uint32_t below(uint32_t bound)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(seed >> 4) * bound >> 28);
}

#define PICK(list) (list)[below(sizeof(list) / sizeof *(list))]

static void add_random_text(struct su_buf *xml, bool is_value)
{
    static const char *const pieces[] = {"", " ", "a", "word", "twelve chars", "&lt;", "&gt;", "&amp;", "&quot;", "&apos;", "\xc3\xa9", "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80", ">", "]", "]]", "\x7f", ":", "/", "--", "=", "amp;", "'", "\""};
    static const char *const odd[] = {"<", "&", "]]>", "\r", "\n", "\r\n", "\t", "&#65;", "&x;", "\1", "\xff", "\xef\xbf\xbe", "\xed\xa0\x80", "<![CDATA[x]]>",
                                      "<?p?>", "<!-- c -->", "<!---->", "<!-- -- -->", "\xc2\x85", "\xef\xb7\x90"};
    for (uint32_t n = below(6); n > 0; n--) {
        const char *piece = below(100) == 0 || (!is_value && below(8) == 0) ? PICK(odd) : PICK(pieces);
        if (!is_value || !strpbrk(piece, "'"))
            su_buf_adds(xml, piece);
    }
}

static const char *random_name(void)
{
    static const char *const names[] = {"a", "b", "c", "u:a", "u:b", "v:a", "v:c", "Update", "a-b.c_1", "u:Longer.Name-than8"};
    static const char *const odd[] = {"w:a", "xml:lang", "xmlns", "xmlns:", "u:", ":a", "1a", "-a", "a:b:c", "\xc3\xa9", "", "xmlns:u"};
    return below(200) == 0 ? PICK(odd) : PICK(names);
}

static void add_random_attributes(struct su_buf *xml)
{
    static const char *const uris[] = {"http://h/1", "http://h/2", "http://a.example/x-y/z_1.2", "http://h/1", "http://h//"};
    static const char *const odd[] = {"", "urn:x", "http://", "http:///x", "http://h/%41", "http://h/%", "http://h:8/", "h", "http://www.w3.org/2000/xmlns/",
                                      "http://h/\xc3\xa9", "http://h/ ", "http://h/&amp;"};
    static const char *const prefixes[] = {":u", ":v", "", ":u", ":w", ":xml"};
    for (uint32_t n = below(3); n > 0; n--)
        su_buf_addf(xml, " xmlns%s='%s'", prefixes[below(below(100) == 0 ? 6 : 4)], below(60) == 0 ? PICK(odd) : PICK(uris));
    for (uint32_t n = below(4); n > 0; n--) {
        su_buf_addf(xml, "%s%s%s", below(300) ? " " : below(2) ? "" : "\r\n\t", random_name(), below(300) ? "='" : " = '");
        add_random_text(xml, true);
        su_buf_adds(xml, "'");
    }
}

static void add_random_element(struct su_buf *xml, unsigned depth)
{
    const char *name = random_name();
    su_buf_addf(xml, "<%s", name);
    add_random_attributes(xml);
    if (below(4) == 0) {
        su_buf_adds(xml, below(2) ? "/>" : " />");
        return;
    }
    su_buf_adds(xml, below(100) ? ">" : " >");
    for (uint32_t n = depth < 5 ? below(4) : 0; n > 0; n--) {
        add_random_text(xml, false);
        add_random_element(xml, depth + 1);
    }
    add_random_text(xml, false);
    su_buf_addf(xml, "</%s%s>", below(300) ? name : random_name(), below(50) ? "" : "\n");
}

/* XML_ROUNDS=5000000 for a long run. */
static void test_random_documents(void **state)
{
    (void)state;
    const char *wanted = getenv("XML_ROUNDS");
    unsigned long rounds = wanted ? strtoul(wanted, NULL, 10) : 20000, taken = 0;
    for (unsigned long i = 0; i < rounds; i++) {
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(SU_MIB);
        su_buf_addf(&xml, "<a xmlns:u='http://h/%u' xmlns:v='http://h/2'>", below(3));
        add_random_element(&xml, 0);
        su_buf_adds(&xml, below(50) ? "</a>" : "</a> \r\n");
        for (uint32_t n = below(4) == 0 ? 1 + below(2) : 0; n > 0; n--) { /* and a few bytes of it changed */
            static const char bytes[] = "<>&'\"/= :!?-]a1\0\r\n\t\x7f\x80\xbf\xc3\xe2\xef\xff";
            xml.bytes[below((uint32_t)xml.length)] = bytes[below(sizeof bytes - 1)];
        }
        taken += compare(xml.bytes, below(50) ? xml.length : below((uint32_t)xml.length));
    }
    assert_true(taken > rounds / 5);
    assert_true(taken < rounds);
}

/* A document of the usual kind, long enough for libxml2's pieces of 64 KiB, and each of its bytes replaced. */
static void test_every_byte_replaced(void **state)
{
    (void)state;
    static const char xml[] =
        "<upd:Update xmlns:upd=\"http://schemas.microsoft.com/msus/2002/12/Update\" xmlns:bar=\"http://h/1\"><upd:Title>A &amp; B \xe2\x82\xac</upd:Title>"
        "<!-- c --><bar:X Name='a&lt;b' xmlns:bar=\"http://h/1\" /><y xmlns='http://h/2'>]\r\n</y></upd:Update>\n";
    static const char bytes[] = " <>&'\"/=:!?-]xm1\0\r\n\x01\x80\xc3\xef";
    assert_true(compare(xml, sizeof xml - 1));
    for (size_t at = 0; at + 1 < sizeof xml; at++)
        for (size_t i = 0; i + 1 < sizeof bytes; i++) {
            char changed[sizeof xml];
            memcpy(changed, xml, sizeof xml);
            changed[at] = bytes[i];
            (void)compare(changed, sizeof xml - 1);
        }
}

static void test_long_documents(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(4 * SU_MIB);
    su_buf_adds(&xml, "<r xmlns:u='http://h/1'>");
    while (xml.length < 2 * SU_MIB) {
        uint32_t n = below(300);
        su_buf_adds(&xml, "<u:e x='");
        for (uint32_t i = 0; i < n; i++)
            su_buf_adds(&xml, below(20) ? "v" : "&amp;");
        su_buf_adds(&xml, "'>\r\n");
        for (uint32_t i = 0; i < n * 5; i++)
            su_buf_adds(&xml, below(20) ? "t" : below(2) ? "\xe2\x82\xac" : "\r\n");
        su_buf_adds(&xml, "</u:e>");
    }
    su_buf_adds(&xml, "</r>");
    assert_true(compare(xml.bytes, xml.length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_plain),
        cmocka_unit_test(test_what_is_not),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_words_at_once),
        cmocka_unit_test(test_random_documents),
        cmocka_unit_test(test_every_byte_replaced),
        cmocka_unit_test(test_long_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
