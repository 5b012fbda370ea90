/*
 * signers.h - which signatures over a manifest count, and whether they are enough.
 *
 * In two steps. Before a byte of the manifest is parsed: which pinned keys signed these bytes, each key once,
 * by its SubjectPublicKeyInfo. After: whether what the manifest says (sequence, date) takes some away.
 * The policy must hold after either step.
 */
#ifndef SU_SIGNERS_H
#define SU_SIGNERS_H

#include "common/trust/policy.h"
#include "common/trust/trust.h"

struct su_signature_file {
    char file[16];
    bool is_cms;
    uint8_t *bytes; /* owned */
    size_t length;
};
struct su_signature_files { struct su_signature_file *at; size_t count, capacity; };
void su_signature_files_cleanup(struct su_signature_files *files);

/* One that counts. */
struct su_signer {
    char name[65], role[12], fingerprint[SU_FINGERPRINT_TEXT];
    char file[16];
    bool is_cms;
    /* what the second step asks */
    uint8_t id[SU_SHA256_BYTES]; /* of the key that signed */
    bool is_revoked;
    uint64_t last_sequence;
    char valid_until[SU_INSTANT_TEXT], crl_until[SU_INSTANT_TEXT]; /* "": no end */
};
struct su_signers { struct su_signer *at; size_t count, capacity; };

/* One that does not, and why. */
struct su_not_counted {
    char file[16], name[65], role[12]; /* name, role: "" when no pinned key made it */
    enum su_code code;
    char reason[256];
};
struct su_not_counted_list { struct su_not_counted *at; size_t count, capacity; };

struct su_signing {
    struct su_signers good;
    struct su_not_counted_list not_counted;
};
void su_signing_cleanup(struct su_signing *signing);

/* For the ledger: "; signed NAME (ROLE) FINGERPRINT, ..." of those that count. */
void su_signing_say(const struct su_signing *signing, struct su_buf *out);

int su_signers_collect(struct su_signing *out, const struct su_signature_files *files, const struct su_buf *manifest,
                       const struct su_trust *trust, struct su_err *err) SU_CHECKED;
/* Takes away those that do not count for a bundle of the manifest's sequence and date, and those that the bundle
 * itself revokes: who changes whom a site trusts must be left by the change. `latest` is the latest date any
 * bundle imported so far has given: time does not go back behind it. */
int su_signers_judge(struct su_signing *signing, const struct su_manifest *m, const char *latest, struct su_err *err)
    SU_CHECKED;
/* Refuses, by the most telling reason, unless the policy is met. `what` is the bundle, for the message. */
int su_signers_demand(const struct su_signing *signing, const struct su_policy *policy, const struct su_trust *trust,
                      size_t signatures, const char *what, struct su_err *err) SU_CHECKED;

#endif
