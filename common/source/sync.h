/*
 * sync.h - brings the hub's catalogue to the state of a source (source.h), in one transaction.
 */
#ifndef SU_SYNC_H
#define SU_SYNC_H

#include "common/catalogue/state.h"
#include "common/source/source.h"

struct su_sync_result {
    char source[256];
    char kind[32];
    struct su_changes changes;
    struct su_state state;
    int64_t content_version;
    bool is_older; /* the source is older than the one before */
    uint64_t released; /* updates that "maintain" removed and something needs now: the next run brings them */
    uint64_t open_prerequisites; /* clauses without any held alternative */
    uint64_t calls, received, missing; /* of a server: requests, bytes of answers, updates it would not give */
    uint64_t open_bundled; /* of a server: bundles that lack an update it does not have */
    double seconds;
};

/* On failure the catalogue is as it was and the failure stands in the history. */
int su_sync(struct su_home *home, const struct su_sync_request *request, const struct su_events *events,
            struct su_sync_result *result, struct su_err *err) SU_CHECKED;

#endif
