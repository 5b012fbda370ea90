#include "common/bundle/recovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/bundle/volume_write.h"
#include "common/lib/shards.h"

#define LEAST_COPIES 6u /* of the check table, over all recovery volumes */

static uint64_t up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

static uint32_t parity_of(uint32_t data, uint64_t percent)
{
    return (uint32_t)up(data * percent, 100);
}

/* The largest c whose codeword fits; 0 when none does. */
static uint32_t most_segments(size_t volumes, uint64_t percent)
{
    uint32_t c = 0, n = (uint32_t)volumes;
    while ((c + 1) * n + parity_of((c + 1) * n, percent) <= SU_MAX_CODEWORD_CELLS)
        c++;
    return c;
}

bool su_geometry_make(struct su_geometry *out, size_t volumes, uint64_t largest, uint64_t percent)
{
    uint64_t cells = up(largest, SU_CELL_BYTES);
    if (volumes == 0 || volumes > SU_MAX_CODEWORD_CELLS || cells == 0 || percent == 0 ||
        percent > SU_MAX_RECOVERY_PERCENT)
        return false;
    uint32_t most = most_segments(volumes, percent);
    if (most == 0)
        return false;
    *out = (struct su_geometry){.volumes = (uint32_t)volumes, .codewords = up(cells, most)};
    out->segments = (uint32_t)up(cells, out->codewords); /* no more than needed: no lane of nothing */
    out->data_cells = out->segments * out->volumes;
    out->parity_cells = parity_of(out->data_cells, percent);
    out->recovery_volumes = (uint32_t)up(out->parity_cells, out->segments);
    out->copies = (uint32_t)up(LEAST_COPIES, out->recovery_volumes);
    return out->recovery_volumes <= SU_MAX_RECOVERY_VOLUMES && out->codewords <= UINT32_MAX;
}

static uint32_t lanes_of(const struct su_geometry *g, uint32_t recovery)
{
    uint32_t left = g->parity_cells - recovery * g->segments;
    return left < g->segments ? left : g->segments;
}

static uint64_t table_bytes(const struct su_geometry *g)
{
    return up(g->codewords * SU_CHECK_BYTES, SU_CELL_BYTES) * SU_CELL_BYTES;
}

uint64_t su_recovery_bytes(const struct su_geometry *g, uint32_t recovery)
{
    return SU_CELL_BYTES + lanes_of(g, recovery) * g->codewords * SU_CELL_BYTES + g->copies * table_bytes(g);
}

struct su_cell_place su_cell_place(const struct su_geometry *g, uint32_t cell)
{
    bool is_parity = cell >= g->data_cells;
    uint32_t number = is_parity ? cell - g->data_cells : cell;
    return (struct su_cell_place){.volume = number / g->segments + (is_parity ? g->volumes : 0),
                                  .offset = (is_parity ? SU_CELL_BYTES : 0) +
                                            number % g->segments * g->codewords * SU_CELL_BYTES};
}

uint64_t su_check_offset(const struct su_geometry *g, uint32_t recovery, uint32_t copy, uint64_t codeword)
{
    return SU_CELL_BYTES + lanes_of(g, recovery) * g->codewords * SU_CELL_BYTES + copy * table_bytes(g) +
           codeword * SU_CHECK_BYTES;
}

static uint64_t largest_volume(const struct su_manifest *m)
{
    uint64_t largest = 0;
    for (size_t v = 0; v < su_manifest_data_volumes(m); v++)
        if (m->volumes.at[v].bytes > largest)
            largest = m->volumes.at[v].bytes;
    return largest;
}

int su_recovery_geometry(const struct su_manifest *m, struct su_geometry *out, struct su_err *err)
{
    size_t volumes = su_manifest_data_volumes(m), recovery = m->volumes.count - volumes;
    if (!su_geometry_make(out, volumes, largest_volume(m), m->recovery.percent))
        return su_fail(err, SU_FORMAT, "no recovery of %llu percent fits %zu volumes",
                       (unsigned long long)m->recovery.percent, volumes);
    if (m->recovery.data_cells != out->data_cells || m->recovery.parity_cells != out->parity_cells ||
        m->recovery.lane_cells != out->codewords || recovery != out->recovery_volumes)
        return su_fail(err, SU_FORMAT,
                       "recovery %llu %llu %llu in %zu volumes does not follow from the data volumes; it "
                       "would be %u %u %llu in %u",
                       (unsigned long long)m->recovery.data_cells,
                       (unsigned long long)m->recovery.parity_cells,
                       (unsigned long long)m->recovery.lane_cells, recovery, out->data_cells,
                       out->parity_cells, (unsigned long long)out->codewords, out->recovery_volumes);
    for (uint32_t r = 0; r < out->recovery_volumes; r++)
        if (m->volumes.at[volumes + r].bytes != su_recovery_bytes(out, r))
            return su_fail(err, SU_FORMAT, "recovery volume %u has %llu bytes, it must have %llu", r + 1,
                           (unsigned long long)m->volumes.at[volumes + r].bytes,
                           (unsigned long long)su_recovery_bytes(out, r));
    return 0;
}

int su_recovery_head(const struct su_manifest *m, uint32_t recovery, uint8_t out[SU_CELL_BYTES],
                     struct su_err *err)
{
    char set[33], bundle[SU_BUNDLE_NAME_TEXT];
    memset(out, 0, SU_CELL_BYTES);
    if (su_volume_set(m, set, err) < 0)
        return -1;
    (void)snprintf((char *)out, SU_CELL_BYTES, "SU-VOLUME 1\nbundle %s\nset %s\nrecovery %u\n",
                   su_manifest_name(m, bundle), set, recovery + 1);
    return 0;
}

static void put32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void su_check_make(const struct su_geometry *g, uint64_t codeword, const uint32_t crcs[],
                   uint8_t out[SU_CHECK_BYTES])
{
    uint32_t n = g->data_cells + g->parity_cells;
    memset(out, 0, SU_CHECK_BYTES);
    for (uint32_t i = 0; i < n; i++)
        put32(out + (size_t)4 * i, crcs[i]);
    put32(out + (size_t)4 * n, (uint32_t)codeword);
    put32(out + SU_CHECK_BYTES - 4, su_crc32(out, SU_CHECK_BYTES - 4));
}

bool su_check_read(const struct su_geometry *g, uint64_t codeword, const uint8_t record[SU_CHECK_BYTES],
                   uint32_t crcs[])
{
    uint32_t n = g->data_cells + g->parity_cells;
    if (get32(record + SU_CHECK_BYTES - 4) != su_crc32(record, SU_CHECK_BYTES - 4) ||
        get32(record + (size_t)4 * n) != codeword)
        return false;
    for (uint32_t i = 0; i < n; i++)
        crcs[i] = get32(record + (size_t)4 * i);
    return true;
}

/* No recovery volume of `volumes` data volumes of that size is larger than this. */
static uint64_t recovery_bound(uint32_t volumes, uint64_t bytes, uint64_t percent)
{
    uint32_t most = most_segments(volumes, percent);
    uint64_t cells = up(bytes, SU_CELL_BYTES), codewords = up(cells, most), r = up(volumes * percent, 100);
    /* c * S exceeds the cells by less than either factor; with one codeword it does not */
    uint64_t excess = (codewords < most ? codewords : most) - 1;
    return SU_CELL_BYTES *
           (1 + cells + excess + up(LEAST_COPIES, r) * up(codewords * SU_CHECK_BYTES, SU_CELL_BYTES));
}

uint64_t su_recovery_volume_bytes(uint64_t volume_bytes, uint64_t percent, uint64_t least, uint64_t most)
{
    uint64_t bytes = volume_bytes;
    for (int tries = 0; tries < 64 && bytes >= volume_bytes / 2 && bytes >= 4 * SU_CELL_BYTES; tries++) {
        /* what a volume leaves unused at its end is less than two cells */
        uint64_t volumes = up(most, bytes - 2 * SU_CELL_BYTES) + 1, worst = 0;
        if (least / bytes >= SU_MAX_CODEWORD_CELLS)
            return 0;
        for (uint32_t n = (uint32_t)(least / bytes) + 1; n <= volumes && most_segments(n, percent) > 0; n++) {
            uint64_t bound = recovery_bound(n, bytes, percent);
            worst = bound > worst ? bound : worst;
        }
        if (worst <= volume_bytes)
            return bytes;
        uint64_t excess = up(worst - volume_bytes, 2 * SU_CELL_BYTES) * SU_CELL_BYTES;
        bytes = bytes / SU_CELL_BYTES * SU_CELL_BYTES;
        bytes -= excess < bytes ? excess : bytes;
    }
    return 0;
}

uint64_t su_recovery_estimate(uint64_t volume_bytes, uint64_t percent, uint64_t data)
{
    struct su_geometry g;
    uint64_t largest = volume_bytes == 0 || data < volume_bytes ? data + 1 : volume_bytes, sum = 0;
    if (!su_geometry_make(&g, (size_t)up(data + 1, largest), largest, percent))
        return data * percent / 100;
    for (uint32_t r = 0; r < g.recovery_volumes; r++)
        sum += su_recovery_bytes(&g, r);
    return sum;
}

uint32_t su_recovery_can_lose(const struct su_geometry *g)
{
    return g->parity_cells / g->segments;
}

/* One sector in d at random: the mean losses of a codeword and six standard deviations stay within M, so
 * that none of a million codewords fails. 36 N/d (1 - 1/d) <= (M - N/d)^2, times d^2. */
uint32_t su_recovery_one_in(const struct su_geometry *g)
{
    uint64_t n = g->data_cells + g->parity_cells, m = g->parity_cells, d = up(n, m);
    while (36 * n * (d - 1) > (m * d - n) * (m * d - n))
        d++;
    return (uint32_t)d;
}
