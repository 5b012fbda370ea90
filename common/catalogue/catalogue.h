/*
 * catalogue.h - the revisions an update point holds: put, remove, read back.
 *
 * The only writer of revision, document and dictionary; derive.c keeps the derived tables in step.
 * Works inside the caller's transaction.
 */
#ifndef SU_CATALOGUE_H
#define SU_CATALOGUE_H

#include "common/catalogue/record.h"
#include "common/catalogue/update.h"
#include "common/lib/db.h"

struct su_catalogue;
struct su_catalogue *su_catalogue_new(struct su_db *db, struct su_err *err);
void su_catalogue_cleanup(struct su_catalogue **catalogue);

/* What is held under an identity. */
struct su_held {
    bool is_held;
    int64_t rev_id;
    int64_t arrived; /* sync_id that brought it; a new record takes it over, 0 when it is new here */
    uint8_t document_sha256[SU_SHA256_BYTES], record_sha256[SU_SHA256_BYTES];
};
int su_catalogue_find(struct su_db *db, const struct su_guid *id, uint32_t revision, struct su_held *out,
                      struct su_err *err) SU_CHECKED;
/* Stores a sealed record in place of whatever its identity held (`held`); `update` is its parsed
 * document. Returns the row in *rev_id. */
int su_catalogue_put(struct su_catalogue *catalogue, const struct su_record *record,
                     const struct su_update *update, const struct su_held *held, int64_t *rev_id,
                     struct su_err *err) SU_CHECKED;
int su_catalogue_remove(struct su_catalogue *catalogue, int64_t rev_id, struct su_err *err) SU_CHECKED;
/* The record of a row, sealed; document and urls live in `document` and `urls`. */
int su_catalogue_get(struct su_catalogue *catalogue, int64_t rev_id, struct su_record *record,
                     struct su_buf *document, struct su_buf *urls, struct su_err *err) SU_CHECKED;
/* Unpacks a document kept elsewhere in the database (undo). */
int su_catalogue_unpack(struct su_catalogue *catalogue, int64_t dictionary_id, const void *packed,
                        size_t packed_bytes, size_t raw_bytes, struct su_buf *out, struct su_err *err) SU_CHECKED;
/* Drops and makes again all derived tables from the documents; returns the number in *count. */
int su_catalogue_rebuild(struct su_catalogue *catalogue, uint64_t *count, struct su_err *err) SU_CHECKED;

#endif
