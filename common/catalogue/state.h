/*
 * state.h - the state digest: 64 hex digits naming exactly a catalogue.
 *
 * Two-level tree over the records' digests, so that later two catalogues can be compared bucket by
 * bucket: bucket b (first byte of the update id) is SHA-256 over its leaves in order of (update id,
 * revision), 32 zero bytes when empty; the state is SHA-256("SU-STATE 1\n" || bucket 0 .. 255).
 */
#ifndef SU_STATE_H
#define SU_STATE_H

#include "common/base/text.h"
#include "common/lib/db.h"
#include "common/lib/digest.h"

struct su_state {
    uint8_t digest[SU_SHA256_BYTES];
    uint64_t updates, revisions;
};

/* Feed records in order of (update id, revision). */
struct su_state_builder {
    struct su_digest bucket;
    struct su_guid last;
    bool has_last, is_bucket_open;
    uint8_t buckets[256][SU_SHA256_BYTES];
    struct su_state state;
};
#define SU_STATE_BUILDER_INIT { .has_last = false }
int su_state_add(struct su_state_builder *builder, const struct su_guid *id,
                 const uint8_t record_sha256[SU_SHA256_BYTES], struct su_err *err) SU_CHECKED;
int su_state_end(struct su_state_builder *builder, struct su_state *out, struct su_err *err) SU_CHECKED;
void su_state_builder_cleanup(struct su_state_builder *builder);

/* Rows of revision that are part of the state: all but those an urgent bundle laid beside them (site/overlay.h). */
#define SU_IS_ORDINARY "rev_id NOT IN (SELECT rev_id FROM overlay)"
/* Of everything the database holds by ordinary ways, recomputed from its rows. */
int su_state_of(struct su_db *db, struct su_state *out, struct su_err *err) SU_CHECKED;

#endif
