#include "common/trust/policy.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"

const char *su_signing_role_text(enum su_signing_role role)
{
    static const char *const texts[] = {"exporter", "reviewer", "receiver"};
    return texts[role];
}

void su_policy_format(const struct su_policy *policy, char *out, size_t room)
{
    size_t used = 0;
    out[0] = 0;
    for (int r = 0; r < SU_SIGNING_ROLES; r++) {
        if (policy->threshold[r] == 0)
            continue;
        int n =
            snprintf(out + used, room - used, "%s%s %llu", used ? ", " : "",
                     su_signing_role_text((enum su_signing_role)r), (unsigned long long)policy->threshold[r]);
        if (n < 0 || (size_t)n >= room - used)
            return;
        used += (size_t)n;
    }
}

int su_policy_load(struct su_db *db, struct su_policy *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    *out = (struct su_policy){{0}};
    if (su_query(db, &rows, err, "SELECT role, threshold FROM trust_policy") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        int64_t threshold = su_rows_int(&rows, 1);
        int role = 0;
        while (role < SU_SIGNING_ROLES &&
               strcmp(su_rows_text(&rows, 0), su_signing_role_text((enum su_signing_role)role)) != 0)
            role++;
        if (role == SU_SIGNING_ROLES || threshold < 1)
            return su_fail(err, SU_POLICY, "the stored trust policy demands %lld signatures of role '%s'",
                           (long long)threshold, su_rows_text(&rows, 0));
        out->threshold[role] = (uint64_t)threshold;
    }
    if (more == 0 && out->threshold[SU_EXPORTER] == 0)
        return su_fail(err, SU_POLICY, "the stored trust policy demands no exporter");
    return more;
}

/* An authority can vouch for any number of signers. */
static int check_reachable(struct su_db *db, enum su_signing_role role, uint64_t threshold,
                           struct su_err *err)
{
    const char *text = su_signing_role_text(role);
    int64_t keys, authorities;
    if (su_query_int(db, &keys, NULL, err,
                     "SELECT count(DISTINCT key_id) FROM trust WHERE role=?1 AND last_sequence IS NULL",
                     SU_T(text)) < 0 ||
        su_query_int(db, &authorities, NULL, err,
                     "SELECT count(*) FROM trust WHERE role=?1 AND last_sequence IS NULL AND kind=1",
                     SU_T(text)) < 0)
        return -1;
    if (authorities > 0 || threshold <= (uint64_t)keys)
        return 0;
    (void)su_fail(err, SU_THRESHOLD,
                  "a threshold of %llu for role %s, but %lld keys of that role are pinned and not revoked",
                  (unsigned long long)threshold, text, (long long)keys);
    return su_remedy(err, "Pin the keys first: suimport trust add FILE --role %s", text);
}

int su_policy_set(struct su_home *site, const struct su_policy *policy, const struct su_actor *actor,
                  struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    char detail[128];
    if (policy->threshold[SU_EXPORTER] == 0)
        return su_fail(err, SU_THRESHOLD,
                       "a threshold of no exporter: every bundle needs one signature at least");
    if (su_begin(&t, site->db, err) < 0 || su_run(site->db, err, "DELETE FROM trust_policy") < 0)
        return -1;
    for (int r = 0; r < SU_SIGNING_ROLES; r++) {
        enum su_signing_role role = (enum su_signing_role)r;
        if (policy->threshold[r] == 0)
            continue;
        /* One exporter is the policy every site begins with, before a key is pinned. */
        if ((role != SU_EXPORTER || policy->threshold[r] > 1) &&
            check_reachable(site->db, role, policy->threshold[r], err) < 0)
            return -1;
        if (su_run(site->db, err, "INSERT INTO trust_policy (role, threshold) VALUES (?1,?2)",
                   SU_T(su_signing_role_text(role)), SU_I(policy->threshold[r])) < 0)
            return -1;
    }
    su_policy_format(policy, detail, sizeof detail);
    struct su_ledger_entry entry = {.actor = actor, .kind = "policy", .site = site->name, .detail = detail};
    if (su_ledger_add(site->db, &entry, err) < 0)
        return -1;
    return su_commit(&t, err);
}
