/*
 * stage.h - the files of a bundle into the store, before the transaction that needs them: temporary
 * names, fsync, rename, so that the orphans of a failed run are harmless.
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
    struct su_volume_reader *reader; /* borrowed */
    bool is_plan;                    /* bytes are proved, nothing is written */
    bool allow_partial;              /* a file whose blocks are bad or absent is left out, not the bundle */
    const bool *wanted;              /* by payload; NULL: all. Others are not looked at */
    bool *unread;                    /* owned; by payload: its blocks are bad or absent */
    bool *present;                   /* owned; by payload: in the store now, or proved in a plan */
    uint64_t staged_bytes, total_bytes;
    uint64_t files_stored, bytes_stored, files_held, files_unread;
};
void su_staging_cleanup(struct su_staging *staging);

/* Bytes the store will grow by. */
uint64_t su_stage_bytes(const struct su_staging *staging);
int su_stage_content(struct su_staging *staging, struct su_err *err) SU_CHECKED;
/* Rows for the files that are present, and temp.carried for a plan, which leaves them on the medium. */
int su_stage_record(const struct su_staging *staging, struct su_err *err) SU_CHECKED;
/* Proves every block that no file and no frame has touched, but for those that unread files touch. */
int su_stage_check_rest(const struct su_staging *staging, struct su_err *err) SU_CHECKED;

#endif
