#include "common/lib/http.h"

/* A transfer that somebody waits for. */
struct waited {
    su_http_sink *sink;
    void *context;
    bool is_done, has_failed;
    long status;
    struct su_err failure;
};

static int pass_on(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct waited *s = context;
    return s->sink(s->context, bytes, length, err);
}

static void on_done(void *context, const struct su_http_answer *answer)
{
    struct waited *s = context;
    s->is_done = true;
    s->status = answer->status;
    s->has_failed = answer->failure != NULL;
    if (answer->failure)
        s->failure = *answer->failure;
}

static int once(struct su_http *h, const char *url, const struct su_http_post *post, su_http_sink *sink,
                void *context, long *status, struct su_err *err)
{
    struct waited s = {.sink = sink, .context = context};
    struct su_http_request request = {
        .url = url, .post = post, .sink = pass_on, .done = on_done, .context = &s};
    if (su_http_start(h, &request, err) < 0)
        return -1;
    while (!s.is_done)
        if (su_http_step(h, 250, err) < 0)
            return -1;
    if (s.has_failed) {
        *err = s.failure;
        return -1;
    }
    *status = s.status;
    return 0;
}

int su_http_post(struct su_http *http, const char *url, const struct su_http_post *post, su_http_sink *sink,
                 void *context, long *status, struct su_err *err)
{
    return once(http, url, post, sink, context, status, err);
}

int su_http_get(struct su_http *http, const char *url, su_http_sink *sink, void *context, long *status,
                struct su_err *err)
{
    return once(http, url, NULL, sink, context, status, err);
}
