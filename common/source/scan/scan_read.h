/*
 * scan_read.h - reads an offline scan cabinet (wsusscn2.cab): a cabinet of cabinets, forward only, without temporary
 * files, on threads of its own.
 *
 * index.xml says which inner cabinet holds what; fragments of a revision that lie in another one are left out, as the
 * scan itself does, and counted. A damaged, cut or lying cabinet fails somewhere in the middle, so the caller works
 * inside a transaction.
 */
#ifndef SU_SCAN_READ_H
#define SU_SCAN_READ_H

#include <sys/types.h>

#include "common/lib/archive.h"
#include "common/point/event.h"
#include "common/source/scan/scan_package.h"

struct su_scan_reading {
    struct su_scan_edition edition; /* complete at the end */
    uint64_t fragments, strays;     /* strays: in the wrong cabinet, or with no name of a fragment */
};

/* On the caller's thread, in the order of the cabinet; the rows are good for the call. */
typedef int (*su_scan_take)(void *context, const struct su_scan_rows *rows, struct su_err *err);
int su_scan_read(int fd, const char *path, su_scan_take take, void *context, struct su_scan_reading *out,
                 struct su_err *err) SU_CHECKED; /* `path` is for messages */

/* Adds to what was unpacked so far; SU_LIMIT past SU_MAX_SCAN_BYTES. */
int su_scan_unpacked(uint64_t *total, uint64_t more, struct su_err *err) SU_CHECKED;
/* A member's name that no genuine cabinet has: control characters, "..", an absolute path. */
int su_scan_check_name(const char *name, struct su_err *err) SU_CHECKED;

/*
 * A cabinet that is a member of another: a source for su_unarchive_open_from, which proves that it is one and has the
 * size that both announce.
 */
struct su_inner_cabinet {
    struct su_unarchive *outer; /* whose present member it is */
    uint64_t bytes;             /* by the outer's directory */
    uint64_t taken, *total;     /* *total: what was unpacked, counted by su_scan_unpacked */
    uint8_t head[SU_CABINET_HEAD_BYTES];
};
ssize_t su_inner_cabinet_read(void *cabinet, void *out, size_t room, struct su_err *err) SU_CHECKED;

#endif
