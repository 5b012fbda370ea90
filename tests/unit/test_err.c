/* The table of codes, and messages that stay whole however long the chain. */
#include "helpers.h"

#include <errno.h>

static void test_every_code_is_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < SU_CODE_COUNT; i++) {
        const struct su_message *m = su_message_at(i);
        assert_non_null(m);
        assert_true(m->name[0] && m->text[0] && m->cause[0] && m->remedy[0]);
        assert_in_range(m->exit_status, 0, 11);
        assert_int_equal(su_code_exit_status((enum su_code)i), m->exit_status);
        assert_int_equal(su_code_message_id((enum su_code)i), m->id);
        assert_string_equal(su_code_remedy((enum su_code)i), m->remedy);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(m->name, su_message_at(k)->name);
            assert_int_not_equal(m->id, su_message_at(k)->id); /* 'explain ID' must mean one thing */
        }
        assert_ptr_equal(su_message_by_id(m->id), m);
    }
    assert_null(su_message_at(SU_CODE_COUNT));
    assert_null(su_message_by_id(0));
    assert_null(su_message_by_id(6700));
    assert_null(su_message_by_id(9999));
}

/* People's scripts and Configuration Manager's consoles rest on these. */
static void test_fixed_numbers(void **state)
{
    (void)state;
    static const struct { enum su_code code; int exit_status, id; } fixed[] = {
        {SU_OK, 0, 7000},          {SU_SYSTEM, 1, 7001},       {SU_USAGE, 2, 7005},       {SU_DATA, 3, 7011},
        {SU_LOCKED, 7, 7007},      {SU_INTERRUPTED, 8, 7008},  {SU_SPACE, 6, 7009},       {SU_SYNC_STARTED, 0, 6701},
        {SU_SYNC_DONE, 0, 6702},   {SU_SYNC_FAILED, 1, 6703},  {SU_SYNC_SOURCE, 0, 6704}, {SU_SYNC_DATABASE, 0, 6705},
        {SU_SYNC_UPSTREAM, 0, 6706}, {SU_CONTENT_BEHIND, 9, 6707}, {SU_LICENCE_PENDING, 9, 6708}, {SU_INCOMPLETE, 11, 7104},
        {SU_UNTRUSTED, 4, 7301},   {SU_DAMAGED, 3, 7304},      {SU_GAP, 5, 7305},         {SU_WRONG_SITE, 10, 7306},
        {SU_OLDER, 10, 7307},      {SU_PROFILE_DIFFERS, 10, 7308},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        assert_int_equal(su_code_exit_status(fixed[i].code), fixed[i].exit_status);
        assert_int_equal(su_code_message_id(fixed[i].code), fixed[i].id);
    }
    /* Ranges: 71xx export, 72xx import, 73xx verification and trust, 74xx content, 75xx policy, 76xx audit and keys. */
    for (size_t i = 0; i < SU_CODE_COUNT; i++) {
        int id = su_message_at(i)->id;
        assert_true((id >= 6701 && id <= 6708) || (id >= 7000 && id < 7700) || id == 11516 || id == 11523 || id == 11524);
    }
}

static void test_message_is_a_chain(void **state)
{
    (void)state;
    struct su_err err = SU_ERR_INIT;
    assert_int_equal(su_fail(&err, SU_DAMAGED, "block %d differs", 3), -1);
    assert_int_equal(su_prefix(&err, "volume %d", 1), -1);
    assert_int_equal(su_prefix(&err, "import %s", "SU-ALPHA-000002"), -1);
    assert_string_equal(err.text, "import SU-ALPHA-000002: volume 1: block 3 differs");
    assert_int_equal(err.code, SU_DAMAGED);
    assert_int_equal(su_remedy(&err, "copy volume %d", 1), -1);
    assert_int_equal(su_after(&err, "Nothing was written."), -1);
    assert_string_equal(err.remedy, "copy volume 1");
    assert_string_equal(err.after, "Nothing was written.");
    assert_int_equal(su_prefix(&err, "again"), -1); /* context does not lose what was said */
    assert_string_equal(err.remedy, "copy volume 1");
    /* A new failure starts afresh: an old remedy would mislead. */
    assert_int_equal(su_fail(&err, SU_SPACE, "full"), -1);
    assert_string_equal(err.text, "full");
    assert_string_equal(err.remedy, "");
    assert_string_equal(err.after, "");
    su_err_clear(&err);
    assert_int_equal(err.code, SU_OK);
    assert_string_equal(err.text, "");
}

static void test_text_from_outside_is_escaped(void **state)
{
    (void)state;
    struct su_err err = SU_ERR_INIT;
    (void)su_fail(&err, SU_DATA, "title %s", "\x1b]0;owned\a\nnext\xe2\x80\xae");
    assert_string_equal(err.text, "title \\x1b]0;owned\\x07 next\\u{202e}");
    (void)su_prefix(&err, "file %s", "\xc2\x9b" "2J");
    assert_string_equal(err.text, "file \\x9b2J: title \\x1b]0;owned\\x07 next\\u{202e}");
    (void)su_remedy(&err, "remove %s", "\x1b[1m");
    assert_string_equal(err.remedy, "remove \\x1b[1m");
}

static void test_system_errors(void **state)
{
    (void)state;
    struct su_err err = SU_ERR_INIT;
    static const struct { int number; enum su_code code; } cases[] = {
        {ENOENT, SU_SYSTEM}, {EIO, SU_SYSTEM}, {ENOSPC, SU_SPACE}, {EDQUOT, SU_SPACE}, {EFBIG, SU_SPACE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        errno = cases[i].number;
        assert_int_equal(su_fail_sys(&err, "writing %s", "a"), -1);
        assert_int_equal(err.code, cases[i].code);
        assert_memory_equal(err.text, "writing a: ", 11);
        assert_string_equal(err.text + 11, strerror(cases[i].number));
    }
    assert_int_equal(su_fail_memory(&err), -1);
    assert_int_equal(err.code, SU_MEMORY);
    assert_true(err.text[0] != 0);
}

/* Texts of every length around the room: always terminated, never half a character. */
static void test_truncation_is_safe(void **state)
{
    (void)state;
    static char text[4000];
    for (size_t length = 700; length < 1700; length += 1) {
        struct su_err err = SU_ERR_INIT;
        size_t n = 0;
        while (n < length) { /* two bytes a character */
            text[n++] = (char)0xc3;
            text[n++] = (char)0xa9;
        }
        text[n] = 0;
        (void)su_fail(&err, SU_DATA, "%s%s", length % 2 ? "x" : "", text);
        assert_true(memchr(err.text, 0, sizeof err.text) != NULL);
        assert_true(su_utf8_is_valid(err.text, strlen(err.text)));
        (void)su_prefix(&err, "%.*s", (int)(length % 7), "prefixe");
        assert_true(memchr(err.text, 0, sizeof err.text) != NULL);
        assert_true(su_utf8_is_valid(err.text, strlen(err.text)));
        (void)su_prefix(&err, "%s%s", length % 3 ? "y" : "", text);
        assert_true(memchr(err.text, 0, sizeof err.text) != NULL);
        assert_true(su_utf8_is_valid(err.text, strlen(err.text)));
        (void)su_remedy(&err, "%s%s", length % 2 ? "x" : "", text);
        assert_true(su_utf8_is_valid(err.remedy, strnlen(err.remedy, sizeof err.remedy)));
        (void)su_after(&err, text);
        assert_true(memchr(err.after, 0, sizeof err.after) != NULL);
    }
}

static void test_long_chain_keeps_the_goal(void **state)
{
    (void)state;
    struct su_err err = SU_ERR_INIT;
    (void)su_fail(&err, SU_DATA, "the cause");
    for (int i = 0; i < 1000; i++)
        (void)su_prefix(&err, "step %d", i);
    assert_memory_equal(err.text, "step 999: step 998: ", 20);
    assert_true(strlen(err.text) < sizeof err.text);
    assert_int_equal(err.code, SU_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_is_complete),
        cmocka_unit_test(test_fixed_numbers),
        cmocka_unit_test(test_message_is_a_chain),
        cmocka_unit_test(test_text_from_outside_is_escaped),
        cmocka_unit_test(test_system_errors),
        cmocka_unit_test(test_truncation_is_safe),
        cmocka_unit_test(test_long_chain_keeps_the_goal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
