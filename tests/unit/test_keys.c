/* Keys in a home and key files from outside. */
#include "catalogue_helpers.h"

#include "common/hub/rotation.h"

#define PUBLIC_PEM "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"

static int read_text(struct fixture *f, const char *text, size_t length, struct su_key_file *out)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/given.pub", f->place);
    put_file(path, text, length);
    su_key_file_cleanup(out);
    *out = (struct su_key_file)SU_KEY_FILE_INIT;
    return su_keys_read_public(AT_FDCWD, path, out, &e);
}

static void test_generate_and_open(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_key_file) struct su_key_file made = SU_KEY_FILE_INIT, read = SU_KEY_FILE_INIT, private = SU_KEY_FILE_INIT;
    struct stat st;
    char path[4200];
    SU_AUTO(su_key_files) struct su_key_files signers = {0};
    REFUSED(su_keys_open_signers(&f->home, NULL, NULL, &signers, &e), SU_NO_KEY);
    GOOD(su_keys_generate(&f->home, "hub-2024", "exporter", NULL, &made, &e));
    GOOD(su_keys_read_public(f->home.keys, "hub-2024.pub", &read, &e));
    assert_memory_equal(read.key.id, made.key.id, 32);
    assert_string_equal(read.name, "hub-2024");
    assert_string_equal(read.role, "exporter");
    (void)snprintf(path, sizeof path, "%s/keys/hub-2024.key", f->path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    GOOD(su_keys_open_private(&f->home, "hub-2024", NULL, &private, &e));
    assert_memory_equal(private.key.id, made.key.id, 32);
    GOOD(su_keys_open_signers(&f->home, NULL, NULL, &signers, &e)); /* the only one */
    assert_int_equal(signers.count, 1);
    assert_string_equal(signers.at[0].name, "hub-2024");
    REFUSED(su_keys_open_private(&f->home, "absent", NULL, &private, &e), SU_NO_KEY);
    REFUSED(su_keys_open_private(&f->home, "../hub-2024", NULL, &private, &e), SU_USAGE);
}

static void test_nothing_is_overwritten(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_key_file) struct su_key_file made = SU_KEY_FILE_INIT, other = SU_KEY_FILE_INIT, read = SU_KEY_FILE_INIT;
    GOOD(su_keys_generate(&f->home, "k", "exporter", NULL, &made, &e));
    REFUSED(su_keys_generate(&f->home, "k", "reviewer", NULL, &other, &e), SU_EXISTS);
    GOOD(su_keys_open_private(&f->home, "k", NULL, &read, &e));
    assert_memory_equal(read.key.id, made.key.id, 32);
    static const char *const names[] = {"", "..", "a/b", "a b", "-x"};
    for (size_t i = 0; i < 5; i++)
        REFUSED(su_keys_generate(&f->home, names[i], "exporter", NULL, &other, &e), SU_USAGE);
    REFUSED(su_keys_generate(&f->home, "ok", "admin", NULL, &other, &e), SU_USAGE);
}

/* A run that ended on the way to a key is no reason to refuse its name. */
static void test_unfinished_keys(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_key_file) struct su_key_file made = SU_KEY_FILE_INIT, again = SU_KEY_FILE_INIT;
    /* Between its halves: nobody has seen it, another one takes its place. */
    GOOD(su_keys_generate(&f->home, "k", "exporter", NULL, &made, &e));
    GOOD(su_file_rename(f->home.keys, "k.pub", f->home.keys, "k.pub.new", &e));
    GOOD(su_keys_generate(&f->home, "k", "exporter", NULL, &again, &e));
    assert_memory_not_equal(again.key.id, made.key.id, 32);
    assert_false(su_file_exists(f->home.keys, "k.pub.new"));
    /* A private key that somebody put there stays. */
    GOOD(su_file_rename(f->home.keys, "k.pub", f->home.keys, "elsewhere", &e));
    su_key_file_cleanup(&made);
    REFUSED(su_keys_generate(&f->home, "k", "exporter", NULL, &made, &e), SU_EXISTS);
    GOOD(su_file_rename(f->home.keys, "elsewhere", f->home.keys, "k.pub", &e));
    /* Whole, but not in the ledger: the same, if all that is asked for is the same. */
    REFUSED(su_keys_generate(&f->home, "k", "reviewer", NULL, &made, &e), SU_EXISTS);
    REFUSED(su_keys_generate(&f->home, "k", "exporter", "secret", &made, &e), SU_EXISTS);
    su_key_file_cleanup(&made);
    GOOD(su_keys_generate(&f->home, "k", "exporter", NULL, &made, &e));
    assert_memory_equal(again.key.id, made.key.id, 32);
    assert_string_equal(made.name, "k");
}

static void test_which_exporter(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_key_file) struct su_key_file a = SU_KEY_FILE_INIT, b = SU_KEY_FILE_INIT, c = SU_KEY_FILE_INIT;
    SU_AUTO(su_key_files) struct su_key_files chosen = {0};
    SU_AUTO(su_names) struct su_names names = {0};
    GOOD(su_keys_generate(&f->home, "b", "exporter", NULL, &a, &e));
    GOOD(su_keys_generate(&f->home, "a", "reviewer", NULL, &b, &e));
    GOOD(su_keys_open_signers(&f->home, NULL, NULL, &chosen, &e));
    assert_int_equal(chosen.count, 1);
    assert_string_equal(chosen.at[0].name, "b");
    GOOD(su_keys_generate(&f->home, "c", "exporter", NULL, &c, &e));
    su_key_files_cleanup(&chosen);
    REFUSED(su_keys_open_signers(&f->home, NULL, NULL, &chosen, &e), SU_AMBIGUOUS);
    GOOD(su_keys_list(&f->home, &names, &e));
    assert_int_equal(names.count, 3);
    assert_string_equal(names.at[0], "a");
    assert_string_equal(names.at[2], "c");
}

static void test_files_from_outside(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_key_file) struct su_key_file key = SU_KEY_FILE_INIT;
#define READ(text) read_text(f, text, sizeof text - 1, &key)
    GOOD(READ(PUBLIC_PEM)); /* the PEM alone */
    assert_string_equal(key.role, "exporter");
    assert_hex(key.key.id, 4, "06e3fd8f");
    GOOD(READ("SU-KEY 1\nname hub\nrole reviewer\nfingerprint 0000 0000 0000 0000 0000\n" PUBLIC_PEM)); /* the line is a hint: the key counts */
    assert_string_equal(key.name, "hub");
    assert_string_equal(key.role, "reviewer");
    assert_hex(key.key.id, 4, "06e3fd8f");
    GOOD(READ("SU-KEY 1\r\nname hub\r\nrole reviewer\r\n" PUBLIC_PEM));
    assert_string_equal(key.name, "hub");
    GOOD(READ(PUBLIC_PEM "\nname after\nrole reviewer\n")); /* only lines before the key are its head */
    assert_string_equal(key.role, "exporter");
    REFUSED(READ("SU-KEY 1\nname hub\nrole admin\n" PUBLIC_PEM), SU_KEY);
    REFUSED(READ("SU-KEY 1\nname ../x\nrole exporter\n" PUBLIC_PEM), SU_KEY);
    REFUSED(READ("SU-KEY 1\nname \x1b[2J\nrole exporter\n" PUBLIC_PEM), SU_KEY);
    REFUSED(READ(""), SU_KEY);
    REFUSED(READ("SU-KEY 1\nname hub\nrole exporter\n"), SU_KEY);
    REFUSED(READ("a\0b" PUBLIC_PEM), SU_KEY);
    REFUSED(READ("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"), SU_KEY);
}

static void test_limit(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_key_file) struct su_key_file key = SU_KEY_FILE_INIT;
    char text[SU_MAX_KEY_FILE_BYTES + 1];
    memset(text, '\n', sizeof text);
    memcpy(text + SU_MAX_KEY_FILE_BYTES - strlen(PUBLIC_PEM), PUBLIC_PEM, strlen(PUBLIC_PEM));
    GOOD(read_text(f, text, SU_MAX_KEY_FILE_BYTES, &key));
    REFUSED(read_text(f, text, SU_MAX_KEY_FILE_BYTES + 1, &key), SU_LIMIT);
}

int main(void)
{
#define HELD(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
    const struct CMUnitTest tests[] = {
        HELD(test_generate_and_open),
        HELD(test_nothing_is_overwritten),
        HELD(test_unfinished_keys),
        HELD(test_which_exporter),
        HELD(test_files_from_outside),
        HELD(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
