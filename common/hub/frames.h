/*
 * frames.h - the records of a bundle, packed into frames while its content goes to the medium.
 *
 * A pipeline of its own: one thread reads the rows, all unpack, prove and pack them, one appends the frames to
 * sent/<bundle>/FRAMES. Where a frame ends follows from lengths in the database, so the bytes depend on the records
 * alone. When the content is through, the frames are copied behind it.
 */
#ifndef SU_FRAMES_H
#define SU_FRAMES_H

#include "common/bundle/volume_write.h"
#include "common/hub/sent.h"
#include "common/lib/db.h"

struct su_frames;
struct su_frames_events {
    void *context;
    void (*moved)(void *context, uint64_t bytes); /* document bytes have gone by; on a thread of the pipeline */
    int (*then)(void *context, struct su_err *err); /* all rows are read; on the thread that has the database */
};
/* Starts with the records of temp.gone and temp.send. Until su_frames_finish or the cleanup nobody else uses the
 * database, the manifest's list of frames, or `sent`; all outlive it. */
struct su_frames *su_frames_start(struct su_db *db, struct su_sent *sent, struct su_manifest *manifest,
                                  const struct su_frames_events *events, struct su_err *err);
/* Waits for the last frame, then lays all into the volumes, with their extents in the manifest. */
int su_frames_finish(struct su_frames *frames, struct su_volume_writer *volumes, struct su_err *err) SU_CHECKED;
/* Stops what still runs. */
void su_frames_cleanup(struct su_frames **frames);

#endif
