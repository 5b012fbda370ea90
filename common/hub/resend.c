#include "common/hub/resend.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/base/limits.h"
#include "common/bundle/pool.h"
#include "common/bundle/recovery.h"
#include "common/hub/readback.h"
#include "common/hub/remake.h"
#include "common/hub/sent.h"
#include "common/hub/site.h"

struct resending {
    struct su_home *hub;
    const struct su_resend_options *o;
    const struct su_events *events;
    struct su_resend_result *result;
    struct su_sent sent;
    uint8_t manifest_sha256[SU_SHA256_BYTES];
    uint64_t pool_bytes; /* gone by */
    bool has_recovery;   /* parity is asked for, so all data is needed for a while */
};

void su_resend_result_cleanup(struct su_resend_result *r)
{
    su_manifest_cleanup(&r->manifest);
    free(r->wanted);
    *r = (struct su_resend_result)SU_RESEND_RESULT_INIT;
}

/* The books say which manifest was sent; what was kept must be that one. */
static int open_kept(struct resending *r, const struct su_site *site, uint64_t sequence, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_MANIFEST_BYTES);
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t have[SU_SHA256_BYTES];
    if (su_query(r->hub->db, &rows, err,
                 "SELECT manifest_sha256 FROM export WHERE site_id=?1 AND sequence=?2", SU_I(site->site_id),
                 SU_I(sequence)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more == 0)
        return su_fail(err, SU_NOT_KEPT, "no bundle %llu was made for %s; the last one is %llu",
                       (unsigned long long)sequence, site->code, (unsigned long long)site->last_sent);
    su_bundle_name(site->code, sequence, r->result->bundle);
    if (more < 0 || su_rows_fixed(&rows, 0, r->manifest_sha256, SU_SHA256_BYTES, err) < 0 ||
        su_sent_open(&r->sent, r->hub, r->result->bundle, err) < 0)
        return -1;
    if (su_file_read_all(r->sent.dir, SU_MANIFEST_NAME, &text, err) < 0 ||
        su_sha256(have, text.bytes ? text.bytes : "", text.length, err) < 0)
        return su_prefix(err, "sent/%s", r->result->bundle);
    if (memcmp(have, r->manifest_sha256, sizeof have) != 0) {
        (void)su_fail(err, SU_DATA, "sent/%s/" SU_MANIFEST_NAME " is not the one that was signed and sent",
                      r->result->bundle);
        return su_remedy(err, "Make a new bundle: suexport export --site %s --full", site->code);
    }
    return su_manifest_parse(&r->result->manifest, text.bytes, text.length, err);
}

static int choose_one(struct su_resend_result *result, const char *asked, struct su_err *err)
{
    const struct su_manifest *m = &result->manifest;
    char name[16], first[16], last[16];
    uint64_t number = 0;
    if (!su_u64_parse(&number, asked, strlen(asked), m->volumes.count))
        for (size_t v = 1; v <= m->volumes.count && number == 0; v++)
            if (strcasecmp(asked, su_volume_name(m, (uint32_t)v, name)) == 0)
                number = v;
    if (number == 0)
        return su_fail(err, SU_USAGE, "%s has volumes 1 to %zu (%s to %s), there is no %s", result->bundle,
                       m->volumes.count, su_volume_name(m, 1, first),
                       su_volume_name(m, (uint32_t)m->volumes.count, last), asked);
    result->volumes += !result->wanted[number];
    result->wanted[number] = true;
    return 0;
}

static int choose(struct resending *r, struct su_err *err)
{
    struct su_resend_result *result = r->result;
    const struct su_manifest *m = &result->manifest;
    result->wanted = calloc(m->volumes.count + 1, sizeof *result->wanted);
    if (!result->wanted)
        return su_fail_memory(err);
    for (size_t i = 0; i < r->o->volume_count; i++)
        if (choose_one(result, r->o->volumes[i], err) < 0)
            return -1;
    for (size_t v = 1; r->o->volume_count == 0 && v <= m->volumes.count; v++) {
        result->wanted[v] = true;
        result->volumes++;
    }
    for (size_t v = 1; v <= m->volumes.count; v++)
        r->has_recovery |= result->wanted[v] && m->volumes.at[v - 1].is_recovery;
    return 0;
}

static int check_space(const struct resending *r, int out, struct su_err *err)
{
    uint64_t need = 2 * SU_MIB;
    for (size_t v = 1; v <= r->result->manifest.volumes.count; v++)
        if (r->has_recovery || r->result->wanted[v])
            need += r->result->manifest.volumes.at[v - 1].bytes;
    for (size_t i = 0; r->o->volume_count == 0 && i < r->result->manifest.payloads.count; i++)
        if (r->result->manifest.payloads.at[i].is_pooled)
            need += su_pool_would_write(out, &r->result->manifest.payloads.at[i].id);
    return su_space_demand(out, need, "the resend", " on the medium", err);
}

/* Parity is computed from the data volumes, which lie in `dir`, and must come out as it was signed. */
static int write_recovery(struct resending *r, int dir, struct su_err *err)
{
    SU_AUTO(su_manifest) struct su_manifest made = SU_MANIFEST_INIT;
    const struct su_manifest *m = &r->result->manifest;
    size_t data = su_manifest_data_volumes(m);
    (void)snprintf(made.site, sizeof made.site, "%s", m->site);
    (void)snprintf(made.hub, sizeof made.hub, "%s", m->hub);
    made.sequence = m->sequence;
    made.is_full = m->is_full;
    memcpy(made.result, m->result, SU_SHA256_BYTES);
    for (size_t v = 0; v < data; v++) {
        struct su_volume *copy = SU_PUSH(&made.volumes, SU_MAX_VOLUMES);
        if (!copy)
            return su_fail_memory(err);
        *copy = m->volumes.at[v];
    }
    for (size_t b = 0; b < (data < m->volumes.count ? m->volumes.at[data].first_block : 0); b++) {
        struct su_block *copy = SU_PUSH(&made.blocks, SU_MAX_MANIFEST_BYTES / 64);
        if (!copy)
            return su_fail_memory(err);
        *copy = m->blocks.at[b];
    }
    if (su_recovery_write(dir, &made, m->recovery.percent, 0, r->events, err) < 0)
        return -1;
    for (size_t v = data; v < m->volumes.count; v++)
        if (made.volumes.count != m->volumes.count || made.volumes.at[v].bytes != m->volumes.at[v].bytes ||
            memcmp(made.volumes.at[v].sha256, m->volumes.at[v].sha256, SU_SHA256_BYTES) != 0)
            return su_fail(err, SU_BUG, "recovery volume %zu would differ from the signed one", v + 1);
    return 0;
}

static int write_volumes(struct resending *r, int dir, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd frames = -1;
    const struct su_manifest *m = &r->result->manifest;
    char name[16];
    if (su_file_open(&frames, r->sent.dir, SU_SENT_FRAMES, NULL, err) < 0 ||
        su_sent_copy(&r->sent, dir, &r->result->bytes, err) < 0)
        return su_prefix(err, "sent/%s", r->result->bundle);
    for (size_t v = 1; v <= su_manifest_data_volumes(m); v++)
        if ((r->has_recovery || r->result->wanted[v]) &&
            su_volume_remake(r->hub, m, (uint32_t)v, dir, frames, r->events, err) < 0)
            return -1;
    if (r->has_recovery && write_recovery(r, dir, err) < 0)
        return -1;
    for (size_t v = 1; v <= m->volumes.count; v++)
        if (r->result->wanted[v])
            r->result->bytes += m->volumes.at[v - 1].bytes;
        else if (su_file_remove(dir, su_volume_name(m, (uint32_t)v, name), err) < 0)
            return -1;
    if (su_dir_sync(dir, err) < 0)
        return -1;
    const bool *wanted = r->o->volume_count > 0 ? r->result->wanted : NULL;
    return r->o->is_read_back ? su_read_back(dir, r->sent.dir, m, wanted, r->events, err) : 0;
}

static void pool_progress(void *context, uint64_t bytes)
{
    struct resending *r = context;
    r->pool_bytes += bytes;
    su_progress(r->events, SU_EXPORT_STARTED, "pool", r->pool_bytes, 0, "bytes");
}

/* A whole bundle that shares content with others on its medium needs that content beside it. */
static int write_pool(struct resending *r, int out, struct su_err *err)
{
    const struct su_manifest *m = &r->result->manifest;
    for (size_t i = 0; i < m->payloads.count; i++) {
        enum su_pool_outcome outcome;
        char path[32];
        if (!m->payloads.at[i].is_pooled)
            continue;
        if (su_pool_put(out, r->hub, &m->payloads.at[i].id, &outcome, pool_progress, r, err) < 0)
            return -1;
        if (outcome == SU_POOL_TAKEN) {
            (void)su_fail(err, SU_EXISTS, "%s/%s is another file", r->o->out,
                          su_pool_path(m->payloads.at[i].id.sha256, path));
            return su_remedy(err, "Use an empty medium.");
        }
        r->result->bytes += outcome == SU_POOL_WRITTEN ? m->payloads.at[i].id.bytes : 0;
    }
    return 0;
}

static int record(struct resending *r, const struct su_site *site, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_buf) struct su_buf detail = SU_BUF_INIT(64 * SU_KIB);
    const struct su_manifest *m = &r->result->manifest;
    su_buf_adds(&detail, r->result->bundle);
    for (size_t v = 1; r->o->volume_count > 0 && v <= m->volumes.count; v++)
        if (r->result->wanted[v]) {
            char name[16];
            su_buf_addf(&detail, " %s", su_volume_name(m, (uint32_t)v, name));
        }
    struct su_ledger_entry entry = {
        .actor = r->o->actor, .kind = "resend", .site = site->code, .sequence = m->sequence};
    memcpy(entry.subject, r->manifest_sha256, SU_SHA256_BYTES);
    if (su_buf_check(&detail, "a ledger entry", err) < 0)
        return -1;
    entry.detail = detail.bytes;
    if (su_begin(&t, r->hub->db, err) < 0 || su_ledger_add(r->hub->db, &entry, err) < 0)
        return -1;
    return su_commit(&t, err);
}

static int write_folder(struct resending *r, const struct su_site *site, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd out = -1, dir = -1;
    char partial[SU_BUNDLE_NAME_TEXT + 16];
    const char *bundle = r->result->bundle;
    (void)snprintf(partial, sizeof partial, "%s.partial", bundle);
    if (su_path_make(&out, r->o->out, 0755, NULL, err) < 0)
        return -1;
    if (su_file_exists(out, bundle))
        return su_fail(err, SU_EXISTS, "%s/%s exists already", r->o->out, bundle);
    if (check_space(r, out, err) < 0 || su_dir_remove(out, partial, err) < 0 ||
        su_dir_make(&dir, out, partial, 0755, err) < 0)
        return -1;
    /* The ledger first, the name last, as an export does. */
    bool is_whole = r->o->volume_count == 0;
    if ((!is_whole || write_pool(r, out, err) == 0) && write_volumes(r, dir, err) == 0 &&
        record(r, site, err) == 0 && su_dir_finish(out, partial, bundle, err) == 0)
        return 0;
    struct su_err ignored = SU_ERR_INIT;
    if (su_dir_remove(out, partial, &ignored) < 0)
        su_message(r->events, SU_SYSTEM, SU_WARNING, "the unfinished %s could not be removed: %s", partial,
                   ignored.text);
    return -1;
}

int su_resend(struct su_home *hub, const struct su_resend_options *o, const struct su_events *events,
              struct su_resend_result *result, struct su_err *err)
{
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    struct resending r = {.hub = hub, .o = o, .events = events, .result = result, .sent = SU_SENT_INIT};
    int code = su_site_load(hub->db, o->site, &site, err);
    if (code == 0)
        code = open_kept(&r, &site, o->sequence ? o->sequence : site.last_sent, err);
    if (code == 0)
        code = choose(&r, err) < 0 || write_folder(&r, &site, err) < 0 ? -1 : 0;
    su_sent_cleanup(&r.sent);
    return code < 0 ? su_after(err, "No volume was made.") : 0;
}
