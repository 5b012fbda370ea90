/*
 * bundle.h - from a folder on a medium to a bundle that may be believed.
 *
 * Two types, not a flag: su_bundle_raw is opened and nothing of it is believed; su_bundle comes only
 * from su_bundle_verify, which checks the signature over the manifest's raw bytes before it parses
 * a single one. Whatever looks inside earlier says "unverified" in its name. The medium is opened
 * read-only.
 */
#ifndef SU_BUNDLE_H
#define SU_BUNDLE_H

#include "common/base/limits.h"
#include "common/bundle/manifest.h"
#include "common/trust/signers.h"

struct su_bundle_raw {
    char path[1024]; /* for messages */
    su_fd dir;
    struct su_buf manifest;
    struct su_signature_files signatures;
};
#define SU_BUNDLE_RAW_INIT { .dir = -1, .manifest = SU_BUF_INIT(SU_MAX_MANIFEST_BYTES) }
int su_bundle_open(struct su_bundle_raw *raw, const char *path, struct su_err *err) SU_CHECKED;
void su_bundle_raw_cleanup(struct su_bundle_raw *raw);
/* What the first lines claim, of a folder on a medium with several bundles: enough to sort them and to
 * pass over those of other sites. False when they are no manifest's. */
bool su_bundle_unverified_claims(const char *path, char site[17], uint64_t *sequence);
/* The number that an urgent bundle claims, 0 for an ordinary one. */
uint64_t su_bundle_unverified_urgent(const char *path);
/* Whether those lines name that site, as the one addressed or as one it may be relayed to. */
bool su_bundle_unverified_is_for(const char *path, const char *site);
/* For inspect, and for who is about to sign; nothing else may rest on it. */
int su_bundle_unverified_manifest(const struct su_bundle_raw *raw, struct su_manifest *out, struct su_err *err) SU_CHECKED;

struct su_bundle {
    su_fd dir;
    struct su_manifest manifest;
    uint8_t manifest_sha256[SU_SHA256_BYTES];
    char name[SU_BUNDLE_NAME_TEXT];
    struct su_signing signing; /* who signed; also filled when the bundle is refused for that */
};
#define SU_BUNDLE_INIT { .dir = -1, .manifest = SU_MANIFEST_INIT }
/* Needs signatures as the site's policy demands. Refused, `out` holds nothing but `signing`. */
int su_bundle_verify(struct su_bundle *out, const struct su_bundle_raw *raw, struct su_db *site, struct su_err *err) SU_CHECKED;
void su_bundle_cleanup(struct su_bundle *bundle);
/* Refuses undeclared files and a recipe that is not the signed one. */
int su_bundle_check_folder(const struct su_bundle *bundle, struct su_err *err) SU_CHECKED;
/* The same for a manifest that nobody vouches for yet. */
int su_bundle_unverified_check_folder(const struct su_bundle_raw *raw, const struct su_manifest *manifest,
                                      struct su_err *err) SU_CHECKED;

/* Whether a file of that name is a signature. */
bool su_bundle_is_signature(const char *name);

/* Folders with a manifest: `path` itself, or those one level below; sorted. SU_NO_BUNDLE when none. */
int su_bundle_find(const char *path, struct su_names *out, struct su_err *err) SU_CHECKED;

#endif
