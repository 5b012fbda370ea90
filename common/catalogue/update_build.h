/*
 * update_build.h - putting a struct su_update together from elements and their attributes: what both document parsers,
 * update.c and sdp_parse.c, do alike. Inline, because the first runs over every document of a synchronization.
 */
#ifndef SU_UPDATE_BUILD_H
#define SU_UPDATE_BUILD_H

#include <string.h>

#include "common/catalogue/update.h"
#include "common/lib/xml.h"

struct su_attributes {
    const struct su_xml_attribute *at;
    size_t count;
};

static inline const struct su_xml_attribute *su_attribute(struct su_attributes a, const char *name)
{
    for (size_t i = 0; i < a.count; i++)
        if (strcmp(a.at[i].name, name) == 0)
            return a.at + i;
    return NULL;
}

static inline bool su_attribute_is(struct su_attributes a, const char *name, const char *value)
{
    const struct su_xml_attribute *found = su_attribute(a, name);
    return found && found->length == strlen(value) && memcmp(found->value, value, found->length) == 0;
}

static inline bool su_attribute_is_true(struct su_attributes a, const char *name)
{
    return su_attribute_is(a, name, "true") || su_attribute_is(a, name, "1");
}

static inline int su_build_text(struct su_update *u, const char **out, const char *text, size_t length, struct su_err *err)
{
    if (length > SU_MAX_XML_TEXT_BYTES)
        return su_fail(err, SU_LIMIT, "a text has %zu bytes, at most %zu are accepted", length,
                       SU_MAX_XML_TEXT_BYTES);
    *out = su_arena_text(&u->arena, text, length);
    return *out ? 0
                : su_fail(err, SU_LIMIT, "the document names more than fits into %zu bytes",
                          SU_MAX_UPDATE_ARENA_BYTES);
}

static inline int su_build_attribute(struct su_update *u, const char **out, struct su_attributes a, const char *name,
                          struct su_err *err)
{
    const struct su_xml_attribute *found = su_attribute(a, name);
    return su_build_text(u, out, found ? found->value : "", found ? found->length : 0, err);
}

static inline int su_build_too_many(struct su_err *err)
{
    return su_fail(err, SU_LIMIT, "the document lists too many entries, or memory ran out");
}

#define SU_BUILD_ENTRIES 1000000

static inline int su_build_tag(struct su_update *u, const char *kind, const char *value, size_t length, struct su_err *err)
{
    struct su_tag *tag = SU_PUSH(&u->tags, SU_BUILD_ENTRIES);
    if (!tag)
        return su_build_too_many(err);
    tag->kind = kind;
    return su_build_text(u, &tag->value, value, length, err);
}

/* "Name=value", or "InstallationBehavior.Name=value": a dozen for each document, so put together in place. */
static inline int su_build_property(struct su_update *u, const char *of, const struct su_xml_attribute *a,
                        struct su_err *err)
{
    size_t before = strlen(of) + (of[0] != 0), name = strlen(a->name);
    struct su_tag *tag = SU_PUSH(&u->tags, SU_BUILD_ENTRIES);
    char *pair = su_arena_alloc(&u->arena, before + name + 1 + a->length + 1);
    if (!tag || !pair)
        return su_build_too_many(err);
    *tag = (struct su_tag){"property", pair};
    memcpy(pair, of, before);
    if (before > 0)
        pair[before - 1] = '.';
    memcpy(pair + before, a->name, name);
    pair[before + name] = '=';
    memcpy(pair + before + name + 1, a->value, a->length);
    return 0;
}

static inline int su_build_properties(struct su_update *u, const char *of, struct su_attributes a, struct su_err *err)
{
    for (size_t i = 0; i < a.count; i++)
        if (su_build_property(u, of, &a.at[i], err) < 0)
            return -1;
    return 0;
}

static inline bool su_build_is_express(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".psf") == 0;
}

static inline int su_build_file(struct su_update *u, struct su_attributes a, bool is_licence, struct su_err *err)
{
    struct su_update_file *file = SU_PUSH(&u->files, SU_BUILD_ENTRIES);
    const struct su_xml_attribute *digest = su_attribute(a, "Digest"), *size = su_attribute(a, "Size");
    if (!file)
        return su_build_too_many(err);
    if (!digest || !su_base64_parse(file->sha1, SU_SHA1_BYTES, digest->value, digest->length))
        return su_fail(err, SU_DATA, "a file has no valid SHA-1 Digest");
    if (!size || !su_u64_parse(&file->bytes, size->value, size->length, INT64_MAX))
        return su_fail(err, SU_DATA, "a file has no valid Size");
    file->is_licence = is_licence;
    file->uri = "";
    if (su_build_attribute(u, &file->name, a, "FileName", err) < 0 ||
        su_build_attribute(u, &file->language, a, is_licence ? "Language" : "", err) < 0)
        return -1;
    file->is_express = su_attribute_is(a, "PatchingType", "Express") || su_build_is_express(file->name);
    return 0;
}

/* An AdditionalDigest of the last file. */
static inline int su_build_sha256(struct su_update *u, const struct su_buf *text, struct su_err *err)
{
    struct su_update_file *file = &u->files.at[u->files.count - 1];
    if (file->has_sha256 || !text->bytes ||
        !su_base64_parse(file->sha256, SU_SHA256_BYTES, text->bytes, text->length))
        return su_fail(err, SU_DATA, "file %s has no single valid SHA-256 digest", file->name);
    file->has_sha256 = true;
    return 0;
}

#endif
