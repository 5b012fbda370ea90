#include "common/source/upstream/upstream_replica.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"

#define NO_DEADLINE "9999-12-31T23:59:59"
#define MOST_TEXT_BYTES (64 * SU_MIB)

struct reading {
    struct su_replica *out;
    struct su_replica_group group;
    struct su_replica_approval approval;
};

void su_replica_cleanup(struct su_replica *r)
{
    free(r->groups.at);
    free(r->approvals.at);
    free(r->dead.at);
    free(r->declined.at);
    free(r->licences.at);
    su_buf_cleanup(&r->texts);
    *r = (struct su_replica){.is_asked = false};
}

static int too_many(struct su_err *err)
{
    return su_fail(err, SU_LIMIT, "more than %u groups, approvals or declines", SU_MAX_REPLICA_ROWS);
}

static int take_guid(const char *name, const struct su_buf *text, struct su_guid *out, struct su_err *err)
{
    return su_guid_parse(out, text->bytes, text->length)
               ? 0
               : su_fail(err, SU_DATA, "%s %s is not a GUID", name, text->bytes);
}

static int take_number(const char *name, const struct su_buf *text, uint32_t max, uint32_t *out,
                       struct su_err *err)
{
    uint64_t value;
    if (!su_u64_parse(&value, text->bytes, text->length, max))
        return su_fail(err, SU_DATA, "%s %s is not a number up to %u", name, text->bytes, max);
    *out = (uint32_t)value;
    return 0;
}

static bool is_true(const struct su_buf *text)
{
    return strcmp(text->bytes, "true") == 0 || strcmp(text->bytes, "1") == 0;
}

static size_t keep(struct su_replica *r, const struct su_buf *text)
{
    size_t at = r->texts.length;
    su_buf_add(&r->texts, text->bytes, text->length + 1); /* with its end */
    return at;
}

static int on_group(struct reading *r, const char *name, const struct su_buf *text, struct su_err *err)
{
    if (strcmp(name, "TargetGroupID") == 0)
        return take_guid(name, text, &r->group.id, err);
    if (strcmp(name, "ParentGroupId") == 0)
        return take_guid(name, text, &r->group.parent, err);
    if (strcmp(name, "Name") == 0)
        r->group.name_at = keep(r->out, text);
    else if (strcmp(name, "IsBuiltin") == 0)
        r->group.is_builtin = is_true(text);
    return su_buf_check(&r->out->texts, "the names of an answer", err);
}

static int take_time(const char *name, const struct su_buf *text, char out[40], struct su_err *err)
{
    bool is_time =
        text->length >= 19 && text->length < 40 && strspn(text->bytes, "0123456789-:T.Z+") == text->length;
    if (!is_time)
        return su_fail(err, SU_DATA, "%s %s is not a time", name, text->bytes);
    if (strncmp(text->bytes, NO_DEADLINE, strlen(NO_DEADLINE)) != 0)
        (void)snprintf(out, 40, "%s", text->bytes);
    return 0;
}

static int on_approval(struct reading *r, const char *name, const struct su_buf *text, struct su_err *err)
{
    struct su_replica_approval *a = &r->approval;
    if (strcmp(name, "UpdateId") == 0)
        return take_guid(name, text, &a->update.id, err);
    if (strcmp(name, "RevisionNumber") == 0)
        return take_number(name, text, INT32_MAX, &a->update.revision, err);
    if (strcmp(name, "Action") == 0)
        return take_number(name, text, 3, &a->action, err);
    if (strcmp(name, "Deadline") == 0)
        return take_time(name, text, a->deadline, err);
    if (strcmp(name, "GoLiveTime") == 0)
        return take_time(name, text, a->go_live, err);
    if (strcmp(name, "DeploymentGuid") == 0)
        return take_guid(name, text, &a->deployment, err);
    if (strcmp(name, "TargetGroupId") == 0)
        return take_guid(name, text, &a->group, err);
    if (strcmp(name, "DownloadPriority") == 0)
        return take_number(name, text, 255, &a->priority, err);
    if (strcmp(name, "AdminName") == 0)
        a->admin_at = keep(r->out, text);
    else if (strcmp(name, "IsAssigned") == 0)
        a->is_assigned = is_true(text);
    return su_buf_check(&r->out->texts, "the names of an answer", err);
}

static int on_guid(struct reading *r, const char *list, const struct su_buf *text, struct su_err *err)
{
    struct su_guid *slot = NULL;
    if (strcmp(list, "DeadDeployments") == 0)
        slot = SU_PUSH(&r->out->dead, SU_MAX_REPLICA_ROWS);
    else if (strcmp(list, "HiddenUpdates") == 0)
        slot = SU_PUSH(&r->out->declined, SU_MAX_REPLICA_ROWS);
    else if (strcmp(list, "AcceptedEulas") == 0)
        slot = SU_PUSH(&r->out->licences, SU_MAX_REPLICA_ROWS);
    else
        return 0;
    return slot ? take_guid(list, text, slot, err) : too_many(err);
}

static int on_part(void *context, const char *name, const char *parent, struct su_buf *text,
                   struct su_err *err)
{
    struct reading *r = context;
    if (strcmp(parent, "ServerSyncTargetGroup") == 0)
        return on_group(r, name, text, err);
    if (strcmp(parent, "ServerSyncDeployment") == 0)
        return on_approval(r, name, text, err);
    if (strcmp(name, "guid") == 0)
        return on_guid(r, parent, text, err);
    if (strcmp(name, "ServerSyncTargetGroup") == 0) {
        struct su_replica_group *slot = SU_PUSH(&r->out->groups, SU_MAX_REPLICA_ROWS);
        if (!slot)
            return too_many(err);
        *slot = r->group;
        r->group = (struct su_replica_group){.name_at = 0};
    } else if (strcmp(name, "ServerSyncDeployment") == 0) {
        struct su_replica_approval *slot = SU_PUSH(&r->out->approvals, SU_MAX_REPLICA_ROWS);
        if (!slot)
            return too_many(err);
        *slot = r->approval;
        r->approval = (struct su_replica_approval){.admin_at = 0};
    } else if (strcmp(name, "Anchor") == 0) {
        if (text->length >= SU_ANCHOR_BYTES)
            return su_fail(err, SU_LIMIT, "the anchor is longer than %d bytes", SU_ANCHOR_BYTES - 1);
        (void)snprintf(r->out->anchor, SU_ANCHOR_BYTES, "%s", text->bytes);
    }
    return 0;
}

static void forget(void *context)
{
    struct reading *r = context;
    struct su_replica *out = r->out;
    out->groups.count = out->approvals.count = out->dead.count = 0;
    out->declined.count = out->licences.count = 0;
    su_buf_clear(&out->texts);
    su_buf_add(&out->texts, "", 1); /* who says no name has the empty one */
    out->anchor[0] = 0;
    *r = (struct reading){.out = out};
}

int su_replica_ask(struct su_session *session, const struct su_server *server, const char *sync_anchor,
                   struct su_replica *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf rest = SU_BUF_INIT(4 * SU_MAX_UPSTREAM_TEXT_BYTES);
    struct reading reading = {.out = out};
    const struct su_call call = {.operation = "GetDeployments",
                                 .rest = &rest,
                                 .form = {.most_text = SU_MAX_UPSTREAM_TEXT_BYTES, .end = on_part},
                                 .context = &reading,
                                 .restart = forget,
                                 .most_bytes = SU_MAX_LIST_ANSWER_BYTES};
    out->texts = (struct su_buf)SU_BUF_INIT(MOST_TEXT_BYTES);
    out->is_whole = !server->deployment_anchor[0];
    if (!out->is_whole)
        su_soap_element(&rest, "deploymentAnchor", server->deployment_anchor);
    su_soap_element(&rest, "syncAnchor", sync_anchor);
    if (su_buf_check(&rest, "a request", err) < 0 || su_session_call(session, &call, err) < 0)
        return -1;
    out->is_asked = true;
    return out->anchor[0] ? 0 : su_fail(err, SU_DATA, "GetDeployments: the answer has no Anchor");
}

#define INTO_GROUP "INSERT OR REPLACE INTO replica_group VALUES (?1, ?2, ?3, ?4, ?5)"
#define INTO_APPROVAL                                                                                        \
    "INSERT OR REPLACE INTO replica_approval (source_id, deployment_id, update_id, revision, action, "       \
    "group_id, deadline, go_live, is_assigned, priority, admin) VALUES "                                     \
    "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)"
#define GUID(x) SU_B((x).bytes, sizeof(x).bytes)

static int put_approvals(struct su_db *db, int64_t id, const struct su_replica *r, struct su_err *err)
{
    for (size_t i = 0; i < r->dead.count; i++)
        if (su_run(db, err, "DELETE FROM replica_approval WHERE source_id=?1 AND deployment_id=?2", SU_I(id),
                   GUID(r->dead.at[i])) < 0)
            return -1;
    for (size_t i = 0; i < r->approvals.count; i++) {
        const struct su_replica_approval *a = &r->approvals.at[i];
        if (su_run(db, err, INTO_APPROVAL, SU_I(id), GUID(a->deployment), GUID(a->update.id),
                   SU_I(a->update.revision), SU_I(a->action), GUID(a->group), SU_T(a->deadline),
                   SU_T(a->go_live), SU_I(a->is_assigned), SU_I(a->priority),
                   SU_T(r->texts.bytes + a->admin_at)) < 0)
            return -1;
    }
    return 0;
}

int su_replica_settle(struct su_db *db, const struct su_server *server, const struct su_replica *r,
                      struct su_err *err)
{
    int64_t id = server->id;
    if ((r->is_whole && su_run(db, err, "DELETE FROM replica_approval WHERE source_id=?1", SU_I(id)) < 0) ||
        su_run(db, err, "DELETE FROM replica_group WHERE source_id=?1", SU_I(id)) < 0 ||
        su_run(db, err, "DELETE FROM replica_declined WHERE source_id=?1", SU_I(id)) < 0 ||
        su_run(db, err, "DELETE FROM replica_licence WHERE source_id=?1", SU_I(id)) < 0)
        return -1;
    for (size_t i = 0; i < r->groups.count; i++)
        if (su_run(db, err, INTO_GROUP, SU_I(id), GUID(r->groups.at[i].id), GUID(r->groups.at[i].parent),
                   SU_T(r->texts.bytes + r->groups.at[i].name_at), SU_I(r->groups.at[i].is_builtin)) < 0)
            return -1;
    for (size_t i = 0; i < r->declined.count; i++)
        if (su_run(db, err, "INSERT OR IGNORE INTO replica_declined VALUES (?1, ?2)", SU_I(id),
                   GUID(r->declined.at[i])) < 0)
            return -1;
    for (size_t i = 0; i < r->licences.count; i++)
        if (su_run(db, err, "INSERT OR IGNORE INTO replica_licence VALUES (?1, ?2)", SU_I(id),
                   GUID(r->licences.at[i])) < 0)
            return -1;
    if (put_approvals(db, id, r, err) < 0 ||
        su_run(db, err,
               "DELETE FROM replica_approval WHERE source_id=?1 AND group_id NOT IN (SELECT group_id FROM "
               "replica_group WHERE source_id=?1)",
               SU_I(id)) < 0)
        return -1;
    return su_run(db, err, "UPDATE source SET deployment_anchor=?2 WHERE source_id=?1", SU_I(id),
                  SU_T(r->anchor));
}
