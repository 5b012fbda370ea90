#include "common/bundle/block_write.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/sys/belt.h"
#include "common/sys/file.h"
#include "common/sys/interrupt.h"

/* Blocks between filler and medium. Enough that a medium which pauses does not stop the reading of the next
 * file. */
#define SLOTS 16u
/* One read: what it brings is still in the processor's cache when the file's own digest is taken. */
#define READ_BYTES (256 * SU_KIB)
/* Sent on to the medium in one go, so that little is left for the sync at the end. */
#define BEHIND_BYTES (8 * SU_MIB)

struct block_job {
    char *bytes;
    size_t used;
    uint64_t offset; /* in the volume */
    uint8_t sha256[SU_SHA256_BYTES];
};

struct su_block_writer {
    su_lay_block lay;
    void *context;
    int fd;
    uint64_t position; /* bytes added */
    uint64_t begun;    /* bytes before the end of the newest block, were it full */
    uint64_t laid;     /* the laying thread's */
    struct su_belt *belt;
    struct block_job jobs[SLOTS], *block; /* block: the one being filled; NULL: none */
    char *memory;                         /* of all jobs */
};

struct su_block_writer *su_block_writer_new(su_lay_block lay, void *context, struct su_err *err)
{
    struct su_block_writer *w = calloc(1, sizeof *w);
    if (w)
        w->memory = aligned_alloc(SU_DIRECT_BYTES, SLOTS * SU_BLOCK_BYTES);
    if (!w || !w->memory) {
        free(w);
        (void)su_fail_memory(err);
        return NULL;
    }
    for (size_t i = 0; i < SLOTS; i++)
        w->jobs[i].bytes = w->memory + i * SU_BLOCK_BYTES;
    w->lay = lay;
    w->context = context;
    return w;
}

void su_block_writer_cleanup(struct su_block_writer **w)
{
    if (!*w)
        return;
    su_belt_cleanup(&(*w)->belt);
    free((*w)->memory);
    free(*w);
    *w = NULL;
}

void su_blocks_stop(struct su_block_writer *w)
{
    su_belt_cleanup(&w->belt);
    w->block = NULL;
}

static int write_block(void *context, unsigned worker, void *job, struct su_err *err)
{
    const struct su_block_writer *w = context;
    struct block_job *b = job;
    (void)worker;
    if (su_sha256(b->sha256, b->bytes, b->used, err) < 0)
        return -1;
    return su_file_write_at(w->fd, b->bytes, b->used, b->offset, err);
}

static int lay_block(struct su_block_writer *w, struct block_job *b, struct su_err *err)
{
    if (w->lay(w->context, b->bytes, b->used, b->sha256, err) < 0)
        return -1;
    w->laid += b->used;
    if (w->laid % BEHIND_BYTES == 0)
        su_file_write_behind(w->fd, w->laid - BEHIND_BYTES, BEHIND_BYTES);
    b->used = 0;
    return 0;
}

static int lay_blocks(void *context, struct su_belt *belt, struct su_err *err)
{
    void *job;
    int more;
    while ((more = su_belt_take(belt, &job, err)) > 0) {
        if (lay_block(context, job, err) < 0)
            return -1;
        su_belt_release(belt);
    }
    return more;
}

int su_blocks_open(struct su_block_writer *w, int fd, struct su_err *err)
{
    struct su_belt_plan plan = {.jobs = w->jobs,
                                .slots = SLOTS,
                                .job_bytes = sizeof *w->jobs,
                                .context = w,
                                .work = write_block,
                                .take = lay_blocks};
    w->fd = fd;
    w->position = w->begun = w->laid = 0;
    w->block = NULL;
    su_file_bypass_cache(fd); /* for 2 GB 2.1 seconds of the kernel, not 7.5 */
    w->belt = su_belt_new(&plan, err);
    return w->belt ? 0 : -1;
}

static void submit_block(struct su_block_writer *w)
{
    su_belt_submit(w->belt, 0);
    w->block = NULL;
}

int su_blocks_close(struct su_block_writer *w, bool is_whole, struct su_err *err)
{
    if (!w->belt)
        return su_fail(err, SU_BUG, "a volume is closed that is not open");
    if (w->block && is_whole)
        submit_block(w);
    w->block = NULL;
    int result = su_belt_finish(w->belt, err);
    su_belt_cleanup(&w->belt);
    return result;
}

uint64_t su_blocks_position(const struct su_block_writer *w)
{
    return w->position;
}

/* A block with room for at least one byte more. */
static int ready_block(struct su_block_writer *w, struct su_err *err)
{
    if (w->block && w->block->used == SU_BLOCK_BYTES)
        submit_block(w);
    if (w->block)
        return 0;
    /* What the tar writer still sends while it is taken down goes nowhere. */
    if (!w->belt)
        return su_fail(err, SU_BUG, "writing goes on after a failure");
    if (su_interrupt_check(err) < 0)
        return -1;
    w->block = su_belt_slot(w->belt, err);
    if (!w->block)
        return -1;
    w->block->offset = w->begun;
    w->begun += SU_BLOCK_BYTES;
    return 0;
}

char *su_blocks_room(struct su_block_writer *w, size_t *room, struct su_err *err)
{
    if (ready_block(w, err) < 0)
        return NULL;
    *room = SU_BLOCK_BYTES - w->block->used;
    if (*room > READ_BYTES)
        *room = READ_BYTES;
    return w->block->bytes + w->block->used;
}

int su_blocks_add(struct su_block_writer *w, const void *bytes, size_t length, struct su_err *err)
{
    const char *p = bytes;
    w->position += length;
    while (length > 0) {
        if (ready_block(w, err) < 0)
            return -1;
        size_t room = SU_BLOCK_BYTES - w->block->used, n = length < room ? length : room;
        char *to = w->block->bytes + w->block->used;
        if (p != to) /* else read to where it belongs: su_blocks_room */
            memcpy(to, p, n);
        w->block->used += n;
        p += n;
        length -= n;
    }
    return 0;
}
