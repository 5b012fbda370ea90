/*
 * A bundle's volumes with a manifest made for them: block hashes are right, so that everything behind them is
 * reached.
 *
 *   byte 0     bits 0-1 data volumes - 1; bits 2 and 7: a long volume (two blocks); bit 3: a byte is changed
 * after hashing; bit 4: frames are packed here, so that the records inside are reached; bit 5: raw size as it
 * is; bit 6: all blocks are checked, else those that were not read yet byte 1     items - 1, of them every
 * third one a frame each item  volume, offset, length (2 bytes each); the rest is the bytes of the volumes
 */
#include "tests/fuzz/fuzz.h"

#include "common/bundle/frame_read.h"
#include "common/lib/pack.h"
#include "common/sys/belt.h"

#define MOST_VOLUMES 4
#define MOST_ITEMS 12

struct walk {
    struct su_manifest m;
    struct su_buf volumes[MOST_VOLUMES];
    unsigned char kinds;
    uint64_t records, bytes;
    const char *expect; /* of the item being read */
    size_t expected;
};

static bool is_long(const struct walk *w)
{
    return (w->kinds & 0x84) == 0x84;
}

static int take_bytes(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct walk *w = context;
    (void)err;
    HOLDS(length > 0 && length <= w->expected && memcmp(bytes, w->expect, length) == 0);
    w->expect += length;
    w->expected -= length;
    return 0;
}

static int take_record(void *context, struct su_record *record, struct su_err *err)
{
    struct walk *w = context;
    w->records++;
    w->bytes += record->document_bytes;
    return record->is_removal ? 0 : su_record_seal(record, err);
}

/* The volumes' bytes: the rest of the input, cut in as many parts; a long one is drawn out with a pattern. */
static void fill_volumes(struct walk *w, struct input *in, size_t volumes)
{
    size_t part = in->left / volumes;
    for (size_t v = 0; v < volumes; v++) {
        w->volumes[v] = (struct su_buf)SU_BUF_INIT(2 * SU_BLOCK_BYTES);
        su_buf_add(&w->volumes[v], in->at + v * part, part);
        if (v == 0 && is_long(w)) {
            char *more = su_buf_reserve(&w->volumes[v], SU_BLOCK_BYTES);
            HOLDS(more);
            memset(more, 'x', SU_BLOCK_BYTES);
            su_buf_grow_by(&w->volumes[v], SU_BLOCK_BYTES);
        }
        if (w->volumes[v].length == 0)
            su_buf_adds(&w->volumes[v], "-");
    }
}

/* A frame of the records that stand at the place, appended to the last volume. */
static void pack_frame(struct walk *w, struct su_extent *e, uint64_t *raw_bytes)
{
    struct su_err err = SU_ERR_INIT;
    static struct su_packer *packer;
    SU_AUTO(su_buf) struct su_buf packed = SU_BUF_INIT(SU_MIB);
    struct su_buf *last = &w->volumes[w->m.volumes.count - 1];
    if (!packer)
        packer = su_packer_new(&err);
    HOLDS(packer && su_pack_frame(packer, w->volumes[e->volume - 1].bytes + e->offset, (size_t)e->length,
                                  &packed, &err) == 0);
    if (!(w->kinds & 32))
        *raw_bytes = e->length;
    *e = (struct su_extent){
        .volume = (uint32_t)w->m.volumes.count, .offset = last->length, .length = packed.length};
    su_buf_add(last, packed.bytes, packed.length);
    HOLDS(!last->is_over);
}

static void make_items(struct walk *w, unsigned items, const uint16_t (*numbers)[3])
{
    for (unsigned i = 0; i < items; i++) {
        struct su_extent *e = SU_PUSH(&w->m.extents, MOST_ITEMS);
        HOLDS(e);
        e->volume = numbers[i][0] % (uint32_t)w->m.volumes.count + 1;
        size_t bytes = w->volumes[e->volume - 1].length;
        e->offset = numbers[i][1] % bytes;
        e->length = numbers[i][2] < bytes - e->offset ? numbers[i][2] : bytes - e->offset;
        if (is_long(w) && e->volume == 1 && i == 0)
            *e = (struct su_extent){1, bytes - SU_BLOCK_BYTES / 2 - 100,
                                    SU_BLOCK_BYTES / 2}; /* over the edge of two blocks */
        if (i % 3 == 0) {
            struct su_frame *f = SU_PUSH(&w->m.frames, MOST_ITEMS);
            HOLDS(f);
            *f = (struct su_frame){.raw_bytes = numbers[i][0], .first_extent = i, .extents = 1};
            if ((w->kinds & 16) && e->length > 0)
                pack_frame(w, e, &f->raw_bytes);
        } else {
            struct su_payload *p = SU_PUSH(&w->m.payloads, MOST_ITEMS);
            HOLDS(p);
            *p = (struct su_payload){.id = {.bytes = e->length}, .first_extent = i, .extents = 1};
        }
    }
}

static void make_blocks(struct walk *w)
{
    struct su_err err = SU_ERR_INIT;
    for (size_t v = 0; v < w->m.volumes.count; v++) {
        struct su_volume *x = &w->m.volumes.at[v];
        x->bytes = w->volumes[v].length;
        x->first_block = w->m.blocks.count;
        x->blocks = (size_t)((x->bytes + SU_BLOCK_BYTES - 1) / SU_BLOCK_BYTES);
        HOLDS(su_sha256(x->sha256, w->volumes[v].bytes, w->volumes[v].length, &err) == 0);
        for (size_t b = 0; b < x->blocks; b++) {
            struct su_block *block = SU_PUSH(&w->m.blocks, 64);
            HOLDS(block && su_sha256(block->sha256, w->volumes[v].bytes + b * SU_BLOCK_BYTES,
                                     su_block_bytes(x, b), &err) == 0);
        }
    }
}

struct bad {
    unsigned count;
    uint32_t volume;
    uint64_t offset, length;
};
static void on_bad(void *context, const struct su_bad_block *block)
{
    struct bad *bad = context;
    *bad = (struct bad){bad->count + 1, block->volume, block->offset, block->length};
    HOLDS(block->reason && block->reason[0]);
}

/* What was changed is found, just there; nothing else is. */
static void check_blocks(struct walk *w, struct su_volume_reader *reader, bool is_changed)
{
    struct su_err err = SU_ERR_INIT;
    struct bad bad = {0};
    uint64_t blocks;
    if (!(w->kinds & 64)) {
        HOLDS((su_volume_check_rest(reader, NULL, &err) == 0) == !is_changed);
        if (is_changed)
            check_refusal(&err);
        return;
    }
    HOLDS(su_volume_check_all(reader, on_bad, &bad, NULL, &blocks, &err) == 0);
    HOLDS(bad.count == (is_changed ? 1 : 0) && blocks == w->m.blocks.count);
    HOLDS(!is_changed || (bad.volume == 1 && bad.offset == 0));
}

static void read_items(struct walk *w, struct su_volume_reader *reader, bool is_changed)
{
    struct su_err err = SU_ERR_INIT;
    for (size_t i = 0; i < w->m.payloads.count; i++) {
        const struct su_payload *p = &w->m.payloads.at[i];
        const struct su_extent *e = &w->m.extents.at[p->first_extent];
        bool touches = is_changed && e->volume == 1 && e->offset < SU_BLOCK_BYTES && e->length > 0;
        w->expect = w->volumes[e->volume - 1].bytes + e->offset;
        w->expected = (size_t)e->length;
        int result = su_volume_read(reader, p->first_extent, p->extents, take_bytes, w, &err);
        HOLDS((result == 0) == !touches && (result < 0 || w->expected == 0));
    }
    if (su_frames_read(reader, &w->m, take_record, w, &err) < 0)
        check_refusal(&err);
    else
        HOLDS(w->m.frames.count > 0 || w->records == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct walk w = {.m = SU_MANIFEST_INIT, .kinds = (unsigned char)take_byte(&in)};
    size_t volumes = 1 + (w.kinds & 3);
    unsigned items = 1 + take_byte(&in) % MOST_ITEMS;
    uint16_t numbers[MOST_ITEMS][3];
    char name[16];
    struct su_err err = SU_ERR_INIT;
    for (unsigned i = 0; i < items; i++)
        for (int k = 0; k < 3; k++)
            numbers[i][k] = (uint16_t)take_u16(&in);
    su_threads_set(1);
    memcpy(w.m.site, "ALPHA", 6);
    memcpy(w.m.hub, "HUB", 4);
    w.m.sequence = 1;
    for (size_t v = 0; v < volumes; v++)
        HOLDS(SU_PUSH(&w.m.volumes, MOST_VOLUMES));
    fill_volumes(&w, &in, volumes);
    make_items(&w, items, (const uint16_t(*)[3])numbers);
    make_blocks(&w);
    bool is_changed = w.kinds & 8;
    if (is_changed)
        w.volumes[0].bytes[0] = (char)(w.volumes[0].bytes[0] ^ 1);
    for (uint32_t v = 1; v <= volumes; v++)
        (void)put_file(su_volume_name(&w.m, v, name), w.volumes[v - 1].bytes, w.volumes[v - 1].length);
    {
        SU_AUTO(su_fd) su_fd dir = -1;
        HOLDS(su_dir_open(&dir, AT_FDCWD, in_place(""), &err) == 0);
        SU_AUTO(su_volume_reader) struct su_volume_reader *reader = su_volume_reader_new(dir, &w.m, &err);
        HOLDS(reader);
        read_items(&w, reader, is_changed);
        check_blocks(&w, reader, is_changed);
    }
    for (size_t v = 0; v < volumes; v++)
        su_buf_cleanup(&w.volumes[v]);
    su_manifest_cleanup(&w.m);
    return 0;
}
