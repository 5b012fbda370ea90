/*
 * slip.h - the shipping slip: what a bundle carries, for the people who carry, check and receive it.
 *
 * The same facts twice, as text of at most 100 columns and as one self-contained HTML page for print.
 * Both follow from the manifest, the catalogue and what the operator said; the clock has no part, so the
 * same hub state and options give the same bytes. Titles come from outside and are made safe.
 */
#ifndef SU_SLIP_H
#define SU_SLIP_H

#include "common/hub/export.h"

/* Called when the volumes are complete and the papers' own hashes are still open, inside the planning
 * transaction: temp.send says which updates travel. Buffers need SU_MAX_PAPER_BYTES. */
int su_slip(struct su_db *db, const struct su_export_result *result, const struct su_actor *actor,
            const uint8_t key_id[SU_SHA256_BYTES], struct su_buf *text, struct su_buf *html,
            struct su_err *err) SU_CHECKED;

#endif
