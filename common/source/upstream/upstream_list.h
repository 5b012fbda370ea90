/*
 * upstream_list.h - asking an upstream server which revisions there are, and which an update needs.
 */
#ifndef SU_UPSTREAM_LIST_H
#define SU_UPSTREAM_LIST_H

#include "common/source/upstream/upstream_pending.h"
#include "common/source/upstream/upstream_session.h"

/* GetRevisionIdList: categories and detectoids, or updates of what is chosen. With `is_delta` what has changed since
 * the server's anchor, and of what was chosen since then everything. */
int su_upstream_list(struct su_session *session, struct su_db *db, const struct su_server *server,
                     enum su_phase phase, bool is_delta, struct su_identities *out, char anchor[SU_ANCHOR_BYTES],
                     struct su_err *err) SU_CHECKED;
/* GetRelatedRevisionsForUpdates: revisions of updates, where the server tells; else none. */
int su_upstream_related(struct su_session *session, const struct su_guid *ids, size_t count,
                        struct su_identities *out, struct su_err *err) SU_CHECKED;

/* Takes UpdateID and RevisionNumber as they come; *has_id says that both have. */
struct su_identity_reading {
    struct su_identity identity;
    bool has_id, has_revision;
};
int su_identity_part(struct su_identity_reading *reading, const char *name, const struct su_buf *text,
                     struct su_err *err) SU_CHECKED;

#endif
