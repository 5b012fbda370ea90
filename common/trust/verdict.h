/*
 * verdict.h - what is found about a CMS signature over a manifest: who signed, and which pinned authority vouches for him,
 * or why it does not count.
 *
 * Finding it means reading DER that nobody has vouched for, so it is done in a confined process (confine.h), which has
 * the manifest, the signatures and what is pinned from its beginning, and answers with verdicts. Of an answer only
 * that is believed which could be said of somebody pinned here.
 */
#ifndef SU_VERDICT_H
#define SU_VERDICT_H

#include "common/lib/confine.h"
#include "common/trust/signers.h"

struct su_verdict {
    enum su_code code; /* SU_OK: the signature is good and leads to the authority */
    char reason[256];  /* else: why it does not count */
    uint32_t authority; /* in trust->keys */
    uint8_t id[SU_SHA256_BYTES];
    char common_name[65];
    char until[SU_INSTANT_TEXT]; /* when the chain ends */
};

/* Starts the process over all CMS signatures among `files`, which give one verdict each, in their order. On the main
 * thread; everything given stays as it is until the process is cleaned up. */
struct su_verdicts {
    const struct su_signature_files *files;
    const struct su_buf *manifest;
    const struct su_trust *trust;
    struct su_confined *confined;
};
int su_verdicts_start(struct su_verdicts *verdicts, struct su_err *err) SU_CHECKED;
int su_verdicts_next(struct su_verdicts *verdicts, struct su_verdict *out, struct su_err *err) SU_CHECKED;
void su_verdicts_cleanup(struct su_verdicts *verdicts);
/* Whether it is a signature over the manifest by the key with that id; one that is none is not. On the main thread. */
int su_verdict_is_by(const struct su_signature_file *file, const struct su_buf *manifest,
                     const uint8_t id[SU_SHA256_BYTES], bool *is_by, struct su_err *err) SU_CHECKED;

/* How one comes out. */
void su_verdict_put(struct su_wire *wire, const struct su_verdict *verdict);
/* The frame is one verdict that could be given: SU_CONFINED if not. */
int su_verdict_get(struct su_wire *wire, struct su_verdict *out, const struct su_trust *trust, struct su_err *err) SU_CHECKED;

#endif
