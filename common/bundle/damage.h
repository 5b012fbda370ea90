/*
 * damage.h - what of a bundle is lost, cell by cell, whether its recovery volumes give it back, and
 * giving it back.
 *
 * Sources are folders that hold volumes of one bundle, under their own names, more or less damaged. A block is
 * good when it is as signed. In the others a cell counts as good when its checksum says so; what is computed from
 * such cells is believed only when the signed hash of its block agrees.
 */
#ifndef SU_DAMAGE_H
#define SU_DAMAGE_H

#include "common/bundle/recovery.h"

/* How much the worst codeword has lost of what may be lost. */
struct su_damage {
    uint64_t volumes;              /* with a bad block */
    bool is_data_damaged;          /* false: recovery volumes only */
    uint64_t cells, lost;          /* of the whole bundle */
    uint64_t worst, worst_lost;    /* the codeword with most losses */
    uint64_t can_lose;             /* of any one codeword: M */
    uint64_t hopeless;             /* codewords that have lost more */
    uint32_t enough;               /* a good copy of this volume would do (from 1); 0: of no single one */
};

struct su_sources { int *at; size_t count, capacity; }; /* folders, open; borrowed */

/* `is_good` says of each block, by its number in the manifest, whether it is known to be as signed. The manifest
 * has recovery. Reads only what lies in bad blocks, and checksums. */
int su_damage_survey(const struct su_manifest *manifest, const struct su_sources *sources, const bool *is_good,
                     const struct su_events *events, struct su_damage *out, struct su_err *err) SU_CHECKED;

/* Adds to an SU_DAMAGED what follows from a survey, in words, and what to do; it becomes SU_REPAIRABLE
 * when everything can be had again. `path` is where the bundle lies. Returns -1. */
int su_damage_say(const struct su_damage *damage, const struct su_manifest *manifest, const char *path, struct su_err *err);

/* `dir` holds all volumes at full size, with every good block in place. Computes the bad ones, writes them, and marks those
 * good that are then as signed. */
int su_damage_mend(int dir, const struct su_manifest *manifest, const struct su_sources *sources, bool *is_good,
                   const struct su_events *events, struct su_damage *out, struct su_err *err) SU_CHECKED;

#endif
