#include "common/hub/remake.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/bundle/naming.h"
#include "common/bundle/volume_write.h"
#include "common/lib/archive.h"
#include "common/sys/interrupt.h"

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
    uint64_t position;
    char *block, *chunk;
    bool has_failed; /* what the tar writer still sends while it is taken down goes nowhere */
    size_t block_used, block_number;
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
    uint64_t from = (uint64_t)r->block_number * SU_BLOCK_BYTES, to = from + r->block_used;
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

static int flush_block(struct remaking *r, struct su_err *err)
{
    bool is_good =
        r->block_number < r->volume->blocks && r->block_used == su_block_bytes(r->volume, r->block_number);
    if (r->block_used == 0)
        return 0;
    if (su_interrupt_check(err) < 0 ||
        (is_good && su_block_is_good(r->m, r->volume, r->block_number, r->block, &is_good, err) < 0))
        return -1;
    if (!is_good)
        return blame(r, err);
    if (su_file_write(r->fd, r->block, r->block_used, err) < 0)
        return -1;
    r->block_number++;
    r->block_used = 0;
    su_progress(r->events, SU_EXPORT_STARTED, "resend", r->position, r->volume->bytes, "bytes");
    return 0;
}

static int sink(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct remaking *r = context;
    const char *p = bytes;
    if (r->has_failed)
        return su_fail(err, SU_BUG, "writing goes on after a failure");
    while (length > 0) {
        size_t room = SU_BLOCK_BYTES - r->block_used, n = length < room ? length : room;
        memcpy(r->block + r->block_used, p, n);
        r->block_used += n;
        r->position += n;
        p += n;
        length -= n;
        if (r->block_used == SU_BLOCK_BYTES && flush_block(r, err) < 0)
            return -1;
    }
    return 0;
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
    if (r->position != p->extent->offset)
        return su_fail(err, SU_BUG, "%s would lie at %llu, the manifest says %llu", name,
                       (unsigned long long)r->position, (unsigned long long)p->extent->offset);
    while (left > 0) {
        size_t n = left < SU_MIB ? (size_t)left : SU_MIB;
        if (su_file_read_at(fd, r->chunk, n, from, err) < 0)
            return su_prefix(err, "%s", item);
        if (su_tar_write(tar, r->chunk, n, err) < 0)
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
    return su_tar_finish(tar, err) < 0 ? -1 : flush_block(r, err);
}

static int write_volume(struct remaking *r, int dir, struct su_err *err)
{
    SU_AUTO(su_tar) struct su_tar *tar = su_tar_new(sink, r, err);
    char name[16];
    if (!tar)
        return -1;
    su_volume_name(r->m, r->number, name);
    if (su_file_create(&r->fd, dir, name, 0, err) < 0)
        return -1;
    r->has_failed = write_members(r, tar, err) < 0;
    if (r->has_failed)
        return -1;
    if (r->position != r->volume->bytes)
        return su_fail(err, SU_BUG, "%s would have %llu bytes, the manifest says %llu", name,
                       (unsigned long long)r->position, (unsigned long long)r->volume->bytes);
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
                         .fd = -1,
                         .block = malloc(SU_BLOCK_BYTES),
                         .chunk = malloc(SU_MIB)};
    int result = r.block && r.chunk ? 0 : su_fail_memory(err);
    if (result == 0)
        result = collect(&r, err) < 0 || write_volume(&r, dir, err) < 0 ? -1 : 0;
    su_fd_cleanup(&r.fd);
    free(r.block);
    free(r.chunk);
    free(r.pieces.at);
    return result;
}
