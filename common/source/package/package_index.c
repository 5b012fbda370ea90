#include "common/source/package/package_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/lib/xml.h"

struct su_index_parser {
    struct su_package_index *index;
    struct su_xml *xml;
    su_index_document document;
    void *context;
    enum {
        TOP,
        IN_PACKAGE,
        IN_LANGUAGES,
        IN_FILES,
        IN_UPDATES,
        IN_UPDATE,
        IN_UPDATE_FILES,
        IN_LIST,
        IN_DOCUMENT,
        IN_UNKNOWN
    } stack[SU_MAX_XML_DEPTH + 1];
    size_t depth;
    bool has_updates, has_package, is_sorted;
    struct su_buf text;
};

void su_package_index_cleanup(struct su_package_index *index)
{
    free(index->entries.at);
    free(index->files.at);
    su_buf_cleanup(&index->urls);
    *index = (struct su_package_index)SU_PACKAGE_INDEX_INIT;
}

static const struct su_xml_attribute *find(const struct su_xml_attribute *a, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(a[i].name, name) == 0)
            return &a[i];
    return NULL;
}

static int copy_attribute(char *out, size_t room, const struct su_xml_attribute *a, size_t count,
                          const char *name, struct su_err *err)
{
    const struct su_xml_attribute *found = find(a, count, name);
    if (!found || found->length == 0 || found->length >= room)
        return su_fail(err, SU_DATA, "ExportPackage has no valid %s", name);
    memcpy(out, found->value, found->length);
    out[found->length] = 0;
    return 0;
}

static bool is_version(const char *text)
{
    const char *dot = strchr(text, '.');
    size_t major = strspn(text, "0123456789");
    return dot && major > 0 && text + major == dot && dot[1] &&
           strspn(dot + 1, "0123456789") == strlen(dot + 1);
}

static int on_package(struct su_index_parser *p, const struct su_xml_attribute *a, size_t count,
                      struct su_err *err)
{
    char format[16];
    struct su_guid server;
    struct su_package_index *index = p->index;
    p->has_package = true;
    if (copy_attribute(format, sizeof format, a, count, "FormatVersion", err) < 0 ||
        copy_attribute(index->protocol, sizeof index->protocol, a, count, "ProtocolVersion", err) < 0 ||
        copy_attribute(index->created, sizeof index->created, a, count, "CreationTime", err) < 0 ||
        copy_attribute(index->server_id, sizeof index->server_id, a, count, "ServerID", err) < 0)
        return -1;
    if (strcmp(format, "1.0") != 0)
        return su_fail(err, SU_DATA, "FormatVersion is %s, only 1.0 is known", format);
    if (!is_version(index->protocol))
        return su_fail(err, SU_DATA, "ProtocolVersion %s is not major.minor", index->protocol);
    if (!su_guid_parse(&server, index->server_id, strlen(index->server_id)))
        return su_fail(err, SU_DATA, "ServerID %s is not a GUID", index->server_id);
    if (strspn(index->created, SU_PACKAGE_TIME) != strlen(index->created) || strlen(index->created) < 19)
        return su_fail(err, SU_DATA, "CreationTime %s is not a time", index->created);
    return 0;
}

static int on_map_file(struct su_index_parser *p, const struct su_xml_attribute *a, size_t count,
                       struct su_err *err)
{
    const struct su_xml_attribute *digest = find(a, count, "Digest"), *url = find(a, count, "MUUrl");
    struct su_package_file *file = SU_PUSH(&p->index->files, SU_MAX_PACKAGE_FILES);
    if (!file)
        return su_fail_full(err, "the file map has more than %u entries", SU_MAX_PACKAGE_FILES);
    if (!digest || !su_base64_parse(file->sha1, SU_SHA1_BYTES, digest->value, digest->length))
        return su_fail(err, SU_DATA, "entry %zu of the file map has no valid Digest", p->index->files.count);
    if (!url || url->length > SU_MAX_URL_BYTES)
        return su_fail(err, SU_DATA, "entry %zu of the file map has no valid MUUrl", p->index->files.count);
    file->url_at = p->index->urls.length;
    file->url_bytes = (uint32_t)url->length;
    su_buf_add(&p->index->urls, url->value, url->length);
    return su_buf_check(&p->index->urls, "the file map", err);
}

static int compare_files(const void *a, const void *b)
{
    return memcmp(((const struct su_package_file *)a)->sha1, ((const struct su_package_file *)b)->sha1,
                  SU_SHA1_BYTES);
}

/* A digest listed twice: the first in the file wins, whatever the sort does. */
static int compare_places(const void *a, const void *b)
{
    const struct su_package_file *x = a, *y = b;
    int order = compare_files(a, b);
    return order != 0 ? order : x->url_at < y->url_at ? -1 : x->url_at > y->url_at;
}

static void drop_repeated(struct su_package_index *index)
{
    size_t kept = 0;
    for (size_t i = 1; i < index->files.count; i++)
        if (compare_files(&index->files.at[kept], &index->files.at[i]) != 0)
            index->files.at[++kept] = index->files.at[i];
    index->files.count = kept + 1;
}

static void sort_files(struct su_index_parser *p)
{
    if (!p->is_sorted && p->index->files.count > 0) {
        qsort(p->index->files.at, p->index->files.count, sizeof *p->index->files.at, compare_places);
        drop_repeated(p->index);
    }
    p->is_sorted = true;
}

static int on_update(struct su_index_parser *p, const struct su_xml_attribute *a, size_t count,
                     struct su_err *err)
{
    const struct su_xml_attribute *id = find(a, count, "UpdateId"),
                                  *number = find(a, count, "RevisionNumber");
    struct su_package_entry *entry = SU_PUSH(&p->index->entries, SU_MAX_PACKAGE_REVISIONS);
    uint64_t revision;
    if (!entry)
        return su_fail_full(err, "the package lists more than %u revisions", SU_MAX_PACKAGE_REVISIONS);
    if (!id || !su_guid_parse(&entry->id, id->value, id->length))
        return su_fail(err, SU_DATA, "update %zu has no valid UpdateId", p->index->entries.count);
    if (!number || !su_u64_parse(&revision, number->value, number->length, UINT32_MAX))
        return su_fail(err, SU_DATA, "update %zu has no valid RevisionNumber", p->index->entries.count);
    entry->revision = (uint32_t)revision;
    return 0;
}

static int on_update_file(struct su_index_parser *p, const struct su_xml_attribute *a, size_t count,
                          struct su_err *err)
{
    const struct su_xml_attribute *digest = find(a, count, "Digest");
    uint8_t sha1[SU_SHA1_BYTES];
    size_t length;
    if (!digest || !su_base64_parse(sha1, SU_SHA1_BYTES, digest->value, digest->length))
        return su_fail(err, SU_DATA, "update %zu names a file without a valid Digest",
                       p->index->entries.count);
    if (!su_package_index_url(p->index, sha1, &length))
        return su_fail(err, SU_DATA, "update %zu names file %.*s, which is not in the file map",
                       p->index->entries.count, (int)digest->length, digest->value);
    return 0;
}

static int in_package(struct su_index_parser *p, const char *name, int *next, struct su_err *err)
{
    bool is_languages = strcmp(name, "Languages") == 0, is_files = strcmp(name, "Files") == 0;
    if ((is_languages || is_files) && p->has_updates)
        return su_fail(err, SU_DATA, "%s stands after Updates", name);
    if (strcmp(name, "Updates") == 0) {
        if (p->has_updates)
            return su_fail(err, SU_DATA, "there are two Updates lists");
        p->has_updates = true;
        sort_files(p);
        *next = IN_UPDATES;
    } else {
        *next = is_languages ? IN_LANGUAGES : is_files ? IN_FILES : IN_UNKNOWN;
    }
    return 0;
}

static int in_update(struct su_index_parser *p, const char *name, int *next)
{
    if (strcmp(name, "Files") == 0)
        *next = IN_UPDATE_FILES;
    else if (strcmp(name, "Categories") == 0 || strcmp(name, "Classifications") == 0)
        *next = IN_LIST;
    else if (p->document) {
        su_buf_clear(&p->text);
        *next = IN_DOCUMENT;
    }
    return 0;
}

static int on_start(void *context, const char *uri, const char *name, const struct su_xml_attribute *a,
                    size_t count, struct su_err *err)
{
    struct su_index_parser *p = context;
    int next = IN_UNKNOWN, result = 0;
    (void)uri;
    switch (p->stack[p->depth]) {
    case TOP:
        if (strcmp(name, "ExportPackage") != 0)
            return su_fail(err, SU_DATA, "the root element is %s, not ExportPackage", name);
        next = IN_PACKAGE;
        result = on_package(p, a, count, err);
        break;
    case IN_PACKAGE: result = in_package(p, name, &next, err); break;
    case IN_FILES:
        if (strcmp(name, "File") == 0)
            result = on_map_file(p, a, count, err);
        break;
    case IN_UPDATES:
        if (strcmp(name, "Update") == 0) {
            next = IN_UPDATE;
            result = on_update(p, a, count, err);
        }
        break;
    case IN_UPDATE: result = in_update(p, name, &next); break;
    case IN_UPDATE_FILES:
        if (strcmp(name, "File") == 0)
            result = on_update_file(p, a, count, err);
        break;
    case IN_DOCUMENT:
        return su_fail(err, SU_DATA, "update %zu holds its document as elements, whose exact bytes are lost",
                       p->index->entries.count);
    case IN_LANGUAGES:
    case IN_LIST:
    case IN_UNKNOWN: break;
    }
    p->stack[++p->depth] = (__typeof__(p->stack[0]))next;
    return result;
}

static int on_end(void *context, const char *uri, const char *name, struct su_err *err)
{
    struct su_index_parser *p = context;
    (void)uri, (void)name;
    if (p->stack[p->depth--] != IN_DOCUMENT)
        return 0;
    if (su_buf_check(&p->text, "a document", err) < 0)
        return -1;
    return p->document(p->context, &p->index->entries.at[p->index->entries.count - 1],
                       p->text.bytes ? p->text.bytes : "", p->text.length, err);
}

static int on_text(void *context, const char *text, size_t length, struct su_err *err)
{
    struct su_index_parser *p = context;
    (void)err;
    if (p->stack[p->depth] == IN_DOCUMENT)
        su_buf_add(&p->text, text, length);
    return 0;
}

struct su_index_parser *su_index_parser_new(struct su_package_index *index, su_index_document document,
                                            void *context, struct su_err *err)
{
    static const struct su_xml_handler handler = {on_start, on_end, on_text};
    struct su_index_parser *p = calloc(1, sizeof *p);
    if (!p) {
        (void)su_fail_memory(err);
        return NULL;
    }
    p->index = index;
    p->index->urls = (struct su_buf)SU_BUF_INIT(SU_MAX_PACKAGE_URL_BYTES);
    p->document = document;
    p->context = context;
    p->text = (struct su_buf)SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES);
    if (!(p->xml = su_xml_new(&handler, p, err)))
        su_index_parser_cleanup(&p);
    return p;
}

int su_index_parser_feed(struct su_index_parser *p, const char *bytes, size_t length, struct su_err *err)
{
    return su_xml_feed(p->xml, bytes, length, err);
}

int su_index_parser_finish(struct su_index_parser *p, struct su_err *err)
{
    if (su_xml_finish(p->xml, err) < 0)
        return -1;
    if (!p->has_updates)
        return su_fail(err, SU_DATA, "there is no Updates list");
    p->index->is_read = true;
    return 0;
}

void su_index_parser_cleanup(struct su_index_parser **p)
{
    if (!*p)
        return;
    su_xml_cleanup(&(*p)->xml);
    su_buf_cleanup(&(*p)->text);
    free(*p);
    *p = NULL;
}

const char *su_package_index_url(const struct su_package_index *index, const uint8_t sha1[SU_SHA1_BYTES],
                                 size_t *length)
{
    struct su_package_file key = {.url_bytes = 0};
    memcpy(key.sha1, sha1, SU_SHA1_BYTES);
    const struct su_package_file *found =
        index->files.count ? bsearch(&key, index->files.at, index->files.count, sizeof key, compare_files)
                           : NULL;
    if (!found)
        return NULL;
    *length = found->url_bytes;
    return index->urls.bytes + found->url_at;
}
