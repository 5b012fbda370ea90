#include "common/catalogue/sdp_parse.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/update_build.h"

/* Where in the skeleton of formats.md 7.1 the parser stands. */
enum place {
    OUTSIDE,
    ROOT,
    PROPERTIES,
    LOCALIZED,
    LOCALIZED_TEXT,
    SPECIFIC,
    TAG_TEXT,
    SUPERSEDED,
    SUPERSEDED_ID,
    PREREQUISITES,
    PREREQUISITE_OR,
    BUNDLED,
    RELATION_ID,
    ITEM,
    RULES,
    FILE_ENTRY,
    FILE_DIGEST,
    SKIPPED
};

/* Names are those of the publishing schema; "Hotfixes" has no id at Microsoft. */
static const struct {
    const char *name, *id;
} classifications[] = {
    {"Updates", "cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83"},
    {"Critical Updates", "e6cf1350-c01b-414d-a61f-263d14d133b4"},
    {"Security Updates", "0fa1201d-4330-4fa8-8ae9-b877473b6441"},
    {"Feature Packs", "b54e7d24-7add-428f-8b75-90a396fa584f"},
    {"Update Rollups", "28bc880e-0592-4cbf-8f95-c79b17911d5f"},
    {"Service Packs", "68c5b0a3-d1a6-4553-ae49-01d3a7827828"},
    {"Tools", "b4832bd8-e735-4761-8daf-37f882276dab"},
    {"Drivers", "ebfc1fc5-71a4-4f7b-9aca-3b9a503104a0"},
};
#define CLIENT_SERVICING_API "b7a590e9-db06-43f6-9b06-4ad73869cca2"

bool su_sdp_is_root(const char *uri, const char *name)
{
    return strcmp(name, "SoftwareDistributionPackage") == 0 &&
           (strcmp(uri, SU_SDP_URI) == 0 || strcmp(uri, SU_SMC_URI) == 0);
}

static int add_relation(struct su_sdp_parser *p, const struct su_guid *id, bool is_category,
                        struct su_err *err)
{
    struct su_relation *relation = SU_PUSH(&p->update->prerequisites, SU_BUILD_ENTRIES);
    if (!relation)
        return su_build_too_many(err);
    *relation = (struct su_relation){.clause = p->clause, .is_category = is_category, .id = *id};
    return 0;
}

/* A clause of its own. */
static int add_known(struct su_sdp_parser *p, const char *text, bool is_category, struct su_err *err)
{
    struct su_guid id;
    if (!su_guid_parse(&id, text, strlen(text)))
        return su_fail(err, SU_BUG, "%s is no GUID", text);
    if (add_relation(p, &id, is_category, err) < 0)
        return -1;
    p->clause++;
    return 0;
}

static int set_type(struct su_update *u, struct su_attributes a, struct su_err *err)
{
    if (!su_attribute(a, "UpdateType") || su_attribute_is(a, "UpdateType", "Software"))
        u->type = SU_SOFTWARE;
    else if (su_attribute_is(a, "UpdateType", "Driver"))
        u->type = SU_DRIVER;
    else if (su_attribute_is(a, "UpdateType", "Detectoid"))
        u->type = SU_DETECTOID;
    else
        return su_fail(err, SU_DATA, "UpdateType is none of Software, Driver, Detectoid");
    u->is_deployable = u->type != SU_DETECTOID;
    return 0;
}

static int on_properties(struct su_sdp_parser *p, struct su_attributes a, struct su_err *err)
{
    struct su_update *u = p->update;
    const struct su_xml_attribute *id = su_attribute(a, "PackageID"), *vendor = su_attribute(a, "VendorName");
    if (p->has_properties)
        return su_fail(err, SU_DATA, "the package has two Properties");
    p->has_properties = true;
    if (!id || !su_guid_parse(&u->id, id->value, id->length))
        return su_fail(err, SU_DATA, "the package has no valid PackageID");
    u->is_expired = su_attribute_is(a, "PublicationState", "Expired");
    if (set_type(u, a, err) < 0 || su_build_properties(u, "", a, err) < 0 ||
        su_build_attribute(u, &u->created, a, "CreationDate", err) < 0)
        return -1;
    if (vendor && su_build_tag(u, "vendor", vendor->value, vendor->length, err) < 0)
        return -1;
    return su_attribute_is_true(a, "RestrictToClientServicingApi")
               ? add_known(p, CLIENT_SERVICING_API, false, err)
               : 0;
}

static int on_specific(struct su_sdp_parser *p, struct su_attributes a, struct su_err *err)
{
    const struct su_xml_attribute *named = su_attribute(a, "UpdateClassification");
    if (su_build_attribute(p->update, &p->update->severity, a, "MsrcSeverity", err) < 0)
        return -1;
    if (!named)
        return 0;
    if (su_build_tag(p->update, "classification", named->value, named->length, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof classifications / sizeof *classifications; i++)
        if (su_attribute_is(a, "UpdateClassification", classifications[i].name))
            return add_known(p, classifications[i].id, true, err);
    return 0;
}

static int on_origin_file(struct su_sdp_parser *p, struct su_attributes a, struct su_err *err)
{
    struct su_update *u = p->update;
    return su_build_file(u, a, false, err) < 0
               ? -1
               : su_build_attribute(u, &u->files.at[u->files.count - 1].uri, a, "OriginUri", err);
}

static enum place begin_text(struct su_sdp_parser *p, enum place place, const char *kind)
{
    su_buf_clear(p->text);
    p->text_kind = kind;
    return place;
}

static int add_rule(struct su_sdp_parser *p, const char *of, const char *name, struct su_err *err)
{
    char rule[64];
    if (strcmp(name, "IsInstallable") != 0 && strcmp(name, "IsInstalled") != 0 &&
        strcmp(name, "IsSuperseded") != 0 && strcmp(name, "Metadata") != 0)
        return 0;
    size_t before = strlen(of), length = strlen(name);
    memcpy(rule, of, before);
    memcpy(rule + before, name, length);
    return su_build_tag(p->update, "rule", rule, before + length, err);
}

static int in_root(struct su_sdp_parser *p, const char *name, struct su_attributes a, enum place *next,
                   struct su_err *err)
{
    if (strcmp(name, "Properties") == 0) {
        *next = PROPERTIES;
        return on_properties(p, a, err);
    }
    if (strcmp(name, "UpdateSpecificData") == 0) {
        *next = SPECIFIC;
        return on_specific(p, a, err);
    }
    if (strcmp(name, "LocalizedProperties") == 0) {
        struct su_localized *l = SU_PUSH(&p->update->localized, SU_BUILD_ENTRIES);
        if (!l)
            return su_build_too_many(err);
        l->language = l->title = l->description = "";
        *next = LOCALIZED;
        return 0;
    }
    *next = strcmp(name, "SupersededPackages") == 0 ? SUPERSEDED
            : strcmp(name, "Prerequisites") == 0    ? PREREQUISITES
            : strcmp(name, "BundledPackages") == 0  ? BUNDLED
            : strcmp(name, "InstallableItem") == 0  ? ITEM
                                                    : SKIPPED;
    return add_rule(p, "", name, err);
}

static void in_text_of(struct su_sdp_parser *p, const char *const kinds[][2], size_t count, const char *name,
                       enum place place, enum place *next)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, kinds[i][0]) == 0)
            *next = begin_text(p, place, kinds[i][1]);
}

static int in_item(struct su_sdp_parser *p, const char *name, struct su_attributes a, enum place *next,
                   struct su_err *err)
{
    if (strcmp(name, "OriginFile") == 0) {
        *next = FILE_ENTRY;
        return on_origin_file(p, a, err);
    }
    if (strcmp(name, "InstallProperties") == 0 || strcmp(name, "UninstallProperties") == 0)
        return su_build_properties(p->update, name, a, err);
    if (strcmp(name, "Language") == 0)
        *next = begin_text(p, TAG_TEXT, "language");
    if (strcmp(name, "ApplicabilityRules") == 0)
        *next = RULES;
    return 0;
}

static int start_in_sdp(struct su_sdp_parser *p, enum place place, const char *name, struct su_attributes a,
                        enum place *next, struct su_err *err)
{
    static const char *const of_properties[][2] = {
        {"MoreInfoUrl", "url"}, {"SupportUrl", "support"}, {"ProductName", "product"}};
    static const char *const of_specific[][2] = {
        {"SecurityBulletinID", "bulletin"}, {"CveID", "cve"}, {"KBArticleID", "kb"}};
    static const char *const of_localized[][2] = {
        {"Language", "Language"}, {"Title", "Title"}, {"Description", "Description"}};
    bool is_id = strcmp(name, "PackageID") == 0;
    switch (place) {
    case ROOT: return in_root(p, name, a, next, err);
    case PROPERTIES: in_text_of(p, of_properties, 3, name, TAG_TEXT, next); return 0;
    case SPECIFIC: in_text_of(p, of_specific, 3, name, TAG_TEXT, next); return 0;
    case LOCALIZED: in_text_of(p, of_localized, 3, name, LOCALIZED_TEXT, next); return 0;
    case SUPERSEDED:
        if (is_id)
            *next = begin_text(p, SUPERSEDED_ID, "");
        return 0;
    case PREREQUISITES: *next = strcmp(name, "AtLeastOne") == 0 ? PREREQUISITE_OR : SKIPPED; return 0;
    case PREREQUISITE_OR:
    case BUNDLED:
        if (is_id)
            *next = begin_text(p, RELATION_ID, place == BUNDLED ? "BundledPackage" : "");
        return 0;
    case ITEM: return in_item(p, name, a, next, err);
    case RULES: return add_rule(p, "item ", name, err);
    case FILE_ENTRY:
        if (strcmp(name, "AdditionalDigest") == 0) {
            p->digest_is_sha256 = su_attribute_is(a, "Algorithm", "SHA256");
            *next = begin_text(p, FILE_DIGEST, "");
        }
        return 0;
    case OUTSIDE:
    case LOCALIZED_TEXT:
    case TAG_TEXT:
    case SUPERSEDED_ID:
    case RELATION_ID:
    case FILE_DIGEST:
    case SKIPPED: return 0;
    }
    return 0;
}

/* "CommandLineInstallerData", of whatever namespace an installer has. */
static int on_handler(struct su_sdp_parser *p, const char *name, struct su_err *err)
{
    static const char end[] = "InstallerData";
    size_t length = strlen(name), tail = sizeof end - 1;
    if (length <= tail || strcmp(name + length - tail, end) != 0)
        return 0;
    return su_build_tag(p->update, "handler", name, length - tail, err);
}

int su_sdp_start(struct su_sdp_parser *p, const char *uri, const char *name, const struct su_attributes *a,
                 struct su_err *err)
{
    enum place place = (enum place)p->stack[p->depth], next = SKIPPED;
    int result = 0;
    if (place == OUTSIDE)
        next = ROOT;
    else if (place != SKIPPED && strcmp(uri, SU_SDP_URI) == 0)
        result = start_in_sdp(p, place, name, *a, &next, err);
    else if (place == ITEM)
        result = on_handler(p, name, err);
    p->stack[++p->depth] = (uint8_t)next;
    return result;
}

void su_sdp_text(struct su_sdp_parser *p, const char *text, size_t length)
{
    switch ((enum place)p->stack[p->depth]) {
    case LOCALIZED_TEXT:
    case TAG_TEXT:
    case SUPERSEDED_ID:
    case RELATION_ID:
    case FILE_DIGEST: su_buf_add(p->text, text, length); return;
    case OUTSIDE:
    case ROOT:
    case PROPERTIES:
    case LOCALIZED:
    case SPECIFIC:
    case SUPERSEDED:
    case PREREQUISITES:
    case PREREQUISITE_OR:
    case BUNDLED:
    case ITEM:
    case RULES:
    case FILE_ENTRY:
    case SKIPPED: return;
    }
}

static int end_of_localized(struct su_sdp_parser *p, const char *text, struct su_err *err)
{
    struct su_localized *l = &p->update->localized.at[p->update->localized.count - 1];
    const char **field = p->text_kind[0] == 'L'   ? &l->language
                         : p->text_kind[0] == 'T' ? &l->title
                                                  : &l->description;
    return su_build_text(p->update, field, text, p->text->length, err);
}

/* A PackageID as an element's text, which may stand on a line of its own. */
static int read_id(const char *text, struct su_guid *out, struct su_err *err)
{
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    size_t length = strcspn(text, blanks);
    if (text[length + strspn(text + length, blanks)] != 0 || !su_guid_parse(out, text, length))
        return su_fail(err, SU_DATA, "a PackageID that the package refers to is no GUID");
    return 0;
}

static int end_of_id(struct su_sdp_parser *p, bool is_superseded, const char *text, struct su_err *err)
{
    struct su_guid id, *target;
    if (read_id(text, &id, err) < 0)
        return -1;
    if (!is_superseded) {
        const struct su_xml_attribute told = {p->text_kind, text, p->text->length};
        return p->text_kind[0] && su_build_property(p->update, "", &told, err) < 0
                   ? -1
                   : add_relation(p, &id, false, err);
    }
    if (!(target = SU_PUSH(&p->update->superseded, SU_BUILD_ENTRIES)))
        return su_build_too_many(err);
    *target = id;
    return 0;
}

int su_sdp_end(struct su_sdp_parser *p, struct su_err *err)
{
    enum place place = (enum place)p->stack[p->depth--];
    const char *text = p->text->bytes ? p->text->bytes : "";
    if (place == PREREQUISITE_OR || place == BUNDLED)
        p->clause++;
    bool is_text = place == LOCALIZED_TEXT || place == TAG_TEXT || place == SUPERSEDED_ID ||
                   place == RELATION_ID || place == FILE_DIGEST;
    if (!is_text)
        return 0;
    if (su_buf_check(p->text, "a text", err) < 0)
        return -1;
    if (place == LOCALIZED_TEXT)
        return end_of_localized(p, text, err);
    if (place == FILE_DIGEST)
        return p->digest_is_sha256 ? su_build_sha256(p->update, p->text, err) : 0;
    if (place == TAG_TEXT)
        return su_build_tag(p->update, p->text_kind, text, p->text->length, err);
    return end_of_id(p, place == SUPERSEDED_ID, text, err);
}

int su_sdp_check(const struct su_sdp_parser *p, struct su_err *err)
{
    if (!p->has_properties)
        return su_fail(err, SU_DATA, "the package has no Properties");
    if (!su_update_title(p->update)[0])
        return su_fail(err, SU_DATA, "the package has no Title");
    p->update->has_revision = false;
    p->update->revision = 0;
    return 0;
}
