/*
 * upstream.h - an upstream server as a source of synchronization (formats.md 4).
 *
 * All asking happens before the catalogue's transaction begins, and what came is kept durably (upstream_pending.h); the
 * transaction then takes it in, drops it and moves the anchors. Incremental: nothing is removed, unless everything
 * is compared (--full) and the listing is a snapshot of what is chosen.
 */
#ifndef SU_UPSTREAM_H
#define SU_UPSTREAM_H

#include "common/source/source.h"

struct su_upstream_options {
    const char *ca_file, *proxy; /* NULL: as they were, of a new server none */
    double retry_wait;           /* seconds; below 0: 10 */
    unsigned stall_seconds;      /* 0: 180, as the servers' own partners wait */
    bool sets_replica, is_replica;
};

#endif
