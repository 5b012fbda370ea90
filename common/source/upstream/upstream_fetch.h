/*
 * upstream_fetch.h - GetUpdateData: documents of what is pending, in batches, kept durably as they come.
 *
 * One thread asks, --jobs threads unpack and parse, the caller's writes to the database; a commit every few hundred
 * documents. An answer that is cut or too long is asked for in halves; a batch that gives InternalServerError is
 * bisected until the update at fault stands alone. What cannot be had is noted as missing, and the rest goes on.
 */
#ifndef SU_UPSTREAM_FETCH_H
#define SU_UPSTREAM_FETCH_H

#include "common/source/upstream/upstream_pending.h"
#include "common/source/upstream/upstream_session.h"

struct su_fetching {
    struct su_session *session;
    struct su_pending *pending;
    const struct su_events *events;
    enum su_origin origin;     /* of what is fetched from now on */
    uint64_t fetched, missing; /* of all phases, counted on */
};
/* Fetches what is wanted of a phase. `word`: what is counted in progress. On failure what came stays. */
int su_upstream_fetch(struct su_fetching *fetching, enum su_phase phase, const char *word, struct su_err *err) SU_CHECKED;

#endif
