/*
 * upstream_need.h - what the documents fetched need and neither the catalogue nor the listing has: bundled updates by
 * their exact revision, prerequisites by whatever revision the server has of them.
 */
#ifndef SU_UPSTREAM_NEED_H
#define SU_UPSTREAM_NEED_H

#include "common/source/upstream/upstream_fetch.h"

struct su_need_result {
    uint64_t open_bundled, open_prerequisites; /* clauses of documents fetched that nothing answers after all */
};
/* Fetches the newest revision of each update that is not held, by id. Where the server does not tell revisions, the
 * customary ones are tried when `may_guess`. What is not to be had is no error. */
int su_upstream_import(struct su_fetching *fetching, const struct su_guid *ids, size_t count, bool may_guess,
                       struct su_err *err) SU_CHECKED;
int su_upstream_need(struct su_fetching *fetching, struct su_need_result *result, struct su_err *err) SU_CHECKED;

#endif
