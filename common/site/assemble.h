/*
 * assemble.h - a whole copy of a bundle out of one or more folders that hold it, more or less damaged.
 *
 * Each block is taken from the first folder where it is as signed and proved on the same read; what no folder
 * gives is computed from recovery volumes. The copy grows under `NAME.partial` and is synced. Folders are
 * only read.
 */
#ifndef SU_ASSEMBLE_H
#define SU_ASSEMBLE_H

#include "common/trust/bundle.h"
#include "common/bundle/damage.h"

struct su_copy {
    char path[1024];
    su_fd dir;
    bool is_verified; /* it holds the same manifest, with signatures that suffice */
    uint64_t taken;   /* blocks used from it */
};
/* What nothing gives back. */
struct su_missing {
    uint32_t volume;         /* 0: a file of its own, named in `what` */
    uint64_t offset, length;
    char *what;              /* owned; what a block holds, "" when framing only */
};

struct su_assembly {
    const struct su_bundle *bundle;   /* verified; borrowed */
    const struct su_bundle_raw *raw;  /* the same, with the manifest's bytes; borrowed */
    SU_VEC(struct su_copy) copies;
    su_fd to, dir;                    /* where it goes; NAME.partial there */
    bool *is_good;                    /* by block */
    uint64_t blocks, mended, bytes;
    bool has_damage;                  /* blocks were computed, or would have to be */
    struct su_damage damage;
    SU_VEC(struct su_missing) missing;
};
#define SU_ASSEMBLY_INIT { .to = -1, .dir = -1 }
/* Removes what is not finished. */
void su_assembly_cleanup(struct su_assembly *assembly);

/* Opens a folder as one more copy. */
int su_assembly_add(struct su_assembly *assembly, const char *path, bool is_verified, struct su_err *err) SU_CHECKED;
/* Everything but the final name. `mends`: blocks that no copy has are computed. On failure `missing` says what
 * is lost; `db` names files in it. */
int su_assemble(struct su_assembly *assembly, const char *to, bool mends, struct su_db *db,
                const struct su_events *events, struct su_err *err) SU_CHECKED;
int su_assembly_finish(struct su_assembly *assembly, struct su_err *err) SU_CHECKED;

#endif
