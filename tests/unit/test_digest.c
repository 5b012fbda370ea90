/* SHA-1 and SHA-256 against the published vectors (FIPS 180-4), in any pieces. */
#include "helpers.h"

#include "common/lib/digest.h"

static const struct { const char *text, *sha1, *sha256; } vectors[] = {
    {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void test_vectors(void **state)
{
    (void)state;
    SU_AUTO(su_digest) struct su_digest digest = SU_DIGEST_INIT; /* one context for all: it is reused */
    uint8_t out[SU_SHA256_BYTES];
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        size_t length = strlen(vectors[i].text);
        for (size_t cut = 0; cut <= length; cut++) {
            GOOD(su_digest_open(&digest, SU_SHA1, &e));
            GOOD(su_digest_add(&digest, vectors[i].text, cut, &e));
            GOOD(su_digest_add(&digest, vectors[i].text + cut, length - cut, &e));
            GOOD(su_digest_end(&digest, out, &e));
            assert_hex(out, SU_SHA1_BYTES, vectors[i].sha1);
            GOOD(su_digest_open(&digest, SU_SHA256, &e));
            GOOD(su_digest_add(&digest, vectors[i].text, cut, &e));
            GOOD(su_digest_add(&digest, vectors[i].text + cut, length - cut, &e));
            GOOD(su_digest_end(&digest, out, &e));
            assert_hex(out, SU_SHA256_BYTES, vectors[i].sha256);
        }
        GOOD(su_sha256(out, vectors[i].text, length, &e));
        assert_hex(out, SU_SHA256_BYTES, vectors[i].sha256);
    }
}

static void test_a_million_bytes(void **state)
{
    (void)state;
    SU_AUTO(su_digest) struct su_digest a = SU_DIGEST_INIT, b = SU_DIGEST_INIT;
    uint8_t out[SU_SHA256_BYTES];
    char thousand[1000];
    memset(thousand, 'a', sizeof thousand);
    GOOD(su_digest_open(&a, SU_SHA1, &e));
    GOOD(su_digest_open(&b, SU_SHA256, &e));
    for (int i = 0; i < 1000; i++) {
        GOOD(su_digest_add(&a, thousand, sizeof thousand, &e));
        GOOD(su_digest_add(&b, thousand, sizeof thousand, &e));
    }
    GOOD(su_digest_end(&a, out, &e));
    assert_hex(out, SU_SHA1_BYTES, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    GOOD(su_digest_end(&b, out, &e));
    assert_hex(out, SU_SHA256_BYTES, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_reopening_forgets(void **state)
{
    (void)state;
    SU_AUTO(su_digest) struct su_digest digest = SU_DIGEST_INIT;
    uint8_t out[SU_SHA256_BYTES];
    GOOD(su_digest_open(&digest, SU_SHA256, &e));
    GOOD(su_digest_add(&digest, "left over", 9, &e));
    GOOD(su_digest_open(&digest, SU_SHA256, &e));
    GOOD(su_digest_add(&digest, "abc", 3, &e));
    GOOD(su_digest_end(&digest, out, &e));
    assert_hex(out, SU_SHA256_BYTES, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_a_million_bytes),
        cmocka_unit_test(test_reopening_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
