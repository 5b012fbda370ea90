/*
 * cmd_bundle.c - inspect and verify.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/site/verify.h"
#include "common/trust/claims.h"
#include "tools/cli/look.h"
#include "tools/suimport/commands.h"

static void claims(struct su_context *c, const struct su_claims *claimed)
{
    const struct su_manifest *m = &claimed->head;
    char name[SU_BUNDLE_NAME_TEXT], state[20];
    su_short_digest(m->result, state);
    su_json_text(&c->json, "bundle", su_manifest_name(m, name));
    su_json_text(&c->json, "hub", m->hub);
    su_json_text(&c->json, "site", m->site);
    su_json_int(&c->json, "sequence", (int64_t)m->sequence);
    su_json_text(&c->json, "kind", su_manifest_kind(m));
    su_json_text(&c->json, "created", m->created);
    su_json_hex(&c->json, "result_digest", m->result, SU_SHA256_BYTES);
    su_json_int(&c->json, "updates", (int64_t)m->updates);
    su_json_int(&c->json, "revisions", (int64_t)m->revisions);
    su_json_int(&c->json, "records", (int64_t)m->records);
    su_json_int(&c->json, "removals", (int64_t)m->removals);
    su_json_int(&c->json, "files", (int64_t)claimed->files);
    su_json_int(&c->json, "content_bytes", (int64_t)claimed->content_bytes);
    su_json_int(&c->json, "volumes", (int64_t)claimed->volumes);
    su_json_int(&c->json, "bytes", (int64_t)claimed->bytes);
    su_json_int(&c->json, "holes", (int64_t)m->holes.count);
    su_line(c, "bundle %s  %s, from hub %s for site %s, catalogue of %s", name, su_manifest_kind(m), m->hub,
            m->site, m->created);
    su_line(c, "  volumes      %llu, %s", (unsigned long long)claimed->volumes,
            su_bytes_text(claimed->bytes));
    su_line(c, "  metadata     %s records, %s removals; leads to %s updates, %s revisions, state %s",
            su_count_text(m->records), su_count_text(m->removals), su_count_text(m->updates),
            su_count_text(m->revisions), state);
    su_line(c, "  content      %llu files, %s", (unsigned long long)claimed->files,
            su_bytes_text(claimed->content_bytes));
    for (size_t i = 0; i < m->bases.count; i++)
        su_line(c, "  fits         state after bundle %llu", (unsigned long long)m->bases.at[i].sequence);
    for (size_t i = 0; i < m->holes.count; i++)
        su_line(c, "  hole         %s", m->holes.at[i].text);
    su_answer_key_lines(c, m);
}

static int inspect_one(struct su_context *c, const char *path, struct su_err *err)
{
    SU_AUTO(su_bundle_raw) struct su_bundle_raw raw = SU_BUNDLE_RAW_INIT;
    SU_AUTO(su_claims) struct su_claims claimed = SU_CLAIMS_INIT;
    if (su_bundle_open(&raw, path, err) < 0 || su_claims_read(&claimed, &raw, err) < 0)
        return -1;
    su_json_open(&c->json, NULL, '{');
    claims(c, &claimed);
    su_json_open(&c->json, "signatures", '[');
    for (size_t i = 0; i < raw.signatures.count; i++) {
        su_json_text(&c->json, NULL, raw.signatures.at[i].file);
        su_line(c, "  signature    %s (not checked)", raw.signatures.at[i].file);
    }
    su_json_close(&c->json, ']');
    su_json_close(&c->json, '}');
    return 0;
}

int cmd_inspect(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names found = {0};
    if (su_bundle_find(su_argument(c, 0), &found, err) < 0)
        return -1;
    su_json_bool(&c->json, "verified", false);
    su_json_open(&c->json, "bundles", '[');
    for (size_t i = 0; i < found.count; i++)
        if (inspect_one(c, found.at[i], err) < 0)
            return -1;
    su_json_close(&c->json, ']');
    su_line(c, "NOTHING OF THIS WAS VERIFIED: these are the bundle's own claims. Run: suimport verify %s",
            su_argument(c, 0));
    return 0;
}

static void answer_bad(struct su_context *c, const struct su_verification *v)
{
    su_json_open(&c->json, "bad", '[');
    for (size_t i = 0; i < v->bad.count; i++) {
        const struct su_bad_place *b = &v->bad.at[i];
        if (!b->reason || !b->affects) /* it broke off before it could say so */
            continue;
        su_line(c, "  bad          %s; affects: %s", b->reason, b->affects[0] ? b->affects : "framing only");
        su_json_open(&c->json, NULL, '{');
        su_json_int(&c->json, "volume", b->volume);
        su_json_int(&c->json, "offset", (int64_t)b->offset);
        su_json_int(&c->json, "length", (int64_t)b->length);
        su_json_text(&c->json, "reason", b->reason);
        su_json_text(&c->json, "affects", b->affects);
        su_json_text(&c->json, "file", b->file);
        su_json_text(&c->json, "update", b->update);
        su_json_text(&c->json, "kb", b->kb && b->kb[0] ? b->kb : NULL);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
}

static void answer_damage(struct su_context *c, const struct su_verification *v)
{
    const struct su_damage *d = &v->damage;
    if (!v->has_damage) {
        su_json_text(&c->json, "repairable", NULL);
        return;
    }
    su_json_open(&c->json, "repairable", '{');
    su_json_bool(&c->json, "is_repairable", d->hopeless == 0);
    su_json_bool(&c->json, "data_is_damaged", d->is_data_damaged);
    su_json_int(&c->json, "damaged_volumes", (int64_t)d->volumes);
    su_json_int(&c->json, "cells", (int64_t)d->cells);
    su_json_int(&c->json, "cells_lost", (int64_t)d->lost);
    su_json_int(&c->json, "worst_codeword", (int64_t)d->worst);
    su_json_int(&c->json, "worst_lost", (int64_t)d->worst_lost);
    su_json_int(&c->json, "may_lose", (int64_t)d->can_lose);
    su_json_int(&c->json, "spare", (int64_t)d->can_lose - (int64_t)d->worst_lost);
    su_json_int(&c->json, "enough_volume", d->enough);
    su_json_close(&c->json, '}');
    su_line(c, "damaged      %s volumes, %s of %s cells", su_count_text(d->volumes), su_count_text(d->lost),
            su_count_text(d->cells));
    if (d->hopeless == 0)
        su_line(c, "repairable   the worst codeword has lost %s of %s that may be lost (%s to spare)%s",
                su_count_text(d->worst_lost), su_count_text(d->can_lose),
                su_count_text(d->can_lose - d->worst_lost),
                d->is_data_damaged ? "" : "; only recovery volumes are hit, import works as it is");
    else
        su_line(c, "not repairable  codeword %s has lost %s, %s may be lost; %s cells too many",
                su_count_text(d->worst), su_count_text(d->worst_lost), su_count_text(d->can_lose),
                su_count_text(d->worst_lost - d->can_lose));
}

static void answer_signing(struct su_context *c, const struct su_signing *signing)
{
    su_json_open(&c->json, "signed_by", '[');
    for (size_t i = 0; i < signing->good.count; i++)
        su_json_text(&c->json, NULL, signing->good.at[i].name);
    su_json_close(&c->json, ']');
    su_json_open(&c->json, "signers", '[');
    for (size_t i = 0; i < signing->good.count; i++) {
        const struct su_signer *s = &signing->good.at[i];
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "name", s->name);
        su_json_text(&c->json, "role", s->role);
        su_json_text(&c->json, "kind", s->is_cms ? "cms" : "ed25519");
        su_json_text(&c->json, "fingerprint", s->fingerprint);
        su_json_text(&c->json, "file", s->file);
        su_json_close(&c->json, '}');
        su_line(c, "signed       %s (%s) %s: good", s->name, s->role, s->fingerprint);
    }
    su_json_close(&c->json, ']');
    su_json_open(&c->json, "not_counted", '[');
    for (size_t i = 0; i < signing->not_counted.count; i++) {
        const struct su_not_counted *n = &signing->not_counted.at[i];
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "file", n->file);
        su_json_text(&c->json, "name", n->name[0] ? n->name : NULL);
        su_json_text(&c->json, "role", n->role[0] ? n->role : NULL);
        su_json_int(&c->json, "id", su_code_message_id(n->code));
        su_json_text(&c->json, "reason", n->reason);
        su_json_close(&c->json, '}');
        su_line(c, "not counted  %s: %s", n->file, n->reason);
    }
    su_json_close(&c->json, ']');
}

static void answer(struct su_context *c, const struct su_verification *v)
{
    const struct su_manifest *m = &v->bundle.manifest;
    su_json_text(&c->json, "verdict", su_verdict_text(v->verdict));
    if (v->bundle.name[0]) {
        su_json_text(&c->json, "site", m->site);
        su_json_int(&c->json, "sequence", (int64_t)m->sequence);
        if (m->bases.count > 0)
            su_json_hex(&c->json, "base_digest", m->bases.at[m->bases.count - 1].digest, SU_SHA256_BYTES);
        else
            su_json_text(&c->json, "base_digest", NULL);
        su_json_hex(&c->json, "result_digest", m->result, SU_SHA256_BYTES);
        su_json_text(&c->json, "bundle", v->bundle.name);
        su_json_hex(&c->json, "manifest_sha256", v->bundle.manifest_sha256, SU_SHA256_BYTES);
    } else {
        su_json_text(&c->json, "site", NULL);
        su_json_int(&c->json, "sequence", 0);
        su_json_text(&c->json, "base_digest", NULL);
        su_json_text(&c->json, "result_digest", NULL);
    }
    su_json_bool(&c->json, "already_imported", v->is_imported_already);
    su_json_int(&c->json, "blocks", (int64_t)v->blocks);
    answer_signing(c, &v->bundle.signing);
    if (v->bundle.name[0]) {
        su_line(c, "for          %s, sequence %llu%s", m->site, (unsigned long long)m->sequence,
                v->is_imported_already ? " (imported already)" : "");
        su_line(c, "volumes      %zu; %s blocks read, %zu bad", m->volumes.count, su_count_text(v->blocks),
                v->bad.count);
    }
    su_answer_key_lines(c, m);
    answer_bad(c, v);
    su_json_text(&c->json, "metadata",
                 !v->is_read                    ? NULL
                 : v->affected.metadata_is_good ? "good"
                                                : "damaged");
    su_json_int(&c->json, "files_good", (int64_t)v->affected.files_good);
    su_json_int(&c->json, "files_bad", (int64_t)v->affected.files.count);
    if (v->is_read)
        su_line(c, "holds        metadata %s; %s of %s files good",
                v->affected.metadata_is_good ? "good" : "damaged", su_count_text(v->affected.files_good),
                su_count_text(v->affected.files_good + v->affected.files.count));
    answer_damage(c, v);
    su_line(c, "verdict      %s. Nothing was written.", su_verdict_text(v->verdict));
}

/* Every bundle for this site on the medium, each against the state that those before it lead to;
 * the first that is not good decides, else the last. */
static int verify_all(struct su_context *c, const struct su_names *found, struct su_verification *v,
                      struct su_err *err)
{
    SU_AUTO(su_position) struct su_position position = SU_POSITION_INIT;
    bool is_one = found->count == 1, has_any = false;
    if (su_position_load(c->home.db, &position, err) < 0)
        return -1;
    for (size_t i = 0; i < found->count; i++) {
        SU_AUTO(su_bundle_raw) struct su_bundle_raw raw = SU_BUNDLE_RAW_INIT;
        struct su_err why = SU_ERR_INIT;
        char claimed[17];
        uint64_t sequence;
        if (!is_one && su_bundle_unverified_claims(found->at[i], claimed, &sequence) &&
            !su_bundle_unverified_is_for(found->at[i], c->home.name)) {
            su_line(c, "%s: left, for site %s", found->at[i], claimed);
            continue;
        }
        if (su_bundle_open(&raw, found->at[i], err) < 0) {
            v->verdict = su_verdict_of(err->code);
            return -1;
        }
        if (has_any)
            su_line(c, "%s: %s", v->bundle.name, su_verdict_text(v->verdict));
        su_verification_cleanup(v);
        has_any = true;
        if (su_verify(&c->home, &position, &raw, &c->events, v, &why) < 0) {
            *err = why;
            if (v->verdict != SU_VERDICT_REPLAY || i + 1 == found->count)
                return -1; /* an older one is no fault while newer ones follow */
            continue;
        }
        su_err_clear(err);
        if (su_position_advance(&position, &v->bundle, err) < 0)
            return -1;
    }
    if (!has_any) {
        v->verdict = SU_VERDICT_WRONG_SITE;
        return su_fail(err, SU_WRONG_SITE, "none of the %zu bundles is for site %s", found->count,
                       c->home.name);
    }
    return err->code == SU_OK ? 0 : -1;
}

int cmd_verify(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names found = {0};
    SU_AUTO(su_verification) struct su_verification v = SU_VERIFICATION_INIT;
    if (su_bundle_find(su_argument(c, 0), &found, err) < 0)
        return -1;
    int result = verify_all(c, &found, &v, err);
    if (result < 0 && v.verdict == SU_VERDICT_GOOD) /* it could not even look */
        v.verdict = su_verdict_of(err->code);
    answer(c, &v);
    return result;
}
