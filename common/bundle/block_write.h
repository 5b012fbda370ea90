/*
 * block_write.h - the bytes of a volume, block by block, onto the medium: for volumes made for the first time and for
 * those made again.
 *
 * The caller's thread fills blocks, any thread hashes them and gives them to the medium, each at its place; one
 * lays them: it is told of them in order. (With the writing on it too, that thread decided how long an export took:
 * the system's copy of a block costs as much as its hash.)
 */
#ifndef SU_BLOCK_WRITE_H
#define SU_BLOCK_WRITE_H

#include <stdbool.h>

#include "common/lib/digest.h"

struct su_block_writer;
/* What is laid: at most SU_BLOCK_BYTES; on one of the belt's threads. What it returns, another call tells the caller,
 * at the latest su_blocks_close. */
typedef int (*su_lay_block)(void *context, const void *bytes, size_t length, const uint8_t sha256[SU_SHA256_BYTES],
                            struct su_err *err);
struct su_block_writer *su_block_writer_new(su_lay_block lay, void *context, struct su_err *err);
void su_block_writer_cleanup(struct su_block_writer **writer);

/* A volume begins, ends: one after the other. `fd` is an empty file, and is neither synced nor closed. When the caller
 * has failed (`is_whole` false) the block begun last goes nowhere; those before are laid. */
int su_blocks_open(struct su_block_writer *writer, int fd, struct su_err *err) SU_CHECKED;
int su_blocks_close(struct su_block_writer *writer, bool is_whole, struct su_err *err) SU_CHECKED;
/* Stops what still runs: what comes now goes nowhere. */
void su_blocks_stop(struct su_block_writer *writer);
/* Bytes of this volume. */
uint64_t su_blocks_position(const struct su_block_writer *writer);
/* Where the next bytes may be read to, and *room of them; they count once su_blocks_add is given them, and need no
 * copying. */
char *su_blocks_room(struct su_block_writer *writer, size_t *room, struct su_err *err);
int su_blocks_add(struct su_block_writer *writer, const void *bytes, size_t length, struct su_err *err) SU_CHECKED;

#endif
