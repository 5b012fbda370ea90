/*
 * cmd_import.c - plan, import, undo.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/site/import.h"
#include "tools/cli/alert.h"
#include "tools/cli/look.h"
#include "tools/suimport/commands.h"
#include "tools/suimport/medium.h"

/* What the ledger will say of a refused import. Only what a trusted signature said stands in the entry. */
struct refused {
    struct su_ledger_entry entry;
    char site[17], claims[SU_BUNDLE_NAME_TEXT];
};

static int compare_candidates(const void *a, const void *b)
{
    const struct su_candidate *x = a, *y = b;
    if (x->urgent != y->urgent) /* the ordinary ones first */
        return x->urgent < y->urgent ? -1 : 1;
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

/* On a medium with several bundles their own claims sort them; each is verified before it is used. */
void su_medium_sort(const struct su_names *found, struct su_candidate *list)
{
    for (size_t i = 0; i < found->count; i++) {
        list[i].path = found->at[i];
        list[i].is_readable = su_bundle_unverified_claims(found->at[i], list[i].site, &list[i].sequence);
        list[i].urgent = su_bundle_unverified_urgent(found->at[i]);
    }
    qsort(list, found->count, sizeof *list, compare_candidates);
}

/* Whom the site believes because of this bundle. */
static void answer_trust(struct su_context *c, const struct su_trust_changes *changes)
{
    for (int revoked = 0; revoked < 2; revoked++) {
        su_json_open(&c->json, revoked ? "keys_revoked" : "keys_introduced", '[');
        for (size_t i = 0; i < changes->count; i++) {
            const struct su_trust_change *change = &changes->at[i];
            char fingerprint[SU_FINGERPRINT_TEXT];
            if (change->is_revoked != (revoked != 0))
                continue;
            su_key_fingerprint(change->id, fingerprint);
            su_json_open(&c->json, NULL, '{');
            su_json_text(&c->json, "name", change->name);
            su_json_text(&c->json, "role", change->role);
            su_json_text(&c->json, "fingerprint", fingerprint);
            if (revoked)
                su_json_int(&c->json, "last_sequence", (int64_t)change->last_sequence);
            su_json_close(&c->json, '}');
            if (revoked)
                su_line(c, "  key          %s (%s) %s revoked, counts up to sequence %llu", change->name,
                        change->role, fingerprint, (unsigned long long)change->last_sequence);
            else
                su_line(c, "  key          %s (%s) %s introduced", change->name, change->role, fingerprint);
        }
        su_json_close(&c->json, ']');
    }
}

struct owed_file {
    char *name, *update, *bundle; /* owned */
    uint8_t sha1[SU_SHA1_BYTES];
    uint64_t bytes;
};
struct owed_files {
    SU_VEC(struct owed_file) list;
    bool is_out_of_memory;
};

static void owed_files_cleanup(struct owed_files *o)
{
    for (size_t i = 0; i < o->list.count; i++) {
        free(o->list.at[i].name);
        free(o->list.at[i].update);
        free(o->list.at[i].bundle);
    }
    free(o->list.at);
    *o = (struct owed_files){.is_out_of_memory = false};
}

static void take_owed(void *context, const struct su_owed *owed)
{
    struct owed_files *o = context;
    struct owed_file *file = SU_PUSH(&o->list, SU_MAX_HOLES);
    if (file) {
        file->name = strdup(owed->name);
        file->update = strdup(owed->update);
        file->bundle = strdup(owed->bundle);
        memcpy(file->sha1, owed->sha1, SU_SHA1_BYTES);
        file->bytes = owed->bytes;
    }
    o->is_out_of_memory |= !file || !file->name || !file->update || !file->bundle;
}

static void answer_owed(struct su_context *c, const struct owed_files *o)
{
    su_json_open(&c->json, "owed", '[');
    for (size_t i = 0; i < o->list.count; i++) {
        const struct owed_file *f = &o->list.at[i];
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "name", f->name);
        su_json_hex(&c->json, "sha1", f->sha1, SU_SHA1_BYTES);
        su_json_int(&c->json, "bytes", (int64_t)f->bytes);
        su_json_text(&c->json, "update", f->update);
        su_json_text(&c->json, "bundle", f->bundle[0] ? f->bundle : NULL);
        su_json_close(&c->json, '}');
        su_line(c, "  owed         %s (%s) of %s; %s", f->name, su_bytes_text(f->bytes), f->update,
                f->bundle[0] ? f->bundle : "not at the hub when the bundle was made");
    }
    su_json_close(&c->json, ']');
}

static void answer_standing(struct su_context *c, const struct su_standing *s)
{
    su_json_text(&c->json, "urgent", s->urgent_id ? s->bundle : NULL);
    su_json_int(&c->json, "urgent_updates", (int64_t)s->updates);
    if (s->urgent_id)
        su_line(c, "  urgent       %s: %s updates beside the state", s->bundle, su_count_text(s->updates));
}

static void answer(struct su_context *c, const struct su_import_result *r, const struct owed_files *owed)
{
    char digest[SU_SHA256_TEXT];
    su_hex_format(r->state.digest, SU_SHA256_BYTES, digest);
    su_json_text(&c->json, "site", c->home.name);
    su_json_int(&c->json, "sequence", (int64_t)r->sequence);
    su_json_text(&c->json, "bundle", r->bundle);
    su_json_bool(&c->json, "already_imported", r->is_repeated);
    su_line(c, "%s%s", r->bundle,
            r->is_settled         ? ": an ordinary bundle has taken its place, nothing to do"
            : !r->is_repeated     ? ""
            : r->files_stored > 0 ? ": already imported; owed content came"
                                  : ": already imported, nothing to do");
    su_answer_changes(c, &r->changes, true);
    su_json_int(&c->json, "updates", (int64_t)r->state.updates);
    su_json_int(&c->json, "revisions", (int64_t)r->state.revisions);
    su_json_text(&c->json, "state_digest", digest);
    su_json_int(&c->json, "content_owed", (int64_t)r->content_owed);
    su_json_int(&c->json, "licence_owed", (int64_t)r->licence_owed);
    su_json_int(&c->json, "content_version", r->content_version);
    su_json_int(&c->json, "files_stored", (int64_t)r->files_stored);
    su_json_int(&c->json, "bytes_stored", (int64_t)r->bytes_stored);
    answer_trust(c, &r->trust);
    su_json_seconds(&c->json, "seconds", r->seconds);
    su_line(c, "  content      %s files (%s) new, %s held already, %s owed", su_count_text(r->files_stored),
            su_bytes_text(r->bytes_stored), su_count_text(r->files_held), su_count_text(r->content_owed));
    su_line(c, "  catalogue    %s updates, %s revisions", su_count_text(r->state.updates),
            su_count_text(r->state.revisions));
    su_line(c, "  state        %s", digest);
    answer_standing(c, &r->urgent);
    answer_owed(c, owed);
}

static void keep_refused(const struct su_candidate *candidate, const struct su_bundle_raw *raw,
                         const struct su_import_result *r, struct refused *out)
{
    struct su_err ignored = SU_ERR_INIT;
    *out = (struct refused){.entry.sequence = r->sequence};
    (void)snprintf(out->site, sizeof out->site, "%s", r->site);
    if (raw->manifest.length > 0 &&
        su_sha256(out->entry.subject, raw->manifest.bytes, raw->manifest.length, &ignored) < 0)
        memset(out->entry.subject, 0, sizeof out->entry.subject);
    if (!r->bundle[0] && candidate->is_readable)
        (void)(candidate->urgent ? su_urgent_name(candidate->site, candidate->urgent, out->claims)
                                 : su_bundle_name(candidate->site, candidate->sequence, out->claims));
}

static int import_one(struct su_context *c, const struct su_candidate *candidate, bool is_plan,
                      struct su_import_result *r, struct owed_files *owed, struct refused *refused,
                      struct su_err *err)
{
    SU_AUTO(su_bundle_raw) struct su_bundle_raw raw = SU_BUNDLE_RAW_INIT;
    SU_AUTO(owed_files) struct owed_files now = {.is_out_of_memory = false};
    struct su_import_options o = {
        .actor = &c->actor,
        .is_plan = is_plan,
        .accepted = {.profile = su_has(c, "accept-profile"), .jump = su_has(c, "accept-jump")},
        .allow_incomplete = su_has(c, "allow-incomplete"),
        .allow_partial = su_has(c, "allow-partial-content"),
        .owed = {.take = take_owed, .context = &now}};
    *r = (struct su_import_result){.sequence = 0};
    if (su_bundle_open(&raw, candidate->path, err) < 0) {
        keep_refused(candidate, &raw, r, refused);
        return su_after(err, "Nothing was written.");
    }
    if (su_import(&c->home, &raw, &o, &c->events, r, err) < 0) {
        keep_refused(candidate, &raw, r, refused);
        return -1;
    }
    if (now.is_out_of_memory) {
        (void)su_fail_memory(err);
        return su_after(err, "The import is done; only its list of owed files is not.");
    }
    owed_files_cleanup(owed);
    *owed = now;
    now = (struct owed_files){.is_out_of_memory = false};
    if (r->is_repeated && r->files_stored > 0 && !is_plan)
        su_message(&c->events, r->content_owed ? SU_CONTENT_BEHIND : SU_CONTENT_PAID,
                   r->content_owed ? SU_WARNING : SU_INFO, "%s: %llu owed files came, %llu are owed still",
                   r->bundle, (unsigned long long)r->files_stored, (unsigned long long)r->content_owed);
    else if (r->is_settled)
        su_message(&c->events, SU_URGENT_SETTLED, SU_INFO,
                   "%s: an ordinary bundle has taken its place, nothing to do", r->bundle);
    else if (r->is_repeated)
        su_message(&c->events, SU_IMPORT_REPEATED, SU_INFO, "%s: already imported, nothing to do", r->bundle);
    else if (!is_plan) {
        su_note_time(c, r->seconds);
        su_message(&c->events,
                   r->licence_owed   ? SU_LICENCE_PENDING
                   : r->content_owed ? SU_CONTENT_BEHIND
                                     : SU_SYNC_DONE,
                   r->content_owed ? SU_WARNING : SU_INFO,
                   "%s done: %llu new, %llu revised, %llu expired, %llu removed; content version %lld; %llu "
                   "files owed; %.2f s",
                   r->bundle, (unsigned long long)r->changes.new, (unsigned long long)r->changes.revised,
                   (unsigned long long)r->changes.expired, (unsigned long long)r->changes.removed,
                   (long long)r->content_version, (unsigned long long)r->content_owed, r->seconds);
    }
    return 0;
}

/* Whether a folder is left without trying it, and why. */
static bool is_left(struct su_context *c, const struct su_medium *m, const struct su_candidate *candidate)
{
    if (m->count == 1 && !m->is_inbox)
        return false;
    if (!candidate->is_readable) {
        su_message(&c->events, SU_FORMAT, SU_WARNING, "left: %s does not begin as a manifest does",
                   candidate->path);
        return true;
    }
    if (su_bundle_unverified_is_for(candidate->path, c->home.name))
        return false;
    su_message(&c->events, SU_WRONG_SITE, SU_INFO, "left: %s is for site %s", candidate->path,
               candidate->site);
    return true;
}

/* Whether what was refused may only lack the rest of its copy. What a good signature says is final at once.
 */
static bool is_being_copied(const struct su_medium *m, const struct su_candidate *candidate,
                            enum su_code code)
{
    static const enum su_code partial[] = {SU_SYSTEM,    SU_DAMAGED,   SU_FORMAT, SU_UNDECLARED,
                                           SU_NO_BUNDLE, SU_UNTRUSTED, SU_TOO_FEW};
    bool is_partial = false;
    struct su_stamp now;
    for (size_t i = 0; i < sizeof partial / sizeof *partial; i++)
        is_partial |= partial[i] == code;
    if (!m->is_inbox || !is_partial)
        return false;
    su_stamp_take(candidate->path, &now);
    int64_t quiet = su_time_seconds() - now.changed;
    return candidate->is_moving || memcmp(now.digest, candidate->stamp.digest, sizeof now.digest) != 0 ||
           (quiet < m->quiet_seconds && quiet > -m->quiet_seconds);
}

/* Takes those for this site in order, and says what it left. One that the site has gone past, or
 * that does not fit, is left when a later one does its work. */
static int run_all(struct su_context *c, struct su_medium *m, bool is_plan, struct refused *refused,
                   struct su_err *err)
{
    struct su_candidate *list = m->list;
    const size_t count = m->count;
    struct su_import_result r = {.sequence = 0}, last = {.sequence = 0};
    SU_AUTO(owed_files) struct owed_files owed = {.is_out_of_memory = false};
    struct su_err refusal = SU_ERR_INIT;
    size_t done = 0, ours = 0;
    for (size_t i = 0; i < count && !(is_plan && done > 0 && !last.is_repeated); i++) {
        list[i].is_settled = true;
        if (is_left(c, m, &list[i]))
            continue;
        ours++;
        if (import_one(c, &list[i], is_plan, &r, &owed, refused, err) == 0) {
            last = r;
            su_err_clear(&refusal);
            done++;
            continue;
        }
        if (is_being_copied(m, &list[i], err->code)) { /* those after it may build on it */
            list[i].is_settled = false;
            su_message(&c->events, err->code, SU_INFO, "left: %s may still be being copied: %s", list[i].path,
                       err->text);
            break;
        }
        refusal = *err;
        list[i].is_settled = err->code != SU_INTERRUPTED && err->code != SU_SPACE;
        if (count == 1 || (err->code != SU_OLDER && err->code != SU_URGENT_OLDER && err->code != SU_GAP))
            break;
        su_message(&c->events, err->code, SU_INFO, "left: %s", err->text);
    }
    m->taken = done;
    if (ours == 0 && !m->is_inbox)
        return su_fail(err, SU_WRONG_SITE, "none of the %zu bundles is for site %s", count, c->home.name);
    if (done > 0)
        answer(c, &last, &owed);
    if (refusal.code != SU_OK &&
        !(done > 0 && (refusal.code == SU_OLDER || refusal.code == SU_URGENT_OLDER))) {
        *err = refusal;
        return done > 0
                   ? su_after(err, "The bundles before it were imported; the site is in the state shown.")
                   : -1;
    }
    if (is_plan)
        su_line(c, "nothing written (plan only); the import of %s would succeed%s", last.bundle,
                count > 1 ? "; bundles after it build on it and were not tried" : "");
    if (last.content_owed > 0)
        c->note = SU_CONTENT_BEHIND;
    return 0;
}

int su_medium_take(struct su_context *c, struct su_medium *m, bool is_plan, struct su_err *err)
{
    struct refused refused = {.claims = ""};
    int result = run_all(c, m, is_plan, &refused, err);
    if (result == 0 && !is_plan && m->taken > 0)
        su_alert_succeeded(c, SU_ALERT_IMPORT);
    if (result < 0 && !is_plan) {
        refused.entry.actor = &c->actor;
        refused.entry.site = refused.site;
        su_ledger_refuse(c->home.db, &refused.entry, refused.claims[0] ? refused.claims : NULL, &c->events,
                         err);
        su_note_failure(c, m->path, err);
        su_alert_failed(c, SU_ALERT_IMPORT, err);
    }
    return result;
}

static int run(struct su_context *c, bool is_plan, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names found = {0};
    struct su_medium medium = {.path = su_argument(c, 0)};
    if (su_bundle_find(medium.path, &found, err) < 0)
        return -1;
    medium.count = found.count;
    medium.list = calloc(found.count, sizeof *medium.list);
    if (!medium.list)
        return su_fail_memory(err);
    su_medium_sort(&found, medium.list);
    int result = su_medium_take(c, &medium, is_plan, err);
    free(medium.list);
    return result;
}

int cmd_plan(struct su_context *c, struct su_err *err)
{
    return run(c, true, err);
}

int cmd_import(struct su_context *c, struct su_err *err)
{
    return run(c, false, err);
}

int cmd_undo(struct su_context *c, struct su_err *err)
{
    SU_AUTO(owed_files) struct owed_files owed = {.is_out_of_memory = false};
    struct su_owed_count count;
    struct su_import_result r;
    const char *word = su_argument(c, 0);
    uint64_t sequence = 0;
    if (word && (!su_u64_parse(&sequence, word, strlen(word), 999999) || sequence == 0))
        return su_fail(err, SU_USAGE, "%s is not a bundle's number", word);
    if (su_undo(&c->home, sequence, &c->actor, &c->events, &r, err) < 0 ||
        su_owed_now(c->home.db, &(struct su_owed_list){.take = take_owed, .context = &owed}, &count, err) < 0)
        return -1;
    su_line(c, "undone:");
    answer(c, &r, &owed);
    su_line(c, "If a receipt of it was returned, or it was relayed on, return a new receipt.");
    return 0;
}
