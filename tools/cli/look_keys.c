/*
 * look_keys.c - what a manifest changes about keys, shown wherever somebody judges it before it takes effect.
 */
#include "common/lib/sign.h"
#include "tools/cli/look.h"

static void introduced(struct su_context *c, const struct su_successor *s)
{
    SU_AUTO(su_key) struct su_key key = SU_KEY_INIT;
    struct su_err ignored = SU_ERR_INIT; /* an import of it fails */
    char fingerprint[SU_FINGERPRINT_TEXT] = "not a key";
    if (su_key_load_spki(&key, s->spki, &ignored) == 0)
        su_key_fingerprint(key.id, fingerprint);
    su_json_open(&c->json, NULL, '{');
    su_json_text(&c->json, "name", s->name);
    su_json_text(&c->json, "role", s->role);
    su_json_text(&c->json, "fingerprint", fingerprint);
    su_json_close(&c->json, '}');
    su_line(c, "  new key      %s (%s) %s: sites will trust it", s->name, s->role, fingerprint);
}

static void revoked(struct su_context *c, const struct su_revocation *r)
{
    char fingerprint[SU_FINGERPRINT_TEXT];
    su_key_fingerprint(r->key_id, fingerprint);
    su_json_open(&c->json, NULL, '{');
    su_json_text(&c->json, "fingerprint", fingerprint);
    su_json_int(&c->json, "last_sequence", (int64_t)r->last_sequence);
    su_json_close(&c->json, '}');
    su_line(c, "  revoked key  %s: counts up to sequence %llu", fingerprint,
            (unsigned long long)r->last_sequence);
}

void su_answer_key_lines(struct su_context *c, const struct su_manifest *m)
{
    su_json_open(&c->json, "introduces", '[');
    for (size_t i = 0; i < m->successors.count; i++)
        introduced(c, &m->successors.at[i]);
    su_json_close(&c->json, ']');
    su_json_open(&c->json, "revokes", '[');
    for (size_t i = 0; i < m->revocations.count; i++)
        revoked(c, &m->revocations.at[i]);
    su_json_close(&c->json, ']');
}
