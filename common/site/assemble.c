#include "common/site/assemble.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/bundle/pool.h"
#include "common/site/verify.h"
#include "common/sys/interrupt.h"
#include "common/sys/lock.h"

#define MAX_MISSING 10000

static void partial_name(const struct su_assembly *a, char out[SU_BUNDLE_NAME_TEXT + 16])
{
    (void)snprintf(out, SU_BUNDLE_NAME_TEXT + 16, "%s.partial", a->bundle->name);
}

/* A .partial that cannot be removed is passed over by readers, and removed by the next run. */
static void discard(struct su_assembly *a)
{
    struct su_err ignored = SU_ERR_INIT;
    char partial[SU_BUNDLE_NAME_TEXT + 16];
    if (a->dir < 0)
        return;
    partial_name(a, partial);
    if (su_dir_remove(a->to, partial, &ignored) < 0)
        su_err_clear(&ignored);
    su_fd_cleanup(&a->dir);
}

void su_assembly_cleanup(struct su_assembly *a)
{
    discard(a);
    su_fd_cleanup(&a->to);
    for (size_t i = 0; i < a->copies.count; i++)
        su_fd_cleanup(&a->copies.at[i].dir);
    for (size_t i = 0; i < a->missing.count; i++)
        free(a->missing.at[i].what);
    free(a->copies.at);
    free(a->missing.at);
    free(a->is_good);
    *a = (struct su_assembly)SU_ASSEMBLY_INIT;
}

int su_assembly_add(struct su_assembly *a, const char *path, bool is_verified, struct su_err *err)
{
    struct su_copy *copy = SU_PUSH(&a->copies, SU_MAX_BUNDLES_ON_MEDIUM);
    if (!copy)
        return su_fail_full(err, "more than %u folders to take blocks from", SU_MAX_BUNDLES_ON_MEDIUM);
    copy->dir = -1;
    copy->is_verified = is_verified;
    (void)snprintf(copy->path, sizeof copy->path, "%s", path);
    return su_dir_open(&copy->dir, AT_FDCWD, path, err);
}

static int lose(struct su_assembly *a, uint32_t volume, uint64_t offset, uint64_t length, const char *what,
                struct su_err *err)
{
    struct su_missing *missing = SU_PUSH(&a->missing, MAX_MISSING);
    if (!missing)
        return a->missing.count < MAX_MISSING ? su_fail_memory(err) : 0; /* the list is long enough */
    *missing =
        (struct su_missing){.volume = volume, .offset = offset, .length = length, .what = strdup(what)};
    return missing->what ? 0 : su_fail_memory(err);
}

/* What cannot be read is not there, but for want of memory or open files. */
static int pass_over(const struct su_err *why, struct su_err *err)
{
    if (why->code != SU_MEMORY)
        return 0;
    *err = *why;
    return -1;
}

/* The blocks of one volume that are still wanted, from one copy. What cannot be read there is not there. */
static int take_volume(struct su_assembly *a, struct su_copy *copy, size_t number, char *buffer,
                       const struct su_events *events, uint64_t *done, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd from = -1, into = -1;
    const struct su_volume *v = &a->bundle->manifest.volumes.at[number];
    uint64_t total = su_manifest_volume_bytes(&a->bundle->manifest);
    struct su_err why = SU_ERR_INIT;
    char name[16];
    su_volume_name(&a->bundle->manifest, (uint32_t)number + 1, name);
    if (!su_file_exists(copy->dir, name) || su_file_open(&from, copy->dir, name, NULL, &why) < 0)
        return pass_over(&why, err);
    if (su_file_open_again(&into, a->dir, name, err) < 0)
        return -1;
    for (size_t b = 0; b < v->blocks; b++) {
        size_t n = su_block_bytes(v, b);
        uint64_t offset = (uint64_t)b * SU_BLOCK_BYTES;
        bool *is_good = &a->is_good[v->first_block + b];
        if (*is_good)
            continue;
        if (su_interrupt_check(err) < 0)
            return -1;
        if (su_file_read_at(from, buffer, n, offset, &why) < 0)
            continue;
        if (su_block_is_good(&a->bundle->manifest, v, b, buffer, is_good, err) < 0)
            return -1;
        if (!*is_good)
            continue;
        if (su_file_write_at(into, buffer, n, offset, err) < 0)
            return -1;
        copy->taken++;
        *done += n;
        su_progress(events, SU_OK, "copy", *done, total, "bytes");
    }
    return 0;
}

static int take_blocks(struct su_assembly *a, const struct su_events *events, struct su_err *err)
{
    const struct su_manifest *m = &a->bundle->manifest;
    SU_AUTO(su_text) char *buffer = malloc(SU_BLOCK_BYTES);
    char name[16];
    uint64_t done = 0;
    a->blocks = m->blocks.count;
    a->is_good = calloc(m->blocks.count + 1, sizeof *a->is_good);
    if (!buffer || !a->is_good)
        return su_fail_memory(err);
    for (size_t v = 0; v < m->volumes.count; v++) {
        SU_AUTO(su_fd) su_fd fd = -1;
        if (su_file_create(&fd, a->dir, su_volume_name(m, (uint32_t)v + 1, name), m->volumes.at[v].bytes,
                           err) < 0)
            return -1;
    }
    for (size_t c = 0; c < a->copies.count; c++)
        for (size_t v = 0; v < m->volumes.count; v++)
            if (take_volume(a, &a->copies.at[c], v, buffer, events, &done, err) < 0)
                return -1;
    return 0;
}

static uint64_t bad_blocks(const struct su_assembly *a)
{
    uint64_t bad = 0;
    for (size_t b = 0; b < a->blocks; b++)
        bad += !a->is_good[b];
    return bad;
}

static int mend(struct su_assembly *a, const struct su_events *events, struct su_err *err)
{
    struct su_sources sources = {0};
    uint64_t before = bad_blocks(a);
    int result = 0;
    for (size_t c = 0; result == 0 && c < a->copies.count; c++) {
        int *slot = SU_PUSH(&sources, a->copies.count);
        result = slot ? 0 : su_fail_memory(err);
        if (slot)
            *slot = a->copies.at[c].dir;
    }
    if (result == 0)
        result = su_damage_mend(a->dir, &a->bundle->manifest, &sources, a->is_good, events, &a->damage, err);
    free(sources.at);
    a->has_damage = true;
    a->mended = before - bad_blocks(a);
    return result;
}

static int list_missing(struct su_assembly *a, struct su_db *db, struct su_err *err)
{
    const struct su_manifest *m = &a->bundle->manifest;
    SU_AUTO(su_affected) struct su_affected hit = SU_AFFECTED_INIT;
    SU_AUTO(su_volume_reader) struct su_volume_reader *reader = su_volume_reader_new(a->dir, m, err);
    if (!reader || su_affected_find(&hit, m, a->is_good, NULL, reader, db, err) < 0)
        return -1;
    for (size_t v = 0; v < m->volumes.count; v++)
        for (size_t b = 0; b < m->volumes.at[v].blocks; b++) {
            SU_AUTO(su_buf) struct su_buf affects = SU_BUF_INIT(SU_MIB);
            struct su_bad_block bad = {.volume = (uint32_t)v + 1,
                                       .offset = (uint64_t)b * SU_BLOCK_BYTES,
                                       .length = su_block_bytes(&m->volumes.at[v], b)};
            if (a->is_good[m->volumes.at[v].first_block + b])
                continue;
            (void)su_affected_by(&hit, m, &bad, &affects);
            if (lose(a, bad.volume, bad.offset, bad.length, affects.bytes ? affects.bytes : "", err) < 0)
                return -1;
        }
    return 0;
}

/* Files of the shared pool, which lies beside the folders. First all are proved, so that a copy of a part
 * is not begun; `copies_too` is the second round. */
static int take_pool(struct su_assembly *a, bool copies_too, const struct su_events *events,
                     struct su_err *err)
{
    const struct su_manifest *m = &a->bundle->manifest;
    for (size_t i = 0; i < m->payloads.count; i++) {
        const struct su_payload *p = &m->payloads.at[i];
        char path[32];
        int result = -1;
        if (!p->is_pooled)
            continue;
        for (size_t c = 0; result < 0 && c < a->copies.count; c++) {
            result = copies_too ? su_pool_copy(a->copies.at[c].dir, p, a->to, err)
                                : su_pool_prove(a->copies.at[c].dir, p, err);
            if (result < 0 && err->code != SU_DAMAGED)
                return -1;
        }
        if (result < 0 && copies_too)
            return -1;
        if (result < 0 && lose(a, 0, 0, p->id.bytes, su_pool_path(p->id.sha256, path), err) < 0)
            return -1;
        su_err_clear(err);
        su_progress(events, SU_OK, copies_too ? "copy of the pool" : "pool", i + 1, m->payloads.count,
                    "items");
    }
    return 0;
}

static int take_paper(struct su_assembly *a, enum su_paper paper, struct su_err *err)
{
    for (size_t c = 0; c < a->copies.count; c++) {
        SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_PAPER_BYTES);
        struct su_err why = SU_ERR_INIT;
        uint8_t digest[SU_SHA256_BYTES];
        if (su_file_read_all(a->copies.at[c].dir, su_paper_name(paper), &text, &why) < 0) {
            if (pass_over(&why, err) < 0)
                return -1;
            continue;
        }
        if (su_sha256(digest, text.bytes ? text.bytes : "", text.length, err) < 0)
            return -1;
        if (memcmp(digest, a->bundle->manifest.papers[paper], sizeof digest) == 0)
            return su_file_save(a->dir, su_paper_name(paper), 0644, true, text.bytes ? text.bytes : "",
                                text.length, err);
    }
    return lose(a, 0, 0, 0, su_paper_name(paper), err);
}

/* Of every copy whose signatures sufficed; the first of a name counts. */
static int take_signatures(struct su_assembly *a, struct su_err *err)
{
    size_t count = 0;
    for (size_t c = 0; c < a->copies.count; c++) {
        SU_AUTO(su_names) struct su_names names = {0};
        if (!a->copies.at[c].is_verified)
            continue;
        if (su_dir_list(a->copies.at[c].dir, &names, SU_MAX_FOLDER_NAMES, err) < 0)
            return -1;
        for (size_t i = 0; i < names.count && count < SU_MAX_SIGNATURES; i++) {
            SU_AUTO(su_buf) struct su_buf bytes = SU_BUF_INIT(SU_MIB);
            if (!su_bundle_is_signature(names.at[i]))
                continue;
            if (su_file_read_all(a->copies.at[c].dir, names.at[i], &bytes, err) < 0)
                return -1;
            if (su_file_save(a->dir, names.at[i], 0644, false, bytes.bytes ? bytes.bytes : "", bytes.length,
                             err) == 0)
                count++;
            else if (err->code != SU_EXISTS)
                return -1;
            su_err_clear(err);
        }
    }
    return 0;
}

static int sync_volumes(struct su_assembly *a, struct su_err *err)
{
    char name[16];
    for (size_t v = 0; v < a->bundle->manifest.volumes.count; v++) {
        SU_AUTO(su_fd) su_fd fd = -1;
        if (su_file_open_again(&fd, a->dir, su_volume_name(&a->bundle->manifest, (uint32_t)v + 1, name),
                               err) < 0 ||
            su_file_sync(fd, err) < 0)
            return -1;
    }
    return 0;
}

static int say_missing(struct su_assembly *a, bool mends, struct su_err *err)
{
    const struct su_missing *first = &a->missing.at[0];
    char where[64] = "", name[16];
    if (first->volume > 0)
        (void)snprintf(where, sizeof where, "%s at offset %llu",
                       su_volume_name(&a->bundle->manifest, first->volume, name),
                       (unsigned long long)first->offset);
    (void)su_fail(err, SU_DAMAGED, "%s: in %zu places no good block is left, the first: %s%s%s",
                  a->bundle->name, a->missing.count, where, first->volume == 0 ? "" : "; affects: ",
                  first->volume > 0 && !first->what[0] ? "framing only" : first->what);
    if (a->has_damage && a->damage.hopeless > 0)
        (void)su_damage_say(&a->damage, &a->bundle->manifest, a->copies.at[0].path, err);
    else if (mends)
        (void)su_remedy(err,
                        "Bring another copy, a damaged one too, or the named volumes made again by the hub, "
                        "and name its folder as well.");
    else
        (void)su_remedy(err, "Make a whole copy first: suimport repair %s --to DIR", a->copies.at[0].path);
    if (mends)
        err->code = SU_NOT_REPAIRABLE;
    return -1;
}

static int fill(struct su_assembly *a, bool mends, struct su_db *db, const struct su_events *events,
                struct su_err *err)
{
    const struct su_manifest *m = &a->bundle->manifest;
    if (take_blocks(a, events, err) < 0)
        return -1;
    if (mends && m->recovery.percent > 0 && bad_blocks(a) > 0 && mend(a, events, err) < 0)
        return -1;
    if (list_missing(a, db, err) < 0)
        return -1;
    for (int i = 0; i < SU_PAPERS; i++)
        if (take_paper(a, (enum su_paper)i, err) < 0)
            return -1;
    if (take_pool(a, false, events, err) < 0)
        return -1;
    if (a->missing.count > 0)
        return say_missing(a, mends, err);
    if (take_pool(a, true, events, err) < 0 || sync_volumes(a, err) < 0 || take_signatures(a, err) < 0 ||
        su_file_save(a->dir, SU_MANIFEST_NAME, 0644, false, a->raw->manifest.bytes, a->raw->manifest.length,
                     err) < 0)
        return -1;
    a->bytes = su_manifest_volume_bytes(m) + a->raw->manifest.length;
    return su_dir_sync(a->dir, err);
}

static int check_space(const struct su_assembly *a, struct su_err *err)
{
    uint64_t need = su_manifest_volume_bytes(&a->bundle->manifest) + a->raw->manifest.length + 4 * SU_MIB;
    for (size_t i = 0; i < a->bundle->manifest.payloads.count; i++)
        if (a->bundle->manifest.payloads.at[i].is_pooled)
            need += su_pool_would_write(a->to, &a->bundle->manifest.payloads.at[i].id);
    return su_space_demand(a->to, need, "the copy", "", err);
}

int su_assemble(struct su_assembly *a, const char *to, bool mends, struct su_db *db,
                const struct su_events *events, struct su_err *err)
{
    char partial[SU_BUNDLE_NAME_TEXT + 16];
    bool is_made = false;
    int result = su_path_make(&a->to, to, 0755, &is_made, err);
    partial_name(a, partial);
    /* a second run would sweep what the first is writing */
    if (result == 0 && su_lock_dir(a->to, err) < 0)
        result = su_prefix(err, "%s", to);
    if (result == 0 && su_file_exists(a->to, a->bundle->name))
        result = su_fail(err, SU_EXISTS, "%s/%s exists already", to, a->bundle->name);
    if (result == 0 &&
        (check_space(a, err) < 0 || su_dir_remove(a->to, partial, err) < 0 ||
         su_dir_make(&a->dir, a->to, partial, 0755, err) < 0 || fill(a, mends, db, events, err) < 0))
        result = -1;
    if (result < 0)
        discard(a);
    if (result < 0 && is_made)
        (void)rmdir(to); /* it stays when somebody put something there meanwhile */
    return result;
}

int su_assembly_finish(struct su_assembly *a, struct su_err *err)
{
    char partial[SU_BUNDLE_NAME_TEXT + 16];
    partial_name(a, partial);
    if (su_dir_finish(a->to, partial, a->bundle->name, err) < 0)
        return -1;
    su_fd_cleanup(&a->dir);
    return 0;
}
