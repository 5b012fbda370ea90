/* Profiles: the canonical text and its digest, and names of categories. */
#include "catalogue_helpers.h"

#include "common/catalogue/profile.h"

#define G1 "0fa1201d-4330-4fa8-8ae9-b877473b6441"
#define G2 "6407468e-edc7-4ecd-8c32-521f64cee65e"
#define G3 "a3c2375d-0c8a-42f9-bce0-28333e198407"

static void test_canonical_text(void **state)
{
    (void)state;
    SU_AUTO(su_profile) struct su_profile p = {0};
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(10000), approvals = SU_BUF_INIT(10000);
    uint8_t digest[32];
    static const struct { enum su_item_kind kind; const char *value; } items[] = {
        {SU_ITEM_APPROVAL, G3}, {SU_ITEM_LANGUAGE, "en"}, {SU_ITEM_PRODUCT, "A3C2375D-0C8A-42f9-bce0-28333e198407"}, {SU_ITEM_LANGUAGE, "de"},
        {SU_ITEM_PRODUCT, G2}, {SU_ITEM_CLASSIFICATION, G1}, {SU_ITEM_PRODUCT, G3}, {SU_ITEM_APPROVAL, G1}, {SU_ITEM_LANGUAGE, "en"}};
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        GOOD(su_profile_add(&p, items[i].kind, items[i].value, &e));
    p.content = SU_CONTENT_APPROVED;
    p.has_express = true;
    su_profile_sort(&p);
    su_profile_format(&p, &text);
    assert_string_equal(text.bytes, "product " G2 "\nproduct " G3 "\nclassification " G1 "\nlanguage de\nlanguage en\ncontent approved\nexpress yes\n");
    su_profile_format_approvals(&p, &approvals);
    assert_string_equal(approvals.bytes, "approved " G1 "\napproved " G3 "\n");
    GOOD(su_profile_digest(&p, digest, &e));
    assert_hex(digest, 32, "ae3c3f22c3a017ee5ca15a232f6a287d3ecb111237b94b3e0d19c175570cc612"); /* of the text, by another program */
    p.items.count = 0;
    p.content = SU_CONTENT_NONE;
    p.has_express = false;
    su_profile_sort(&p);
    GOOD(su_profile_digest(&p, digest, &e));
    assert_hex(digest, 32, "469acd45d1614b4f88e6b0eddb0c6e04f8cda960863e8937c17195c4f8980a35");
}

static void test_items(void **state)
{
    (void)state;
    SU_AUTO(su_profile) struct su_profile p = {0};
    static const char *const good_languages[] = {"en", "zh-tw", "pt-br", "ja-nec", "abcdefghijkl"};
    static const char *const bad_languages[] = {"", "e", "EN", "en_US", "abcdefghijklm", "en ", "en\n", "\xc3\xa9n"};
    static const char *const bad_guids[] = {"", "Windows 11", "{" G1 "}", G1 " ", "0fa1201d-4330-4fa8-8ae9-b877473b644"};
    for (size_t i = 0; i < sizeof good_languages / sizeof *good_languages; i++)
        GOOD(su_profile_add(&p, SU_ITEM_LANGUAGE, good_languages[i], &e));
    for (size_t i = 0; i < sizeof bad_languages / sizeof *bad_languages; i++)
        REFUSED(su_profile_add(&p, SU_ITEM_LANGUAGE, bad_languages[i], &e), SU_CONFIG);
    for (enum su_item_kind kind = SU_ITEM_PRODUCT; kind <= SU_ITEM_APPROVAL; kind++)
        for (size_t i = 0; kind != SU_ITEM_LANGUAGE && i < sizeof bad_guids / sizeof *bad_guids; i++)
            REFUSED(su_profile_add(&p, kind, bad_guids[i], &e), SU_CONFIG);
    assert_int_equal(p.items.count, sizeof good_languages / sizeof *good_languages);
    assert_true(su_profile_has(&p, SU_ITEM_LANGUAGE));
    assert_false(su_profile_has(&p, SU_ITEM_PRODUCT));
}

static void test_limit(void **state)
{
    (void)state;
    SU_AUTO(su_profile) struct su_profile p = {0};
    uint8_t digest[32];
    for (unsigned i = 0; i < SU_MAX_PROFILE_ITEMS; i++)
        GOOD(su_profile_add(&p, SU_ITEM_CLASSIFICATION, guid_text(i), &e));
    REFUSED(su_profile_add(&p, SU_ITEM_PRODUCT, G1, &e), SU_LIMIT);
    su_profile_sort(&p);
    assert_int_equal(p.items.count, SU_MAX_PROFILE_ITEMS);
    GOOD(su_profile_digest(&p, digest, &e)); /* the longest text there can be fits */
}

static void test_lines(void **state)
{
    (void)state;
    SU_AUTO(su_profile) struct su_profile p = {0};
    static const char *const good[] = {"product " G1, "classification " G2, "language zh-tw", "approved " G3, "content none", "content licence",
                                       "content approved", "content all", "express no", "express yes"};
    static const char *const bad[] = {"", " ", "product", "product ", "product x", "product  " G1, "product " G1 " ", "Product " G1, "products " G1, "language EN",
                                      "content", "content ", "content some", "content all ", "express", "express maybe", "express YES", "fits any", "unknown x"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(su_profile_parse_line(&p, good[i], strlen(good[i]), &e));
    assert_int_equal(p.items.count, 4);
    assert_true(p.content == SU_CONTENT_ALL && p.has_express);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(su_profile_parse_line(&p, bad[i], strlen(bad[i]), &e));
    assert_false(su_profile_parse_line(&p, "language en\0x", 13, &e));
    char longest[300];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "product ", 8);
    assert_false(su_profile_parse_line(&p, longest, sizeof longest, &e));
    for (size_t length = 90; length < 110; length++)
        assert_false(su_profile_parse_line(&p, longest, length, &e));
    assert_int_equal(p.items.count, 4);
}

static void test_modes(void **state)
{
    (void)state;
    static const char *const texts[] = {"none", "licence", "approved", "all"};
    enum su_content_mode mode = SU_CONTENT_NONE;
    for (unsigned i = 0; i < 4; i++) {
        assert_true(su_content_mode_parse(&mode, texts[i]));
        assert_int_equal(mode, i);
        assert_string_equal(su_content_mode_text(mode), texts[i]);
    }
    static const char *const bad[] = {"", "All", "full", "all "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(su_content_mode_parse(&mode, bad[i]));
}

static void expect_resolved(struct fixture *f, const char *type, const char *name, unsigned id)
{
    struct su_guid guid, want = guid_of(id);
    GOOD(su_category_resolve(f->home.db, type, name, &guid, &e));
    assert_memory_equal(guid.bytes, want.bytes, 16);
}

static void test_resolving_names(void **state)
{
    struct fixture *f = *state;
    struct su_guid guid;
    put(f, 5, 1, "Category/ProductFamily", "Windows", "");
    put(f, 10, 1, "Category/Product", "Old name", "c5");
    put(f, 10, 2, "Category/Product", "Windows 11", "c5");
    put(f, 11, 1, "Category/Product", "Visual Studio 2010 Tools", "");
    put(f, 12, 1, "Category/Product", "visual studio 2010 tools", "");
    put(f, 20, 1, "Category/UpdateClassification", "Security Updates", "");
    put(f, 21, 1, "Category/UpdateClassification", "Windows 11", ""); /* the same title in the other tree */
    put(f, 30, 1, "Software", "An update", "");
    expect_resolved(f, NULL, "Windows 11", 10);
    expect_resolved(f, NULL, "WINDOWS 11", 10);
    expect_resolved(f, NULL, "Windows", 5);
    expect_resolved(f, NULL, "0000000A-0000-4000-8000-00000000000a", 10);
    expect_resolved(f, "UpdateClassification", "security updates", 20);
    expect_resolved(f, "UpdateClassification", "windows 11", 21);
    REFUSED(su_category_resolve(f->home.db, NULL, "Visual Studio 2010 Tools", &guid, &e), SU_AMBIGUOUS);
    NAMES(guid_text(11));
    NAMES(guid_text(12));
    static const char *const unknown[] = {"Old name" /* of an older revision */, "An update", "Security Updates", "", "Windows 1%", "' OR 1=1 --",
                                          "00000014-0000-4000-8000-000000000014" /* a classification */, "0000001e-0000-4000-8000-00000000001e" /* an update */,
                                          "0000270f-0000-4000-8000-00000000270f"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        REFUSED(su_category_resolve(f->home.db, NULL, unknown[i], &guid, &e), SU_NOT_FOUND);
    NAMES("0000270f");
    REFUSED(su_category_resolve(f->home.db, "UpdateClassification", "Windows", &guid, &e), SU_NOT_FOUND);
}

static int resolve_name(struct fixture *f)
{
    struct su_guid guid;
    return su_category_resolve(f->home.db, NULL, "Windows 11", &guid, &e);
}

static int resolve_id(struct fixture *f)
{
    struct su_guid guid;
    return su_category_resolve(f->home.db, NULL, guid_text(10), &guid, &e);
}

static void test_no_failure_is_swallowed(void **state)
{
    struct fixture *f = *state;
    put(f, 10, 1, "Category/Product", "Windows 11", "");
    fails_without(f, NEEDED("revision", "info"), resolve_name);
    fails_without(f, NEEDED("revision", "info"), resolve_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical_text),
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_modes),
        cmocka_unit_test_setup_teardown(test_resolving_names, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_no_failure_is_swallowed, make_fixture, drop_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
