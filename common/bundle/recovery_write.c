#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/bundle/recovery.h"
#include "common/lib/shards.h"
#include "common/sys/interrupt.h"
#include "common/sys/parallel.h"

/* Codewords in memory: at most 254 * 24 cells, 24 MiB. Larger reads are no faster; this fits a processor's
 * cache. */
#define WINDOW 24u

struct coding {
    struct su_manifest *m;
    struct su_geometry g;
    const struct su_events *events;
    uint64_t done, total;
    struct su_shards *shards;
    su_fd *files;   /* of all volumes, data first; -1: none */
    uint64_t first; /* codeword of the window */
    uint8_t records[WINDOW * SU_CHECK_BYTES];
    uint8_t *cells; /* of each place of the codeword, one run of WINDOW cells */
};

static uint8_t *run_of(const struct coding *c, uint32_t cell)
{
    return c->cells + (size_t)cell * WINDOW * SU_CELL_BYTES;
}

static void coding_cleanup(struct coding *c)
{
    for (uint32_t v = 0; c->files && v < c->g.volumes + c->g.recovery_volumes; v++)
        su_fd_cleanup(&c->files[v]);
    free(c->files);
    free(c->cells);
    su_shards_cleanup(&c->shards);
}

static int coding_open(struct coding *c, int dir, struct su_err *err)
{
    uint32_t all = c->g.volumes + c->g.recovery_volumes, cells = c->g.data_cells + c->g.parity_cells;
    char name[16];
    c->files = malloc(all * sizeof *c->files);
    for (uint32_t v = 0; c->files && v < all; v++)
        c->files[v] = -1;
    c->cells = malloc((size_t)cells * WINDOW * SU_CELL_BYTES);
    if (!c->files || !c->cells)
        return su_fail_memory(err);
    if (!(c->shards = su_shards_new(c->g.data_cells, c->g.parity_cells, err)))
        return -1;
    for (uint32_t v = 0; v < all; v++) {
        su_volume_name(c->m, v + 1, name);
        if (v < c->g.volumes ? su_file_open(&c->files[v], dir, name, NULL, err) < 0
                             : su_file_create(&c->files[v], dir, name,
                                              su_recovery_bytes(&c->g, v - c->g.volumes), err) < 0)
            return -1;
    }
    return 0;
}

/* The window's run of one data cell; what lies beyond the end of its volume is zero. */
static int read_run(struct coding *c, uint32_t cell, uint64_t first, size_t count, struct su_err *err)
{
    struct su_cell_place place = su_cell_place(&c->g, cell);
    uint64_t offset = place.offset + first * SU_CELL_BYTES, end = c->m->volumes.at[place.volume].bytes;
    size_t want = count * SU_CELL_BYTES, have = offset >= end ? 0 : want;
    if (have > 0 && end - offset < want)
        have = (size_t)(end - offset);
    memset(run_of(c, cell) + have, 0, want - have);
    return su_file_read_at(c->files[place.volume], run_of(c, cell), have, offset, err);
}

/* Parity and check records of some codewords of the window. */
static void encode_codewords(void *context, size_t from, size_t count)
{
    struct coding *c = context;
    uint8_t *cells[SU_MAX_CODEWORD_CELLS];
    uint32_t crcs[SU_MAX_CODEWORD_CELLS], all = c->g.data_cells + c->g.parity_cells;
    for (size_t t = from; t < from + count; t++) {
        for (uint32_t i = 0; i < all; i++)
            cells[i] = run_of(c, i) + t * SU_CELL_BYTES;
        su_shards_encode(c->shards, cells, SU_CELL_BYTES);
        for (uint32_t i = 0; i < all; i++)
            crcs[i] = su_crc32(cells[i], SU_CELL_BYTES);
        su_check_make(&c->g, c->first + t, crcs, c->records + t * SU_CHECK_BYTES);
    }
}

static int encode_window(struct coding *c, size_t count, struct su_err *err)
{
    for (uint32_t i = 0; i < c->g.data_cells; i++)
        if (read_run(c, i, c->first, count, err) < 0)
            return -1;
    su_in_halves(encode_codewords, c, count);
    for (uint32_t i = c->g.data_cells; i < c->g.data_cells + c->g.parity_cells; i++) {
        struct su_cell_place place = su_cell_place(&c->g, i);
        if (su_file_write_at(c->files[place.volume], run_of(c, i), count * SU_CELL_BYTES,
                             place.offset + c->first * SU_CELL_BYTES, err) < 0)
            return -1;
    }
    for (uint32_t r = 0; r < c->g.recovery_volumes; r++)
        for (uint32_t copy = 0; copy < c->g.copies; copy++)
            if (su_file_write_at(c->files[c->g.volumes + r], c->records, count * SU_CHECK_BYTES,
                                 su_check_offset(&c->g, r, copy, c->first), err) < 0)
                return -1;
    c->done += (uint64_t)c->g.data_cells * count * SU_CELL_BYTES;
    su_progress(c->events, SU_EXPORT_STARTED, "recovery", c->done, c->total, "bytes");
    return 0;
}

/* The volume is complete but for its head; its hashes go into the manifest. */
static int finish_volume(struct coding *c, uint32_t recovery, struct su_err *err)
{
    SU_AUTO(su_digest) struct su_digest digest = SU_DIGEST_INIT;
    struct su_volume *volume = &c->m->volumes.at[c->g.volumes + recovery];
    su_fd *file = &c->files[c->g.volumes + recovery];
    uint8_t head[SU_CELL_BYTES];
    char name[16];
    if (su_recovery_head(c->m, recovery, head, err) < 0 ||
        su_file_write_at(*file, head, sizeof head, 0, err) < 0 || su_digest_open(&digest, SU_SHA256, err) < 0)
        return -1;
    volume->first_block = c->m->blocks.count;
    for (uint64_t at = 0; at < volume->bytes; at += SU_BLOCK_BYTES) {
        size_t n = su_block_bytes(volume, volume->blocks);
        struct su_block *block = SU_PUSH(&c->m->blocks, SU_MAX_MANIFEST_BYTES / 64);
        if (!block)
            return su_fail_full(err, "the bundle has more blocks than a manifest can list");
        if (su_interrupt_check(err) < 0 || su_file_read_at(*file, c->cells, n, at, err) < 0 ||
            su_sha256(block->sha256, c->cells, n, err) < 0 || su_digest_add(&digest, c->cells, n, err) < 0)
            return -1;
        volume->blocks++;
    }
    if (su_digest_end(&digest, volume->sha256, err) < 0)
        return -1;
    return su_file_finish(file, su_volume_name(c->m, c->g.volumes + recovery + 1, name), err);
}

static int no_room(const struct su_manifest *m, uint64_t percent, struct su_err *err)
{
    (void)su_fail(err, SU_USAGE,
                  "recovery of %llu percent for %zu volumes does not fit: a codeword has %u cells",
                  (unsigned long long)percent, m->volumes.count, SU_MAX_CODEWORD_CELLS);
    return su_remedy(err, "Choose a larger --volume-size or a smaller --recovery.");
}

static int declare(struct coding *c, uint64_t percent, uint64_t volume_bytes, struct su_err *err)
{
    uint64_t largest = 0;
    for (size_t v = 0; v < c->m->volumes.count; v++)
        if (c->m->volumes.at[v].bytes > largest)
            largest = c->m->volumes.at[v].bytes;
    if (!su_geometry_make(&c->g, c->m->volumes.count, largest, percent))
        return no_room(c->m, percent, err);
    for (uint32_t r = 0; r < c->g.recovery_volumes; r++) {
        struct su_volume *volume = SU_PUSH(&c->m->volumes, SU_MAX_VOLUMES);
        uint64_t bytes = su_recovery_bytes(&c->g, r);
        if (!volume || (volume_bytes > 0 && bytes > volume_bytes))
            return no_room(c->m, percent, err);
        volume->is_recovery = true;
        volume->bytes = bytes;
    }
    c->m->recovery = (struct su_recovery){.percent = percent,
                                          .data_cells = c->g.data_cells,
                                          .parity_cells = c->g.parity_cells,
                                          .lane_cells = c->g.codewords};
    c->total = c->g.data_cells * c->g.codewords * SU_CELL_BYTES;
    return 0;
}

int su_recovery_write(int dir, struct su_manifest *m, uint64_t percent, uint64_t volume_bytes,
                      const struct su_events *events, struct su_err *err)
{
    SU_AUTO(coding) struct coding c = {.m = m, .events = events};
    if (declare(&c, percent, volume_bytes, err) < 0 || coding_open(&c, dir, err) < 0)
        return -1;
    for (c.first = 0; c.first < c.g.codewords; c.first += WINDOW) {
        uint64_t left = c.g.codewords - c.first;
        if (su_interrupt_check(err) < 0 || encode_window(&c, left < WINDOW ? (size_t)left : WINDOW, err) < 0)
            return -1;
    }
    for (uint32_t r = 0; r < c.g.recovery_volumes; r++)
        if (finish_volume(&c, r, err) < 0)
            return -1;
    return 0;
}
