#include "common/trust/signers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/trust/verdict.h"

#define MAX_NOT_COUNTED 100u

void su_signature_files_cleanup(struct su_signature_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->at[i].bytes);
    free(files->at);
    *files = (struct su_signature_files){0};
}

void su_signing_cleanup(struct su_signing *signing)
{
    free(signing->good.at);
    free(signing->not_counted.at);
    *signing = (struct su_signing){0};
}

static int leave_out(struct su_signing *out, const char *file, const struct su_signer *signer,
                     enum su_code code, struct su_err *err, const char *fmt, ...) SU_PRINTF(6, 7);
static int leave_out(struct su_signing *out, const char *file, const struct su_signer *signer,
                     enum su_code code, struct su_err *err, const char *fmt, ...)
{
    struct su_not_counted *n = SU_PUSH(&out->not_counted, MAX_NOT_COUNTED);
    va_list args;
    if (!n)
        return su_fail_memory(err);
    (void)snprintf(n->file, sizeof n->file, "%s", file);
    (void)snprintf(n->name, sizeof n->name, "%s", signer ? signer->name : "");
    (void)snprintf(n->role, sizeof n->role, "%s", signer ? signer->role : "");
    n->code = code;
    va_start(args, fmt);
    (void)vsnprintf(n->reason, sizeof n->reason, fmt, args);
    va_end(args);
    return 0;
}

static void revoke(struct su_signer *signer, const struct su_revocation *r)
{
    if (memcmp(r->key_id, signer->id, sizeof signer->id) != 0 ||
        (signer->is_revoked && signer->last_sequence <= r->last_sequence))
        return;
    signer->is_revoked = true;
    signer->last_sequence = r->last_sequence;
}

/* One key counts once, whatever names, roles, kinds or files it comes under. */
static int count(struct su_signing *out, struct su_signer *signer, const struct su_trust *trust,
                 struct su_err *err)
{
    for (size_t i = 0; i < out->good.count; i++)
        if (memcmp(out->good.at[i].id, signer->id, sizeof signer->id) == 0)
            return leave_out(out, signer->file, signer, SU_TOO_FEW, err,
                             "one key counts once: %s is counted already", out->good.at[i].name);
    for (size_t i = 0; i < trust->revoked.count; i++)
        revoke(signer, &trust->revoked.at[i]);
    struct su_signer *slot = SU_PUSH(&out->good, SU_MAX_SIGNATURES);
    if (!slot)
        return su_fail_memory(err);
    *slot = *signer;
    return 0;
}

static void describe(struct su_signer *signer, const struct su_signature_file *s, const struct su_trusted *t)
{
    *signer = (struct su_signer){
        .is_cms = s->is_cms, .is_revoked = t->is_revoked, .last_sequence = t->last_sequence};
    (void)snprintf(signer->file, sizeof signer->file, "%s", s->file);
    (void)snprintf(signer->name, sizeof signer->name, "%s", t->name);
    (void)snprintf(signer->role, sizeof signer->role, "%s", t->role);
}

static int collect_plain(struct su_signing *out, const struct su_signature_file *s,
                         const struct su_buf *manifest, const struct su_trust *trust, struct su_err *err)
{
    bool is_known = false;
    for (size_t k = 0; k < trust->keys.count; k++) {
        const struct su_trusted *t = &trust->keys.at[k];
        struct su_signer signer;
        if (t->is_authority || !su_signature_is_good(&t->key, manifest->bytes, manifest->length, s->bytes))
            continue;
        is_known = true;
        describe(&signer, s, t);
        memcpy(signer.id, t->id, sizeof signer.id);
        su_key_fingerprint(t->id, signer.fingerprint);
        if (count(out, &signer, trust, err) < 0)
            return -1;
    }
    return is_known ? 0
                    : leave_out(out, s->file, NULL, SU_UNTRUSTED, err, "verifies under no key pinned here");
}

static int collect_cms(struct su_signing *out, const struct su_signature_file *s,
                       const struct su_trust *trust, struct su_verdicts *verdicts, struct su_err *err)
{
    struct su_verdict v;
    struct su_signer signer;
    if (su_verdicts_next(verdicts, &v, err) < 0)
        return -1;
    if (v.code != SU_OK)
        return leave_out(out, s->file, NULL, v.code, err, "%s", v.reason);
    const struct su_trusted *t = &trust->keys.at[v.authority];
    describe(&signer, s, t);
    if (v.common_name[0])
        (void)snprintf(signer.name, sizeof signer.name, "%s", v.common_name);
    memcpy(signer.id, v.id, sizeof signer.id);
    su_key_fingerprint(signer.id, signer.fingerprint);
    memcpy(signer.valid_until, v.until, sizeof signer.valid_until);
    if (t->crl.handle)
        memcpy(signer.crl_until, t->crl.next_update, sizeof signer.crl_until);
    return count(out, &signer, trust, err);
}

void su_signing_say(const struct su_signing *signing, struct su_buf *out)
{
    for (size_t i = 0; i < signing->good.count; i++) {
        const struct su_signer *s = &signing->good.at[i];
        su_buf_addf(out, "%s %s (%s) %s", i ? "," : "; signed", s->name, s->role, s->fingerprint);
    }
}

int su_signers_collect(struct su_signing *out, const struct su_signature_files *files,
                       const struct su_buf *manifest, const struct su_trust *trust, struct su_err *err)
{
    SU_AUTO(su_verdicts)
    struct su_verdicts verdicts = {.files = files, .manifest = manifest, .trust = trust};
    bool has_cms = false;
    for (size_t i = 0; i < files->count; i++)
        has_cms |= files->at[i].is_cms;
    if (has_cms && su_verdicts_start(&verdicts, err) < 0)
        return -1;
    for (size_t i = 0; i < files->count; i++) {
        const struct su_signature_file *s = &files->at[i];
        if ((s->is_cms ? collect_cms(out, s, trust, &verdicts, err)
                       : collect_plain(out, s, manifest, trust, err)) < 0)
            return -1;
    }
    return 0;
}

/* Whether a signer is taken away, and why. 1 when he is. */
static int judge(struct su_signing *out, const struct su_signer *s, uint64_t sequence, const char *now,
                 struct su_err *err)
{
    int result = 0;
    if (s->is_revoked && sequence > s->last_sequence)
        result = leave_out(out, s->file, s, SU_KEY_REVOKED, err,
                           "key %s may sign up to sequence %llu, this bundle is %llu", s->name,
                           (unsigned long long)s->last_sequence, (unsigned long long)sequence);
    else if (s->is_cms && !now[0])
        result = leave_out(
            out, s->file, s, SU_CERT_EXPIRED, err,
            "the manifest gives no date, so whether the certificate of '%s' holds cannot be said", s->name);
    else if (s->is_cms && strcmp(s->valid_until, now) < 0)
        result = leave_out(out, s->file, s, SU_CERT_EXPIRED, err,
                           "the certificate of '%s', or one above it, ended %s; the bundle is of %s or later",
                           s->name, s->valid_until, now);
    else if (s->is_cms && s->crl_until[0] && strcmp(s->crl_until, now) < 0)
        result = leave_out(out, s->file, s, SU_CRL_STALE, err,
                           "the revocation list for '%s' ended %s; the bundle is of %s or later", s->name,
                           s->crl_until, now);
    else
        return 0;
    return result < 0 ? -1 : 1;
}

/* Among certificates a common name counts once: renewed with a new key it makes no second person. 1 when the
 * name is among the first `kept`. */
static int judge_name(struct su_signing *out, const struct su_signer *s, size_t kept, struct su_err *err)
{
    for (size_t i = 0; s->is_cms && i < kept; i++)
        if (out->good.at[i].is_cms && strcmp(out->good.at[i].name, s->name) == 0)
            return leave_out(out, s->file, s, SU_TOO_FEW, err,
                             "one name counts once: a certificate of '%s' is counted already", s->name) < 0
                       ? -1
                       : 1;
    return 0;
}

int su_signers_judge(struct su_signing *signing, const struct su_manifest *m, const char *latest,
                     struct su_err *err)
{
    char now[SU_INSTANT_TEXT], before[SU_INSTANT_TEXT];
    size_t kept = 0;
    su_instant_of(m->created, now);
    su_instant_of(latest, before);
    if (strcmp(before, now) > 0)
        memcpy(now, before, sizeof now);
    for (size_t i = 0; i < signing->good.count; i++) {
        struct su_signer s = signing->good.at[i];
        for (size_t r = 0; r < m->revocations.count; r++)
            revoke(&s, &m->revocations.at[r]);
        int taken = judge(signing, &s, m->sequence, now, err);
        if (taken == 0)
            taken = judge_name(signing, &s, kept, err);
        if (taken < 0)
            return -1;
        if (!taken)
            signing->good.at[kept++] = s;
    }
    signing->good.count = kept;
    return 0;
}

/* What a signature lacks that was meant for the role is worth more than the number. */
static int too_few(const struct su_signing *signing, const char *role, uint64_t have, uint64_t want,
                   const char *what, struct su_err *err)
{
    for (size_t i = 0; i < signing->not_counted.count; i++) {
        const struct su_not_counted *n = &signing->not_counted.at[i];
        if (n->code == SU_TOO_FEW || n->code == SU_UNTRUSTED || (n->role[0] && strcmp(n->role, role) != 0))
            continue;
        return su_fail(err, n->code, "bundle %s: %s: %llu of %llu signatures; %s: %s", what, role,
                       (unsigned long long)have, (unsigned long long)want, n->file, n->reason);
    }
    (void)su_fail(err, SU_TOO_FEW, "bundle %s: %s: %llu of %llu signatures by distinct keys", what, role,
                  (unsigned long long)have, (unsigned long long)want);
    return su_remedy(
        err,
        "Have it signed: suexport sign DIR --key KEY --role %s. 'suimport verify' shows what is not "
        "counted and why.",
        role);
}

static int no_signer_at_all(const struct su_signing *signing, const struct su_trust *trust, size_t signatures,
                            const char *what, struct su_err *err)
{
    if (trust->keys.count == 0)
        return su_fail(err, SU_UNTRUSTED,
                       "bundle %s: this site has pinned no key yet, so it refuses every bundle", what);
    if (signatures == 0)
        return su_fail(err, SU_UNTRUSTED, "bundle %s carries no signature", what);
    for (size_t i = 0; i < signing->not_counted.count; i++)
        if (signing->not_counted.at[i].code != SU_UNTRUSTED)
            return 0; /* there is more to say */
    (void)su_fail(err, SU_UNTRUSTED,
                  "bundle %s: none of its %zu signatures (%s ...) verifies under the %zu keys pinned here",
                  what, signatures, signing->not_counted.at[0].file, trust->keys.count);
    return su_remedy(
        err,
        "Do not import. If the hub changed its key, compare the new one's fingerprint by telephone, then: "
        "suimport trust add FILE --fingerprint F");
}

int su_signers_demand(const struct su_signing *signing, const struct su_policy *policy,
                      const struct su_trust *trust, size_t signatures, const char *what, struct su_err *err)
{
    if (signing->good.count == 0 && no_signer_at_all(signing, trust, signatures, what, err) < 0)
        return -1;
    for (int r = 0; r < SU_SIGNING_ROLES; r++) {
        const char *role = su_signing_role_text((enum su_signing_role)r);
        uint64_t have = 0;
        for (size_t i = 0; i < signing->good.count; i++)
            have += strcmp(signing->good.at[i].role, role) == 0;
        if (have < policy->threshold[r])
            return too_few(signing, role, have, policy->threshold[r], what, err);
    }
    return 0;
}
