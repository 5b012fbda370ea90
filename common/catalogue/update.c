#include "common/catalogue/update.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/relations.h"
#include "common/catalogue/sdp_parse.h"
#include "common/catalogue/update_build.h"

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
    bool is_sdp; /* the root says it is another vendor's package: all goes there */
    struct su_sdp_parser sdp;
};

static int read_guid(struct su_guid *out, struct su_attributes a, struct su_err *err)
{
    const struct su_xml_attribute *id = su_attribute(a, "UpdateID");
    if (!id || !su_guid_parse(out, id->value, id->length))
        return su_fail(err, SU_DATA, "an UpdateIdentity has no valid UpdateID");
    return 0;
}

static int read_revision(uint32_t *out, struct su_attributes a, struct su_err *err)
{
    const struct su_xml_attribute *number = su_attribute(a, "RevisionNumber");
    uint64_t value;
    if (!number || !su_u64_parse(&value, number->value, number->length, UINT32_MAX))
        return su_fail(err, SU_DATA, "an UpdateIdentity has no valid RevisionNumber");
    *out = (uint32_t)value;
    return 0;
}

static int on_identity(struct parser *p, struct su_attributes a, struct su_err *err)
{
    if (p->has_identity)
        return su_fail(err, SU_DATA, "the document has two identities");
    p->has_identity = true;
    if (read_guid(&p->update->id, a, err) < 0 || read_revision(&p->update->revision, a, err) < 0)
        return -1;
    return 0;
}

static int on_properties(struct parser *p, struct su_attributes a, struct su_err *err)
{
    struct su_update *u = p->update;
    static const char *const types[] = {"Category", "Detectoid", "Software", "Driver"};
    size_t type = 0;
    if (p->has_properties)
        return su_fail(err, SU_DATA, "the document has two Properties");
    p->has_properties = true;
    while (type < 4 && !su_attribute_is(a, "UpdateType", types[type]))
        type++;
    if (type == 4)
        return su_fail(err, SU_DATA, "UpdateType is none of Category, Detectoid, Software, Driver");
    u->type = (enum su_update_type)type;
    u->is_expired = su_attribute_is(a, "PublicationState", "Expired");
    u->is_deployable = su_attribute_is_true(a, "ExplicitlyDeployable");
    if (su_build_properties(u, "", a, err) < 0)
        return -1;
    if (su_build_attribute(u, &u->created, a, "CreationDate", err) < 0 ||
        su_build_attribute(u, &u->severity, a, "MsrcSeverity", err) < 0 ||
        su_build_attribute(u, &u->default_language, a, "DefaultPropertiesLanguage", err) < 0)
        return -1;
    return 0;
}

static int on_relation(struct parser *p, struct su_attributes a, bool is_bundled, bool is_category,
                       struct su_err *err)
{
    struct su_relation *relation = is_bundled ? SU_PUSH(&p->update->bundled, SU_BUILD_ENTRIES)
                                              : SU_PUSH(&p->update->prerequisites, SU_BUILD_ENTRIES);
    if (!relation)
        return su_build_too_many(err);
    relation->clause = p->clause;
    relation->is_category = is_category;
    if (read_guid(&relation->id, a, err) < 0 ||
        (is_bundled && read_revision(&relation->revision, a, err) < 0))
        return -1;
    return 0;
}

static int on_superseded(struct parser *p, struct su_attributes a, struct su_err *err)
{
    struct su_guid *target = SU_PUSH(&p->update->superseded, SU_BUILD_ENTRIES);
    return target ? read_guid(target, a, err) : su_build_too_many(err);
}

static enum place begin_text(struct parser *p, enum place place, const char *kind)
{
    su_buf_clear(&p->text);
    p->text_kind = kind;
    return place;
}

static int in_root(struct parser *p, const char *name, struct su_attributes a, enum place *next,
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

static int in_properties(struct parser *p, const char *name, struct su_attributes a, enum place *next,
                         struct su_err *err)
{
    static const char *const kinds[][2] = {{"KBArticleID", "kb"},  {"SecurityBulletinID", "bulletin"},
                                           {"CveID", "cve"},       {"Language", "language"},
                                           {"MoreInfoUrl", "url"}, {"SupportUrl", "support"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(name, kinds[i][0]) == 0)
            *next = begin_text(p, PROPERTY_TEXT, kinds[i][1]);
    if (strcmp(name, "InstallationBehavior") == 0 || strcmp(name, "UninstallationBehavior") == 0)
        return su_build_properties(p->update, name, a, err);
    return 0;
}

static int in_collection(struct parser *p, const char *name, struct su_attributes a, enum place *next,
                         struct su_err *err)
{
    if (strcmp(name, "EulaFile") == 0) {
        *next = LICENCE_FILE;
        return su_build_file(p->update, a, true, err);
    }
    if (strcmp(name, "LocalizedProperties") != 0)
        return 0;
    struct su_localized *l = SU_PUSH(&p->update->localized, SU_BUILD_ENTRIES);
    if (!l)
        return su_build_too_many(err);
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

static int in_relations(struct parser *p, enum place place, const char *name, struct su_attributes a,
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
        p->text_kind = su_attribute_is_true(a, "IsCategory") ? "category" : NULL;
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

static void in_file(struct parser *p, const char *name, struct su_attributes a, enum place *next)
{
    if (strcmp(name, "AdditionalDigest") != 0)
        return;
    p->digest_is_sha256 = su_attribute_is(a, "Algorithm", "SHA256");
    *next = begin_text(p, FILE_DIGEST, "digest");
}

static int start_in_upd(struct parser *p, enum place place, const char *name, struct su_attributes a,
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
        return su_build_file(p->update, a, false, err);
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
    struct su_attributes a = {attributes, count};
    enum place place = p->stack[p->depth], next = SKIPPED;
    if (place == OUTSIDE && !p->is_sdp && su_sdp_is_root(uri, name)) {
        p->is_sdp = true;
        p->sdp = (struct su_sdp_parser){.update = p->update, .text = &p->text};
    }
    if (p->is_sdp)
        return su_sdp_start(&p->sdp, uri, name, &a, err);
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
        if (su_build_attribute(p->update, &p->update->category_type, a, "CategoryType", err) < 0)
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
    return su_build_text(p->update, field, p->text.bytes ? p->text.bytes : "", p->text.length, err);
}

static int on_end(void *context, const char *uri, const char *name, struct su_err *err)
{
    struct parser *p = context;
    (void)uri, (void)name;
    if (p->is_sdp)
        return su_sdp_end(&p->sdp, err);
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
        return p->digest_is_sha256 ? su_build_sha256(p->update, &p->text, err) : 0;
    return su_build_tag(p->update, p->text_kind, p->text.bytes ? p->text.bytes : "", p->text.length, err);
}

static int on_text(void *context, const char *text, size_t length, struct su_err *err)
{
    struct parser *p = context;
    enum place place = p->stack[p->depth];
    (void)err;
    if (p->is_sdp)
        su_sdp_text(&p->sdp, text, length);
    if (place == PROPERTY_TEXT || place == LOCALIZED_TEXT || place == FILE_DIGEST)
        su_buf_add(&p->text, text, length);
    return 0;
}

void su_update_reset(struct su_update *u)
{
    su_arena_reset(&u->arena);
    u->prerequisites.count = u->bundled.count = u->superseded.count = 0;
    u->files.count = u->localized.count = u->tags.count = 0;
    u->created = u->severity = u->category_type = u->default_language = "";
    u->has_revision = true;
    u->revision = 0;
    u->is_expired = u->is_deployable = false;
    u->packed_relations = NULL;
    u->packed_relations_bytes = 0;
}

int su_update_take_apart(struct su_update *update, const char *document, size_t length, struct su_err *err)
{
    static const struct su_xml_handler handler = {on_start, on_end, on_text};
    struct parser p = {.update = update, .text = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES)};
    su_update_reset(update);
    if (length > SU_MAX_DOCUMENT_BYTES)
        return su_fail(err, SU_LIMIT, "the document has %zu bytes, at most %zu are accepted", length,
                       SU_MAX_DOCUMENT_BYTES);
    SU_AUTO(su_xml) struct su_xml *xml = su_xml_new(&handler, &p, err);
    int result = !xml || su_xml_feed(xml, document, length, err) < 0 || su_xml_finish(xml, err) < 0 ? -1 : 0;
    su_buf_cleanup(&p.text);
    if (result == 0 && p.is_sdp)
        return su_sdp_check(&p.sdp, err);
    if (result == 0 && !(p.has_identity && p.has_properties))
        return su_fail(err, SU_DATA, "the document has no UpdateIdentity or no Properties");
    return result;
}

int su_update_parse(struct su_update *update, const char *document, size_t length, struct su_err *err)
{
    return su_update_take_apart(update, document, length, err) < 0 ? -1 : su_relations_pack(update, err);
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
