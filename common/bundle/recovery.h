/*
 * recovery.h - erasure coding of a bundle: where each cell of the code lies, and writing the recovery
 * volumes. Layout: docs/bundle-format.md, "Recovery volumes".
 *
 * The data volumes are cut into cells of 4096 bytes. A codeword has K data cells, c from each volume, and
 * M parity cells; its cells lie far apart in every volume, so a burst hits many codewords once, and
 * a lost volume costs c cells of each. Everything follows from the data volumes' sizes and the percent.
 */
#ifndef SU_RECOVERY_H
#define SU_RECOVERY_H

#include "common/point/event.h"
#include "common/bundle/manifest.h"

#define SU_CELL_BYTES 4096u
#define SU_CHECK_BYTES 1024u /* the record of one codeword's checksums */

struct su_geometry {
    uint32_t volumes, recovery_volumes; /* of data; of parity */
    uint32_t segments;                  /* c: cells of one volume in one codeword */
    uint32_t data_cells, parity_cells;  /* K, M: of one codeword */
    uint64_t codewords;                 /* S: cells of one lane */
    uint32_t copies;                    /* of the check table, in each recovery volume */
};

/* False when no code fits: too many volumes, or percent out of range. `largest` data volume, in bytes. */
bool su_geometry_make(struct su_geometry *out, size_t volumes, uint64_t largest, uint64_t percent);
/* Of a manifest with recovery: SU_FORMAT unless its numbers and its recovery volumes are those that follow. */
int su_recovery_geometry(const struct su_manifest *manifest, struct su_geometry *out, struct su_err *err) SU_CHECKED;

/* Recovery volumes count from 0 here. */
uint64_t su_recovery_bytes(const struct su_geometry *g, uint32_t recovery);
/* Where cell `cell` (data first, then parity) of codeword 0 lies; that of codeword x lies x cells further.
 * `volume` counts from 0 over all volumes. A data cell may lie beyond the end of its volume: it is zero. */
struct su_cell_place { uint32_t volume; uint64_t offset; };
struct su_cell_place su_cell_place(const struct su_geometry *g, uint32_t cell);
/* Where the check record of codeword x lies in that recovery volume's copy. */
uint64_t su_check_offset(const struct su_geometry *g, uint32_t recovery, uint32_t copy, uint64_t codeword);

/* The first cell of a recovery volume. */
int su_recovery_head(const struct su_manifest *manifest, uint32_t recovery, uint8_t out[SU_CELL_BYTES],
                     struct su_err *err) SU_CHECKED;
/* The record of one codeword from the checksums of its cells. */
void su_check_make(const struct su_geometry *g, uint64_t codeword, const uint32_t crcs[], uint8_t out[SU_CHECK_BYTES]);
/* False unless it is a whole record of that codeword. */
bool su_check_read(const struct su_geometry *g, uint64_t codeword, const uint8_t record[SU_CHECK_BYTES], uint32_t crcs[]);

/* How large data volumes may be so that recovery volumes, too, stay within `volume_bytes`; between
 * `least` and `most` bytes of data will come. 0 when not even half of it does. Planning only: it decides no byte of what a reader needs. */
uint64_t su_recovery_volume_bytes(uint64_t volume_bytes, uint64_t percent, uint64_t least, uint64_t most);
/* About the bytes that recovery volumes for `data` bytes in volumes of that size (0: one) will take. */
uint64_t su_recovery_estimate(uint64_t volume_bytes, uint64_t percent, uint64_t data);

/* Writes the recovery volumes for the data volumes in `dir`, synced, and enters them in the manifest.
 * `volume_bytes` 0: of any size. */
int su_recovery_write(int dir, struct su_manifest *manifest, uint64_t percent, uint64_t volume_bytes,
                      const struct su_events *events, struct su_err *err) SU_CHECKED;

/* What may be lost, in words: how many whole volumes, and one sector in how many. */
uint32_t su_recovery_can_lose(const struct su_geometry *g);
uint32_t su_recovery_one_in(const struct su_geometry *g);

#endif
