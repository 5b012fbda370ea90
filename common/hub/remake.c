#include "common/hub/remake.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/bundle/block_write.h"
#include "common/bundle/naming.h"
#include "common/bundle/volume_write.h"
#include "common/lib/archive.h"

/* A part of an item that lies in the volume. */
struct piece {
    const struct su_extent *extent;
    const struct su_payload *payload; /* NULL: a frame */
    size_t frame;                     /* from 1 */
    unsigned number;                  /* 0: the item is in one piece */
    uint64_t start;                   /* of its bytes, in the stored file or in FRAMES */
};

struct remaking {
    const struct su_home *hub;
    const struct su_events *events;
    const struct su_manifest *m;
    const struct su_volume *volume;
    uint32_t number;
    int frames;
    su_fd fd;
    struct su_block_writer *blocks;
    /* The laying thread's until the blocks are closed. */
    size_t laid;   /* blocks */
    bool is_wrong; /* the one after those is not as it was */
    SU_VEC(struct piece) pieces;
};

static int add_pieces(struct remaking *r, const struct piece *item, size_t first, size_t count,
                      struct su_err *err)
{
    uint64_t start = item->start;
    for (size_t i = 0; i < count; i++) {
        const struct su_extent *e = &r->m->extents.at[first + i];
        if (e->volume == r->number) {
            struct piece *p = SU_PUSH(&r->pieces, SU_MAX_PAYLOADS * 2);
            if (!p)
                return su_fail_memory(err);
            *p = *item;
            p->extent = e;
            p->start = start;
            p->number = count == 1 ? 0 : (unsigned)i + 1;
        }
        start += e->length;
    }
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    return x->extent->offset < y->extent->offset ? -1 : x->extent->offset > y->extent->offset;
}

static int collect(struct remaking *r, struct su_err *err)
{
    struct piece item = {.frame = 0};
    for (size_t i = 0; i < r->m->payloads.count; i++) {
        item.payload = &r->m->payloads.at[i];
        if (add_pieces(r, &item, item.payload->first_extent, item.payload->extents, err) < 0)
            return -1;
    }
    item.payload = NULL;
    for (size_t i = 0; i < r->m->frames.count; i++) {
        const struct su_frame *f = &r->m->frames.at[i];
        item.frame = i + 1;
        if (add_pieces(r, &item, f->first_extent, f->extents, err) < 0)
            return -1;
        for (size_t k = 0; k < f->extents; k++)
            item.start += r->m->extents.at[f->first_extent + k].length;
    }
    if (r->pieces.count > 0)
        qsort(r->pieces.at, r->pieces.count, sizeof *r->pieces.at, by_offset);
    return 0;
}

static int content_is_wrong(struct remaking *r, const struct su_payload *p, const char *why,
                            struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MIB);
    SU_AUTO(su_named_file) struct su_named_file named = {.bytes = p->id.bytes, .is_licence = p->is_licence};
    struct su_err ignored = SU_ERR_INIT; /* a name is a help, not a condition */
    char hex[SU_SHA256_TEXT];
    memcpy(named.sha1, p->id.sha1, SU_SHA1_BYTES);
    su_hex_format(p->id.sha256, SU_SHA256_BYTES, hex);
    if (su_name_from_database(r->hub->db, &named, &ignored) == 0)
        su_name_text(&named, &text);
    (void)su_fail(err, SU_CONTENT_WRONG, "stored file %s, %s, %s", hex, text.bytes ? text.bytes : "", why);
    return su_remedy(err, "Run 'suexport content verify', remove the file from the store, bring it back with "
                          "'suexport content add DIR', and run again; or make a new bundle.");
}

/* A block is not as it was: which of what lies in it has changed? */
static int blame(struct remaking *r, struct su_err *err)
{
    uint64_t from = (uint64_t)r->laid * SU_BLOCK_BYTES, to = from + SU_BLOCK_BYTES;
    for (size_t i = 0; i < r->pieces.count; i++) {
        const struct piece *p = &r->pieces.at[i];
        SU_AUTO(su_fd) su_fd fd = -1;
        struct su_file_id have;
        if (!p->payload || p->extent->offset >= to || p->extent->offset + p->extent->length <= from)
            continue;
        if (su_store_open(&fd, r->hub, p->payload->id.sha256, NULL, err) < 0 ||
            su_store_identify(fd, &have, err) < 0)
            return -1;
        if (su_store_compare(&have, &p->payload->id, err) < 0)
            return content_is_wrong(r, p->payload, "has changed since it was adopted", err);
    }
    (void)su_fail(err, SU_DATA,
                  "volume %u would differ from the signed one at offset %llu; what the hub kept of its "
                  "metadata is damaged",
                  r->number, (unsigned long long)from);
    return su_remedy(err, "Make a new bundle: suexport export --site %s --full", r->m->site);
}

static int lay_block(void *context, const void *bytes, size_t length, const uint8_t sha256[SU_SHA256_BYTES],
                     struct su_err *err)
{
    struct remaking *r = context;
    (void)bytes;
    r->is_wrong =
        r->laid >= r->volume->blocks || length != su_block_bytes(r->volume, r->laid) ||
        memcmp(sha256, r->m->blocks.at[r->volume->first_block + r->laid].sha256, SU_SHA256_BYTES) != 0;
    if (r->is_wrong)
        return su_fail(err, SU_DATA, "a block differs");
    su_progress(r->events, SU_EXPORT_STARTED, "resend", (uint64_t)r->laid++ * SU_BLOCK_BYTES + length,
                r->volume->bytes, "bytes");
    return 0;
}

static int sink(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct remaking *r = context;
    return su_blocks_add(r->blocks, bytes, length, err);
}

static int open_source(struct remaking *r, const struct piece *p, su_fd *out, struct su_err *err)
{
    uint64_t bytes;
    if (!p->payload) {
        *out = fcntl(r->frames, F_DUPFD_CLOEXEC, 0);
        return *out < 0 ? su_fail_sys(err, "dup") : 0;
    }
    struct su_err why = SU_ERR_INIT;
    if (su_store_open(out, r->hub, p->payload->id.sha256, &bytes, &why) < 0)
        return content_is_wrong(r, p->payload, "is gone", err);
    return bytes == p->payload->id.bytes ? 0 : content_is_wrong(r, p->payload, "has another size", err);
}

static int write_piece(struct remaking *r, struct su_tar *tar, const struct piece *p, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    char item[SU_ITEM_TEXT], name[SU_PIECE_TEXT];
    uint64_t left = p->extent->length, from = p->start;
    if (p->payload)
        su_volume_payload_item(p->payload, item);
    else
        su_volume_frame_item(p->frame, item);
    if (open_source(r, p, &fd, err) < 0 ||
        su_tar_member(tar, su_volume_piece_name(item, p->number, name), left, err) < 0)
        return -1;
    if (su_blocks_position(r->blocks) != p->extent->offset)
        return su_fail(err, SU_BUG, "%s would lie at %llu, the manifest says %llu", name,
                       (unsigned long long)su_blocks_position(r->blocks),
                       (unsigned long long)p->extent->offset);
    while (left > 0) {
        size_t room;
        char *to = su_blocks_room(r->blocks, &room, err);
        size_t n = left < room ? (size_t)left : room;
        if (!to)
            return -1;
        if (su_file_read_at(fd, to, n, from, err) < 0)
            return su_prefix(err, "%s", item);
        if (su_tar_write(tar, to, n, err) < 0)
            return -1;
        left -= n;
        from += n;
    }
    return 0;
}

static int write_members(struct remaking *r, struct su_tar *tar, struct su_err *err)
{
    char set[SU_SET_TEXT];
    if (su_volume_set(r->m, set, err) < 0 || su_volume_head(tar, r->m, set, r->number, err) < 0)
        return -1;
    for (size_t i = 0; i < r->pieces.count; i++)
        if (write_piece(r, tar, &r->pieces.at[i], err) < 0)
            return -1;
    return su_tar_finish(tar, err);
}

static int write_volume(struct remaking *r, int dir, struct su_err *err)
{
    SU_AUTO(su_tar) struct su_tar *tar = su_tar_new(sink, r, err);
    struct su_err later = SU_ERR_INIT;
    char name[16];
    if (!tar)
        return -1;
    su_volume_name(r->m, r->number, name);
    if (su_file_create(&r->fd, dir, name, 0, err) < 0 || su_blocks_open(r->blocks, r->fd, err) < 0)
        return -1;
    int result = write_members(r, tar, err);
    /* Everything that was filled is laid, whatever came then: the first wrong block is told, however the
     * threads met. */
    if (su_blocks_close(r->blocks, result == 0, &later) < 0 && result == 0) {
        *err = later;
        result = -1;
    }
    if (r->is_wrong) {
        su_err_clear(err);
        return blame(r, err);
    }
    if (result < 0)
        return -1;
    if (su_blocks_position(r->blocks) != r->volume->bytes)
        return su_fail(err, SU_BUG, "%s would have %llu bytes, the manifest says %llu", name,
                       (unsigned long long)su_blocks_position(r->blocks),
                       (unsigned long long)r->volume->bytes);
    return su_file_finish(&r->fd, name, err);
}

int su_volume_remake(const struct su_home *hub, const struct su_manifest *m, uint32_t number, int dir,
                     int frames, const struct su_events *events, struct su_err *err)
{
    struct remaking r = {.hub = hub,
                         .events = events,
                         .m = m,
                         .volume = &m->volumes.at[number - 1],
                         .number = number,
                         .frames = frames,
                         .fd = -1};
    r.blocks = su_block_writer_new(lay_block, &r, err);
    int result = !r.blocks || collect(&r, err) < 0 || write_volume(&r, dir, err) < 0 ? -1 : 0;
    su_block_writer_cleanup(&r.blocks);
    su_fd_cleanup(&r.fd);
    free(r.pieces.at);
    return result;
}
