#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/bundle/recovery.h"
#include "common/hub/export.h"
#include "tools/cli/passphrase.h"
#include "tools/suexport/commands.h"

/* Sizes of common media, a little below their nominal capacity for the file system's own needs. */
static const struct {
    const char *name;
    uint64_t bytes;
} media[] = {
    {"fat32", 4294967295u}, /* the largest file FAT32 can hold */
    {"dvd5", 4700000000u},
    {"dvd9", 8500000000u},
    {"bd25", 25000000000u},
};

static int parse_size(const char *text, uint64_t *out, struct su_err *err)
{
    static const char suffixes[] = "KMG";
    size_t n = strlen(text);
    unsigned shift = 0;
    for (size_t i = 0; i < sizeof media / sizeof *media; i++)
        if (strcmp(text, media[i].name) == 0) {
            *out = media[i].bytes;
            return 0;
        }
    const char *suffix = n > 1 ? strchr(suffixes, text[n - 1]) : NULL;
    if (suffix && *suffix) {
        shift = 10 * (unsigned)(suffix - suffixes + 1);
        n--;
    }
    if (!su_u64_parse(out, text, n, (UINT64_MAX >> 16) >> shift))
        return su_fail(
            err, SU_USAGE,
            "--volume-size %s is neither a size (bytes, K, M, G) nor one of fat32, dvd5, dvd9, bd25", text);
    *out <<= shift;
    return 0;
}

static void answer_json(struct su_context *c, const struct su_export_result *r, bool is_plan)
{
    const struct su_manifest *m = &r->manifest;
    bool has_bundle = !is_plan && !r->is_nothing;
    su_json_text(&c->json, "site", m->site);
    su_json_int(&c->json, "sequence", (int64_t)m->sequence);
    su_json_text(&c->json, "kind", r->is_nothing ? "none" : su_manifest_kind(m));
    if (m->urgent)
        su_json_int(&c->json, "urgent", (int64_t)m->urgent);
    if (m->bases.count > 0)
        su_json_hex(&c->json, "base_digest", m->bases.at[m->bases.count - 1].digest, SU_SHA256_BYTES);
    else
        su_json_text(&c->json, "base_digest", NULL);
    su_json_hex(&c->json, "result_digest", m->result, SU_SHA256_BYTES);
    su_json_text(&c->json, "bundle", has_bundle ? r->bundle : NULL);
    su_json_int(&c->json, "volumes", (int64_t)m->volumes.count);
    su_json_int(&c->json, "bytes", (int64_t)(has_bundle ? r->bytes : r->payload_bytes));
    su_json_int(&c->json, "updates", (int64_t)m->updates);
    su_json_int(&c->json, "revisions", (int64_t)m->revisions);
    su_json_int(&c->json, "files", (int64_t)r->files);
    if (has_bundle)
        su_json_hex(&c->json, "manifest_sha256", r->manifest_sha256, SU_SHA256_BYTES);
    else
        su_json_text(&c->json, "manifest_sha256", NULL);
    su_json_int(&c->json, "new", (int64_t)r->new);
    su_json_int(&c->json, "revised", (int64_t)r->revised);
    su_json_int(&c->json, "expired", (int64_t)r->expired);
    su_json_int(&c->json, "removed", (int64_t)r->removed);
    su_json_int(&c->json, "records", (int64_t)m->records);
    su_json_int(&c->json, "removals", (int64_t)m->removals);
    su_json_int(&c->json, "selected", (int64_t)r->selected);
    su_json_open(&c->json, "holes", '[');
    for (size_t i = 0; i < r->chains.count; i++)
        su_json_text(&c->json, NULL, r->chains.at[i].text);
    su_json_close(&c->json, ']');
    su_json_int(&c->json, "pool_files", (int64_t)r->pool_files);
    su_json_int(&c->json, "pool_bytes", (int64_t)r->pool_bytes);
    su_json_int(&c->json, "pool_written", (int64_t)r->pool_written);
}

/* Beside the sequence. */
static void answer_urgent(struct su_context *c, const struct su_export_result *r)
{
    const struct su_manifest *m = &r->manifest;
    su_line(c, "site %s   urgent %llu, fits any state%s, bundle %llu takes its place", m->site,
            (unsigned long long)m->urgent, r->is_nothing ? "; nothing to send" : "",
            (unsigned long long)m->sequence);
    su_line(c, "  updates      %s pinned or from the catalogue, %s with what they need; %s new to the site",
            su_count_text(r->selected), su_count_text(m->updates), su_count_text(r->new));
    su_line(c, "  records      %s, %s of documents", su_count_text(m->records), su_bytes_text(r->raw_bytes));
    su_line(c, "  content      %s", su_bytes_text(r->payload_bytes));
    for (size_t i = 0; i < r->chains.count; i++)
        su_line(c, "  hole         %s", r->chains.at[i].text);
}

static void answer_leaving(struct su_context *c, const struct su_export_result *r)
{
    su_json_open(&c->json, "removes", '[');
    for (size_t i = 0; i < r->leaving.count; i++) {
        const char *line = r->leaving.at[i].text;
        char id[SU_GUID_TEXT];
        (void)snprintf(id, sizeof id, "%s", line);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", id);
        su_json_text(&c->json, "title", line + SU_GUID_TEXT);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    if (r->removed > 0)
        su_line(c, "  would remove %s updates:", su_count_text(r->removed));
    for (size_t i = 0; i < r->leaving.count; i++)
        su_line(c, "    %s", r->leaving.at[i].text);
    if (r->removed > r->leaving.count)
        su_line(c, "    and %s more", su_count_text(r->removed - r->leaving.count));
}

static void answer(struct su_context *c, const struct su_export_result *r, bool is_plan)
{
    const struct su_manifest *m = &r->manifest;
    char state[20];
    answer_json(c, r, is_plan);
    if (m->urgent) {
        answer_urgent(c, r);
        return;
    }
    su_short_digest(m->result, state);
    su_line(c, "site %s   sequence %llu, %s%s%llu", m->site, (unsigned long long)m->sequence,
            r->is_nothing ? "nothing to send"
            : m->is_full  ? "full"
                          : "delta",
            m->bases.count ? ", fits every state since " : ", last sent ",
            (unsigned long long)(m->bases.count ? m->bases.at[0].sequence : m->follows));
    su_line(
        c,
        "  updates      +%s new  %s revised  %s expired  %s removed   (%s selected, %s carried for closure)",
        su_count_text(r->new), su_count_text(r->revised), su_count_text(r->expired),
        su_count_text(r->removed), su_count_text(r->selected), su_count_text(m->updates - r->selected));
    su_line(c, "  records      %s to write, %s to remove, %s of documents", su_count_text(m->records),
            su_count_text(m->removals), su_bytes_text(r->raw_bytes));
    su_line(c, "  content      %s; %s needed files already delivered", su_bytes_text(r->payload_bytes),
            su_count_text(r->held_files));
    if (r->pool_files > 0)
        su_line(c, "  pool         %s files, %s; %s of it written now", su_count_text(r->pool_files),
                su_bytes_text(r->pool_bytes), su_bytes_text(r->pool_written));
    su_line(c, "  leads to     %s updates, %s revisions, state %s", su_count_text(m->updates),
            su_count_text(m->revisions), state);
    for (size_t i = 0; i < r->chains.count; i++)
        su_line(c, "  hole         %s", r->chains.at[i].text);
}

/* In words, what the recovery volumes are good for. */
static void answer_recovery(struct su_context *c, const struct su_manifest *m)
{
    struct su_geometry g;
    size_t recovery = m->volumes.count - su_manifest_data_volumes(m);
    struct su_err ignored = SU_ERR_INIT;
    su_json_int(&c->json, "recovery_percent", (int64_t)m->recovery.percent);
    su_json_int(&c->json, "recovery_volumes", (int64_t)recovery);
    if (m->recovery.percent == 0 || su_recovery_geometry(m, &g, &ignored) < 0)
        return;
    char volumes[64] = "";
    if (su_recovery_can_lose(&g) > 0)
        (void)snprintf(volumes, sizeof volumes, "any %u of the %zu volumes, or ", su_recovery_can_lose(&g),
                       m->volumes.count);
    su_line(c, "  recovery     %zu volume%s; may be lost: %sabout 1 in %u sectors anywhere", recovery,
            recovery == 1 ? "" : "s", volumes, su_recovery_one_in(&g));
}

static int parse_recovery(struct su_context *c, uint64_t *out, struct su_err *err)
{
    if (su_given_number(c, "recovery", SU_MAX_RECOVERY_PERCENT, out, err) < 0)
        return -1;
    if (su_has(c, "recovery") && *out == 0)
        return su_fail(err, SU_USAGE, "--recovery 0 adds nothing; give 1 to %u, or leave it out",
                       SU_MAX_RECOVERY_PERCENT);
    return 0;
}

static int take_options(struct su_context *c, struct su_export_options *o, struct su_err *err)
{
    const char *size = su_given(c, "volume-size");
    o->out = su_given(c, "out");
    o->key = su_given(c, "key");
    o->allow_incomplete = su_has(c, "allow-incomplete");
    o->is_read_back = su_has(c, "read-back");
    o->is_pooled = !su_has(c, "separate") && (su_has(c, "pool") || su_has(c, "all-due"));
    if (!o->out)
        return su_fail(err, SU_USAGE, "where to? Give --out DIR");
    if (su_has(c, "pool") && su_has(c, "separate"))
        return su_fail(err, SU_USAGE, "--pool and --separate exclude each other");
    return (size && parse_size(size, &o->volume_bytes, err) < 0) ||
                   parse_recovery(c, &o->recovery_percent, err) < 0
               ? -1
               : 0;
}

static int run(struct su_context *c, bool is_plan, struct su_err *err)
{
    SU_AUTO(su_export_result) struct su_export_result r = SU_EXPORT_RESULT_INIT;
    struct su_passphrase passphrase = su_cli_passphrase(c);
    struct su_export_options o = {.site = su_given(c, "site"),
                                  .actor = &c->actor,
                                  .passphrase = &passphrase,
                                  .is_full = su_has(c, "full"),
                                  .is_urgent = su_has(c, "urgent"),
                                  .is_plan = is_plan};
    if (!o.site)
        return su_fail(err, SU_USAGE,
                       is_plan ? "which site? Give --site CODE"
                               : "which site? Give --site CODE, or --all-due");
    if (o.is_urgent && o.is_full)
        return su_fail(err, SU_USAGE, "--urgent and --full exclude each other");
    if (su_has(c, "only-catalog") && !o.is_urgent)
        return su_fail(err, SU_USAGE, "--only-catalog goes with --urgent");
    if (su_given_number(c, "since", 999999, &o.since, err) < 0 || (!is_plan && take_options(c, &o, err) < 0))
        return -1;
    if (su_export(&c->home, &o, &c->events, &r, err) < 0)
        return -1;
    answer(c, &r, is_plan);
    answer_recovery(c, &r.manifest);
    if (is_plan) {
        answer_leaving(c, &r);
        su_line(c, "nothing written (plan only)");
        if (r.chains.count > 0)
            return su_fail(err, SU_INCOMPLETE, "an export would be refused: the closure has %zu holes",
                           r.chains.count);
    } else if (r.is_nothing && o.is_urgent) {
        su_message(&c->events, SU_EXPORT_NOTHING, SU_INFO,
                   "nothing to export: %s holds whatever is pinned or came from the catalogue", o.site);
    } else if (r.is_nothing) {
        su_message(&c->events, SU_EXPORT_NOTHING, SU_INFO,
                   "nothing to export: %s holds the present state since bundle %llu", o.site,
                   (unsigned long long)r.manifest.follows);
    } else {
        su_line(c, "bundle %s/%s: %zu volumes, %s", o.out, r.bundle, r.manifest.volumes.count,
                su_bytes_text(r.bytes));
        su_message(&c->events, SU_EXPORT_DONE, SU_INFO, "export done: %s, %zu volumes, %llu bytes", r.bundle,
                   r.manifest.volumes.count, (unsigned long long)r.bytes);
    }
    return 0;
}

int cmd_plan(struct su_context *c, struct su_err *err)
{
    return run(c, true, err);
}

/* The sums of one run over all sites, and its worst failure. */
struct due {
    size_t made, failed;
    uint64_t pool_bytes, pool_written;
    struct su_err worst;
};

static void export_due(struct su_context *c, struct su_export_options *o, struct due *due)
{
    SU_AUTO(su_export_result) struct su_export_result r = SU_EXPORT_RESULT_INIT;
    struct su_err err = SU_ERR_INIT;
    su_json_open(&c->json, NULL, '{');
    if (su_export(&c->home, o, &c->events, &r, &err) < 0) {
        struct su_ledger_entry entry = {.actor = &c->actor, .site = o->site};
        su_ledger_refuse(c->home.db, &entry, NULL, &c->events, &err);
        su_json_text(&c->json, "site", o->site);
        su_json_text(&c->json, "error", err.text);
        su_json_int(&c->json, "exit_status", su_code_exit_status(err.code));
        su_line(c, "  %-16s refused: %s", o->site, err.text);
        if (due->failed++ == 0 || su_code_exit_status(err.code) > su_code_exit_status(due->worst.code))
            due->worst = err;
    } else {
        answer_json(c, &r, false);
        if (r.is_nothing)
            su_line(c, "  %-16s nothing due", o->site);
        else
            su_line(c, "  %-16s seq %llu  +%s  %s", o->site, (unsigned long long)r.manifest.sequence,
                    su_count_text(r.new), su_bytes_text(r.payload_bytes));
        due->made += !r.is_nothing;
        due->pool_bytes += r.pool_bytes;
        due->pool_written += r.pool_written;
    }
    su_json_close(&c->json, '}');
}

static int list_codes(struct su_context *c, struct su_names *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(c->home.db, &rows, err, "SELECT code FROM site ORDER BY code") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        char **slot = SU_PUSH(out, 1000000);
        if (!slot || !(*slot = strdup(su_rows_text(&rows, 0))))
            return su_fail_memory(err);
    }
    return more;
}

/* One site that fails does not stop the others; the worst failure is the exit status. */
static int run_all_due(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names codes = {0};
    struct su_passphrase passphrase = su_cli_passphrase(c);
    struct su_export_options o = {.actor = &c->actor, .passphrase = &passphrase, .is_due_only = true};
    struct due due = {.worst = SU_ERR_INIT};
    if (su_has(c, "site") || su_has(c, "since") || su_has(c, "full") || su_has(c, "urgent") ||
        su_has(c, "only-catalog"))
        return su_fail(err, SU_USAGE, "--all-due goes without --site, --since, --full and --urgent");
    if (take_options(c, &o, err) < 0 || list_codes(c, &codes, err) < 0)
        return -1;
    su_json_open(&c->json, "sites", '[');
    for (size_t i = 0; i < codes.count && due.worst.code != SU_INTERRUPTED; i++) {
        o.site = codes.at[i];
        export_due(c, &o, &due);
    }
    su_json_close(&c->json, ']');
    su_json_int(&c->json, "bundles", (int64_t)due.made);
    su_json_int(&c->json, "failed", (int64_t)due.failed);
    su_json_int(&c->json, "pool_bytes", (int64_t)due.pool_bytes);
    su_json_int(&c->json, "pool_written", (int64_t)due.pool_written);
    if (due.pool_bytes > 0)
        su_line(c, "  shared content pool: %s written instead of %s", su_bytes_text(due.pool_written),
                su_bytes_text(due.pool_bytes));
    if (due.failed == 0)
        return 0;
    *err = due.worst;
    (void)su_prefix(err, "%zu of %zu sites failed, the worst", due.failed, codes.count);
    return due.made > 0 ? su_after(err, "The bundles of the other sites were made.") : -1;
}

int cmd_export(struct su_context *c, struct su_err *err)
{
    const char *code = su_given(c, "site");
    if (su_has(c, "all-due"))
        return run_all_due(c, err);
    if (run(c, false, err) == 0)
        return 0;
    struct su_ledger_entry entry = {.actor = &c->actor,
                                    .site = code && su_site_code_is_valid(code) ? code : ""};
    su_ledger_refuse(c->home.db, &entry, NULL, &c->events, err);
    return -1;
}
