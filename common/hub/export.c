#include "common/hub/export.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/limits.h"
#include "common/bundle/pool.h"
#include "common/bundle/recovery.h"
#include "common/bundle/volume_write.h"
#include "common/hub/export_plan.h"
#include "common/hub/frames.h"
#include "common/hub/readback.h"
#include "common/hub/rotation.h"
#include "common/hub/sent.h"
#include "common/hub/settled.h"
#include "common/hub/slip.h"
#include "common/point/ledger.h"
#include "common/sys/clock.h"
#include "common/trust/keys.h"

void su_export_result_cleanup(struct su_export_result *result)
{
    su_manifest_cleanup(&result->manifest);
    for (size_t i = 0; i < result->chains.count; i++)
        free(result->chains.at[i].text);
    free(result->chains.at);
    for (size_t i = 0; i < result->leaving.count; i++)
        free(result->leaving.at[i].text);
    free(result->leaving.at);
    *result = (struct su_export_result)SU_EXPORT_RESULT_INIT;
}

struct writing {
    struct su_home *home;
    const struct su_events *events;
    const struct su_actor *actor;
    struct su_export_result *result;
    struct su_manifest *m;
    struct su_volume_writer *volumes;
    struct su_sent sent;
    const struct su_key_files *signers; /* at least one */
    struct su_digest digest;            /* of the file that is written */
    _Atomic uint64_t done;              /* content and metadata go on beside each other */
    uint64_t total;
    const struct su_site *site;
    struct su_slip_part updates; /* of the slip */
    int pool;                    /* the folder that holds the pool; -1: none */
    uint64_t most_pool_bytes;    /* of a pooled file; larger ones would not fit the medium's file system */
};

/* From any thread. */
static void progress(void *context, uint64_t added)
{
    struct writing *w = context;
    uint64_t done = atomic_fetch_add(&w->done, added) + added;
    su_progress(w->events, SU_EXPORT_STARTED, "export", done, w->total, "bytes");
}

static int changed(const char *name, struct su_err *err)
{
    (void)su_fail(err, SU_CONTENT_WRONG, "stored file %s has changed since it was adopted", name);
    return su_remedy(err, "Run 'suexport content verify', remove the file from the store and add it again.");
}

/* Streams one stored file, proving on the same read that it is still what the metadata names. */
static int write_file(struct writing *w, const struct su_payload *p, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    char name[SU_ITEM_TEXT];
    uint8_t have[SU_SHA256_BYTES];
    uint64_t bytes;
    su_volume_payload_item(p, name);
    if (su_store_open(&fd, w->home, p->id.sha256, &bytes, err) < 0) {
        if (err->code == SU_MEMORY)
            return -1;
        err->code = SU_INCOMPLETE;
        return su_remedy(err, "Run 'suexport content verify' and add the file again.");
    }
    if (bytes != p->id.bytes)
        return changed(name, err);
    if (su_digest_open(&w->digest, SU_SHA256, err) < 0 || su_volume_item(w->volumes, name, bytes, err) < 0)
        return -1;
    while (bytes > 0) {
        size_t room;
        char *to = su_volume_room(w->volumes, &room, err);
        ssize_t n = to ? su_file_read(fd, to, room, err) : -1;
        if (n == 0)
            return changed(name, err);
        if (n < 0 || su_digest_add(&w->digest, to, (size_t)n, err) < 0 ||
            su_volume_write(w->volumes, to, (size_t)n, err) < 0)
            return -1;
        progress(w, (uint64_t)n);
        bytes -= (uint64_t)n;
    }
    if (su_digest_end(&w->digest, have, err) < 0)
        return -1;
    return memcmp(have, p->id.sha256, sizeof have) == 0 ? 0 : changed(name, err);
}

/* Into the pool where that is asked for and possible, else into the volumes. */
static int write_payload(struct writing *w, struct su_payload *p, struct su_err *err)
{
    enum su_pool_outcome outcome = SU_POOL_TAKEN;
    if (w->pool >= 0 && p->id.bytes <= w->most_pool_bytes &&
        su_pool_put(w->pool, w->home, &p->id, &outcome, progress, w, err) < 0)
        return -1;
    p->is_pooled = outcome != SU_POOL_TAKEN;
    if (!p->is_pooled)
        return write_file(w, p, err) < 0 ? -1
                                         : su_volume_item_end(w->volumes, &p->first_extent, &p->extents, err);
    w->result->pool_files++;
    w->result->pool_bytes += p->id.bytes;
    w->result->pool_written += outcome == SU_POOL_WRITTEN ? p->id.bytes : 0;
    return 0;
}

/* The content to carry, into the manifest: while it is written, the metadata has the database. */
static int list_files(struct writing *w, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    /* By size and digest: an order that depends on nothing but the content. */
    if (su_query(
            w->home->db, &rows, err,
            "SELECT sha256, sha1, bytes, licence FROM temp.deliver ORDER BY licence DESC, bytes, sha256") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_payload *p = SU_PUSH(&w->m->payloads, SU_MAX_PAYLOADS);
        if (!p)
            return su_fail_full(err, "a bundle carries at most %u files", SU_MAX_PAYLOADS);
        p->id.bytes = (uint64_t)su_rows_int(&rows, 2);
        p->is_licence = su_rows_int(&rows, 3) != 0;
        if (su_rows_fixed(&rows, 0, p->id.sha256, SU_SHA256_BYTES, err) < 0 ||
            su_rows_fixed(&rows, 1, p->id.sha1, SU_SHA1_BYTES, err) < 0)
            return -1;
    }
    return more;
}

/* What the site will hold, in the hub's books, and the list of it on the slip: thousands of rows of the
 * database, which nobody else wants while content is written. Nothing counts before the commit. */
static int write_books(void *context, struct su_err *err)
{
    struct writing *w = context;
    struct su_db *db = w->home->db;
    int64_t site = w->site->site_id;
    if (w->m->urgent) /* beside the sequence: nobody knows whether it arrives, and the next bundle carries all
                         of it */
        return su_slip_updates(db, &w->updates, err);
    if (su_run(db, err,
               "UPDATE site_state SET to_sequence=?2 FROM temp.stale t WHERE site_state.site_id=?1 AND "
               "site_state.update_id=t.update_id AND site_state.revision=t.revision AND "
               "site_state.from_sequence=t.from_sequence",
               SU_I(site), SU_I(w->m->sequence)) < 0 ||
        su_run(db, err,
               "INSERT INTO site_state SELECT ?1, r.update_id, r.revision, ?2, NULL, r.record_sha256, "
               "r.doc_sha256 FROM temp.send s JOIN revision r USING (rev_id) WHERE s.is_fresh ORDER BY "
               "r.update_id, r.revision",
               SU_I(site), SU_I(w->m->sequence)) < 0 ||
        /* A file that only bundles since the floor carried, and this one does not, may never arrive. */
        su_run(db, err,
               "DELETE FROM site_file WHERE site_id=?1 AND sequence>?2 AND sha256 NOT IN (SELECT sha256 FROM "
               "temp.deliver)",
               SU_I(site), SU_I(w->result->floor)) < 0 ||
        su_run(db, err, "INSERT OR IGNORE INTO site_file SELECT ?1, sha256, ?2 FROM temp.deliver", SU_I(site),
               SU_I(w->m->sequence)) < 0)
        return -1;
    return su_slip_updates(db, &w->updates, err);
}

/* Content and metadata at the same time, content first in the volumes. Whichever fails first, an error of
 * content is told before one of metadata. */
static int write_items(struct writing *w, struct su_err *err)
{
    if (list_files(w, err) < 0)
        return -1;
    const struct su_frames_events events = {.context = w, .moved = progress, .then = write_books};
    SU_AUTO(su_frames)
    struct su_frames *frames = su_frames_start(w->home->db, &w->sent, w->m, &events, err);
    if (!frames)
        return -1;
    for (size_t i = 0; i < w->m->payloads.count; i++)
        if (write_payload(w, &w->m->payloads.at[i], err) < 0)
            return -1;
    if (su_frames_finish(frames, w->volumes, err) < 0)
        return -1;
    if (w->m->urgent && su_manifest_raw_bytes(w->m) > SU_MAX_URGENT_BYTES)
        return su_fail(err, SU_LIMIT, "an urgent bundle has at most %zu bytes of records",
                       SU_MAX_URGENT_BYTES);
    return su_volume_finish(w->volumes, err);
}

static void recipe(const struct su_manifest *m, const uint8_t key_id[SU_SHA256_BYTES], struct su_buf *out)
{
    char bundle[SU_BUNDLE_NAME_TEXT], volume[16];
    su_volume_name(m, 1, volume);
    su_buf_addf(out,
                "How to check bundle %s without suimport.\n\n"
                "You need openssl 3, sha256sum and tar, and the hub's public key file, which must not come\n"
                "from this medium. Set HUB_PUB to its path and run in this folder. Each command must end\n"
                "with status 0; if one does not, do not use the bundle.\n\n"
                "1. The manifest was signed by the hub:\n"
                "   openssl pkeyutl -verify -pubin -inkey \"$HUB_PUB\" -rawin -in MANIFEST.TXT -sigfile "
                "%02X%02X%02X%02X.SIG\n\n"
                "2. Every file is the one the manifest names:\n"
                "   grep -E '^[0-9a-f]{64}  ' MANIFEST.TXT | sha256sum --strict -c -\n\n"
                "3. Nothing else lies here:\n"
                "   test \"$(ls -A | grep -v -x -E 'MANIFEST\\.TXT|[0-9A-F]{8}\\.(SIG|P7S)' | sort)\" = "
                "\"$(sed -n -E 's/^[0-9a-f]{64}  ([^/]+)$/\\1/p' MANIFEST.TXT | sort)\"\n\n"
                "4. What it holds:\n"
                "   for v in %.8s.[0-9][0-9][0-9]; do tar -tvf \"$v\" || exit 1; done\n",
                su_manifest_name(m, bundle), key_id[0], key_id[1], key_id[2], key_id[3], volume);
}

static int write_paper(struct writing *w, int dir, enum su_paper paper, struct su_buf *text,
                       struct su_err *err)
{
    if (su_buf_check(text, su_paper_name(paper), err) < 0 ||
        su_sha256(w->m->papers[paper], text->bytes, text->length, err) < 0)
        return -1;
    w->result->bytes += text->length;
    return su_file_save(dir, su_paper_name(paper), 0644, false, text->bytes, text->length, err);
}

static int write_slip(struct writing *w, int dir, struct su_err *err)
{
    SU_AUTO(su_slip_part) struct su_slip_part slip = SU_SLIP_PART_INIT;
    if (su_slip(w->home->db, w->result, w->actor, w->signers->at[0].key.id, &w->updates, &slip, err) < 0 ||
        write_paper(w, dir, SU_PAPER_SLIP, &slip.text, err) < 0)
        return -1;
    return write_paper(w, dir, SU_PAPER_SLIP_HTML, &slip.html, err);
}

/* Recovery volumes must fit the medium too, so data volumes are made a little smaller with them. */
static int data_volume_bytes(const struct su_export_options *o, const struct su_export_result *result,
                             uint64_t *out, struct su_err *err)
{
    uint64_t items = result->files + result->raw_bytes / SU_FRAME_BYTES + 2;
    *out = o->volume_bytes;
    if (o->recovery_percent == 0 || o->volume_bytes == 0)
        return 0;
    *out = su_recovery_volume_bytes(o->volume_bytes, o->recovery_percent, result->payload_bytes,
                                    result->payload_bytes + result->raw_bytes + items * 2048);
    struct su_geometry least;
    if (*out > 0 &&
        su_geometry_make(&least, (size_t)(result->payload_bytes / *out) + 1, *out, o->recovery_percent))
        return 0;
    (void)su_fail(err, SU_USAGE, "--volume-size %llu is too small for --recovery %llu",
                  (unsigned long long)o->volume_bytes, (unsigned long long)o->recovery_percent);
    return su_remedy(err, "Choose a larger --volume-size or a smaller --recovery.");
}

/* One file for each key. */
static int sign_all(struct writing *w, int dir, const struct su_buf *manifest, struct su_err *err)
{
    for (size_t i = 0; i < w->signers->count; i++) {
        const struct su_key *key = &w->signers->at[i].key;
        uint8_t signature[SU_SIGNATURE_BYTES];
        char name[16];
        (void)snprintf(name, sizeof name, "%02X%02X%02X%02X.SIG", key->id[0], key->id[1], key->id[2],
                       key->id[3]);
        if (su_sign(key, manifest->bytes, manifest->length, signature, err) < 0 ||
            su_file_save(dir, name, 0644, false, signature, sizeof signature, err) < 0)
            return -1;
        w->result->bytes += sizeof signature;
    }
    return 0;
}

/* Everything but the final name: volumes, recipe, manifest, signatures, all synced. */
static int write_bundle(struct writing *w, int dir, const struct su_export_options *o, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf manifest = SU_BUF_INIT(SU_MAX_MANIFEST_BYTES), text = SU_BUF_INIT(8192);
    char set[SU_SET_TEXT];
    uint64_t volume_bytes;
    if (data_volume_bytes(o, w->result, &volume_bytes, err) < 0 || su_volume_set(w->m, set, err) < 0 ||
        !(w->volumes = su_volume_writer_new(dir, volume_bytes, set, w->m, err)) || write_items(w, err) < 0 ||
        (o->recovery_percent > 0 &&
         su_recovery_write(dir, w->m, o->recovery_percent, o->volume_bytes, w->events, err) < 0))
        return -1;
    recipe(w->m, w->signers->at[0].key.id, &text);
    if (write_paper(w, dir, SU_PAPER_RECIPE, &text, err) < 0 || write_slip(w, dir, err) < 0)
        return -1;
    su_manifest_format(w->m, &manifest);
    if (su_buf_check(&manifest, "the manifest", err) < 0 ||
        su_sha256(w->result->manifest_sha256, manifest.bytes, manifest.length, err) < 0)
        return -1;
    if (sign_all(w, dir, &manifest, err) < 0 ||
        su_file_save(dir, SU_MANIFEST_NAME, 0644, false, manifest.bytes, manifest.length, err) < 0)
        return -1;
    w->result->bytes += su_manifest_volume_bytes(w->m) + manifest.length;
    return su_dir_sync(dir, err);
}

/* Files declared as missing; references are holes of another kind. */
static size_t content_holes(const struct su_manifest *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->holes.count; i++)
        n += strncmp(m->holes.at[i].text, "content ", 8) == 0 ||
             strncmp(m->holes.at[i].text, "licence ", 8) == 0;
    return n;
}

/* It changes nothing of what the site is believed to hold. */
static int record_urgent(struct su_home *home, const struct su_site *site, const struct su_export_options *o,
                         const struct su_export_result *result, struct su_err *err)
{
    const struct su_manifest *m = &result->manifest;
    struct su_ledger_entry entry = {
        .actor = o->actor, .kind = "urgent", .site = site->code, .detail = result->bundle};
    char now[SU_TIME_TEXT];
    memcpy(entry.subject, result->manifest_sha256, SU_SHA256_BYTES);
    if (su_run(home->db, err, "INSERT INTO urgent_export VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
               SU_I(site->site_id), SU_I(m->urgent), SU_I(m->sequence), SU_T(su_time_now(now)),
               SU_T(m->created), SU_B(m->result, SU_SHA256_BYTES),
               SU_B(result->manifest_sha256, SU_SHA256_BYTES), SU_I(m->volumes.count), SU_I(result->bytes),
               SU_I(m->records), SU_I(m->payloads.count)) < 0)
        return -1;
    return su_ledger_add(home->db, &entry, err);
}

/* The bundle in the hub's books, and that it leaves nothing to be sent. */
static int record_export(struct su_home *home, const struct su_site *site, const struct su_export_options *o,
                         const struct su_export_result *result, struct su_err *err)
{
    const struct su_manifest *m = &result->manifest;
    char now[SU_TIME_TEXT];
    if (m->urgent)
        return record_urgent(home, site, o, result, err);
    if (su_run(
            home->db, err,
            "INSERT INTO export (site_id, sequence, kind, exported, created, state_digest, manifest_sha256,"
            " volumes, bytes, records, files, content_holes) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
            SU_I(site->site_id), SU_I(m->sequence), SU_T(m->is_full ? "full" : "delta"),
            SU_T(su_time_now(now)), SU_T(m->created), SU_B(m->result, SU_SHA256_BYTES),
            SU_B(result->manifest_sha256, SU_SHA256_BYTES), SU_I(m->volumes.count), SU_I(result->bytes),
            SU_I(m->records + m->removals), SU_I(m->payloads.count), SU_I(content_holes(m))) < 0 ||
        su_settled_keep(home->db, site, result, err) < 0)
        return -1;
    struct su_ledger_entry entry = {.actor = o->actor,
                                    .kind = "export",
                                    .site = site->code,
                                    .detail = result->bundle,
                                    .sequence = m->sequence};
    memcpy(entry.subject, result->manifest_sha256, SU_SHA256_BYTES);
    return su_ledger_add(home->db, &entry, err);
}

/* Bytes of content that will be written: what lies in the pool already is not. */
static int content_bytes(struct su_home *home, int out, const struct su_export_options *o,
                         const struct su_export_result *result, uint64_t *bytes, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_file_id id;
    int more;
    *bytes = result->payload_bytes;
    if (!o->is_pooled)
        return 0;
    if (su_query(home->db, &rows, err, "SELECT sha256, bytes FROM temp.deliver") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        id = (struct su_file_id){.bytes = (uint64_t)su_rows_int(&rows, 1)};
        if (su_rows_fixed(&rows, 0, id.sha256, sizeof id.sha256, err) < 0)
            return -1;
        *bytes -= id.bytes - su_pool_would_write(out, &id);
    }
    return more;
}

static int check_space(struct su_home *home, int out, const struct su_export_options *o,
                       const struct su_export_result *result, struct su_err *err)
{
    uint64_t need;
    if (content_bytes(home, out, o, result, &need, err) < 0)
        return -1;
    need += result->raw_bytes / 4;
    if (o->recovery_percent > 0)
        need += su_recovery_estimate(o->volume_bytes, o->recovery_percent, need);
    return su_space_demand(out, need + 4 * SU_MIB, "the bundle", " on the medium", err);
}

/* What a run left that was killed between its books and the bundle's name: this export takes its place. */
static int drop_unnamed(const struct su_manifest *m, int out, struct su_err *err)
{
    struct su_manifest before = *m; /* borrowed, for its name */
    char bundle[SU_BUNDLE_NAME_TEXT], partial[SU_BUNDLE_NAME_TEXT + 16];
    if ((m->urgent ? --before.urgent : --before.sequence) == 0)
        return 0;
    (void)snprintf(partial, sizeof partial, "%s.partial", su_manifest_name(&before, bundle));
    return su_dir_remove(out, partial, err);
}

static int write_all(struct su_home *home, const struct su_site *site, const struct su_export_options *o,
                     const struct su_key_files *signers, const struct su_events *events,
                     struct su_export_result *result, struct su_transaction *t, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd out = -1, dir = -1;
    char partial[SU_BUNDLE_NAME_TEXT + 16];
    (void)snprintf(partial, sizeof partial, "%s.partial", result->bundle);
    if (su_path_make(&out, o->out, 0755, NULL, err) < 0)
        return -1;
    if (su_file_exists(out, result->bundle))
        return su_fail(err, SU_EXISTS, "%s/%s exists already", o->out, result->bundle);
    if (check_space(home, out, o, result, err) < 0 || drop_unnamed(&result->manifest, out, err) < 0 ||
        su_dir_remove(out, partial, err) < 0 || su_dir_make(&dir, out, partial, 0755, err) < 0)
        return -1;
    struct writing w = {.home = home,
                        .events = events,
                        .actor = o->actor,
                        .site = site,
                        .updates = SU_SLIP_PART_INIT,
                        .result = result,
                        .m = &result->manifest,
                        .signers = signers,
                        .sent = SU_SENT_INIT,
                        .digest = SU_DIGEST_INIT,
                        .total = result->payload_bytes + result->raw_bytes,
                        .pool = o->is_pooled ? out : -1,
                        .most_pool_bytes = o->volume_bytes ? o->volume_bytes : UINT64_MAX};
    int code = su_sent_begin(&w.sent, home, site, w.m, result->raw_bytes / 4 + 4 * SU_MIB, err);
    if (code == 0)
        code = write_bundle(&w, dir, o, err);
    if (code == 0)
        code = su_sent_keep(&w.sent, dir, w.m, result->manifest_sha256, err);
    if (code == 0 && o->is_read_back)
        code = su_read_back(dir, w.sent.dir, w.m, NULL, events, err);
    su_sent_cleanup(&w.sent);
    su_volume_writer_cleanup(&w.volumes);
    su_digest_cleanup(&w.digest);
    su_slip_part_cleanup(&w.updates);
    /* Books first, final name last: a bundle that bears its name is always in the books; one that
     * was lost between the two is like a lost stick, and the next bundle covers it. */
    if (code == 0)
        code = record_export(home, site, o, result, err) < 0 || su_commit(t, err) < 0 ||
                       su_dir_finish(out, partial, result->bundle, err) < 0
                   ? -1
                   : 0;
    struct su_err ignored = SU_ERR_INIT;
    if (code < 0 && su_dir_remove(out, partial, &ignored) < 0)
        su_message(events, SU_SYSTEM, SU_WARNING, "the unfinished %s could not be removed: %s", partial,
                   ignored.text);
    return code;
}

int su_export(struct su_home *home, const struct su_export_options *o, const struct su_events *events,
              struct su_export_result *result, struct su_err *err)
{
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    SU_AUTO(su_key_files) struct su_key_files signers = {0};
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    if (o->volume_bytes != 0 && o->volume_bytes < SU_MIN_VOLUME_BYTES)
        return su_fail(err, SU_USAGE, "--volume-size %llu is below the least, %zu bytes",
                       (unsigned long long)o->volume_bytes, SU_MIN_VOLUME_BYTES);
    if (o->is_pooled && o->recovery_percent > 0) {
        (void)su_fail(err, SU_USAGE, "--recovery protects volumes, not the files of a shared pool");
        return su_remedy(err, "Give --separate: each bundle then carries its own content.");
    }
    if (su_begin(&t, home->db, err) < 0 || su_site_load(home->db, o->site, &site, err) < 0 ||
        (!o->is_plan && su_keys_open_signers(home, o->key, o->passphrase, &signers, err) < 0) ||
        su_export_plan(home, &site, o, result, err) < 0)
        return su_after(err, "Nothing was written.");
    su_manifest_name(&result->manifest, result->bundle);
    if (o->is_plan || result->is_nothing)
        return 0;
    su_message(events, SU_EXPORT_STARTED, SU_INFO, "export %s (%s) started", result->bundle,
               su_manifest_kind(&result->manifest));
    if (write_all(home, &site, o, &signers, events, result, &t, err) == 0)
        return 0;
    return su_after(err, t.db ? "No bundle was made; the hub's books are as they were."
                              : "The bundle is in the books but bears no final name: export again.");
}
