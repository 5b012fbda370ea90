/*
 * cmd_trust.c - whom this site believes, and how many of them it takes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/trust/policy.h"
#include "common/trust/trust.h"
#include "tools/suimport/commands.h"

/* A key can have been revoked before it was pinned; then pinning it is not the whole truth. */
static int answer_pinned(struct su_context *c, const char *name, const char *role, const uint8_t *id,
                         bool is_new, struct su_err *err)
{
    char have[SU_FINGERPRINT_TEXT];
    int64_t last;
    bool is_revoked;
    if (su_query_int(c->home.db, &last, &is_revoked, err,
                     "SELECT last_sequence FROM trust WHERE key_id=?1 AND last_sequence IS NOT NULL",
                     SU_B(id, SU_SHA256_BYTES)) < 0)
        return -1;
    su_key_fingerprint(id, have);
    su_json_text(&c->json, "name", name);
    su_json_text(&c->json, "role", role);
    su_json_text(&c->json, "fingerprint", have);
    su_json_bool(&c->json, "is_new", is_new);
    su_line(c, "%s: %s (%s) %s", is_new ? "trusted" : "was trusted already", name, role, have);
    if (is_revoked)
        su_json_int(&c->json, "revoked_up_to", last);
    else
        su_json_text(&c->json, "revoked_up_to", NULL);
    if (is_revoked)
        su_line(c, "  revoked: counts on bundles up to sequence %lld", (long long)last);
    return 0;
}

static int add_key(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_key_file) struct su_key_file file = SU_KEY_FILE_INIT;
    bool is_new = false;
    if (su_keys_read_public(AT_FDCWD, su_argument(c, 0), &file, err) < 0)
        return -1;
    if (su_has(c, "subject"))
        return su_fail(err, SU_USAGE, "--subject goes with the certificate of an authority, %s is a key",
                       su_argument(c, 0));
    if (su_given(c, "name"))
        (void)snprintf(file.name, sizeof file.name, "%s", su_given(c, "name"));
    if (su_given(c, "role"))
        (void)snprintf(file.role, sizeof file.role, "%s", su_given(c, "role"));
    if (su_trust_add(&c->home, &file, su_given(c, "fingerprint"), &c->actor, &is_new, err) < 0)
        return -1;
    su_json_text(&c->json, "kind", "ed25519");
    return answer_pinned(c, file.name, file.role, file.key.id, is_new, err);
}

static int add_authority(struct su_context *c, const struct su_buf *text, struct su_err *err)
{
    SU_AUTO(su_trusted) struct su_trusted made = SU_TRUSTED_INIT;
    struct su_authority_options o = {.name = su_given(c, "name"),
                                     .role = su_given(c, "role"),
                                     .subject = su_given(c, "subject") ? su_given(c, "subject") : "",
                                     .fingerprint = su_given(c, "fingerprint"),
                                     .actor = &c->actor};
    bool is_new = false;
    if (!o.role)
        return su_fail(err, SU_USAGE, "what may this authority's certificates sign as? Give --role");
    if (su_trust_add_authority(&c->home, text, &o, &made, &is_new, err) < 0)
        return -1;
    su_json_text(&c->json, "kind", "authority");
    su_json_text(&c->json, "subject", made.subject);
    if (answer_pinned(c, made.name, made.role, made.id, is_new, err) < 0)
        return -1;
    if (made.subject[0])
        su_line(c, "Only its certificates with the common name '%s' count.", made.subject);
    return 0;
}

static int add_crl(struct su_context *c, const struct su_buf *text, struct su_err *err)
{
    SU_AUTO(su_trusted) struct su_trusted issuer = SU_TRUSTED_INIT;
    SU_AUTO(su_crl) struct su_crl crl = SU_CRL_INIT;
    bool is_new = false;
    if (su_trust_add_crl(&c->home, text, &c->actor, &issuer, &crl, &is_new, err) < 0)
        return -1;
    su_json_text(&c->json, "kind", "crl");
    su_json_text(&c->json, "number", crl.number);
    su_json_text(&c->json, "last_update", crl.last_update);
    su_json_text(&c->json, "next_update", crl.next_update);
    if (answer_pinned(c, issuer.name, issuer.role, issuer.id, is_new, err) < 0)
        return -1;
    su_line(c, "Revocation list %s of %s, until %s.", crl.number, crl.last_update,
            crl.next_update[0] ? crl.next_update : "further notice");
    return 0;
}

static bool holds(const struct su_buf *text, const char *mark)
{
    return text->bytes && memmem(text->bytes, text->length, mark, strlen(mark)) != NULL;
}

int cmd_trust_add(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_PEM_BYTES);
    const char *name = su_given(c, "name"), *role = su_given(c, "role");
    if (name && !su_name_is_valid(name))
        return su_fail(err, SU_USAGE, "key name '%s' is not of the form [A-Za-z0-9._-]{1,64}", name);
    if (role && !su_key_role_is_valid(role))
        return su_fail(err, SU_USAGE, "role '%s' is none of exporter, reviewer, receiver", role);
    if (su_file_read_all(AT_FDCWD, su_argument(c, 0), &text, err) < 0)
        return -1;
    if (holds(&text, "-----BEGIN X509 CRL-----"))
        return add_crl(c, &text, err);
    int result = holds(&text, "-----BEGIN CERTIFICATE-----") ? add_authority(c, &text, err) : add_key(c, err);
    if (result == 0 && !su_given(c, "fingerprint"))
        su_line(c, "Compare this fingerprint with the hub by telephone before you import anything.");
    return result;
}

static void answer_policy(struct su_context *c, const struct su_policy *policy)
{
    char text[128];
    su_policy_format(policy, text, sizeof text);
    su_json_open(&c->json, "policy", '{');
    for (int r = 0; r < SU_SIGNING_ROLES; r++)
        su_json_int(&c->json, su_signing_role_text((enum su_signing_role)r), (int64_t)policy->threshold[r]);
    su_json_close(&c->json, '}');
    su_line(c, "policy: %s", text);
}

static void answer_trusted(struct su_context *c, const struct su_trusted *t)
{
    char fingerprint[SU_FINGERPRINT_TEXT];
    su_key_fingerprint(t->id, fingerprint);
    su_json_text(&c->json, "name", t->name);
    su_json_text(&c->json, "role", t->role);
    su_json_text(&c->json, "fingerprint", fingerprint);
    su_json_text(&c->json, "kind", t->is_authority ? "authority" : "ed25519");
    su_json_text(&c->json, "subject", t->subject);
    if (t->is_revoked)
        su_json_int(&c->json, "revoked_up_to", (int64_t)t->last_sequence);
    else
        su_json_text(&c->json, "revoked_up_to", NULL);
    su_json_text(&c->json, "introduced", t->introduced);
    su_line(c, "%-20s %-9s %-9s %s%s%s%s%s", t->name, t->role, t->is_authority ? "authority" : "ed25519",
            fingerprint, t->subject[0] ? "  subject " : "", t->subject,
            t->introduced[0] ? "  introduced by " : "", t->introduced);
    if (t->is_revoked)
        su_line(c, "  revoked: counts on bundles up to sequence %llu", (unsigned long long)t->last_sequence);
}

static void answer_crl(struct su_context *c, const struct su_trusted *t)
{
    char fingerprint[SU_FINGERPRINT_TEXT];
    su_key_fingerprint(t->id, fingerprint);
    su_json_open(&c->json, NULL, '{');
    su_json_text(&c->json, "name", t->name);
    su_json_text(&c->json, "fingerprint", fingerprint);
    su_json_text(&c->json, "number", t->crl.number);
    su_json_text(&c->json, "last_update", t->crl.last_update);
    su_json_text(&c->json, "next_update", t->crl.next_update);
    su_json_close(&c->json, '}');
    su_line(c, "revocation list of %s: number %s, %s to %s", t->name, t->crl.number, t->crl.last_update,
            t->crl.next_update[0] ? t->crl.next_update : "further notice");
}

int cmd_trust_list(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_trust) struct su_trust trust = {0};
    struct su_policy policy;
    if (su_policy_load(c->home.db, &policy, err) < 0 || su_trust_load(c->home.db, &trust, err) < 0)
        return -1;
    su_json_open(&c->json, "keys", '[');
    for (size_t i = 0; i < trust.keys.count; i++) {
        su_json_open(&c->json, NULL, '{');
        answer_trusted(c, &trust.keys.at[i]);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    su_json_open(&c->json, "crls", '[');
    for (size_t i = 0; i < trust.keys.count; i++)
        if (trust.keys.at[i].crl.handle)
            answer_crl(c, &trust.keys.at[i]);
    su_json_close(&c->json, ']');
    answer_policy(c, &policy);
    return 0;
}

static int read_threshold(struct su_context *c, enum su_signing_role role, struct su_policy *policy,
                          bool *is_change, struct su_err *err)
{
    const char *option = su_signing_role_text(role), *text = su_given(c, option);
    if (!text)
        return 0;
    *is_change = true;
    policy->threshold[role] = 0;
    if (strcmp(text, "none") == 0)
        return 0; /* of exporters the policy itself refuses it */
    if (su_given_number(c, option, 16, &policy->threshold[role], err) < 0)
        return -1;
    return policy->threshold[role] > 0
               ? 0
               : su_fail(err, SU_THRESHOLD, "a threshold of 0 for role %s would let everything pass", option);
}

int cmd_trust_policy(struct su_context *c, struct su_err *err)
{
    struct su_policy policy;
    bool is_change = false;
    int result = su_policy_load(c->home.db, &policy, err);
    if (result < 0 && !(err->code == SU_POLICY && su_has(c, "exporter")))
        return -1; /* a broken one is mended by setting it anew */
    if (result < 0)
        policy = (struct su_policy){{0}};
    su_err_clear(err);
    for (int r = 0; r < SU_SIGNING_ROLES; r++)
        if (read_threshold(c, (enum su_signing_role)r, &policy, &is_change, err) < 0)
            return su_after(err, "Nothing was written.");
    if (is_change && su_policy_set(&c->home, &policy, &c->actor, err) < 0)
        return su_after(err, "Nothing was written.");
    answer_policy(c, &policy);
    return 0;
}

int cmd_trust_revoke(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_trusted) struct su_trusted revoked = SU_TRUSTED_INIT;
    uint64_t up_to = 0;
    if (su_given_number(c, "up-to", 999999, &up_to, err) < 0 ||
        su_trust_revoke(&c->home, su_argument(c, 0), up_to, &c->actor, &revoked, err) < 0)
        return su_after(err, "Nothing was written.");
    answer_trusted(c, &revoked);
    return 0;
}
