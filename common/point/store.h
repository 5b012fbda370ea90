/*
 * store.h - the content store: files under their SHA-256, content/xx/<64 hex>.
 *
 * A file enters under a temporary name, is synced, and gets its final name only when its bytes have
 * the digest they must have; an orphan is harmless. Rows of stored_file are written by callers,
 * after the files, inside their transaction.
 *
 * Many files become durable together, in a batch: all are written under temporary names, then the file
 * system is synced once, then all get their names, then it is synced once more, and only then may a row that
 * refers to them be committed. So at no moment does a name stand for bytes that are not durable, and no row
 * for a name that is not; a crash in between leaves temporary names, which the next run sweeps, or whole
 * files that nothing refers to. For 20,000 files of 4 KiB that is 40 syncs in place of 40,000.
 *
 * One thread at a time has a writer or a batch; different ones may be used at once.
 */
#ifndef SU_STORE_H
#define SU_STORE_H

#include <stdbool.h>

#include "common/point/home.h"
#include "common/lib/digest.h"
#include "common/sys/file.h"

struct su_file_id {
    uint8_t sha256[SU_SHA256_BYTES], sha1[SU_SHA1_BYTES];
    uint64_t bytes;
};

/* 0 when both name the same bytes, else SU_CONTENT_WRONG naming both. */
int su_store_compare(const struct su_file_id *have, const struct su_file_id *want, struct su_err *err) SU_CHECKED;

/* Files that are whole, under temporary names, on their way to durable and named. What is not settled when it is
 * cleaned up leaves the store. */
struct su_store_batch {
    const struct su_home *home;
    struct su_store_pending { uint8_t sha256[SU_SHA256_BYTES]; char temp[SU_TEMP_TEXT]; bool is_linked; } *at;
    size_t count, capacity;
    uint64_t bytes;
};
/* All of the batch is durable and has its name; it is empty again. Files settle by themselves when many have
 * come together, and once more by the caller at the end. */
int su_store_settle(struct su_store_batch *batch, struct su_err *err) SU_CHECKED;
void su_store_batch_cleanup(struct su_store_batch *batch);

/* Writes one file; su_store_commit proves size and both digests before it gets its name: at once and durably,
 * or, when `batch` was set, with that. */
struct su_store_writer {
    struct su_store_batch *batch; /* borrowed; may be NULL */
    struct su_atomic file;
    struct su_digest sha256, sha1;
    su_fd dir;
    uint64_t bytes, behind; /* of them on their way to the medium */
};
#define SU_STORE_WRITER_INIT { .file = SU_ATOMIC_INIT, .dir = -1 }
int su_store_create(struct su_store_writer *writer, const struct su_home *home,
                    const uint8_t sha256[SU_SHA256_BYTES], struct su_err *err) SU_CHECKED;
int su_store_write(struct su_store_writer *writer, const void *bytes, size_t length, struct su_err *err) SU_CHECKED;
int su_store_commit(struct su_store_writer *writer, const struct su_file_id *expected, struct su_err *err) SU_CHECKED;
void su_store_writer_cleanup(struct su_store_writer *writer);

/* Reads a whole descriptor from offset 0 and gives what it is. */
int su_store_identify(int fd, struct su_file_id *out, struct su_err *err) SU_CHECKED;
/* 0 when a descriptor's bytes are the wanted ones, else SU_CONTENT_WRONG or why it cannot be read. What has
 * another size is not read: it may be a hole without end. */
int su_store_prove(int fd, const struct su_file_id *want, struct su_err *err) SU_CHECKED;
/* Hard link of an already identified descriptor; copies (and proves the copy) where links cannot be. */
int su_store_adopt(struct su_store_batch *batch, int fd, const struct su_file_id *id, bool *was_linked,
                   struct su_err *err) SU_CHECKED;
/* There under its name and with its size; what its bytes are, only reading tells. */
bool su_store_has(const struct su_home *home, const struct su_file_id *id);
/* The same, or in the batch. */
bool su_store_will_have(const struct su_store_batch *batch, const struct su_file_id *id);
int su_store_open(su_fd *out, const struct su_home *home, const uint8_t sha256[SU_SHA256_BYTES],
                  uint64_t *bytes, struct su_err *err) SU_CHECKED;
/* Removes temporary files that a killed run left; the caller holds the home's lock. */
int su_store_sweep(const struct su_home *home, struct su_err *err) SU_CHECKED;
/* `sequence`: of the bundle that brought it, 0 when it was added by hand. */
int su_store_record(struct su_db *db, const struct su_file_id *id, uint64_t sequence, struct su_err *err) SU_CHECKED;

#endif
