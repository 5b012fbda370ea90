/*
 * kept.h - a record as the database keeps it: fetched by the database's thread, opened and proved on any.
 */
#ifndef SU_KEPT_H
#define SU_KEPT_H

#include "common/catalogue/record.h"
#include "common/lib/db.h"
#include "common/lib/pack.h"

struct su_kept {
    struct su_record record; /* without document and digests */
    uint8_t record_sha256[SU_SHA256_BYTES]; /* what it must have */
    int64_t dictionary_id;   /* 0: none */
    const void *packed;      /* lives as long as the addresses */
    size_t packed_bytes;
};
/* What the row holds; packed and addresses live as long as `rows`. */
int su_kept_find(struct su_db *db, int64_t rev_id, struct su_rows *rows, struct su_kept *out, struct su_err *err) SU_CHECKED;

int su_kept_dictionary(struct su_db *db, int64_t dictionary_id, struct su_buf *out, struct su_err *err) SU_CHECKED;

/* Unpacks the document into `document`, with the packer's dictionary; *out is the record, sealed and compared with what
 * was stored. */
int su_kept_open(const struct su_kept *kept, struct su_packer *packer, struct su_buf *document, struct su_record *out,
                 struct su_err *err) SU_CHECKED;

#endif
