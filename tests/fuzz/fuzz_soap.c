/*
 * An update server. Byte 0: its answers, or the document in an answer of GetUpdateData.
 *
 * Answers: byte 1: which operation is answered with the input, the others with what is usual; byte 2: the
 * size of the pieces it comes in; byte 3: bits 0-1 the HTTP status. Document: byte 1: 0: the rest is the
 * base64 as it is; 1: the rest is the cabinet in it; else the UTF-16 in that.
 */
#include "tests/fuzz/cabinet.h"

#include "common/point/home.h"
#include "common/source/upstream/upstream_blob.h"
#include "common/source/upstream/upstream_fetch.h"
#include "common/source/upstream/upstream_list.h"
#include "common/source/upstream/upstream_replica.h"
#include "common/sys/belt.h"

static const char *const operations[] = {
    "GetAuthConfig",     "GetAuthorizationCookie",        "GetCookie",      "GetConfigData",
    "GetRevisionIdList", "GetRelatedRevisionsForUpdates", "GetDeployments", "GetUpdateData"};
enum { LIST = 4, RELATED, REPLICA, FETCH, OPERATIONS };
static const char *const usual[] = {
    ("<AuthInfo><AuthPlugInInfo><PlugInID>DssTargeting</PlugInID>"
     "<ServiceUrl>D/D.asmx</ServiceUrl></AuthPlugInInfo></AuthInfo>"),
    "<PlugInId>DssTargeting</PlugInId><CookieData>AAAA</CookieData>",
    "<Expiration>2099-03-01T16:00:00.0000000Z</Expiration><EncryptedData>AAAA</EncryptedData>",
    "<MaxNumberOfUpdatesPerRequest>20</MaxNumberOfUpdatesPerRequest><ProtocolVersion>1.20</ProtocolVersion>"};

struct play {
    unsigned answered, piece, status;
    struct input body;
    unsigned calls;
};

static int give(const struct play *p, const char *bytes, size_t length, su_http_sink *sink, void *context,
                struct su_err *err)
{
    for (size_t at = 0; at < length; at += p->piece)
        if (sink(context, bytes + at, length - at < p->piece ? length - at : p->piece, err) < 0)
            return -1;
    return 0;
}

static int post(void *context, const char *url, const struct su_http_post *request, su_http_sink *sink,
                void *sink_context, long *status, struct su_err *err)
{
    static const long statuses[] = {200, 500, 503, 404};
    struct play *p = context;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(SU_MIB);
    const char *operation = strrchr(request->soap_action, '/') + 1;
    unsigned n = 0;
    HOLDS(strncmp(url, "http://server:8530/", 19) == 0 && !strstr(url, "..")); /* never anywhere else */
    while (strcmp(operations[n], operation) != 0)
        HOLDS(++n < OPERATIONS);
    HOLDS(++p->calls < 2000);
    if (n == p->answered) {
        *status = statuses[p->status % 4];
        return give(p, (const char *)p->body.at, p->body.left, sink, sink_context, err);
    }
    *status = 200;
    su_buf_addf(&out,
                "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><%sResponse "
                "xmlns=\"%s\"><%sResult>%s"
                "</%sResult></%sResponse></s:Body></s:Envelope>",
                operation, n == 1 ? SU_AUTH_URI : SU_SYNC_URI, operation, usual[n], operation, operation);
    return sink(sink_context, out.bytes, out.length, err);
}

static struct su_db *database(void)
{
    static struct su_db *db;
    struct su_err err = SU_ERR_INIT;
    if (!db)
        HOLDS(su_home_memory(&db, &err) == 0);
    return db;
}

static int fetch(struct su_session *s, struct su_db *db, const struct su_events *events, struct su_err *err)
{
    SU_AUTO(su_identities) struct su_identities ids = {0};
    struct su_server server;
    struct su_pending pending;
    struct su_fetching fetching = {.session = s, .pending = &pending, .events = events};
    struct su_err ignored = SU_ERR_INIT;
    if (su_server_get(db, NULL, &server, &ignored) < 0)
        HOLDS(su_server_make(&server, "http://server:8530", "HUB", err) == 0 &&
              su_server_put(db, &server, err) == 0 && su_server_get(db, NULL, &server, err) == 0);
    for (unsigned id = 1; id <= 3; id++) {
        struct su_identity *slot = SU_PUSH(&ids.list, 3);
        HOLDS(slot);
        *slot = (struct su_identity){.revision = 1};
        slot->id.bytes[15] = (uint8_t)id;
    }
    HOLDS(su_pending_open(&pending, db, server.id, true, err) == 0 &&
          su_pending_list(&pending, SU_PHASE_UPDATES, &ids, "anchor", err) == 0);
    int result = su_upstream_fetch(&fetching, SU_PHASE_UPDATES, "updates", err);
    uint64_t fetched = 0, missing = 0;
    HOLDS(su_pending_count(&pending, SU_PHASE_UPDATES, SU_PENDING_FETCHED, &fetched, &ignored) == 0 &&
          su_pending_count(&pending, SU_PHASE_UPDATES, SU_PENDING_MISSING, &missing, &ignored) == 0);
    HOLDS(fetched + missing <= 3 && (result < 0 || fetched + missing == 3));
    HOLDS(su_pending_forget(&pending, &ignored) == 0);
    return result;
}

static int ask(unsigned operation, struct su_session *s, const struct su_events *events, struct su_err *err)
{
    SU_AUTO(su_identities) struct su_identities ids = {0};
    SU_AUTO(su_replica) struct su_replica replica = {.is_asked = false};
    const struct su_server server = {.id = 1};
    char anchor[SU_ANCHOR_BYTES] = "";
    if (su_session_open(s, err) < 0)
        return -1;
    switch (operation) {
    case LIST: return su_upstream_list(s, database(), &server, SU_PHASE_CATEGORIES, false, &ids, anchor, err);
    case RELATED: return su_upstream_related(s, &(struct su_guid){{1}}, 1, &ids, err);
    case REPLICA: return su_replica_ask(s, &server, "a", &replica, err);
    case FETCH: return fetch(s, database(), events, err);
    default: return 0;
    }
}

static void fuzz_soap(struct input in)
{
    static const struct su_events silent = {.emit = NULL};
    struct play p = {
        .answered = take_byte(&in) % OPERATIONS, .piece = 1 + 16 * take_byte(&in), .status = take_byte(&in)};
    struct su_err err = SU_ERR_INIT;
    su_threads_set(1);
    p.body = in;
    SU_AUTO(su_session)
    struct su_session s = {.carrier = {post, &p},
                           .events = &silent,
                           .root = "http://server:8530",
                           .account_name = "hub",
                           .account_id = "11111111-2222-4333-8444-555555555555"};
    if (ask(p.answered, &s, &silent, &err) < 0)
        check_refusal(&err);
}

static void fuzz_blob(struct input in)
{
    unsigned how = take_byte(&in);
    SU_AUTO(su_buf)
    struct su_buf cab = SU_BUF_INIT(SU_MIB), cabinet = SU_BUF_INIT(SU_MIB), document = SU_BUF_INIT(SU_MIB);
    struct su_err err = SU_ERR_INIT;
    char *base64;
    if (how == 0) {
        base64 = copy_of(in.at, in.left, true);
    } else {
        struct cabinet_member member = {"blob", (const char *)in.at, in.left};
        if (how == 1)
            su_buf_add(&cab, in.at, in.left);
        else
            cabinet_make(&cab, &member, 1, 0);
        base64 = calloc(cab.length / 3 * 4 + 8, 1);
        HOLDS(base64);
        su_base64_format((const uint8_t *)cab.bytes, cab.length, base64);
    }
    if (su_blob_open(base64, strlen(base64), &cabinet, &document, &err) < 0)
        check_refusal(&err);
    else {
        HOLDS(su_utf8_is_valid(document.bytes ? document.bytes : "", document.length));
        HOLDS(how <= 1 || document.length <= in.left / 2 * 3);
    }
    free(base64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz_part *const parts[] = {fuzz_soap, fuzz_blob};
    return run_part(data, size, parts, sizeof parts / sizeof *parts);
}
