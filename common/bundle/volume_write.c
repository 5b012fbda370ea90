#include "common/bundle/volume_write.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/bundle/block_write.h"

#define TAR_BLOCK 512u
#define TAR_END 1024u /* two zero blocks */
/* A piece smaller than this is not worth its header; the volume is closed instead. */
#define LEAST_PIECE 4096u
/* Blocks go through block_write.c. Its laying thread alone touches digest, volume and the manifest's blocks
 * until the volume is closed. */
struct su_volume_writer {
    int dir;
    uint64_t volume_bytes;
    const char *set;
    struct su_manifest *manifest;
    /* the open volume */
    struct su_tar *tar;
    su_fd fd;
    struct su_block_writer *blocks;
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
    su_buf_addf(&text, "SU-SET 1\n%s\n%s\n%llu\n%s\n", m->hub, m->site,
                (unsigned long long)(m->urgent ? m->urgent : m->sequence), su_manifest_kind(m));
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
                          su_manifest_name(m, bundle), set, volume);
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

static int lay_block(void *context, const void *bytes, size_t length, const uint8_t sha256[SU_SHA256_BYTES],
                     struct su_err *err)
{
    struct su_volume_writer *w = context;
    struct su_block *block = SU_PUSH(&w->manifest->blocks, SU_MAX_MANIFEST_BYTES / 64);
    if (!block)
        return su_fail_full(err, "the bundle has more blocks than a manifest can list");
    memcpy(block->sha256, sha256, sizeof block->sha256);
    w->volume->blocks++;
    w->volume->bytes += length;
    return su_digest_add(&w->digest, bytes, length, err);
}

static int sink(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct su_volume_writer *w = context;
    return su_blocks_add(w->blocks, bytes, length, err);
}

struct su_volume_writer *su_volume_writer_new(int dir, uint64_t volume_bytes, const char *set,
                                              struct su_manifest *manifest, struct su_err *err)
{
    struct su_volume_writer *w = calloc(1, sizeof *w);
    if (!w) {
        (void)su_fail_memory(err);
        return NULL;
    }
    *w = (struct su_volume_writer){
        .dir = dir, .volume_bytes = volume_bytes, .set = set, .manifest = manifest, .fd = -1};
    if (!(w->blocks = su_block_writer_new(lay_block, w, err)))
        su_volume_writer_cleanup(&w);
    return w;
}

void su_volume_writer_cleanup(struct su_volume_writer **w)
{
    if (!*w)
        return;
    if ((*w)->blocks)
        su_blocks_stop((*w)->blocks);
    su_tar_cleanup(&(*w)->tar);
    su_block_writer_cleanup(&(*w)->blocks);
    su_fd_cleanup(&(*w)->fd);
    su_digest_cleanup(&(*w)->digest);
    free(*w);
    *w = NULL;
}

static int close_volume(struct su_volume_writer *w, struct su_err *err)
{
    char name[16];
    if (!w->tar)
        return 0;
    if (su_tar_finish(w->tar, err) < 0)
        return -1;
    if (su_blocks_close(w->blocks, true, err) < 0 || su_digest_end(&w->digest, w->volume->sha256, err) < 0)
        return -1;
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
        (void)su_fail_full(err, "the bundle needs more than %u volumes of %llu bytes", SU_MAX_VOLUMES,
                           (unsigned long long)w->volume_bytes);
        return su_remedy(err, "Choose a larger --volume-size.");
    }
    w->volume->first_block = w->manifest->blocks.count;
    su_volume_name(w->manifest, (uint32_t)number, name);
    if (su_file_create(&w->fd, w->dir, name, 0, err) < 0 || su_digest_open(&w->digest, SU_SHA256, err) < 0 ||
        su_blocks_open(w->blocks, w->fd, err) < 0 || !(w->tar = su_tar_new(sink, w, err)))
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
    uint64_t used = padded(su_blocks_position(w->blocks)) + TAR_BLOCK + TAR_END;
    uint64_t room = used >= w->volume_bytes ? 0 : (w->volume_bytes - used) / TAR_BLOCK * TAR_BLOCK;
    return room < SU_MAX_PIECE_BYTES ? room : SU_MAX_PIECE_BYTES;
}

static int open_piece(struct su_volume_writer *w, struct su_err *err)
{
    uint64_t left = w->item_bytes - w->item_done, room = room_left(w);
    char name[SU_PIECE_TEXT];
    bool has_header_room =
        w->tar && (w->volume_bytes == 0 ||
                   padded(su_blocks_position(w->blocks)) + TAR_BLOCK + TAR_END <= w->volume_bytes);
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
        return su_fail_full(err, "the bundle has more pieces than a manifest can list");
    *extent = (struct su_extent){(uint32_t)w->manifest->volumes.count, su_blocks_position(w->blocks),
                                 w->piece_left};
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
    if (w->piece_left == 0 && open_piece(w, err) < 0)
        return NULL;
    char *to = su_blocks_room(w->blocks, room, err);
    if (to && *room > w->piece_left)
        *room = (size_t)w->piece_left;
    return to;
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
