/* Receipts at the hub: one canonical text, signed by the pinned key, about a bundle that was sent. */
#include "catalogue_helpers.h"

#include "common/core/receipt.h"
#include "common/core/site.h"
#include "common/lib/sign.h"

#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS "2222222222222222222222222222222222222222222222222222222222222222"
#define THREES "3333333333333333333333333333333333333333333333333333333333333333"
#define BODY(sequence, owed) "SU-RECEIPT 1\nsite ALPHA\nsequence " sequence "\nmanifest " ONES "\nstate " TWOS "\ncontent-owed " owed "\nledger " THREES "\n"
/* Signed with the key of RFC 8032's second vector by another program. */
static const char newest[] = BODY("12", "0") "signature EYj10n2Q/yhsov8dcmUehc1XDSpgUr7G59hEgjRpKt0DaV6UWh6x9QFbWYF0NRTdVCUgTiTXsKZi0XwVxDJ8Cw==\n";
static const char owing[] = BODY("11", "3") "signature IxxP7lW9mPZkGk1sGFtaECEFL7+h6zNFZZed9viIQjh7wXvaAbzNn+xZbP94lG/57gUEVFrS8RMyCZQt+uiPAA==\n";
#define PUBLIC_PEM "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n-----END PUBLIC KEY-----\n"
#define PRIVATE_PEM "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n-----END PRIVATE KEY-----\n"

static void add_export(struct fixture *f, int64_t site, unsigned sequence, uint8_t state_byte)
{
    uint8_t manifest[32], digest[32];
    memset(manifest, 0x11, 32);
    memset(digest, state_byte, 32);
    GOOD(su_run(f->home.db, &e, "INSERT INTO export (site_id, sequence, kind, exported, created, state_digest, manifest_sha256, volumes, bytes, records, files) VALUES (?1,?2,'full','2024-01-01T00:00:00Z','2024-01-01T00:00:00Z',?3,?4,1,1,1,0)", SU_I(site), SU_I(sequence),
                SU_B(digest, 32), SU_B(manifest, 32)));
}

/* A hub that sent bundles 10 to 12 to ALPHA and has pinned its key; BRAVO is not enrolled. */
static int make_hub(void **state)
{
    if (make_fixture(state) != 0)
        return -1;
    struct fixture *f = *state;
    static const char *const codes[] = {"ALPHA", "BRAVO"};
    for (int i = 0; i < 2; i++) {
        SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
        (void)snprintf(site.code, sizeof site.code, "%s", codes[i]);
        if (i == 0)
            su_buf_adds(&site.public_key, PUBLIC_PEM);
        GOOD(su_site_save(f->home.db, &site, true, &e));
        for (unsigned sequence = 10; sequence <= 12; sequence++)
            add_export(f, site.site_id, sequence, 0x22);
    }
    GOOD(su_commit(&f->t, &e)); /* receipts are taken in a transaction of their own */
    return 0;
}

static uint64_t acknowledged(struct fixture *f)
{
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    GOOD(su_site_load(f->home.db, "ALPHA", &site, &e));
    return site.acknowledged;
}

static int64_t ledger_entries(struct fixture *f)
{
    int64_t n = -1;
    GOOD(su_query_int(f->home.db, &n, NULL, &e, "SELECT count(*) FROM ledger WHERE kind='receipt'"));
    return n;
}

static int add(struct fixture *f, const char *text, struct su_receipt_result *result)
{
    return su_receipt_add(&f->home, text, &(struct su_actor){.operator = "anna"}, result, &e);
}

static void refuse(struct fixture *f, const char *text)
{
    struct su_receipt_result result;
    su_err_clear(&e);
    if (add(f, text, &result) == 0)
        fail_msg("accepted: %s", text);
    REFUSED(add(f, text, &result), SU_RECEIPT);
    assert_string_equal(e.after, "Nothing was written.");
    assert_int_equal(acknowledged(f), 0);
    assert_int_equal(ledger_entries(f), 0);
}

static void test_taken(void **state)
{
    struct fixture *f = *state;
    struct su_receipt_result result = {.site = ""};
    GOOD(add(f, owing, &result));
    assert_string_equal(result.site, "ALPHA");
    assert_true(result.sequence == 11 && result.content_owed == 3 && !result.is_stale);
    assert_int_equal(acknowledged(f), 11);
    assert_int_equal(ledger_entries(f), 1);
    GOOD(add(f, newest, &result));
    assert_true(result.sequence == 12 && result.content_owed == 0 && !result.is_stale);
    assert_int_equal(acknowledged(f), 12);
    GOOD(add(f, newest, &result)); /* again, and an older one: nothing new in them */
    assert_true(result.is_stale);
    GOOD(add(f, owing, &result));
    assert_true(result.is_stale);
    assert_int_equal(acknowledged(f), 12);
    assert_int_equal(ledger_entries(f), 2);
}

/* Signs any body with the right key, so that only the form can be what is refused. */
static char *signed_text(const char *body)
{
    SU_AUTO(su_key) struct su_key key = SU_KEY_INIT;
    uint8_t signature[SU_SIGNATURE_BYTES];
    char base64[89], *out = NULL;
    GOOD(su_key_load_private(&key, PRIVATE_PEM, strlen(PRIVATE_PEM), &e));
    GOOD(su_sign(&key, body, strlen(body), signature, &e));
    su_base64_format(signature, sizeof signature, base64);
    assert_true(asprintf(&out, "%ssignature %s\n", body, base64) > 0);
    return out;
}

static void test_signing_here_gives_the_constant(void **state)
{
    (void)state;
    char *text = signed_text(BODY("12", "0"));
    assert_string_equal(text, newest);
    free(text);
}

static void test_other_forms_though_signed(void **state)
{
    struct fixture *f = *state;
    static const char *const bodies[] = {
        BODY("012", "0"), BODY("12", "00"), BODY("+12", "0"), BODY("12 ", "0"), BODY("12", "-1"), BODY("1000000", "0"), BODY("", "0"), BODY("12", ""),
        "SU-RECEIPT 2\nsite ALPHA\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n",
        "SU-RECEIPT 1\r\nsite ALPHA\r\nsequence 12\r\nmanifest " ONES "\r\nstate " TWOS "\r\ncontent-owed 0\r\nledger " THREES "\r\n",
        "\nSU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n",
        "SU-RECEIPT 1\nsequence 12\nsite ALPHA\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\nmore x\n",
        "SU-RECEIPT 1\nsite ALPHA\nsite ALPHA\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\n",
        "SU-RECEIPT 1\nsite alpha\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite \nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ABCDEFGHIJKLMNOPQ\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest " ONES "1\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest AAAA111111111111111111111111111111111111111111111111111111111111\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest 1111\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n", "", "SU-RECEIPT 1\n",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char *text = signed_text(bodies[i]);
        refuse(f, text);
        free(text);
    }
}

static void test_every_byte(void **state)
{
    struct fixture *f = *state;
    char text[sizeof newest + 1];
    for (size_t i = 0; i + 1 < sizeof newest; i++)
        for (unsigned change = 1; change <= 32; change *= 2) {
            memcpy(text, newest, sizeof newest);
            text[i] = (char)(text[i] ^ (char)change);
            struct su_receipt_result result;
            su_err_clear(&e);
            if (add(f, text, &result) == 0)
                fail_msg("accepted with byte %zu changed", i);
            assert_true(e.code == SU_RECEIPT || e.code == SU_SITE_UNKNOWN);
        }
    for (size_t cut = 0; cut + 1 < sizeof newest; cut++) {
        memcpy(text, newest, cut);
        text[cut] = 0;
        refuse(f, text);
    }
    memcpy(text, newest, sizeof newest - 1);
    memcpy(text + sizeof newest - 1, "x", 2);
    refuse(f, text); /* and nothing behind it */
    assert_int_equal(acknowledged(f), 0);
}

static void test_other_facts(void **state)
{
    struct fixture *f = *state;
    struct su_receipt_result result;
    static const char *const bodies[] = {
        BODY("13", "0"), BODY("9", "0"), BODY("0", "0"), /* never sent */
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest " TWOS "\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest " ONES "\nstate " ONES "\ncontent-owed 0\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite BRAVO\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n", /* no key pinned */
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char *text = signed_text(bodies[i]);
        refuse(f, text);
        free(text);
    }
    char *text = signed_text("SU-RECEIPT 1\nsite CHARLIE\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nledger " THREES "\n");
    REFUSED(add(f, text, &result), SU_SITE_UNKNOWN);
    free(text);
    /* The signature of another receipt, and one by another key. */
    char mixed[sizeof newest + 100];
    (void)snprintf(mixed, sizeof mixed, "%s%s", BODY("12", "0"), strstr(owing, "signature "));
    refuse(f, mixed);
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    GOOD(su_site_load(f->home.db, "ALPHA", &site, &e));
    su_buf_clear(&site.public_key);
    su_buf_adds(&site.public_key, "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n");
    GOOD(su_site_save(f->home.db, &site, false, &e));
    refuse(f, newest);
}

static void test_longer_than_any(void **state)
{
    struct fixture *f = *state;
    char *text = malloc(SU_MIB + 1);
    assert_non_null(text);
    memset(text, '\n', SU_MIB);
    memcpy(text, newest, sizeof newest - 1);
    text[SU_MIB] = 0;
    refuse(f, text);
    free(text);
    assert_true(sizeof newest - 1 <= SU_MAX_RECEIPT_BYTES); /* the longest one fits its limit as well */
    assert_true(strlen(newest) + strlen("ABCDEFGHIJKLMNOP") + strlen("999999") * 2 <= SU_MAX_RECEIPT_BYTES);
}

int main(void)
{
#define HUB(test) cmocka_unit_test_setup_teardown(test, make_hub, drop_fixture)
    const struct CMUnitTest tests[] = {
        HUB(test_taken),
        cmocka_unit_test(test_signing_here_gives_the_constant),
        HUB(test_other_forms_though_signed),
        HUB(test_every_byte),
        HUB(test_other_facts),
        HUB(test_longer_than_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
