#include "common/source/upstream/upstream_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/source/upstream/soap_child.h"
#include "common/sys/clock.h"
#include "common/sys/interrupt.h"

#define SYNC_PATH "/ServerSyncWebService/ServerSyncWebService.asmx"
#define RENEW_SECONDS (30 * 60)
#define MOST_STARTS 3 /* a cookie that is refused as soon as it is got will be refused for ever */
#define MOST_SMALL_BYTES SU_MIB
#define PROTOCOL "1.20"

void su_session_cleanup(struct su_session *s)
{
    su_buf_cleanup(&s->auth_url);
    su_buf_cleanup(&s->plugin);
    su_buf_cleanup(&s->permit);
    su_buf_cleanup(&s->expiration);
    su_buf_cleanup(&s->cookie);
    su_soap_child_cleanup(&s->reader);
    free(s->config.languages.at);
    s->config.languages.at = NULL;
}

double su_cookie_use(const char *expiration, int64_t now)
{
    char whole[SU_TIME_TEXT];
    int64_t end;
    (void)snprintf(whole, sizeof whole, "%.19sZ", expiration);
    if (!su_time_parse(whole, &end) || end <= now)
        return 1e9;
    double life = (double)(end - now);
    return life > RENEW_SECONDS ? life - RENEW_SECONDS : life / 2;
}

/* One try. */

struct answer {
    struct su_soap_child *reader;
    uint64_t bytes, most;
    bool has_failed;
    struct su_err error;
};

/* Whatever comes is read to its end, or nearly: only then is it known with which status. */
static int on_bytes(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct answer *a = context;
    (void)err;
    a->bytes += length;
    if (a->has_failed && a->bytes > MOST_SMALL_BYTES) {
        *err = a->error;
        return -1;
    }
    if (a->has_failed)
        return 0;
    if (a->bytes > a->most)
        a->has_failed = su_fail(&a->error, SU_LIMIT, "the answer is larger than %llu bytes",
                                (unsigned long long)a->most) < 0;
    else
        a->has_failed = su_soap_child_feed(a->reader, bytes, length, &a->error) < 0;
    return 0;
}

static int refused(struct su_session *s, struct su_err *err)
{
    const struct su_soap_fault *f = &s->fault;
    const char *code = f->code[0] ? f->code : "a fault without a code";
    const char *said = f->message[0] ? f->message : f->text;
    if (f->id[0])
        return su_fail(err, SU_UPSTREAM_FAULT, "the server says %s: %s (fault %s)", code, said, f->id);
    return su_fail(err, SU_UPSTREAM_FAULT, "the server says %s: %s", code, said);
}

static int judge(struct su_session *s, struct answer *a, struct su_err *err)
{
    bool is_fault_status = s->status == 500;
    if (!a->has_failed)
        a->has_failed = su_soap_child_finish(a->reader, &s->fault, &a->error) < 0;
    if (!a->has_failed && s->fault.kind != SU_FAULT_NONE)
        return refused(s, err);
    if (s->status != 200 && (!is_fault_status || a->has_failed))
        return su_fail(err, SU_HTTP_STATUS, "the server answers with HTTP status %ld", s->status);
    if (!a->has_failed)
        return 0;
    s->was_cut = a->bytes > 0;
    *err = a->error;
    return -1;
}

struct request {
    const char *url, *uri, *operation;
    const struct su_buf *body;
    const struct su_call *call;
};

static int try_once(struct su_session *s, const struct request *r, struct su_err *err)
{
    char action[192];
    struct su_soap_form form = r->call->form;
    struct answer a = {.reader = s->reader, .most = r->call->most_bytes};
    form.operation = r->operation;
    form.uri = r->uri;
    (void)snprintf(action, sizeof action, "%s/%s", r->uri, r->operation);
    const struct su_http_post post = {.content_type = "text/xml; charset=utf-8",
                                      .soap_action = action,
                                      .body = r->body->bytes,
                                      .length = r->body->length};
    s->fault = (struct su_soap_fault){.kind = SU_FAULT_NONE};
    s->was_cut = false;
    s->status = 0;
    s->calls++;
    if (r->call->restart)
        r->call->restart(r->call->context);
    if (su_soap_child_begin(s->reader, &form, r->call->context, err) < 0)
        return -1;
    int result = s->carrier.post(s->carrier.context, r->url, &post, on_bytes, &a, &s->status, err);
    s->received += a.bytes;
    if (result < 0) {
        s->was_cut = a.bytes > 0;
        return -1;
    }
    return judge(s, &a, err);
}

/* Whether the same may succeed later. */
static bool is_passing(const struct su_session *s, const struct su_call *call, const struct su_err *err)
{
    if (call->is_divisible && s->was_cut)
        return false;
    switch (err->code) {
    case SU_NETWORK: return true;
    case SU_HTTP_STATUS: return s->status >= 500 || s->status == 429 || s->status == 408;
    case SU_UPSTREAM_FAULT: return s->fault.kind == SU_FAULT_BUSY;
    case SU_DATA: return s->was_cut; /* garbled on its way */
    default: return false;
    }
}

static int try_often(struct su_session *s, const struct request *r, struct su_err *err)
{
    double wait = s->retry_wait;
    for (unsigned tries = 1;; tries++, wait *= 2) { /* NOLINT(cert-flp30-c): seconds that double, no counter */
        if (try_once(s, r, err) == 0)
            return 0;
        if (!is_passing(s, r->call, err) || tries == SU_SESSION_RETRIES)
            break;
        su_message(s->events, SU_UPSTREAM_RETRY, SU_WARNING, "%s: %s; try %u of %d follows in %g seconds",
                   r->operation, err->text, tries + 1, SU_SESSION_RETRIES, wait);
        if (su_wait(wait, err) < 0)
            return -1;
    }
    return su_prefix(err, "%s", r->operation);
}

/* Authorization. */

static int keep(struct su_buf *out, const struct su_buf *text, struct su_err *err)
{
    su_buf_clear(out);
    su_buf_add(out, text->bytes, text->length);
    return su_buf_check(out, "a text of the server", err);
}

static int on_auth_config(void *context, const char *name, const char *parent, struct su_buf *text,
                          struct su_err *err)
{
    struct su_session *s = context;
    bool is_first = s->auth_url.length == 0;
    if (strcmp(parent, "AuthPlugInInfo") == 0 && strcmp(name, "ServiceUrl") == 0 && is_first)
        return keep(&s->auth_url, text, err);
    return 0;
}

static int on_permit(void *context, const char *name, const char *parent, struct su_buf *text,
                     struct su_err *err)
{
    struct su_session *s = context;
    (void)parent;
    if (strcmp(name, "PlugInId") == 0)
        return keep(&s->plugin, text, err);
    return strcmp(name, "CookieData") == 0 ? keep(&s->permit, text, err) : 0;
}

static int on_cookie(void *context, const char *name, const char *parent, struct su_buf *text,
                     struct su_err *err)
{
    struct su_session *s = context;
    (void)parent;
    if (strcmp(name, "Expiration") == 0)
        return keep(&s->expiration, text, err);
    return strcmp(name, "EncryptedData") == 0 ? keep(&s->cookie, text, err) : 0;
}

/* A call that needs no cookie; `answer` is what must have come. */
static int ask_plain(struct su_session *s, const char *url, const char *uri, const char *operation,
                     const struct su_buf *inner,
                     int (*end)(void *, const char *, const char *, struct su_buf *, struct su_err *),
                     const struct su_buf *answer, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf body = SU_BUF_INIT(MOST_SMALL_BYTES);
    const struct su_call call = {.form = {.most_text = SU_MAX_UPSTREAM_TEXT_BYTES, .end = end},
                                 .context = s,
                                 .most_bytes = MOST_SMALL_BYTES};
    const struct request r = {.url = url, .uri = uri, .operation = operation, .body = &body, .call = &call};
    su_soap_begin(&body, operation, uri);
    su_buf_add(&body, inner->bytes, inner->length);
    su_soap_end(&body, operation);
    if (su_buf_check(&body, "a request", err) < 0 || try_often(s, &r, err) < 0)
        return -1;
    if (answer->length == 0)
        return su_fail(err, SU_DATA, "%s: the answer lacks what was asked for", operation);
    return 0;
}

/* Below the server's own root and nowhere else: an answer must not send our account to another machine. */
static int service_url(const struct su_session *s, char *out, size_t room, struct su_err *err)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./";
    const char *path = s->auth_url.bytes, *root = s->root;
    if (strncmp(path, root, strlen(root)) == 0 && path[strlen(root)] == '/')
        path += strlen(root);
    path += path[0] == '/';
    int n = snprintf(out, room, "%s/%s", root, path);
    if (n < 0 || (size_t)n >= room || !path[0] || path[0] == '/' || path[strspn(path, safe)] ||
        strstr(path, ".."))
        return su_fail(err, SU_DATA, "GetAuthConfig: ServiceUrl %s is no path of this server",
                       s->auth_url.bytes);
    return 0;
}

static int authorize_once(struct su_session *s, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf inner = SU_BUF_INIT(4 * SU_MAX_UPSTREAM_TEXT_BYTES);
    char sync[SU_MAX_URL_BYTES], auth[SU_MAX_URL_BYTES], now_text[SU_TIME_TEXT];
    int64_t now = 0;
    (void)snprintf(sync, sizeof sync, "%s%s", s->root, SYNC_PATH);
    su_buf_clear(&s->auth_url);
    if (ask_plain(s, sync, SU_SYNC_URI, "GetAuthConfig", &inner, on_auth_config, &s->auth_url, err) < 0 ||
        service_url(s, auth, sizeof auth, err) < 0)
        return -1;
    su_soap_element(&inner, "accountName", s->account_name);
    su_soap_element(&inner, "accountGuid", s->account_id);
    su_buf_adds(&inner, "<programKeys />");
    su_buf_clear(&s->permit);
    if (ask_plain(s, auth, SU_AUTH_URI, "GetAuthorizationCookie", &inner, on_permit, &s->permit, err) < 0)
        return -1;
    su_buf_clear(&inner);
    su_buf_adds(&inner, "<authCookies><AuthorizationCookie>");
    su_soap_element(&inner, "PlugInId", s->plugin.length > 0 ? s->plugin.bytes : "DssTargeting");
    su_soap_element(&inner, "CookieData", s->permit.bytes);
    su_buf_adds(&inner, "</AuthorizationCookie></authCookies>");
    if (s->cookie.length > 0) {
        su_buf_adds(&inner, "<oldCookie>");
        su_soap_element(&inner, "Expiration", s->expiration.bytes);
        su_soap_element(&inner, "EncryptedData", s->cookie.bytes);
        su_buf_adds(&inner, "</oldCookie>");
    }
    su_soap_element(&inner, "protocolVersion", PROTOCOL);
    su_buf_clear(&s->cookie);
    if (ask_plain(s, sync, SU_SYNC_URI, "GetCookie", &inner, on_cookie, &s->cookie, err) < 0)
        return -1;
    if (s->expiration.length == 0)
        return su_fail(err, SU_DATA, "GetCookie: the answer lacks Expiration");
    (void)su_time_parse(su_time_now(now_text), &now);
    s->renew_at = su_time_monotonic() + su_cookie_use(s->expiration.bytes, now);
    return 0;
}

static bool is_cookie_fault(const struct su_session *s, const struct su_err *err)
{
    return err->code == SU_UPSTREAM_FAULT && s->fault.kind == SU_FAULT_INVALID_COOKIE;
}

static int authorize(struct su_session *s, struct su_err *err)
{
    for (unsigned starts = 1;; starts++) {
        if (authorize_once(s, err) == 0)
            return 0;
        su_buf_clear(&s->cookie);
        if (!is_cookie_fault(s, err) || starts == MOST_STARTS)
            return -1;
    }
}

int su_session_call(struct su_session *s, const struct su_call *call, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf body = SU_BUF_INIT(64 * SU_MIB);
    char url[SU_MAX_URL_BYTES];
    (void)snprintf(url, sizeof url, "%s%s", s->root, SYNC_PATH);
    for (unsigned starts = 1;; starts++) {
        if ((s->cookie.length == 0 || su_time_monotonic() >= s->renew_at) && authorize(s, err) < 0)
            return -1;
        su_buf_clear(&body);
        su_soap_begin(&body, call->operation, SU_SYNC_URI);
        su_buf_adds(&body, "<cookie>");
        su_soap_element(&body, "Expiration", s->expiration.bytes);
        su_soap_element(&body, "EncryptedData", s->cookie.bytes);
        su_buf_adds(&body, "</cookie>");
        if (call->rest)
            su_buf_add(&body, call->rest->bytes, call->rest->length);
        su_soap_end(&body, call->operation);
        const struct request r = {
            .url = url, .uri = SU_SYNC_URI, .operation = call->operation, .body = &body, .call = call};
        if (su_buf_check(&body, "a request", err) < 0)
            return -1;
        if (try_often(s, &r, err) == 0)
            return 0;
        if (!is_cookie_fault(s, err) || starts == MOST_STARTS)
            return -1;
        su_message(s->events, SU_UPSTREAM_RETRY, SU_WARNING, "%s; authorized anew", err->text);
        su_buf_clear(&s->cookie);
    }
}

/* Configuration. */

static bool is_true(const struct su_buf *text)
{
    return strcmp(text->bytes, "true") == 0 || strcmp(text->bytes, "1") == 0;
}

struct config_reading {
    struct su_upstream_config *config;
    struct su_upstream_language language;
    uint64_t most_updates;
};

static int on_language(struct config_reading *c, struct su_err *err)
{
    struct su_upstream_language *slot = SU_PUSH(&c->config->languages, SU_MAX_UPSTREAM_LANGUAGES);
    if (!slot)
        return su_fail_full(err, "the server offers more than %u languages", SU_MAX_UPSTREAM_LANGUAGES);
    *slot = c->language;
    c->language = (struct su_upstream_language){0};
    return 0;
}

static int on_config(void *context, const char *name, const char *parent, struct su_buf *text,
                     struct su_err *err)
{
    struct config_reading *c = context;
    uint64_t number = 0;
    bool is_number = su_u64_parse(&number, text->bytes, text->length, UINT32_MAX);
    if (strcmp(name, "ServerSyncLanguageData") == 0)
        return on_language(c, err);
    if (strcmp(parent, "ServerSyncLanguageData") == 0) {
        if (strcmp(name, "LanguageID") == 0 && is_number)
            c->language.id = (uint32_t)number;
        else if (strcmp(name, "ShortLanguage") == 0)
            (void)snprintf(c->language.tag, sizeof c->language.tag, "%s", text->bytes);
        else if (strcmp(name, "LongLanguage") == 0)
            (void)snprintf(c->language.name, sizeof c->language.name, "%s", text->bytes);
        else if (strcmp(name, "Enabled") == 0)
            c->language.is_enabled = is_true(text);
    } else if (strcmp(name, "CatalogOnlySync") == 0) {
        c->config->is_catalogue_only = is_true(text);
    } else if (strcmp(name, "LazySync") == 0) {
        c->config->is_lazy = is_true(text);
    } else if (strcmp(name, "MaxNumberOfUpdatesPerRequest") == 0 && is_number) {
        c->most_updates = number;
    } else if (strcmp(name, "ProtocolVersion") == 0) {
        (void)snprintf(c->config->protocol, sizeof c->config->protocol, "%s", text->bytes);
    }
    return 0;
}

static void forget_config(void *context)
{
    struct config_reading *c = context;
    c->config->languages.count = 0;
    c->language = (struct su_upstream_language){0};
    c->most_updates = 0;
}

int su_session_open(struct su_session *s, struct su_err *err)
{
    struct config_reading reading = {.config = &s->config};
    const struct su_call call = {.operation = "GetConfigData",
                                 .form = {.most_text = SU_MAX_UPSTREAM_TEXT_BYTES, .end = on_config},
                                 .context = &reading,
                                 .restart = forget_config,
                                 .most_bytes = MOST_SMALL_BYTES};
    s->auth_url = s->plugin = s->permit = s->expiration = s->cookie =
        (struct su_buf)SU_BUF_INIT(SU_MAX_UPSTREAM_TEXT_BYTES);
    if (!(s->reader = su_soap_child_start(err)) || su_session_call(s, &call, err) < 0)
        return -1;
    if (reading.most_updates == 0)
        return su_fail(err, SU_DATA, "GetConfigData: MaxNumberOfUpdatesPerRequest is missing or 0");
    s->config.most_updates = reading.most_updates < 1000 ? (uint32_t)reading.most_updates : 1000;
    return 0;
}
