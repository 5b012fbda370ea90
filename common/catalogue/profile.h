/*
 * profile.h - what a site shall hold: products, classifications, languages, content mode, express.
 *
 * The text form is canonical (sorted, one item a line) and part of the signed manifest; its SHA-256
 * is the profile digest. Approvals travel beside it: they change monthly and are not part of it.
 *
 *   product <guid>   classification <guid>   language <tag>   content none|licence|approved|all
 *   express yes|no
 */
#ifndef SU_PROFILE_H
#define SU_PROFILE_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/text.h"
#include "common/lib/db.h"
#include "common/lib/digest.h"

enum su_content_mode { SU_CONTENT_NONE, SU_CONTENT_LICENCE, SU_CONTENT_APPROVED, SU_CONTENT_ALL };
const char *su_content_mode_text(enum su_content_mode mode);
bool su_content_mode_parse(enum su_content_mode *out, const char *text);

/* Kinds in site_item, and the order of the text form. */
enum su_item_kind { SU_ITEM_PRODUCT, SU_ITEM_CLASSIFICATION, SU_ITEM_LANGUAGE, SU_ITEM_APPROVAL };

struct su_profile_item {
    enum su_item_kind kind;
    char value[SU_GUID_TEXT]; /* GUID in lower case, or language */
};
struct su_profile {
    SU_VEC(struct su_profile_item) items; /* sorted by kind, value; unique */
    enum su_content_mode content;
    bool has_express;
};
void su_profile_cleanup(struct su_profile *profile);

/* In any order; sorted and made unique by su_profile_sort. */
int su_profile_add(struct su_profile *profile, enum su_item_kind kind, const char *value, struct su_err *err) SU_CHECKED;
void su_profile_sort(struct su_profile *profile);
bool su_profile_has(const struct su_profile *profile, enum su_item_kind kind);
/* Canonical text without approvals; and "approved <guid>" lines. */
void su_profile_format(const struct su_profile *profile, struct su_buf *out);
void su_profile_format_approvals(const struct su_profile *profile, struct su_buf *out);
int su_profile_digest(const struct su_profile *profile, uint8_t out[SU_SHA256_BYTES], struct su_err *err) SU_CHECKED;
/* Takes one line of either text; false when it is none. */
bool su_profile_parse_line(struct su_profile *profile, const char *line, size_t length, struct su_err *err);

/* A category by GUID, or by its title in any case. `type`: "UpdateClassification" or NULL for the
 * product tree. Ambiguous and unknown names are refused, naming the candidates. */
int su_category_resolve(struct su_db *db, const char *type, const char *name, struct su_guid *out, struct su_err *err) SU_CHECKED;

#endif
