#include "common/lib/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

int su_digest_start(struct su_err *err)
{
    if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_DIGESTS, NULL) != 1 ||
        !OSSL_LIB_CTX_get0_global_default())
        return su_fail_memory(err);
    return 0;
}

int su_digest_open(struct su_digest *digest, enum su_digest_kind kind, struct su_err *err)
{
    if (!digest->context && !(digest->context = EVP_MD_CTX_new()))
        return su_fail_memory(err);
    if (EVP_DigestInit_ex(digest->context, kind == SU_SHA1 ? EVP_sha1() : EVP_sha256(), NULL) != 1)
        return su_fail(err, SU_MEMORY, "the cryptographic library offers no %s",
                       kind == SU_SHA1 ? "SHA-1" : "SHA-256");
    return 0;
}

int su_digest_add(struct su_digest *digest, const void *bytes, size_t length, struct su_err *err)
{
    if (EVP_DigestUpdate(digest->context, bytes, length) != 1)
        return su_fail(err, SU_MEMORY, "hashing failed");
    return 0;
}

int su_digest_end(struct su_digest *digest, uint8_t *out, struct su_err *err)
{
    if (EVP_DigestFinal_ex(digest->context, out, NULL) != 1)
        return su_fail(err, SU_MEMORY, "hashing failed");
    return 0;
}

void su_digest_cleanup(struct su_digest *digest)
{
    EVP_MD_CTX_free(digest->context);
    digest->context = NULL;
}

int su_sha256(uint8_t out[SU_SHA256_BYTES], const void *bytes, size_t length, struct su_err *err)
{
    if (EVP_Digest(bytes, length, out, NULL, EVP_sha256(), NULL) != 1)
        return su_fail(err, SU_MEMORY, "hashing failed");
    return 0;
}
