/*
 * Certificates, revocation lists and detached signatures in DER. Byte 0: a signature over the fixed text; a
 * revocation list; an authority; a certificate (PEM or DER); from 4 on lists and authorities given as DER and
 * made PEM here.
 */
#include "tests/fuzz/fuzz.h"

#include "common/lib/cms.h"
#include "tests/fuzz/authority.h"

static const char content[] = "SU-BUNDLE-MANIFEST 1 transfer\nbundle SU-ALPHA-000001\n";

static void check_instant(const char *text)
{
    char again[SU_INSTANT_TEXT];
    su_instant_of(text, again);
    HOLDS(!text[0] || strcmp(text, again) == 0);
}

static void check_signature(const struct input *in)
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

static char *pem_of(const struct input *in, const char *label)
{
    char *base64 = calloc(in->left / 3 * 4 + 8, 1), *text = NULL;
    HOLDS(base64);
    su_base64_format(in->at, in->left, base64);
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MIB);
    su_buf_addf(&pem, "-----BEGIN %s-----\n", label);
    for (size_t at = 0, n = strlen(base64); at < n; at += 64)
        su_buf_addf(&pem, "%.64s\n", base64 + at);
    su_buf_addf(&pem, "-----END %s-----\n", label);
    text = copy_of(pem.bytes, pem.length, true);
    free(base64);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned what = take_byte(&in) % 7;
    bool is_der = what >= 4;
    char *text =
        is_der ? pem_of(&in, what == 4 ? "X509 CRL" : "CERTIFICATE") : copy_of(in.at, in.left, false);
    size_t length = is_der ? strlen(text) : in.left;
    if (what == 0)
        check_signature(&in);
    else if (what == 1 || what == 4)
        check_crl(text, length);
    else
        check_certificate(text, length, what == 2 || what == 5);
    free(text);
    return 0;
}
