/*
 * volume_write.h - lays items into volumes of a chosen size and fills in the manifest's lists.
 *
 * A volume is a plain tar: SU-HEAD, then items; an item that does not fit continues in the next
 * volume. Every byte goes once through block hash, volume hash and disk, which work beside the caller's thread: a failure
 * there is told by a later call, at the latest by su_volume_finish.
 */
#ifndef SU_VOLUME_WRITE_H
#define SU_VOLUME_WRITE_H

#include "common/bundle/manifest.h"
#include "common/lib/archive.h"

#define SU_SET_TEXT 33
#define SU_ITEM_TEXT 128  /* the name of an item in a volume */
#define SU_PIECE_TEXT 160 /* with the number of its piece */

/* What a volume holds, by the manifest alone: resend.c makes the same bytes again. */
/* The set identifies the bundle in the head of each volume; friendly, not trusted. */
int su_volume_set(const struct su_manifest *manifest, char out[SU_SET_TEXT], struct su_err *err) SU_CHECKED;
int su_volume_head(struct su_tar *tar, const struct su_manifest *manifest, const char *set, uint32_t volume,
                   struct su_err *err) SU_CHECKED;
const char *su_volume_payload_item(const struct su_payload *payload, char out[SU_ITEM_TEXT]);
const char *su_volume_frame_item(size_t number, char out[SU_ITEM_TEXT]); /* from 1 */
/* `piece` from 1; 0: the item is in one piece. */
const char *su_volume_piece_name(const char *item, unsigned piece, char out[SU_PIECE_TEXT]);

struct su_volume_writer;
/* `dir` receives the volumes; `volume_bytes` 0 means one volume of any size. `set` identifies the
 * bundle in each head. The manifest's sequence and site must be set. */
struct su_volume_writer *su_volume_writer_new(int dir, uint64_t volume_bytes, const char *set,
                                              struct su_manifest *manifest, struct su_err *err);
/* Begins an item of known size; then exactly that many bytes; the extents go to *first, *count. */
int su_volume_item(struct su_volume_writer *writer, const char *name, uint64_t bytes, struct su_err *err) SU_CHECKED;
int su_volume_write(struct su_volume_writer *writer, const void *bytes, size_t length, struct su_err *err) SU_CHECKED;
/* Where the item's next bytes may be read to: *room of them, while there are any left. They count once su_volume_write is
 * given them; from there they need no copying. */
char *su_volume_room(struct su_volume_writer *writer, size_t *room, struct su_err *err);
int su_volume_item_end(struct su_volume_writer *writer, size_t *first, size_t *count, struct su_err *err) SU_CHECKED;
int su_volume_finish(struct su_volume_writer *writer, struct su_err *err) SU_CHECKED;
void su_volume_writer_cleanup(struct su_volume_writer **writer);

#endif
