/*
 * frame_read.h - the records of a bundle, frame by frame: proved blocks, unpacked, parsed.
 */
#ifndef SU_FRAME_READ_H
#define SU_FRAME_READ_H

#include "common/catalogue/record.h"
#include "common/bundle/volume_read.h"

/* Record and its texts are valid during the call. */
typedef int (*su_record_take)(void *context, struct su_record *record, struct su_err *err);
/* Hands out every record in order; an error names the frame. */
int su_frames_read(struct su_volume_reader *reader, const struct su_manifest *manifest, su_record_take take,
                   void *context, struct su_err *err) SU_CHECKED;

#endif
