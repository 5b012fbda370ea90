/*
 * prepare.h - records on their way into the catalogue, a batch at a time.
 *
 * Three steps, each of which may run on a thread of its own as long as a batch is in one hand at a time:
 *
 *   fill      su_batch_add; su_learn for each document, in order      no database
 *   prepare   su_prepare (and su_record_seal, download addresses)     no database; one su_preparer a thread
 *   apply     su_batch_distinct, su_catalogue_find, ..._apply         the database's thread, inside a transaction
 *
 * What is stored depends on the records and their order only, never on threads: a batch is packed with the
 * dictionary that was known when it was begun. Everything an item points to lives until su_batch_clear.
 */
#ifndef SU_PREPARE_H
#define SU_PREPARE_H

#include "common/catalogue/record.h"
#include "common/catalogue/update.h"

/* What documents are packed with. */
struct su_dictionary {
    int64_t id;          /* its row, 0: not stored yet; only the database's thread looks */
    struct su_buf bytes; /* never changed once a batch names the dictionary */
};

/* Trains the dictionary of a new database from its first documents; belongs to who fills. A database that has
 * one begins with it (su_catalogue_dictionary). Documents before the training stay packed without. */
struct su_learner {
    struct su_dictionary dictionary;
    bool has_dictionary;
    struct su_buf samples;
    SU_VEC(size_t) sample_bytes;
};
void su_learner_init(struct su_learner *learner);
int su_learn(struct su_learner *learner, const char *document, size_t length, struct su_err *err) SU_CHECKED;
void su_learner_cleanup(struct su_learner *learner);

/* Documents that are probably held (su_catalogue_known), by the first eight bytes of their digests, sorted: they
 * need not be parsed before it is looked up. 3 MB for 400,000 revisions; read by any thread. */
struct su_known {
    SU_VEC(uint64_t) prefixes;
};
bool su_known_has(const struct su_known *known, const uint8_t document_sha256[SU_SHA256_BYTES]);
void su_known_cleanup(struct su_known *known);

/* What the catalogue holds under an identity. */
struct su_held {
    bool is_held;
    int64_t rev_id;
    int64_t arrived; /* sync_id that brought it */
    enum su_origin origin;
    uint8_t document_sha256[SU_SHA256_BYTES], record_sha256[SU_SHA256_BYTES];
};

enum su_edit {
    SU_KEEP,  /* nothing is done */
    SU_PUT,   /* stored in place of what is held under its identity */
    SU_REMOVE /* what is held goes; the record has an identity only */
};

struct su_prepared {
    /* Filled. */
    struct su_record record; /* document and urls: copies in the batch's arena, or the caller's for its life */
    uint64_t number;         /* place in the source, for messages; 0: none */
    /* Prepared. */
    bool is_sealed;          /* the record's document_sha256 is set */
    bool is_read;            /* update is set */
    bool is_ready;           /* update and packed are set */
    struct su_update update; /* the document taken apart */
    const char *packed;      /* the document, as it will be stored */
    size_t packed_bytes;
    struct su_dictionary *dictionary; /* it is packed with; NULL: without */
    /* Found and decided, on the database's thread. */
    struct su_held held;
    enum su_edit edit;
    bool is_touched; /* the edit counts as a change of the update (changes.h) */
    int64_t arrived; /* for the row, where nothing is held: 0 means now */
    int64_t rev_id;  /* the row: what is held, after the edit the new one; 0: none */
};

/* 256 records or 4 MiB of documents: statements are worth their start (beyond 100 records there is no gain
 * to be measured), and a belt of batches stays small. One record more than 4 MiB is a batch of its own. */
#define SU_BATCH_RECORDS 256
#define SU_BATCH_BYTES (4 * SU_MIB)
struct su_batch {
    struct su_prepared items[SU_BATCH_RECORDS];
    size_t count, bytes; /* of documents and addresses */
    struct su_arena arena;
    struct su_dictionary *dictionary; /* for its documents; NULL: without */
};
struct su_batch *su_batch_new(struct su_err *err); /* empty, packs without a dictionary */
void su_batch_cleanup(struct su_batch **batch);
/* Empty again; keeps the memory that is worth keeping. Its documents will be packed with what `learner` knows
 * now; NULL: without. */
void su_batch_clear(struct su_batch *batch, struct su_learner *learner);
bool su_batch_is_full(const struct su_batch *batch);
/* The batch must not be full. The record's document and addresses are copied. */
struct su_prepared *su_batch_add(struct su_batch *batch, const struct su_record *record, struct su_err *err);
/* How many items from `first` on have identities of their own: what is applied at once. At least 1. */
size_t su_batch_distinct(const struct su_batch *batch, size_t first);

/* The working memory of one thread, and the confined process that parses documents for it (update_child.h): made on
 * the main thread, before other threads are. */
struct su_preparer;
struct su_preparer *su_preparer_new(struct su_err *err);
void su_preparer_cleanup(struct su_preparer **preparer);
/* Of a batch whose documents are sealed: has those parsed at once that are not known; `known` may be NULL. What cannot be
 * parsed is left to su_prepare, which says why. */
void su_prepare_ahead(struct su_preparer *preparer, struct su_batch *batch, const struct su_known *known);
/* Parses the document, unless that is done. */
int su_prepare_read(struct su_preparer *preparer, struct su_prepared *item, struct su_err *err) SU_CHECKED;
/* Digests of all documents of a batch. */
int su_batch_seal(struct su_batch *batch, struct su_err *err) SU_CHECKED;
/* Parses the document, proves that it is about the record's identity, packs it. Names the record in errors. */
int su_prepare(struct su_preparer *preparer, struct su_batch *batch, struct su_prepared *item,
               struct su_err *err) SU_CHECKED;
/* Puts the record's name before an error; returns -1. */
int su_prepared_prefix(const struct su_prepared *item, struct su_err *err);

#endif
