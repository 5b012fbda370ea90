#include "common/source/scan/scan_package.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/lib/xml.h"

#define OFFLINE "http://schemas.microsoft.com/msus/2004/02/OfflineSync"

enum place {
    OUTSIDE,
    ROOT,
    UPDATES,
    UPDATE,
    PAYLOAD,
    LICENCES,
    LICENCE,
    BUNDLED_BY,
    SUPERSEDED_BY,
    CATEGORIES,
    LOCATIONS,
    LOCATION,
    SKIPPED
};

struct su_scan_package {
    struct su_xml *xml;
    struct su_scan_rows *rows;
    su_scan_more more;
    void *context;
    struct su_scan_edition edition;
    enum place stack[SU_MAX_XML_DEPTH + 1];
    size_t depth;
    bool has_updates;
    uint64_t revision_id; /* of the Update being read */
    uint8_t licence[SU_SHA1_BYTES];
};

/* Which element leads from one place to another; any other is skipped with all that is in it. */
static const struct {
    enum place from;
    const char *name;
    enum place to;
} steps[] = {
    {OUTSIDE, "OfflineSyncPackage", ROOT}, {ROOT, "Updates", UPDATES},
    {ROOT, "FileLocations", LOCATIONS},    {UPDATES, "Update", UPDATE},
    {UPDATE, "PayloadFiles", PAYLOAD},     {UPDATE, "EulaFiles", LICENCES},
    {UPDATE, "BundledBy", BUNDLED_BY},     {UPDATE, "SupersededBy", SUPERSEDED_BY},
    {UPDATE, "Categories", CATEGORIES},    {LICENCES, "File", LICENCE},
    {LOCATIONS, "FileLocation", LOCATION},
};

static void copy(char *out, size_t room, struct su_scan_attributes a, const char *name)
{
    const struct su_xml_attribute *found = su_scan_find(a, name);
    char raw[64] = "";
    if (found && found->length < sizeof raw)
        memcpy(raw, found->value, found->length);
    su_escape_into(out, room, raw);
}

static void on_root(struct su_scan_package *p, struct su_scan_attributes a)
{
    copy(p->edition.created, sizeof p->edition.created, a, "CreationDate");
    copy(p->edition.package_id, sizeof p->edition.package_id, a, "PackageId");
    copy(p->edition.source_id, sizeof p->edition.source_id, a, "SourceId");
    copy(p->edition.version, sizeof p->edition.version, a, "PackageVersion");
}

static int on_update(struct su_scan_package *p, struct su_scan_attributes a, struct su_err *err)
{
    struct su_scan_update *u = SU_PUSH(&p->rows->updates, SU_SCAN_MOST_ROWS);
    char of[64];
    uint64_t revision;
    if (!u)
        return su_scan_too_many(err);
    if (su_scan_number(&u->revision_id, a, "an Update", "RevisionId", INT64_MAX, err) < 0)
        return -1;
    p->revision_id = u->revision_id;
    (void)snprintf(of, sizeof of, "the Update of RevisionId %llu", (unsigned long long)u->revision_id);
    if (su_scan_guid(&u->id, a, of, "UpdateId", err) < 0 ||
        su_scan_number(&revision, a, of, "RevisionNumber", UINT32_MAX, err) < 0)
        return -1;
    u->revision = (uint32_t)revision;
    u->is_bundle = su_scan_is_true(a, "IsBundle", false);
    u->is_leaf = su_scan_is_true(a, "IsLeaf", false);
    u->is_software = su_scan_is_true(a, "IsSoftware", true);
    if (su_scan_keep_attribute(p->rows, &u->created, a, "CreationDate", err) < 0 ||
        su_scan_keep_attribute(p->rows, &u->language, a, "DefaultLanguage", err) < 0 ||
        su_scan_keep_attribute(p->rows, &u->action, a, "DeploymentAction", err) < 0)
        return -1;
    return 0;
}

static int add_file(struct su_scan_package *p, const uint8_t sha1[SU_SHA1_BYTES], bool is_licence,
                    struct su_scan_attributes language, struct su_err *err)
{
    struct su_scan_file *file = SU_PUSH(&p->rows->files, SU_SCAN_MOST_ROWS);
    if (!file)
        return su_scan_too_many(err);
    file->revision_id = p->revision_id;
    memcpy(file->sha1, sha1, SU_SHA1_BYTES);
    file->is_licence = is_licence;
    file->name = "";
    return su_scan_keep_attribute(p->rows, &file->language, language, "Name", err);
}

static int on_payload(struct su_scan_package *p, struct su_scan_attributes a, struct su_err *err)
{
    uint8_t sha1[SU_SHA1_BYTES];
    const struct su_scan_attributes none = {NULL, 0};
    return su_scan_sha1(sha1, a, "a payload file", "Id", err) < 0 ? -1 : add_file(p, sha1, false, none, err);
}

static int on_relation(struct su_scan_package *p, enum su_scan_relation_kind kind,
                       struct su_scan_attributes a, struct su_err *err)
{
    struct su_scan_relation *relation = SU_PUSH(&p->rows->relations, SU_SCAN_MOST_ROWS);
    if (!relation)
        return su_scan_too_many(err);
    relation->revision_id = p->revision_id;
    relation->kind = kind;
    return su_scan_number(&relation->target, a, "a Revision", "Id", INT64_MAX, err);
}

static int on_category(struct su_scan_package *p, struct su_scan_attributes a, struct su_err *err)
{
    struct su_scan_target *category = SU_PUSH(&p->rows->categories, SU_SCAN_MOST_ROWS);
    if (!category)
        return su_scan_too_many(err);
    category->revision_id = p->revision_id;
    return su_scan_guid(&category->id, a, "a Category", "Id", err) < 0
               ? -1
               : su_scan_keep_attribute(p->rows, &category->kind, a, "Type", err);
}

static int on_location(struct su_scan_package *p, struct su_scan_attributes a, struct su_err *err)
{
    const struct su_xml_attribute *url = su_scan_find(a, "Url");
    struct su_scan_location *location = SU_PUSH(&p->rows->locations, SU_SCAN_MOST_ROWS);
    if (!location)
        return su_scan_too_many(err);
    if (url && url->length > SU_MAX_URL_BYTES)
        return su_fail(err, SU_LIMIT, "an address has %zu bytes, at most %u are accepted", url->length,
                       SU_MAX_URL_BYTES);
    return su_scan_sha1(location->sha1, a, "a FileLocation", "Id", err) < 0
               ? -1
               : su_scan_keep_attribute(p->rows, &location->url, a, "Url", err);
}

static int enter(struct su_scan_package *p, enum place from, enum place to, const char *name,
                 struct su_scan_attributes a, struct su_err *err)
{
    if (from == OUTSIDE) {
        if (to != ROOT)
            return su_fail(err, SU_DATA, "the root element is %s, not OfflineSyncPackage", name);
        on_root(p, a);
    } else if (to == UPDATES) {
        p->has_updates = true;
    } else if (to == UPDATE) {
        return on_update(p, a, err);
    } else if (to == LOCATION) {
        return on_location(p, a, err);
    } else if (to == LICENCE) {
        return su_scan_sha1(p->licence, a, "a licence file", "Id", err);
    } else if (from == PAYLOAD && strcmp(name, "File") == 0) {
        return on_payload(p, a, err);
    } else if (from == LICENCE && strcmp(name, "Language") == 0) {
        return add_file(p, p->licence, true, a, err);
    } else if ((from == BUNDLED_BY || from == SUPERSEDED_BY) && strcmp(name, "Revision") == 0) {
        return on_relation(p, from == BUNDLED_BY ? SU_SCAN_BUNDLED_BY : SU_SCAN_SUPERSEDED_BY, a, err);
    } else if (from == CATEGORIES && strcmp(name, "Category") == 0) {
        return on_category(p, a, err);
    }
    return 0;
}

static int on_start(void *context, const char *uri, const char *name, const struct su_xml_attribute *list,
                    size_t count, struct su_err *err)
{
    struct su_scan_package *p = context;
    enum place from = p->stack[p->depth], to = SKIPPED;
    bool is_ours = uri[0] == 0 || strcmp(uri, OFFLINE) == 0;
    for (size_t i = 0; is_ours && to == SKIPPED && i < sizeof steps / sizeof *steps; i++)
        if (steps[i].from == from && strcmp(steps[i].name, name) == 0)
            to = steps[i].to;
    if (is_ours || from == OUTSIDE)
        if (enter(p, from, to, name, (struct su_scan_attributes){list, count}, err) < 0)
            return -1;
    p->stack[++p->depth] = to;
    return 0;
}

static int on_end(void *context, const char *uri, const char *name, struct su_err *err)
{
    struct su_scan_package *p = context;
    enum place place = p->stack[p->depth--];
    (void)uri, (void)name;
    return place == UPDATE || place == LOCATION ? p->more(p->context, &p->rows, err) : 0;
}

static int on_text(void *context, const char *text, size_t length, struct su_err *err)
{
    (void)context, (void)text, (void)length, (void)err;
    return 0;
}

struct su_scan_package *su_scan_package_new(struct su_scan_rows *rows, su_scan_more more, void *context,
                                            struct su_err *err)
{
    static const struct su_xml_handler handler = {on_start, on_end, on_text};
    struct su_scan_package *p = calloc(1, sizeof *p);
    if (!p) {
        (void)su_fail_memory(err);
        return NULL;
    }
    p->rows = rows;
    p->more = more;
    p->context = context;
    if (!(p->xml = su_xml_new(&handler, p, err)))
        su_scan_package_cleanup(&p);
    return p;
}

int su_scan_package_feed(struct su_scan_package *p, const char *bytes, size_t length, struct su_err *err)
{
    return su_xml_feed(p->xml, bytes, length, err);
}

int su_scan_package_finish(struct su_scan_package *p, struct su_scan_edition *edition, struct su_err *err)
{
    if (su_xml_finish(p->xml, err) < 0)
        return -1;
    *edition = p->edition;
    return p->has_updates ? 0 : su_fail(err, SU_DATA, "it has no Updates");
}

void su_scan_package_cleanup(struct su_scan_package **p)
{
    if (*p)
        su_xml_cleanup(&(*p)->xml);
    free(*p);
    *p = NULL;
}
