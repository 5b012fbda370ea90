/*
 * pool.h - content that several bundles on one medium share: SU-POOL/9C/1E44A0B3.DAT beside their
 * folders, each file once and whole.
 *
 * The name holds 40 bits of the digest and proves nothing; every reader compares all of it. Where
 * another file has the name already, the payload goes into the bundle's own volumes.
 */
#ifndef SU_POOL_H
#define SU_POOL_H

#include "common/bundle/manifest.h"
#include "common/bundle/volume_read.h"

/* Bytes that putting the file would write to `out`: 0 when a file of that name and size lies there. */
uint64_t su_pool_would_write(int out, const struct su_file_id *id);

enum su_pool_outcome { SU_POOL_WRITTEN, SU_POOL_SHARED, SU_POOL_TAKEN };
/* Copies a stored file into the pool of the folder `out`, proving it on the way; SHARED when it lies
 * there, TAKEN when another file has its name. `moved` is told of the bytes gone by. */
int su_pool_put(int out, const struct su_home *home, const struct su_file_id *id, enum su_pool_outcome *outcome,
                void (*moved)(void *context, uint64_t bytes), void *context, struct su_err *err) SU_CHECKED;

/* Hands the bytes of a pooled file, beside the bundle's folder `dir`, to `take`: exactly its size, or
 * SU_DAMAGED. Whoever takes them compares the digest. */
int su_pool_read(int dir, const struct su_payload *payload, su_volume_take take, void *context,
                 struct su_err *err) SU_CHECKED;
/* Says that its bytes are not what the manifest names; returns -1. */
int su_pool_differs(const struct su_payload *payload, struct su_err *err);
/* Asks the system to forget what it holds of it, so that the next read asks the medium. */
int su_pool_forget(int dir, const struct su_payload *payload, struct su_err *err) SU_CHECKED;
/* Reads one whole and compares both digests. */
int su_pool_prove(int dir, const struct su_payload *payload, struct su_err *err) SU_CHECKED;

/* Copies it into the pool of the folder `out`, proving it on the way. SU_DAMAGED when it is not good where it lies;
 * SU_EXISTS when another file has its name there. */
int su_pool_copy(int dir, const struct su_payload *payload, int out, struct su_err *err) SU_CHECKED;

#endif
