/*
 * upstream_session.h - talking to an upstream server: authorization, the cookie and its renewal, and what is done
 * about each way a call can fail (formats.md 4.2, 4.5).
 *
 * A call that fails in passing (no connection, HTTP 5xx, ServerBusy) is made again after a while, five times in all. A
 * cookie that is not accepted is got anew, from GetAuthConfig on. Every other fault is the caller's:
 * SU_UPSTREAM_FAULT, and session->fault says which.
 *
 * Belongs to one thread at a time.
 */
#ifndef SU_UPSTREAM_SESSION_H
#define SU_UPSTREAM_SESSION_H

#include "common/base/text.h"
#include "common/lib/http.h"
#include "common/point/event.h"
#include "common/source/upstream/soap.h"

/* How a request gets to the server. */
struct su_carrier {
    int (*post)(void *context, const char *url, const struct su_http_post *post, su_http_sink *sink,
                void *sink_context, long *status, struct su_err *err);
    void *context;
};

struct su_upstream_language {
    uint32_t id; /* 1033 */
    char tag[16], name[64]; /* "en", "English" */
    bool is_enabled;
};
struct su_upstream_config { /* what GetConfigData said */
    bool is_catalogue_only, is_lazy;
    uint32_t most_updates; /* in one GetUpdateData */
    char protocol[16];
    SU_VEC(struct su_upstream_language) languages;
};

struct su_session {
    struct su_carrier carrier;
    const struct su_events *events;
    const char *root;         /* http://server:8530 */
    const char *account_name; /* as a host name */
    char account_id[SU_GUID_TEXT];
    double retry_wait; /* seconds before the second try, twice that before the third, ... */
    struct su_upstream_config config;
    struct su_soap_fault fault; /* of the call that failed last, kind SU_FAULT_NONE when it was no fault */
    bool was_cut;               /* an answer that failed last had begun */
    uint64_t calls, received;
    /* the session's own */
    struct su_buf auth_url, plugin, permit, expiration, cookie; /* as they came, base64 where they are bytes */
    double renew_at;
    long status;
    struct su_soap_child *reader; /* the process that reads the answers */
};
#define SU_SESSION_RETRIES 5

struct su_call {
    const char *operation;
    const struct su_buf *rest; /* XML behind the cookie */
    struct su_soap_form form;  /* operation and uri are set by the call */
    void *context;             /* of the form */
    void (*restart)(void *context); /* before each try: forget what came */
    uint64_t most_bytes;       /* of the answer */
    bool is_divisible;         /* an answer that is cut or too long is not asked for again as it is */
};

/* Authorization, cookie and configuration. On the main thread. */
int su_session_open(struct su_session *session, struct su_err *err) SU_CHECKED;
int su_session_call(struct su_session *session, const struct su_call *call, struct su_err *err) SU_CHECKED;
void su_session_cleanup(struct su_session *session);

/* Seconds a cookie is used: until 30 minutes of its life are left, half of a shorter life; of one whose life is over by
 * our clock, until the server says so. */
double su_cookie_use(const char *expiration, int64_t now);

#endif
