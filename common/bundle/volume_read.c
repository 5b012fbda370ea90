#include "common/bundle/volume_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/bundle/volume_write.h"
#include "common/sys/belt.h"
#include "common/sys/interrupt.h"

/* Blocks read ahead of the proof. */
#define PROOFS 16u

struct su_volume_reader {
    int dir;
    const struct su_manifest *manifest;
    su_fd fd;
    uint32_t volume; /* the open one; 0: none */
    char *block;     /* verified bytes of block `block_number` of the open volume */
    size_t block_number, block_bytes;
    bool has_block;
    bool *proved; /* by number in the manifest's list of blocks */
};

struct su_volume_reader *su_volume_reader_new(int dir, const struct su_manifest *manifest, struct su_err *err)
{
    struct su_volume_reader *r = calloc(1, sizeof *r);
    if (!r) {
        (void)su_fail_memory(err);
        return NULL;
    }
    r->fd = -1;
    r->dir = dir;
    r->manifest = manifest;
    r->block = malloc(SU_BLOCK_BYTES);
    r->proved = calloc(manifest->blocks.count + 1, sizeof *r->proved);
    if (!r->block || !r->proved) {
        su_volume_reader_cleanup(&r);
        (void)su_fail_memory(err);
    }
    return r;
}

void su_volume_reader_cleanup(struct su_volume_reader **r)
{
    if (!*r)
        return;
    su_fd_cleanup(&(*r)->fd);
    free((*r)->block);
    free((*r)->proved);
    free(*r);
    *r = NULL;
}

static const char *or_repair(const struct su_volume_reader *r)
{
    return r->manifest->recovery.percent > 0
               ? "; or, as there are recovery volumes: suimport repair DIR --to DIR2"
               : "";
}

#define HEAD_BYTES 1024u

/* Whose volume lies there, by the words in its first bytes, when they are another's. Unsigned: for people
 * only. The head is a tar member, in a recovery volume the first cell. */
static void whose_volume(const struct su_volume_reader *r, const char bytes[HEAD_BYTES], uint32_t volume,
                         char out[128])
{
    static const char first[] = "SU-VOLUME 1\nbundle ";
    char head[HEAD_BYTES + 1], expected[128], *at = head, set[SU_SET_TEXT], name[SU_BUNDLE_NAME_TEXT];
    struct su_err ignored = SU_ERR_INIT;
    const struct su_volume *v = &r->manifest->volumes.at[volume - 1];
    size_t data = su_manifest_data_volumes(r->manifest);
    out[0] = 0;
    if (su_volume_set(r->manifest, set, &ignored) < 0)
        return;
    memcpy(head, bytes, HEAD_BYTES);
    head[HEAD_BYTES] = 0;
    at += v->is_recovery ? 0 : 512;
    (void)snprintf(expected, sizeof expected, "%s%s\nset %s\n%s %zu\n", first,
                   su_manifest_name(r->manifest, name), set, v->is_recovery ? "recovery" : "volume",
                   volume - (v->is_recovery ? data : 0));
    if (strncmp(at, first, strlen(first)) != 0 || strncmp(at, expected, strlen(expected)) == 0)
        return;
    at += strlen(first);
    const char *number = strstr(at, v->is_recovery ? "\nrecovery " : "\nvolume ");
    (void)snprintf(out, 128, "; by its head it is%.*s of %.*s",
                   number ? (int)strcspn(number + 1, "\n") + 1 : 0, number ? number : "",
                   (int)strcspn(at, "\n"), at);
    for (char *c = out; *c; c++)
        if (*c == '\n')
            *c = ' ';
}

/* Opens a volume of the size it must have; what `fd` held before is closed. */
static int open_file(const struct su_volume_reader *r, uint32_t volume, su_fd *fd, struct su_err *err)
{
    char name[16], head[HEAD_BYTES], whose[128] = "";
    struct su_err ignored = SU_ERR_INIT;
    uint64_t bytes;
    const struct su_volume *v = &r->manifest->volumes.at[volume - 1];
    su_fd_cleanup(fd);
    su_volume_name(r->manifest, volume, name);
    if (!su_file_exists(r->dir, name)) {
        (void)su_fail(err, SU_DAMAGED, "volume %u of %zu (%s) is absent", volume, r->manifest->volumes.count,
                      name);
        return su_remedy(err, "Bring %s into the bundle's folder and run again%s.", name, or_repair(r));
    }
    if (su_file_open(fd, r->dir, name, &bytes, err) < 0)
        return -1;
    if (bytes != v->bytes) {
        if (su_file_read_at(*fd, head, sizeof head, 0, &ignored) == 0)
            whose_volume(r, head, volume, whose);
        su_fd_cleanup(fd);
        (void)su_fail(err, SU_DAMAGED, "volume %u of %zu (%s) has %llu bytes, the manifest says %llu%s",
                      volume, r->manifest->volumes.count, name, (unsigned long long)bytes,
                      (unsigned long long)v->bytes, whose);
        return su_remedy(err, "Copy %s again from the hub and run again%s.", name, or_repair(r));
    }
    return 0;
}

static int open_volume(struct su_volume_reader *r, uint32_t volume, struct su_err *err)
{
    if (r->volume == volume)
        return 0;
    r->volume = 0;
    r->has_block = false;
    if (open_file(r, volume, &r->fd, err) < 0)
        return -1;
    r->volume = volume;
    return 0;
}

static int read_block(const struct su_volume_reader *r, int fd, uint32_t volume, size_t number, char *bytes,
                      struct su_err *err)
{
    const struct su_volume *v = &r->manifest->volumes.at[volume - 1];
    if (su_interrupt_check(err) < 0)
        return -1;
    if (su_file_read_at(fd, bytes, su_block_bytes(v, number), (uint64_t)number * SU_BLOCK_BYTES, err) < 0) {
        if (err->code != SU_MEMORY)
            err->code = SU_DAMAGED;
        return su_prefix(err, "volume %u of %zu", volume, r->manifest->volumes.count);
    }
    return 0;
}

/* Compares a block that was read with its signed hash. */
static int prove_block(const struct su_volume_reader *r, uint32_t volume, size_t number, const char *bytes,
                       struct su_err *err)
{
    const struct su_volume *v = &r->manifest->volumes.at[volume - 1];
    bool is_good;
    char name[16], whose[128] = "";
    if (su_block_is_good(r->manifest, v, number, bytes, &is_good, err) < 0)
        return -1;
    if (is_good)
        return 0;
    if (number == 0 && su_block_bytes(v, 0) >= HEAD_BYTES)
        whose_volume(r, bytes, volume, whose);
    (void)su_fail(err, SU_DAMAGED,
                  "volume %u of %zu (%s): the block at offset %llu differs from its signed hash%s", volume,
                  r->manifest->volumes.count, su_volume_name(r->manifest, volume, name),
                  (unsigned long long)number * SU_BLOCK_BYTES, whose);
    return su_remedy(err, "Copy %s again from the hub and run again%s.", name, or_repair(r));
}

/* Reads block `number` of the open volume and proves it. */
static int load_block(struct su_volume_reader *r, size_t number, struct su_err *err)
{
    if (r->has_block && r->block_number == number)
        return 0;
    r->has_block = false;
    r->block_bytes = su_block_bytes(&r->manifest->volumes.at[r->volume - 1], number);
    if (read_block(r, r->fd, r->volume, number, r->block, err) < 0 ||
        prove_block(r, r->volume, number, r->block, err) < 0)
        return -1;
    r->proved[r->manifest->volumes.at[r->volume - 1].first_block + number] = true;
    r->block_number = number;
    r->has_block = true;
    return 0;
}

int su_volume_read(struct su_volume_reader *r, size_t first_extent, size_t extents, su_volume_take take,
                   void *context, struct su_err *err)
{
    for (size_t i = 0; i < extents; i++) {
        struct su_extent e = r->manifest->extents.at[first_extent + i];
        if (open_volume(r, e.volume, err) < 0)
            return -1;
        while (e.length > 0) {
            if (load_block(r, (size_t)(e.offset / SU_BLOCK_BYTES), err) < 0)
                return -1;
            size_t inside = (size_t)(e.offset % SU_BLOCK_BYTES), n = r->block_bytes - inside;
            if (n > e.length)
                n = (size_t)e.length;
            if (take(context, r->block + inside, n, err) < 0)
                return -1;
            e.offset += n;
            e.length -= n;
        }
    }
    return 0;
}

const bool *su_volume_proved(const struct su_volume_reader *r)
{
    return r->proved;
}

void su_volume_add_proofs(struct su_volume_reader *r, const struct su_volume_reader *from)
{
    for (size_t b = 0; b < r->manifest->blocks.count; b++)
        r->proved[b] |= from->proved[b];
}

static bool is_medium_fault(const struct su_err *err)
{
    return err->code == SU_DAMAGED || err->code == SU_DATA || err->code == SU_SYSTEM;
}

static bool has_any(const struct su_volume *volume, const bool *marks)
{
    for (size_t b = 0; marks && b < volume->blocks; b++)
        if (marks[volume->first_block + b])
            return true;
    return false;
}

/* A block on its way through the proof, or a volume that cannot be opened. */
struct proof {
    char *bytes;
    uint32_t volume;
    size_t number;
    bool is_volume; /* all of it: no block was read */
    bool is_bad;
    struct su_err why; /* when bad */
};

/* Blocks are read by one thread, proved by all, and judged in order by the caller's. */
struct proving {
    const struct su_volume_reader *r;
    size_t volumes;         /* the first so many */
    bool is_rest;           /* only what is not proved yet, and matters */
    const bool *may_be_bad; /* by number in the manifest's list; NULL: none */
    struct proof jobs[PROOFS];
    char *memory; /* of all jobs */
    struct su_belt *belt;
};

static void proving_cleanup(struct proving *p)
{
    su_belt_cleanup(&p->belt);
    free(p->memory);
}

/* What is wrong with the medium is a finding; anything else ends the run. */
static int find(struct proof *job, int result)
{
    job->is_bad = result < 0;
    return result < 0 && !is_medium_fault(&job->why) ? -1 : 0;
}

static int read_volume(struct proving *p, struct su_belt *belt, uint32_t number, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    const struct su_volume *volume = &p->r->manifest->volumes.at[number - 1];
    struct proof *job = su_belt_slot(belt, err);
    if (!job)
        return -1;
    *job = (struct proof){.bytes = job->bytes, .volume = number, .is_volume = true};
    int result = find(job, open_file(p->r, number, &fd, &job->why));
    if (result < 0) {
        *err = job->why;
        return -1;
    }
    if (job->is_bad) {
        su_belt_submit(belt, 0);
        return 0;
    }
    for (size_t b = 0; b < volume->blocks; b++) {
        size_t block = volume->first_block + b;
        if (p->is_rest && (p->r->proved[block] || (p->may_be_bad && p->may_be_bad[block])))
            continue;
        if (!(job = su_belt_slot(belt, err)))
            return -1;
        *job = (struct proof){.bytes = job->bytes, .volume = number, .number = b};
        result = find(job, read_block(p->r, fd, number, b, job->bytes, &job->why));
        if (result < 0) {
            *err = job->why;
            return -1;
        }
        su_belt_submit(belt, 0);
    }
    return 0;
}

static int read_volumes(void *context, struct su_belt *belt, struct su_err *err)
{
    struct proving *p = context;
    for (uint32_t v = 1; v <= p->volumes; v++)
        if (read_volume(p, belt, v, err) < 0)
            return -1;
    return 0;
}

static int prove_job(void *context, unsigned worker, void *slot, struct su_err *err)
{
    const struct proving *p = context;
    struct proof *job = slot;
    (void)worker;
    if (job->is_bad)
        return 0;
    int result = find(job, prove_block(p->r, job->volume, job->number, job->bytes, &job->why));
    if (result < 0)
        *err = job->why;
    return result;
}

static int start_proving(struct proving *p, struct su_err *err)
{
    size_t blocks = p->r->manifest->blocks.count, slots = blocks > PROOFS ? PROOFS : blocks > 1 ? blocks : 1;
    struct su_belt_plan plan = {.jobs = p->jobs,
                                .slots = slots,
                                .job_bytes = sizeof *p->jobs,
                                .context = p,
                                .fill = read_volumes,
                                .work = prove_job};
    if (!(p->memory = malloc(slots * SU_BLOCK_BYTES)))
        return su_fail_memory(err);
    for (size_t i = 0; i < slots; i++)
        p->jobs[i].bytes = p->memory + i * SU_BLOCK_BYTES;
    return (p->belt = su_belt_new(&plan, err)) ? 0 : -1;
}

int su_volume_check_rest(struct su_volume_reader *r, const bool *may_be_bad, struct su_err *err)
{
    SU_AUTO(proving)
    struct proving p = {
        .r = r, .volumes = su_manifest_data_volumes(r->manifest), .is_rest = true, .may_be_bad = may_be_bad};
    void *slot;
    int more;
    if (start_proving(&p, err) < 0)
        return -1;
    while ((more = su_belt_take(p.belt, &slot, err)) > 0) {
        const struct proof *job = slot;
        const struct su_volume *volume = &r->manifest->volumes.at[job->volume - 1];
        if (job->is_bad && !(job->is_volume && has_any(volume, may_be_bad))) {
            *err = job->why;
            return -1;
        }
        if (!job->is_bad)
            r->proved[volume->first_block + job->number] = true;
        su_belt_release(p.belt);
    }
    return more;
}

int su_volume_check_all(struct su_volume_reader *r,
                        void (*bad)(void *context, const struct su_bad_block *block), void *context,
                        const struct su_events *events, uint64_t *blocks, struct su_err *err)
{
    SU_AUTO(proving) struct proving p = {.r = r, .volumes = r->manifest->volumes.count};
    uint64_t done = 0, total = su_manifest_volume_bytes(r->manifest);
    void *slot;
    int more;
    *blocks = 0;
    if (start_proving(&p, err) < 0)
        return -1;
    while ((more = su_belt_take(p.belt, &slot, err)) > 0) {
        const struct proof *job = slot;
        const struct su_volume *volume = &r->manifest->volumes.at[job->volume - 1];
        uint64_t offset = (uint64_t)job->number * SU_BLOCK_BYTES;
        uint64_t length = job->is_volume ? volume->bytes : su_block_bytes(volume, job->number);
        if (job->is_bad)
            bad(context, &(struct su_bad_block){job->volume, offset, length, job->why.text});
        else
            r->proved[volume->first_block + job->number] = true;
        *blocks += !job->is_volume;
        done += length;
        if (!job->is_volume)
            su_progress(events, SU_OK, "verify", done, total, "bytes");
        su_belt_release(p.belt);
    }
    return more;
}
