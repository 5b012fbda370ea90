#include "common/lib/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/limits.h"
#include "common/sys/clock.h"
#include "common/sys/interrupt.h"

#define MAX_REDIRECTS 5
/* What is read of an answer that nobody wants, to keep the connection. */
#define MAX_DROPPED_BYTES (64 * SU_KIB)
#define BUFFER_BYTES (128 * SU_KIB)
#define BUFFER_BYTES_LIMITED (16 * SU_KIB) /* smaller steps keep the rate even */

struct transfer {
    struct transfer *next;
    struct su_http *http;
    CURL *easy;
    struct curl_slist *headers;
    struct su_http_request request; /* without its url */
    bool is_begun, is_enough, is_paused;
    unsigned redirects;
    uint64_t received, header_bytes, dropped, range_from;
    bool has_range;
    double heard; /* when last */
    struct su_http_answer answer;
    struct su_err failure; /* of the sink, or our own */
    char shown[SU_URL_SHOWN], why[CURL_ERROR_SIZE];
};

struct su_http {
    CURLM *multi;
    struct su_http_options options; /* its strings are owned */
    struct transfer *running;       /* the one that was let on last stands last */
    int count;
    double allowance, refilled; /* bytes that may still be taken at this moment */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global = CURLE_FAILED_INIT;

static void initialize(void)
{
    global = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Making and ending. */

static int copy_text(const char **text, struct su_err *err)
{
    if (!*text)
        return 0;
    *text = strdup(*text);
    return *text ? 0 : su_fail_memory(err);
}

static int copy_options(struct su_http_options *o, struct su_err *err)
{
    const char *texts[] = {o->ca_file, o->proxy, o->user_agent};
    o->ca_file = o->proxy = o->user_agent = NULL; /* what is not copied is not freed */
    for (size_t i = 0; i < 3; i++)
        if (copy_text(&texts[i], err) < 0) {
            while (i-- > 0)
                free((void *)(uintptr_t)texts[i]);
            return -1;
        }
    o->ca_file = texts[0];
    o->proxy = texts[1];
    o->user_agent = texts[2];
    o->connect_seconds = o->connect_seconds ? o->connect_seconds : 30;
    o->stall_seconds = o->stall_seconds ? o->stall_seconds : 60;
    o->max_bytes = o->max_bytes ? o->max_bytes : SU_MAX_HTTP_ANSWER_BYTES;
    o->connections = o->connections ? o->connections : 4;
    return 0;
}

static int check_options(const struct su_http_options *o, struct su_err *err)
{
    for (const char *c = o->user_agent; c && *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return su_fail(err, SU_CONFIG, "the name this program gives itself has control characters");
    if (o->proxy && o->proxy[0] && su_url_check(o->proxy, err) < 0) {
        (void)su_prefix(err, "the proxy");
        return su_remedy(err, "Give it as http://HOST:PORT");
    }
    return 0;
}

struct su_http *su_http_new(const struct su_http_options *options, struct su_err *err)
{
    (void)pthread_once(&once, initialize);
    struct su_http *h = calloc(1, sizeof *h);
    if (!h) {
        (void)su_fail_memory(err);
        return NULL;
    }
    h->options = *options;
    h->refilled = su_time_monotonic();
    bool is_good = copy_options(&h->options, err) == 0;
    if (!is_good)
        h->options = (struct su_http_options){0};
    is_good = is_good && check_options(&h->options, err) == 0;
    if (is_good && (global != CURLE_OK || !(h->multi = curl_multi_init())))
        is_good = su_fail(err, SU_BUG, "libcurl does not start") == 0;
    long connections = (long)h->options.connections;
    if (is_good && (curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, connections) != CURLM_OK ||
                    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 2 * connections) != CURLM_OK))
        is_good = su_fail(err, SU_BUG, "libcurl does not take its options") == 0;
    if (!is_good)
        su_http_cleanup(&h);
    return h;
}

static void drop_easy(struct transfer *t)
{
    if (t->easy) {
        (void)curl_multi_remove_handle(t->http->multi, t->easy);
        curl_easy_cleanup(t->easy);
        t->easy = NULL;
    }
}

static void free_transfer(struct transfer *t)
{
    drop_easy(t);
    curl_slist_free_all(t->headers);
    free(t);
}

static void detach(struct transfer *t)
{
    struct transfer **at = &t->http->running;
    while (*at && *at != t)
        at = &(*at)->next;
    if (*at) {
        *at = t->next;
        t->http->count--;
    }
    t->next = NULL;
}

static void attach(struct transfer *t)
{
    struct transfer **at = &t->http->running;
    while (*at)
        at = &(*at)->next;
    *at = t;
    t->http->count++;
}

static void stop_all(struct su_http *h)
{
    while (h->running) {
        struct transfer *t = h->running;
        detach(t);
        free_transfer(t);
    }
}

void su_http_cleanup(struct su_http **http)
{
    struct su_http *h = *http;
    *http = NULL;
    if (!h)
        return;
    stop_all(h);
    if (h->multi)
        (void)curl_multi_cleanup(h->multi);
    free((void *)(uintptr_t)h->options.ca_file);
    free((void *)(uintptr_t)h->options.proxy);
    free((void *)(uintptr_t)h->options.user_agent);
    free(h);
}

/* What libcurl tells while it works. */

static bool is_wanted(const struct transfer *t)
{
    return t->request.post || t->answer.status == 200 || t->answer.status == 206;
}

/* Once, before the first byte: what kind of answer it is. */
static int begin(struct transfer *t)
{
    curl_off_t length = -1;
    t->is_begun = true;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->answer.status);
    (void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    t->answer.length = length < 0 ? UINT64_MAX : (uint64_t)length;
    t->answer.from = t->answer.status == 206 && t->has_range ? t->range_from : 0;
    if (t->request.post || !is_wanted(t))
        return 0;
    if (t->answer.status == 206 && (!t->has_range || t->range_from != t->request.from))
        return su_fail(&t->failure, SU_NETWORK, "%s: the server sent another part than the one asked for",
                       t->shown);
    return t->request.begin ? t->request.begin(t->request.context, &t->answer, &t->failure) : 0;
}

static size_t drop(struct transfer *t, size_t length)
{
    t->dropped += length;
    t->is_enough = t->dropped > MAX_DROPPED_BYTES;
    return t->is_enough ? 0 : length;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    struct su_http *h = t->http;
    size_t length = size * count;
    if (h->options.bytes_per_second && h->allowance <= 0) {
        t->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    t->heard = su_time_monotonic();
    h->allowance -= (double)length;
    if (!t->is_begun && begin(t) < 0)
        return 0;
    if (!is_wanted(t))
        return drop(t, length);
    if (length > t->request.max_bytes - t->received) {
        (void)su_fail(&t->failure, SU_LIMIT, "%s: the answer is longer than %llu bytes", t->shown,
                      (unsigned long long)t->request.max_bytes);
        return 0;
    }
    t->received += length;
    return t->request.sink(t->request.context, bytes, length, &t->failure) < 0 ? 0 : length;
}

/* The value of a header of that name, without spaces around; NULL when it is another. The line ends in a
 * zero. */
static const char *header_value(const char *line, const char *name)
{
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0)
        return NULL;
    line += length;
    return line + strspn(line, " \t");
}

static bool read_number(const char **text, uint64_t *out)
{
    const char *at = *text;
    uint64_t value = 0;
    while (*at >= '0' && *at <= '9') {
        unsigned digit = (unsigned)(*at++ - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    bool is_number = at != *text;
    *text = at;
    *out = value;
    return is_number;
}

static int read_header(struct transfer *t, const char *line)
{
    const char *value;
    uint64_t number;
    if (strncmp(line, "HTTP/", 5) == 0) { /* another answer begins, after a 1xx or from behind a proxy */
        t->has_range = false;
        t->answer.retry_seconds = 0;
    } else if ((value = header_value(line, "Content-Range:"))) {
        value += strncasecmp(value, "bytes ", 6) == 0 ? 6 : 0;
        t->has_range = read_number(&value, &t->range_from) && *value == '-';
    } else if ((value = header_value(line, "Retry-After:"))) {
        bool is_number = read_number(&value, &number); /* a date is not honoured */
        t->answer.retry_seconds = !is_number ? 0 : number > 3600 ? 3600 : (unsigned)number;
    } else if (t->request.post && (value = header_value(line, "Content-Encoding:"))) {
        if (strncasecmp(value, "identity", 8) != 0 && *value != '\r' && *value != '\n' && *value)
            return su_fail(&t->failure, SU_NETWORK,
                           "%s: the answer comes compressed, and that was not asked for", t->shown);
    }
    return 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    size_t length = size * count;
    char line[128]; /* the headers of interest are short */
    t->heard = su_time_monotonic();
    t->header_bytes += length;
    if (t->header_bytes > SU_MAX_HTTP_HEADER_BYTES) {
        (void)su_fail(&t->failure, SU_LIMIT, "%s: the headers of the answer are longer than %zu bytes",
                      t->shown, SU_MAX_HTTP_HEADER_BYTES);
        return 0;
    }
    (void)snprintf(line, sizeof line, "%.*s", (int)(length < sizeof line ? length : sizeof line - 1), bytes);
    return read_header(t, line) < 0 ? 0 : length;
}

/* Asking. */

static int add_header(struct transfer *t, const char *name, const char *quote, const char *value,
                      struct su_err *err)
{
    char line[512];
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '"')
            return su_fail(err, SU_BUG, "a header's value has a character that no header has");
    int length = snprintf(line, sizeof line, "%s: %s%s%s", name, quote, value, quote);
    if (length < 0 || (size_t)length >= sizeof line)
        return su_fail(err, SU_BUG, "a header of %d bytes", length);
    struct curl_slist *longer = curl_slist_append(t->headers, line);
    if (!longer)
        return su_fail_memory(err);
    t->headers = longer;
    return 0;
}

static int set_post(struct transfer *t, const struct su_http_post *post, struct su_err *err)
{
    if (add_header(t, "Content-Type", "", post->content_type, err) < 0 ||
        (post->soap_action && add_header(t, "SOAPAction", "\"", post->soap_action, err) < 0))
        return -1;
    struct curl_slist *longer = curl_slist_append(t->headers, "Expect:"); /* one journey, not two */
    if (!longer)
        return su_fail_memory(err);
    t->headers = longer;
    return 0;
}

#define SET(option, value) (code = code ? code : curl_easy_setopt(t->easy, CURLOPT_##option, (value)))

static CURLcode set_safety(struct transfer *t)
{
    const struct su_http_options *o = &t->http->options;
    CURLcode code = CURLE_OK;
    SET(PROTOCOLS_STR, "http,https");
    SET(FOLLOWLOCATION, 0L); /* redirects are followed here, see redirect() */
    SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(SSL_VERIFYPEER, 1L);
    SET(SSL_VERIFYHOST, 2L);
    if (o->ca_file) {
        SET(CAINFO, o->ca_file);
        SET(CAPATH, NULL); /* or the system's would count as well */
        SET(PROXY_CAINFO, o->ca_file);
        SET(PROXY_CAPATH, NULL);
    }
    if (o->proxy)
        SET(PROXY, o->proxy);
    SET(NOSIGNAL, 1L);
    SET(QUICK_EXIT, 1L); /* a name that is still being looked up does not hold up an interruption */
    SET(CONNECTTIMEOUT, (long)o->connect_seconds);
    return code;
}

static CURLcode set_request(struct transfer *t, const char *url)
{
    const struct su_http_post *post = t->request.post;
    char range[32];
    CURLcode code = CURLE_OK;
    SET(URL, url);
    SET(USERAGENT, t->http->options.user_agent);
    SET(PRIVATE, t);
    SET(ERRORBUFFER, t->why);
    SET(WRITEFUNCTION, on_body);
    SET(WRITEDATA, t);
    SET(HEADERFUNCTION, on_header);
    SET(HEADERDATA, t);
    SET(BUFFERSIZE, (long)(t->http->options.bytes_per_second ? BUFFER_BYTES_LIMITED : BUFFER_BYTES));
    SET(HTTPHEADER, t->headers);
    if (post) {
        SET(POSTFIELDSIZE_LARGE, (curl_off_t)post->length);
        SET(POSTFIELDS, post->body);
    } else {
        SET(HTTPGET, 1L);
    }
    if (t->request.from) {
        (void)snprintf(range, sizeof range, "%llu-", (unsigned long long)t->request.from);
        SET(RANGE, range);
    }
    return code;
}

/* A handle of its own for each address: nothing of the one before, credentials above all, is left in it. */
static int ask(struct transfer *t, const char *url, struct su_err *err)
{
    char *whole = su_url_normal(url, err);
    if (!whole)
        return -1;
    su_url_shown(url, t->shown);
    drop_easy(t);
    t->easy = curl_easy_init();
    CURLcode code = t->easy ? set_safety(t) : CURLE_OUT_OF_MEMORY;
    code = code ? code : set_request(t, whole);
    free(whole);
    if (code)
        return su_fail(err, code == CURLE_OUT_OF_MEMORY ? SU_MEMORY : SU_BUG, "libcurl: %s",
                       curl_easy_strerror(code));
    t->heard = su_time_monotonic();
    t->is_begun = t->is_enough = t->is_paused = false;
    t->header_bytes = t->dropped = t->received = 0;
    return curl_multi_add_handle(t->http->multi, t->easy) == CURLM_OK
               ? 0
               : su_fail(err, SU_BUG, "libcurl does not take a transfer");
}

int su_http_start(struct su_http *http, const struct su_http_request *request, struct su_err *err)
{
    const struct su_http_post *post = request->post;
    struct transfer *t = calloc(1, sizeof *t);
    if (!t)
        return su_fail_memory(err);
    t->http = http;
    t->request = *request;
    t->request.url = NULL;
    t->request.max_bytes = request->max_bytes ? request->max_bytes : http->options.max_bytes;
    if ((post && set_post(t, post, err) < 0) || ask(t, request->url, err) < 0) {
        free_transfer(t);
        return -1;
    }
    attach(t);
    return 0;
}

/* Ending. */

static int explain(struct transfer *t, CURLcode code)
{
    const char *why = t->why[0] && code != CURLE_COULDNT_RESOLVE_PROXY ? t->why : curl_easy_strerror(code);
    struct su_err *err = &t->failure;
    if (err->code) /* the sink's, or ours */
        return -1;
    switch ((int)code) {
    case CURLE_OUT_OF_MEMORY: return su_fail_memory(err);
    case CURLE_SSL_CACERT_BADFILE:
        (void)su_fail(err, SU_CONFIG, "the file of trusted authorities: %s", why);
        return su_remedy(err, "Name a file of PEM certificates that can be read.");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: return su_fail(err, SU_CERTIFICATE, "%s: %s", t->shown, why);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER: return su_fail(err, SU_TLS, "%s: %s", t->shown, why);
    default: return su_fail(err, SU_NETWORK, "%s: %s", t->shown, why);
    }
}

static bool is_redirect(const struct transfer *t)
{
    long s = t->answer.status;
    return !t->request.post && (s == 301 || s == 302 || s == 303 || s == 307 || s == 308);
}

/* 1: asked again elsewhere. 0: there is no elsewhere. -1: not to be followed. */
static int redirect(struct transfer *t)
{
    char *to = NULL, *from = NULL, here[SU_URL_SHOWN];
    int result = -1;
    if (!is_redirect(t) || curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to) != CURLE_OK || !to)
        return 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_EFFECTIVE_URL, &from);
    bool is_secure = from && strncasecmp(from, "https:", 6) == 0;
    memcpy(here, t->shown, sizeof here);
    to = strdup(to); /* it is the handle's, which goes */
    if (!to)
        return su_fail_memory(&t->failure);
    if (++t->redirects > MAX_REDIRECTS)
        (void)su_fail(&t->failure, SU_ADDRESS, "%s: redirected more than %d times", here, MAX_REDIRECTS);
    else if (is_secure && strncasecmp(to, "https:", 6) != 0)
        (void)su_fail(&t->failure, SU_ADDRESS, "%s: redirected from https to what is not", here);
    else if (ask(t, to, &t->failure) < 0)
        (void)su_prefix(&t->failure, "%s: redirected", here);
    else
        result = 1;
    free(to);
    return result;
}

static void end(struct transfer *t, CURLcode code)
{
    bool is_answered = code == CURLE_OK || (t->is_enough && !t->failure.code);
    if (is_answered && !t->is_begun && begin(t) < 0)
        is_answered = false;
    int elsewhere = is_answered ? redirect(t) : 0;
    if (elsewhere > 0)
        return;
    if (elsewhere < 0)
        is_answered = false;
    if (!is_answered)
        (void)explain(t, code);
    t->answer.failure = is_answered ? NULL : &t->failure;
    detach(t);
    drop_easy(t); /* the connection is free before `done` asks for another */
    t->request.done(t->request.context, &t->answer);
    free_transfer(t);
}

static bool end_finished(struct su_http *h)
{
    bool is_any = false;
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(h->multi, &left))) {
        struct transfer *t = NULL;
        CURLcode code = message->data.result; /* the message does not outlive the handle */
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t) == CURLE_OK && t)
            end(t, code);
        is_any = true;
    }
    return is_any;
}

static void end_stalled(struct su_http *h)
{
    double now = su_time_monotonic();
    for (struct transfer *t = h->running, *next; t; t = next) {
        next = t->next;
        if (t->is_paused || now - t->heard < (double)h->options.stall_seconds)
            continue;
        (void)su_fail(&t->failure, SU_NETWORK, "%s: nothing came for %u seconds", t->shown,
                      h->options.stall_seconds);
        end(t, CURLE_OPERATION_TIMEDOUT);
        next = h->running; /* `done` may have started others: from the beginning */
    }
}

/* One after the other while there is an allowance, in turn. */
static void let_on(struct su_http *h)
{
    double now = su_time_monotonic(), rate = (double)h->options.bytes_per_second;
    double most = rate / 4 > (double)BUFFER_BYTES_LIMITED ? rate / 4 : (double)BUFFER_BYTES_LIMITED;
    if (rate <= 0)
        return;
    h->allowance += (now - h->refilled) * rate;
    h->allowance = h->allowance < most ? h->allowance : most;
    h->refilled = now;
    struct transfer *t = h->running;
    for (int i = h->count; i > 0 && t && h->allowance > 0; i--) {
        struct transfer *next = t->next;
        if (t->is_paused) {
            t->is_paused = false;
            t->heard = now;
            detach(t);
            attach(t);
            (void)curl_easy_pause(t->easy, CURLPAUSE_CONT); /* gives what it held back to on_body */
        }
        t = next;
    }
}

/* Until the allowance has grown above nothing, when it is that which is waited for. */
static int wait_ms(const struct su_http *h, int most)
{
    if (!h->options.bytes_per_second || h->allowance > 0)
        return most;
    double ms = 1000 * -h->allowance / (double)h->options.bytes_per_second + 1;
    return ms < most ? (int)ms : most;
}

int su_http_step(struct su_http *http, unsigned most_ms, struct su_err *err)
{
    int running;
    let_on(http);
    CURLMcode code = curl_multi_perform(http->multi, &running);
    bool is_any = end_finished(http); /* then the caller has something to do */
    if (code == CURLM_OK && !is_any && http->count > 0)
        code = curl_multi_poll(http->multi, NULL, 0, wait_ms(http, (int)most_ms), NULL);
    end_stalled(http);
    if (code == CURLM_OK && su_interrupt_check(err) == 0)
        return http->count;
    stop_all(http);
    return code == CURLM_OK ? -1 : su_fail(err, SU_BUG, "libcurl: %s", curl_multi_strerror(code));
}
