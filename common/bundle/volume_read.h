/*
 * volume_read.h - reads items of a verified manifest out of its volumes, forward-only in practice.
 *
 * A block is read once into memory, hashed, compared with the signed hash, and only then are bytes
 * of that same copy handed out: nothing is read again by path. Member names and tar headers are
 * never looked at; places come from the manifest.
 */
#ifndef SU_VOLUME_READ_H
#define SU_VOLUME_READ_H

#include "common/point/event.h"
#include "common/bundle/manifest.h"

struct su_volume_reader;
/* `dir` holds the volumes; manifest and dir outlive the reader. */
struct su_volume_reader *su_volume_reader_new(int dir, const struct su_manifest *manifest, struct su_err *err);
void su_volume_reader_cleanup(struct su_volume_reader **reader);

typedef int (*su_volume_take)(void *context, const void *bytes, size_t length, struct su_err *err);
/* Hands the extents' bytes, in order, to `take`. */
int su_volume_read(struct su_volume_reader *reader, size_t first_extent, size_t extents, su_volume_take take,
                   void *context, struct su_err *err) SU_CHECKED;

/* What `from`, another reader of the same manifest, has proved counts for `reader` too. */
void su_volume_add_proofs(struct su_volume_reader *reader, const struct su_volume_reader *from);

/* Proves every block of the data volumes that no item has touched: heads, padding, ends. After it each byte of
 * every data volume has been read and is as signed. Recovery volumes need not be there. `may_be_bad`, by
 * number in the manifest's list of blocks, names blocks that do not matter; a volume that holds one may be
 * absent. NULL: none. */
int su_volume_check_rest(struct su_volume_reader *reader, const bool *may_be_bad, struct su_err *err) SU_CHECKED;

/* One bad place. reason: "absent", "differs", "short", ... */
struct su_bad_block {
    uint32_t volume;
    uint64_t offset, length;
    const char *reason;
};
/* Reads every block of every volume; `bad` is called for each that is not as signed. Fails only
 * when it cannot go on. Returns the number of blocks read in *blocks. */
int su_volume_check_all(struct su_volume_reader *reader,
                        void (*bad)(void *context, const struct su_bad_block *block), void *context,
                        const struct su_events *events, uint64_t *blocks, struct su_err *err) SU_CHECKED;

/* Of each block, by its number in the manifest: whether it was read and is as signed. */
const bool *su_volume_proved(const struct su_volume_reader *reader);

#endif
