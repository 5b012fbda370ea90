#include "common/lib/authenticode.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "common/sys/file.h"

#define INDIRECT_DATA "1.3.6.1.4.1.311.2.1.4"
#define PIECE_BYTES (64 * SU_KIB)
#define LEAST_RSA_BITS 2048
#define LEAST_EC_BITS 256

/* Where the signature lies and what of the file its digest covers. */
struct layout {
    uint64_t at, length;
    struct {
        uint64_t from, to;
    } covered[4];
    size_t count;
};

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint16_t u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static int malformed(const char *what, struct su_err *err)
{
    return su_fail(err, SU_DATA, "the signature inside is not where it must be: %s", what);
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* A signed cabinet has a reserve of 20 bytes in its head: 0x00100000, where the signature lies, how long it
 * is, and eight bytes of which the last four are covered. */
#define CABINET_HEAD 60
static int lay_out_cabinet(int fd, uint64_t bytes, struct layout *out, struct su_err *err)
{
    uint8_t h[CABINET_HEAD];
    if (bytes < sizeof h)
        return 0;
    if (su_file_read_at(fd, h, sizeof h, 0, err) < 0)
        return -1;
    bool has_reserve = u16(h + 30) & 4;
    if (!has_reserve || u16(h + 36) < 20 || u32(h + 40) != 0x00100000 || u32(h + 48) == 0)
        return 0;
    if (u16(h + 36) != 20 || h[38] != 0 || h[39] != 0)
        return malformed("the cabinet reserves more than a signature needs", err);
    if (!is_zero(h + 4, 4) || u16(h + 34) != 0 || u16(h + 30) != 4 || !is_zero(h + 52, 4))
        return malformed("the cabinet's head says what no signer covers", err);
    *out = (struct layout){.at = u32(h + 44), .length = u32(h + 48)};
    if (out->at < sizeof h || out->at + out->length != bytes)
        return malformed("it does not end with the cabinet", err);
    if (u32(h + 8) != out->at && u32(h + 8) != bytes)
        return malformed("the cabinet has another length than it says", err);
    out->covered[out->count++].to = 4;
    out->covered[out->count].from = 8, out->covered[out->count++].to = 34;
    out->covered[out->count].from = 56, out->covered[out->count++].to = out->at;
    return 0;
}

/* A program: all but its checksum, the place that says where the signature lies, and the signature, which is
 * last. */
static int lay_out_program(int fd, uint64_t bytes, struct layout *out, struct su_err *err)
{
    uint8_t head[64], pe[24 + 160], entry[8];
    if (bytes < sizeof head + sizeof pe)
        return 0;
    if (su_file_read_at(fd, head, sizeof head, 0, err) < 0)
        return -1;
    uint64_t start = u32(head + 60);
    if (start < sizeof head || start > bytes - sizeof pe)
        return 0;
    if (su_file_read_at(fd, pe, sizeof pe, start, err) < 0)
        return -1;
    if (memcmp(pe, "PE\0\0", 4) != 0 || (u16(pe + 24) != 0x10b && u16(pe + 24) != 0x20b))
        return 0;
    size_t directories = u16(pe + 24) == 0x10b ? 24 + 92 : 24 + 108;
    if (u32(pe + directories) < 5)
        return 0;
    uint64_t security = start + directories + 4 + 4 * 8, checksum = start + 24 + 64;
    memcpy(entry, pe + directories + 4 + 4 * 8, sizeof entry);
    uint64_t at = u32(entry), length = u32(entry + 4);
    if (at == 0 || length == 0)
        return 0;
    if (at < security + 8 || length < 8 || at + length != bytes)
        return malformed("it does not end with the program", err);
    if (su_file_read_at(fd, entry, sizeof entry, at, err) < 0)
        return -1;
    uint64_t own = u32(entry); /* length, revision 2.0, PKCS #7; then padding to eight bytes */
    if (u16(entry + 4) != 0x0200 || u16(entry + 6) != 2 || own < 8 || own > length || length - own >= 8)
        return malformed("the program carries several, or one of another kind", err);
    *out = (struct layout){.at = at + 8, .length = own - 8};
    out->covered[out->count++].to = checksum;
    out->covered[out->count].from = checksum + 4, out->covered[out->count++].to = security;
    out->covered[out->count].from = security + 8, out->covered[out->count++].to = at;
    return 0;
}

static int lay_out(int fd, uint64_t bytes, struct layout *out, struct su_err *err)
{
    uint8_t start[4] = {0};
    *out = (struct layout){.length = 0};
    if (bytes >= sizeof start && su_file_read_at(fd, start, sizeof start, 0, err) < 0)
        return -1;
    if (memcmp(start, "MSCF", 4) == 0)
        return lay_out_cabinet(fd, bytes, out, err);
    return memcmp(start, "MZ", 2) == 0 ? lay_out_program(fd, bytes, out, err) : 0;
}

static int digest_file(int fd, const struct layout *l, const EVP_MD *md, uint8_t out[EVP_MAX_MD_SIZE],
                       struct su_err *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *piece = malloc(PIECE_BYTES);
    bool ok = context && piece && EVP_DigestInit_ex(context, md, NULL) == 1;
    int result = ok ? 0 : su_fail_memory(err);
    for (size_t i = 0; result == 0 && i < l->count; i++)
        for (uint64_t at = l->covered[i].from; result == 0 && at < l->covered[i].to;) {
            uint64_t left = l->covered[i].to - at;
            size_t n = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
            result = su_file_read_at(fd, piece, n, at, err);
            if (result == 0 && EVP_DigestUpdate(context, piece, n) != 1)
                result = su_fail_memory(err);
            at += n;
        }
    if (result == 0 && EVP_DigestFinal_ex(context, out, NULL) != 1)
        result = su_fail_memory(err);
    EVP_MD_CTX_free(context);
    free(piece);
    return result;
}

/* SEQUENCE { SEQUENCE { ... } data, DigestInfo }: the DigestInfo, which must be all that follows. */
static X509_SIG *find_digest(const ASN1_STRING *content, const unsigned char **body, long *body_length)
{
    const unsigned char *at = ASN1_STRING_get0_data(content), *end = at + ASN1_STRING_length(content);
    long length;
    int tag, class;
    if (ASN1_get_object(&at, &length, &tag, &class, end - at) != V_ASN1_CONSTRUCTED ||
        tag != V_ASN1_SEQUENCE || at + length != end)
        return NULL;
    *body = at;
    *body_length = length;
    if (ASN1_get_object(&at, &length, &tag, &class, end - at) != V_ASN1_CONSTRUCTED || tag != V_ASN1_SEQUENCE)
        return NULL;
    at += length;
    X509_SIG *info = d2i_X509_SIG(NULL, &at, end - at);
    if (info && at != end) {
        X509_SIG_free(info);
        return NULL;
    }
    return info;
}

static const EVP_MD *strong_digest(int nid)
{
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512 ? EVP_get_digestbynid(nid) : NULL;
}

static int check_strength(const PKCS7_SIGNER_INFO *info, X509 *signer, struct su_err *err)
{
    EVP_PKEY *key = X509_get0_pubkey(signer);
    int nid = OBJ_obj2nid(info->digest_alg->algorithm), type = key ? EVP_PKEY_get_base_id(key) : 0,
        bits = key ? EVP_PKEY_get_bits(key) : 0;
    if (!strong_digest(nid))
        return su_fail(err, SU_CERT_WEAK, "the signature uses %s; SHA-256 or better is demanded",
                       OBJ_nid2sn(nid));
    if ((type == EVP_PKEY_RSA && bits >= LEAST_RSA_BITS) || (type == EVP_PKEY_EC && bits >= LEAST_EC_BITS))
        return 0;
    return su_fail(err, SU_CERT_WEAK,
                   "the signature is by a key of %d bits (%s); RSA of %d or ECDSA of %d are demanded", bits,
                   OBJ_nid2sn(type), LEAST_RSA_BITS, LEAST_EC_BITS);
}

/* What OpenSSL computes before it looks at the signer. Of an unknown one PKCS7_verify leaves memory behind. */
static bool has_one_digest(const PKCS7 *p7)
{
    const STACK_OF(X509_ALGOR) *all = p7->d.sign->md_algs;
    return sk_X509_ALGOR_num(all) == 1 && strong_digest(OBJ_obj2nid(sk_X509_ALGOR_value(all, 0)->algorithm));
}

/* The signature over the content, the digest in the content, the file. */
static int prove(int fd, const struct layout *l, PKCS7 *p7, struct su_code_signature *out, struct su_err *err)
{
    STACK_OF(PKCS7_SIGNER_INFO) *infos = PKCS7_get_signer_info(p7);
    STACK_OF(X509) *signers = sk_PKCS7_SIGNER_INFO_num(infos) == 1 ? PKCS7_get0_signers(p7, NULL, 0) : NULL;
    X509 *signer = sk_X509_num(signers) == 1 ? sk_X509_value(signers, 0) : NULL;
    const PKCS7 *inner = p7->d.sign->contents;
    const ASN1_TYPE *other = PKCS7_type_is_data(inner) ? NULL : inner->d.other;
    char oid[64] = "";
    (void)OBJ_obj2txt(oid, sizeof oid, inner->type, 1);
    sk_X509_free(signers);
    if (!signer || !other || other->type != V_ASN1_SEQUENCE || strcmp(oid, INDIRECT_DATA) != 0)
        return su_fail(err, SU_DATA, "the signature inside is none over a file, by one signer");
    if (check_strength(sk_PKCS7_SIGNER_INFO_value(infos, 0), signer, err) < 0)
        return -1;
    if (!has_one_digest(p7))
        return su_fail(err, SU_DATA, "the signature inside does not announce the one digest it uses");
    const unsigned char *body = NULL;
    long length = 0;
    X509_SIG *info = find_digest(other->value.sequence, &body, &length);
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OCTET_STRING *digest = NULL;
    if (info)
        X509_SIG_get0(info, &algorithm, &digest);
    const EVP_MD *md = info ? strong_digest(OBJ_obj2nid(algorithm->algorithm)) : NULL;
    BIO *bio = body ? BIO_new_mem_buf(body, (int)length) : NULL;
    uint8_t have[EVP_MAX_MD_SIZE];
    int result = 0;
    if (!md)
        result = su_fail(err, info ? SU_CERT_WEAK : SU_DATA,
                         "the signature inside names the file by no digest that is demanded");
    else if (!bio || PKCS7_verify(p7, NULL, NULL, bio, NULL, PKCS7_NOVERIFY | PKCS7_BINARY) != 1)
        result = su_fail(err, SU_DATA, "the signature inside is not one by its certificate");
    else if (digest_file(fd, l, md, have, err) < 0)
        result = -1;
    else if (ASN1_STRING_length(digest) != EVP_MD_get_size(md) ||
             memcmp(ASN1_STRING_get0_data(digest), have, (size_t)EVP_MD_get_size(md)) != 0)
        result = su_fail(err, SU_DATA, "the file is not the one that was signed: its digest differs");
    BIO_free(bio);
    X509_SIG_free(info);
    ERR_clear_error();
    return result < 0 ? -1 : su_certificate_describe(signer, out->key_id, out->common_name, out->until, err);
}

int su_authenticode_read(int fd, uint64_t bytes, struct su_code_signature *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf der = SU_BUF_INIT(SU_MAX_CMS_BYTES);
    struct layout l;
    *out = (struct su_code_signature){.is_signed = false};
    if (lay_out(fd, bytes, &l, err) < 0)
        return -1;
    if (l.length == 0)
        return 0;
    if (l.length > SU_MAX_CMS_BYTES)
        return su_fail(err, SU_LIMIT, "the signature inside has %llu bytes, at most %zu are accepted",
                       (unsigned long long)l.length, SU_MAX_CMS_BYTES);
    char *to = su_buf_reserve(&der, (size_t)l.length);
    if (!to)
        return su_fail_memory(err);
    if (su_file_read_at(fd, to, (size_t)l.length, l.at, err) < 0)
        return -1;
    const unsigned char *at = (const unsigned char *)to;
    PKCS7 *p7 = d2i_PKCS7(NULL, &at, (long)l.length);
    /* Zeros may follow, to a multiple of eight bytes. */
    size_t rest = p7 ? (size_t)((const unsigned char *)to + l.length - at) : 0;
    bool ok =
        p7 && PKCS7_type_is_signed(p7) && p7->d.sign && p7->d.sign->contents && rest < 8 && is_zero(at, rest);
    ERR_clear_error();
    int result = ok ? prove(fd, &l, p7, out, err)
                    : su_fail(err, SU_DATA, "the signature inside is no PKCS #7 in DER form");
    PKCS7_free(p7);
    out->is_signed = result == 0;
    return result;
}
