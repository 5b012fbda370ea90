/*
 * scan_confined.h - a scan cabinet is taken apart in a confined child (confine.h), on threads of its own; its rows come
 * as messages, and are believed as far as they can be checked: counts, lengths, ranges of numbers.
 */
#ifndef SU_SCAN_CONFINED_H
#define SU_SCAN_CONFINED_H

#include "common/source/scan/scan_read.h"
#include "common/sys/wire.h"

/* su_scan_read of a path. On the main thread. */
int su_scan_hear(const char *path, const struct su_events *events, su_scan_take take, void *context,
                 struct su_scan_reading *out, struct su_err *err) SU_CHECKED;

/* The rows of a batch as values of a frame, and back: the texts point into the frame. */
void su_scan_rows_put(struct su_wire *wire, const struct su_scan_rows *rows);
int su_scan_rows_get(struct su_wire *wire, struct su_scan_rows *rows, struct su_err *err) SU_CHECKED;

#endif
