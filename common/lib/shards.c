#include "common/lib/shards.h"

#include <isa-l.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CELLS 256
#define TABLE 32 /* bytes of one coefficient in ISA-L's tables */

struct su_shards {
    size_t data, parity;
    uint8_t *matrix; /* (data + parity) x data; the upper part is the identity */
    uint8_t *tables; /* of the parity rows */
    /* What the last pattern of losses needed; patterns repeat. */
    bool pattern[MOST_CELLS];
    bool has_pattern;
    size_t lost, chosen[MOST_CELLS], losses[MOST_CELLS];
    uint8_t *chosen_tables, *inverse_tables;
    uint8_t *zero, *syndromes;
    size_t room; /* bytes of a cell that the two above have room for */
};

struct su_shards *su_shards_new(size_t data, size_t parity, struct su_err *err)
{
    if (data == 0 || parity == 0 || data > MOST_CELLS || parity > MOST_CELLS - data) {
        (void)su_fail(err, SU_BUG, "a codeword of %zu and %zu cells", data, parity);
        return NULL;
    }
    struct su_shards *s = calloc(1, sizeof *s);
    if (s) {
        s->data = data;
        s->parity = parity;
        s->matrix = calloc(data + parity, data);
        s->tables = calloc(parity * data, TABLE);
        s->chosen_tables = calloc(parity * data, TABLE);
        s->inverse_tables = calloc(parity * parity, TABLE);
    }
    if (!s || !s->matrix || !s->tables || !s->chosen_tables || !s->inverse_tables) {
        su_shards_cleanup(&s);
        (void)su_fail_memory(err);
        return NULL;
    }
    gf_gen_cauchy1_matrix(s->matrix, (int)(data + parity), (int)data);
    ec_init_tables((int)data, (int)parity, s->matrix + data * data, s->tables);
    return s;
}

void su_shards_cleanup(struct su_shards **s)
{
    if (!*s)
        return;
    free((*s)->matrix);
    free((*s)->tables);
    free((*s)->chosen_tables);
    free((*s)->inverse_tables);
    free((*s)->zero);
    free((*s)->syndromes);
    free(*s);
    *s = NULL;
}

void su_shards_encode(struct su_shards *s, uint8_t *const cells[], size_t bytes)
{
    uint8_t *all[MOST_CELLS];
    memcpy(all, cells, (s->data + s->parity) * sizeof *all);
    ec_encode_data((int)bytes, (int)s->data, (int)s->parity, s->tables, all, all + s->data);
}

/* The rows `rows` of the parity tables, one after the other. */
static void gather(struct su_shards *s, const size_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        memcpy(s->chosen_tables + i * s->data * TABLE, s->tables + rows[i] * s->data * TABLE,
               s->data * TABLE);
}

/* Which parity cells stand in for the lost data cells, and the inverse of their part of the matrix. Any
 * square part of a Cauchy matrix has one. */
static int prepare(struct su_shards *s, const bool *is_lost, struct su_err *err)
{
    static uint8_t part[MOST_CELLS * MOST_CELLS / 4], inverse[MOST_CELLS * MOST_CELLS / 4];
    size_t lost = 0, chosen = 0, n = s->data + s->parity;
    s->has_pattern = false;
    for (size_t k = 0; k < s->data; k++)
        if (is_lost[k])
            s->losses[lost++] = k;
    for (size_t m = 0; m < s->parity && chosen < lost; m++)
        if (!is_lost[s->data + m])
            s->chosen[chosen++] = m;
    for (size_t i = 0; i < lost; i++)
        for (size_t j = 0; j < lost; j++)
            part[i * lost + j] = s->matrix[(s->data + s->chosen[i]) * s->data + s->losses[j]];
    if (lost > 0 && gf_invert_matrix(part, inverse, (int)lost) != 0)
        return su_fail(err, SU_BUG, "a part of a Cauchy matrix has no inverse");
    if (lost > 0)
        ec_init_tables((int)lost, (int)lost, inverse, s->inverse_tables);
    memcpy(s->pattern, is_lost, n * sizeof *is_lost);
    s->lost = lost;
    s->has_pattern = true;
    return 0;
}

static int make_room(struct su_shards *s, size_t bytes, struct su_err *err)
{
    if (bytes <= s->room)
        return 0;
    free(s->zero);
    free(s->syndromes);
    s->room = 0;
    s->zero = calloc(1, bytes);
    s->syndromes = calloc(s->parity, bytes);
    if (!s->zero || !s->syndromes)
        return su_fail_memory(err);
    s->room = bytes;
    return 0;
}

/* Syndrome i: parity cell chosen[i] less what the known data cells put into it. */
static void solve_data(struct su_shards *s, uint8_t *const cells[], size_t bytes)
{
    uint8_t *known[MOST_CELLS], *sums[MOST_CELLS], *found[MOST_CELLS];
    for (size_t k = 0; k < s->data; k++)
        known[k] = s->pattern[k] ? s->zero : cells[k];
    for (size_t i = 0; i < s->lost; i++) {
        sums[i] = s->syndromes + i * bytes;
        found[i] = cells[s->losses[i]];
    }
    gather(s, s->chosen, s->lost);
    ec_encode_data((int)bytes, (int)s->data, (int)s->lost, s->chosen_tables, known, sums);
    for (size_t i = 0; i < s->lost; i++) {
        const uint8_t *parity = cells[s->data + s->chosen[i]];
        for (size_t b = 0; b < bytes; b++)
            sums[i][b] ^= parity[b];
    }
    ec_encode_data((int)bytes, (int)s->lost, (int)s->lost, s->inverse_tables, sums, found);
}

static void solve_parity(struct su_shards *s, uint8_t *const cells[], size_t bytes)
{
    uint8_t *known[MOST_CELLS], *found[MOST_CELLS];
    size_t rows[MOST_CELLS], count = 0;
    for (size_t m = 0; m < s->parity; m++)
        if (s->pattern[s->data + m]) {
            found[count] = cells[s->data + m];
            rows[count++] = m;
        }
    if (count == 0)
        return;
    /* NOLINTNEXTLINE(clang-analyzer-alpha.unix.cstring.OutOfBounds): su_shards_new takes no more
     */
    memcpy(known, cells, s->data * sizeof *known);
    gather(s, rows, count);
    ec_encode_data((int)bytes, (int)s->data, (int)count, s->chosen_tables, known, found);
}

int su_shards_solve(struct su_shards *s, uint8_t *const cells[], const bool is_lost[], size_t bytes,
                    bool *is_solved, struct su_err *err)
{
    size_t n = s->data + s->parity, lost = 0;
    for (size_t i = 0; i < n; i++)
        lost += is_lost[i];
    *is_solved = lost <= s->parity;
    if (lost == 0 || !*is_solved)
        return 0;
    if (make_room(s, bytes, err) < 0)
        return -1;
    if ((!s->has_pattern || memcmp(s->pattern, is_lost, n * sizeof *is_lost) != 0) &&
        prepare(s, is_lost, err) < 0)
        return -1;
    if (s->lost > 0)
        solve_data(s, cells, bytes);
    solve_parity(s, cells, bytes);
    return 0;
}

uint32_t su_crc32(const void *bytes, size_t length)
{
    return crc32_gzip_refl(0, bytes, length);
}
