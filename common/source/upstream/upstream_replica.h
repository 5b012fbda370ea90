/*
 * upstream_replica.h - what a server that is followed as a replica says of its own computers: groups, approvals,
 * declined updates, accepted licence terms (GetDeployments). Kept for the policy of sites; no part of the catalogue.
 */
#ifndef SU_UPSTREAM_REPLICA_H
#define SU_UPSTREAM_REPLICA_H

#include "common/source/upstream/upstream_pending.h"
#include "common/source/upstream/upstream_session.h"

struct su_replica_group {
    struct su_guid id, parent;
    size_t name_at; /* in texts */
    bool is_builtin;
};
struct su_replica_approval {
    struct su_guid deployment, group;
    struct su_identity update;
    uint32_t action, priority;
    bool is_assigned;
    char deadline[40], go_live[40];
    size_t admin_at; /* in texts */
};
struct su_replica {
    bool is_asked, is_whole; /* whole: not only what has changed since the anchor */
    char anchor[SU_ANCHOR_BYTES];
    SU_VEC(struct su_replica_group) groups;
    SU_VEC(struct su_replica_approval) approvals;
    SU_VEC(struct su_guid) dead, declined, licences;
    struct su_buf texts;
};
void su_replica_cleanup(struct su_replica *replica);

/* `sync_anchor`: up to where updates are known. */
int su_replica_ask(struct su_session *session, const struct su_server *server, const char *sync_anchor,
                   struct su_replica *out, struct su_err *err) SU_CHECKED;
/* Writes it down, in the caller's transaction. */
int su_replica_settle(struct su_db *db, const struct su_server *server, const struct su_replica *replica,
                      struct su_err *err) SU_CHECKED;

#endif
