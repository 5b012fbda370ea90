#include "common/source/vendor/vendor_split.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/sdp_parse.h"
#include "common/lib/xml.h"

/* What may be in memory of the XML: a package, and what was pushed in last. */
#define FEED_BYTES (256 * SU_KIB)
#define MOST_DECLARED 64

struct declaration {
    const char *prefix, *uri;
};

struct su_vendor_split {
    su_vendor_take take;
    void *context;
    struct su_xml *xml;
    struct su_buf window; /* of the bytes pushed in */
    uint64_t from;        /* offset of window[0] */
    unsigned depth;
    bool has_root, is_whole, is_inside; /* the document is a package; in a package of a catalogue */
    bool has_properties;
    uint64_t start, tag_end; /* of the package's element: '<', and before its '>' */
    size_t skipped_count;    /* declarations the element makes itself */
    const char *skipped[MOST_DECLARED];
    struct su_vendor_package package;
    struct su_arena arena; /* of the root's declarations */
    SU_VEC(struct declaration) declared;
    struct su_buf document;
};

/* The '<' of the tag whose end is at `offset`: no other may stand in a tag. */
static int find_tag(const struct su_vendor_split *s, uint64_t offset, uint64_t *out, struct su_err *err)
{
    const char *found = offset > s->from && offset - s->from <= s->window.length
                            ? memrchr(s->window.bytes, '<', (size_t)(offset - s->from))
                            : NULL;
    if (!found)
        return su_fail(err, SU_BUG, "the start of an element is not where it was");
    *out = s->from + (uint64_t)(found - s->window.bytes);
    return 0;
}

static int keep_declarations(struct su_vendor_split *s, struct su_err *err)
{
    const char *prefix, *uri;
    for (size_t i = 0; su_xml_declared(s->xml, i, &prefix, &uri); i++) {
        struct declaration *d = SU_PUSH(&s->declared, MOST_DECLARED);
        if (!d || !(d->prefix = su_arena_text(&s->arena, prefix, strlen(prefix))) ||
            !(d->uri = su_arena_text(&s->arena, uri, strlen(uri))))
            return su_fail_memory(err);
    }
    return 0;
}

static int begin_package(struct su_vendor_split *s, struct su_err *err)
{
    const char *prefix, *uri;
    s->is_inside = true;
    s->has_properties = false;
    s->package = (struct su_vendor_package){.is_whole = s->is_whole};
    s->skipped_count = 0;
    if (s->is_whole)
        return 0;
    s->tag_end = su_xml_offset(s->xml);
    for (size_t i = 0; su_xml_declared(s->xml, i, &prefix, &uri); i++)
        for (size_t k = 0; k < s->declared.count && s->skipped_count < MOST_DECLARED; k++)
            if (strcmp(s->declared.at[k].prefix, prefix) == 0)
                s->skipped[s->skipped_count++] = s->declared.at[k].prefix;
    return find_tag(s, s->tag_end, &s->start, err);
}

static int on_properties(struct su_vendor_split *s, const struct su_xml_attribute *a, size_t count,
                         struct su_err *err)
{
    bool has_id = false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(a[i].name, "PackageID") == 0)
            has_id = su_guid_parse(&s->package.id, a[i].value, a[i].length);
        if (strcmp(a[i].name, "CreationDate") == 0 && a[i].length < sizeof s->package.created)
            memcpy(s->package.created, a[i].value, a[i].length); /* zeroed before */
    }
    s->has_properties = true;
    return has_id ? 0 : su_fail(err, SU_DATA, "a package has no valid PackageID");
}

static int on_start(void *context, const char *uri, const char *name,
                    const struct su_xml_attribute *attributes, size_t count, struct su_err *err)
{
    struct su_vendor_split *s = context;
    unsigned depth = s->depth++;
    bool is_package = su_sdp_is_root(uri, name);
    if (depth == 0) {
        s->has_root = true;
        s->is_whole = is_package;
        if (!is_package && (strcmp(uri, SU_SMC_URI) != 0 || strcmp(name, "SystemsManagementCatalog") != 0))
            return su_fail(err, SU_DATA, "the root element is %s, neither a package nor a catalogue of them",
                           name);
        return is_package ? begin_package(s, err) : keep_declarations(s, err);
    }
    if (depth == 1 && !s->is_whole && is_package)
        return begin_package(s, err);
    if (depth == (s->is_whole ? 1 : 2) && s->is_inside && !s->has_properties &&
        strcmp(uri, SU_SDP_URI) == 0 && strcmp(name, "Properties") == 0)
        return on_properties(s, attributes, count, err);
    return 0;
}

static void add_escaped(struct su_buf *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': su_buf_adds(out, "&amp;"); break;
        case '<': su_buf_adds(out, "&lt;"); break;
        case '"': su_buf_adds(out, "&quot;"); break;
        case '\t':
        case '\n':
        case '\r': su_buf_addf(out, "&#%d;", *text); break;
        default: su_buf_add(out, text, 1);
        }
}

static bool is_skipped(const struct su_vendor_split *s, const char *prefix)
{
    for (size_t i = 0; i < s->skipped_count; i++)
        if (s->skipped[i] == prefix)
            return true;
    return false;
}

/* The element with what it needs, from its '<' to `end`. */
static int make_document(struct su_vendor_split *s, uint64_t end, struct su_err *err)
{
    const char *element = s->window.bytes + (s->start - s->from);
    size_t length = (size_t)(end - s->start), name = 1 + strcspn(element + 1, " \t\r\n/>");
    su_buf_clear(&s->document);
    su_buf_add(&s->document, element, name);
    for (size_t i = 0; i < s->declared.count; i++) {
        const struct declaration *d = &s->declared.at[i];
        if (is_skipped(s, d->prefix))
            continue;
        su_buf_addf(&s->document, d->prefix[0] ? " xmlns:%s=\"" : " xmlns%s=\"", d->prefix);
        add_escaped(&s->document, d->uri);
        su_buf_adds(&s->document, "\"");
    }
    su_buf_add(&s->document, element + name, length - name);
    s->package.document = s->document.bytes;
    s->package.bytes = s->document.length;
    return su_buf_check(&s->document, "a package", err);
}

static int give(struct su_vendor_split *s, struct su_err *err)
{
    if (!s->has_properties)
        return su_fail(err, SU_DATA, "a package has no Properties");
    return s->take(s->context, &s->package, err);
}

static int on_end(void *context, const char *uri, const char *name, struct su_err *err)
{
    struct su_vendor_split *s = context;
    (void)uri, (void)name;
    if (--s->depth != 1 || s->is_whole || !s->is_inside)
        return 0;
    s->is_inside = false;
    return make_document(s, su_xml_offset(s->xml), err) < 0 ? -1 : give(s, err);
}

static int on_text(void *context, const char *text, size_t length, struct su_err *err)
{
    (void)context, (void)text, (void)length, (void)err;
    return 0;
}

struct su_vendor_split *su_vendor_split_new(su_vendor_take take, void *context, struct su_err *err)
{
    static const struct su_xml_handler handler = {on_start, on_end, on_text};
    struct su_vendor_split *s = calloc(1, sizeof *s);
    if (!s) {
        (void)su_fail_memory(err);
        return NULL;
    }
    s->take = take;
    s->context = context;
    s->window = (struct su_buf)SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES + FEED_BYTES);
    s->document = (struct su_buf)SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES);
    s->arena = (struct su_arena)SU_ARENA_INIT(SU_MIB);
    if (!(s->xml = su_xml_new(&handler, s, err)))
        su_vendor_split_cleanup(&s);
    return s;
}

/* Only what a package that is not at its end needs stays in the window. */
static void forget(struct su_vendor_split *s)
{
    uint64_t needed = s->is_whole || !s->has_root ? 0 : s->is_inside ? s->start : su_xml_offset(s->xml);
    size_t gone = needed > s->from ? (size_t)(needed - s->from) : 0;
    if (gone > s->window.length)
        gone = s->window.length;
    if (gone == 0)
        return;
    memmove(s->window.bytes, s->window.bytes + gone, s->window.length - gone);
    s->window.length -= gone;
    s->window.bytes[s->window.length] = 0;
    s->from += gone;
}

int su_vendor_split_feed(struct su_vendor_split *s, const char *bytes, size_t length, struct su_err *err)
{
    while (length > 0) {
        size_t piece = length < FEED_BYTES ? length : FEED_BYTES;
        su_buf_add(&s->window, bytes, piece);
        if (su_buf_check(&s->window, "a package", err) < 0 || su_xml_feed(s->xml, bytes, piece, err) < 0)
            return -1;
        forget(s);
        bytes += piece;
        length -= piece;
    }
    return 0;
}

int su_vendor_split_finish(struct su_vendor_split *s, struct su_err *err)
{
    if (su_xml_finish(s->xml, err) < 0)
        return -1;
    if (!s->is_whole)
        return 0;
    s->package.document = s->window.bytes;
    s->package.bytes = s->window.length;
    return give(s, err);
}

void su_vendor_split_cleanup(struct su_vendor_split **s)
{
    if (!*s)
        return;
    su_xml_cleanup(&(*s)->xml);
    su_buf_cleanup(&(*s)->window);
    su_buf_cleanup(&(*s)->document);
    su_arena_cleanup(&(*s)->arena);
    free((*s)->declared.at);
    free(*s);
    *s = NULL;
}
