/* Ed25519 keys and signatures against RFC 8032, and everything that must not verify. */
#include "helpers.h"

#include "common/lib/sign.h"

#define PRIVATE(body) "-----BEGIN PRIVATE KEY-----\n" body "\n-----END PRIVATE KEY-----\n"
#define PUBLIC(body) "-----BEGIN PUBLIC KEY-----\n" body "\n-----END PUBLIC KEY-----\n"

/* RFC 8032 7.1, tests 1 to 3, wrapped as PEM; the id is SHA-256 of the SubjectPublicKeyInfo. */
static const struct {
    const char *private_pem, *public_pem, *id, *message;
    size_t length;
    const char *signature;
} vectors[] = {
    {PRIVATE("MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"),
     PUBLIC("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
     "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9", "", 0,
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {PRIVATE("MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7"),
     PUBLIC("MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="),
     "deb2ded39dc26fce0e6085b6fc34bf6b5941913bbfe2ea614113cff9e004c170", "\x72", 1,
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {PRIVATE("MC4CAQAwBQYDK2VwBCIEIMWqjfQ/n4N77bdELzHct7Fm04U1B28JS4XOOi4LRFj3"),
     PUBLIC("MCowBQYDK2VwAyEA/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU="),
     "8d39ba50abe50f77b6bb8ae7b6927aff7ffbeba35ad2837c0e51e82bcbcc60d5", "\xaf\x82", 2,
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static void test_rfc_8032_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        SU_AUTO(su_key) struct su_key private = SU_KEY_INIT, public = SU_KEY_INIT;
        uint8_t signature[SU_SIGNATURE_BYTES];
        GOOD(su_key_load_private(&private, vectors[i].private_pem, strlen(vectors[i].private_pem), &e));
        GOOD(su_key_load_public(&public, vectors[i].public_pem, strlen(vectors[i].public_pem), &e));
        assert_hex(private.id, sizeof private.id, vectors[i].id); /* one id for both halves */
        assert_hex(public.id, sizeof public.id, vectors[i].id);
        GOOD(su_sign(&private, vectors[i].message, vectors[i].length, signature, &e));
        assert_hex(signature, sizeof signature, vectors[i].signature);
        assert_true(su_signature_is_good(&public, vectors[i].message, vectors[i].length, signature));
    }
}

static void load_pair(struct su_key *private, struct su_key *public, size_t i)
{
    GOOD(su_key_load_private(private, vectors[i].private_pem, strlen(vectors[i].private_pem), &e));
    GOOD(su_key_load_public(public, vectors[i].public_pem, strlen(vectors[i].public_pem), &e));
}

static void test_no_flipped_bit_verifies(void **state)
{
    (void)state;
    SU_AUTO(su_key) struct su_key private = SU_KEY_INIT, public = SU_KEY_INIT;
    static const char message[] = "SU-BUNDLE-MANIFEST 1 transfer\nbundle SU-ALPHA-000001\n";
    uint8_t signature[SU_SIGNATURE_BYTES];
    char other[sizeof message];
    load_pair(&private, &public, 1);
    GOOD(su_sign(&private, message, sizeof message - 1, signature, &e));
    assert_true(su_signature_is_good(&public, message, sizeof message - 1, signature));
    for (size_t bit = 0; bit < 8 * SU_SIGNATURE_BYTES; bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(su_signature_is_good(&public, message, sizeof message - 1, signature));
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t i = 0; i + 1 < sizeof message; i++) { /* each byte of the message, and each of its beginnings */
        memcpy(other, message, sizeof message);
        other[i] ^= 1;
        assert_false(su_signature_is_good(&public, other, sizeof message - 1, signature));
        assert_false(su_signature_is_good(&public, message, i, signature));
    }
    assert_false(su_signature_is_good(&public, message, sizeof message, signature)); /* with its NUL: one byte longer */
    assert_true(su_signature_is_good(&public, message, sizeof message - 1, signature));
}

static void test_no_other_key_verifies(void **state)
{
    (void)state;
    SU_AUTO(su_key) struct su_key private = SU_KEY_INIT, public = SU_KEY_INIT, other_private = SU_KEY_INIT, other = SU_KEY_INIT;
    uint8_t signature[SU_SIGNATURE_BYTES];
    load_pair(&private, &public, 0);
    load_pair(&other_private, &other, 2);
    GOOD(su_sign(&private, "text", 4, signature, &e));
    assert_true(su_signature_is_good(&public, "text", 4, signature));
    assert_false(su_signature_is_good(&other, "text", 4, signature));
}

/* Vector 2 with the group order added to S: the same equation, other bytes. RFC 8032 demands S < L;
 * accepting it would give one manifest two valid signatures. */
static void test_signature_has_one_form(void **state)
{
    (void)state;
    SU_AUTO(su_key) struct su_key private = SU_KEY_INIT, public = SU_KEY_INIT;
    uint8_t signature[SU_SIGNATURE_BYTES];
    load_pair(&private, &public, 1);
    from_hex(signature, sizeof signature,
             "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69daf52db7415978abc61b2c2eb6aeebfca0387b2eaeb4302aeeb00d291612bb0c10");
    assert_false(su_signature_is_good(&public, vectors[1].message, vectors[1].length, signature));
    memset(signature, 0, sizeof signature);
    assert_false(su_signature_is_good(&public, vectors[1].message, vectors[1].length, signature));
    memset(signature, 0xff, sizeof signature);
    assert_false(su_signature_is_good(&public, vectors[1].message, vectors[1].length, signature));
}

static void test_generated_keys_save_and_load(void **state)
{
    (void)state;
    SU_AUTO(su_key) struct su_key key = SU_KEY_INIT, another = SU_KEY_INIT, private = SU_KEY_INIT, public = SU_KEY_INIT;
    SU_AUTO(su_buf) struct su_buf private_pem = SU_BUF_INIT(4096), public_pem = SU_BUF_INIT(4096), tiny = SU_BUF_INIT(20);
    uint8_t signature[SU_SIGNATURE_BYTES];
    GOOD(su_key_generate(&key, &e));
    GOOD(su_key_generate(&another, &e));
    assert_memory_not_equal(key.id, another.id, sizeof key.id);
    GOOD(su_key_save_private(&key, NULL, &private_pem, &e));
    GOOD(su_key_save_public(&key, &public_pem, &e));
    assert_memory_equal(private_pem.bytes, "-----BEGIN PRIVATE KEY-----\n", 28);
    assert_memory_equal(public_pem.bytes, "-----BEGIN PUBLIC KEY-----\n", 27);
    GOOD(su_key_load_private(&private, private_pem.bytes, private_pem.length, &e));
    GOOD(su_key_load_public(&public, public_pem.bytes, public_pem.length, &e));
    assert_memory_equal(private.id, key.id, sizeof key.id);
    assert_memory_equal(public.id, key.id, sizeof key.id);
    GOOD(su_sign(&private, "text", 4, signature, &e));
    assert_true(su_signature_is_good(&public, "text", 4, signature));
    REFUSED(su_key_save_private(&key, NULL, &tiny, &e), SU_LIMIT);
    REFUSED(su_sign(&public, "text", 4, signature, &e), SU_KEY); /* the public half cannot sign */
}

static void test_only_ed25519(void **state)
{
    (void)state;
    static const char *const private_pems[] = {
        /* P-256, X25519, Ed448 */
        PRIVATE("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgMUJfUn+OJxFI6iMS\n36N7s0hC0HmLzGCdlT91GLobJpShRANCAAQDjzvITPPtaXy0vvKYQzItf2Wvshd5\n1TX6nsYExNb/WAf+J/pkhdES9hcj4PcybPYdNgtWrZ3A7gufdfCz7hxz"),
        PRIVATE("MC4CAQAwBQYDK2VuBCIEIHBJgcD4RNYmyEgKkQUcaES/FLPvLest83SqukrCjlJI"),
        PRIVATE("MEcCAQAwBQYDK2VxBDsEOfMjQCxaOVAwcC9ns5v6kk1obesuu7OEsQHGlFNHTmDQ\nL4FkDoucRMxRJAxgbMOULGkQa31oDiSwEg=="),
    };
    static const char *const public_pems[] = {
        PUBLIC("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEA487yEzz7Wl8tL7ymEMyLX9lr7IX\nedU1+p7GBMTW/1gH/if6ZIXREvYXI+D3Mmz2HTYLVq2dwO4Ln3Xws+4ccw=="),
        PUBLIC("MCowBQYDK2VuAyEA8VQE79YRpVTp/1Ctie89bo8GQJMOb6V1z3y0ew34zSY="),
        PUBLIC("MEMwBQYDK2VxAzoAdga26+y80t0l0l3D8aXEz/h9FSzoQF63wawd/pgKxyviQiXC\nwMaliW859dACoBxq5kPprxAMREeA"),
    };
    for (size_t i = 0; i < 3; i++) {
        SU_AUTO(su_key) struct su_key key = SU_KEY_INIT;
        REFUSED(su_key_load_private(&key, private_pems[i], strlen(private_pems[i]), &e), SU_KEY);
        REFUSED(su_key_load_public(&key, public_pems[i], strlen(public_pems[i]), &e), SU_KEY);
    }
}

static void test_private_key_with_passphrase_is_refused(void **state)
{
    (void)state;
    SU_AUTO(su_key) struct su_key key = SU_KEY_INIT;
    static const char pem[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                              "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgXYPU9FH7RCQICCAAw\n"
                              "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEENI4yjGhgDWZm3km+hRpqYcEQD9L\n"
                              "2izyAj0k3rc22tAUYjiQqjx2R9tgFQArLPSezYHo6BG2yxeQcC5PNB20CFSo4B3/\n"
                              "XJFM1NYkbLviSZBbpLE=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    REFUSED(su_key_load_private(&key, pem, sizeof pem - 1, &e), SU_KEY);
}

static void test_passphrase(void **state)
{
    (void)state;
    SU_AUTO(su_key) struct su_key key = SU_KEY_INIT, opened = SU_KEY_INIT;
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(4096), plain = SU_BUF_INIT(4096);
    char longest[SU_MAX_PASSPHRASE_BYTES];
    GOOD(su_key_generate(&key, &e));
    GOOD(su_key_save_private(&key, NULL, &plain, &e));
    assert_false(su_key_is_protected(plain.bytes, plain.length));
    memset(longest, 'p', sizeof longest);
    longest[sizeof longest - 1] = 0;
    const char *const phrases[] = {"x", "pass phrase with blanks", "\xc3\xa4\xc3\xb6\xc3\xbc", longest};
    for (size_t i = 0; i < 4; i++) {
        su_buf_clear(&pem);
        GOOD(su_key_save_private(&key, phrases[i], &pem, &e));
        assert_true(su_key_is_protected(pem.bytes, pem.length));
        GOOD(su_key_load_protected(&opened, pem.bytes, pem.length, phrases[i], &e));
        assert_memory_equal(opened.id, key.id, sizeof key.id);
        REFUSED(su_key_load_protected(&opened, pem.bytes, pem.length, "wrong", &e), SU_PASSPHRASE);
        REFUSED(su_key_load_protected(&opened, pem.bytes, pem.length, "", &e), SU_PASSPHRASE);
        REFUSED(su_key_load_private(&opened, pem.bytes, pem.length, &e), SU_KEY);
    }
}

static void test_spki(void **state)
{
    (void)state;
    SU_AUTO(su_key) struct su_key key = SU_KEY_INIT, back = SU_KEY_INIT;
    uint8_t spki[SU_SPKI_BYTES];
    GOOD(su_key_load_public(&key, vectors[0].public_pem, strlen(vectors[0].public_pem), &e));
    GOOD(su_key_save_spki(&key, spki, &e));
    assert_hex(spki, sizeof spki, "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    GOOD(su_key_load_spki(&back, spki, &e));
    assert_memory_equal(back.id, key.id, sizeof key.id);
    for (size_t i = 0; i < 12; i++) { /* another algorithm, another length */
        spki[i] ^= 1;
        REFUSED(su_key_load_spki(&back, spki, &e), SU_KEY);
        spki[i] ^= 1;
    }
}

static void test_texts_that_are_no_keys(void **state)
{
    (void)state;
    SU_AUTO(su_key) struct su_key key = SU_KEY_INIT;
    static const char *const texts[] = {"", "\n", "-----BEGIN PUBLIC KEY-----\n", PUBLIC(""), PUBLIC("!!!!"), PUBLIC("MCowBQYDK2VwAyEA"),
                                        PRIVATE("MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v")};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        REFUSED(su_key_load_public(&key, texts[i], strlen(texts[i]), &e), SU_KEY);
        REFUSED(su_key_load_private(&key, texts[i], strlen(texts[i]), &e), SU_KEY);
    }
    /* One half is not the other. */
    REFUSED(su_key_load_public(&key, vectors[0].private_pem, strlen(vectors[0].private_pem), &e), SU_KEY);
    REFUSED(su_key_load_private(&key, vectors[0].public_pem, strlen(vectors[0].public_pem), &e), SU_KEY);
    for (size_t cut = 0; cut + 2 < strlen(vectors[0].public_pem); cut++) /* the last dash and line end may be missing */
        if (su_key_load_public(&key, vectors[0].public_pem, cut, &e) == 0)
            assert_hex(key.id, sizeof key.id, vectors[0].id);
}

static void test_fingerprint_as_read_aloud(void **state)
{
    (void)state;
    uint8_t id[SU_SHA256_BYTES];
    char text[SU_FINGERPRINT_TEXT];
    from_hex(id, sizeof id, vectors[0].id);
    su_key_fingerprint(id, text);
    assert_string_equal(text, "06E3 FD8F DA29 BB60 AB59");
    static const char *const good[] = {"06E3 FD8F DA29 BB60 AB59", "06E3FD8FDA29BB60AB59", "06e3 fd8f da29 bb60 ab59",
                                       "06e3-fd8f-da29-bb60-ab59", "06:E3:FD:8F:DA:29:BB:60:AB:59", "  06E3 FD8F DA29 BB60 AB59  "};
    static const char *const bad[] = {"", " ", "06E3 FD8F DA29 BB60 AB5", "06E3 FD8F DA29 BB60 AB58", "06E3 FD8F DA29 BB60 AB59 5",
                                      "06E3 FD8F DA29 BB60", "16E3 FD8F DA29 BB60 AB59", "O6E3 FD8F DA29 BB60 AB59",
                                      "06E3 FD8F DA29 BB60 AB59 557D"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(su_key_has_fingerprint(id, good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(su_key_has_fingerprint(id, bad[i]));
    id[9] ^= 1; /* the tenth byte is the last that is read out */
    assert_false(su_key_has_fingerprint(id, good[0]));
    id[9] ^= 1;
    id[10] ^= 1;
    assert_true(su_key_has_fingerprint(id, good[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_8032_vectors),
        cmocka_unit_test(test_no_flipped_bit_verifies),
        cmocka_unit_test(test_no_other_key_verifies),
        cmocka_unit_test(test_signature_has_one_form),
        cmocka_unit_test(test_generated_keys_save_and_load),
        cmocka_unit_test(test_only_ed25519),
        cmocka_unit_test(test_private_key_with_passphrase_is_refused),
        cmocka_unit_test(test_passphrase),
        cmocka_unit_test(test_spki),
        cmocka_unit_test(test_texts_that_are_no_keys),
        cmocka_unit_test(test_fingerprint_as_read_aloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
