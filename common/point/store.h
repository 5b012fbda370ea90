/*
 * store.h - the content store: files under their SHA-256, content/xx/<64 hex>.
 *
 * A file enters under a temporary name, is synced, and gets its final name only when its bytes have
 * the digest they must have; an orphan is harmless. Rows of stored_file are written by callers,
 * after the files, inside their transaction.
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

/* Writes one file; su_store_commit proves size and both digests before it gets its name. */
struct su_store_writer {
    struct su_atomic file;
    struct su_digest sha256, sha1;
    su_fd dir;
    uint64_t bytes;
};
#define SU_STORE_WRITER_INIT { .file = SU_ATOMIC_INIT, .dir = -1 }
int su_store_create(struct su_store_writer *writer, const struct su_home *home,
                    const uint8_t sha256[SU_SHA256_BYTES], struct su_err *err) SU_CHECKED;
int su_store_write(struct su_store_writer *writer, const void *bytes, size_t length, struct su_err *err) SU_CHECKED;
int su_store_commit(struct su_store_writer *writer, const struct su_file_id *expected, struct su_err *err) SU_CHECKED;
void su_store_writer_cleanup(struct su_store_writer *writer);

/* Reads a whole descriptor from offset 0 and gives what it is. */
int su_store_identify(int fd, struct su_file_id *out, struct su_err *err) SU_CHECKED;
/* Hard link of an already identified descriptor; copies (and proves the copy) where links cannot be. */
int su_store_adopt(const struct su_home *home, int fd, const struct su_file_id *id, bool *was_linked,
                   struct su_err *err) SU_CHECKED;
/* There under its name and with its size; what its bytes are, only reading tells. */
bool su_store_has(const struct su_home *home, const struct su_file_id *id);
int su_store_open(su_fd *out, const struct su_home *home, const uint8_t sha256[SU_SHA256_BYTES],
                  uint64_t *bytes, struct su_err *err) SU_CHECKED;
/* Removes temporary files that a killed run left; the caller holds the home's lock. */
int su_store_sweep(const struct su_home *home, struct su_err *err) SU_CHECKED;
/* `sequence`: of the bundle that brought it, 0 when it was added by hand. */
int su_store_record(struct su_db *db, const struct su_file_id *id, uint64_t sequence, struct su_err *err) SU_CHECKED;

#endif
