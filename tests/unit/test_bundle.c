/* Folders on a medium: what is opened, which signature counts, what must not lie there. */
#include "helpers.h"

#include "common/trust/bundle.h"
#include "common/point/home.h"
#include "common/lib/sign.h"
#include "schema.h"

#define HASH64 "4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a"
/* SHA-256 of "read me\n", by another program. */
#define RECIPE "65ce01fcc3e22e78b63419ef0f4493b0950daac7cee97329b428f5cafd395cda"
/* And of "slip\n". */
#define SLIP "c3d480224322cf3a3794989db1bf0f8dd905bc3df926e0dc5bf916b4f2552f45"
#define MANIFEST(recipe) \
    "SU-BUNDLE-MANIFEST 1 transfer\nbundle SU-ALPHA-000001\nhub H\nsite ALPHA\nsequence 1\nkind full\ncreated 0\npromise-days 0\njump-limit 0\n" \
    "profile 469acd45d1614b4f88e6b0eddb0c6e04f8cda960863e8937c17195c4f8980a35\ncontent none\nexpress no\nfits any\nresult " HASH64 "\ncatalogue 0 0\n" \
    "closure 0 0 0 0 0\npart licence\npart content\npart metadata\nrecords 0 0\npart policy\nrecovery none\n" \
    "volume 1 SU000001.001 5 data\n" HASH64 "  SU000001.001\nblock " HASH64 "\n" recipe "  VERIFY.txt\n" SLIP "  SLIP.TXT\n" SLIP "  SLIP.HTM\nend\n"
static const char manifest[] = MANIFEST(RECIPE);

static const struct { const char *private_pem, *public_pem; } keys[] = { /* RFC 8032's first three */
    {"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n",
     "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"},
    {"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n-----END PRIVATE KEY-----\n",
     "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n-----END PUBLIC KEY-----\n"},
    {"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIMWqjfQ/n4N77bdELzHct7Fm04U1B28JS4XOOi4LRFj3\n-----END PRIVATE KEY-----\n",
     "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=\n-----END PUBLIC KEY-----\n"},
};

static void sign_as(void **state, const char *file, unsigned key, const char *text, size_t length)
{
    SU_AUTO(su_key) struct su_key private = SU_KEY_INIT;
    uint8_t signature[SU_SIGNATURE_BYTES];
    GOOD(su_key_load_private(&private, keys[key].private_pem, strlen(keys[key].private_pem), &e));
    GOOD(su_sign(&private, text, length, signature, &e));
    put_file(in_place(state, file), signature, sizeof signature);
}

static int open_folder(void **state, size_t *signatures)
{
    SU_AUTO(su_bundle_raw) struct su_bundle_raw raw = SU_BUNDLE_RAW_INIT;
    int result = su_bundle_open(&raw, in_place(state, "b"), &e);
    *signatures = raw.signatures.count;
    return result;
}

static int make_folder(void **state)
{
    if (make_place(state) != 0)
        return -1;
    assert_int_equal(mkdir(in_place(state, "b"), 0700), 0);
    put_file(in_place(state, "b/MANIFEST.TXT"), manifest, sizeof manifest - 1);
    put_file(in_place(state, "b/VERIFY.txt"), "read me\n", 8);
    put_file(in_place(state, "b/SLIP.TXT"), "slip\n", 5);
    put_file(in_place(state, "b/SLIP.HTM"), "slip\n", 5);
    put_file(in_place(state, "b/SU000001.001"), "12345", 5);
    return 0;
}

static void test_open(void **state)
{
    size_t signatures = 9;
    GOOD(open_folder(state, &signatures));
    assert_int_equal(signatures, 0); /* opening believes nothing and demands nothing */
    sign_as(state, "b/06E3FD8F.SIG", 0, manifest, sizeof manifest - 1);
    put_file(in_place(state, "b/06e3fd8f.sig"), "other names are no signatures", 29);
    put_file(in_place(state, "b/106E3FD8F.SIG"), "", 0);
    GOOD(open_folder(state, &signatures));
    assert_int_equal(signatures, 1);
    REFUSED(su_bundle_open(&(struct su_bundle_raw)SU_BUNDLE_RAW_INIT, in_place(state, "absent"), &e), SU_SYSTEM);
}

static void test_manifest_file(void **state)
{
    size_t signatures;
    put_file(in_place(state, "b/MANIFEST.TXT"), "", 0);
    REFUSED(open_folder(state, &signatures), SU_FORMAT);
    assert_int_equal(remove(in_place(state, "b/MANIFEST.TXT")), 0);
    put_file(in_place(state, "elsewhere"), manifest, sizeof manifest - 1);
    assert_int_equal(symlink("../elsewhere", in_place(state, "b/MANIFEST.TXT")), 0);
    REFUSED(open_folder(state, &signatures), SU_DATA);
    assert_int_equal(remove(in_place(state, "b/MANIFEST.TXT")), 0);
    assert_int_equal(mkfifo(in_place(state, "b/MANIFEST.TXT"), 0600), 0);
    REFUSED(open_folder(state, &signatures), SU_DATA);
    assert_int_equal(remove(in_place(state, "b/MANIFEST.TXT")), 0);
    /* 64 MiB is the largest; a file with holes costs no disk. */
    for (unsigned past = 0; past <= 1; past++) {
        put_file(in_place(state, "b/MANIFEST.TXT"), "", 0);
        assert_int_equal(truncate(in_place(state, "b/MANIFEST.TXT"), (off_t)(SU_MAX_MANIFEST_BYTES + past)), 0);
        if (past)
            REFUSED(open_folder(state, &signatures), SU_LIMIT);
        else
            GOOD(open_folder(state, &signatures));
    }
}

static void test_signature_files(void **state)
{
    size_t signatures;
    char name[32], bytes[SU_SIGNATURE_BYTES + 1] = {0};
    for (unsigned i = 0; i <= SU_MAX_SIGNATURES; i++) {
        (void)snprintf(name, sizeof name, "b/%08X.SIG", i);
        put_file(in_place(state, name), bytes, SU_SIGNATURE_BYTES);
        if (i + 1 <= SU_MAX_SIGNATURES)
            GOOD(open_folder(state, &signatures));
        else
            REFUSED(open_folder(state, &signatures), SU_LIMIT);
    }
    assert_int_equal(remove(in_place(state, name)), 0);
    static const size_t lengths[] = {0, 1, SU_SIGNATURE_BYTES - 1, SU_SIGNATURE_BYTES + 1};
    for (size_t i = 0; i < 4; i++) {
        put_file(in_place(state, "b/00000000.SIG"), bytes, lengths[i]);
        REFUSED(open_folder(state, &signatures), SU_UNTRUSTED);
        NAMES("00000000.SIG");
    }
    assert_int_equal(remove(in_place(state, "b/00000000.SIG")), 0);
    assert_int_equal(symlink("00000001.SIG", in_place(state, "b/00000000.SIG")), 0);
    REFUSED(open_folder(state, &signatures), SU_DATA);
}

/* A database with the keys pinned, by role. */
static struct su_db *pinned(const char *const roles[3])
{
    struct su_db *db = NULL;
    GOOD(su_db_open_memory(&db, &e));
    for (size_t i = 0; i < sizeof su_schema_steps / sizeof *su_schema_steps; i++)
        GOOD(su_db_script(db, su_schema_steps[i], &e));
    for (unsigned i = 0; i < 3; i++) {
        SU_AUTO(su_key) struct su_key key = SU_KEY_INIT;
        char name[8];
        if (!roles[i])
            continue;
        (void)snprintf(name, sizeof name, "key-%u", i);
        GOOD(su_key_load_public(&key, keys[i].public_pem, strlen(keys[i].public_pem), &e));
        GOOD(su_run(db, &e, "INSERT INTO trust (key_id, name, role, pem, added) VALUES (?1,?2,?3,?4,'')", SU_B(key.id, 32), SU_T(name), SU_T(roles[i]), SU_T(keys[i].public_pem)));
    }
    return db;
}
#define PINNED(a, b, c) pinned((const char *const[3]){a, b, c})

static int verify(void **state, struct su_db *db, struct su_bundle *bundle)
{
    SU_AUTO(su_bundle_raw) struct su_bundle_raw raw = SU_BUNDLE_RAW_INIT;
    su_bundle_cleanup(bundle);
    GOOD(su_bundle_open(&raw, in_place(state, "b"), &e));
    return su_bundle_verify(bundle, &raw, db, &e);
}

static void test_who_must_have_signed(void **state)
{
    SU_AUTO(su_db) struct su_db *nobody = PINNED(NULL, NULL, NULL);
    SU_AUTO(su_db) struct su_db *exporter = PINNED("exporter", NULL, NULL);
    SU_AUTO(su_db) struct su_db *reviewer = PINNED("reviewer", NULL, NULL);
    SU_AUTO(su_db) struct su_db *both = PINNED("exporter", "reviewer", NULL);
    SU_AUTO(su_bundle) struct su_bundle bundle = SU_BUNDLE_INIT;
    REFUSED(verify(state, exporter, &bundle), SU_UNTRUSTED);
    NAMES("no signature");
    REFUSED(verify(state, nobody, &bundle), SU_UNTRUSTED);
    NAMES("no key");
    sign_as(state, "b/11111111.SIG", 0, manifest, sizeof manifest - 1); /* the name is a hint only */
    GOOD(verify(state, exporter, &bundle));
    assert_string_equal(bundle.name, "SU-ALPHA-000001");
    assert_int_equal(bundle.signing.good.count, 1);
    assert_string_equal(bundle.signing.good.at[0].name, "key-0");
    assert_string_equal(bundle.signing.good.at[0].fingerprint, "06E3 FD8F DA29 BB60 AB59");
    assert_int_equal(bundle.signing.not_counted.count, 0);
    REFUSED(verify(state, nobody, &bundle), SU_UNTRUSTED);
    REFUSED(verify(state, reviewer, &bundle), SU_TOO_FEW); /* a reviewer's word alone is not enough */
    sign_as(state, "b/22222222.SIG", 1, manifest, sizeof manifest - 1);
    sign_as(state, "b/33333333.SIG", 2, manifest, sizeof manifest - 1);
    sign_as(state, "b/44444444.SIG", 0, manifest, sizeof manifest - 1); /* the same key once more */
    GOOD(verify(state, both, &bundle));
    assert_int_equal(bundle.signing.good.count, 2); /* one key counts once */
    assert_int_equal(bundle.signing.not_counted.count, 2);
    assert_string_equal(bundle.signing.not_counted.at[0].file, "33333333.SIG"); /* nobody's */
    assert_int_equal(bundle.signing.not_counted.at[0].code, SU_UNTRUSTED);
    assert_string_equal(bundle.signing.not_counted.at[1].name, "key-0");
    assert_int_equal(bundle.signing.not_counted.at[1].code, SU_TOO_FEW);
}

static void test_other_bytes_than_signed(void **state)
{
    SU_AUTO(su_db) struct su_db *db = PINNED("exporter", NULL, NULL);
    SU_AUTO(su_bundle) struct su_bundle bundle = SU_BUNDLE_INIT;
    char changed[sizeof manifest];
    sign_as(state, "b/06E3FD8F.SIG", 0, manifest, sizeof manifest - 1);
    for (size_t i = 0; i + 1 < sizeof manifest; i += 7) {
        memcpy(changed, manifest, sizeof manifest);
        changed[i] ^= 1;
        put_file(in_place(state, "b/MANIFEST.TXT"), changed, sizeof manifest - 1);
        REFUSED(verify(state, db, &bundle), SU_UNTRUSTED);
        assert_int_equal(bundle.manifest.sequence, 0); /* not a byte of it was taken apart */
    }
    put_file(in_place(state, "b/MANIFEST.TXT"), manifest, sizeof manifest); /* its NUL too */
    REFUSED(verify(state, db, &bundle), SU_UNTRUSTED);
    /* Signed, but no manifest: damaged, not untrusted. */
    put_file(in_place(state, "b/MANIFEST.TXT"), "SU-RECEIPT 1\n", 13);
    sign_as(state, "b/06E3FD8F.SIG", 0, "SU-RECEIPT 1\n", 13);
    REFUSED(verify(state, db, &bundle), SU_FORMAT);
}

static void test_undeclared_files(void **state)
{
    SU_AUTO(su_db) struct su_db *db = PINNED("exporter", NULL, NULL);
    SU_AUTO(su_bundle) struct su_bundle bundle = SU_BUNDLE_INIT;
    sign_as(state, "b/06E3FD8F.SIG", 0, manifest, sizeof manifest - 1);
    GOOD(verify(state, db, &bundle));
    GOOD(su_bundle_check_folder(&bundle, &e));
    static const char *const names[] = {"autorun.inf", ".hidden", "SU000001.002", "SU000001.001.bak", "manifest.txt", "VERIFY.TXT", "06E3FD8F.P7", "su000001.001", "a\nb"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "b/%s", names[i]);
        put_file(in_place(state, path), "", 0);
        REFUSED(su_bundle_check_folder(&bundle, &e), SU_UNDECLARED);
        if (i + 1 < sizeof names / sizeof *names)
            NAMES(names[i]);
        assert_int_equal(remove(in_place(state, path)), 0);
    }
    put_file(in_place(state, "b/VERIFY.txt"), "read you\n", 9);
    REFUSED(su_bundle_check_folder(&bundle, &e), SU_DAMAGED);
    assert_int_equal(remove(in_place(state, "b/VERIFY.txt")), 0);
    REFUSED(su_bundle_check_folder(&bundle, &e), SU_DAMAGED);
    put_file(in_place(state, "b/VERIFY.txt"), "read me\n", 8);
    put_file(in_place(state, "b/SLIP.HTM"), "slap\n", 5);
    REFUSED(su_bundle_check_folder(&bundle, &e), SU_DAMAGED);
    NAMES("SLIP.HTM");
    for (unsigned past = 0; past <= 1; past++) { /* the longest that is read */
        put_file(in_place(state, "b/VERIFY.txt"), "", 0);
        assert_int_equal(truncate(in_place(state, "b/VERIFY.txt"), (off_t)SU_MAX_PAPER_BYTES + (off_t)past), 0);
        REFUSED(su_bundle_check_folder(&bundle, &e), SU_DAMAGED);
    }
}

static void test_find(void **state)
{
    SU_AUTO(su_names) struct su_names itself = {0}, medium = {0}, none = {0};
    char expected[4200];
    GOOD(su_bundle_find(in_place(state, "b"), &itself, &e));
    assert_int_equal(itself.count, 1);
    assert_string_equal(itself.at[0], in_place(state, "b"));
    assert_int_equal(mkdir(in_place(state, "a"), 0700), 0);
    put_file(in_place(state, "a/MANIFEST.TXT"), "x", 1);
    assert_int_equal(mkdir(in_place(state, "c.partial"), 0700), 0);
    put_file(in_place(state, "c.partial/MANIFEST.TXT"), "x", 1);
    assert_int_equal(mkdir(in_place(state, "empty"), 0700), 0);
    put_file(in_place(state, "file"), "x", 1);
    GOOD(su_bundle_find(*state, &medium, &e));
    assert_int_equal(medium.count, 2);
    (void)snprintf(expected, sizeof expected, "%s/a", (const char *)*state);
    assert_string_equal(medium.at[0], expected);
    REFUSED(su_bundle_find(in_place(state, "empty"), &none, &e), SU_NO_BUNDLE);
    REFUSED(su_bundle_find(in_place(state, "absent"), &none, &e), SU_NO_BUNDLE);
}

static void test_limit_of_bundles(void **state)
{
    assert_int_equal(mkdir(in_place(state, "medium"), 0700), 0);
    for (unsigned i = 0; i <= SU_MAX_BUNDLES_ON_MEDIUM; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "medium/%04u", i);
        assert_int_equal(mkdir(in_place(state, name), 0700), 0);
        (void)snprintf(name, sizeof name, "medium/%04u/MANIFEST.TXT", i);
        put_file(in_place(state, name), "", 0);
        if (i + 1 == SU_MAX_BUNDLES_ON_MEDIUM) {
            SU_AUTO(su_names) struct su_names names = {0};
            GOOD(su_bundle_find(in_place(state, "medium"), &names, &e));
            assert_int_equal(names.count, SU_MAX_BUNDLES_ON_MEDIUM);
        }
    }
    SU_AUTO(su_names) struct su_names names = {0};
    REFUSED(su_bundle_find(in_place(state, "medium"), &names, &e), SU_LIMIT);
}

static void test_claims(void **state)
{
    char site[17] = "";
    uint64_t sequence = 0;
    assert_true(su_bundle_unverified_claims(in_place(state, "b"), site, &sequence));
    assert_string_equal(site, "ALPHA");
    assert_int_equal(sequence, 1);
    static const char *const texts[] = {"", "x", "\nsite ALPHA\n", "\nsequence 1\n", "\nsite alpha\nsequence 1\n", "\nsite ALPHA\nsequence 01\n", "\nsite ALPHA\nsequence 1000000\n",
                                        "\nsite ABCDEFGHIJKLMNOPQ\nsequence 1\n", "\nsite \nsequence 1\n", "\nsite A\x1b[2J\nsequence 1\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put_file(in_place(state, "b/MANIFEST.TXT"), texts[i], strlen(texts[i]));
        assert_false(su_bundle_unverified_claims(in_place(state, "b"), site, &sequence));
    }
    assert_false(su_bundle_unverified_claims(in_place(state, "absent"), site, &sequence));
}

int main(void)
{
#define FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_place)
    const struct CMUnitTest tests[] = {
        FOLDER(test_open),
        FOLDER(test_manifest_file),
        FOLDER(test_signature_files),
        FOLDER(test_who_must_have_signed),
        FOLDER(test_other_bytes_than_signed),
        FOLDER(test_undeclared_files),
        FOLDER(test_find),
        FOLDER(test_limit_of_bundles),
        FOLDER(test_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
