#include "common/trust/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/sys/clock.h"

static int tell_ledger(struct su_home *home, const struct su_actor *actor, const char *kind,
                       const uint8_t id[SU_SHA256_BYTES], const char *detail, struct su_err *err)
{
    struct su_ledger_entry entry = {.actor = actor, .kind = kind, .site = home->name, .detail = detail};
    memcpy(entry.subject, id, SU_SHA256_BYTES);
    return su_ledger_add(home->db, &entry, err);
}

static int check_fingerprint(const uint8_t id[SU_SHA256_BYTES], const char *fingerprint, struct su_err *err)
{
    char have[SU_FINGERPRINT_TEXT];
    if (!fingerprint || su_key_has_fingerprint(id, fingerprint))
        return 0;
    su_key_fingerprint(id, have);
    return su_fail(err, SU_FINGERPRINT, "the key's fingerprint is %s, you gave %s", have, fingerprint);
}

/* A key pinned for one role or under one name is not quietly taken for another: it would look like two. */
static int check_same(struct su_db *db, const struct su_trusted *t, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (su_query(db, &rows, err,
                 "SELECT role, name, last_sequence FROM trust WHERE key_id=?1 AND (kind<>1 OR subject=?2)",
                 SU_B(t->id, SU_SHA256_BYTES), SU_T(t->subject)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    const char *role = su_rows_text(&rows, 0), *name = su_rows_text(&rows, 1);
    if (strcmp(role, t->role) != 0)
        return su_fail(err, SU_EXISTS, "this key is pinned as %s already, not as %s", role, t->role);
    if (strcmp(name, t->name) != 0)
        return su_fail(err, SU_EXISTS,
                       "this key is pinned as '%s' already; a second name would not make it a "
                       "second key",
                       name);
    if (!su_rows_is_null(&rows, 2)) { /* "was trusted already" would be a lie */
        (void)su_fail(err, SU_KEY_REVOKED,
                      "key %s is pinned, but revoked: it counts up to sequence %lld, and pinning it again "
                      "does not change that",
                      name, (long long)su_rows_int(&rows, 2));
        return su_remedy(err, "A revocation is never taken back. Pin a new key instead.");
    }
    return 1;
}

/* A revocation that came before the key did still holds. */
static int insert(struct su_db *db, const struct su_trusted *t, const char *pem, struct su_err *err)
{
    char now[SU_TIME_TEXT];
    return su_run(
        db, err,
        "INSERT INTO trust (key_id, kind, subject, name, role, pem, added, introduced, last_sequence) "
        "VALUES (?1,?2,?3,?4,?5,?6,?7,?8,(SELECT last_sequence FROM trust_revoked WHERE key_id=?1))",
        SU_B(t->id, SU_SHA256_BYTES), SU_I(t->is_authority), SU_T(t->subject), SU_T(t->name), SU_T(t->role),
        SU_T(pem), SU_T(su_time_now(now)), SU_T(t->introduced));
}

/* One more row by the operator's hand, in a transaction of its own. */
static int pin(struct su_home *home, const struct su_trusted *t, const char *pem,
               const struct su_actor *actor, bool *is_new, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction tr = SU_TRANSACTION_INIT;
    char have[SU_FINGERPRINT_TEXT], detail[320];
    int64_t count;
    if (!su_key_role_is_valid(t->role))
        return su_fail(err, SU_USAGE, "role '%s' is none of exporter, reviewer, receiver", t->role);
    if (su_begin(&tr, home->db, err) < 0 ||
        su_query_int(home->db, &count, NULL, err, "SELECT count(*) FROM trust WHERE introduced=''") < 0)
        return -1;
    int same = check_same(home->db, t, err);
    *is_new = same == 0;
    if (same != 0)
        return same < 0 ? -1 : 0;
    if (count >= SU_MAX_TRUSTED)
        return su_fail(err, SU_LIMIT, "a site pins at most %u keys", SU_MAX_TRUSTED);
    su_key_fingerprint(t->id, have);
    (void)snprintf(detail, sizeof detail, "%s (%s%s%s%s) %s", t->name,
                   t->is_authority ? "authority for " : "", t->role, t->subject[0] ? ", subject " : "",
                   t->subject, have);
    if (insert(home->db, t, pem, err) < 0 || tell_ledger(home, actor, "trust", t->id, detail, err) < 0)
        return -1;
    return su_commit(&tr, err);
}

int su_trust_add(struct su_home *home, const struct su_key_file *file, const char *fingerprint,
                 const struct su_actor *actor, bool *is_new, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES);
    struct su_trusted t = SU_TRUSTED_INIT;
    memcpy(t.id, file->key.id, sizeof t.id);
    (void)snprintf(t.name, sizeof t.name, "%s", file->name);
    (void)snprintf(t.role, sizeof t.role, "%s", file->role);
    if (check_fingerprint(t.id, fingerprint, err) < 0 || su_key_save_public(&file->key, &pem, err) < 0 ||
        pin(home, &t, pem.bytes, actor, is_new, err) < 0)
        return su_after(err, "Nothing was written.");
    return 0;
}

int su_trust_add_authority(struct su_home *home, const struct su_buf *text,
                           const struct su_authority_options *o, struct su_trusted *out, bool *is_new,
                           struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MAX_PEM_BYTES);
    if (su_authority_load(&out->certificate, text->bytes, text->length, err) < 0)
        return su_after(err, "Nothing was written.");
    const char *cn = out->certificate.common_name, *name = o->name                ? o->name
                                                           : su_name_is_valid(cn) ? cn
                                                                                  : "authority";
    out->is_authority = true;
    memcpy(out->id, out->certificate.id, sizeof out->id);
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    (void)snprintf(out->role, sizeof out->role, "%s", o->role);
    if ((size_t)snprintf(out->subject, sizeof out->subject, "%s", o->subject) >= sizeof out->subject)
        return su_fail(err, SU_USAGE, "--subject has more than %zu bytes", sizeof out->subject - 1);
    if (check_fingerprint(out->id, o->fingerprint, err) < 0 ||
        su_certificate_save(&out->certificate, &pem, err) < 0 ||
        pin(home, out, pem.bytes, o->actor, is_new, err) < 0)
        return su_after(err, "Nothing was written.");
    return 0;
}

static int save_crl(struct su_home *home, const struct su_trusted *issuer, const struct su_crl *crl,
                    const struct su_actor *actor, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MAX_PEM_BYTES);
    char now[SU_TIME_TEXT], detail[256];
    (void)snprintf(detail, sizeof detail, "revocation list %s of %s, %s", crl->number, issuer->name,
                   crl->last_update);
    if (su_crl_save(crl, &pem, err) < 0 || su_begin(&t, home->db, err) < 0 ||
        su_run(home->db, err, "INSERT OR REPLACE INTO trust_crl (key_id, pem, added) VALUES (?1,?2,?3)",
               SU_B(issuer->id, SU_SHA256_BYTES), SU_T(pem.bytes), SU_T(su_time_now(now))) < 0 ||
        tell_ledger(home, actor, "crl", issuer->id, detail, err) < 0)
        return -1;
    return su_commit(&t, err);
}

int su_trust_add_crl(struct su_home *home, const struct su_buf *text, const struct su_actor *actor,
                     struct su_trusted *issuer, struct su_crl *out, bool *is_new, struct su_err *err)
{
    SU_AUTO(su_trust) struct su_trust trust = {0};
    if (su_crl_load(out, text->bytes, text->length, err) < 0 || su_trust_load(home->db, &trust, err) < 0)
        return su_after(err, "Nothing was written.");
    for (size_t i = 0; i < trust.keys.count; i++) {
        struct su_trusted *t = &trust.keys.at[i];
        if (!t->is_authority || !su_crl_is_issued_by(out, &t->certificate))
            continue;
        int order = t->crl.handle ? su_crl_compare(out, &t->crl) : 1;
        *is_new = order > 0;
        if (order < 0) {
            (void)su_fail(err, SU_CRL_STALE,
                          "this revocation list (number '%s', of %s) is older than the one "
                          "pinned (number '%s', of %s)",
                          out->number, out->last_update, t->crl.number, t->crl.last_update);
            return su_after(err, "Nothing was written.");
        }
        if (order > 0 && save_crl(home, t, out, actor, err) < 0)
            return su_after(err, "Nothing was written.");
        *issuer = *t;
        *t = (struct su_trusted)SU_TRUSTED_INIT;
        return 0;
    }
    (void)su_fail(err, SU_CERT_ISSUER, "no authority pinned here has signed this revocation list");
    return su_after(err, "Nothing was written.");
}

static bool is_meant(const struct su_trusted *t, const char *which)
{
    return strcmp(t->name, which) == 0 || su_key_has_fingerprint(t->id, which);
}

static int set_last(struct su_db *db, const uint8_t id[SU_SHA256_BYTES], uint64_t last, struct su_err *err)
{
    return su_run(db, err,
                  "UPDATE trust SET last_sequence=?2 WHERE key_id=?1 AND (last_sequence IS NULL OR "
                  "last_sequence>?2)",
                  SU_B(id, SU_SHA256_BYTES), SU_I(last));
}

int su_trust_revoke(struct su_home *home, const char *which, uint64_t up_to, const struct su_actor *actor,
                    struct su_trusted *out, struct su_err *err)
{
    SU_AUTO(su_trust) struct su_trust trust = {0};
    SU_AUTO(su_transaction) struct su_transaction tr = SU_TRANSACTION_INIT;
    struct su_trusted *found = NULL;
    char detail[160];
    if (su_begin(&tr, home->db, err) < 0 || su_trust_load(home->db, &trust, err) < 0)
        return -1;
    for (size_t i = 0; i < trust.keys.count; i++) {
        struct su_trusted *t = &trust.keys.at[i];
        if (!is_meant(t, which))
            continue;
        if (found && memcmp(found->id, t->id, sizeof t->id) != 0)
            return su_fail(err, SU_AMBIGUOUS, "several keys are called %s; give the fingerprint", which);
        found = t;
    }
    if (!found)
        return su_fail(err, SU_NOT_FOUND, "no key with name or fingerprint '%s' is pinned here", which);
    if (found->is_revoked && found->last_sequence < up_to) {
        (void)su_fail(err, SU_KEY_REVOKED,
                      "%s is revoked up to sequence %llu already; that is not raised to %llu", found->name,
                      (unsigned long long)found->last_sequence, (unsigned long long)up_to);
        return su_remedy(err, "A revocation is never taken back. Pin a new key instead.");
    }
    (void)snprintf(detail, sizeof detail, "%s (%s) counts up to sequence %llu", found->name, found->role,
                   (unsigned long long)up_to);
    if (set_last(home->db, found->id, up_to, err) < 0 ||
        tell_ledger(home, actor, "revoke", found->id, detail, err) < 0 || su_commit(&tr, err) < 0)
        return -1;
    *out = *found;
    *found = (struct su_trusted)SU_TRUSTED_INIT;
    out->is_revoked = true;
    out->last_sequence = up_to;
    return 0;
}

void su_trusted_cleanup(struct su_trusted *t)
{
    su_key_cleanup(&t->key);
    su_certificate_cleanup(&t->certificate);
    su_crl_cleanup(&t->crl);
}

static int read_row(struct su_rows *rows, struct su_trusted *t, struct su_err *err)
{
    const char *pem = su_rows_text(rows, 4), *crl = su_rows_text(rows, 8);
    t->is_authority = su_rows_int(rows, 1) == 1;
    t->is_revoked = !su_rows_is_null(rows, 6);
    t->last_sequence = su_rows_int(rows, 6) > 0 ? (uint64_t)su_rows_int(rows, 6) : 0;
    if (su_rows_fixed(rows, 0, t->id, sizeof t->id, err) < 0 ||
        (t->is_authority ? su_authority_load(&t->certificate, pem, strlen(pem), err)
                         : su_key_load_public(&t->key, pem, strlen(pem), err)) < 0)
        return -1;
    if (memcmp(t->id, t->is_authority ? t->certificate.id : t->key.id, sizeof t->id) != 0)
        return su_fail(err, SU_DATA, "database: a pinned key is not the one its row names");
    (void)snprintf(t->name, sizeof t->name, "%s", su_rows_text(rows, 2));
    (void)snprintf(t->role, sizeof t->role, "%s", su_rows_text(rows, 3));
    (void)snprintf(t->subject, sizeof t->subject, "%s", su_rows_text(rows, 5));
    (void)snprintf(t->introduced, sizeof t->introduced, "%s", su_rows_text(rows, 7));
    if (!t->is_authority || !crl[0])
        return 0;
    if (su_crl_load(&t->crl, crl, strlen(crl), err) < 0)
        return -1;
    return su_crl_is_issued_by(&t->crl, &t->certificate)
               ? 0
               : su_fail(err, SU_DATA, "database: the revocation list of %s is not by that authority",
                         t->name);
}

static int load_revoked(struct su_db *db, struct su_trust *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(db, &rows, err, "SELECT key_id, last_sequence FROM trust_revoked") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_revocation *r = SU_PUSH(&out->revoked, 100000);
        if (!r)
            return su_fail_memory(err);
        r->last_sequence = su_rows_int(&rows, 1) > 0 ? (uint64_t)su_rows_int(&rows, 1) : 0;
        if (su_rows_fixed(&rows, 0, r->key_id, sizeof r->key_id, err) < 0)
            return -1;
    }
    return more;
}

int su_trust_load(struct su_db *db, struct su_trust *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(db, &rows, err,
                 "SELECT t.key_id, t.kind, t.name, t.role, t.pem, t.subject, t.last_sequence, t.introduced, "
                 "coalesce((SELECT c.pem FROM trust_crl c WHERE c.key_id=t.key_id), '') FROM trust t "
                 "ORDER BY t.name, t.trust_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_trusted *t = SU_PUSH(&out->keys, 2 * SU_MAX_TRUSTED);
        if (!t)
            return su_fail_full(err, "more than %u keys are pinned", 2 * SU_MAX_TRUSTED);
        if (read_row(&rows, t, err) < 0)
            return -1;
    }
    return more < 0 ? -1 : load_revoked(db, out, err);
}

void su_trust_cleanup(struct su_trust *trust)
{
    for (size_t i = 0; i < trust->keys.count; i++)
        su_trusted_cleanup(&trust->keys.at[i]);
    free(trust->keys.at);
    free(trust->revoked.at);
    *trust = (struct su_trust){0};
}

/* ---- what a bundle brings ---- */

struct applying {
    struct su_home *site;
    const char *bundle;
    const struct su_actor *actor;
    const struct su_events *events;
    struct su_trust_changes *out;
};

static int note(struct applying *a, const struct su_trust_change *change, const char *what,
                struct su_err *err)
{
    char detail[256];
    if (a->out->count < sizeof a->out->at / sizeof *a->out->at)
        a->out->at[a->out->count++] = *change;
    (void)snprintf(detail, sizeof detail, "%s (%s) %s, by %s", change->name, change->role, what, a->bundle);
    su_message(a->events, SU_KEYS_CHANGED, SU_WARNING, "key %s", detail);
    return tell_ledger(a->site, a->actor, change->is_revoked ? "revoke" : "trust", change->id, detail, err);
}

/* Bundles fill places of their own, so that none can keep the operator from pinning a key, or the site from
 * reading them all. */
static int check_room(const struct applying *a, struct su_err *err)
{
    int64_t count;
    if (su_query_int(a->site->db, &count, NULL, err, "SELECT count(*) FROM trust WHERE introduced<>''") < 0)
        return -1;
    return count < SU_MAX_TRUSTED
               ? 0
               : su_fail(err, SU_LIMIT, "%s introduces a key, and bundles have introduced %lld already",
                         a->bundle, (long long)count);
}

/* A key that is known keeps its role, and its revocation. */
static int introduce(struct applying *a, const struct su_successor *s, struct su_err *err)
{
    SU_AUTO(su_key) struct su_key key = SU_KEY_INIT;
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES), role = SU_BUF_INIT(64);
    struct su_trusted t = SU_TRUSTED_INIT;
    struct su_trust_change change = {.is_revoked = false};
    bool found;
    if (su_key_load_spki(&key, s->spki, err) < 0)
        return su_prefix(err, "key %s in %s", s->name, a->bundle);
    if (su_query_text(a->site->db, &role, &found, err, "SELECT role FROM trust WHERE key_id=?1",
                      SU_B(key.id, SU_SHA256_BYTES)) < 0)
        return -1;
    if (found && strcmp(role.bytes, s->role) != 0)
        su_message(a->events, SU_KEYS_CHANGED, SU_WARNING,
                   "%s calls key %s a key of role %s; it stays %s here", a->bundle, s->name, s->role,
                   role.bytes);
    if (found)
        return 0;
    if (check_room(a, err) < 0)
        return -1;
    memcpy(t.id, key.id, sizeof t.id);
    memcpy(change.id, key.id, sizeof change.id);
    (void)snprintf(t.name, sizeof t.name, "%s", s->name);
    (void)snprintf(t.role, sizeof t.role, "%s", s->role);
    (void)snprintf(t.introduced, sizeof t.introduced, "%s", a->bundle);
    (void)snprintf(change.name, sizeof change.name, "%s", s->name);
    (void)snprintf(change.role, sizeof change.role, "%s", s->role);
    if (su_key_save_public(&key, &pem, err) < 0 || insert(a->site->db, &t, pem.bytes, err) < 0)
        return -1;
    return note(a, &change, "introduced", err);
}

static int revoke(struct applying *a, const struct su_revocation *r, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_trust_change change = {.is_revoked = true, .last_sequence = r->last_sequence};
    char what[64];
    memcpy(change.id, r->key_id, sizeof change.id);
    if (su_query(a->site->db, &rows, err, "SELECT name, role FROM trust WHERE key_id=?1 LIMIT 1",
                 SU_B(r->key_id, SU_SHA256_BYTES)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more < 0)
        return -1;
    (void)snprintf(change.name, sizeof change.name, "%s", more ? su_rows_text(&rows, 0) : "not pinned here");
    (void)snprintf(change.role, sizeof change.role, "%s", more ? su_rows_text(&rows, 1) : "unknown");
    su_rows_cleanup(&rows);
    if (more) {
        if (set_last(a->site->db, r->key_id, r->last_sequence, err) < 0)
            return -1;
    } else if (
        su_run(a->site->db, err,
               "INSERT INTO trust_revoked (key_id, last_sequence, introduced) VALUES (?1,?2,?3) ON CONFLICT "
               "(key_id) DO UPDATE SET last_sequence=excluded.last_sequence, introduced=excluded.introduced "
               "WHERE last_sequence>excluded.last_sequence",
               SU_B(r->key_id, SU_SHA256_BYTES), SU_I(r->last_sequence), SU_T(a->bundle)) < 0) {
        return -1;
    }
    if (su_db_changes(a->site->db) == 0)
        return 0;
    (void)snprintf(what, sizeof what, "revoked, counts up to sequence %llu",
                   (unsigned long long)r->last_sequence);
    return note(a, &change, what, err);
}

int su_trust_apply_manifest(struct su_home *site, const struct su_manifest *m, const char *bundle,
                            const struct su_actor *actor, const struct su_events *events,
                            struct su_trust_changes *out, struct su_err *err)
{
    struct applying a = {site, bundle, actor, events, out};
    out->count = 0;
    for (size_t i = 0; i < m->successors.count; i++)
        if (introduce(&a, &m->successors.at[i], err) < 0)
            return -1;
    for (size_t i = 0; i < m->revocations.count; i++)
        if (revoke(&a, &m->revocations.at[i], err) < 0)
            return -1;
    return 0;
}
