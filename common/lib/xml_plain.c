#include "common/lib/xml_plain.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"

#define TAG_BYTES (16 * SU_KIB)
#define SCOPES 128

struct word {
    const char *at;
    size_t length;
};

struct name {
    struct word prefix, local; /* no prefix: no length */
};

/* A prefix and what it stands for while its element is open. The address is terminated. */
struct scope {
    struct word prefix, uri;
};

struct element {
    struct word name; /* as the end tag has to repeat it */
    const char *uri, *local;
    size_t words, scopes; /* how much of them was there before */
};

struct plain {
    const struct su_xml_handler *handler;
    void *context;
    struct su_err err; /* the handler's: nobody is told */
    const char *at, *end;
    size_t depth, scope_count, attribute_count, words_used;
    struct element open[SU_MAX_XML_DEPTH];
    struct scope scopes[SCOPES];
    struct name names[SU_MAX_XML_ATTRIBUTES];
    struct su_xml_attribute attributes[SU_MAX_XML_ATTRIBUTES];
    char words[4 * TAG_BYTES]; /* what is handed out terminated or decoded; a stack */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool begins_name(char c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26 || c == '_';
}

/* Letters, digits, `_`, `-`, `.`: a bit for each. */
static bool is_in_name(char c)
{
    uint64_t set = c & 64 ? UINT64_C(0x07fffffe87fffffe) : UINT64_C(0x03ff600000000000);
    return (uint8_t)c < 128 && (set >> (c & 63) & 1);
}

static bool is_same(struct word a, struct word b)
{
    return a.length == b.length &&
           (a.length == 0 || (a.at[0] == b.at[0] && memcmp(a.at, b.at, a.length) == 0));
}

#define IS(it, text) is_same(it, (struct word){text, sizeof(text) - 1})

static char *keep(struct plain *p, struct word word)
{
    char *copy = p->words + p->words_used;
    if (word.length >= sizeof p->words - p->words_used)
        return NULL;
    memcpy(copy, word.at, word.length);
    copy[word.length] = 0;
    p->words_used += word.length + 1;
    return copy;
}

static bool skip(struct plain *p, char c)
{
    bool is_there = p->at < p->end && *p->at == c;
    p->at += is_there;
    return is_there;
}

static bool skip_blanks(struct plain *p)
{
    const char *from = p->at;
    while (p->at < p->end && is_blank(*p->at))
        p->at++;
    return p->at > from;
}

static bool read_part(struct plain *p, struct word *out)
{
    const char *at = p->at;
    if (at == p->end || !begins_name(*at))
        return false;
    while (at < p->end && is_in_name(*at))
        at++;
    *out = (struct word){p->at, (size_t)(at - p->at)};
    p->at = at;
    return true;
}

static bool read_name(struct plain *p, struct name *out)
{
    if (!read_part(p, &out->local))
        return false;
    out->prefix = (struct word){.at = out->local.at};
    if (!skip(p, ':'))
        return true;
    out->prefix = out->local;
    return read_part(p, &out->local);
}

/* Of eight bytes those at the start that are ASCII and mean nothing but themselves, in a text and in a value:
 * from the blank on, and no `<`, `&`, `]`, quote. */
static size_t count_plain(const char *at)
{
#define EACH(c) (UINT64_C(0x0101010101010101) * (c))
#define HAS(c) (((eight ^ EACH(c)) - EACH(1)) & ~(eight ^ EACH(c)))
    uint64_t eight;
    memcpy(&eight, at, sizeof eight);
    eight = le64toh(eight);
    /* The high bit of a byte that is one of them, and perhaps of some above it. */
    uint64_t others = HAS('<') | HAS('&') | HAS(']') | HAS('"') | HAS('\'') | (eight - EACH(' ')) | eight;
    others &= EACH(0x80);
    return others == 0 ? 8 : (size_t)__builtin_ctzll(others) / 8;
}

static void skip_plain(struct plain *p)
{
    for (size_t n = 8; n == 8 && p->end - p->at >= 8; p->at += n)
        n = count_plain(p->at);
}

/* To the next character; false where there is none, or one that XML does not allow or that would be changed.
 */
static bool step(struct plain *p)
{
    uint32_t c;
    size_t n = p->at < p->end ? su_utf8_decode(p->at, (size_t)(p->end - p->at), &c) : 0;
    p->at += n;
    return n > 0 && c >= ' ' && c != 0xfffe && c != 0xffff;
}

/* At the `&`; a NUL: none of the five. */
static char read_entity(const char **at, const char *end)
{
    static const char *const entities[] = {"<&lt;", ">&gt;", "&&amp;", "\"&quot;", "'&apos;"};
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
        size_t n = strlen(entities[i] + 1);
        if ((size_t)(end - *at) < n || memcmp(*at, entities[i] + 1, n) != 0)
            continue;
        *at += n;
        return entities[i][0];
    }
    return 0;
}

/* The value, which is known to hold nothing wrong, without its entities. */
static bool decode(struct plain *p, struct word *value)
{
    char *to = keep(p, *value);
    if (!to)
        return false;
    const char *from = to, *end = to + value->length;
    value->at = to;
    while (from < end)
        *to++ = *from == '&' ? read_entity(&from, end) : *from++;
    value->length = (size_t)(to - value->at);
    return true;
}

static bool read_value(struct plain *p, struct word *out, bool *has_entity)
{
    char quote = p->at < p->end ? *p->at : 0;
    *has_entity = false;
    if (quote != '"' && quote != '\'')
        return false;
    const char *from = ++p->at;
    for (;;) {
        skip_plain(p);
        if (p->at == p->end || *p->at == '<')
            return false;
        if (*p->at == quote)
            break;
        bool is_entity = *p->at == '&';
        *has_entity |= is_entity;
        if (is_entity ? !read_entity(&p->at, p->end) : !step(p))
            return false;
    }
    *out = (struct word){from, (size_t)(p->at++ - from)};
    return true;
}

static const struct scope *find_scope(const struct plain *p, struct word prefix)
{
    for (size_t i = p->scope_count; i-- > 0;)
        if (is_same(p->scopes[i].prefix, prefix))
            return &p->scopes[i];
    return NULL;
}

/* libxml2 takes a namespace's name apart as a URI; of this form it is one. Two are reserved. */
static bool is_address(struct word uri)
{
    static const char start[] = "http://";
    size_t n = sizeof start - 1;
    if (uri.length <= n || memcmp(uri.at, start, n) != 0 || !begins_name(uri.at[n]) ||
        IS(uri, "http://www.w3.org/XML/1998/namespace") || IS(uri, "http://www.w3.org/2000/xmlns/"))
        return false;
    while (n < uri.length && (is_in_name(uri.at[n]) || uri.at[n] == '/'))
        n++;
    return n == uri.length;
}

static bool declare(struct plain *p, size_t first, struct word prefix, struct word uri)
{
    const struct scope *outer = find_scope(p, prefix);
    struct scope *scope = &p->scopes[p->scope_count];
    if (p->scope_count == SCOPES || p->scope_count - first == SU_MAX_XML_ATTRIBUTES || IS(prefix, "xml") ||
        IS(prefix, "xmlns") || (outer && outer >= &p->scopes[first]))
        return false;
    if (outer && is_same(outer->uri, uri)) /* documents say again what they have said */
        uri = outer->uri;
    else if (!is_address(uri) || !(uri.at = keep(p, uri)))
        return false;
    *scope = (struct scope){prefix, uri};
    p->scope_count++;
    return true;
}

static bool read_attribute(struct plain *p, size_t first_scope)
{
    struct name name;
    struct word value;
    bool has_entity;
    if (!read_name(p, &name) || !skip(p, '=') || !read_value(p, &value, &has_entity))
        return false;
    if (IS(name.prefix, "xmlns"))
        return !has_entity && declare(p, first_scope, name.local, value);
    if (name.prefix.length == 0 && IS(name.local, "xmlns"))
        return !has_entity && declare(p, first_scope, name.prefix, value);
    if (p->attribute_count == SU_MAX_XML_ATTRIBUTES)
        return false;
    for (size_t i = 0; i < p->attribute_count; i++)
        if (is_same(p->names[i].local, name.local)) /* twice, unless in two namespaces */
            return false;
    const char *local = keep(p, name.local);
    if (!local || (has_entity && !decode(p, &value)))
        return false;
    p->attributes[p->attribute_count] = (struct su_xml_attribute){local, value.at, value.length};
    p->names[p->attribute_count++] = name;
    return true;
}

static bool are_prefixes_known(const struct plain *p)
{
    for (size_t i = 0; i < p->attribute_count; i++)
        if (p->names[i].prefix.length > 0 && !find_scope(p, p->names[i].prefix))
            return false;
    return true;
}

static bool end_element(struct plain *p)
{
    const struct element *e = &p->open[--p->depth];
    p->words_used = e->words;
    p->scope_count = e->scopes;
    return p->handler->end(p->context, e->uri, e->local, &p->err) == 0;
}

static bool begin_element(struct plain *p, struct element *e, struct name name)
{
    const struct scope *scope = find_scope(p, name.prefix);
    if ((!scope && name.prefix.length > 0) || !are_prefixes_known(p))
        return false;
    e->uri = scope ? scope->uri.at : "";
    p->depth++;
    return p->handler->start(p->context, e->uri, e->local, p->attributes, p->attribute_count, &p->err) == 0;
}

static bool read_start_tag(struct plain *p)
{
    const char *from = p->at++;
    struct name name;
    if (p->depth == SU_MAX_XML_DEPTH || !read_name(p, &name))
        return false;
    struct element *e = &p->open[p->depth];
    *e = (struct element){
        .name = {from + 1, (size_t)(p->at - from - 1)}, .words = p->words_used, .scopes = p->scope_count};
    e->local = keep(p, name.local);
    p->attribute_count = 0;
    if (!e->local)
        return false;
    while (skip_blanks(p) && p->at < p->end && *p->at != '/' && *p->at != '>')
        if (!read_attribute(p, e->scopes))
            return false;
    bool is_empty = skip(p, '/');
    if (!skip(p, '>') || (size_t)(p->at - from) > TAG_BYTES || !begin_element(p, e, name))
        return false;
    return !is_empty || end_element(p);
}

static bool read_end_tag(struct plain *p)
{
    struct word name = p->open[p->depth - 1].name;
    p->at += 2;
    if ((size_t)(p->end - p->at) < name.length || memcmp(p->at, name.at, name.length) != 0)
        return false;
    p->at += name.length;
    (void)skip_blanks(p);
    return skip(p, '>') && end_element(p);
}

static bool give(struct plain *p, const char *from, size_t length)
{
    return length == 0 || p->handler->text(p->context, from, length, &p->err) == 0;
}

/* What stands for something else; it begins with one of "&\r]". */
static bool read_special(struct plain *p)
{
    if (*p->at == '&') {
        char c = read_entity(&p->at, p->end);
        return c && give(p, &c, 1);
    }
    if (*p->at == '\r') /* XML 1.0 2.11: a line end is one character; alone it would become another */
        return p->end - ++p->at > 0 && *p->at == '\n';
    return (p->end - p->at < 3 || memcmp(p->at, "]]>", 3) != 0) && give(p, p->at++, 1);
}

static bool is_special(char c)
{
    return c == '<' || c == '&' || c == '\r' || c == ']';
}

static bool read_text(struct plain *p)
{
    while (p->at < p->end && *p->at != '<') {
        const char *from = p->at;
        for (skip_plain(p); p->at < p->end && !is_special(*p->at); skip_plain(p))
            if (*p->at == '\n' || *p->at == '\t')
                p->at++;
            else if (!step(p))
                return false;
        if (!give(p, from, (size_t)(p->at - from)))
            return false;
        if (p->at < p->end && *p->at != '<' && !read_special(p))
            return false;
    }
    return true;
}

static bool read_comment(struct plain *p)
{
    const char *dashes = memmem(p->at + 4, (size_t)(p->end - p->at) - 4, "--", 2);
    if (!dashes || (size_t)(dashes - p->at) > TAG_BYTES)
        return false;
    for (p->at += 4; p->at < dashes;)
        if (!skip_blanks(p) && !step(p))
            return false;
    p->at += 2;
    return skip(p, '>');
}

static bool next_is(const struct plain *p, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(p->end - p->at) >= n && memcmp(p->at, text, n) == 0;
}

static bool read_next(struct plain *p)
{
    return !next_is(p, "<")     ? read_text(p)
           : next_is(p, "</")   ? read_end_tag(p)
           : next_is(p, "<!--") ? read_comment(p)
                                : read_start_tag(p);
}

bool su_xml_plain(const char *document, size_t length, const struct su_xml_handler *handler, void *context)
{
    struct plain p; /* 90 KiB, of which a document uses little: not zeroed */
    p.handler = handler;
    p.context = context;
    p.err = (struct su_err)SU_ERR_INIT;
    p.at = document;
    p.end = document + length;
    p.depth = p.scope_count = p.words_used = 0;
    if (!next_is(&p, "<") || !read_start_tag(&p))
        return false;
    while (p.depth > 0)
        if (p.at == p.end || !read_next(&p))
            return false;
    (void)skip_blanks(&p);
    return p.at == p.end;
}
