#include "common/site/stage.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/bundle/pool.h"
#include "common/sys/belt.h"

#define PARCELS 16
#define PARCEL_BYTES ((size_t)SU_BLOCK_BYTES)

#define MOST_TOLD 20 /* unread files named one by one in messages; the answer lists all */

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

/* Two threads: one reads the medium, block by block, and proves the blocks; the other proves the files and
 * writes them. What goes from the one to the other: bytes of one file. */
struct parcel {
    size_t payload;
    bool is_first, is_last, is_held;
    bool is_left_out; /* the medium does not give the file: `why` */
    size_t length;
    char *bytes; /* room for PARCEL_BYTES */
    struct su_err why;
};

struct su_stage_side {
    struct su_staging *s;
    struct su_belt *belt; /* the caller's */
    struct parcel parcels[PARCELS];
    char *room;
    /* of the reader */
    struct su_belt *to;
    struct parcel *open; /* not yet submitted */
    size_t payload;
    uint64_t sent;
    bool is_held, has_begun, is_stopped; /* is_stopped: the writer has gone */
    /* of the writer */
    struct su_store_batch batch;
    struct su_store_writer writer;
    struct su_digest sha256, sha1; /* of a file that is only proved */
};

/* ---- the reader ---- */

static struct parcel *open_parcel(struct su_stage_side *side, struct su_err *err)
{
    if (!side->open) {
        side->open = su_belt_slot(side->to, err);
        side->is_stopped = !side->open;
    }
    if (side->open) {
        struct parcel *p = side->open;
        *p = (struct parcel){.payload = side->payload,
                             .is_first = !side->has_begun,
                             .is_held = side->is_held,
                             .bytes = side->room + (size_t)(p - side->parcels) * PARCEL_BYTES};
        side->has_begun = true;
    }
    return side->open;
}

static void submit(struct su_stage_side *side)
{
    size_t weight = side->open->length;
    side->open = NULL;
    su_belt_submit(side->to, weight);
}

static int take_bytes(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct su_stage_side *side = context;
    const char *at = bytes;
    while (length > 0) {
        struct parcel *p = side->open ? side->open : open_parcel(side, err);
        if (!p)
            return -1;
        size_t n = length < PARCEL_BYTES - p->length ? length : PARCEL_BYTES - p->length;
        memcpy(p->bytes + p->length, at, n);
        p->length += n;
        side->sent += n;
        at += n;
        length -= n;
        p->is_last = side->sent == side->s->bundle->manifest.payloads.at[side->payload].id.bytes;
        if (p->length == PARCEL_BYTES || p->is_last)
            submit(side);
    }
    return 0;
}

/* Held means: there, and still what its name says. A copy that has rotted is written anew. */
static bool is_held_well(const struct su_staging *s, const struct su_payload *p)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    struct su_err why = SU_ERR_INIT;
    return su_store_has(s->site, &p->id) && su_store_open(&fd, s->site, p->id.sha256, NULL, &why) == 0 &&
           su_store_prove(fd, &p->id, &why) == 0;
}

/* What was read before the failure goes first, so that the writer meets all in order. */
static int leave_to_writer(struct su_stage_side *side, struct su_err *err)
{
    bool is_medium = err->code == SU_DAMAGED || err->code == SU_SYSTEM;
    struct su_err why = *err;
    if (side->is_stopped)
        return -1;
    if (side->open)
        submit(side);
    if (!side->s->allow_partial || !is_medium)
        return -1;
    struct parcel *p = open_parcel(side, err);
    if (!p)
        return -1;
    p->is_left_out = p->is_last = true;
    p->why = why;
    submit(side);
    su_err_clear(err);
    return 0;
}

static int read_file(struct su_stage_side *side, size_t k, struct su_err *err)
{
    const struct su_staging *s = side->s;
    const struct su_payload *p = &s->bundle->manifest.payloads.at[k];
    side->payload = k;
    side->sent = 0;
    side->has_begun = false;
    side->is_held = is_held_well(s, p);
    int code = p->is_pooled ? su_pool_read(s->bundle->dir, p, take_bytes, side, err)
                            : su_volume_read(s->reader, p->first_extent, p->extents, take_bytes, side, err);
    if (code < 0)
        return leave_to_writer(side, err);
    if (side->has_begun)
        return 0;
    struct parcel *empty = open_parcel(side, err); /* a file without bytes */
    if (!empty)
        return -1;
    empty->is_last = true;
    submit(side);
    return 0;
}

static int read_all(void *context, struct su_belt *belt, struct su_err *err)
{
    struct su_stage_side *side = context;
    side->to = belt;
    for (size_t k = 0; k < side->s->bundle->manifest.payloads.count; k++)
        if (is_wanted(side->s, k) && read_file(side, k, err) < 0)
            return side->is_stopped ? 0 : -1;
    return 0;
}

/* ---- the writer ---- */

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

static void forget_file(struct su_stage_side *side)
{
    su_store_writer_cleanup(&side->writer);
    su_digest_cleanup(&side->sha256);
    su_digest_cleanup(&side->sha1);
}

static bool is_stored(const struct su_stage_side *side, const struct parcel *p)
{
    return !p->is_held && !side->s->is_plan;
}

static int begin_file(struct su_stage_side *side, const struct parcel *p, struct su_err *err)
{
    const struct su_payload *payload = &side->s->bundle->manifest.payloads.at[p->payload];
    if (is_stored(side, p)) {
        side->writer = (struct su_store_writer)SU_STORE_WRITER_INIT;
        side->writer.batch = &side->batch;
        return su_store_create(&side->writer, side->s->site, payload->id.sha256, err);
    }
    return su_digest_open(&side->sha256, SU_SHA256, err) < 0 ? -1 : su_digest_open(&side->sha1, SU_SHA1, err);
}

static int add_bytes(struct su_stage_side *side, const struct parcel *p, struct su_err *err)
{
    struct su_staging *s = side->s;
    if (p->length == 0)
        return 0;
    s->staged_bytes += p->length;
    su_progress(s->events, SU_IMPORT_STARTED, "content", s->staged_bytes, s->total_bytes, "bytes");
    if (is_stored(side, p))
        return su_store_write(&side->writer, p->bytes, p->length, err);
    return su_digest_add(&side->sha256, p->bytes, p->length, err) < 0
               ? -1
               : su_digest_add(&side->sha1, p->bytes, p->length, err);
}

/* The same proof as storing gives, without writing. */
static int prove_file(struct su_stage_side *side, const struct su_payload *p, struct su_err *err)
{
    struct su_file_id have = {.bytes = p->id.bytes}; /* the manifest's extents add up to it */
    if (su_digest_end(&side->sha256, have.sha256, err) < 0 || su_digest_end(&side->sha1, have.sha1, err) < 0)
        return -1;
    return su_store_compare(&have, &p->id, err);
}

/* The bytes of a volume were proved by their blocks; those of a pooled file are proved here only. */
static int end_file(struct su_stage_side *side, const struct parcel *p, struct su_err *err)
{
    struct su_staging *s = side->s;
    const struct su_payload *payload = &s->bundle->manifest.payloads.at[p->payload];
    int code;
    if (p->is_left_out) {
        *err = p->why;
        code = leave_out(s, payload, err);
    } else {
        code = is_stored(side, p) ? su_store_commit(&side->writer, &payload->id, err)
                                  : prove_file(side, payload, err);
        if (code < 0 && payload->is_pooled && err->code == SU_CONTENT_WRONG) {
            (void)su_pool_differs(payload, err);
            code = leave_out(s, payload, err);
        }
    }
    forget_file(side);
    if (code < 0)
        return -1;
    s->unread[p->payload] = code == 1;
    s->present[p->payload] = p->is_held || code == 0;
    s->files_held += p->is_held;
    if (!p->is_held && code == 0) {
        s->files_stored++;
        s->bytes_stored += payload->id.bytes;
    }
    return 0;
}

static int write_files(struct su_stage_side *side, struct su_belt *belt, struct su_err *err)
{
    void *job;
    int more;
    while ((more = su_belt_take(belt, &job, err)) > 0) {
        const struct parcel *p = job;
        if ((p->is_first && begin_file(side, p, err) < 0) || add_bytes(side, p, err) < 0 ||
            (p->is_last && end_file(side, p, err) < 0))
            return -1;
        su_belt_release(belt);
    }
    return more;
}

/* What is whole stays in the store, whatever became of the rest: the next run need not write it again. */
static int write_all(void *context, struct su_belt *belt, struct su_err *err)
{
    struct su_stage_side *side = context;
    struct su_err ignored = SU_ERR_INIT;
    int result = write_files(side, belt, err);
    int settled = su_store_settle(&side->batch, result < 0 ? &ignored : err);
    return result < 0 ? -1 : settled;
}

/* ---- both ---- */

static void drop_side(struct su_staging *s)
{
    struct su_stage_side *side = s->side;
    if (!side)
        return;
    su_belt_cleanup(&side->belt);
    forget_file(side);
    su_store_batch_cleanup(&side->batch);
    free(side->room);
    free(side);
    s->side = NULL;
}

static int make_side(struct su_staging *s, struct su_err *err)
{
    size_t files = s->bundle->manifest.payloads.count;
    struct su_stage_side *side = s->side = calloc(1, sizeof *side);
    s->unread = calloc(files + 1, sizeof *s->unread);
    s->present = calloc(files + 1, sizeof *s->present);
    if (side)
        side->room = aligned_alloc(SU_DIRECT_BYTES, PARCELS * PARCEL_BYTES);
    if (!side || !side->room || !s->unread || !s->present)
        return su_fail_memory(err);
    side->s = s;
    side->batch.home = s->site;
    side->writer = (struct su_store_writer)SU_STORE_WRITER_INIT;
    return 0;
}

int su_stage_begin(struct su_staging *s, struct su_err *err)
{
    const struct su_manifest *m = &s->bundle->manifest;
    for (size_t k = 0; k < m->payloads.count; k++)
        s->total_bytes += is_wanted(s, k) ? m->payloads.at[k].id.bytes : 0;
    if (make_side(s, err) < 0)
        return -1;
    s->side->belt = su_belt_new(&(struct su_belt_plan){.jobs = s->side->parcels,
                                                       .slots = PARCELS,
                                                       .job_bytes = sizeof *s->side->parcels,
                                                       .context = s->side,
                                                       .fill = read_all,
                                                       .take = write_all,
                                                       .gives_way = true},
                                err);
    return s->side->belt ? 0 : -1;
}

int su_stage_check(const struct su_staging *s, struct su_err *err)
{
    return s->side && s->side->belt ? su_belt_check(s->side->belt, err) : 0;
}

int su_stage_end(struct su_staging *s, struct su_err *err)
{
    int result = s->side && s->side->belt ? su_belt_finish(s->side->belt, err) : 0;
    drop_side(s);
    return result;
}

void su_staging_cleanup(struct su_staging *s)
{
    drop_side(s);
    free(s->unread);
    free(s->present);
    s->unread = s->present = NULL;
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
            (su_store_record(s->site->db, id, m->urgent ? 0 : m->sequence, err) < 0 ||
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

int su_stage_check_rest(const struct su_staging *s, const struct su_volume_reader *other, struct su_err *err)
{
    const struct su_manifest *m = &s->bundle->manifest;
    su_volume_add_proofs(s->reader, other);
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
