/*
 * fetch_part.h - a file that is on its way: what has come of it so far, and its digests.
 *
 * content/fetch/<sha1>.part grows until it is whole; after any end of a run the next one goes on where it ends. What
 * was there before is read again first, for the digests; whether it is right is judged when the file is whole.
 */
#ifndef SU_FETCH_PART_H
#define SU_FETCH_PART_H

#include "common/lib/digest.h"
#include "common/point/home.h"
#include "common/point/store.h"

#define SU_PART_TEXT (2 * SU_SHA1_BYTES + 6)
struct su_fetch_part {
    int dir; /* borrowed */
    su_fd fd;
    char name[SU_PART_TEXT];
    uint64_t have, size;  /* taken into the digests; in the file. Equal unless it is being read again */
    uint64_t kept;        /* of them from an earlier run, or another try */
    uint64_t behind;      /* on their way to the medium */
    struct su_digest sha1, sha256;
};
#define SU_FETCH_PART_INIT { .dir = -1, .fd = -1, .sha1 = SU_DIGEST_INIT, .sha256 = SU_DIGEST_INIT }

#define SU_FETCH_FOLDER "fetch"
/* The folder, made when absent. */
int su_fetch_part_folder(su_fd *out, const struct su_home *home, struct su_err *err) SU_CHECKED;
/* Removes the parts of files that are stored by now, or that the catalogue no longer names. */
int su_fetch_part_sweep(int dir, struct su_db *db, struct su_err *err) SU_CHECKED;
/* Bytes of it that have come; 0 when there is none. */
uint64_t su_fetch_part_size(int dir, const uint8_t sha1[SU_SHA1_BYTES]);

/* A part longer than `bytes` begins anew. */
int su_fetch_part_open(struct su_fetch_part *part, int dir, const uint8_t sha1[SU_SHA1_BYTES], uint64_t bytes,
                       struct su_err *err) SU_CHECKED;
/* Reads some of what was there before; 1 while there is more. */
int su_fetch_part_reread(struct su_fetch_part *part, struct su_err *err) SU_CHECKED;
int su_fetch_part_write(struct su_fetch_part *part, const void *bytes, size_t length, struct su_err *err) SU_CHECKED;
/* From nothing. */
int su_fetch_part_restart(struct su_fetch_part *part, struct su_err *err) SU_CHECKED;
/* What it is, now that it is whole. */
int su_fetch_part_identify(struct su_fetch_part *part, struct su_file_id *out, struct su_err *err) SU_CHECKED;
/* Closes it and leaves it for another time. */
void su_fetch_part_cleanup(struct su_fetch_part *part);
int su_fetch_part_remove(int dir, const uint8_t sha1[SU_SHA1_BYTES], struct su_err *err) SU_CHECKED;
/* Closes and removes it. */
int su_fetch_part_discard(struct su_fetch_part *part, struct su_err *err) SU_CHECKED;

#endif
