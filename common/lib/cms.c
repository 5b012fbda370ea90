#include "common/lib/cms.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A P-384 key, named curve, point not compressed, has exactly one encoding, of this length. The first byte of
 * the point is its form: a hybrid point (6, 7) is as long, and would give one key a second id. */
#define P384_SPKI_BYTES 120
#define P384_POINT_AT 23
#define POINT_NOT_COMPRESSED 4
#define MIN_RSA_BITS 3072
#define SECURITY_LEVEL 3 /* of OpenSSL: 128 bits for every key and digest of a chain */

void su_instant_of(const char *time, char out[SU_INSTANT_TEXT])
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    out[0] = 0;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == 'd' ? time[i] < '0' || time[i] > '9' : time[i] != form[i])
            return;
    (void)snprintf(out, SU_INSTANT_TEXT, "%.19s", time);
}

static void format_time(const ASN1_TIME *time, char out[SU_INSTANT_TEXT])
{
    struct tm t;
    char text[80];
    out[0] = 0;
    if (!time || ASN1_TIME_to_tm(time, &t) != 1)
        return;
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", t.tm_year + 1900, t.tm_mon + 1,
                   t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
    su_instant_of(text, out);
}

static const char *library_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason ? reason : "no reason given";
}

static BIO *read_from(const void *bytes, size_t length)
{
    return length <= INT32_MAX ? BIO_new_mem_buf(bytes, (int)length) : NULL;
}

/* What was written to a memory BIO; frees it. */
static int take_bio(BIO *bio, bool ok, const char *what, struct su_buf *out, struct su_err *err)
{
    char *text = NULL;
    long length = bio && ok ? BIO_get_mem_data(bio, &text) : 0;
    if (length > 0)
        su_buf_add(out, text, (size_t)length);
    BIO_free(bio);
    return length > 0 ? su_buf_check(out, what, err) : su_fail(err, SU_KEY, "%s cannot be encoded", what);
}

/* ---- certificates ---- */

void su_certificate_cleanup(struct su_certificate *c)
{
    X509_free(c->handle);
    c->handle = NULL;
}

/* The one common name, when it is short and holds no NUL. */
static void common_name(X509 *x, char out[65])
{
    X509_NAME *subject = X509_get_subject_name(x);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *text = NULL;
    out[0] = 0;
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return;
    int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (n > 0 && n < 65 && !memchr(text, 0, (size_t)n))
        (void)snprintf(out, 65, "%.*s", n, (const char *)text);
    OPENSSL_free(text);
}

/* `is_p384` says whether it has the length and form that a P-384 key must have. */
static int key_id(X509 *x, uint8_t out[SU_SHA256_BYTES], bool *is_p384, struct su_err *err)
{
    unsigned char *der = NULL;
    EVP_PKEY *key = X509_get0_pubkey(x);
    int length = key ? i2d_PUBKEY(key, &der) : 0;
    *is_p384 = length == P384_SPKI_BYTES && der[P384_POINT_AT] == POINT_NOT_COMPRESSED;
    int result = length > 0 ? su_sha256(out, der, (size_t)length, err)
                            : su_fail(err, SU_CERT_WEAK, "the certificate holds no key that is known here");
    OPENSSL_free(der);
    return result;
}

int su_authority_load(struct su_certificate *out, const char *pem, size_t length, struct su_err *err)
{
    BIO *bio = read_from(pem, length);
    bool is_p384;
    su_certificate_cleanup(out);
    out->handle = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    if (!out->handle)
        return su_fail(err, SU_KEY, "not a certificate in PEM form");
    common_name(out->handle, out->common_name);
    if (X509_check_ca(out->handle) != 1)
        return su_fail(err, SU_KEY,
                       "the certificate of '%s' is not that of an authority: it may not issue certificates",
                       out->common_name);
    return key_id(out->handle, out->id, &is_p384, err);
}

int su_certificate_load(struct su_certificate *out, const char *bytes, size_t length, struct su_err *err)
{
    BIO *bio = read_from(bytes, length);
    bool is_p384;
    su_certificate_cleanup(out);
    out->handle = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!out->handle) {
        const unsigned char *at = (const unsigned char *)bytes, *end = at + length;
        out->handle = length <= INT32_MAX ? d2i_X509(NULL, &at, (long)length) : NULL;
        if (out->handle && at != end)
            su_certificate_cleanup(out);
    }
    ERR_clear_error();
    if (!out->handle)
        return su_fail(err, SU_KEY, "not a certificate in PEM or DER form");
    common_name(out->handle, out->common_name);
    return key_id(out->handle, out->id, &is_p384, err);
}

int su_certificate_save(const struct su_certificate *c, struct su_buf *pem, struct su_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return take_bio(bio, bio && PEM_write_bio_X509(bio, c->handle) == 1, "the certificate", pem, err);
}

/* ---- revocation lists ---- */

void su_crl_cleanup(struct su_crl *crl)
{
    X509_CRL_free(crl->handle);
    crl->handle = NULL;
}

static void read_crl_number(struct su_crl *crl)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl->handle, NID_crl_number, NULL, NULL);
    BIGNUM *value = number ? ASN1_INTEGER_to_BN(number, NULL) : NULL;
    char *digits = value ? BN_bn2dec(value) : NULL;
    (void)snprintf(crl->number, sizeof crl->number, "%.63s", digits ? digits : "");
    OPENSSL_free(digits);
    BN_free(value);
    ASN1_INTEGER_free(number);
}

int su_crl_load(struct su_crl *out, const char *pem, size_t length, struct su_err *err)
{
    BIO *bio = read_from(pem, length);
    su_crl_cleanup(out);
    out->handle = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    if (!out->handle)
        return su_fail(err, SU_KEY, "not a revocation list in PEM form");
    /* Delta lists, and lists for a part of the certificates, say so in a critical extension. */
    if (X509_CRL_get_ext_by_critical(out->handle, 1, -1) >= 0)
        return su_fail(err, SU_KEY,
                       "the revocation list is a partial one; a complete list of the authority is needed");
    read_crl_number(out);
    format_time(X509_CRL_get0_lastUpdate(out->handle), out->last_update);
    format_time(X509_CRL_get0_nextUpdate(out->handle), out->next_update);
    if (!out->last_update[0])
        return su_fail(err, SU_KEY, "the revocation list does not say when it was made");
    return 0;
}

int su_crl_save(const struct su_crl *crl, struct su_buf *pem, struct su_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return take_bio(bio, bio && PEM_write_bio_X509_CRL(bio, crl->handle) == 1, "the revocation list", pem,
                    err);
}

bool su_crl_is_issued_by(const struct su_crl *crl, const struct su_certificate *authority)
{
    uint32_t usage = X509_get_key_usage(authority->handle); /* all bits when it does not say */
    bool is =
        (usage & KU_CRL_SIGN) != 0 &&
        X509_NAME_cmp(X509_CRL_get_issuer(crl->handle), X509_get_subject_name(authority->handle)) == 0 &&
        X509_CRL_verify(crl->handle, X509_get0_pubkey(authority->handle)) == 1;
    ERR_clear_error();
    return is;
}

int su_crl_compare(const struct su_crl *a, const struct su_crl *b)
{
    if (!a->number[0] || !b->number[0])
        return strcmp(a->last_update, b->last_update);
    size_t x = strlen(a->number), y = strlen(b->number);
    return x != y ? (x < y ? -1 : 1) : strcmp(a->number, b->number);
}

/* ---- signatures ---- */

void su_cms_cleanup(struct su_cms *cms)
{
    CMS_ContentInfo_free(cms->handle);
    cms->handle = NULL;
    cms->signer.handle = NULL;
}

/* Parses all of `der` and demands the one form we know: SignedData, detached, of plain data, one signer. */
static CMS_SignerInfo *take_apart(struct su_cms *cms, const void *der, size_t length)
{
    const unsigned char *at = der;
    cms->handle = d2i_CMS_ContentInfo(NULL, &at, (long)length);
    if (!cms->handle || at != (const unsigned char *)der + length ||
        OBJ_obj2nid(CMS_get0_type(cms->handle)) != NID_pkcs7_signed ||
        OBJ_obj2nid(CMS_get0_eContentType(cms->handle)) != NID_pkcs7_data ||
        CMS_is_detached(cms->handle) != 1)
        return NULL;
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms->handle);
    return sk_CMS_SignerInfo_num(infos) == 1 ? sk_CMS_SignerInfo_value(infos, 0) : NULL;
}

/* One algorithm for each kind of key; anything weaker or other is refused, whoever issued it. */
static int check_strength(X509 *signer, X509_ALGOR *digest, bool is_p384, struct su_err *err)
{
    EVP_PKEY *key = X509_get0_pubkey(signer);
    int type = EVP_PKEY_get_base_id(key), bits = EVP_PKEY_get_bits(key),
        hash = OBJ_obj2nid(digest->algorithm);
    if (hash != NID_sha256 && hash != NID_sha384 && hash != NID_sha512)
        return su_fail(err, SU_CERT_WEAK, "the signature uses %s; SHA-256, SHA-384 or SHA-512 is demanded",
                       OBJ_nid2sn(hash));
    if (type == EVP_PKEY_RSA && bits < MIN_RSA_BITS)
        return su_fail(err, SU_CERT_WEAK, "the signature is by an RSA key of %d bits; %d are demanded", bits,
                       MIN_RSA_BITS);
    if (type != EVP_PKEY_RSA && (type != EVP_PKEY_EC || bits != 384 || !is_p384))
        return su_fail(
            err, SU_CERT_WEAK,
            "the signature is by a key of another kind (%s, %d bits) than RSA or ECDSA on P-384 with "
            "the point not compressed",
            OBJ_nid2sn(type), bits);
    return 0;
}

int su_cms_open(struct su_cms *out, const void *der, size_t length, const void *content,
                size_t content_length, struct su_err *err)
{
    X509 *signer = NULL;
    X509_ALGOR *digest = NULL;
    bool is_p384;
    su_cms_cleanup(out);
    CMS_SignerInfo *info = length <= SU_MAX_CMS_BYTES ? take_apart(out, der, length) : NULL;
    ERR_clear_error();
    if (!info)
        return su_fail(err, SU_UNTRUSTED, "is no detached CMS signature in DER form by one signer");
    if (CMS_set1_signers_certs(out->handle, NULL, 0) != 1) {
        ERR_clear_error();
        return su_fail(err, SU_UNTRUSTED, "does not carry its signer's certificate");
    }
    CMS_SignerInfo_get0_algs(info, NULL, &signer, &digest, NULL);
    if (key_id(signer, out->signer.id, &is_p384, err) < 0 || check_strength(signer, digest, is_p384, err) < 0)
        return -1;
    BIO *bio = read_from(content, content_length);
    bool ok =
        bio && CMS_verify(out->handle, NULL, NULL, bio, NULL, CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) == 1;
    BIO_free(bio);
    ERR_clear_error();
    if (!ok)
        return su_fail(err, SU_UNTRUSTED, "is not a signature over this manifest");
    out->signer.handle = signer;
    common_name(signer, out->signer.common_name);
    return 0;
}

static int check_purpose(const struct su_certificate *signer, struct su_err *err)
{
    uint32_t usage = X509_get_key_usage(signer->handle),
             extended = X509_get_extended_key_usage(signer->handle);
    if (extended == UINT32_MAX || !(extended & XKU_CODE_SIGN))
        return su_fail(err, SU_CERT_PURPOSE,
                       "the certificate of '%s' is not for signing code (extendedKeyUsage codeSigning)",
                       signer->common_name);
    if (usage == UINT32_MAX || !(usage & KU_DIGITAL_SIGNATURE))
        return su_fail(err, SU_CERT_PURPOSE,
                       "the certificate of '%s' is not for signing (keyUsage digitalSignature)",
                       signer->common_name);
    return 0;
}

int su_certificate_describe(void *x509, uint8_t key[SU_SHA256_BYTES], char name[65],
                            char until[SU_INSTANT_TEXT], struct su_err *err)
{
    struct su_certificate c = {.handle = x509}; /* borrowed */
    bool is_p384;
    common_name(x509, c.common_name);
    memcpy(name, c.common_name, sizeof c.common_name);
    format_time(X509_get0_notAfter(x509), until);
    return check_purpose(&c, err) < 0 ? -1 : key_id(x509, key, &is_p384, err);
}

/* The earliest end of validity in the chain, and whether the authority took one of its own back. */
static int walk_chain(STACK_OF(X509) * chain, const struct su_certificate *authority,
                      const struct su_crl *crl, char until[SU_INSTANT_TEXT], struct su_err *err)
{
    (void)snprintf(until, SU_INSTANT_TEXT, "9999-12-31T23:59:59");
    for (int i = 0; i < sk_X509_num(chain); i++) {
        X509 *x = sk_X509_value(chain, i);
        X509_REVOKED *entry = NULL;
        char end[SU_INSTANT_TEXT], name[65];
        format_time(X509_get0_notAfter(x), end);
        if (strcmp(end, until) < 0)
            memcpy(until, end, sizeof end);
        common_name(x, name);
        bool is_by_authority =
            X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(authority->handle)) == 0;
        if (crl && is_by_authority && X509_CRL_get0_by_cert(crl->handle, &entry, x) == 1)
            return su_fail(err, SU_CERT_REVOKED,
                           "the certificate of '%s' stands in the revocation list of '%s' of %s", name,
                           authority->common_name, crl->last_update);
    }
    return 0;
}

int su_cms_chain(const struct su_cms *cms, const struct su_certificate *authority, const struct su_crl *crl,
                 char until[SU_INSTANT_TEXT], struct su_err *err)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *carried = CMS_get1_certs(cms->handle); /* may help to build a chain, are no roots */
    int result = -1;
    bool ready = store && context && X509_STORE_add_cert(store, authority->handle) == 1 &&
                 X509_STORE_CTX_init(context, store, cms->signer.handle, carried) == 1;
    if (!ready) {
        (void)su_fail_memory(err);
    } else {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
        X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
        X509_STORE_CTX_set_flags(context, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN);
        if (X509_verify_cert(context) != 1)
            (void)su_fail(err, SU_CERT_ISSUER,
                          "the certificate of '%s' does not come from the authority '%s': %s",
                          cms->signer.common_name, authority->common_name,
                          X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
        else if (check_purpose(&cms->signer, err) == 0)
            result = walk_chain(X509_STORE_CTX_get0_chain(context), authority, crl, until, err);
    }
    sk_X509_pop_free(carried, X509_free);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    return result;
}

/* ---- making one ---- */

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

/* The first certificate is the signer's, the others are the way to its authority. */
static X509 *read_certificates(const char *pem, size_t length, STACK_OF(X509) * others)
{
    BIO *bio = read_from(pem, length);
    X509 *first = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    for (X509 *next; first && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL));)
        if (sk_X509_num(others) >= 8 || sk_X509_push(others, next) <= 0)
            X509_free(next);
    BIO_free(bio);
    ERR_clear_error();
    return first;
}

int su_cms_sign(const char *key_pem, size_t key_length, const char *passphrase, const char *certificate_pem,
                size_t certificate_length, const void *content, size_t content_length, struct su_buf *der,
                struct su_err *err)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    X509 *signer = others ? read_certificates(certificate_pem, certificate_length, others) : NULL;
    BIO *key_bio = read_from(key_pem, key_length), *in = read_from(content, content_length),
        *out = BIO_new(BIO_s_mem());
    EVP_PKEY *key =
        key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, give_passphrase, (void *)(uintptr_t)passphrase)
                : NULL;
    CMS_ContentInfo *cms = NULL;
    int result = -1;
    ERR_clear_error();
    if (!signer)
        (void)su_fail(err, SU_KEY, "the certificate file holds no certificate in PEM form");
    else if (!key)
        (void)su_fail(err, passphrase ? SU_PASSPHRASE : SU_KEY,
                      passphrase ? "the passphrase does not open the private key"
                                 : "the private key is not one in PEM form");
    else if (X509_check_private_key(signer, key) != 1)
        (void)su_fail(err, SU_KEY, "the private key is not that of the certificate");
    else if (!(cms = CMS_sign(NULL, NULL, others, NULL, CMS_BINARY | CMS_DETACHED | CMS_PARTIAL)) ||
             !CMS_add1_signer(cms, signer, key, EVP_sha384(), CMS_BINARY | CMS_NOSMIMECAP) ||
             CMS_final(cms, in, NULL, CMS_BINARY | CMS_DETACHED) != 1)
        (void)su_fail(err, SU_KEY, "signing failed: %s", library_reason());
    else
        result = take_bio(out, i2d_CMS_bio(out, cms) == 1, "the signature", der, err), out = NULL;
    CMS_ContentInfo_free(cms);
    EVP_PKEY_free(key);
    X509_free(signer);
    sk_X509_pop_free(others, X509_free);
    BIO_free(key_bio);
    BIO_free(in);
    BIO_free(out);
    ERR_clear_error();
    return result;
}
