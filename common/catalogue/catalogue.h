/*
 * catalogue.h - the revisions an update point holds: put, remove, read back.
 *
 * The only writer of revision, document and dictionary; derive.c keeps the derived tables in step.
 * Works inside the caller's transaction, on the database's thread.
 */
#ifndef SU_CATALOGUE_H
#define SU_CATALOGUE_H

#include "common/catalogue/prepare.h"
#include "common/lib/db.h"

struct su_catalogue;
struct su_catalogue *su_catalogue_new(struct su_db *db, struct su_err *err);
void su_catalogue_cleanup(struct su_catalogue **catalogue);

/* Before a load: the dictionary new documents are packed with, if there is one yet; what need not be parsed. */
int su_catalogue_dictionary(struct su_catalogue *catalogue, struct su_learner *learner, struct su_err *err) SU_CHECKED;
int su_catalogue_known(struct su_catalogue *catalogue, struct su_known *known, struct su_err *err) SU_CHECKED;

/* Around a load. The first one of a catalogue that holds nothing makes its indices afterwards
 * (su_derive_drop_indices); *is_first says whether it is that one. Any other has a larger page cache. Whoever
 * began must end before anything else reads. */
int su_catalogue_load_begin(struct su_catalogue *catalogue, bool *is_first, struct su_err *err) SU_CHECKED;
int su_catalogue_load_end(struct su_catalogue *catalogue, struct su_err *err) SU_CHECKED;

/* Edits of at most SU_BATCH_RECORDS items with identities of their own (su_batch_distinct).
 * Sets what each identity holds. */
int su_catalogue_find(struct su_catalogue *catalogue, struct su_prepared *items, size_t count, struct su_err *err) SU_CHECKED;
/* Removes and puts: what is put must be sealed and ready; items must be found. Sets the rows of what was put. */
int su_catalogue_apply(struct su_catalogue *catalogue, struct su_prepared *items, size_t count, struct su_err *err) SU_CHECKED;

/* The record of a row, sealed; document and urls live in `document` and `urls`. */
int su_catalogue_get(struct su_catalogue *catalogue, int64_t rev_id, struct su_record *record,
                     struct su_buf *document, struct su_buf *urls, struct su_err *err) SU_CHECKED;
/* Unpacks a document kept elsewhere in the database (undo). */
int su_catalogue_unpack(struct su_catalogue *catalogue, int64_t dictionary_id, const void *packed,
                        size_t packed_bytes, size_t raw_bytes, struct su_buf *out, struct su_err *err) SU_CHECKED;
/* Drops and makes again all derived tables from the documents; returns the number in *count. */
int su_catalogue_rebuild(struct su_catalogue *catalogue, uint64_t *count, struct su_err *err) SU_CHECKED;

#endif
