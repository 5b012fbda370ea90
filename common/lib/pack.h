/*
 * pack.h - zstd: whole frames of records, and single documents with a trained dictionary.
 *
 * Compressed bytes are part of the reproducible bundle, so level and parameters are fixed here and
 * nothing depends on the number of processors.
 */
#ifndef SU_PACK_H
#define SU_PACK_H

#include <stddef.h>

#include "common/base/buf.h"

#define SU_PACK_DOCUMENT_LEVEL 3
#define SU_PACK_DICTIONARY_BYTES (112 * 1024)

struct su_packer; /* contexts kept between calls; one per thread */
struct su_packer *su_packer_new(struct su_err *err);
void su_packer_cleanup(struct su_packer **packer);

/* Appends one frame with `bytes` to out. */
int su_pack_frame(struct su_packer *packer, const void *bytes, size_t length, struct su_buf *out,
                  struct su_err *err) SU_CHECKED;
/* Replaces out by the frame's content, which must be exactly `raw_bytes` long. */
int su_unpack_frame(struct su_packer *packer, const void *packed, size_t packed_bytes,
                    size_t raw_bytes, struct su_buf *out, struct su_err *err) SU_CHECKED;

/* Dictionary for documents. Without one (never set, or set to one of no bytes) they are packed plain. */
int su_pack_train(const char *samples, const size_t *sample_bytes, size_t count, struct su_buf *out,
                  struct su_err *err) SU_CHECKED; /* fewer than useful samples: out stays empty */
int su_packer_set_dictionary(struct su_packer *packer, const void *bytes, size_t length,
                             struct su_err *err) SU_CHECKED;
int su_pack_document(struct su_packer *packer, const void *bytes, size_t length, struct su_buf *out,
                     struct su_err *err) SU_CHECKED; /* replaces out */
int su_unpack_document(struct su_packer *packer, const void *packed, size_t packed_bytes,
                       size_t raw_bytes, struct su_buf *out, struct su_err *err) SU_CHECKED;

#endif
