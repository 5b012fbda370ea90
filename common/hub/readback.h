/*
 * readback.h - after writing: drops the system's copy of each file, reads the medium again and
 * compares every block with the manifest.
 */
#ifndef SU_READBACK_H
#define SU_READBACK_H

#include "common/point/event.h"
#include "common/bundle/manifest.h"

/* `dir` holds the volumes with wanted[number] (NULL: all), synced, and manifest, signatures and papers,
 * which must be as in `kept`. SU_READ_BACK names volume and offset of the first block that differs. */
int su_read_back(int dir, int kept, const struct su_manifest *manifest, const bool *wanted,
                 const struct su_events *events, struct su_err *err) SU_CHECKED;

#endif
