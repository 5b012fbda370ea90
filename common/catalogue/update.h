/*
 * update.h - one update document taken apart: an Update (msus/2002/12) or another vendor's package (sdp_parse.h).
 *
 * Only what selection, closure, content and people need is taken; the document itself is kept as
 * bytes elsewhere and never rewritten. Elements are matched by namespace, not prefix
 * (formats.md 3.1). Everything points into the arena given to su_update_parse.
 */
#ifndef SU_UPDATE_H
#define SU_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/lib/digest.h"

enum su_update_type { SU_CATEGORY, SU_DETECTOID, SU_SOFTWARE, SU_DRIVER };
const char *su_update_type_text(enum su_update_type type);

/* A relation to another update. Clauses are ANDed, entries of one clause ORed. */
struct su_relation {
    uint32_t clause;
    bool is_category;  /* prerequisites: IsCategory="true" */
    struct su_guid id;
    uint32_t revision; /* bundled updates only */
};

struct su_update_file {
    uint8_t sha1[SU_SHA1_BYTES], sha256[SU_SHA256_BYTES];
    bool has_sha256, is_licence, is_express;
    uint64_t bytes;
    const char *name, *language; /* language: licence terms, else "" */
    const char *uri;             /* where it can be had, of a third-party document; else "" */
};

struct su_localized {
    const char *language, *title, *description;
};

/* kind: kb bulletin cve language url support, and "property" as "Name=value"; of a third-party document also
 * vendor product classification handler rule. */
struct su_tag {
    const char *kind, *value;
};

struct su_update {
    struct su_guid id;
    uint32_t revision;
    bool has_revision; /* a third-party document (sdp_parse.h) states none: its record does */
    enum su_update_type type;
    bool is_expired, is_deployable;
    const char *created, *severity, *category_type, *default_language; /* "" when absent */
    SU_VEC(struct su_relation) prerequisites, bundled;
    const char *packed_relations; /* both: relations.h */
    size_t packed_relations_bytes;
    SU_VEC(struct su_guid) superseded;
    SU_VEC(struct su_update_file) files;
    SU_VEC(struct su_localized) localized;
    SU_VEC(struct su_tag) tags;
    struct su_arena arena; /* owns all text */
};

#define SU_UPDATE_INIT { .arena = SU_ARENA_INIT(SU_MAX_UPDATE_ARENA_BYTES) }
/* Replaces what `update` held. The document must be well-formed, UTF-8, and an update. */
int su_update_parse(struct su_update *update, const char *document, size_t length,
                    struct su_err *err) SU_CHECKED;
/* The same without packed_relations. */
int su_update_take_apart(struct su_update *update, const char *document, size_t length, struct su_err *err) SU_CHECKED;
void su_update_reset(struct su_update *update); /* empty, keeps memory */
void su_update_cleanup(struct su_update *update);
/* Title in the default language, else in English, else the first, else "". Never NULL. */
const char *su_update_title(const struct su_update *update);

#endif
