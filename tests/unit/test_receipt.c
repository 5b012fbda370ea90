/* Receipts at the hub: one canonical text, signed by the pinned key, about a bundle that was sent. */
#include "catalogue_helpers.h"

#include "common/receipt/acknowledge.h"
#include "common/lib/sign.h"

#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS "2222222222222222222222222222222222222222222222222222222222222222"
#define THREES "3333333333333333333333333333333333333333333333333333333333333333"
#define BODY(sequence, owed) BODY_AT(sequence, owed, "7")
#define BODY_AT(sequence, owed, entry) "SU-RECEIPT 1\nsite ALPHA\nsequence " sequence "\nmanifest " ONES "\nstate " TWOS "\ncontent-owed " owed "\nentry " entry "\nledger " THREES "\n"
/* Signed with the key of RFC 8032's second vector by another program. */
static const char newest[] = BODY("12", "0") "signature p2FIpCsy2yP2PpLbwzyC05ejvLf0Ka8mfr0Kg2vZMRUXovT6o3gy5lqTLXi0EqwZxZXIGHNaeliLRl3YT68vAA==\n";
static const char owing[] = BODY_AT("11", "3", "6") "signature 9ymG616OK8sL7pSPjNTGBDNh8r7UtKC3VU1iviAvF7axY1OPeMLdXjj9qdP/GKoRcUVTJ/eIYoMXmKclIkmCCQ==\n";
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
    assert_true(result.sequence == 11 && result.content_owed == 3 && result.before == 0);
    assert_true(result.lacks_files && !result.is_repeated && !result.is_undo); /* the hub declared none missing */
    assert_int_equal(acknowledged(f), 11);
    assert_int_equal(ledger_entries(f), 1);
    GOOD(add(f, newest, &result));
    assert_true(result.sequence == 12 && result.content_owed == 0 && result.before == 11 && !result.lacks_files);
    assert_int_equal(acknowledged(f), 12);
    GOOD(add(f, newest, &result)); /* again: nothing new in it */
    assert_true(result.is_repeated);
    REFUSED(add(f, owing, &result), SU_RECEIPT_OLD);
    NAMES("entry 6");
    NAMES("entry 7");
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

static int add_signed(struct fixture *f, const char *body, struct su_receipt_result *result)
{
    char *text = signed_text(body);
    int code = add(f, text, result);
    free(text);
    return code;
}

/* A later receipt for an earlier bundle is an undo; one of the same entry that says something else is none. */
static void test_order(void **state)
{
    struct fixture *f = *state;
    struct su_receipt_result result;
    GOOD(add(f, newest, &result));
    REFUSED(add_signed(f, BODY_AT("10", "0", "7"), &result), SU_RECEIPT_OLD);
    REFUSED(add_signed(f, BODY_AT("10", "0", "3"), &result), SU_RECEIPT_OLD);
    assert_int_equal(acknowledged(f), 12);
    GOOD(add_signed(f, BODY_AT("10", "0", "8"), &result));
    assert_true(result.is_undo && result.before == 12);
    assert_int_equal(acknowledged(f), 10);
    GOOD(add_signed(f, BODY_AT("12", "0", "9"), &result));
    assert_true(!result.is_undo && result.before == 10);
    REFUSED(add_signed(f, BODY_AT("10", "0", "8"), &result), SU_RECEIPT_OLD); /* the undo, replayed */
    assert_int_equal(acknowledged(f), 12);
    int64_t kept;
    GOOD(su_query_int(f->home.db, &kept, NULL, &e, "SELECT count(*) FROM receipt WHERE kind='file' AND entry IN (7, 8, 9)"));
    assert_int_equal(kept, 3);
}

/* Files owed beyond what was declared: what came after the last complete bundle is to be sent again. */
static void test_files_forgotten(void **state)
{
    struct fixture *f = *state;
    struct su_receipt_result result;
    int64_t left;
    GOOD(su_run(f->home.db, &e, "UPDATE export SET content_holes=2 WHERE sequence=12"));
    for (int sequence = 10; sequence <= 12; sequence++)
        GOOD(su_run(f->home.db, &e, "INSERT INTO site_file VALUES (1, zeroblob(?1), ?1)", SU_I(sequence)));
    GOOD(add_signed(f, BODY_AT("10", "0", "1"), &result));
    GOOD(add_signed(f, BODY_AT("12", "2", "2"), &result)); /* exactly what was declared */
    assert_false(result.lacks_files);
    GOOD(su_query_int(f->home.db, &left, NULL, &e, "SELECT count(*) FROM site_file"));
    assert_int_equal(left, 3);
    GOOD(add_signed(f, BODY_AT("10", "0", "3"), &result)); /* back to 10, complete */
    GOOD(add_signed(f, BODY_AT("12", "3", "4"), &result));
    assert_true(result.lacks_files);
    GOOD(su_query_int(f->home.db, &left, NULL, &e, "SELECT sum(sequence) FROM site_file"));
    assert_int_equal(left, 10);
}

/* The number of the newest urgent bundle only goes up, and is known or not to the books. */
static void test_urgent(void **state)
{
    struct fixture *f = *state;
    struct su_receipt_result result;
    static const struct { const char *body; uint64_t says, next; } steps[] = {
        {BODY_AT("12", "0", "1\nurgent 2"), 2, 3}, {BODY_AT("12", "0", "2\nurgent 1"), 1, 3}, {BODY_AT("12", "0", "3"), 0, 3}, {BODY_AT("12", "0", "4\nurgent 99999"), 99999, 100000}};
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    GOOD(su_site_load(f->home.db, "ALPHA", &site, &e));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        uint64_t next;
        GOOD(add_signed(f, steps[i].body, &result));
        assert_true(result.urgent == steps[i].says && result.urgent_unknown == (steps[i].says > 0));
        GOOD(su_urgent_next(f->home.db, &site, &next, &e));
        assert_int_equal(next, steps[i].next);
    }
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
        "SU-RECEIPT 2\nsite ALPHA\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n",
        "SU-RECEIPT 1\r\nsite ALPHA\r\nsequence 12\r\nmanifest " ONES "\r\nstate " TWOS "\r\ncontent-owed 0\r\nledger " THREES "\r\n",
        "\nSU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n",
        "SU-RECEIPT 1\nsequence 12\nsite ALPHA\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\nmore x\n",
        "SU-RECEIPT 1\nsite ALPHA\nsite ALPHA\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\n",
        "SU-RECEIPT 1\nsite alpha\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite \nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ABCDEFGHIJKLMNOPQ\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest " ONES "1\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest AAAA111111111111111111111111111111111111111111111111111111111111\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest 1111\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n", "", "SU-RECEIPT 1\n",
        BODY_AT("12", "0", "7\nurgent 0"), BODY_AT("12", "0", "7\nurgent 01"), BODY_AT("12", "0", "7\nurgent x"), BODY_AT("12", "0", "7\nurgent "), BODY_AT("12", "0", "7\nurgent 100000"), BODY_AT("12", "0", "7\nurgent 1\nurgent 1"),
        BODY_AT("12", "0\nurgent 1", "7"), BODY("12", "0") "urgent 1\n", "urgent 1\n" BODY("12", "0"),
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
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest " TWOS "\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite ALPHA\nsequence 12\nmanifest " ONES "\nstate " ONES "\ncontent-owed 0\nentry 7\nledger " THREES "\n",
        "SU-RECEIPT 1\nsite BRAVO\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n", /* no key pinned */
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char *text = signed_text(bodies[i]);
        refuse(f, text);
        free(text);
    }
    char *text = signed_text("SU-RECEIPT 1\nsite CHARLIE\nsequence 12\nmanifest " ONES "\nstate " TWOS "\ncontent-owed 0\nentry 7\nledger " THREES "\n");
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

/* Nothing of a receipt depends on what was in the memory it is read into. */
static void test_memory_before(void **state)
{
    (void)state;
    struct su_receipt r;
    uint8_t signature[SU_SIGNATURE_BYTES];
    size_t signed_bytes;
    memset(&r, 0xA5, sizeof r);
    GOOD(su_receipt_parse(&r, newest, signature, &signed_bytes, &e));
    assert_string_equal(r.site, "ALPHA");
    assert_int_equal(r.sequence, 12);
    assert_int_equal(r.urgent, 0);
}

int main(void)
{
#define HUB(test) cmocka_unit_test_setup_teardown(test, make_hub, drop_fixture)
    const struct CMUnitTest tests[] = {
        HUB(test_taken),
        HUB(test_order),
        HUB(test_files_forgotten),
        HUB(test_urgent),
        cmocka_unit_test(test_memory_before),
        cmocka_unit_test(test_signing_here_gives_the_constant),
        HUB(test_other_forms_though_signed),
        HUB(test_every_byte),
        HUB(test_other_facts),
        HUB(test_longer_than_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
