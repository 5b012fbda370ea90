/* Whom a site believes: what bundles may change in it, policies as stored, and what sequence and date take away. */
#include "catalogue_helpers.h"

#include "common/trust/signers.h"

static const struct su_actor actor = {.operator= "anna"};

static int make_site(void **state)
{
    if (make_fixture(state) != 0)
        return -1;
    struct fixture *f = *state;
    su_transaction_cleanup(&f->t); /* what is tested here has its own */
    return 0;
}

static void new_key(struct su_key_file *out, const char *name, const char *role)
{
    GOOD(su_key_generate(&out->key, &e));
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    (void)snprintf(out->role, sizeof out->role, "%s", role);
}

static int apply(struct fixture *f, const struct su_manifest *m, struct su_trust_changes *changes)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    GOOD(su_begin(&t, f->home.db, &e));
    if (su_trust_apply_manifest(&f->home, m, "SU-ALPHA-000007", &actor, NULL, changes, &e) < 0)
        return -1;
    return su_commit(&t, &e);
}

static void introduce(struct su_manifest *m, const struct su_key_file *key, const char *name, const char *role)
{
    struct su_successor *s = SU_PUSH(&m->successors, 64);
    assert_non_null(s);
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    (void)snprintf(s->role, sizeof s->role, "%s", role);
    GOOD(su_key_save_spki(&key->key, s->spki, &e));
}

static void take_back(struct su_manifest *m, const struct su_key_file *key, uint64_t last)
{
    struct su_revocation *r = SU_PUSH(&m->revocations, 64);
    assert_non_null(r);
    memcpy(r->key_id, key->key.id, 32);
    r->last_sequence = last;
}

static int64_t last_of(struct fixture *f, const struct su_key_file *key)
{
    int64_t last;
    GOOD(su_query_int(f->home.db, &last, NULL, &e, "SELECT coalesce(last_sequence, -1) FROM trust WHERE key_id=?1", SU_B(key->key.id, 32)));
    return last;
}

static void test_what_a_bundle_may_change(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_key_file) struct su_key_file known = SU_KEY_FILE_INIT, fresh = SU_KEY_FILE_INIT, absent = SU_KEY_FILE_INIT;
    static struct su_trust_changes changes;
    bool is_new;
    new_key(&known, "known", "reviewer");
    new_key(&fresh, "fresh", "exporter");
    new_key(&absent, "absent", "exporter");
    GOOD(su_trust_add(&f->home, &known, NULL, &actor, &is_new, &e));
    {
        SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
        introduce(&m, &known, "other-name", "exporter"); /* a known key keeps name and role */
        introduce(&m, &fresh, "fresh", "exporter");
        take_back(&m, &known, 5);
        take_back(&m, &absent, 3);
        GOOD(apply(f, &m, &changes));
        assert_int_equal(changes.count, 3);
        assert_string_equal(changes.at[0].name, "fresh");
        assert_int_equal(changes.at[1].last_sequence, 5);
        assert_int_equal(last_of(f, &known), 5);
        assert_int_equal(last_of(f, &fresh), -1);
        GOOD(apply(f, &m, &changes)); /* again changes nothing */
        assert_int_equal(changes.count, 0);
    }
    SU_AUTO(su_trust) struct su_trust trust = {0};
    GOOD(su_trust_load(f->home.db, &trust, &e));
    assert_int_equal(trust.keys.count, 2);
    assert_string_equal(trust.keys.at[0].introduced, "SU-ALPHA-000007");
    assert_string_equal(trust.keys.at[1].role, "reviewer");
    assert_int_equal(trust.revoked.count, 1);
    {
        SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
        take_back(&m, &known, 9); /* never raised */
        take_back(&m, &absent, 9);
        GOOD(apply(f, &m, &changes));
        assert_int_equal(changes.count, 0);
        m.revocations.at[0].last_sequence = 4; /* lowered */
        m.revocations.at[1].last_sequence = 0;
        GOOD(apply(f, &m, &changes));
        assert_int_equal(changes.count, 2);
        assert_int_equal(last_of(f, &known), 4);
    }
    GOOD(su_trust_add(&f->home, &absent, NULL, &actor, &is_new, &e)); /* what came before it holds */
    assert_int_equal(last_of(f, &absent), 0);
}

static void test_bytes_that_are_no_key(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    static struct su_trust_changes changes;
    int64_t count;
    struct su_successor *s = SU_PUSH(&m.successors, 64);
    (void)snprintf(s->name, sizeof s->name, "zeros");
    (void)snprintf(s->role, sizeof s->role, "exporter");
    REFUSED(apply(f, &m, &changes), SU_KEY);
    GOOD(su_query_int(f->home.db, &count, NULL, &e, "SELECT count(*) FROM trust"));
    assert_int_equal(count, 0);
}

static void test_limit_of_trusted(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_key_file) struct su_key_file last = SU_KEY_FILE_INIT, past = SU_KEY_FILE_INIT;
    bool is_new;
    GOOD(su_run(f->home.db, &e,
                "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i<?1) INSERT INTO trust (key_id, name, role, pem, added) "
                "SELECT randomblob(32), 'n', 'exporter', '', '' FROM n",
                SU_I(SU_MAX_TRUSTED)));
    new_key(&last, "last", "exporter");
    new_key(&past, "past", "exporter");
    GOOD(su_trust_add(&f->home, &last, NULL, &actor, &is_new, &e));
    REFUSED(su_trust_add(&f->home, &past, NULL, &actor, &is_new, &e), SU_LIMIT);
}

/* What bundles introduce is bounded apart: it neither keeps the site from reading its keys nor the operator out. */
static void test_limit_of_introduced(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_key_file) struct su_key_file last = SU_KEY_FILE_INIT, past = SU_KEY_FILE_INIT, hand = SU_KEY_FILE_INIT;
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT, more = SU_MANIFEST_INIT;
    static struct su_trust_changes changes;
    bool is_new;
    GOOD(su_run(f->home.db, &e,
                "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i<?1) INSERT INTO trust (key_id, name, role, pem, added, introduced) "
                "SELECT randomblob(32), 'n', 'exporter', '', '', 'SU-ALPHA-000001' FROM n",
                SU_I(SU_MAX_TRUSTED)));
    new_key(&last, "last", "exporter");
    new_key(&past, "past", "exporter");
    new_key(&hand, "hand", "exporter");
    introduce(&m, &last, "last", "exporter");
    GOOD(apply(f, &m, &changes));
    introduce(&more, &past, "past", "exporter");
    REFUSED(apply(f, &more, &changes), SU_LIMIT);
    GOOD(su_trust_add(&f->home, &hand, NULL, &actor, &is_new, &e));
}

static void test_policy(void **state)
{
    struct fixture *f = *state;
    struct su_policy policy;
    char text[128];
    GOOD(su_policy_load(f->home.db, &policy, &e));
    su_policy_format(&policy, text, sizeof text);
    assert_string_equal(text, "exporter 1");
    policy.threshold[SU_EXPORTER] = 0;
    REFUSED(su_policy_set(&f->home, &policy, &actor, &e), SU_THRESHOLD);
    policy = (struct su_policy){{1, 1, 0}};
    REFUSED(su_policy_set(&f->home, &policy, &actor, &e), SU_THRESHOLD); /* nobody could meet it */
    NAMES("reviewer");
    GOOD(su_policy_load(f->home.db, &policy, &e)); /* and it was not taken */
    assert_int_equal(policy.threshold[SU_REVIEWER], 0);
    GOOD(su_run(f->home.db, &e, "DELETE FROM trust_policy"));
    REFUSED(su_policy_load(f->home.db, &policy, &e), SU_POLICY);
    NAMES("no exporter");
}

/* One signer through both steps; what is asked is what the second takes away. */
static enum su_code judged(struct su_signer signer, uint64_t sequence, const char *created, const char *latest)
{
    SU_AUTO(su_signing) struct su_signing signing = {0};
    struct su_signer *slot = SU_PUSH(&signing.good, 1);
    assert_non_null(slot);
    *slot = signer;
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    m.sequence = sequence;
    (void)snprintf(m.created, sizeof m.created, "%s", created);
    GOOD(su_signers_judge(&signing, &m, latest, &e));
    assert_int_equal(signing.good.count + signing.not_counted.count, 1);
    return signing.good.count ? SU_OK : signing.not_counted.at[0].code;
}

static void test_what_sequence_and_date_take_away(void **state)
{
    (void)state;
    struct su_signer plain = {.name = "hub", .role = "exporter"}, revoked = plain, cms = plain;
    revoked.is_revoked = true;
    revoked.last_sequence = 4;
    assert_int_equal(judged(plain, 999999, "0", ""), SU_OK); /* a plain key knows no date */
    assert_int_equal(judged(revoked, 4, "0", ""), SU_OK);
    assert_int_equal(judged(revoked, 5, "0", ""), SU_KEY_REVOKED);
    cms.is_cms = true;
    (void)snprintf(cms.valid_until, sizeof cms.valid_until, "2026-10-14T02:00:00");
    assert_int_equal(judged(cms, 1, "2026-10-14T02:00:00Z", ""), SU_OK); /* the last second */
    assert_int_equal(judged(cms, 1, "2026-10-14T02:00:01Z", ""), SU_CERT_EXPIRED);
    assert_int_equal(judged(cms, 1, "1970-01-01T00:00:00Z", "2026-10-14T02:00:01"), SU_CERT_EXPIRED); /* time is not turned back */
    assert_int_equal(judged(cms, 1, "2026-10-14T02:00:00Z", "2020-01-01T00:00:00"), SU_OK);
    assert_int_equal(judged(cms, 1, "0", ""), SU_CERT_EXPIRED); /* no date at all: nothing can be said */
    assert_int_equal(judged(cms, 1, "0", "2026-10-14T02:00:00"), SU_OK);
    (void)snprintf(cms.crl_until, sizeof cms.crl_until, "2026-10-13T00:00:00");
    assert_int_equal(judged(cms, 1, "2026-10-13T00:00:00Z", ""), SU_OK);
    assert_int_equal(judged(cms, 1, "2026-10-13T00:00:01Z", ""), SU_CRL_STALE);
}

/* Renewed with a new key a certificate makes no second person, wherever in the list the first one is; a plain key of that
 * name is another. */
static void test_a_name_counts_once(void **state)
{
    SU_AUTO(su_signing) struct su_signing signing = {0};
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    static const char *const names[] = {"Ann", "Kim", "Kim", "Ann", "Bob", "Kim"};
    (void)state;
    (void)snprintf(m.created, sizeof m.created, "2026-10-14T02:00:00Z");
    for (size_t i = 0; i < 6; i++) {
        struct su_signer *s = SU_PUSH(&signing.good, 6);
        assert_non_null(s);
        *s = (struct su_signer){.role = "exporter", .is_cms = i != 5, .valid_until = "2036-01-01T00:00:00"};
        (void)snprintf(s->name, sizeof s->name, "%s", names[i]);
        (void)snprintf(s->file, sizeof s->file, "%zu", i);
    }
    GOOD(su_signers_judge(&signing, &m, "", &e));
    assert_int_equal(signing.good.count, 4);
    assert_string_equal(signing.good.at[2].name, "Bob");
    assert_string_equal(signing.good.at[3].file, "5");
    assert_int_equal(signing.not_counted.count, 2);
    assert_string_equal(signing.not_counted.at[0].file, "2");
    assert_string_equal(signing.not_counted.at[1].file, "3");
}

int main(void)
{
#define HELD(test) cmocka_unit_test_setup_teardown(test, make_site, drop_fixture)
    const struct CMUnitTest tests[] = {
        HELD(test_what_a_bundle_may_change),
        HELD(test_bytes_that_are_no_key),
        HELD(test_limit_of_trusted),
        HELD(test_limit_of_introduced),
        HELD(test_policy),
        cmocka_unit_test(test_what_sequence_and_date_take_away),
        cmocka_unit_test(test_a_name_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
