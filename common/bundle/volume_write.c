#include "common/bundle/volume_write.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/sys/belt.h"
#include "common/sys/interrupt.h"

#define TAR_BLOCK 512u
#define TAR_END 1024u /* two zero blocks */
/* A piece smaller than this is not worth its header; the volume is closed instead. */
#define LEAST_PIECE 4096u
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

/* The caller's thread fills blocks, any thread hashes them and gives them to the medium, each at its place;
 * one takes them in order: volume hash, list of blocks. That thread alone touches digest, volume and the
 * manifest's blocks until the volume is closed. (With the writing on it too, that thread decided how long an
 * export took: the system's copy of a block costs as much as its hash.) */
struct su_volume_writer {
    int dir;
    uint64_t volume_bytes;
    const char *set;
    struct su_manifest *manifest;
    /* the open volume */
    struct su_tar *tar;
    su_fd fd;
    uint64_t position; /* bytes given to the sink */
    uint64_t begun;    /* bytes before the end of the newest block, were it full */
    struct su_belt *belt;
    struct block_job jobs[SLOTS], *block; /* block: the one being filled; NULL: none */
    char *memory;                         /* of all jobs */
    struct su_digest digest;
    struct su_volume *volume;
    /* the open item */
    char name[SU_ITEM_TEXT];
    uint64_t item_bytes, item_done, piece_left;
    size_t first_extent;
    unsigned piece;
};

int su_volume_set(const struct su_manifest *m, char out[SU_SET_TEXT], struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(1024);
    uint8_t digest[SU_SHA256_BYTES];
    su_buf_addf(&text, "SU-SET 1\n%s\n%s\n%llu\n%s\n", m->hub, m->site, (unsigned long long)m->sequence,
                m->is_full ? "full" : "delta");
    su_buf_addhex(&text, m->result, SU_SHA256_BYTES);
    if (su_buf_check(&text, "a set id", err) < 0 || su_sha256(digest, text.bytes, text.length, err) < 0)
        return -1;
    su_hex_format(digest, (SU_SET_TEXT - 1) / 2, out);
    return 0;
}

int su_volume_head(struct su_tar *tar, const struct su_manifest *m, const char *set, uint32_t volume,
                   struct su_err *err)
{
    char bundle[SU_BUNDLE_NAME_TEXT], head[256];
    int length = snprintf(head, sizeof head, "SU-VOLUME 1\nbundle %s\nset %s\nvolume %u\n",
                          su_bundle_name(m->site, m->sequence, bundle), set, volume);
    if (su_tar_member(tar, "SU-HEAD", (uint64_t)length, err) < 0)
        return -1;
    return su_tar_write(tar, head, (size_t)length, err);
}

const char *su_volume_payload_item(const struct su_payload *p, char out[SU_ITEM_TEXT])
{
    int used = snprintf(out, SU_ITEM_TEXT, "%s/", p->is_licence ? "licence" : "content");
    su_hex_format(p->id.sha256, SU_SHA256_BYTES, out + used);
    return out;
}

const char *su_volume_frame_item(size_t number, char out[SU_ITEM_TEXT])
{
    (void)snprintf(out, SU_ITEM_TEXT, "metadata/%06zu.zst", number);
    return out;
}

const char *su_volume_piece_name(const char *item, unsigned piece, char out[SU_PIECE_TEXT])
{
    (void)snprintf(out, SU_PIECE_TEXT, piece ? "%s.part-%04u" : "%s", item, piece);
    return out;
}

struct su_volume_writer *su_volume_writer_new(int dir, uint64_t volume_bytes, const char *set,
                                              struct su_manifest *manifest, struct su_err *err)
{
    struct su_volume_writer *w = calloc(1, sizeof *w);
    if (w)
        w->memory = aligned_alloc(SU_DIRECT_BYTES, SLOTS * SU_BLOCK_BYTES);
    if (!w || !w->memory) {
        free(w);
        (void)su_fail_memory(err);
        return NULL;
    }
    for (size_t i = 0; i < SLOTS; i++)
        w->jobs[i].bytes = w->memory + i * SU_BLOCK_BYTES;
    w->dir = dir;
    w->volume_bytes = volume_bytes;
    w->set = set;
    w->manifest = manifest;
    w->fd = -1;
    return w;
}

void su_volume_writer_cleanup(struct su_volume_writer **w)
{
    if (!*w)
        return;
    su_belt_cleanup(&(*w)->belt);
    (*w)->block = NULL;
    su_tar_cleanup(&(*w)->tar);
    su_fd_cleanup(&(*w)->fd);
    su_digest_cleanup(&(*w)->digest);
    free((*w)->memory);
    free(*w);
    *w = NULL;
}

static int write_block(void *context, unsigned worker, void *job, struct su_err *err)
{
    const struct su_volume_writer *w = context;
    struct block_job *b = job;
    (void)worker;
    if (su_sha256(b->sha256, b->bytes, b->used, err) < 0)
        return -1;
    return su_file_write_at(w->fd, b->bytes, b->used, b->offset, err);
}

static int lay_block(struct su_volume_writer *w, struct block_job *b, struct su_err *err)
{
    struct su_block *block = SU_PUSH(&w->manifest->blocks, SU_MAX_MANIFEST_BYTES / 64);
    if (!block)
        return su_fail(err, SU_LIMIT, "the bundle has more blocks than a manifest can list");
    memcpy(block->sha256, b->sha256, sizeof block->sha256);
    if (su_digest_add(&w->digest, b->bytes, b->used, err) < 0)
        return -1;
    w->volume->blocks++;
    w->volume->bytes += b->used;
    if (w->volume->bytes % BEHIND_BYTES == 0)
        su_file_write_behind(w->fd, w->volume->bytes - BEHIND_BYTES, BEHIND_BYTES);
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

static void submit_block(struct su_volume_writer *w)
{
    su_belt_submit(w->belt, 0);
    w->block = NULL;
}

/* A block with room for at least one byte more. */
static int ready_block(struct su_volume_writer *w, struct su_err *err)
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

static int sink(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct su_volume_writer *w = context;
    const char *p = bytes;
    w->position += length;
    while (length > 0) {
        if (ready_block(w, err) < 0)
            return -1;
        size_t room = SU_BLOCK_BYTES - w->block->used, n = length < room ? length : room;
        char *to = w->block->bytes + w->block->used;
        if (p != to) /* else read to where it belongs: su_volume_room */
            memcpy(to, p, n);
        w->block->used += n;
        p += n;
        length -= n;
    }
    return 0;
}

static int close_volume(struct su_volume_writer *w, struct su_err *err)
{
    char name[16];
    if (!w->tar)
        return 0;
    if (su_tar_finish(w->tar, err) < 0)
        return -1;
    submit_block(w); /* the tar's end mark is in it, so there is one */
    if (su_belt_finish(w->belt, err) < 0 || su_digest_end(&w->digest, w->volume->sha256, err) < 0)
        return -1;
    su_belt_cleanup(&w->belt);
    su_tar_cleanup(&w->tar);
    return su_file_finish(&w->fd, su_volume_name(w->manifest, (uint32_t)w->manifest->volumes.count, name),
                          err);
}

static int open_volume(struct su_volume_writer *w, struct su_err *err)
{
    char name[16];
    size_t number = w->manifest->volumes.count + 1;
    w->volume = SU_PUSH(&w->manifest->volumes, SU_MAX_VOLUMES);
    if (!w->volume) {
        (void)su_fail(err, SU_LIMIT, "the bundle needs more than %u volumes of %llu bytes", SU_MAX_VOLUMES,
                      (unsigned long long)w->volume_bytes);
        return su_remedy(err, "Choose a larger --volume-size.");
    }
    w->volume->first_block = w->manifest->blocks.count;
    w->position = w->begun = 0;
    su_volume_name(w->manifest, (uint32_t)number, name);
    struct su_belt_plan plan = {.jobs = w->jobs,
                                .slots = SLOTS,
                                .job_bytes = sizeof *w->jobs,
                                .context = w,
                                .work = write_block,
                                .take = lay_blocks};
    if (su_file_create(&w->fd, w->dir, name, 0, err) < 0)
        return -1;
    su_file_bypass_cache(w->fd); /* a sixth of the kernel's time, docs/performance.md */
    if (su_digest_open(&w->digest, SU_SHA256, err) < 0 || !(w->belt = su_belt_new(&plan, err)) ||
        !(w->tar = su_tar_new(sink, w, err)))
        return -1;
    return su_volume_head(w->tar, w->manifest, w->set, (uint32_t)number, err);
}

static uint64_t padded(uint64_t bytes)
{
    return (bytes + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

/* Bytes of payload that a new member could hold in the open volume. */
static uint64_t room_left(const struct su_volume_writer *w)
{
    if (!w->tar)
        return 0;
    if (w->volume_bytes == 0)
        return SU_MAX_PIECE_BYTES;
    uint64_t used = padded(w->position) + TAR_BLOCK + TAR_END;
    uint64_t room = used >= w->volume_bytes ? 0 : (w->volume_bytes - used) / TAR_BLOCK * TAR_BLOCK;
    return room < SU_MAX_PIECE_BYTES ? room : SU_MAX_PIECE_BYTES;
}

static int open_piece(struct su_volume_writer *w, struct su_err *err)
{
    uint64_t left = w->item_bytes - w->item_done, room = room_left(w);
    char name[SU_PIECE_TEXT];
    bool has_header_room =
        w->tar && (w->volume_bytes == 0 || padded(w->position) + TAR_BLOCK + TAR_END <= w->volume_bytes);
    if (!has_header_room || (room < left && room < LEAST_PIECE)) {
        if (close_volume(w, err) < 0 || open_volume(w, err) < 0)
            return -1;
        room = room_left(w);
    }
    bool is_whole = w->piece == 0 && left <= room;
    w->piece_left = left < room ? left : room;
    w->piece++;
    if (su_tar_member(w->tar, su_volume_piece_name(w->name, is_whole ? 0 : w->piece, name), w->piece_left,
                      err) < 0)
        return -1;
    struct su_extent *extent = SU_PUSH(&w->manifest->extents, SU_MAX_PAYLOADS * 2);
    if (!extent)
        return su_fail(err, SU_LIMIT, "the bundle has more pieces than a manifest can list");
    *extent = (struct su_extent){(uint32_t)w->manifest->volumes.count, w->position, w->piece_left};
    return 0;
}

int su_volume_item(struct su_volume_writer *w, const char *name, uint64_t bytes, struct su_err *err)
{
    (void)snprintf(w->name, sizeof w->name, "%s", name);
    w->item_bytes = bytes;
    w->item_done = w->piece_left = 0;
    w->piece = 0;
    w->first_extent = w->manifest->extents.count;
    return bytes == 0 ? open_piece(w, err) : 0;
}

int su_volume_write(struct su_volume_writer *w, const void *bytes, size_t length, struct su_err *err)
{
    const char *p = bytes;
    if (length > w->item_bytes - w->item_done)
        return su_fail(err, SU_DATA, "%s is longer than the %llu bytes announced", w->name,
                       (unsigned long long)w->item_bytes);
    while (length > 0) {
        if (w->piece_left == 0 && open_piece(w, err) < 0)
            return -1;
        size_t n = length < w->piece_left ? length : (size_t)w->piece_left;
        if (su_tar_write(w->tar, p, n, err) < 0)
            return -1;
        p += n;
        length -= n;
        w->item_done += n;
        w->piece_left -= n;
    }
    return 0;
}

char *su_volume_room(struct su_volume_writer *w, size_t *room, struct su_err *err)
{
    if ((w->piece_left == 0 && open_piece(w, err) < 0) || ready_block(w, err) < 0)
        return NULL;
    *room = SU_BLOCK_BYTES - w->block->used;
    if (*room > w->piece_left)
        *room = (size_t)w->piece_left;
    if (*room > READ_BYTES)
        *room = READ_BYTES;
    return w->block->bytes + w->block->used;
}

int su_volume_item_end(struct su_volume_writer *w, size_t *first, size_t *count, struct su_err *err)
{
    if (w->item_done != w->item_bytes)
        return su_fail(err, SU_DATA, "%s ended after %llu of %llu bytes", w->name,
                       (unsigned long long)w->item_done, (unsigned long long)w->item_bytes);
    *first = w->first_extent;
    *count = w->manifest->extents.count - w->first_extent;
    return 0;
}

int su_volume_finish(struct su_volume_writer *w, struct su_err *err)
{
    if (w->manifest->volumes.count == 0 && open_volume(w, err) < 0)
        return -1;
    return close_volume(w, err);
}
