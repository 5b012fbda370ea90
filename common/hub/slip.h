/*
 * slip.h - the shipping slip: what a bundle carries, for the people who carry, check and receive it.
 *
 * The same facts twice, as text of at most 100 columns and as one self-contained HTML page for print.
 * Both follow from the manifest, the catalogue and what the operator said; the clock has no part, so the
 * same hub state and options give the same bytes. Titles come from outside and are made safe.
 */
#ifndef SU_SLIP_H
#define SU_SLIP_H

#include "common/base/limits.h"
#include "common/hub/export.h"

struct su_slip_part {
    struct su_buf text, html;
};
#define SU_SLIP_PART_INIT { SU_BUF_INIT(SU_MAX_PAPER_BYTES), SU_BUF_INIT(SU_MAX_PAPER_BYTES) }
static inline void su_slip_part_cleanup(struct su_slip_part *part)
{
    su_buf_cleanup(&part->text);
    su_buf_cleanup(&part->html);
}

/* The list of updates, which asks the database for thousands of rows: inside the planning transaction, temp.send
 * says which travel. The volumes may still be on their way. */
int su_slip_updates(struct su_db *db, struct su_slip_part *out, struct su_err *err) SU_CHECKED;
/* All of it, when the volumes are complete and the papers' own hashes are still open. */
int su_slip(struct su_db *db, const struct su_export_result *result, const struct su_actor *actor,
            const uint8_t key_id[SU_SHA256_BYTES], const struct su_slip_part *updates, struct su_slip_part *out,
            struct su_err *err) SU_CHECKED;

#endif
