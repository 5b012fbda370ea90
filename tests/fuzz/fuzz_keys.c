/*
 * Key files, enrolment files, Ed25519 signatures. Byte 0: a public key, a private key, a .pub file, a file
 * with a secret, a signature; a file that is DER is made PEM from 5 on, so that mutations reach the key
 * inside.
 */
#include "tests/fuzz/fuzz.h"

#include "common/receipt/receipt_code.h"
#include "common/trust/keys.h"

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

static char *pem_of(const struct input *in, const char *label)
{
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MIB);
    char *base64 = calloc(in->left / 3 * 4 + 8, 1);
    HOLDS(base64);
    su_base64_format(in->at, in->left, base64);
    su_buf_addf(&pem, "-----BEGIN %s-----\n", label);
    for (size_t at = 0, n = strlen(base64); at < n; at += 64)
        su_buf_addf(&pem, "%.64s\n", base64 + at);
    su_buf_addf(&pem, "-----END %s-----\n", label);
    free(base64);
    char *text = copy_of(pem.bytes, pem.length, true);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
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
    return 0;
}
