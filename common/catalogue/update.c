#include "common/catalogue/update.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/relations.h"
#include "common/lib/xml.h"

#define UPD "http://schemas.microsoft.com/msus/2002/12/Update"
#define CAT "http://schemas.microsoft.com/msus/2002/12/UpdateHandlers/Category"

/* Where in the skeleton of formats.md 3.2 the parser stands. */
enum place {
    OUTSIDE,
    ROOT,
    PROPERTIES,
    PROPERTY_TEXT,
    COLLECTION,
    LOCALIZED,
    LOCALIZED_TEXT,
    LICENCE_FILE,
    RELATIONSHIPS,
    SUPERSEDED,
    PREREQUISITES,
    PREREQUISITE_OR,
    BUNDLED,
    BUNDLED_OR,
    FILES,
    FILE_ENTRY,
    FILE_DIGEST,
    HANDLER,
    SKIPPED
};

struct parser {
    struct su_update *update;
    enum place stack[SU_MAX_XML_DEPTH + 1];
    size_t depth;
    bool has_identity, has_properties;
    uint32_t clause;
    struct su_buf text;
    const char *text_kind; /* tag kind, or which localized field */
    bool digest_is_sha256;
};

struct attributes {
    const struct su_xml_attribute *at;
    size_t count;
};

static const struct su_xml_attribute *find(struct attributes a, const char *name)
{
    for (size_t i = 0; i < a.count; i++)
        if (strcmp(a.at[i].name, name) == 0)
            return &a.at[i];
    return NULL;
}

static bool attribute_is(struct attributes a, const char *name, const char *value)
{
    const struct su_xml_attribute *found = find(a, name);
    return found && found->length == strlen(value) && memcmp(found->value, value, found->length) == 0;
}

static bool attribute_is_true(struct attributes a, const char *name)
{
    return attribute_is(a, name, "true") || attribute_is(a, name, "1");
}

static int keep(struct parser *p, const char **out, const char *text, size_t length, struct su_err *err)
{
    if (length > SU_MAX_XML_TEXT_BYTES)
        return su_fail(err, SU_LIMIT, "a text has %zu bytes, at most %zu are accepted", length,
                       SU_MAX_XML_TEXT_BYTES);
    *out = su_arena_text(&p->update->arena, text, length);
    return *out ? 0
                : su_fail(err, SU_LIMIT, "the document names more than fits into %zu bytes",
                          SU_MAX_UPDATE_ARENA_BYTES);
}

static int keep_attribute(struct parser *p, const char **out, struct attributes a, const char *name,
                          struct su_err *err)
{
    const struct su_xml_attribute *found = find(a, name);
    return keep(p, out, found ? found->value : "", found ? found->length : 0, err);
}

static int too_many(struct su_err *err)
{
    return su_fail(err, SU_LIMIT, "the document lists too many entries, or memory ran out");
}

#define MAX_ENTRIES 1000000

static int add_tag(struct parser *p, const char *kind, const char *value, size_t length, struct su_err *err)
{
    struct su_tag *tag = SU_PUSH(&p->update->tags, MAX_ENTRIES);
    if (!tag)
        return too_many(err);
    tag->kind = kind;
    return keep(p, &tag->value, value, length, err);
}

static int read_guid(struct su_guid *out, struct attributes a, struct su_err *err)
{
    const struct su_xml_attribute *id = find(a, "UpdateID");
    if (!id || !su_guid_parse(out, id->value, id->length))
        return su_fail(err, SU_DATA, "an UpdateIdentity has no valid UpdateID");
    return 0;
}

static int read_revision(uint32_t *out, struct attributes a, struct su_err *err)
{
    const struct su_xml_attribute *number = find(a, "RevisionNumber");
    uint64_t value;
    if (!number || !su_u64_parse(&value, number->value, number->length, UINT32_MAX))
        return su_fail(err, SU_DATA, "an UpdateIdentity has no valid RevisionNumber");
    *out = (uint32_t)value;
    return 0;
}

static int on_identity(struct parser *p, struct attributes a, struct su_err *err)
{
    if (p->has_identity)
        return su_fail(err, SU_DATA, "the document has two identities");
    p->has_identity = true;
    if (read_guid(&p->update->id, a, err) < 0 || read_revision(&p->update->revision, a, err) < 0)
        return -1;
    return 0;
}

/* "Name=value", or "InstallationBehavior.Name=value": a dozen for each document, so put together in place. */
static int add_property(struct parser *p, const char *of, const struct su_xml_attribute *a,
                        struct su_err *err)
{
    size_t before = strlen(of) + (of[0] != 0), name = strlen(a->name);
    struct su_tag *tag = SU_PUSH(&p->update->tags, MAX_ENTRIES);
    char *pair = su_arena_alloc(&p->update->arena, before + name + 1 + a->length + 1);
    if (!tag || !pair)
        return too_many(err);
    *tag = (struct su_tag){"property", pair};
    memcpy(pair, of, before);
    if (before > 0)
        pair[before - 1] = '.';
    memcpy(pair + before, a->name, name);
    pair[before + name] = '=';
    memcpy(pair + before + name + 1, a->value, a->length);
    return 0;
}

static int add_properties(struct parser *p, const char *of, struct attributes a, struct su_err *err)
{
    for (size_t i = 0; i < a.count; i++)
        if (add_property(p, of, &a.at[i], err) < 0)
            return -1;
    return 0;
}

static int on_properties(struct parser *p, struct attributes a, struct su_err *err)
{
    struct su_update *u = p->update;
    static const char *const types[] = {"Category", "Detectoid", "Software", "Driver"};
    size_t type = 0;
    if (p->has_properties)
        return su_fail(err, SU_DATA, "the document has two Properties");
    p->has_properties = true;
    while (type < 4 && !attribute_is(a, "UpdateType", types[type]))
        type++;
    if (type == 4)
        return su_fail(err, SU_DATA, "UpdateType is none of Category, Detectoid, Software, Driver");
    u->type = (enum su_update_type)type;
    u->is_expired = attribute_is(a, "PublicationState", "Expired");
    u->is_deployable = attribute_is_true(a, "ExplicitlyDeployable");
    if (add_properties(p, "", a, err) < 0)
        return -1;
    if (keep_attribute(p, &u->created, a, "CreationDate", err) < 0 ||
        keep_attribute(p, &u->severity, a, "MsrcSeverity", err) < 0 ||
        keep_attribute(p, &u->default_language, a, "DefaultPropertiesLanguage", err) < 0)
        return -1;
    return 0;
}

static bool name_is_express(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".psf") == 0;
}

static int on_file(struct parser *p, struct attributes a, bool is_licence, struct su_err *err)
{
    struct su_update_file *file = SU_PUSH(&p->update->files, MAX_ENTRIES);
    const struct su_xml_attribute *digest = find(a, "Digest"), *size = find(a, "Size");
    if (!file)
        return too_many(err);
    if (!digest || !su_base64_parse(file->sha1, SU_SHA1_BYTES, digest->value, digest->length))
        return su_fail(err, SU_DATA, "a file has no valid SHA-1 Digest");
    if (!size || !su_u64_parse(&file->bytes, size->value, size->length, INT64_MAX))
        return su_fail(err, SU_DATA, "a file has no valid Size");
    file->is_licence = is_licence;
    if (keep_attribute(p, &file->name, a, "FileName", err) < 0 ||
        keep_attribute(p, &file->language, a, is_licence ? "Language" : "", err) < 0)
        return -1;
    file->is_express = attribute_is(a, "PatchingType", "Express") || name_is_express(file->name);
    return 0;
}

static int on_relation(struct parser *p, struct attributes a, bool is_bundled, bool is_category,
                       struct su_err *err)
{
    struct su_relation *relation = is_bundled ? SU_PUSH(&p->update->bundled, MAX_ENTRIES)
                                              : SU_PUSH(&p->update->prerequisites, MAX_ENTRIES);
    if (!relation)
        return too_many(err);
    relation->clause = p->clause;
    relation->is_category = is_category;
    if (read_guid(&relation->id, a, err) < 0 ||
        (is_bundled && read_revision(&relation->revision, a, err) < 0))
        return -1;
    return 0;
}

static int on_superseded(struct parser *p, struct attributes a, struct su_err *err)
{
    struct su_guid *target = SU_PUSH(&p->update->superseded, MAX_ENTRIES);
    return target ? read_guid(target, a, err) : too_many(err);
}

static enum place begin_text(struct parser *p, enum place place, const char *kind)
{
    su_buf_clear(&p->text);
    p->text_kind = kind;
    return place;
}

static int in_root(struct parser *p, const char *name, struct attributes a, enum place *next,
                   struct su_err *err)
{
    if (strcmp(name, "UpdateIdentity") == 0)
        return on_identity(p, a, err);
    if (strcmp(name, "Properties") == 0) {
        *next = PROPERTIES;
        return on_properties(p, a, err);
    }
    *next = strcmp(name, "LocalizedPropertiesCollection") == 0 ? COLLECTION
            : strcmp(name, "Relationships") == 0               ? RELATIONSHIPS
            : strcmp(name, "Files") == 0                       ? FILES
            : strcmp(name, "HandlerSpecificData") == 0         ? HANDLER
                                                               : SKIPPED;
    return 0;
}

static int in_properties(struct parser *p, const char *name, struct attributes a, enum place *next,
                         struct su_err *err)
{
    static const char *const kinds[][2] = {{"KBArticleID", "kb"},  {"SecurityBulletinID", "bulletin"},
                                           {"CveID", "cve"},       {"Language", "language"},
                                           {"MoreInfoUrl", "url"}, {"SupportUrl", "support"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(name, kinds[i][0]) == 0)
            *next = begin_text(p, PROPERTY_TEXT, kinds[i][1]);
    if (strcmp(name, "InstallationBehavior") == 0 || strcmp(name, "UninstallationBehavior") == 0)
        return add_properties(p, name, a, err);
    return 0;
}

static int in_collection(struct parser *p, const char *name, struct attributes a, enum place *next,
                         struct su_err *err)
{
    if (strcmp(name, "EulaFile") == 0) {
        *next = LICENCE_FILE;
        return on_file(p, a, true, err);
    }
    if (strcmp(name, "LocalizedProperties") != 0)
        return 0;
    struct su_localized *l = SU_PUSH(&p->update->localized, MAX_ENTRIES);
    if (!l)
        return too_many(err);
    l->language = l->title = l->description = "";
    *next = LOCALIZED;
    return 0;
}

static void in_localized(struct parser *p, const char *name, enum place *next)
{
    static const char *const fields[] = {"Language", "Title", "Description"};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(name, fields[i]) == 0)
            *next = begin_text(p, LOCALIZED_TEXT, fields[i]);
}

static int in_relations(struct parser *p, enum place place, const char *name, struct attributes a,
                        enum place *next, struct su_err *err)
{
    bool is_bundled = place == BUNDLED || place == BUNDLED_OR;
    if (strcmp(name, "UpdateIdentity") == 0) {
        if (place == SUPERSEDED)
            return on_superseded(p, a, err);
        bool is_category = place == PREREQUISITE_OR && p->text_kind != NULL;
        if (on_relation(p, a, is_bundled, is_category, err) < 0)
            return -1;
        if (place == PREREQUISITES || place == BUNDLED)
            p->clause++;
    } else if (strcmp(name, "AtLeastOne") == 0 && (place == PREREQUISITES || place == BUNDLED)) {
        p->text_kind = attribute_is_true(a, "IsCategory") ? "category" : NULL;
        *next = is_bundled ? BUNDLED_OR : PREREQUISITE_OR;
    }
    return 0;
}

static int in_relationships(struct parser *p, const char *name, enum place *next)
{
    /* A second list of the same kind goes on counting: its clauses are ANDed to the first's. */
    const struct su_update *u = p->update;
    bool is_bundled = strcmp(name, "BundledUpdates") == 0;
    size_t count = is_bundled ? u->bundled.count : u->prerequisites.count;
    p->clause = count == 0 ? 0 : (is_bundled ? u->bundled.at : u->prerequisites.at)[count - 1].clause + 1;
    *next = strcmp(name, "SupersededUpdates") == 0 ? SUPERSEDED
            : strcmp(name, "Prerequisites") == 0   ? PREREQUISITES
            : strcmp(name, "BundledUpdates") == 0  ? BUNDLED
                                                   : SKIPPED;
    return 0;
}

static void in_file(struct parser *p, const char *name, struct attributes a, enum place *next)
{
    if (strcmp(name, "AdditionalDigest") != 0)
        return;
    p->digest_is_sha256 = attribute_is(a, "Algorithm", "SHA256");
    *next = begin_text(p, FILE_DIGEST, "digest");
}

static int start_in_upd(struct parser *p, enum place place, const char *name, struct attributes a,
                        enum place *next, struct su_err *err)
{
    switch (place) {
    case ROOT: return in_root(p, name, a, next, err);
    case PROPERTIES: return in_properties(p, name, a, next, err);
    case COLLECTION: return in_collection(p, name, a, next, err);
    case LOCALIZED: in_localized(p, name, next); return 0;
    case RELATIONSHIPS: return in_relationships(p, name, next);
    case SUPERSEDED:
    case PREREQUISITES:
    case PREREQUISITE_OR:
    case BUNDLED:
    case BUNDLED_OR: return in_relations(p, place, name, a, next, err);
    case FILES:
        if (strcmp(name, "File") != 0)
            return 0;
        *next = FILE_ENTRY;
        return on_file(p, a, false, err);
    case FILE_ENTRY:
    case LICENCE_FILE: in_file(p, name, a, next); return 0;
    case OUTSIDE:
    case PROPERTY_TEXT:
    case LOCALIZED_TEXT:
    case FILE_DIGEST:
    case HANDLER:
    case SKIPPED: return 0;
    }
    return 0;
}

static int on_start(void *context, const char *uri, const char *name,
                    const struct su_xml_attribute *attributes, size_t count, struct su_err *err)
{
    struct parser *p = context;
    struct attributes a = {attributes, count};
    enum place place = p->stack[p->depth], next = SKIPPED;
    if (place == OUTSIDE) {
        if (strcmp(uri, UPD) != 0 || strcmp(name, "Update") != 0)
            return su_fail(err, SU_DATA, "the root element is %s, not an Update", name);
        next = ROOT;
    } else if (place == SKIPPED) {
        /* with all that is in it: two elements of three */
    } else if (strcmp(uri, UPD) == 0) {
        if (start_in_upd(p, place, name, a, &next, err) < 0)
            return -1;
    } else if (place == HANDLER && strcmp(uri, CAT) == 0 && strcmp(name, "CategoryInformation") == 0) {
        if (keep_attribute(p, &p->update->category_type, a, "CategoryType", err) < 0)
            return -1;
    }
    p->stack[++p->depth] = next;
    return 0;
}

static int end_of_localized(struct parser *p, struct su_err *err)
{
    struct su_localized *l = &p->update->localized.at[p->update->localized.count - 1];
    const char **field = p->text_kind[0] == 'L'   ? &l->language
                         : p->text_kind[0] == 'T' ? &l->title
                                                  : &l->description;
    return keep(p, field, p->text.bytes ? p->text.bytes : "", p->text.length, err);
}

static int end_of_digest(struct parser *p, struct su_err *err)
{
    struct su_update_file *file = &p->update->files.at[p->update->files.count - 1];
    if (!p->digest_is_sha256)
        return 0;
    if (file->has_sha256 || !p->text.bytes ||
        !su_base64_parse(file->sha256, SU_SHA256_BYTES, p->text.bytes, p->text.length))
        return su_fail(err, SU_DATA, "file %s has no single valid SHA-256 digest", file->name);
    file->has_sha256 = true;
    return 0;
}

static int on_end(void *context, const char *uri, const char *name, struct su_err *err)
{
    struct parser *p = context;
    (void)uri, (void)name;
    enum place place = p->stack[p->depth--];
    if (place == PREREQUISITE_OR || place == BUNDLED_OR)
        p->clause++;
    if (place != PROPERTY_TEXT && place != LOCALIZED_TEXT && place != FILE_DIGEST)
        return 0;
    if (su_buf_check(&p->text, "a text", err) < 0)
        return -1;
    if (place == LOCALIZED_TEXT)
        return end_of_localized(p, err);
    if (place == FILE_DIGEST)
        return end_of_digest(p, err);
    return add_tag(p, p->text_kind, p->text.bytes ? p->text.bytes : "", p->text.length, err);
}

static int on_text(void *context, const char *text, size_t length, struct su_err *err)
{
    struct parser *p = context;
    enum place place = p->stack[p->depth];
    (void)err;
    if (place == PROPERTY_TEXT || place == LOCALIZED_TEXT || place == FILE_DIGEST)
        su_buf_add(&p->text, text, length);
    return 0;
}

static void reset(struct su_update *u)
{
    su_arena_reset(&u->arena);
    u->prerequisites.count = u->bundled.count = u->superseded.count = 0;
    u->files.count = u->localized.count = u->tags.count = 0;
    u->created = u->severity = u->category_type = u->default_language = "";
}

int su_update_parse(struct su_update *update, const char *document, size_t length, struct su_err *err)
{
    static const struct su_xml_handler handler = {on_start, on_end, on_text};
    struct parser p = {.update = update, .text = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES)};
    reset(update);
    if (length > SU_MAX_DOCUMENT_BYTES)
        return su_fail(err, SU_LIMIT, "the document has %zu bytes, at most %zu are accepted", length,
                       SU_MAX_DOCUMENT_BYTES);
    SU_AUTO(su_xml) struct su_xml *xml = su_xml_new(&handler, &p, err);
    int result = !xml || su_xml_feed(xml, document, length, err) < 0 || su_xml_finish(xml, err) < 0 ? -1 : 0;
    su_buf_cleanup(&p.text);
    if (result == 0 && !(p.has_identity && p.has_properties))
        return su_fail(err, SU_DATA, "the document has no UpdateIdentity or no Properties");
    return result < 0 ? -1 : su_relations_pack(update, err);
}

void su_update_cleanup(struct su_update *u)
{
    su_arena_cleanup(&u->arena);
    free(u->prerequisites.at);
    free(u->bundled.at);
    free(u->superseded.at);
    free(u->files.at);
    free(u->localized.at);
    free(u->tags.at);
    *u = (struct su_update)SU_UPDATE_INIT;
}

const char *su_update_title(const struct su_update *u)
{
    const char *languages[] = {u->default_language, "en"};
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < u->localized.count; j++)
            if (strcmp(u->localized.at[j].language, languages[i]) == 0)
                return u->localized.at[j].title;
    return u->localized.count ? u->localized.at[0].title : "";
}

const char *su_update_type_text(enum su_update_type type)
{
    static const char *const texts[] = {"Category", "Detectoid", "Software", "Driver"};
    return texts[type];
}
