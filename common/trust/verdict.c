#include "common/trust/verdict.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

enum { VERDICT = SU_FRAME_FIRST };

/* ---- in the confined process ---- */

/* The authority that vouches for the signer: one pinned for his common name before one for any. A reason
 * other than "somebody else issued it" is kept: it is what the operator must know. */
static bool find_authority(struct su_verdict *out, const struct su_cms *cms, const struct su_trust *trust,
                           struct su_err *why)
{
    const struct su_trusted *best = NULL;
    (void)su_fail(why, SU_CERT_ISSUER, "the certificate of '%s' leads to no authority pinned here",
                  cms->signer.common_name);
    for (size_t k = 0; k < trust->keys.count; k++) {
        const struct su_trusted *t = &trust->keys.at[k];
        struct su_err no = SU_ERR_INIT;
        char end[SU_INSTANT_TEXT];
        if (!t->is_authority)
            continue;
        if (su_cms_chain(cms, &t->certificate, t->crl.handle ? &t->crl : NULL, end, &no) < 0) {
            if (no.code != SU_CERT_ISSUER)
                *why = no;
            continue;
        }
        if (t->subject[0] && strcmp(t->subject, cms->signer.common_name) != 0) {
            if (why->code == SU_CERT_ISSUER)
                (void)su_fail(why, SU_CERT_ISSUER,
                              "the authority '%s' is pinned for certificates of '%s', this one is of '%s'",
                              t->name, t->subject, cms->signer.common_name);
            continue;
        }
        if (best && (best->subject[0] || !t->subject[0]))
            continue;
        best = t;
        out->authority = (uint32_t)k;
        memcpy(out->until, end, SU_INSTANT_TEXT);
    }
    return best;
}

/* Takes a signature apart. -1: memory ran out. */
static int find(struct su_verdict *out, const struct su_signature_file *file, const struct su_buf *manifest,
                const struct su_trust *trust, struct su_err *err)
{
    SU_AUTO(su_cms) struct su_cms cms = SU_CMS_INIT;
    struct su_err why = SU_ERR_INIT;
    *out = (struct su_verdict){.code = SU_OK};
    if (su_cms_open(&cms, file->bytes, file->length, manifest->bytes, manifest->length, &why) < 0 ||
        !find_authority(out, &cms, trust, &why)) {
        *out = (struct su_verdict){.code = why.code};
        su_escape_into(out->reason, sizeof out->reason, why.text);
        return why.code == SU_MEMORY ? su_fail_memory(err) : 0;
    }
    memcpy(out->id, cms.signer.id, sizeof out->id);
    memcpy(out->common_name, cms.signer.common_name, sizeof out->common_name);
    return 0;
}

void su_verdict_put(struct su_wire *wire, const struct su_verdict *v)
{
    su_wire_begin(wire, VERDICT);
    su_put_u32(wire, v->code);
    su_put_text(wire, v->reason);
    su_put_u32(wire, v->authority);
    su_put_raw(wire, v->id, sizeof v->id);
    su_put_text(wire, v->common_name);
    su_put_text(wire, v->until);
}

static int serve(void *context, struct su_wire *wire, struct su_err *err)
{
    const struct su_verdicts *all = context;
    for (size_t i = 0; i < all->files->count; i++) {
        struct su_verdict v;
        if (!all->files->at[i].is_cms)
            continue;
        if (find(&v, &all->files->at[i], all->manifest, all->trust, err) < 0)
            return -1;
        su_verdict_put(wire, &v);
        if (su_wire_end(wire, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- outside of it ---- */

/* A text into a field of fixed size; what it may hold is asked of what was kept. */
static void get_into(struct su_wire *wire, char *out, size_t room)
{
    (void)snprintf(out, room, "%s", su_get_text(wire, room - 1));
}

static bool is_reason(uint32_t code)
{
    static const enum su_code reasons[] = {SU_UNTRUSTED, SU_CERT_ISSUER, SU_CERT_PURPOSE, SU_CERT_REVOKED,
                                           SU_CERT_WEAK};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (code == (uint32_t)reasons[i])
            return true;
    return false;
}

/* Good, by an authority pinned here, for that name. */
static bool is_possible(const struct su_verdict *v, const struct su_trust *trust)
{
    char instant[SU_INSTANT_TEXT];
    if (v->authority >= trust->keys.count)
        return false;
    const struct su_trusted *t = &trust->keys.at[v->authority];
    su_instant_of(v->until, instant);
    return t->is_authority && (!t->subject[0] || strcmp(t->subject, v->common_name) == 0) &&
           strcmp(instant, v->until) == 0;
}

int su_verdict_get(struct su_wire *wire, struct su_verdict *out, const struct su_trust *trust,
                   struct su_err *err)
{
    char reason[sizeof out->reason];
    *out = (struct su_verdict){.code = SU_OK};
    uint32_t code = su_get_u32(wire);
    get_into(wire, reason, sizeof reason);
    out->authority = su_get_u32(wire);
    su_get_raw(wire, out->id, sizeof out->id);
    get_into(wire, out->common_name, sizeof out->common_name);
    get_into(wire, out->until, sizeof out->until);
    if (su_got_all(wire, err) < 0)
        return -1;
    su_escape_into(out->reason, sizeof out->reason, reason);
    if (code == SU_OK ? !is_possible(out, trust) : !is_reason(code))
        return su_wire_lies(err);
    out->code = (enum su_code)code;
    return 0;
}

int su_verdicts_start(struct su_verdicts *v, struct su_err *err)
{
    const struct su_confined_plan plan = {SU_CONFINED_PLAN_INIT, .reads = "signatures of a bundle",
                                          .run = serve, .context = v};
    return su_confined_start(&v->confined, &plan, err);
}

int su_verdicts_next(struct su_verdicts *v, struct su_verdict *out, struct su_err *err)
{
    uint32_t kind;
    int more = su_confined_next(v->confined, &kind, err);
    if (more <= 0 || kind != VERDICT)
        return more < 0 ? -1 : su_wire_lies(err);
    return su_verdict_get(su_confined_wire(v->confined), out, v->trust, err);
}

void su_verdicts_cleanup(struct su_verdicts *v)
{
    su_confined_cleanup(&v->confined);
}

struct question {
    const struct su_signature_file *file;
    const struct su_buf *manifest;
    const uint8_t *id;
};

static int compare(void *context, struct su_wire *wire, struct su_err *err)
{
    const struct question *q = context;
    SU_AUTO(su_cms) struct su_cms cms = SU_CMS_INIT;
    struct su_err ignored = SU_ERR_INIT;
    bool is_by = su_cms_open(&cms, q->file->bytes, q->file->length, q->manifest->bytes, q->manifest->length,
                             &ignored) == 0 &&
                 memcmp(cms.signer.id, q->id, sizeof cms.signer.id) == 0;
    su_wire_begin(wire, VERDICT);
    su_put_u32(wire, is_by);
    return su_wire_end(wire, err);
}

int su_verdict_is_by(const struct su_signature_file *file, const struct su_buf *manifest,
                     const uint8_t id[SU_SHA256_BYTES], bool *is_by, struct su_err *err)
{
    struct question question = {file, manifest, id};
    const struct su_confined_plan plan = {SU_CONFINED_PLAN_INIT, .reads = "a signature", .run = compare,
                                          .context = &question};
    SU_AUTO(su_confined) struct su_confined *confined = NULL;
    uint32_t kind = 0;
    if (su_confined_start(&confined, &plan, err) < 0)
        return -1;
    int more = su_confined_next(confined, &kind, err);
    if (more <= 0 || kind != VERDICT)
        return more < 0 ? -1 : su_wire_lies(err);
    *is_by = su_get_u32(su_confined_wire(confined)) == 1;
    return su_got_all(su_confined_wire(confined), err);
}
