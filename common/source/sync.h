/*
 * sync.h - brings the hub's catalogue to the state of a snapshot source, in one transaction.
 */
#ifndef SU_SYNC_H
#define SU_SYNC_H

#include "common/catalogue/changes.h"
#include "common/point/event.h"
#include "common/point/home.h"

struct su_sync_result {
    char source[256];
    const char *kind;
    struct su_changes changes;
    struct su_state state;
    int64_t content_version;
    bool is_older; /* the source is older than the one before */
    uint64_t open_prerequisites; /* clauses without any held alternative */
    double seconds;
};

/* On failure the catalogue is as it was and the failure stands in the history. */
int su_sync(struct su_home *home, const char *path, const struct su_events *events,
            struct su_sync_result *result, struct su_err *err) SU_CHECKED;

#endif
