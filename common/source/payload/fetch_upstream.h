/*
 * fetch_upstream.h - the update server that content comes from: which it is, and asking it to get files that it lacks.
 *
 * A server that defers its own downloads answers 404 until somebody asks for the file by DownloadFiles; then it fetches
 * it, and has it after a while.
 */
#ifndef SU_FETCH_UPSTREAM_H
#define SU_FETCH_UPSTREAM_H

#include "common/source/payload/fetch.h"
#include "common/source/upstream/upstream_server.h"
#include "common/source/upstream/upstream_session.h"

struct su_fetch_upstream {
    struct su_server server;
    const struct su_events *events;
    double retry_wait; /* seconds; of the session */
    /* its own */
    struct su_http *http;
    struct su_session session;
    bool is_open;
};

/* url: a server of this hub at that address, NULL: the one it was synchronized from last, or the only one it has. */
int su_fetch_upstream_find(struct su_db *db, const char *url, struct su_server *out, bool *is_found, struct su_err *err) SU_CHECKED;
/* A su_fetch_ask. Opens a session when first asked. Digests that the server does not know are left out. */
int su_fetch_upstream_ask(void *upstream, const uint8_t (*digests)[SU_SHA1_BYTES], size_t count, struct su_err *err) SU_CHECKED;
void su_fetch_upstream_cleanup(struct su_fetch_upstream *upstream);

#endif
