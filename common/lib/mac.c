#include "common/lib/mac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

int su_mac(uint8_t out[SU_SHA256_BYTES], const uint8_t secret[SU_SECRET_BYTES], const void *bytes,
           size_t length, struct su_err *err)
{
    unsigned made = 0;
    if (!HMAC(EVP_sha256(), secret, SU_SECRET_BYTES, bytes, length, out, &made) || made != SU_SHA256_BYTES)
        return su_fail(err, SU_MEMORY, "HMAC-SHA-256 failed");
    return 0;
}

bool su_mac_equal(const void *a, const void *b, size_t length)
{
    return CRYPTO_memcmp(a, b, length) == 0;
}

int su_secret_make(uint8_t out[SU_SECRET_BYTES], struct su_err *err)
{
    return RAND_priv_bytes(out, SU_SECRET_BYTES) == 1 ? 0
                                                      : su_fail(err, SU_SYSTEM, "no random bytes to be had");
}
