/*
 * digest.h - SHA-1 and SHA-256 as streams (OpenSSL EVP). SHA-1 exists only because Microsoft's
 * metadata keys files by it; nothing trusts it alone where a SHA-256 is known.
 */
#ifndef SU_DIGEST_H
#define SU_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define SU_SHA1_BYTES 20
#define SU_SHA256_BYTES 32
#define SU_SHA256_TEXT 65

struct su_digest { void *context; };
enum su_digest_kind { SU_SHA1, SU_SHA256 };
#define SU_DIGEST_INIT { .context = NULL }

/* Has OpenSSL set itself up. It goes on without what it could get no memory for then, and crashes where that is
 * used; so before anything else, and nothing else after a failure. */
int su_digest_start(struct su_err *err) SU_CHECKED;
/* Opens or re-opens (the context is reused). */
int su_digest_open(struct su_digest *digest, enum su_digest_kind kind, struct su_err *err) SU_CHECKED;
int su_digest_add(struct su_digest *digest, const void *bytes, size_t length, struct su_err *err) SU_CHECKED;
int su_digest_end(struct su_digest *digest, uint8_t *out, struct su_err *err) SU_CHECKED;
void su_digest_cleanup(struct su_digest *digest);
int su_sha256(uint8_t out[SU_SHA256_BYTES], const void *bytes, size_t length, struct su_err *err) SU_CHECKED;

#endif
