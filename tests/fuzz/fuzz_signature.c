/*
 * Signatures and keys. Byte 0: certificates, revocation lists and detached signatures; a signature inside a
 * cabinet or a program; key files, enrolment files, Ed25519.
 *
 * First: byte 1: a signature over the fixed text; a revocation list; an authority; a certificate (PEM or
 * DER); from 4 on lists and authorities given as DER and made PEM here. Second: bytes 1 and 2 say which byte
 * is changed once the file has been accepted: then the signature must not be good any more. Third: byte 1: a
 * public key, a private key, a .pub file, a file with a secret, a signature; from 5 on keys given as DER and
 * made PEM here.
 */
#include "tests/fuzz/authority.h"
#include "tests/fuzz/fuzz.h"

#include "common/lib/authenticode.h"
#include "common/lib/cms.h"
#include "common/receipt/receipt_code.h"
#include "common/trust/keys.h"

static const char content[] = "SU-BUNDLE-MANIFEST 1 transfer\nbundle SU-ALPHA-000001\n";

static void check_instant(const char *text)
{
    char again[SU_INSTANT_TEXT];
    su_instant_of(text, again);
    HOLDS(!text[0] || strcmp(text, again) == 0);
}

static void check_cms(const struct input *in)
{
    SU_AUTO(su_cms) struct su_cms cms = SU_CMS_INIT, other = SU_CMS_INIT;
    SU_AUTO(su_certificate) struct su_certificate ca = SU_CERTIFICATE_INIT;
    SU_AUTO(su_crl) struct su_crl empty = SU_CRL_INIT, revoked = SU_CRL_INIT;
    struct su_err err = SU_ERR_INIT;
    char until[SU_INSTANT_TEXT];
    HOLDS(su_authority_load(&ca, ca_pem, strlen(ca_pem), &err) == 0);
    HOLDS(su_crl_load(&empty, crl_1, strlen(crl_1), &err) == 0 &&
          su_crl_load(&revoked, crl_2, strlen(crl_2), &err) == 0);
    char *der = copy_of(in->at, in->left, false);
    if (su_cms_open(&cms, der, in->left, content, strlen(content), &err) < 0) {
        check_refusal(&err);
        free(der);
        return;
    }
    /* Of another text it is no signature. */
    HOLDS(su_cms_open(&other, der, in->left, content, strlen(content) - 1, &err) < 0);
    free(der);
    bool holds = su_cms_chain(&cms, &ca, NULL, until, &err) == 0;
    if (holds)
        check_instant(until);
    HOLDS((su_cms_chain(&cms, &ca, &empty, until, &err) == 0) == holds);
    if (su_cms_chain(&cms, &ca, &revoked, until, &err) < 0)
        check_refusal(&err);
    else
        HOLDS(holds && strcmp(cms.signer.common_name, "Kim") != 0); /* who is on that list */
}

static void check_crl(const char *text, size_t length)
{
    SU_AUTO(su_crl) struct su_crl crl = SU_CRL_INIT, again = SU_CRL_INIT;
    SU_AUTO(su_certificate) struct su_certificate ca = SU_CERTIFICATE_INIT;
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MAX_PEM_BYTES);
    struct su_err err = SU_ERR_INIT;
    if (su_crl_load(&crl, text, length, &err) < 0) {
        check_refusal(&err);
        return;
    }
    check_instant(crl.last_update);
    check_instant(crl.next_update);
    HOLDS(strspn(crl.number, "0123456789") == strlen(crl.number));
    HOLDS(su_crl_save(&crl, &pem, &err) == 0 && su_crl_load(&again, pem.bytes, pem.length, &err) == 0 &&
          su_crl_compare(&crl, &again) == 0);
    HOLDS(su_authority_load(&ca, ca_pem, strlen(ca_pem), &err) == 0);
    (void)su_crl_is_issued_by(&crl, &ca);
}

static void check_certificate(const char *text, size_t length, bool is_authority)
{
    SU_AUTO(su_certificate) struct su_certificate c = SU_CERTIFICATE_INIT, again = SU_CERTIFICATE_INIT;
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MAX_PEM_BYTES);
    struct su_err err = SU_ERR_INIT;
    uint8_t key[SU_SHA256_BYTES];
    char name[65], until[SU_INSTANT_TEXT];
    int result = is_authority ? su_authority_load(&c, text, length, &err)
                              : su_certificate_load(&c, text, length, &err);
    if (result < 0) {
        check_refusal(&err);
        return;
    }
    HOLDS(memchr(c.common_name, 0, sizeof c.common_name) &&
          su_utf8_is_valid(c.common_name, strlen(c.common_name)));
    HOLDS(su_certificate_save(&c, &pem, &err) == 0 &&
          su_certificate_load(&again, pem.bytes, pem.length, &err) == 0);
    HOLDS(memcmp(c.id, again.id, sizeof c.id) == 0 && strcmp(c.common_name, again.common_name) == 0);
    if (su_certificate_describe(c.handle, key, name, until, &err) < 0)
        check_refusal(&err);
    else
        HOLDS(memcmp(key, c.id, sizeof key) == 0), check_instant(until);
}

static void fuzz_cms(struct input in)
{
    unsigned what = take_byte(&in) % 7;
    bool is_der = what >= 4;
    char *text =
        is_der ? pem_of(&in, what == 4 ? "X509 CRL" : "CERTIFICATE") : copy_of(in.at, in.left, false);
    size_t length = is_der ? strlen(text) : in.left;
    if (what == 0)
        check_cms(&in);
    else if (what == 1 || what == 4)
        check_crl(text, length);
    else
        check_certificate(text, length, what == 2 || what == 5);
    free(text);
}

static int read_it(const uint8_t *bytes, size_t length, struct su_code_signature *out, struct su_err *err)
{
    int fd = memory_file(bytes, length);
    int result = su_authenticode_read(fd, length, out, err);
    (void)close(fd);
    return result;
}

/* Of a program its checksum is not covered, and what says where the signature lies may vary with it. */
static bool is_covered(const uint8_t *bytes, size_t length, size_t at, size_t signature_bytes)
{
    if (at >= length - signature_bytes)
        return false;
    if (bytes[0] == 'M' && bytes[1] == 'S')
        return true;
    size_t start = (size_t)bytes[60] | (size_t)bytes[61] << 8;
    return !(at >= start + 24 + 64 && at < start + 24 + 68);
}

static size_t number_at(const uint8_t *at)
{
    return (size_t)at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
}

static size_t signature_bytes(const uint8_t *bytes)
{
    if (bytes[0] == 'M' && bytes[1] == 'S')
        return number_at(bytes + 48);
    const uint8_t *pe = bytes + number_at(bytes + 60);
    return number_at(pe + (pe[24] == 0x0b && pe[25] == 1 ? 24 + 92 : 24 + 108) + 4 + 4 * 8 + 4);
}

static void fuzz_authenticode(struct input in)
{
    size_t at = take_u16(&in);
    struct su_code_signature signature, other;
    struct su_err err = SU_ERR_INIT;
    if (read_it(in.at, in.left, &signature, &err) < 0) {
        check_refusal(&err);
        return;
    }
    if (!signature.is_signed)
        return;
    HOLDS(memchr(signature.common_name, 0, sizeof signature.common_name) && in.left > 60);
    at %= in.left;
    uint8_t *changed = (uint8_t *)copy_of(in.at, in.left, false);
    changed[at] ^= 0x10;
    if (is_covered(in.at, in.left, at, signature_bytes(in.at)))
        HOLDS(read_it(changed, in.left, &other, &err) < 0 || !other.is_signed);
    free(changed);
}

static void check_key(const struct su_key *key, bool is_private)
{
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES);
    SU_AUTO(su_key) struct su_key again = SU_KEY_INIT, from_spki = SU_KEY_INIT;
    struct su_err err = SU_ERR_INIT;
    uint8_t spki[SU_SPKI_BYTES], signature[SU_SIGNATURE_BYTES];
    char print[SU_FINGERPRINT_TEXT];
    HOLDS(su_key_save_public(key, &pem, &err) == 0 &&
          su_key_load_public(&again, pem.bytes, pem.length, &err) == 0 &&
          memcmp(again.id, key->id, sizeof key->id) == 0);
    HOLDS(su_key_save_spki(key, spki, &err) == 0 && su_key_load_spki(&from_spki, spki, &err) == 0 &&
          memcmp(from_spki.id, key->id, sizeof key->id) == 0);
    su_key_fingerprint(key->id, print);
    HOLDS(su_key_has_fingerprint(key->id, print));
    if (is_private)
        HOLDS(su_sign(key, "x", 1, signature, &err) == 0 && su_signature_is_good(&again, "x", 1, signature));
}

static void check_pem(const char *pem, size_t length, bool is_private)
{
    SU_AUTO(su_key) struct su_key key = SU_KEY_INIT;
    struct su_err err = SU_ERR_INIT;
    int result = is_private ? su_key_load_private(&key, pem, length, &err)
                            : su_key_load_public(&key, pem, length, &err);
    if (result < 0)
        check_refusal(&err);
    else
        check_key(&key, is_private);
    (void)su_key_is_protected(pem, length);
}

static void check_pub_file(const struct input *in)
{
    SU_AUTO(su_key_file) struct su_key_file file = SU_KEY_FILE_INIT;
    struct su_err err = SU_ERR_INIT;
    if (su_keys_read_public(AT_FDCWD, put_file("x.pub", in->at, in->left), &file, &err) < 0)
        check_refusal(&err);
    else {
        HOLDS(su_name_is_valid(file.name) && su_key_role_is_valid(file.role));
        check_key(&file.key, false);
    }
}

static void check_secret(const struct input *in)
{
    char secret[SU_SECRET_TEXT];
    uint8_t bytes[32];
    struct su_err err = SU_ERR_INIT;
    if (su_spoken_secret_read(put_file("x.enrol", in->at, in->left), secret, &err) < 0)
        check_refusal(&err);
    else
        HOLDS(!secret[0] || su_hex_parse(bytes, sizeof bytes, secret, strlen(secret), true));
}

/* Over a fixed text by a fixed key there is one good signature; it is the key of RFC 8032, TEST 1. */
static void check_signature(const struct input *in)
{
    static const char pem[] = "-----BEGIN PRIVATE "
                              "KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/"
                              "VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    SU_AUTO(su_key) struct su_key key = SU_KEY_INIT;
    struct su_err err = SU_ERR_INIT;
    uint8_t right[SU_SIGNATURE_BYTES], given[SU_SIGNATURE_BYTES] = {0};
    HOLDS(su_key_load_private(&key, pem, strlen(pem), &err) == 0 && su_sign(&key, "x", 1, right, &err) == 0);
    memcpy(given, in->at, in->left < sizeof given ? in->left : sizeof given);
    HOLDS(su_signature_is_good(&key, "x", 1, given) == (memcmp(given, right, sizeof right) == 0));
}

static void fuzz_keys(struct input in)
{
    unsigned what = take_byte(&in) % 7;
    char *text;
    switch (what) {
    case 2: check_pub_file(&in); break;
    case 3: check_secret(&in); break;
    case 4: check_signature(&in); break;
    default:
        text =
            what < 2 ? copy_of(in.at, in.left, true) : pem_of(&in, what == 5 ? "PUBLIC KEY" : "PRIVATE KEY");
        check_pem(text, what < 2 ? in.left : strlen(text), what == 1 || what == 6);
        free(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz_part *const parts[] = {fuzz_cms, fuzz_authenticode, fuzz_keys};
    return run_part(data, size, parts, sizeof parts / sizeof *parts);
}
