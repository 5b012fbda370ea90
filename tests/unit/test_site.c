/* What the hub keeps of a disconnected site. */
#include "catalogue_helpers.h"

#include "common/hub/site.h"

static void test_saved_and_loaded(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT, again = SU_SITE_INIT, changed = SU_SITE_INIT;
    (void)snprintf(site.code, sizeof site.code, "ABCDEFGHIJKLMNOP");
    site.promise_days = 35;
    site.profile.content = SU_CONTENT_APPROVED;
    site.profile.has_express = true;
    GOOD(su_profile_add(&site.profile, SU_ITEM_LANGUAGE, "en", &e));
    GOOD(su_profile_add(&site.profile, SU_ITEM_PRODUCT, guid_text(2), &e));
    GOOD(su_profile_add(&site.profile, SU_ITEM_PRODUCT, guid_text(1), &e));
    GOOD(su_profile_add(&site.profile, SU_ITEM_PRODUCT, guid_text(2), &e));
    GOOD(su_profile_add(&site.profile, SU_ITEM_APPROVAL, guid_text(9), &e));
    su_buf_adds(&site.public_key, "PEM");
    GOOD(su_site_save(f->home.db, &site, true, &e));
    GOOD(su_site_load(f->home.db, "ABCDEFGHIJKLMNOP", &again, &e));
    assert_string_equal(again.code, site.code);
    assert_true(again.promise_days == 35 && again.profile.content == SU_CONTENT_APPROVED && again.profile.has_express);
    assert_int_equal(again.profile.items.count, 4); /* sorted, each once */
    assert_string_equal(again.profile.items.at[0].value, guid_text(1));
    assert_string_equal(again.profile.items.at[2].value, "en");
    assert_int_equal(again.profile.items.at[3].kind, SU_ITEM_APPROVAL);
    assert_string_equal(again.public_key.bytes, "PEM");
    assert_true(again.acknowledged == 0 && again.last_sent == 0 && again.last_full == 0);
    /* Changing it replaces its items. */
    again.profile.items.count = 1;
    again.profile.content = SU_CONTENT_NONE;
    GOOD(su_site_save(f->home.db, &again, false, &e));
    GOOD(su_site_load(f->home.db, "ABCDEFGHIJKLMNOP", &changed, &e));
    assert_int_equal(changed.profile.items.count, 1);
    assert_int_equal(changed.profile.content, SU_CONTENT_NONE);
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT, other = SU_SITE_INIT;
    REFUSED(su_site_load(f->home.db, "ALPHA", &site, &e), SU_SITE_UNKNOWN);
    NAMES("ALPHA");
    static const char *const bad[] = {"", "alpha", "A B", "-A", "A_B", "../A"};
    for (size_t i = 0; i < 6; i++) {
        (void)snprintf(site.code, sizeof site.code, "%s", bad[i]);
        REFUSED(su_site_save(f->home.db, &site, true, &e), SU_USAGE);
    }
    (void)snprintf(site.code, sizeof site.code, "ALPHA");
    GOOD(su_site_save(f->home.db, &site, true, &e));
    (void)snprintf(other.code, sizeof other.code, "ALPHA");
    REFUSED(su_site_save(f->home.db, &other, true, &e), SU_EXISTS);
}

/* Bundles made so far: the last one, and the last full one. */
static void test_sequences(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT, again = SU_SITE_INIT;
    (void)snprintf(site.code, sizeof site.code, "ALPHA");
    GOOD(su_site_save(f->home.db, &site, true, &e));
    static const char *const kinds[] = {"full", "delta", "full", "delta", "delta"};
    for (int i = 0; i < 5; i++)
        GOOD(su_run(f->home.db, &e, "INSERT INTO export (site_id, sequence, kind, exported, created, state_digest, manifest_sha256, volumes, bytes, records, files) VALUES (?1,?2,?3,'','',x'00',x'00',1,1,1,0)", SU_I(site.site_id), SU_I(i + 1), SU_T(kinds[i])));
    GOOD(su_run(f->home.db, &e, "UPDATE site SET acknowledged=4"));
    GOOD(su_site_load(f->home.db, "ALPHA", &again, &e));
    assert_true(again.last_sent == 5 && again.last_full == 3 && again.acknowledged == 4);
}

static void test_damaged_item(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT, a = SU_SITE_INIT, b = SU_SITE_INIT;
    (void)snprintf(site.code, sizeof site.code, "ALPHA");
    GOOD(su_site_save(f->home.db, &site, true, &e));
    GOOD(su_run(f->home.db, &e, "INSERT INTO site_item VALUES (?1, 4, 'x')", SU_I(site.site_id)));
    REFUSED(su_site_load(f->home.db, "ALPHA", &a, &e), SU_DATA);
    GOOD(su_run(f->home.db, &e, "UPDATE site_item SET kind=0"));
    assert_int_equal(su_site_load(f->home.db, "ALPHA", &b, &e), -1); /* 'x' is no product */
}

static int load(struct fixture *f)
{
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    return su_site_load(f->home.db, "ALPHA", &site, &e);
}

static int save(struct fixture *f)
{
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    (void)snprintf(site.code, sizeof site.code, "ALPHA");
    site.site_id = 1;
    GOOD(su_profile_add(&site.profile, SU_ITEM_LANGUAGE, "en", &e));
    return su_site_save(f->home.db, &site, false, &e);
}

static void test_no_failure_is_swallowed(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    (void)snprintf(site.code, sizeof site.code, "ALPHA");
    GOOD(su_site_save(f->home.db, &site, true, &e));
    fails_without(f, NEEDED("site", "site_item", "export"), load);
    fails_without(f, NEEDED("site", "site_item"), save);
}

int main(void)
{
#define HELD(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
    const struct CMUnitTest tests[] = {
        HELD(test_saved_and_loaded),
        HELD(test_refused),
        HELD(test_sequences),
        HELD(test_damaged_item),
        HELD(test_no_failure_is_swallowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
