/*
 * claims.h - what a bundle says of itself, before anybody has verified a byte of it.
 *
 * Its manifest is parsed in a confined process (confine.h). What comes back is what is shown to people: no blocks, no
 * extents, nothing that could be imported.
 */
#ifndef SU_CLAIMS_H
#define SU_CLAIMS_H

#include "common/lib/confine.h"
#include "common/trust/bundle.h"

struct su_claims {
    struct su_manifest head; /* its lists of files, frames and volumes stay empty */
    uint64_t files, content_bytes, volumes, bytes;
};
#define SU_CLAIMS_INIT { .head = SU_MANIFEST_INIT }
void su_claims_cleanup(struct su_claims *claims);
/* On the main thread. SU_FORMAT and the like: no manifest. */
int su_claims_read(struct su_claims *out, const struct su_bundle_raw *raw, struct su_err *err) SU_CHECKED;

/* How they come out: claims that a manifest could make, or SU_CONFINED. */
void su_claims_put(struct su_wire *wire, const struct su_manifest *manifest);
int su_claims_get(struct su_wire *wire, struct su_claims *out, struct su_err *err) SU_CHECKED;

#endif
