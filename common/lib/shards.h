/*
 * shards.h - Reed-Solomon erasure code over GF(2^8) and CRC-32 (ISA-L).
 *
 * A codeword is K data cells and M parity cells of equal length, K + M <= 256. Parity cell m is the sum
 * over k of data cell k times 1 / ((K + m) xor k), a Cauchy matrix: any K cells give back the others.
 */
#ifndef SU_SHARDS_H
#define SU_SHARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct su_shards;
/* NULL with SU_BUG when K or M is 0, or both are more than 256. */
struct su_shards *su_shards_new(size_t data, size_t parity, struct su_err *err);
void su_shards_cleanup(struct su_shards **shards);

/* cells[0 .. K-1] are data, cells[K .. K+M-1] are written. */
void su_shards_encode(struct su_shards *shards, uint8_t *const cells[], size_t bytes);
/* Writes every cell that `is_lost`; *is_solved is false, and nothing is written, when more than M are. */
int su_shards_solve(struct su_shards *shards, uint8_t *const cells[], const bool is_lost[], size_t bytes,
                    bool *is_solved, struct su_err *err) SU_CHECKED;

/* The polynomial of gzip and zlib. */
uint32_t su_crc32(const void *bytes, size_t length);

#endif
