/*
 * http.h - asking HTTP servers; the only user of libcurl.
 *
 * http and https only, TLS 1.2 or newer, and the certificate is always verified. No cookies, no compression, no
 * credentials but those in an address. What is asked for may be hostile, and so may every server: an answer
 * has a maximum, its headers have one, and redirects are followed for GET only, five at most, and never from https
 * to http. Addresses are shown without credentials and without what follows a '?', which may be a secret too.
 *
 * Connections are kept and used again. One thread at a time has a su_http. A signal stops what runs within a
 * second, with SU_INTERRUPTED.
 *
 * How it fails: SU_ADDRESS, nothing that can be asked; SU_NETWORK, no answer or none to the end, worth another
 * try; SU_TLS, no common language; SU_CERTIFICATE, not the server it should be; SU_LIMIT, an answer
 * that is too long. Any answer at all is a success here, and its status is the caller's to judge.
 */
#ifndef SU_HTTP_H
#define SU_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/lib/http_url.h"

struct su_http_options {
    const char *ca_file;      /* PEM: these authorities and no others; NULL: the system's */
    const char *proxy;        /* NULL: what the environment says (http_proxy, https_proxy, no_proxy); "": none */
    const char *user_agent;   /* NULL: none is told */
    unsigned connect_seconds; /* until connected, handshake and all; 0: 30 */
    unsigned stall_seconds;   /* without a byte; 0: 60 */
    uint64_t max_bytes;       /* of an answer that is not given its own; 0: SU_MAX_HTTP_ANSWER_BYTES */
    uint64_t bytes_per_second; /* of all answers together; 0: as fast as it goes */
    unsigned connections;     /* at once to one server; 0: 4 */
};
struct su_http;
/* The options' strings are copied. */
struct su_http *su_http_new(const struct su_http_options *options, struct su_err *err);
/* Stops what runs, without telling. */
void su_http_cleanup(struct su_http **http);

/* The next bytes of an answer. Failing stops the transfer, and its error is the one told. */
typedef int su_http_sink(void *context, const void *bytes, size_t length, struct su_err *err);

struct su_http_post {
    const char *content_type; /* e.g. "text/xml; charset=utf-8" */
    const char *soap_action;  /* without quotes; NULL: not sent */
    const void *body;
    size_t length;
};
/* http_once.c: one, and wait for it.
 * The body of the answer goes to the sink whatever the status is: a fault is an answer. */
int su_http_post(struct su_http *http, const char *url, const struct su_http_post *post, su_http_sink *sink,
                 void *context, long *status, struct su_err *err) SU_CHECKED;
/* The sink gets the body of a 200 only. */
int su_http_get(struct su_http *http, const char *url, su_http_sink *sink, void *context, long *status,
                struct su_err *err) SU_CHECKED;

/*
 * Many at once: start some, then step until none is left. `done` is called once for each that was started, from
 * su_http_step, and may start others; only when su_http_step fails what still ran ends without it.
 */
struct su_http_answer {
    long status;
    uint64_t from;           /* which byte of the file the first one is: as asked, or 0 when the server begins anew */
    uint64_t length;         /* of what comes, as announced; UINT64_MAX when it is not */
    unsigned retry_seconds;  /* what the server asks to wait, at most an hour; 0: it does not say */
    const struct su_err *failure; /* in `done`: there was no answer, or not all of it; else NULL */
};
struct su_http_request {
    const char *url;    /* needed until su_http_start returns */
    const struct su_http_post *post; /* NULL: a GET; needed until done */
    uint64_t from;      /* ask for what begins there */
    uint64_t max_bytes; /* of this answer; 0: the options' */
    /* Before the first byte of a 200 or 206 to a GET; NULL: not told. Other bodies are dropped. */
    int (*begin)(void *context, const struct su_http_answer *answer, struct su_err *err);
    su_http_sink *sink;
    void (*done)(void *context, const struct su_http_answer *answer);
    void *context;
};
int su_http_start(struct su_http *http, const struct su_http_request *request, struct su_err *err) SU_CHECKED;
/* Waits `most_ms` at most when there is nothing to do. How many still run, or -1 when interrupted. */
int su_http_step(struct su_http *http, unsigned most_ms, struct su_err *err) SU_CHECKED;

#endif
