/* Whether a verified bundle may be applied where the site stands: every pair of facts once. */
#include "catalogue_helpers.h"

#include "common/site/position.h"

static void fill(uint8_t *out, uint8_t byte)
{
    memset(out, byte, SU_SHA256_BYTES);
}

/* A site ALPHA after bundle 5: state 0x55, manifest 0xaa, profile "content all". */
struct stage {
    struct su_home site;
    struct su_position position;
    struct su_bundle bundle;
};

static void set(struct stage *s, uint64_t sequence, bool is_full)
{
    *s = (struct stage){.site = SU_HOME_INIT, .position = SU_POSITION_INIT, .bundle = SU_BUNDLE_INIT};
    (void)snprintf(s->site.name, sizeof s->site.name, "ALPHA");
    s->position.has_import = true;
    s->position.sequence = 5;
    (void)snprintf(s->position.bundle, sizeof s->position.bundle, "SU-ALPHA-000005");
    fill(s->position.manifest_sha256, 0xaa);
    fill(s->position.state.digest, 0x55);
    su_buf_adds(&s->position.profile, "content all\nexpress no\n");
    struct su_manifest *m = &s->bundle.manifest;
    (void)snprintf(m->site, sizeof m->site, "ALPHA");
    (void)snprintf(s->bundle.name, sizeof s->bundle.name, "SU-ALPHA-%06u", (unsigned)sequence);
    m->sequence = sequence;
    m->is_full = is_full;
    m->profile.content = SU_CONTENT_ALL;
    fill(m->result, 0x66);
    fill(s->bundle.manifest_sha256, 0xbb);
}

static void add_base(struct stage *s, uint64_t sequence, uint8_t state)
{
    struct su_base *base = SU_PUSH(&s->bundle.manifest.bases, 10);
    base->sequence = s->bundle.manifest.follows = sequence;
    fill(base->digest, state);
}

static int judge(const struct stage *s, bool accept_profile)
{
    return su_position_judge(&s->position, &s->site, &s->bundle, (struct su_accepted){.profile = accept_profile}, &e);
}

static void stage_cleanup(struct stage *s)
{
    su_position_cleanup(&s->position);
    su_bundle_cleanup(&s->bundle);
}

static void test_next_delta(void **state)
{
    (void)state;
    SU_AUTO(stage) struct stage s;
    set(&s, 6, false);
    add_base(&s, 4, 0x44);
    add_base(&s, 5, 0x55);
    assert_int_equal(judge(&s, false), 0);
    s.bundle.manifest.sequence = 9; /* lost numbers need no repair while the state fits */
    assert_int_equal(judge(&s, false), 0);
}

static void test_states_count_not_numbers(void **state)
{
    (void)state;
    SU_AUTO(stage) struct stage s;
    set(&s, 6, false);
    add_base(&s, 5, 0x54); /* the right number, another state */
    REFUSED(judge(&s, false), SU_GAP);
    NAMES("none of them");
    s.bundle.manifest.bases.count = 0;
    add_base(&s, 3, 0x55); /* another number, the right state */
    assert_int_equal(judge(&s, false), 0);
}

static void test_gap_names_what_is_missing(void **state)
{
    (void)state;
    SU_AUTO(stage) struct stage s;
    set(&s, 9, false);
    add_base(&s, 7, 0x77);
    add_base(&s, 8, 0x88);
    (void)snprintf(s.bundle.manifest.hub, sizeof s.bundle.manifest.hub, "HUB");
    (void)snprintf(s.bundle.manifest.follows_created, sizeof s.bundle.manifest.follows_created, "2026-05-12");
    REFUSED(judge(&s, false), SU_GAP);
    NAMES("7 to 8");
    NAMES("SU-ALPHA-000008, was made by hub HUB of the catalogue of 2026-05-12");
    assert_true(strstr(e.remedy, "SU-ALPHA-000007") != NULL);
    assert_true(strstr(e.remedy, "--since 5") != NULL);
    s.position.has_import = false; /* a new site: only a full bundle helps */
    s.position.sequence = 0;
    REFUSED(judge(&s, false), SU_GAP);
    assert_true(strstr(e.remedy, "--full") != NULL && strstr(e.remedy, "--since") == NULL);
}

static void test_full_fits_any_state(void **state)
{
    (void)state;
    SU_AUTO(stage) struct stage s;
    set(&s, 6, true);
    assert_int_equal(judge(&s, false), 0);
    s.position.has_import = false;
    s.position.sequence = 0;
    assert_int_equal(judge(&s, false), 0);
    su_buf_clear(&s.position.profile); /* nothing is pinned yet */
    assert_int_equal(judge(&s, false), 0);
}

static void test_repeated_and_older(void **state)
{
    (void)state;
    SU_AUTO(stage) struct stage s;
    set(&s, 5, true);
    fill(s.bundle.manifest_sha256, 0xaa);
    fill(s.bundle.manifest.result, 0x55);
    assert_int_equal(judge(&s, false), 1); /* the very bundle, and its state */
    fill(s.bundle.manifest_sha256, 0xab);
    REFUSED(judge(&s, false), SU_OLDER); /* signed anew under the same number */
    fill(s.bundle.manifest_sha256, 0xaa);
    fill(s.position.state.digest, 0x56);
    REFUSED(judge(&s, false), SU_OLDER); /* the state is no longer the bundle's */
    for (uint64_t sequence = 1; sequence <= 5; sequence++) {
        SU_AUTO(stage) struct stage old;
        set(&old, sequence, true);
        REFUSED(judge(&old, false), SU_OLDER);
        NAMES("reached 5");
    }
}

static void test_other_site(void **state)
{
    (void)state;
    SU_AUTO(stage) struct stage s;
    static const char *const others[] = {"BRAVO", "ALPH", "ALPHAX", "alpha"};
    set(&s, 6, true);
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(s.bundle.manifest.site, sizeof s.bundle.manifest.site, "%s", others[i]);
        REFUSED(judge(&s, false), SU_WRONG_SITE);
        NAMES(others[i]);
        NAMES("ALPHA");
    }
}

static void test_other_profile(void **state)
{
    (void)state;
    SU_AUTO(stage) struct stage s;
    set(&s, 6, true);
    s.bundle.manifest.profile.content = SU_CONTENT_LICENCE;
    REFUSED(judge(&s, false), SU_PROFILE_DIFFERS);
    NAMES("content all");
    NAMES("content licence");
    assert_int_equal(judge(&s, true), 0);
    s.bundle.manifest.profile.content = SU_CONTENT_ALL;
    GOOD(su_profile_add(&s.bundle.manifest.profile, SU_ITEM_APPROVAL, guid_text(1), &e)); /* approvals change monthly */
    assert_int_equal(judge(&s, false), 0);
    GOOD(su_profile_add(&s.bundle.manifest.profile, SU_ITEM_LANGUAGE, "de", &e));
    REFUSED(judge(&s, false), SU_PROFILE_DIFFERS);
}

/* The first reason that applies is the one given. */
static void test_order_of_reasons(void **state)
{
    (void)state;
    SU_AUTO(stage) struct stage s;
    set(&s, 3, false);
    add_base(&s, 1, 0x11);
    s.bundle.manifest.profile.content = SU_CONTENT_NONE;
    (void)snprintf(s.bundle.manifest.site, sizeof s.bundle.manifest.site, "BRAVO");
    REFUSED(judge(&s, true), SU_WRONG_SITE);
    (void)snprintf(s.bundle.manifest.site, sizeof s.bundle.manifest.site, "ALPHA");
    REFUSED(judge(&s, true), SU_OLDER); /* accepting a profile accepts nothing else */
    s.bundle.manifest.sequence = 6;
    REFUSED(judge(&s, true), SU_GAP);
    fill(s.bundle.manifest.bases.at[0].digest, 0x55);
    REFUSED(judge(&s, false), SU_PROFILE_DIFFERS);
    assert_int_equal(judge(&s, true), 0);
}

static void test_advance(void **state)
{
    (void)state;
    SU_AUTO(stage) struct stage s, next;
    set(&s, 6, true);
    GOOD(su_position_advance(&s.position, &s.bundle, &e));
    assert_int_equal(judge(&s, false), 1);
    set(&next, 7, false);
    add_base(&next, 6, 0x66);
    fill(next.bundle.manifest_sha256, 0xcc);
    fill(next.bundle.manifest.result, 0x77);
    assert_int_equal(su_position_judge(&s.position, &s.site, &next.bundle, (struct su_accepted){.jump = false}, &e), 0);
    assert_int_equal(s.position.highest, 6);
}

/* At the limit, one past it, without a limit, on the operator's word, and after an undo. */
static void test_jump(void **state)
{
    (void)state;
    SU_AUTO(stage) struct stage s;
    set(&s, 8, true);
    s.position.jump_limit = 3;
    s.position.highest = 5;
    assert_int_equal(judge(&s, false), 0);
    s.bundle.manifest.sequence = 9;
    REFUSED(judge(&s, true), SU_JUMP); /* accepting a profile accepts no jump */
    NAMES("sequence 9");
    NAMES("is 5");
    NAMES("at most 3");
    assert_int_equal(su_position_judge(&s.position, &s.site, &s.bundle, (struct su_accepted){.jump = true}, &e), 0);
    s.position.highest = 6; /* imported once and undone: the numbers up to it are known */
    assert_int_equal(judge(&s, false), 0);
    s.position.highest = 5;
    s.bundle.manifest.jump_limit = 100; /* what the new bundle says of itself does not count */
    REFUSED(judge(&s, false), SU_JUMP);
    s.position.jump_limit = 0;
    s.bundle.manifest.sequence = 999999;
    assert_int_equal(judge(&s, false), 0);
    s.position.jump_limit = 1;
    s.position.has_import = false; /* the first import may have any number */
    s.position.sequence = s.position.highest = 0;
    assert_int_equal(judge(&s, false), 0);
}

/* After an undo from 7 to 5: 7 itself and others above 5 may come, another 7 may not. */
static void test_number_twice(void **state)
{
    (void)state;
    SU_AUTO(stage) struct stage s;
    set(&s, 7, true);
    struct su_past *past = SU_PUSH(&s.position.past, 10);
    past->sequence = s.position.highest = 7;
    fill(past->manifest_sha256, 0xbb); /* the bundle's own */
    assert_int_equal(judge(&s, false), 0);
    s.bundle.manifest.sequence = 6;
    fill(s.bundle.manifest_sha256, 0xbc);
    assert_int_equal(judge(&s, false), 0);
    s.bundle.manifest.sequence = 8;
    assert_int_equal(judge(&s, false), 0);
    s.bundle.manifest.sequence = 7;
    REFUSED(judge(&s, true), SU_NUMBER_TWICE);
    NAMES("bcbcbcbc");
    NAMES("bbbbbbbb");
}

static void test_child(void **state)
{
    (void)state;
    SU_AUTO(stage) struct stage s;
    set(&s, 6, true);
    (void)snprintf(s.bundle.manifest.site, sizeof s.bundle.manifest.site, "MOTHER");
    struct su_line *also = SU_PUSH(&s.bundle.manifest.children, 4);
    GOOD(su_line_add(also, "ALPHA2", 6, &e));
    REFUSED(judge(&s, false), SU_WRONG_SITE);
    NAMES("for site MOTHER and may be relayed to ALPHA2, this is ALPHA");
    also = SU_PUSH(&s.bundle.manifest.children, 4);
    GOOD(su_line_add(also, "ALPHA", 5, &e));
    assert_int_equal(judge(&s, false), 0);
    assert_true(su_position_is_for(&s.bundle.manifest, "MOTHER") && !su_position_is_for(&s.bundle.manifest, "ALPH"));
}

#define PROFILE_TEXT "product 6407468e-edc7-4ecd-8c32-521f64cee65e\ncontent licence\nexpress yes\n"

static void add_import(struct fixture *f, unsigned sequence, uint8_t manifest, const char *profile, const char *approvals, bool is_undone)
{
    uint8_t digest[SU_SHA256_BYTES];
    fill(digest, manifest);
    GOOD(su_run(f->home.db, &e,
                "INSERT INTO import (sequence, kind, bundle, hub, created, imported, manifest_sha256, profile, approvals, promise_days, base_digest, state_digest, undone)"
                " VALUES (?1,'full',?2,'HUB','c','2026-01-02T03:04:05Z',?3,?4,?5,35,x'00',x'00',?6)",
                SU_I(sequence), SU_T("SU-ALPHA-00000X"), SU_B(digest, 32), SU_T(profile), SU_T(approvals), SU_I(is_undone)));
}

static int load_position(struct fixture *f)
{
    SU_AUTO(su_position) struct su_position p = SU_POSITION_INIT;
    return su_position_load(f->home.db, &p, &e);
}

static int load_profile(struct fixture *f)
{
    SU_AUTO(su_profile) struct su_profile p = {0};
    return su_position_profile(f->home.db, &p, &e);
}

/* The newest import that was not undone is where the site stands; the state is always of the rows. */
static void test_position_from_the_database(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_position) struct su_position none = SU_POSITION_INIT, p = SU_POSITION_INIT;
    uint8_t manifest[SU_SHA256_BYTES];
    GOOD(su_position_load(f->home.db, &none, &e));
    assert_false(none.has_import);
    assert_hex(none.state.digest, 32, "846af6650803bdc6cada919002e36890ffaca4f267e2710d15e453dde92bd65e");
    put(f, 1, 1, "Software", "One", "");
    add_import(f, 3, 0x33, "content all\nexpress no\n", "", false);
    add_import(f, 4, 0x44, PROFILE_TEXT, "approved 0fa1201d-4330-4fa8-8ae9-b877473b6441\n", false);
    add_import(f, 5, 0x55, "content none\nexpress no\n", "", true);
    GOOD(su_position_load(f->home.db, &p, &e));
    assert_true(p.highest == 5 && p.past.count == 3 && p.jump_limit == 24);
    assert_true(p.has_import && p.sequence == 4 && p.promise_days == 35 && p.state.updates == 1);
    assert_string_equal(p.bundle, "SU-ALPHA-00000X");
    assert_string_equal(p.imported, "2026-01-02T03:04:05Z");
    assert_string_equal(p.profile.bytes, PROFILE_TEXT);
    fill(manifest, 0x44);
    assert_memory_equal(p.manifest_sha256, manifest, 32);
    assert_memory_not_equal(p.state.digest, none.state.digest, 32);
    fails_without(f, NEEDED("revision", "import"), load_position);
}

static void test_pinned_profile(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_profile) struct su_profile none = {0}, p = {0};
    GOOD(su_position_profile(f->home.db, &none, &e));
    assert_true(none.items.count == 0 && none.content == SU_CONTENT_ALL);
    add_import(f, 4, 0x44, PROFILE_TEXT, "approved 0fa1201d-4330-4fa8-8ae9-b877473b6441\n", false);
    GOOD(su_position_profile(f->home.db, &p, &e));
    assert_int_equal(p.items.count, 2);
    assert_string_equal(p.items.at[0].value, "6407468e-edc7-4ecd-8c32-521f64cee65e");
    assert_int_equal(p.items.at[1].kind, SU_ITEM_APPROVAL);
    assert_true(p.content == SU_CONTENT_LICENCE && p.has_express);
    fails_without(f, NEEDED("import"), load_profile);
    add_import(f, 5, 0x55, "content all\nexpress no\nmore\n", "", false);
    REFUSED(load_profile(f), SU_DATA);
    NAMES("more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_delta),
        cmocka_unit_test(test_states_count_not_numbers),
        cmocka_unit_test(test_gap_names_what_is_missing),
        cmocka_unit_test(test_full_fits_any_state),
        cmocka_unit_test(test_repeated_and_older),
        cmocka_unit_test(test_other_site),
        cmocka_unit_test(test_other_profile),
        cmocka_unit_test(test_order_of_reasons),
        cmocka_unit_test(test_advance),
        cmocka_unit_test(test_jump),
        cmocka_unit_test(test_number_twice),
        cmocka_unit_test(test_child),
        cmocka_unit_test_setup_teardown(test_position_from_the_database, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_pinned_profile, make_fixture, drop_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
