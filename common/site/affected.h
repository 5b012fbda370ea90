/*
 * affected.h - what the bad blocks of a bundle hit: files, by name and update, and the metadata.
 *
 * The updates are usually in this very bundle, so while its metadata is good its own records are read for
 * the names; only the files that are hit are looked for.
 */
#ifndef SU_AFFECTED_H
#define SU_AFFECTED_H

#include "common/bundle/naming.h"
#include "common/bundle/volume_read.h"

/* A stretch of a file that lies in a bad block. */
struct su_hit {
    struct su_extent extent;
    size_t file;
};
struct su_affected {
    SU_VEC(struct su_named_file) files; /* sorted by sha1 */
    SU_VEC(struct su_hit) hits;         /* sorted by place */
    bool metadata_is_good;
    uint64_t files_good;
};
#define SU_AFFECTED_INIT { .files_good = 0 }
void su_affected_cleanup(struct su_affected *affected);

/* `proved` by number in the manifest's list of blocks; `lost` by payload, for those in the shared pool, or
 * NULL; `reader` over the same volumes. `db` may know files of updates that the bundle does not carry. */
int su_affected_find(struct su_affected *out, const struct su_manifest *manifest, const bool *proved,
                     const bool *lost, struct su_volume_reader *reader, struct su_db *db, struct su_err *err) SU_CHECKED;

/* What lies in a bad block, in words, empty when only framing; returns the first file hit, or NULL. */
const struct su_named_file *su_affected_by(const struct su_affected *affected, const struct su_manifest *manifest,
                                           const struct su_bad_block *bad, struct su_buf *out);
/* The same for a file of the shared pool. */
const struct su_named_file *su_affected_payload(const struct su_affected *affected, const struct su_payload *payload,
                                                struct su_buf *out);
/* "affects 2 files: ...; metadata part: good; 57 of 59 files good" */
void su_affected_say(const struct su_affected *affected, struct su_buf *out);

#endif
