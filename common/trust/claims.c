#include "common/trust/claims.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"

enum { CLAIMS = SU_FRAME_FIRST };
#define MOST_SEQUENCE 999999u /* as the parser has both */
#define MOST_BASES 1000000u

void su_claims_cleanup(struct su_claims *claims)
{
    su_manifest_cleanup(&claims->head);
}

/* ---- in the confined process ---- */

/* The numbers, in the order of the message. */
#define NUMBERS(m)                                                                                           \
    {                                                                                                        \
        &(m)->sequence, &(m)->urgent, &(m)->updates, &(m)->revisions, &(m)->records, &(m)->removals          \
    }

void su_claims_put(struct su_wire *wire, const struct su_manifest *m)
{
    const uint64_t *const numbers[] = NUMBERS(m);
    su_wire_begin(wire, CLAIMS);
    su_put_text(wire, m->hub);
    su_put_text(wire, m->site);
    su_put_text(wire, m->created);
    su_put_u32(wire, m->is_full);
    su_put_raw(wire, m->result, sizeof m->result);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        su_put_u64(wire, *numbers[i]);
    su_put_u64(wire, m->payloads.count);
    su_put_u64(wire, su_manifest_payload_bytes(m));
    su_put_u64(wire, m->volumes.count);
    su_put_u64(wire, su_manifest_volume_bytes(m));
    su_put_u32(wire, (uint32_t)m->bases.count);
    for (size_t i = 0; i < m->bases.count; i++)
        su_put_u64(wire, m->bases.at[i].sequence);
    su_put_u32(wire, (uint32_t)m->holes.count);
    for (size_t i = 0; i < m->holes.count; i++)
        su_put_text(wire, m->holes.at[i].text);
    su_put_u32(wire, (uint32_t)m->successors.count);
    for (size_t i = 0; i < m->successors.count; i++) {
        su_put_text(wire, m->successors.at[i].role);
        su_put_text(wire, m->successors.at[i].name);
        su_put_raw(wire, m->successors.at[i].spki, SU_SPKI_BYTES);
    }
    su_put_u32(wire, (uint32_t)m->revocations.count);
    for (size_t i = 0; i < m->revocations.count; i++) {
        su_put_raw(wire, m->revocations.at[i].key_id, SU_SHA256_BYTES);
        su_put_u64(wire, m->revocations.at[i].last_sequence);
    }
}

static int serve(void *context, struct su_wire *wire, struct su_err *err)
{
    const struct su_bundle_raw *raw = context;
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    if (su_bundle_unverified_manifest(raw, &m, err) < 0)
        return -1;
    su_claims_put(wire, &m);
    return su_wire_end(wire, err);
}

/* ---- outside of it ---- */

static void get_into(struct su_wire *wire, char *out, size_t room)
{
    (void)snprintf(out, room, "%s", su_get_text(wire, room - 1));
}

/* Elements of a list; 0 when more are told than the limit or the message allows, which then is short. */
static uint32_t get_count(struct su_wire *wire, uint32_t most)
{
    uint32_t count = su_get_u32(wire);
    if (count <= most && count <= su_get_left(wire))
        return count;
    wire->is_short = true;
    return 0;
}

static int get_lists(struct su_wire *wire, struct su_manifest *m, struct su_err *err)
{
    for (uint32_t left = get_count(wire, MOST_BASES); left > 0; left--) {
        struct su_base *base = SU_PUSH(&m->bases, MOST_BASES);
        if (!base)
            return su_fail_memory(err);
        base->sequence = su_get_u64(wire);
    }
    for (uint32_t left = get_count(wire, SU_MAX_HOLES); left > 0; left--) {
        const char *text = su_get_text(wire, SU_MAX_MANIFEST_BYTES);
        struct su_line *hole = SU_PUSH(&m->holes, SU_MAX_HOLES);
        if (!hole)
            return su_fail_memory(err);
        if (su_line_add(hole, text, strlen(text), err) < 0)
            return -1;
    }
    for (uint32_t left = get_count(wire, SU_MAX_KEY_LINES); left > 0; left--) {
        struct su_successor *s = SU_PUSH(&m->successors, SU_MAX_KEY_LINES);
        if (!s)
            return su_fail_memory(err);
        get_into(wire, s->role, sizeof s->role);
        get_into(wire, s->name, sizeof s->name);
        su_get_raw(wire, s->spki, sizeof s->spki);
    }
    for (uint32_t left = get_count(wire, SU_MAX_KEY_LINES); left > 0; left--) {
        struct su_revocation *r = SU_PUSH(&m->revocations, SU_MAX_KEY_LINES);
        if (!r)
            return su_fail_memory(err);
        su_get_raw(wire, r->key_id, sizeof r->key_id);
        r->last_sequence = su_get_u64(wire);
    }
    return 0;
}

static bool is_possible(const struct su_claims *c)
{
    const struct su_manifest *m = &c->head;
    bool is = su_name_is_valid(m->hub) && su_site_code_is_valid(m->site) && m->sequence <= MOST_SEQUENCE &&
              m->urgent <= SU_MAX_URGENT_NUMBER && c->files <= SU_MAX_PAYLOADS &&
              c->volumes <= SU_MAX_VOLUMES + SU_MAX_RECOVERY_VOLUMES && c->content_bytes <= INT64_MAX &&
              c->bytes <= INT64_MAX;
    for (size_t i = 0; i < m->successors.count; i++)
        is = is && su_name_is_valid(m->successors.at[i].name) && su_name_is_valid(m->successors.at[i].role);
    return is;
}

int su_claims_get(struct su_wire *wire, struct su_claims *c, struct su_err *err)
{
    struct su_manifest *m = &c->head;
    uint64_t *const numbers[] = NUMBERS(m);
    get_into(wire, m->hub, sizeof m->hub);
    get_into(wire, m->site, sizeof m->site);
    get_into(wire, m->created, sizeof m->created);
    m->is_full = su_get_u32(wire) != 0;
    su_get_raw(wire, m->result, sizeof m->result);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = su_get_u64(wire);
    c->files = su_get_u64(wire);
    c->content_bytes = su_get_u64(wire);
    c->volumes = su_get_u64(wire);
    c->bytes = su_get_u64(wire);
    if (get_lists(wire, m, err) < 0 || su_got_all(wire, err) < 0)
        return -1;
    return is_possible(c) ? 0 : su_wire_lies(err);
}

int su_claims_read(struct su_claims *out, const struct su_bundle_raw *raw, struct su_err *err)
{
    const struct su_confined_plan plan = {SU_CONFINED_PLAN_INIT,
                                          .reads = "a manifest that nobody has verified", .run = serve,
                                          .context = (void *)(uintptr_t)raw};
    SU_AUTO(su_confined) struct su_confined *confined = NULL;
    uint32_t kind;
    if (su_confined_start(&confined, &plan, err) < 0)
        return -1;
    int more = su_confined_next(confined, &kind, err);
    if (more < 0)
        return -1;
    return more == 0 || kind != CLAIMS ? su_wire_lies(err)
                                       : su_claims_get(su_confined_wire(confined), out, err);
}
