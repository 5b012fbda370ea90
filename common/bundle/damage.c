#include "common/bundle/damage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/lib/shards.h"
#include "common/sys/interrupt.h"

#define WINDOW 48u /* codewords in memory, as when they were written */

struct rescue {
    const struct su_manifest *m;
    struct su_geometry g;
    uint32_t all; /* cells of a codeword */
    const struct su_sources *sources;
    const bool *is_good; /* by block */
    const struct su_events *events;
    struct su_damage *out;
    bool trusts_checks;
    su_fd *open;    /* of each source, the volume at hand; -1: not there, -2: not tried */
    su_fd *files;   /* mending: all volumes where they are made whole; else NULL */
    uint8_t *cells; /* mending: a run of each cell of the codeword; else one cell */
    bool *is_lost;  /* by cell and codeword of the window */
    uint32_t *crcs; /* by codeword of the window and cell */
    bool has_crcs[WINDOW], is_solved[WINDOW];
    uint32_t *in_volume;  /* lost cells of one codeword, by volume */
    uint64_t *worst_rest; /* by volume: what the worst hopeless codeword would have lost without its losses */
    struct su_shards *shards;
};

static uint32_t volumes_of(const struct rescue *r)
{
    return r->g.volumes + r->g.recovery_volumes;
}

static void rescue_cleanup(struct rescue *r)
{
    for (uint32_t v = 0; r->files && v < volumes_of(r); v++)
        su_fd_cleanup(&r->files[v]);
    for (size_t s = 0; r->open && s < r->sources->count; s++)
        su_fd_cleanup(&r->open[s]);
    free(r->open);
    free(r->files);
    free(r->cells);
    free(r->is_lost);
    free(r->crcs);
    free(r->in_volume);
    free(r->worst_rest);
    su_shards_cleanup(&r->shards);
}

static int rescue_open(struct rescue *r, bool mends, struct su_err *err)
{
    if (su_recovery_geometry(r->m, &r->g, err) < 0)
        return -1;
    r->all = r->g.data_cells + r->g.parity_cells;
    r->open = malloc((r->sources->count + 1) * sizeof *r->open);
    r->cells = malloc((size_t)SU_CELL_BYTES * (mends ? r->all * WINDOW : 1));
    r->is_lost = calloc((size_t)r->all * WINDOW, sizeof *r->is_lost);
    r->crcs = calloc((size_t)r->all * WINDOW, sizeof *r->crcs);
    r->in_volume = calloc(volumes_of(r), sizeof *r->in_volume);
    r->worst_rest = calloc(volumes_of(r), sizeof *r->worst_rest);
    for (size_t s = 0; r->open && s < r->sources->count; s++)
        r->open[s] = -2;
    if (!r->open || !r->cells || !r->is_lost || !r->crcs || !r->in_volume || !r->worst_rest)
        return su_fail_memory(err);
    return 0;
}

static bool run_is_good(const struct rescue *r, uint32_t volume, uint64_t offset, uint64_t length)
{
    const struct su_volume *v = &r->m->volumes.at[volume];
    uint64_t end = offset + length < v->bytes ? offset + length : v->bytes;
    for (uint64_t at = offset / SU_BLOCK_BYTES * SU_BLOCK_BYTES; at < end; at += SU_BLOCK_BYTES)
        if (!r->is_good[v->first_block + at / SU_BLOCK_BYTES])
            return false;
    return true;
}

static void forget_sources(struct rescue *r)
{
    for (size_t s = 0; s < r->sources->count; s++) {
        su_fd_cleanup(&r->open[s]);
        r->open[s] = -2;
    }
}

/* Bytes of a volume in one source; false when they cannot be had. */
static bool from_source(struct rescue *r, size_t source, uint32_t volume, void *to, size_t length,
                        uint64_t offset)
{
    struct su_err ignored = SU_ERR_INIT; /* the medium is known to be damaged */
    char name[16];
    if (r->open[source] == -2) {
        r->open[source] = -1;
        su_volume_name(r->m, volume + 1, name);
        if (su_file_open(&r->open[source], r->sources->at[source], name, NULL, &ignored) < 0)
            return false;
    }
    return r->open[source] >= 0 && su_file_read_at(r->open[source], to, length, offset, &ignored) == 0;
}

/* Check records of the window, each from the first copy that is whole. */
static void load_checks(struct rescue *r, uint64_t first, size_t count)
{
    uint8_t record[SU_CHECK_BYTES];
    memset(r->has_crcs, 0, sizeof r->has_crcs);
    for (uint32_t q = 0; r->trusts_checks && q < r->g.recovery_volumes; q++) {
        size_t missing = 0;
        for (size_t t = 0; t < count; t++) {
            for (size_t s = 0; s < r->sources->count; s++)
                for (uint32_t copy = 0; copy < r->g.copies && !r->has_crcs[t]; copy++)
                    r->has_crcs[t] = from_source(r, s, r->g.volumes + q, record, sizeof record,
                                                 su_check_offset(&r->g, q, copy, first + t)) &&
                                     su_check_read(&r->g, first + t, record, r->crcs + t * r->all);
            missing += !r->has_crcs[t];
        }
        forget_sources(r);
        if (missing == 0)
            return;
    }
}

/* A cell of a bad block, from the first source where its checksum agrees. */
static bool salvage(struct rescue *r, uint32_t cell, size_t t, uint32_t volume, uint64_t offset, uint8_t *to)
{
    uint64_t left = r->m->volumes.at[volume].bytes - offset;
    size_t length = left < SU_CELL_BYTES ? (size_t)left : SU_CELL_BYTES;
    for (size_t s = 0; r->has_crcs[t] && s < r->sources->count; s++) {
        memset(to, 0, SU_CELL_BYTES);
        if (from_source(r, s, volume, to, length, offset) &&
            su_crc32(to, SU_CELL_BYTES) == r->crcs[t * r->all + cell])
            return true;
    }
    return false;
}

static uint8_t *cell_at(const struct rescue *r, uint32_t cell, size_t t)
{
    return r->files ? r->cells + ((size_t)cell * WINDOW + t) * SU_CELL_BYTES : r->cells;
}

/* Bytes of a run that lie inside their volume. */
static size_t run_bytes(const struct rescue *r, struct su_cell_place place, uint64_t offset, size_t count)
{
    uint64_t end = r->m->volumes.at[place.volume].bytes;
    size_t want = count * SU_CELL_BYTES;
    return offset >= end ? 0 : end - offset < want ? (size_t)(end - offset) : want;
}

static int gather_column(struct rescue *r, uint32_t cell, uint64_t first, size_t count, struct su_err *err)
{
    struct su_cell_place place = su_cell_place(&r->g, cell);
    uint64_t start = place.offset + first * SU_CELL_BYTES;
    size_t inside = run_bytes(r, place, start, count);
    if (r->files) {
        memset(cell_at(r, cell, 0) + inside, 0, count * SU_CELL_BYTES - inside);
        if (su_file_read_at(r->files[place.volume], cell_at(r, cell, 0), inside, start, err) < 0)
            return -1;
    }
    for (size_t t = 0; t < count; t++) {
        uint64_t offset = start + t * SU_CELL_BYTES;
        r->is_lost[t * r->all + cell] = offset < start + inside &&
                                        !run_is_good(r, place.volume, offset, SU_CELL_BYTES) &&
                                        !salvage(r, cell, t, place.volume, offset, cell_at(r, cell, t));
    }
    forget_sources(r);
    return 0;
}

static void count_codeword(struct rescue *r, uint64_t codeword, const bool *is_lost)
{
    struct su_damage *d = r->out;
    uint64_t lost = 0;
    memset(r->in_volume, 0, volumes_of(r) * sizeof *r->in_volume);
    for (uint32_t i = 0; i < r->all; i++)
        if (is_lost[i]) {
            lost++;
            r->in_volume[su_cell_place(&r->g, i).volume]++;
        }
    d->lost += lost;
    if (lost > d->worst_lost) {
        d->worst = codeword;
        d->worst_lost = lost;
    }
    if (lost <= d->can_lose)
        return;
    d->hopeless++;
    for (uint32_t v = 0; v < volumes_of(r); v++)
        if (lost - r->in_volume[v] > r->worst_rest[v])
            r->worst_rest[v] = lost - r->in_volume[v];
}

static bool window_is_good(const struct rescue *r, uint64_t first, size_t count)
{
    for (uint32_t i = 0; i < r->all; i++) {
        struct su_cell_place place = su_cell_place(&r->g, i);
        uint64_t offset = place.offset + first * SU_CELL_BYTES;
        size_t inside = run_bytes(r, place, offset, count);
        if (inside > 0 && !run_is_good(r, place.volume, offset, inside))
            return false;
    }
    for (uint32_t q = 0; r->files && q < r->g.recovery_volumes; q++)
        for (uint32_t copy = 0; copy < r->g.copies; copy++)
            if (!run_is_good(r, r->g.volumes + q, su_check_offset(&r->g, q, copy, first),
                             count * SU_CHECK_BYTES))
                return false;
    return true;
}

static int solve(struct rescue *r, size_t count, struct su_err *err)
{
    uint8_t *cells[SU_MAX_CODEWORD_CELLS];
    for (size_t t = 0; t < count; t++) {
        for (uint32_t i = 0; i < r->all; i++)
            cells[i] = cell_at(r, i, t);
        if (su_shards_solve(r->shards, cells, r->is_lost + t * r->all, SU_CELL_BYTES, &r->is_solved[t], err) <
            0)
            return -1;
    }
    return 0;
}

/* What lies in bad blocks: cells that were salvaged or computed, and check records. */
static int write_cells(struct rescue *r, uint64_t first, size_t count, struct su_err *err)
{
    for (uint32_t i = 0; i < r->all; i++) {
        struct su_cell_place place = su_cell_place(&r->g, i);
        for (size_t t = 0; t < count; t++) {
            uint64_t offset = place.offset + (first + t) * SU_CELL_BYTES;
            size_t inside = run_bytes(r, place, offset, 1);
            if (inside == 0 || (r->is_lost[t * r->all + i] && !r->is_solved[t]) ||
                run_is_good(r, place.volume, offset, inside))
                continue;
            if (su_file_write_at(r->files[place.volume], cell_at(r, i, t), inside, offset, err) < 0)
                return -1;
        }
    }
    return 0;
}

static int write_checks(struct rescue *r, uint64_t codeword, size_t t, struct su_err *err)
{
    uint8_t record[SU_CHECK_BYTES];
    uint32_t crcs[SU_MAX_CODEWORD_CELLS];
    bool is_made = false;
    for (uint32_t q = 0; q < r->g.recovery_volumes; q++)
        for (uint32_t copy = 0; copy < r->g.copies; copy++) {
            uint64_t offset = su_check_offset(&r->g, q, copy, codeword);
            if (run_is_good(r, r->g.volumes + q, offset, sizeof record))
                continue;
            for (uint32_t i = 0; !is_made && i < r->all; i++)
                crcs[i] = su_crc32(cell_at(r, i, t), SU_CELL_BYTES);
            su_check_make(&r->g, codeword, crcs, record);
            is_made = true;
            if (su_file_write_at(r->files[r->g.volumes + q], record, sizeof record, offset, err) < 0)
                return -1;
        }
    return 0;
}

static int do_window(struct rescue *r, uint64_t first, size_t count, struct su_err *err)
{
    if (window_is_good(r, first, count))
        return 0;
    load_checks(r, first, count);
    for (uint32_t i = 0; i < r->all; i++)
        if (gather_column(r, i, first, count, err) < 0)
            return -1;
    for (size_t t = 0; t < count; t++)
        count_codeword(r, first + t, r->is_lost + t * r->all);
    if (!r->files)
        return 0;
    if (solve(r, count, err) < 0 || write_cells(r, first, count, err) < 0)
        return -1;
    for (size_t t = 0; t < count; t++)
        if (r->is_solved[t] && write_checks(r, first + t, t, err) < 0)
            return -1;
    return 0;
}

static int do_windows(struct rescue *r, struct su_err *err)
{
    for (uint64_t x = 0; x < r->g.codewords; x += WINDOW) {
        size_t count = r->g.codewords - x < WINDOW ? (size_t)(r->g.codewords - x) : WINDOW;
        if (su_interrupt_check(err) < 0 || do_window(r, x, count, err) < 0)
            return -1;
        su_progress(r->events, SU_OK, r->files ? "recompute" : "judge", x + count, r->g.codewords, "items");
    }
    return 0;
}

static void begin(struct rescue *r)
{
    struct su_damage *d = r->out;
    *d = (struct su_damage){.can_lose = r->g.parity_cells};
    d->cells = r->g.parity_cells * r->g.codewords;
    for (uint32_t v = 0; v < volumes_of(r); v++) {
        const struct su_volume *volume = &r->m->volumes.at[v];
        bool is_good = run_is_good(r, v, 0, volume->bytes);
        d->volumes += !is_good;
        d->is_data_damaged |= !is_good && !volume->is_recovery;
        if (!volume->is_recovery)
            d->cells += (volume->bytes + SU_CELL_BYTES - 1) / SU_CELL_BYTES;
    }
}

static void conclude(struct rescue *r)
{
    for (uint32_t v = 0; r->out->hopeless > 0 && v < volumes_of(r) && r->out->enough == 0; v++)
        if (r->worst_rest[v] <= r->out->can_lose)
            r->out->enough = v + 1;
}

int su_damage_survey(const struct su_manifest *m, const struct su_sources *sources, const bool *is_good,
                     const struct su_events *events, struct su_damage *out, struct su_err *err)
{
    SU_AUTO(rescue)
    struct rescue r = {
        .m = m, .sources = sources, .is_good = is_good, .events = events, .out = out, .trusts_checks = true};
    if (rescue_open(&r, false, err) < 0)
        return -1;
    begin(&r);
    if (do_windows(&r, err) < 0)
        return -1;
    conclude(&r);
    return 0;
}

static void add_text(struct su_err *err, const char *fmt, ...) SU_PRINTF(2, 3);
static void add_text(struct su_err *err, const char *fmt, ...)
{
    size_t used = strlen(err->text);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(err->text + used, sizeof err->text - used, fmt, args);
    va_end(args);
}

int su_damage_say(const struct su_damage *d, const struct su_manifest *m, const char *path,
                  struct su_err *err)
{
    char name[16];
    add_text(err, "; damaged: %llu of %zu volumes, %llu of %llu cells", (unsigned long long)d->volumes,
             m->volumes.count, (unsigned long long)d->lost, (unsigned long long)d->cells);
    if (d->hopeless == 0) {
        err->code = SU_REPAIRABLE;
        add_text(
            err,
            "; repairable: the worst codeword has lost %llu of %llu cells that may be lost (%llu to spare)",
            (unsigned long long)d->worst_lost, (unsigned long long)d->can_lose,
            (unsigned long long)(d->can_lose - d->worst_lost));
        if (d->is_data_damaged)
            return su_remedy(err, "Run: suimport repair %s --to DIR", path);
        return su_remedy(err,
                         "Only recovery volumes are hit: import works as it is. To make them whole: suimport "
                         "repair %s --to DIR",
                         path);
    }
    add_text(err, "; not repairable: codeword %llu has lost %llu cells, %llu may be lost; %llu too many",
             (unsigned long long)d->worst, (unsigned long long)d->worst_lost, (unsigned long long)d->can_lose,
             (unsigned long long)(d->worst_lost - d->can_lose));
    if (d->enough == 0)
        return su_remedy(
            err,
            "No single volume would be enough. Bring another copy of the bundle, damaged too, and run: "
            "suimport repair %s COPY --to DIR",
            path);
    return su_remedy(
        err, "Another copy of %s would do. Bring it in a folder and run: suimport repair %s COPY --to DIR",
        su_volume_name(m, d->enough, name), path);
}

static int open_files(struct rescue *r, int dir, struct su_err *err)
{
    char name[16];
    r->files = malloc(volumes_of(r) * sizeof *r->files);
    for (uint32_t v = 0; r->files && v < volumes_of(r); v++)
        r->files[v] = -1;
    if (!r->files)
        return su_fail_memory(err);
    for (uint32_t v = 0; v < volumes_of(r); v++)
        if (su_file_open_again(&r->files[v], dir, su_volume_name(r->m, v + 1, name), err) < 0)
            return -1;
    r->shards = su_shards_new(r->g.data_cells, r->g.parity_cells, err);
    return r->shards ? 0 : -1;
}

static int write_heads(struct rescue *r, struct su_err *err)
{
    uint8_t head[SU_CELL_BYTES];
    for (uint32_t q = 0; q < r->g.recovery_volumes; q++)
        if (!run_is_good(r, r->g.volumes + q, 0, sizeof head) &&
            (su_recovery_head(r->m, q, head, err) < 0 ||
             su_file_write_at(r->files[r->g.volumes + q], head, sizeof head, 0, err) < 0))
            return -1;
    return 0;
}

/* Marks the blocks that have become good; the number still bad. */
static int prove(struct rescue *r, bool *is_good, uint64_t *bad, struct su_err *err)
{
    SU_AUTO(su_text) char *block = malloc(SU_BLOCK_BYTES);
    if (!block)
        return su_fail_memory(err);
    *bad = 0;
    for (uint32_t v = 0; v < volumes_of(r); v++) {
        const struct su_volume *volume = &r->m->volumes.at[v];
        for (size_t b = 0; b < volume->blocks; b++) {
            if (is_good[volume->first_block + b])
                continue;
            if (su_interrupt_check(err) < 0 ||
                su_file_read_at(r->files[v], block, su_block_bytes(volume, b), (uint64_t)b * SU_BLOCK_BYTES,
                                err) < 0 ||
                su_block_is_good(r->m, volume, b, block, &is_good[volume->first_block + b], err) < 0)
                return -1;
            *bad += !is_good[volume->first_block + b];
        }
    }
    return 0;
}

int su_damage_mend(int dir, const struct su_manifest *m, const struct su_sources *sources, bool *is_good,
                   const struct su_events *events, struct su_damage *out, struct su_err *err)
{
    struct su_damage again;
    uint64_t bad;
    SU_AUTO(rescue)
    struct rescue r = {
        .m = m, .sources = sources, .is_good = is_good, .events = events, .out = out, .trusts_checks = true};
    if (rescue_open(&r, true, err) < 0 || open_files(&r, dir, err) < 0)
        return -1;
    begin(&r);
    if (write_heads(&r, err) < 0 || do_windows(&r, err) < 0 || prove(&r, is_good, &bad, err) < 0)
        return -1;
    conclude(&r);
    if (bad == 0 || out->hopeless > 0)
        return 0;
    /* Checksums called cells good that are not: once more without them. */
    r.trusts_checks = false;
    r.out = &again;
    begin(&r);
    if (do_windows(&r, err) < 0)
        return -1;
    return prove(&r, is_good, &bad, err);
}
