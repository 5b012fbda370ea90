/*
 * upstream_need.h - what the documents fetched need and neither the catalogue nor the listing has: bundled updates by
 * their exact revision, prerequisites by whatever revision the server has of them.
 */
#ifndef SU_UPSTREAM_NEED_H
#define SU_UPSTREAM_NEED_H

#include "common/source/upstream_fetch.h"

struct su_need_result {
    uint64_t open_bundled, open_prerequisites; /* clauses of documents fetched that nothing answers after all */
};
int su_upstream_need(struct su_fetching *fetching, struct su_need_result *result, struct su_err *err) SU_CHECKED;

#endif
