#include "common/core/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/core/pool.h"

#define MAX_BAD_PLACES 10000

const char *su_verdict_text(enum su_verdict verdict)
{
    static const char *const texts[] = {"good",   "damaged",      "untrusted",  "wrong-site", "gap",
                                        "replay", "stale-format", "incomplete", "repairable"};
    return texts[verdict];
}

void su_verification_cleanup(struct su_verification *v)
{
    for (size_t i = 0; i < v->bad.count; i++) {
        free(v->bad.at[i].reason);
        free(v->bad.at[i].affects);
    }
    free(v->bad.at);
    su_bundle_cleanup(&v->bundle);
    *v = (struct su_verification)SU_VERIFICATION_INIT;
}

struct checking {
    struct su_verification *v;
    struct su_db *db;
    bool is_out_of_memory;
};

static bool touches(const struct su_manifest *m, size_t first, size_t count, const struct su_bad_block *b)
{
    for (size_t i = 0; i < count; i++) {
        const struct su_extent *e = &m->extents.at[first + i];
        if (e->volume == b->volume && e->offset < b->offset + b->length && b->offset < e->offset + e->length)
            return true;
    }
    return false;
}

static void name_payload(struct su_db *db, const struct su_payload *p, struct su_buf *out)
{
    SU_AUTO(su_buf) struct su_buf title = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES * 2);
    struct su_err ignored = SU_ERR_INIT;
    bool found = false;
    char hex[SU_SHA256_TEXT];
    su_hex_format(p->id.sha256, SU_SHA256_BYTES, hex);
    su_buf_addf(out, "%s%s file %.16s (%llu bytes", out->length ? "; " : "",
                p->is_licence ? "licence" : "content", hex, (unsigned long long)p->id.bytes);
    /* The site may not know the update yet: its metadata is in this very bundle. */
    if (su_query_text(
            db, &title, &found, &ignored,
            "SELECT f.name||', '||i.title FROM file f JOIN info i USING (rev_id) WHERE f.sha1=?1 LIMIT 1",
            SU_B(p->id.sha1, SU_SHA1_BYTES)) == 0 &&
        found)
        su_buf_addf(out, ", %s", title.bytes);
    su_buf_adds(out, ")");
}

void su_verify_affects(const struct su_manifest *m, struct su_db *db, const struct su_bad_block *b,
                       struct su_buf *out, bool *hits_metadata)
{
    *hits_metadata = false;
    if (m->volumes.at[b->volume - 1].is_recovery)
        su_buf_adds(out, "recovery only");
    for (size_t i = 0; i < m->frames.count; i++)
        if (touches(m, m->frames.at[i].first_extent, m->frames.at[i].extents, b)) {
            su_buf_adds(out, "update metadata");
            *hits_metadata = true;
            break;
        }
    for (size_t i = 0; i < m->payloads.count; i++)
        if (touches(m, m->payloads.at[i].first_extent, m->payloads.at[i].extents, b))
            name_payload(db, &m->payloads.at[i], out);
}

static void on_bad(void *context, const struct su_bad_block *b)
{
    struct checking *c = context;
    SU_AUTO(su_buf) struct su_buf affects = SU_BUF_INIT(SU_MIB);
    bool hits_metadata;
    struct su_bad_place *place = SU_PUSH(&c->v->bad, MAX_BAD_PLACES);
    if (!place) {
        c->is_out_of_memory |= c->v->bad.count < MAX_BAD_PLACES;
        return;
    }
    su_verify_affects(&c->v->bundle.manifest, c->db, b, &affects, &hits_metadata);
    c->v->metadata_is_good &= !hits_metadata;
    place->volume = b->volume;
    place->offset = b->offset;
    place->length = b->length;
    place->reason = strdup(b->reason);
    place->affects = strdup(affects.bytes ? affects.bytes : "");
    c->is_out_of_memory |= !place->reason || !place->affects;
}

enum su_verdict su_verdict_of(enum su_code code)
{
    switch (code) {
    case SU_UNTRUSTED:
    case SU_TOO_FEW:
    case SU_KEY_REVOKED:
    case SU_CERT_EXPIRED:
    case SU_CERT_PURPOSE:
    case SU_CERT_REVOKED:
    case SU_CERT_ISSUER:
    case SU_CERT_WEAK:
    case SU_CRL_STALE:
    case SU_POLICY: return SU_VERDICT_UNTRUSTED;
    case SU_WRONG_SITE: return SU_VERDICT_WRONG_SITE;
    case SU_GAP:
    case SU_JUMP: return SU_VERDICT_GAP;
    case SU_OLDER:
    case SU_NUMBER_TWICE: return SU_VERDICT_REPLAY;
    case SU_FEATURE: return SU_VERDICT_STALE_FORMAT;
    case SU_REPAIRABLE: return SU_VERDICT_REPAIRABLE;
    case SU_INCOMPLETE: return SU_VERDICT_INCOMPLETE;
    default: return SU_VERDICT_DAMAGED;
    }
}

/* A pooled file is whole or not: one bad place for each, in no volume. */
static int check_pool(struct checking *c, struct su_verification *out, struct su_err *err)
{
    const struct su_manifest *m = &out->bundle.manifest;
    for (size_t i = 0; i < m->payloads.count; i++) {
        const struct su_payload *p = &m->payloads.at[i];
        SU_AUTO(su_buf) struct su_buf affects = SU_BUF_INIT(SU_MIB);
        struct su_err why = SU_ERR_INIT;
        if (!p->is_pooled || su_pool_prove(out->bundle.dir, p, &why) == 0)
            continue;
        if (why.code != SU_DAMAGED) {
            *err = why;
            return -1;
        }
        struct su_bad_place *place = SU_PUSH(&out->bad, MAX_BAD_PLACES);
        if (!place)
            return out->bad.count < MAX_BAD_PLACES ? su_fail_memory(err) : 0;
        name_payload(c->db, p, &affects);
        place->length = p->id.bytes;
        place->reason = strdup(why.text);
        place->affects = strdup(affects.bytes ? affects.bytes : "");
        c->is_out_of_memory |= !place->reason || !place->affects;
    }
    return 0;
}

/* Whether the recovery volumes give back what is bad. */
static int weigh(const struct su_bundle_raw *raw, const struct su_volume_reader *reader,
                 const struct su_events *events, struct su_verification *out, struct su_err *err)
{
    struct su_err why = SU_ERR_INIT;
    struct su_sources here = {.at = &out->bundle.dir, .count = 1};
    if (su_damage_survey(&out->bundle.manifest, &here, su_volume_proved(reader), events, &out->damage, &why) <
        0) {
        *err = why;
        return -1;
    }
    out->has_damage = true;
    return su_damage_say(&out->damage, &out->bundle.manifest, raw->path, err);
}

static int check_volumes(struct su_home *site, const struct su_bundle_raw *raw,
                         const struct su_events *events, struct su_verification *out, struct su_err *err)
{
    SU_AUTO(su_volume_reader)
    struct su_volume_reader *reader = su_volume_reader_new(out->bundle.dir, &out->bundle.manifest, err);
    struct checking c = {.v = out, .db = site->db};
    if (!reader || su_volume_check_all(reader, on_bad, &c, events, &out->blocks, err) < 0 ||
        check_pool(&c, out, err) < 0)
        return -1;
    if (c.is_out_of_memory)
        return su_fail_memory(err);
    if (out->bad.count == 0)
        return 0;
    const struct su_bad_place *first = &out->bad.at[0];
    char name[16], more[40] = "";
    if (out->bad.count > 1)
        (void)snprintf(more, sizeof more, " (%zu places in all)", out->bad.count);
    (void)su_fail(err, SU_DAMAGED, "%s: %s%s; affects: %s", out->bundle.name, first->reason, more,
                  first->affects[0] ? first->affects : "framing only");
    if (first->volume == 0)
        return su_remedy(err,
                         "Copy the file again from the hub, to beside the bundle's folder, and verify again. "
                         "Metadata part: %s.",
                         out->metadata_is_good ? "good" : "damaged");
    su_volume_name(&out->bundle.manifest, first->volume, name);
    (void)su_remedy(
        err, "Copy %s again from the hub (sha256 in MANIFEST.TXT) and verify again. Metadata part: %s.", name,
        out->metadata_is_good ? "good" : "damaged");
    /* recovery volumes give back nothing of the pool */
    bool is_in_volumes = out->bad.at[out->bad.count - 1].volume > 0;
    return is_in_volumes && out->bundle.manifest.recovery.percent > 0 ? weigh(raw, reader, events, out, err)
                                                                      : -1;
}

static int verify(struct su_home *site, const struct su_position *position, const struct su_bundle_raw *raw,
                  const struct su_events *events, struct su_verification *out, struct su_err *err)
{
    if (su_bundle_verify(&out->bundle, raw, site->db, err) < 0)
        return -1;
    /* A changed profile is a question for import, not a fault of the bundle. */
    int judged = su_position_judge(position, site, &out->bundle, (struct su_accepted){.profile = true}, err);
    if (judged < 0)
        return -1;
    out->is_imported_already = judged == 1;
    if (su_bundle_check_folder(&out->bundle, err) < 0 || check_volumes(site, raw, events, out, err) < 0)
        return -1;
    for (size_t i = 0; i < out->bundle.manifest.holes.count; i++)
        if (strncmp(out->bundle.manifest.holes.at[i].text, "prerequisite ", 13) == 0 ||
            strncmp(out->bundle.manifest.holes.at[i].text, "bundled ", 8) == 0) {
            (void)su_fail(err, SU_INCOMPLETE, "%s: the hub signed for %zu holes, the first: %s",
                          out->bundle.name, out->bundle.manifest.holes.count,
                          out->bundle.manifest.holes.at[i].text);
            return su_remedy(err, "Ask the hub for a complete bundle, or import with --allow-incomplete.");
        }
    return 0;
}

int su_verify(struct su_home *site, const struct su_position *position, const struct su_bundle_raw *raw,
              const struct su_events *events, struct su_verification *out, struct su_err *err)
{
    out->metadata_is_good = true;
    int result = verify(site, position, raw, events, out, err);
    out->verdict = result == 0 ? SU_VERDICT_GOOD : su_verdict_of(err->code);
    return result < 0 ? su_after(err, "Nothing was written.") : 0;
}
