#include "common/catalogue/state.h"

#include <string.h>

static int close_bucket(struct su_state_builder *b, struct su_err *err)
{
    if (!b->is_bucket_open)
        return 0;
    b->is_bucket_open = false;
    return su_digest_end(&b->bucket, b->buckets[b->last.bytes[0]], err);
}

int su_state_add(struct su_state_builder *b, const struct su_guid *id,
                 const uint8_t record_sha256[SU_SHA256_BYTES], struct su_err *err)
{
    int order = b->has_last ? memcmp(b->last.bytes, id->bytes, sizeof id->bytes) : -1;
    if (order > 0)
        return su_fail(err, SU_BUG, "state digest fed out of order");
    if (order < 0)
        b->state.updates++;
    b->state.revisions++;
    if (!b->has_last || b->last.bytes[0] != id->bytes[0]) {
        if (close_bucket(b, err) < 0 || su_digest_open(&b->bucket, SU_SHA256, err) < 0)
            return -1;
        b->is_bucket_open = true;
    }
    b->last = *id;
    b->has_last = true;
    return su_digest_add(&b->bucket, record_sha256, SU_SHA256_BYTES, err);
}

int su_state_end(struct su_state_builder *b, struct su_state *out, struct su_err *err)
{
    static const char purpose[] = "SU-STATE 1\n";
    if (close_bucket(b, err) < 0 || su_digest_open(&b->bucket, SU_SHA256, err) < 0 ||
        su_digest_add(&b->bucket, purpose, sizeof purpose - 1, err) < 0 ||
        su_digest_add(&b->bucket, b->buckets, sizeof b->buckets, err) < 0 ||
        su_digest_end(&b->bucket, b->state.digest, err) < 0)
        return -1;
    *out = b->state;
    return 0;
}

void su_state_builder_cleanup(struct su_state_builder *b)
{
    su_digest_cleanup(&b->bucket);
}

int su_state_of(struct su_db *db, struct su_state *out, struct su_err *err)
{
    SU_AUTO(su_state_builder) struct su_state_builder builder = SU_STATE_BUILDER_INIT;
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    uint8_t leaf[SU_SHA256_BYTES];
    int more;
    if (su_query(db, &rows, err,
                 "SELECT update_id, record_sha256 FROM revision WHERE " SU_IS_ORDINARY
                 " ORDER BY update_id, revision") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0 ||
            su_rows_fixed(&rows, 1, leaf, sizeof leaf, err) < 0 || su_state_add(&builder, &id, leaf, err) < 0)
            return -1;
    return more < 0 ? -1 : su_state_end(&builder, out, err);
}
