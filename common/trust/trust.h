/*
 * trust.h - whom a site believes: keys and authorities pinned by its operator, or introduced by a bundle
 * that met the site's policy. Without one, every bundle is refused. A revocation is never taken back.
 */
#ifndef SU_TRUST_H
#define SU_TRUST_H

#include "common/point/event.h"
#include "common/trust/keys.h"
#include "common/point/ledger.h"
#include "common/bundle/manifest.h"
#include "common/lib/cms.h"

/* Pins a key. `fingerprint` (may be NULL) must be the key's; a key pinned already is fine. */
int su_trust_add(struct su_home *home, const struct su_key_file *file, const char *fingerprint,
                 const struct su_actor *actor, bool *is_new, struct su_err *err) SU_CHECKED;

/* Pins an authority for a role: certificates it issued sign as that role, all of them or only those with the
 * common name `subject` ("" for all). `name` NULL: the authority's common name. */
struct su_authority_options {
    const char *name, *role, *subject, *fingerprint; /* fingerprint may be NULL */
    const struct su_actor *actor;
};
struct su_trusted;
int su_trust_add_authority(struct su_home *home, const struct su_buf *pem, const struct su_authority_options *options,
                           struct su_trusted *out, bool *is_new, struct su_err *err) SU_CHECKED;
/* Pins an authority's revocation list, unless a newer one is. */
int su_trust_add_crl(struct su_home *home, const struct su_buf *pem, const struct su_actor *actor,
                     struct su_trusted *issuer, struct su_crl *out, bool *is_new, struct su_err *err) SU_CHECKED;
/* Revokes what has that name or fingerprint: it counts on bundles up to that sequence only. */
int su_trust_revoke(struct su_home *home, const char *which, uint64_t up_to, const struct su_actor *actor,
                    struct su_trusted *out, struct su_err *err) SU_CHECKED;

struct su_trusted {
    uint8_t id[SU_SHA256_BYTES];
    bool is_authority, is_revoked;
    uint64_t last_sequence;            /* meaningful when revoked */
    struct su_key key;                 /* of a key */
    struct su_certificate certificate; /* of an authority */
    struct su_crl crl;                 /* the authority's, or without handle */
    char name[65], role[12], subject[65], introduced[SU_BUNDLE_NAME_TEXT];
};
#define SU_TRUSTED_INIT { .key = SU_KEY_INIT, .certificate = SU_CERTIFICATE_INIT, .crl = SU_CRL_INIT }
void su_trusted_cleanup(struct su_trusted *trusted);

struct su_trust {
    SU_VEC(struct su_trusted) keys;
    SU_VEC(struct su_revocation) revoked; /* keys that were not pinned when their revocation came */
};
int su_trust_load(struct su_db *db, struct su_trust *out, struct su_err *err) SU_CHECKED;
void su_trust_cleanup(struct su_trust *trust);

/* What a bundle changed in whom the site believes. */
struct su_trust_change {
    char name[65], role[12];
    uint8_t id[SU_SHA256_BYTES];
    bool is_revoked; /* else introduced */
    uint64_t last_sequence;
};
struct su_trust_changes {
    struct su_trust_change at[2 * SU_MAX_KEY_LINES];
    size_t count;
};
/* Takes over the key lines of a bundle that met the policy. Inside the import's transaction. */
int su_trust_apply_manifest(struct su_home *site, const struct su_manifest *manifest, const char *bundle,
                            const struct su_actor *actor, const struct su_events *events,
                            struct su_trust_changes *out, struct su_err *err) SU_CHECKED;

#endif
