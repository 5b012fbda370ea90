/* Certificates, revocation lists and CMS signatures. The texts below were made by the openssl command, so that a signature
 * is not judged by the code that makes it alone: trust.sh has the rest, with openssl on either side. */
#include "helpers.h"

#include "common/lib/cms.h"

static const char ca_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBoTCCASegAwIBAgIUZZXwDwXNTpWQRcrniPMK7aPhVbowCgYIKoZIzj0EAwMw\n"
    "DzENMAsGA1UEAwwEUm9vdDAgFw0yNjExMjMwMjI4MzJaGA8yMTI2MTAzMDAyMjgz\n"
    "MlowDzENMAsGA1UEAwwEUm9vdDB2MBAGByqGSM49AgEGBSuBBAAiA2IABHqK9a2A\n"
    "g+VaCKKxyMXF0eIIoiuil60FXvY8qVyqEqIQaVibHHu9K2bH7c3yND6mrn6y5Jjk\n"
    "1wNSFXARUY/Os2oBXttqI7dgINdMe3Bg7pQirhZRe9eJuZWz8fR63nj/sKNCMEAw\n"
    "DwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYEFDM6Wd/W\n"
    "9nLHTEaTAvJv8NGdIc2qMAoGCCqGSM49BAMDA2gAMGUCMBNTJKni28BIyhnkC6yW\n"
    "IIUD0t14YyVlAMueVXrtly0Fb3O76qvHmluUHWxFW7kaYQIxAMa09OjEbcBjZhUb\n"
    "5uLHPPeSqTVzce7I8Z5Ll+yKh1S926y9P0dCUPQED9LTTLbyAw==\n"
    "-----END CERTIFICATE-----\n"; /* Root, P-384 */
static const char other_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBoTCCASegAwIBAgIUcCD1k+Oc7zV3O00yIMxbSe+jM+swCgYIKoZIzj0EAwMw\n"
    "DzENMAsGA1UEAwwEUm9vdDAgFw0yNjExMjMwMjI4MzNaGA8yMTI2MTAzMDAyMjgz\n"
    "M1owDzENMAsGA1UEAwwEUm9vdDB2MBAGByqGSM49AgEGBSuBBAAiA2IABN2XdJHn\n"
    "zV96oMKbEo3T7f9hkkH3gt5q3smnztzfrlCsOhKeylz4ABsMKM3pCH0yLHlQGYTY\n"
    "EwUueWRWnGZVf6DIM3JLAzn2syFEtu0OejmIRlea74tPVSyCAV9LMU4z8aNCMEAw\n"
    "DwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYEFCcn9Jdn\n"
    "JEHwcWhAqqqoXS7JhKEIMAoGCCqGSM49BAMDA2gAMGUCMB3NNNtrHcFwtbwu0bJ/\n"
    "A5/SucgmOA760uk446ktM9/+s2UnzmSLM/tDBCIoB4fRjAIxAPWv+piZlTiy+8ZP\n"
    "ng9N03BjnUoTH+uOu88CWuHd7GqX5/Ip6Q8I9TdxEpRcgKujUw==\n"
    "-----END CERTIFICATE-----\n"; /* another Root, of the same name */
static const char kim_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBsDCCATagAwIBAgIBATAKBggqhkjOPQQDAzAPMQ0wCwYDVQQDDARSb290MB4X\n"
    "DTIwMDEwMTAwMDAwMFoXDTQwMDEwMTAwMDAwMFowDjEMMAoGA1UEAwwDS2ltMHYw\n"
    "EAYHKoZIzj0CAQYFK4EEACIDYgAEZrzdCeb4YuPb+btvUI90bcZRWLWqUk2A6wsz\n"
    "hgZ5ifyUzQX8LVlDsI5LfDGyN4R2Pvw6YwdVqij/DRW+Ok71GH29Eq3tMafR+tvo\n"
    "2aMsQ8MlNBr+lRvtHtrcrZt/5bwvo2cwZTAOBgNVHQ8BAf8EBAMCB4AwEwYDVR0l\n"
    "BAwwCgYIKwYBBQUHAwMwHQYDVR0OBBYEFEllQJLgGdyCwndwiNe5ljlPPJe5MB8G\n"
    "A1UdIwQYMBaAFDM6Wd/W9nLHTEaTAvJv8NGdIc2qMAoGCCqGSM49BAMDA2gAMGUC\n"
    "MEHevbV55s3x4etjfE170UB050v8YKDhox8N5n15Vc+ffOEQzAoKr3T8JpVxMkHy\n"
    "agIxAMHIXLzmRFRr3iJyswQ8xZpjg/PganSX3AFcW4UgA2mV04pms1966GWvuzH3\n"
    "+O8ORw==\n"
    "-----END CERTIFICATE-----\n"; /* Kim, codeSigning, issued by the first, until 2040-01-01 */
static const char kim_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDAqc9JfIoWXEw4Yh1uj\n"
    "LKbdpJkr4shO1Bc53JDR2yBvh3KWb0TSPhwUliHOUtJkIyChZANiAARmvN0J5vhi\n"
    "49v5u29Qj3RtxlFYtapSTYDrCzOGBnmJ/JTNBfwtWUOwjkt8MbI3hHY+/DpjB1Wq\n"
    "KP8NFb46TvUYfb0Sre0xp9H62+jZoyxDwyU0Gv6VG+0e2tytm3/lvC8=\n"
    "-----END PRIVATE KEY-----\n";
static const char crl_1[] =
    "-----BEGIN X509 CRL-----\n"
    "MIHGME4CAQEwCgYIKoZIzj0EAwMwDzENMAsGA1UEAwwEUm9vdBcNMjYwMTAxMDAw\n"
    "MDAwWhcNMzYwMTAxMDAwMDAwWqAOMAwwCgYDVR0UBAMCAQEwCgYIKoZIzj0EAwMD\n"
    "aAAwZQIxAIIWiE8mwP0QpIg3wTK52FwSEmELp30GFr2cGwDKVRC8yPfRMZr6BRcj\n"
    "mNlIp1dDWgIwSbs4ha9jzSMZGrnjRRAD5tJWWqE6nisfeJdu04WJE0cOOVx/we5L\n"
    "oBTclVZnFnPb\n"
    "-----END X509 CRL-----\n"; /* empty, 2026-01-01 to 2036-01-01 */
static const char crl_2[] =
    "-----BEGIN X509 CRL-----\n"
    "MIHcMGQCAQEwCgYIKoZIzj0EAwMwDzENMAsGA1UEAwwEUm9vdBcNMjYwMjAxMDAw\n"
    "MDAwWhcNMzYwMTAxMDAwMDAwWjAUMBICAQEXDTI2MTEyMzAyMzE0MVqgDjAMMAoG\n"
    "A1UdFAQDAgEDMAoGCCqGSM49BAMDA2gAMGUCMACRvg93rgASLmK2e24DjlTQMayS\n"
    "+k6mSxbh+OqYzznec8L9z1rH346SAtO9cMPLjgIxAJfZ+2bDd/uNqgRlPIpmmuwZ\n"
    "SZZN9hqugutUODo8SgZcUzggpN6BghievgYYkEsfeQ==\n"
    "-----END X509 CRL-----\n"; /* with Kim, of 2026-02-01 */

#define TEXT(x) (x), sizeof(x) - 1
static const char manifest[] = "SU-BUNDLE-MANIFEST 1 transfer\nbundle SU-ALPHA-000001\n";

static void sign(struct su_buf *der)
{
    GOOD(su_cms_sign(TEXT(kim_key), NULL, TEXT(kim_pem), TEXT(manifest), der, &e));
}

static void test_instants(void **state)
{
    (void)state;
    static const struct { const char *time, *instant; } cases[] = {
        {"2026-10-14T02:00:00Z", "2026-10-14T02:00:00"}, {"2026-10-14T02:00:00", "2026-10-14T02:00:00"},
        {"2026-10-14T02:00:00.123+09:00", "2026-10-14T02:00:00"}, {"", ""}, {"0", ""}, {"2026-10-14", ""}, {"2026-10-14 02:00:00", ""},
        {"2026-10-14T02:00:0", ""}, {"x026-10-14T02:00:00", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[SU_INSTANT_TEXT];
        su_instant_of(cases[i].time, out);
        assert_string_equal(out, cases[i].instant);
    }
}

static void test_authorities(void **state)
{
    (void)state;
    SU_AUTO(su_certificate) struct su_certificate ca = SU_CERTIFICATE_INIT, again = SU_CERTIFICATE_INIT;
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(4096);
    GOOD(su_authority_load(&ca, TEXT(ca_pem), &e));
    assert_string_equal(ca.common_name, "Root");
    assert_hex(ca.id, 32, "25be34a0476037a0d28ca2547eb97a47cc4687b176528205a60c237b4dc7c508"); /* by openssl and sha256sum */
    GOOD(su_certificate_save(&ca, &pem, &e));
    GOOD(su_authority_load(&again, pem.bytes, pem.length, &e));
    assert_memory_equal(ca.id, again.id, 32);
    REFUSED(su_authority_load(&again, TEXT(kim_pem), &e), SU_KEY); /* may not issue */
    NAMES("Kim");
    REFUSED(su_authority_load(&again, TEXT(crl_1), &e), SU_KEY);
    REFUSED(su_authority_load(&again, "", 0, &e), SU_KEY);
    for (size_t cut = 0; cut < sizeof ca_pem - 28; cut += 9)
        REFUSED(su_authority_load(&again, ca_pem, cut, &e), SU_KEY);
}

static void test_revocation_lists(void **state)
{
    (void)state;
    SU_AUTO(su_certificate) struct su_certificate ca = SU_CERTIFICATE_INIT, other = SU_CERTIFICATE_INIT;
    SU_AUTO(su_crl) struct su_crl first = SU_CRL_INIT, second = SU_CRL_INIT, copy = SU_CRL_INIT;
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(4096);
    GOOD(su_authority_load(&ca, TEXT(ca_pem), &e));
    GOOD(su_authority_load(&other, TEXT(other_pem), &e));
    GOOD(su_crl_load(&first, TEXT(crl_1), &e));
    GOOD(su_crl_load(&second, TEXT(crl_2), &e));
    assert_string_equal(first.number, "1");
    assert_string_equal(second.last_update, "2026-02-01T00:00:00");
    assert_string_equal(second.next_update, "2036-01-01T00:00:00");
    assert_true(su_crl_is_issued_by(&first, &ca));
    assert_false(su_crl_is_issued_by(&first, &other)); /* the name is the same, the key is not */
    assert_string_equal(second.number, "3");
    assert_true(su_crl_compare(&first, &second) < 0);
    assert_true(su_crl_compare(&second, &first) > 0);
    assert_int_equal(su_crl_compare(&second, &second), 0);
    struct su_crl nine = second, ten = second; /* numbers count as numbers; without one the date does */
    (void)snprintf(nine.number, sizeof nine.number, "9");
    (void)snprintf(ten.number, sizeof ten.number, "10");
    assert_true(su_crl_compare(&nine, &ten) < 0);
    ten.number[0] = 0;
    assert_true(su_crl_compare(&first, &ten) < 0);
    GOOD(su_crl_save(&first, &pem, &e));
    GOOD(su_crl_load(&copy, pem.bytes, pem.length, &e));
    assert_int_equal(su_crl_compare(&first, &copy), 0);
    REFUSED(su_crl_load(&copy, TEXT(ca_pem), &e), SU_KEY);
}

static void test_sign_and_believe(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf der = SU_BUF_INIT(SU_MAX_CMS_BYTES);
    SU_AUTO(su_cms) struct su_cms cms = SU_CMS_INIT;
    SU_AUTO(su_certificate) struct su_certificate ca = SU_CERTIFICATE_INIT, other = SU_CERTIFICATE_INIT;
    SU_AUTO(su_crl) struct su_crl first = SU_CRL_INIT, second = SU_CRL_INIT;
    char until[SU_INSTANT_TEXT];
    GOOD(su_authority_load(&ca, TEXT(ca_pem), &e));
    GOOD(su_authority_load(&other, TEXT(other_pem), &e));
    GOOD(su_crl_load(&first, TEXT(crl_1), &e));
    GOOD(su_crl_load(&second, TEXT(crl_2), &e));
    sign(&der);
    GOOD(su_cms_open(&cms, der.bytes, der.length, TEXT(manifest), &e));
    assert_string_equal(cms.signer.common_name, "Kim");
    assert_hex(cms.signer.id, 32, "fcc4aecd23f0a20fe6d184ee5aea4bfb47494a56d0bb5efbf3bfda2e134503c1");
    GOOD(su_cms_chain(&cms, &ca, NULL, until, &e));
    assert_string_equal(until, "2040-01-01T00:00:00"); /* the signer's end; the root's is later */
    GOOD(su_cms_chain(&cms, &ca, &first, until, &e));
    REFUSED(su_cms_chain(&cms, &other, NULL, until, &e), SU_CERT_ISSUER);
    REFUSED(su_cms_chain(&cms, &ca, &second, until, &e), SU_CERT_REVOKED);
    NAMES("Kim");
    REFUSED(su_cms_sign(TEXT(kim_key), NULL, TEXT(ca_pem), TEXT(manifest), &der, &e), SU_KEY); /* not its key */
    REFUSED(su_cms_sign(TEXT(kim_pem), NULL, TEXT(kim_pem), TEXT(manifest), &der, &e), SU_KEY);
    REFUSED(su_cms_sign(TEXT(kim_key), NULL, TEXT(kim_key), TEXT(manifest), &der, &e), SU_KEY);
}

static void test_no_other_bytes_verify(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf der = SU_BUF_INIT(SU_MAX_CMS_BYTES);
    SU_AUTO(su_cms) struct su_cms cms = SU_CMS_INIT;
    SU_AUTO(su_certificate) struct su_certificate ca = SU_CERTIFICATE_INIT;
    char changed[sizeof manifest], until[SU_INSTANT_TEXT];
    GOOD(su_authority_load(&ca, TEXT(ca_pem), &e));
    sign(&der);
    for (size_t i = 0; i + 1 < sizeof manifest; i += 5) {
        memcpy(changed, manifest, sizeof manifest);
        changed[i] ^= 1;
        REFUSED(su_cms_open(&cms, der.bytes, der.length, TEXT(changed), &e), SU_UNTRUSTED);
        REFUSED(su_cms_open(&cms, der.bytes, der.length, manifest, i, &e), SU_UNTRUSTED);
    }
    /* A changed byte of the signature file may sit where nothing is signed; then it is still Kim's, or nobody's. */
    unsigned refused = 0;
    for (size_t i = 0; i < der.length; i++) {
        der.bytes[i] ^= 0x20;
        su_err_clear(&e);
        if (su_cms_open(&cms, der.bytes, der.length, TEXT(manifest), &e) < 0 || su_cms_chain(&cms, &ca, NULL, until, &e) < 0)
            refused++;
        else
            assert_hex(cms.signer.id, 32, "fcc4aecd23f0a20fe6d184ee5aea4bfb47494a56d0bb5efbf3bfda2e134503c1");
        der.bytes[i] ^= 0x20;
    }
    assert_true(refused * 10 > der.length * 9);
    for (size_t cut = 0; cut < der.length; cut += 3)
        REFUSED(su_cms_open(&cms, der.bytes, cut, TEXT(manifest), &e), SU_UNTRUSTED);
    su_buf_add(&der, "x", 1); /* nothing may follow */
    REFUSED(su_cms_open(&cms, der.bytes, der.length, TEXT(manifest), &e), SU_UNTRUSTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instants),
        cmocka_unit_test(test_authorities),
        cmocka_unit_test(test_revocation_lists),
        cmocka_unit_test(test_sign_and_believe),
        cmocka_unit_test(test_no_other_bytes_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
