#include "common/source/payload/fetch_upstream.h"

#include <string.h>

#include "common/base/limits.h"

#define STALL_SECONDS 180u /* as the servers' own partners wait */
#define ANSWER_BYTES (64 * SU_KIB)
#define BASE64_TEXT 29

int su_fetch_upstream_find(struct su_db *db, const char *url, struct su_server *out, bool *is_found,
                           struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf last = SU_BUF_INIT(4 * SU_KIB);
    struct su_err none = SU_ERR_INIT;
    bool was_synchronized = false;
    *is_found = false;
    if (!url && su_query_text(db, &last, &was_synchronized, err,
                              "SELECT source FROM sync_history WHERE source LIKE 'http://%' OR source LIKE "
                              "'https://%' ORDER BY sync_id DESC LIMIT 1") < 0)
        return -1;
    if (su_server_get(db, url ? url : was_synchronized ? last.bytes : NULL, out, &none) == 0)
        *is_found = true;
    else if (none.code != SU_NO_SOURCE && none.code != SU_ADDRESS) {
        *err = none;
        return -1;
    }
    return 0;
}

static int post(void *context, const char *url, const struct su_http_post *message, su_http_sink *sink,
                void *sink_context, long *status, struct su_err *err)
{
    return su_http_post(context, url, message, sink, sink_context, status, err);
}

static int open_session(struct su_fetch_upstream *u, struct su_err *err)
{
    const struct su_http_options options = {.ca_file = u->server.ca_file[0] ? u->server.ca_file : NULL,
                                            .proxy = u->server.proxy[0] ? u->server.proxy : NULL,
                                            .user_agent = "suexport",
                                            .stall_seconds = STALL_SECONDS};
    if (!u->http && !(u->http = su_http_new(&options, err)))
        return -1;
    su_session_cleanup(&u->session); /* of a try before */
    u->session = (struct su_session){.carrier = {.post = post, .context = u->http}};
    u->session.events = u->events;
    u->session.root = u->server.url;
    u->session.account_name = u->server.account_name;
    u->session.retry_wait = u->retry_wait;
    su_guid_format(&u->server.account_id, u->session.account_id);
    if (su_session_open(&u->session, err) < 0)
        return -1;
    u->is_open = true;
    return 0;
}

static int no_part(void *context, const char *name, const char *parent, struct su_buf *text,
                   struct su_err *err)
{
    (void)context, (void)name, (void)parent, (void)text, (void)err;
    return 0; /* the answer is empty */
}

struct asked {
    char at[SU_FETCH_ASK][BASE64_TEXT];
    size_t count;
};

static int call(struct su_fetch_upstream *u, const struct asked *asked, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf rest = SU_BUF_INIT(64 * SU_KIB);
    const struct su_call call = {.operation = "DownloadFiles",
                                 .rest = &rest,
                                 .form = {.most_text = SU_KIB, .end = no_part},
                                 .most_bytes = ANSWER_BYTES};
    su_buf_adds(&rest, "<fileDigestList>");
    for (size_t i = 0; i < asked->count; i++)
        su_soap_element(&rest, "base64Binary", asked->at[i]);
    su_buf_adds(&rest, "</fileDigestList>");
    return su_buf_check(&rest, "a request", err) < 0 ? -1 : su_session_call(&u->session, &call, err);
}

/* The digests that a fault names are left out; how many that were. Those of a long list that was cut come
 * with the next fault. */
static size_t leave_out(struct asked *asked, const char *named)
{
    size_t kept = 0, before = asked->count;
    for (size_t i = 0; i < before; i++)
        if (!strstr(named, asked->at[i]))
            memmove(asked->at[kept++], asked->at[i], BASE64_TEXT);
    asked->count = kept;
    return before - kept;
}

int su_fetch_upstream_ask(void *upstream, const uint8_t (*digests)[SU_SHA1_BYTES], size_t count,
                          struct su_err *err)
{
    struct su_fetch_upstream *u = upstream;
    struct asked asked = {.count = count < SU_FETCH_ASK ? count : SU_FETCH_ASK};
    for (size_t i = 0; i < asked.count; i++)
        su_base64_format(digests[i], SU_SHA1_BYTES, asked.at[i]);
    if (!u->is_open && open_session(u, err) < 0)
        return -1;
    while (asked.count > 0) {
        if (call(u, &asked, err) == 0)
            return 0;
        if (u->session.fault.kind != SU_FAULT_FILES_MISSING ||
            leave_out(&asked, u->session.fault.message) == 0)
            return -1;
    }
    return 0;
}

void su_fetch_upstream_cleanup(struct su_fetch_upstream *u)
{
    su_session_cleanup(&u->session);
    su_http_cleanup(&u->http);
}
