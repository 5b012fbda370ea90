#include "common/source/upstream/upstream_list.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"

struct listing {
    struct su_identities *out;
    struct su_identity_reading reading;
    char *anchor; /* NULL: there is none to come */
    bool has_anchor;
};

int su_identity_part(struct su_identity_reading *r, const char *name, const struct su_buf *text,
                     struct su_err *err)
{
    uint64_t revision;
    if (strcmp(name, "UpdateID") == 0) {
        if (!su_guid_parse(&r->identity.id, text->bytes, text->length))
            return su_fail(err, SU_DATA, "UpdateID %s is not a GUID", text->bytes);
        r->has_id = true;
    } else if (strcmp(name, "RevisionNumber") == 0) {
        if (!su_u64_parse(&revision, text->bytes, text->length, INT32_MAX))
            return su_fail(err, SU_DATA, "RevisionNumber %s is not a number", text->bytes);
        r->identity.revision = (uint32_t)revision;
        r->has_revision = true;
    }
    return 0;
}

static int on_identity(struct listing *l, struct su_err *err)
{
    if (!l->reading.has_id || !l->reading.has_revision)
        return su_fail(err, SU_DATA, "an UpdateIdentity is not complete");
    struct su_identity *slot = SU_PUSH(&l->out->list, SU_MAX_PACKAGE_REVISIONS);
    if (!slot)
        return su_fail_full(err, "more than %u revisions are listed", SU_MAX_PACKAGE_REVISIONS);
    *slot = l->reading.identity;
    l->reading = (struct su_identity_reading){.has_id = false};
    return 0;
}

static int on_part(void *context, const char *name, const char *parent, struct su_buf *text,
                   struct su_err *err)
{
    struct listing *l = context;
    if (strcmp(parent, "UpdateIdentity") == 0)
        return su_identity_part(&l->reading, name, text, err);
    if (strcmp(name, "UpdateIdentity") == 0)
        return on_identity(l, err);
    if (l->anchor && strcmp(name, "Anchor") == 0) {
        if (text->length >= SU_ANCHOR_BYTES)
            return su_fail(err, SU_LIMIT, "the anchor is longer than %d bytes", SU_ANCHOR_BYTES - 1);
        (void)snprintf(l->anchor, SU_ANCHOR_BYTES, "%s", text->bytes);
        l->has_anchor = true;
    }
    return 0;
}

static void forget(void *context)
{
    struct listing *l = context;
    l->out->list.count = 0;
    l->reading = (struct su_identity_reading){.has_id = false};
    l->has_anchor = false;
}

/* <Categories>, <Classifications> or <Languages>; nothing where nothing is chosen. */
static int add_choice(struct su_db *db, const struct su_server *server, enum su_choice kind, bool is_delta,
                      struct su_buf *out, struct su_err *err)
{
    static const char *const lists[] = {"Categories", "Classifications", "Languages"};
    const char *item = kind == SU_CHOOSE_LANGUAGE ? "LanguageAndDelta" : "IdAndDelta";
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    bool is_begun = false;
    if (su_query(db, &rows, err,
                 "SELECT value, is_covered FROM source_choice WHERE source_id=?1 AND kind=?2 ORDER BY value",
                 SU_I(server->id), SU_I(kind)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (!is_begun)
            su_buf_addf(out, "<%s>", lists[kind]);
        is_begun = true;
        su_buf_addf(out, "<%s>", item);
        su_soap_element(out, "Id", su_rows_text(&rows, 0));
        su_buf_addf(out, "<Delta>%s</Delta></%s>", is_delta && su_rows_int(&rows, 1) != 0 ? "true" : "false",
                    item);
    }
    if (is_begun)
        su_buf_addf(out, "</%s>", lists[kind]);
    return more;
}

int su_upstream_list(struct su_session *session, struct su_db *db, const struct su_server *server,
                     enum su_phase phase, bool is_delta, struct su_identities *out,
                     /* NOLINTNEXTLINE(readability-non-const-parameter): the answer is written there */
                     char anchor[SU_ANCHOR_BYTES], struct su_err *err)
{
    bool is_config = phase == SU_PHASE_CATEGORIES;
    const char *since = is_config ? server->config_anchor : server->update_anchor;
    SU_AUTO(su_buf) struct su_buf rest = SU_BUF_INIT(32 * SU_MIB);
    struct listing listing = {.out = out, .anchor = anchor};
    const struct su_call call = {.operation = "GetRevisionIdList",
                                 .rest = &rest,
                                 .form = {.most_text = SU_MAX_UPSTREAM_TEXT_BYTES, .end = on_part},
                                 .context = &listing,
                                 .restart = forget,
                                 .most_bytes = SU_MAX_LIST_ANSWER_BYTES};
    is_delta = is_delta && since[0];
    su_buf_adds(&rest, "<filter>");
    if (is_delta)
        su_soap_element(&rest, "Anchor", since);
    su_soap_element(&rest, "GetConfig", is_config ? "true" : "false");
    su_soap_element(&rest, "Get63LanguageOnly", "false");
    for (int kind = SU_CHOOSE_PRODUCT; !is_config && kind <= SU_CHOOSE_LANGUAGE; kind++)
        if (add_choice(db, server, (enum su_choice)kind, is_delta, &rest, err) < 0)
            return -1;
    su_buf_adds(&rest, "</filter>");
    if (su_buf_check(&rest, "a request", err) < 0 || su_session_call(session, &call, err) < 0)
        return -1;
    if (!listing.has_anchor || !anchor[0])
        return su_fail(err, SU_DATA, "GetRevisionIdList: the answer has no Anchor");
    return 0;
}

int su_upstream_related(struct su_session *session, const struct su_guid *ids, size_t count,
                        struct su_identities *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf rest = SU_BUF_INIT(SU_MIB);
    struct listing listing = {.out = out};
    char text[SU_GUID_TEXT];
    const struct su_call call = {.operation = "GetRelatedRevisionsForUpdates",
                                 .rest = &rest,
                                 .form = {.most_text = SU_MAX_UPSTREAM_TEXT_BYTES, .end = on_part},
                                 .context = &listing,
                                 .restart = forget,
                                 .most_bytes = SU_MAX_DATA_ANSWER_BYTES};
    su_buf_adds(&rest, "<updateIDs>");
    for (size_t i = 0; i < count; i++)
        su_soap_element(&rest, "guid", su_guid_format(&ids[i], text));
    su_buf_adds(&rest, "</updateIDs>");
    return su_buf_check(&rest, "a request", err) < 0 ? -1 : su_session_call(session, &call, err);
}
