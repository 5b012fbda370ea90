#include "common/site/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/bundle/pool.h"
#include "common/sys/belt.h"

#define MAX_BAD_PLACES 10000
#define MAX_TOLD 3 /* volumes named in the message */

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
        free(v->bad.at[i].file);
        free(v->bad.at[i].update);
        free(v->bad.at[i].kb);
    }
    free(v->bad.at);
    su_affected_cleanup(&v->affected);
    su_bundle_cleanup(&v->bundle);
    *v = (struct su_verification)SU_VERIFICATION_INIT;
}

struct checking {
    struct su_verification *v;
    bool is_out_of_memory;
};

static void on_bad(void *context, const struct su_bad_block *b)
{
    struct checking *c = context;
    struct su_bad_place *place = SU_PUSH(&c->v->bad, MAX_BAD_PLACES);
    if (!place) {
        c->is_out_of_memory |= c->v->bad.count < MAX_BAD_PLACES;
        return;
    }
    place->volume = b->volume;
    place->offset = b->offset;
    place->length = b->length;
    place->reason = strdup(b->reason);
    c->is_out_of_memory |= !place->reason;
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
    case SU_URGENT_BASE:
    case SU_JUMP: return SU_VERDICT_GAP;
    case SU_OLDER:
    case SU_URGENT_OLDER:
    case SU_NUMBER_TWICE: return SU_VERDICT_REPLAY;
    case SU_FEATURE: return SU_VERDICT_STALE_FORMAT;
    case SU_REPAIRABLE: return SU_VERDICT_REPAIRABLE;
    case SU_INCOMPLETE: return SU_VERDICT_INCOMPLETE;
    default: return SU_VERDICT_DAMAGED;
    }
}

#define POOLED 16u /* files of the pool on their way to be proved */

struct pooled {
    size_t payload;
    bool is_bad;
    struct su_err why; /* when bad */
};

static int list_pooled(void *context, struct su_belt *belt, struct su_err *err)
{
    const struct su_bundle *bundle = context;
    for (size_t i = 0; i < bundle->manifest.payloads.count; i++) {
        if (!bundle->manifest.payloads.at[i].is_pooled)
            continue;
        struct pooled *job = su_belt_slot(belt, err);
        if (!job)
            return 0;
        *job = (struct pooled){.payload = i};
        su_belt_submit(belt, 0);
    }
    return 0;
}

static int prove_pooled(void *context, unsigned worker, void *slot, struct su_err *err)
{
    const struct su_bundle *bundle = context;
    struct pooled *job = slot;
    (void)worker;
    job->is_bad = su_pool_prove(bundle->dir, &bundle->manifest.payloads.at[job->payload], &job->why) < 0;
    if (!job->is_bad || job->why.code == SU_DAMAGED)
        return 0;
    *err = job->why;
    return -1;
}

static int add_pooled(struct checking *c, const struct pooled *job, struct su_err *err)
{
    struct su_bad_place *place = SU_PUSH(&c->v->bad, MAX_BAD_PLACES);
    if (!place)
        return c->v->bad.count < MAX_BAD_PLACES ? su_fail_memory(err) : 0;
    place->length = c->v->bundle.manifest.payloads.at[job->payload].id.bytes;
    place->payload = job->payload;
    place->reason = strdup(job->why.text);
    c->is_out_of_memory |= !place->reason;
    return 0;
}

/* A pooled file is whole or not: one bad place for each, in no volume. `lost` by payload. */
static int check_pool(struct checking *c, bool *lost, struct su_err *err)
{
    struct pooled jobs[POOLED] = {{0}};
    struct su_belt_plan plan = {.jobs = jobs,
                                .slots = POOLED,
                                .job_bytes = sizeof *jobs,
                                .context = &c->v->bundle,
                                .fill = list_pooled,
                                .work = prove_pooled};
    SU_AUTO(su_belt) struct su_belt *belt = su_belt_new(&plan, err);
    void *slot;
    int more;
    if (!belt)
        return -1;
    while ((more = su_belt_take(belt, &slot, err)) > 0) {
        const struct pooled *job = slot;
        if (job->is_bad) {
            lost[job->payload] = true;
            if (add_pooled(c, job, err) < 0)
                return -1;
        }
        su_belt_release(belt);
    }
    return more;
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

/* Each bad place gets the names of what it hits. */
static int name_places(struct su_verification *v, struct su_err *err)
{
    for (size_t i = 0; i < v->bad.count; i++) {
        struct su_bad_place *place = &v->bad.at[i];
        SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MIB);
        struct su_bad_block block = {place->volume, place->offset, place->length, NULL};
        const struct su_manifest *m = &v->bundle.manifest;
        const struct su_named_file *file =
            place->volume == 0 ? su_affected_payload(&v->affected, &m->payloads.at[place->payload], &text)
                               : su_affected_by(&v->affected, m, &block, &text);
        place->affects = strdup(text.bytes ? text.bytes : "");
        if (file && file->file) {
            place->file = strdup(file->file);
            /* NOLINTNEXTLINE(analyzer-malloc-leak): the places have it, gcc loses sight of them */
            place->update = strdup(file->title);
            /* NOLINTNEXTLINE(analyzer-malloc-leak): as above */
            place->kb = strdup(file->kb);
        }
        /* NOLINTNEXTLINE(analyzer-malloc-leak): as above */
        if (!place->affects || (file && file->file && (!place->file || !place->update || !place->kb)))
            return su_fail_memory(err);
    }
    return 0;
}

/* The bad places of each volume, and into `asked` the volumes as a resend wants them. */
static void say_volumes(const struct su_verification *v, struct su_buf *out, struct su_buf *asked)
{
    size_t told = 0, volumes = 0, count;
    for (size_t i = 0; i < v->bad.count; i += count) {
        const struct su_bad_place *first = &v->bad.at[i];
        char name[16];
        for (count = 1; i + count < v->bad.count && v->bad.at[i + count].volume == first->volume;)
            count++;
        volumes++;
        if (told++ >= MAX_TOLD)
            continue;
        if (count == 1)
            su_buf_addf(out, "%s%s", i ? "; " : "", first->reason);
        else if (first->volume == 0)
            su_buf_addf(out, "%s%s, and %zu more files of the pool", i ? "; " : "", first->reason, count - 1);
        else
            su_buf_addf(out, "%svolume %u of %zu (%s): %zu blocks differ (first at offset %llu)",
                        i ? "; " : "", first->volume, v->bundle.manifest.volumes.count,
                        su_volume_name(&v->bundle.manifest, first->volume, name), count,
                        (unsigned long long)first->offset);
        if (first->volume > 0)
            su_buf_addf(asked, " --volume %u", first->volume);
    }
    if (volumes > MAX_TOLD) {
        su_buf_addf(out, "; and %zu more volumes", volumes - MAX_TOLD);
        su_buf_clear(asked); /* all of them, then */
    }
}

static int say_damage(const struct su_verification *v, const char *path, struct su_err *err)
{
    const struct su_manifest *m = &v->bundle.manifest;
    SU_AUTO(su_buf)
    struct su_buf places = SU_BUF_INIT(16 * SU_KIB), asked = SU_BUF_INIT(256),
                  affects = SU_BUF_INIT(16 * SU_KIB);
    const char *rest = v->affected.metadata_is_good && v->affected.files.count > 0
                           ? "; or take the rest now: suimport import --allow-partial-content"
                           : "";
    char name[16];
    say_volumes(v, &places, &asked);
    su_affected_say(&v->affected, &affects);
    (void)su_fail(err, SU_DAMAGED, "%s: %s; %s", v->bundle.name, places.bytes ? places.bytes : "",
                  affects.bytes ? affects.bytes : "");
    if (v->bad.at[0].volume == 0)
        return su_remedy(
            err, "Copy the file again from the hub, to beside the bundle's folder, and verify again%s.",
            rest);
    return su_remedy(err,
                     "a) copy %s%s again from the hub's medium, b) take the good blocks of another copy: "
                     "suimport repair %s COPY "
                     "--to DIR, c) ask the hub: suexport resend --site %s --sequence %llu%s --out DIR%s",
                     su_volume_name(m, v->bad.at[0].volume, name),
                     v->bad.at[v->bad.count - 1].volume != v->bad.at[0].volume ? " and the others named" : "",
                     path, m->site, (unsigned long long)m->sequence, asked.bytes ? asked.bytes : "", rest);
}

static int check_volumes(struct su_home *site, const struct su_bundle_raw *raw,
                         const struct su_events *events, struct su_verification *out, struct su_err *err)
{
    const struct su_manifest *m = &out->bundle.manifest;
    SU_AUTO(su_volume_reader)
    struct su_volume_reader *reader = su_volume_reader_new(out->bundle.dir, m, err);
    struct checking c = {.v = out};
    if (!reader || su_volume_check_all(reader, on_bad, &c, events, &out->blocks, err) < 0)
        return -1;
    bool *lost = calloc(m->payloads.count + 1, sizeof *lost);
    int code = lost ? check_pool(&c, lost, err) : su_fail_memory(err);
    if (code == 0)
        code = su_affected_find(&out->affected, m, su_volume_proved(reader), lost, reader, site->db, err);
    free(lost);
    if (code < 0)
        return -1;
    if (c.is_out_of_memory)
        return su_fail_memory(err);
    if (name_places(out, err) < 0)
        return -1;
    out->is_read = true;
    if (out->bad.count == 0)
        return 0;
    (void)say_damage(out, raw->path, err);
    /* recovery volumes give back nothing of the pool */
    bool is_in_volumes = out->bad.at[out->bad.count - 1].volume > 0;
    return is_in_volumes && m->recovery.percent > 0 ? weigh(raw, reader, events, out, err) : -1;
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
    int result = verify(site, position, raw, events, out, err);
    out->verdict = result == 0 ? SU_VERDICT_GOOD : su_verdict_of(err->code);
    return result < 0 ? su_after(err, "Nothing was written.") : 0;
}
