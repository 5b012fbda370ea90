#include "common/lib/sign.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
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

/* Whether OpenSSL lacked memory in what it did and failed to do since it was asked last: that says nothing of
 * a key. When it gives no reason at all, it had no memory for one. */
static bool had_no_memory(void)
{
    bool had_none = ERR_peek_error() == 0;
    for (unsigned long code; (code = ERR_get_error()) != 0;)
        had_none |= ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    return had_none;
}

/* A key that was loaded can be encoded, but for want of memory; OpenSSL does not always say that this is why.
 */
static int cannot_encode(struct su_err *err)
{
    ERR_clear_error();
    return su_fail(err, SU_MEMORY, "no memory to encode a key");
}

static int adopt(struct su_key *key, EVP_PKEY *handle, struct su_err *err)
{
    su_key_cleanup(key);
    key->handle = handle;
    if (!handle && had_no_memory())
        return su_fail_memory(err);
    if (!handle || EVP_PKEY_get_base_id(handle) != EVP_PKEY_ED25519)
        return su_fail(err, SU_KEY, "not an Ed25519 key");
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(handle, &der);
    if (length <= 0)
        return cannot_encode(err);
    int result = su_sha256(key->id, der, (size_t)length, err);
    OPENSSL_free(der);
    return result;
}

int su_key_generate(struct su_key *key, struct su_err *err)
{
    return adopt(key, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), err);
}

/* No prompt: without a passphrase a protected key simply does not load here. */
static int give_passphrase(char *out, int room, int is_writing, void *context)
{
    const char *passphrase = context;
    size_t n = passphrase ? strlen(passphrase) : 0;
    (void)is_writing;
    if (!passphrase || n > (size_t)room)
        return -1;
    memcpy(out, passphrase, n);
    return (int)n;
}

static EVP_PKEY *load(const char *pem, size_t length, const char *passphrase, bool is_private)
{
    /* Nothing is read of what is longer than any key: then OpenSSL says that there is none. */
    BIO *bio = BIO_new_mem_buf(pem, length <= 64 * SU_KIB ? (int)length : 0);
    void *context = (void *)(uintptr_t)passphrase; /* only read */
    EVP_PKEY *handle = NULL;
    if (bio)
        handle = is_private ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, context)
                            : PEM_read_bio_PUBKEY(bio, NULL, give_passphrase, context);
    BIO_free(bio);
    if (handle)
        ERR_clear_error();
    return handle;
}

int su_key_load_private(struct su_key *key, const char *pem, size_t length, struct su_err *err)
{
    return adopt(key, load(pem, length, NULL, true), err);
}

bool su_key_is_protected(const char *pem, size_t length)
{
    static const char mark[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    return memmem(pem, length, mark, sizeof mark - 1) != NULL;
}

int su_key_load_protected(struct su_key *key, const char *pem, size_t length, const char *passphrase,
                          struct su_err *err)
{
    EVP_PKEY *handle = load(pem, length, passphrase, true);
    return handle            ? adopt(key, handle, err)
           : had_no_memory() ? su_fail_memory(err)
                             : su_fail(err, SU_PASSPHRASE, "the passphrase does not open the private key");
}

int su_key_load_public(struct su_key *key, const char *pem, size_t length, struct su_err *err)
{
    return adopt(key, load(pem, length, NULL, false), err);
}

int su_key_load_spki(struct su_key *key, const uint8_t spki[SU_SPKI_BYTES], struct su_err *err)
{
    const unsigned char *at = spki;
    uint8_t again[SU_SPKI_BYTES];
    EVP_PKEY *handle = d2i_PUBKEY(NULL, &at, SU_SPKI_BYTES);
    if (adopt(key, handle, err) < 0 || su_key_save_spki(key, again, err) < 0)
        return -1;
    /* One key, one encoding: its id must be that of these bytes. */
    return memcmp(again, spki, sizeof again) == 0 ? 0 : su_fail(err, SU_KEY, "not an Ed25519 key");
}

int su_key_save_spki(const struct su_key *key, uint8_t out[SU_SPKI_BYTES], struct su_err *err)
{
    unsigned char *at = out;
    return i2d_PUBKEY(key->handle, NULL) == SU_SPKI_BYTES && i2d_PUBKEY(key->handle, &at) == SU_SPKI_BYTES
               ? 0
               : cannot_encode(err);
}

/* The cost of a guess: 16 MiB and some ten milliseconds; what openssl itself uses. */
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 1

static bool write_protected(BIO *bio, EVP_PKEY *handle, const char *passphrase)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(handle);
    X509_ALGOR *method =
        PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 0, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
    X509_SIG *sealed =
        info && method ? PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), info, method) : NULL;
    bool ok = sealed && PEM_write_bio_PKCS8(bio, sealed) == 1;
    if (!sealed)
        X509_ALGOR_free(method); /* else it belongs to `sealed` */
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(info);
    return ok;
}

/* What was written to a memory BIO, which OpenSSL wipes; it is added in one piece, so that growing
 * leaves no copy of a secret behind. */
static int take_bio(BIO *bio, bool ok, struct su_buf *out, struct su_err *err)
{
    char *text = NULL;
    long length = bio && ok ? BIO_get_mem_data(bio, &text) : 0;
    if (length > 0)
        su_buf_add(out, text, (size_t)length);
    BIO_free(bio);
    if (length <= 0)
        return cannot_encode(err);
    ERR_clear_error();
    return su_buf_check(out, "key", err);
}

int su_key_save_private(const struct su_key *key, const char *passphrase, struct su_buf *out,
                        struct su_err *err)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    bool ok =
        bio && (passphrase ? write_protected(bio, key->handle, passphrase)
                           : PEM_write_bio_PKCS8PrivateKey(bio, key->handle, NULL, NULL, 0, NULL, NULL) == 1);
    return take_bio(bio, ok, out, err);
}

int su_key_save_public(const struct su_key *key, struct su_buf *out, struct su_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return take_bio(bio, bio && PEM_write_bio_PUBKEY(bio, key->handle) == 1, out, err);
}

int su_passphrase_ask(const char *prompt, char *out, size_t room, struct su_err *err)
{
    int result = EVP_read_pw_string(out, room < INT32_MAX ? (int)room : INT32_MAX, prompt, 0);
    ERR_clear_error();
    return result == 0 ? 0 : su_fail(err, SU_PASSPHRASE, "no passphrase was entered");
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
