#include "common/lib/sign.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

void su_key_cleanup(struct su_key *key)
{
    EVP_PKEY_free(key->handle);
    key->handle = NULL;
}

void su_wipe(void *bytes, size_t length)
{
    OPENSSL_cleanse(bytes, length);
}

static int adopt(struct su_key *key, EVP_PKEY *handle, struct su_err *err)
{
    su_key_cleanup(key);
    key->handle = handle;
    if (!handle || EVP_PKEY_get_base_id(handle) != EVP_PKEY_ED25519)
        return su_fail(err, SU_KEY, "not an Ed25519 key");
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(handle, &der);
    if (length <= 0)
        return su_fail(err, SU_KEY, "the key cannot be encoded");
    int result = su_sha256(key->id, der, (size_t)length, err);
    OPENSSL_free(der);
    return result;
}

int su_key_generate(struct su_key *key, struct su_err *err)
{
    return adopt(key, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), err);
}

/* No prompt: a key with a passphrase simply does not load here. */
static int no_passphrase(char *out, int room, int is_writing, void *context)
{
    (void)out, (void)room, (void)is_writing, (void)context;
    return -1;
}

static int load(struct su_key *key, const char *pem, size_t length, bool is_private, struct su_err *err)
{
    BIO *bio = length <= SU_KIB * 64 ? BIO_new_mem_buf(pem, (int)length) : NULL;
    if (!bio)
        return su_fail(err, SU_KEY, "the key file cannot be read");
    EVP_PKEY *handle = is_private ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
                                  : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    return adopt(key, handle, err);
}

int su_key_load_private(struct su_key *key, const char *pem, size_t length, struct su_err *err)
{
    return load(key, pem, length, true, err);
}

int su_key_load_public(struct su_key *key, const char *pem, size_t length, struct su_err *err)
{
    return load(key, pem, length, false, err);
}

static int save(const struct su_key *key, bool is_private, struct su_buf *out, struct su_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool ok = bio && (is_private ? PEM_write_bio_PKCS8PrivateKey(bio, key->handle, NULL, NULL, 0, NULL, NULL)
                                 : PEM_write_bio_PUBKEY(bio, key->handle)) == 1;
    long length = ok ? BIO_get_mem_data(bio, &text) : 0;
    if (length > 0)
        su_buf_add(out, text, (size_t)length);
    BIO_free(bio);
    if (length <= 0)
        return su_fail(err, SU_KEY, "the key cannot be encoded");
    return su_buf_check(out, "key", err);
}

int su_key_save_private(const struct su_key *key, struct su_buf *out, struct su_err *err)
{
    return save(key, true, out, err);
}

int su_key_save_public(const struct su_key *key, struct su_buf *out, struct su_err *err)
{
    return save(key, false, out, err);
}

void su_key_fingerprint(const uint8_t id[SU_SHA256_BYTES], char out[SU_FINGERPRINT_TEXT])
{
    (void)snprintf(out, SU_FINGERPRINT_TEXT, "%02X%02X %02X%02X %02X%02X %02X%02X %02X%02X", id[0], id[1],
                   id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9]);
}

bool su_key_has_fingerprint(const uint8_t id[SU_SHA256_BYTES], const char *fingerprint)
{
    char expected[SU_FINGERPRINT_TEXT];
    su_key_fingerprint(id, expected);
    const char *a = expected;
    for (const char *b = fingerprint;; a++, b++) {
        while (*a == ' ')
            a++;
        while (*b == ' ' || *b == '-' || *b == ':')
            b++;
        if (toupper((unsigned char)*b) != *a)
            return false;
        if (!*a)
            return true;
    }
}

int su_sign(const struct su_key *key, const void *bytes, size_t length, uint8_t out[SU_SIGNATURE_BYTES],
            struct su_err *err)
{
    size_t made = SU_SIGNATURE_BYTES;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestSignInit(context, NULL, NULL, NULL, key->handle) == 1 &&
              EVP_DigestSign(context, out, &made, bytes, length) == 1 && made == SU_SIGNATURE_BYTES;
    EVP_MD_CTX_free(context);
    return ok ? 0 : su_fail(err, SU_KEY, "signing failed");
}

bool su_signature_is_good(const struct su_key *key, const void *bytes, size_t length,
                          const uint8_t signature[SU_SIGNATURE_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->handle) == 1 &&
              EVP_DigestVerify(context, signature, SU_SIGNATURE_BYTES, bytes, length) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}
