#include "common/site/stage.h"

#include <stdlib.h>

#include "common/base/limits.h"
#include "common/bundle/pool.h"

#define MOST_TOLD 20 /* unread files named one by one in messages; the answer lists all */

void su_staging_cleanup(struct su_staging *s)
{
    free(s->unread);
    free(s->present);
    s->unread = s->present = NULL;
}

static bool is_wanted(const struct su_staging *s, size_t k)
{
    return !s->wanted || s->wanted[k];
}

uint64_t su_stage_bytes(const struct su_staging *s)
{
    uint64_t bytes = 0;
    const struct su_manifest *m = &s->bundle->manifest;
    for (size_t k = 0; k < m->payloads.count; k++)
        if (is_wanted(s, k) && !su_store_has(s->site, &m->payloads.at[k].id))
            bytes += m->payloads.at[k].id.bytes;
    return bytes;
}

struct taking {
    struct su_staging *s;
    struct su_store_writer *writer; /* NULL when the bytes are only proved */
    struct su_digest sha256, sha1;
    bool has_failed; /* the taking, not the reading */
};

static int take_bytes(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct taking *t = context;
    t->s->staged_bytes += length;
    su_progress(t->s->events, SU_IMPORT_STARTED, "content", t->s->staged_bytes, t->s->total_bytes, "bytes");
    if (t->writer)
        t->has_failed = su_store_write(t->writer, bytes, length, err) < 0;
    else
        t->has_failed = su_digest_add(&t->sha256, bytes, length, err) < 0 ||
                        su_digest_add(&t->sha1, bytes, length, err) < 0;
    return t->has_failed ? -1 : 0;
}

/* 1: goes on without a file that the medium does not give. */
static int leave_out(struct su_staging *s, const struct su_payload *p, struct su_err *err)
{
    if (!s->allow_partial)
        return -1;
    if (s->files_unread++ < MOST_TOLD) {
        char sha256[SU_SHA256_TEXT];
        su_hex_format(p->id.sha256, SU_SHA256_BYTES, sha256);
        su_message(s->events, SU_DAMAGED, SU_WARNING, "left out: file %.16s (%llu bytes): %s", sha256,
                   (unsigned long long)p->id.bytes, err->text);
    }
    su_err_clear(err);
    return 1;
}

/* 0: read whole. 1: the medium does not give it, and that is allowed. */
static int read_payload(struct taking *t, const struct su_payload *p, struct su_err *err)
{
    struct su_staging *s = t->s;
    if ((p->is_pooled ? su_pool_read(s->bundle->dir, p, take_bytes, t, err)
                      : su_volume_read(s->reader, p->first_extent, p->extents, take_bytes, t, err)) == 0)
        return 0;
    bool is_medium = !t->has_failed && (err->code == SU_DAMAGED || err->code == SU_SYSTEM);
    return is_medium ? leave_out(s, p, err) : -1;
}

/* The bytes of a volume were proved by their blocks; those of a pooled file are proved here only. */
static int judge_whole(struct su_staging *s, const struct su_payload *p, int code, struct su_err *err)
{
    if (code == 0 || !p->is_pooled || err->code != SU_CONTENT_WRONG)
        return code;
    (void)su_pool_differs(p, err);
    return leave_out(s, p, err);
}

static int store_file(struct su_staging *s, const struct su_payload *p, struct su_err *err)
{
    SU_AUTO(su_store_writer) struct su_store_writer writer = SU_STORE_WRITER_INIT;
    struct taking t = {.s = s, .writer = &writer};
    if (su_store_create(&writer, s->site, p->id.sha256, err) < 0)
        return -1;
    int code = read_payload(&t, p, err);
    return code != 0 ? code : judge_whole(s, p, su_store_commit(&writer, &p->id, err), err);
}

/* The same proof as storing gives, without writing. */
static int prove_file(struct su_staging *s, const struct su_payload *p, struct su_err *err)
{
    SU_AUTO(su_digest) struct su_digest sha256 = SU_DIGEST_INIT, sha1 = SU_DIGEST_INIT;
    struct su_file_id have = {.bytes = p->id.bytes}; /* the manifest's extents add up to it */
    if (su_digest_open(&sha256, SU_SHA256, err) < 0 || su_digest_open(&sha1, SU_SHA1, err) < 0)
        return -1;
    struct taking t = {.s = s, .sha256 = sha256, .sha1 = sha1};
    int code = read_payload(&t, p, err);
    if (code != 0)
        return code;
    if (su_digest_end(&sha256, have.sha256, err) < 0 || su_digest_end(&sha1, have.sha1, err) < 0)
        return -1;
    return judge_whole(s, p, su_store_compare(&have, &p->id, err), err);
}

/* Held means: there, and still what its name says. A copy that has rotted is written anew. */
static bool is_held_well(const struct su_staging *s, const struct su_payload *p)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    struct su_err why = SU_ERR_INIT;
    struct su_file_id have;
    return su_store_has(s->site, &p->id) && su_store_open(&fd, s->site, p->id.sha256, NULL, &why) == 0 &&
           su_store_identify(fd, &have, &why) == 0 && su_store_compare(&have, &p->id, &why) == 0;
}

static int stage_one(struct su_staging *s, size_t k, struct su_err *err)
{
    const struct su_payload *p = &s->bundle->manifest.payloads.at[k];
    bool is_held = is_held_well(s, p);
    int code = is_held || s->is_plan ? prove_file(s, p, err) : store_file(s, p, err);
    if (code < 0)
        return -1;
    s->unread[k] = code == 1;
    s->present[k] = is_held || code == 0;
    s->files_held += is_held;
    if (!is_held && code == 0) {
        s->files_stored++;
        s->bytes_stored += p->id.bytes;
    }
    return 0;
}

int su_stage_content(struct su_staging *s, struct su_err *err)
{
    const struct su_manifest *m = &s->bundle->manifest;
    s->unread = calloc(m->payloads.count + 1, sizeof *s->unread);
    s->present = calloc(m->payloads.count + 1, sizeof *s->present);
    if (!s->unread || !s->present)
        return su_fail_memory(err);
    for (size_t k = 0; k < m->payloads.count; k++)
        s->total_bytes += is_wanted(s, k) ? m->payloads.at[k].id.bytes : 0;
    for (size_t k = 0; k < m->payloads.count; k++)
        if (is_wanted(s, k) && stage_one(s, k, err) < 0)
            return -1;
    return 0;
}

int su_stage_record(const struct su_staging *s, struct su_err *err)
{
    const struct su_manifest *m = &s->bundle->manifest;
    if (su_db_script(s->site->db,
                     "CREATE TEMP TABLE IF NOT EXISTS carried (sha256 BLOB PRIMARY KEY) WITHOUT ROWID; "
                     "DELETE FROM temp.carried;",
                     err) < 0)
        return -1;
    for (size_t k = 0; k < m->payloads.count; k++) {
        const struct su_file_id *id = &m->payloads.at[k].id;
        if (s->present[k] &&
            (su_store_record(s->site->db, id, m->sequence, err) < 0 ||
             (s->is_plan && su_run(s->site->db, err, "INSERT OR IGNORE INTO temp.carried VALUES (?1)",
                                   SU_B(id->sha256, SU_SHA256_BYTES)) < 0)))
            return -1;
    }
    return 0;
}

static void mark(const struct su_manifest *m, const struct su_payload *p, bool *may_be_bad)
{
    for (size_t i = 0; i < p->extents; i++) {
        const struct su_extent *e = &m->extents.at[p->first_extent + i];
        size_t first = m->volumes.at[e->volume - 1].first_block;
        for (uint64_t b = e->offset / SU_BLOCK_BYTES;
             e->length > 0 && b * SU_BLOCK_BYTES < e->offset + e->length; b++)
            may_be_bad[first + (size_t)b] = true;
    }
}

int su_stage_check_rest(const struct su_staging *s, struct su_err *err)
{
    const struct su_manifest *m = &s->bundle->manifest;
    if (!s->allow_partial)
        return su_volume_check_rest(s->reader, NULL, err);
    bool *may_be_bad = calloc(m->blocks.count + 1, sizeof *may_be_bad);
    if (!may_be_bad)
        return su_fail_memory(err);
    for (size_t k = 0; k < m->payloads.count; k++)
        if (s->unread[k])
            mark(m, &m->payloads.at[k], may_be_bad);
    int result = su_volume_check_rest(s->reader, may_be_bad, err);
    free(may_be_bad);
    return result;
}
