/*
 * scan_rows.h - what is kept of scan metadata, as rows: filled by scan_package.c and scan_fragment.c, stored by
 * scan_store.c.
 *
 * Rows of one batch belong to one thread at a time. Everything points into the arena. A revision is named by its
 * RevisionId, which means something inside one edition only.
 */
#ifndef SU_SCAN_ROWS_H
#define SU_SCAN_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/lib/digest.h"

/* An Update of package.xml. */
struct su_scan_update {
    uint64_t revision_id;
    struct su_guid id;
    uint32_t revision;
    bool is_bundle, is_leaf, is_software;
    const char *created, *language, *action; /* language: the default one; action: DeploymentAction, "" normal */
};
/* A core fragment. */
struct su_scan_core {
    uint64_t revision_id;
    struct su_guid id;
    uint32_t revision;
    const char *type; /* UpdateType */
};
/* An extended fragment. */
struct su_scan_extended {
    uint64_t revision_id, max_bytes, min_bytes;
    const char *severity, *handler;
};
/* A file, as package.xml names it (digest alone) or as the extended fragment does. */
struct su_scan_file {
    uint64_t revision_id;
    uint8_t sha1[SU_SHA1_BYTES], sha256[SU_SHA256_BYTES];
    bool is_described, has_sha256, is_licence;
    uint64_t bytes;
    const char *name, *language; /* language: of licence terms, else "" */
};
struct su_scan_location {
    uint8_t sha1[SU_SHA1_BYTES];
    const char *url;
};
/* A localized fragment. */
struct su_scan_title {
    uint64_t revision_id;
    const char *language, *title, *description;
    int64_t description_id; /* 63 bits of its SHA-256: whose description it is, the cabinet says either way */
};
struct su_scan_tag {
    uint64_t revision_id;
    const char *kind, *value; /* kind: kb bulletin cve language url support */
};
struct su_scan_relation {
    uint64_t revision_id, target;
    enum su_scan_relation_kind { SU_SCAN_BUNDLED_BY, SU_SCAN_SUPERSEDED_BY } kind;
};
struct su_scan_target {
    uint64_t revision_id;
    struct su_guid id;
    const char *kind; /* a category's type; NULL: superseded by this revision */
};

struct su_scan_rows {
    struct su_arena arena;
    SU_VEC(struct su_scan_update) updates;
    SU_VEC(struct su_scan_core) cores;
    SU_VEC(struct su_scan_extended) extended;
    SU_VEC(struct su_scan_file) files;
    SU_VEC(struct su_scan_location) locations;
    SU_VEC(struct su_scan_title) titles;
    SU_VEC(struct su_scan_tag) tags;
    SU_VEC(struct su_scan_relation) relations;
    SU_VEC(struct su_scan_target) superseded, categories;
};
#define SU_SCAN_ROWS_INIT { .arena = SU_ARENA_INIT(SU_MAX_UPDATE_ARENA_BYTES) }
/* Rows of one kind in one batch; a batch is handed on long before. */
#define SU_SCAN_MOST_ROWS 200000u
void su_scan_rows_clear(struct su_scan_rows *rows);
void su_scan_rows_cleanup(struct su_scan_rows *rows);
int su_scan_too_many(struct su_err *err); /* when SU_PUSH gave nothing */
/* A text into the arena. */
int su_scan_keep(struct su_scan_rows *rows, const char **out, const char *text, size_t length,
                 struct su_err *err) SU_CHECKED;

/* Attributes of an element, as both parsers ask for them. */
struct su_xml_attribute;
struct su_scan_attributes {
    const struct su_xml_attribute *at;
    size_t count;
};
const struct su_xml_attribute *su_scan_find(struct su_scan_attributes a, const char *name);
bool su_scan_is_true(struct su_scan_attributes a, const char *name, bool otherwise);
int su_scan_keep_attribute(struct su_scan_rows *rows, const char **out, struct su_scan_attributes a, const char *name,
                           struct su_err *err) SU_CHECKED;
/* What must be there and have its form; `of` names the element in the refusal. */
int su_scan_number(uint64_t *out, struct su_scan_attributes a, const char *of, const char *name, uint64_t max,
                   struct su_err *err) SU_CHECKED;
int su_scan_guid(struct su_guid *out, struct su_scan_attributes a, const char *of, const char *name,
                 struct su_err *err) SU_CHECKED;
int su_scan_sha1(uint8_t out[SU_SHA1_BYTES], struct su_scan_attributes a, const char *of, const char *name,
                 struct su_err *err) SU_CHECKED;

#endif
