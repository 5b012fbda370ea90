/*
 * stage.h - the files of a bundle into the store: temporary names, sync, rename, so that the orphans of a
 * failed run are harmless.
 *
 * It runs beside the caller, on two threads of its own: one reads the medium and proves blocks, the other proves
 * files and writes them; 16 MiB lie between them. Nothing is said of the files before su_stage_end, and no row
 * may be committed that refers to them. Where only one thread is wanted, the caller ends it at once.
 */
#ifndef SU_STAGE_H
#define SU_STAGE_H

#include "common/trust/bundle.h"
#include "common/point/event.h"
#include "common/point/home.h"
#include "common/bundle/volume_read.h"

struct su_staging {
    struct su_home *site;
    const struct su_events *events;
    const struct su_bundle *bundle;
    struct su_volume_reader *reader; /* borrowed; its own until su_stage_end */
    bool is_plan;                    /* bytes are proved, nothing is written */
    bool allow_partial;              /* a file whose blocks are bad or absent is left out, not the bundle */
    const bool *wanted;              /* by payload; NULL: all. Others are not looked at */
    bool *unread;                    /* owned; by payload: its blocks are bad or absent */
    bool *present;                   /* owned; by payload: in the store now, or proved in a plan */
    struct su_stage_side *side;      /* owned; while it runs */
    uint64_t staged_bytes, total_bytes;
    uint64_t files_stored, bytes_stored, files_held, files_unread;
};
void su_staging_cleanup(struct su_staging *staging);

/* Bytes the store will grow by. */
uint64_t su_stage_bytes(const struct su_staging *staging);
/* Starts. What the staging points to stays as it is until su_stage_end or cleanup. */
int su_stage_begin(struct su_staging *staging, struct su_err *err) SU_CHECKED;
/* Does not wait. -1: it has failed, and why. */
int su_stage_check(const struct su_staging *staging, struct su_err *err) SU_CHECKED;
/* Waits until every file is durable in the store, under its name; its result. A second time is no error. */
int su_stage_end(struct su_staging *staging, struct su_err *err) SU_CHECKED;
/* Rows for the files that are present, and temp.carried for a plan, which leaves them on the medium. */
int su_stage_record(const struct su_staging *staging, struct su_err *err) SU_CHECKED;
/* Proves every block that neither a file nor the frames, which `other` read, have touched, but for those that
 * unread files touch. */
int su_stage_check_rest(const struct su_staging *staging, const struct su_volume_reader *other,
                        struct su_err *err) SU_CHECKED;

#endif
