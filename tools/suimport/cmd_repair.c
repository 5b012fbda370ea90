/*
 * cmd_repair.c - repair, relay.
 */
#include "common/base/limits.h"
#include "common/site/position.h"
#include "common/site/repair.h"
#include "tools/suimport/commands.h"

static uint64_t taken(const struct su_assembly *a)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < a->copies.count; i++)
        sum += a->copies.at[i].taken;
    return sum;
}

static void answer_missing(struct su_context *c, const struct su_assembly *a)
{
    char name[16];
    su_json_open(&c->json, "missing", '[');
    for (size_t i = 0; i < a->missing.count; i++) {
        const struct su_missing *m = &a->missing.at[i];
        const char *file = m->volume ? su_volume_name(&a->bundle->manifest, m->volume, name) : m->what;
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "file", file);
        su_json_int(&c->json, "volume", m->volume);
        su_json_int(&c->json, "offset", (int64_t)m->offset);
        su_json_int(&c->json, "length", (int64_t)m->length);
        su_json_text(&c->json, "affects", m->volume ? m->what : "");
        su_json_close(&c->json, '}');
        if (m->volume)
            su_line(c, "  missing      %s at offset %llu, %s; affects: %s", file,
                    (unsigned long long)m->offset, su_bytes_text(m->length),
                    m->what[0] ? m->what : "framing only");
        else
            su_line(c, "  missing      %s: no copy has it as signed", file);
    }
    su_json_close(&c->json, ']');
}

static void answer_damage(struct su_context *c, const struct su_assembly *a)
{
    const struct su_damage *d = &a->damage;
    if (!a->has_damage)
        return;
    su_json_int(&c->json, "cells_lost", (int64_t)d->lost);
    su_json_int(&c->json, "worst_codeword", (int64_t)d->worst);
    su_json_int(&c->json, "worst_lost", (int64_t)d->worst_lost);
    su_json_int(&c->json, "may_lose", (int64_t)d->can_lose);
    su_json_int(&c->json, "spare", (int64_t)d->can_lose - (int64_t)d->worst_lost);
    su_line(c, "  cells        %s of %s lost in all copies; the worst codeword %s of %s that may be lost",
            su_count_text(d->lost), su_count_text(d->cells), su_count_text(d->worst_lost),
            su_count_text(d->can_lose));
}

static void answer(struct su_context *c, const struct su_repair *r)
{
    const struct su_assembly *a = &r->assembly;
    uint64_t lost = a->blocks - taken(a) - a->mended;
    su_json_text(&c->json, "bundle", r->bundle.name);
    su_json_int(&c->json, "sequence", (int64_t)r->bundle.manifest.sequence);
    su_json_hex(&c->json, "manifest_sha256", r->bundle.manifest_sha256, SU_SHA256_BYTES);
    su_json_int(&c->json, "volumes", (int64_t)r->bundle.manifest.volumes.count);
    su_json_int(&c->json, "blocks", (int64_t)a->blocks);
    su_json_open(&c->json, "copies", '[');
    for (size_t i = 0; i < a->copies.count; i++) {
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "path", a->copies.at[i].path);
        su_json_bool(&c->json, "has_manifest", a->copies.at[i].is_verified);
        su_json_int(&c->json, "blocks", (int64_t)a->copies.at[i].taken);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    su_json_int(&c->json, "repaired", (int64_t)a->mended);
    su_json_int(&c->json, "lost", (int64_t)lost);
    su_json_int(&c->json, "bytes", (int64_t)a->bytes);
    su_line(c, "%s: %s blocks, %s computed from recovery volumes, %s lost", r->bundle.name,
            su_count_text(a->blocks), su_count_text(a->mended), su_count_text(lost));
    for (size_t i = 0; i < a->copies.count; i++)
        su_line(c, "  from         %s: %s blocks%s", a->copies.at[i].path,
                su_count_text(a->copies.at[i].taken),
                a->copies.at[i].is_verified ? "" : " (no manifest of its own that counts)");
    answer_damage(c, a);
    answer_missing(c, a);
}

int cmd_repair(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_repair) struct su_repair r = SU_REPAIR_INIT;
    const char *to = su_given(c, "to");
    if (!to)
        return su_fail(err, SU_USAGE, "where shall the whole copy go? Give --to DIR");
    int result = su_repair(&c->home, &c->arguments, to, &c->events, &r, err);
    if (r.assembly.is_good)
        answer(c, &r);
    if (result < 0)
        return -1;
    su_line(c, "whole copy   %s/%s", to, r.bundle.name);
    su_message(&c->events, SU_REPAIRED, SU_INFO, "%s/%s is whole: %llu blocks, %llu of them computed", to,
               r.bundle.name, (unsigned long long)r.assembly.blocks, (unsigned long long)r.assembly.mended);
    return 0;
}

static void answer_relay(struct su_context *c, const struct su_repair *r, const char *to)
{
    const struct su_manifest *m = &r->bundle.manifest;
    su_json_open(&c->json, NULL, '{');
    su_json_text(&c->json, "bundle", r->bundle.name);
    su_json_int(&c->json, "sequence", (int64_t)m->sequence);
    su_json_hex(&c->json, "manifest_sha256", r->bundle.manifest_sha256, SU_SHA256_BYTES);
    su_json_int(&c->json, "volumes", (int64_t)m->volumes.count);
    su_json_int(&c->json, "blocks", (int64_t)r->assembly.blocks);
    su_json_int(&c->json, "bytes", (int64_t)r->assembly.bytes);
    su_line(c, "%s/%s: %zu volumes, %s, as this site imported it", to, r->bundle.name, m->volumes.count,
            su_bytes_text(r->assembly.bytes));
    su_json_open(&c->json, "children", '[');
    for (size_t i = 0; i < m->children.count; i++) {
        su_json_text(&c->json, NULL, m->children.at[i].text);
        su_line(c, "  child site   %s", m->children.at[i].text);
    }
    su_json_close(&c->json, ']');
    su_json_close(&c->json, '}');
    if (m->children.count == 0)
        su_line(c, "  no child site is named in it, so only site %s can import it", m->site);
    su_message(&c->events, SU_RELAYED, SU_INFO, "%s relayed to %s: %llu blocks", r->bundle.name, to,
               (unsigned long long)r->assembly.blocks);
}

int cmd_relay(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names found = {0};
    const char *to = su_given(c, "to");
    size_t done = 0;
    if (!to)
        return su_fail(err, SU_USAGE, "where shall the copy go? Give --to DIR");
    if (su_bundle_find(su_argument(c, 0), &found, err) < 0)
        return -1;
    su_json_open(&c->json, "relayed", '[');
    for (size_t i = 0; i < found.count; i++) {
        SU_AUTO(su_repair) struct su_repair r = SU_REPAIR_INIT;
        if (found.count > 1 && !su_bundle_unverified_is_for(found.at[i], c->home.name)) {
            su_message(&c->events, SU_WRONG_SITE, SU_INFO, "left: %s is for another site", found.at[i]);
            continue;
        }
        if (su_relay(&c->home, found.at[i], to, &c->actor, &c->events, &r, err) < 0)
            return done > 0 ? su_after(err, "The bundles named above were relayed.") : -1;
        answer_relay(c, &r, to);
        done++;
    }
    su_json_close(&c->json, ']');
    return done > 0 ? 0
                    : su_fail(err, SU_WRONG_SITE, "none of the %zu bundles is for site %s", found.count,
                              c->home.name);
}
