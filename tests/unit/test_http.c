/* The HTTP adapter against a server of Python's that does as tests/content_server.py is told. */
#include "tests/unit/helpers.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "common/lib/http.h"
#include "common/sys/clock.h"
#include "common/sys/interrupt.h"

static pid_t server;
static char dir[] = "/tmp/su-http.XXXXXX", base[64], log_path[64];

static void write_text(const char *name, const char *text, size_t length)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, length, f), length);
    assert_int_equal(fclose(f), 0);
}

static void faults(const char *text)
{
    write_text("faults", text, strlen(text));
}

static int set_up(void **state)
{
    (void)state;
    char program[512], ready[64];
    const char *top = getenv("TOP");
    assert_non_null(mkdtemp(dir));
    (void)snprintf(program, sizeof program, "%s/tests/content_server.py", top ? top : ".");
    (void)snprintf(ready, sizeof ready, "%s/ready", dir);
    (void)snprintf(log_path, sizeof log_path, "%s/log", dir);
    server = fork();
    if (server == 0) {
        (void)execlp("python3", "python3", program, dir, "--ready", ready, "--log", log_path, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 1000; i++) {
        FILE *f = fopen(ready, "r");
        int port = 0;
        if (f && fscanf(f, "%d", &port) == 1) {
            (void)fclose(f);
            (void)snprintf(base, sizeof base, "http://127.0.0.1:%d", port);
            write_text("hello", "hello, world", 12);
            return 0;
        }
        if (f)
            (void)fclose(f);
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* What came. */
struct got {
    char bytes[1 << 20];
    size_t length;
    bool refuses;
};
static struct got got;

static int collect(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct got *g = context;
    if (g->refuses)
        return su_fail(err, SU_CONTENT_WRONG, "not wanted");
    if (length > sizeof g->bytes - g->length - 1)
        length = sizeof g->bytes - g->length - 1;
    memcpy(g->bytes + g->length, bytes, length);
    g->length += length;
    g->bytes[g->length] = 0;
    return 0;
}

static struct su_http *http_with(struct su_http_options options)
{
    options.proxy = options.proxy ? options.proxy : "";
    options.stall_seconds = options.stall_seconds ? options.stall_seconds : 20;
    struct su_http *h = su_http_new(&options, &e);
    assert_non_null(h);
    memset(&got, 0, sizeof got);
    return h;
}

static const char *at(const char *path)
{
    static char url[4096];
    (void)snprintf(url, sizeof url, "%s/%s", base, path);
    return url;
}

static const struct su_http_post message = {
    .content_type = "text/xml; charset=utf-8", .soap_action = "urn:do", .body = "<a/>", .length = 4};

static void test_post_and_get(void **state)
{
    (void)state;
    SU_AUTO(su_http) struct su_http *h = http_with((struct su_http_options){.user_agent = "us/1"});
    long status = 0;
    faults("failing 500\n");
    GOOD(su_http_post(h, at("service"), &message, collect, &got, &status, &e));
    assert_int_equal(status, 200);
    assert_non_null(strstr(got.bytes, "\"body\": \"<a/>\""));
    assert_non_null(strstr(got.bytes, "\"SOAPAction\": \"\\\"urn:do\\\"\""));
    assert_non_null(strstr(got.bytes, "\"Content-Type\": \"text/xml; charset=utf-8\""));
    assert_non_null(strstr(got.bytes, "\"User-Agent\": \"us/1\""));
    assert_null(strstr(got.bytes, "Accept-Encoding"));
    assert_null(strstr(got.bytes, "Expect"));
    got.length = 0;
    GOOD(su_http_post(h, at("failing"), &message, collect, &got, &status, &e));
    assert_int_equal(status, 500); /* a fault is an answer, with a body */
    assert_non_null(strstr(got.bytes, "<a/>"));
    got.length = 0;
    GOOD(su_http_get(h, at("hello"), collect, &got, &status, &e));
    assert_int_equal(status, 200);
    assert_string_equal(got.bytes, "hello, world");
    got.length = 0;
    GOOD(su_http_get(h, at("absent"), collect, &got, &status, &e));
    assert_int_equal(status, 404);
    assert_int_equal(got.length, 0);
}

static void test_no_answer_and_the_sinks_error(void **state)
{
    (void)state;
    SU_AUTO(su_http) struct su_http *h = http_with((struct su_http_options){.stall_seconds = 2});
    long status = 0;
    faults("cut cut\nhang hang\nstall stall\nencoded encoded\n");
    write_text("cut", "0123456789", 10);
    REFUSED(su_http_get(h, "http://127.0.0.1:1/x", collect, &got, &status, &e), SU_NETWORK);
    NAMES("http://127.0.0.1:1/x");
    REFUSED(su_http_get(h, "http://nowhere.invalid/x", collect, &got, &status, &e), SU_NETWORK);
    REFUSED(su_http_get(h, at("cut"), collect, &got, &status, &e), SU_NETWORK);
    double before = su_time_monotonic();
    REFUSED(su_http_post(h, at("hang"), &message, collect, &got, &status, &e), SU_NETWORK);
    NAMES("nothing came for 2 seconds");
    REFUSED(su_http_post(h, at("stall"), &message, collect, &got, &status, &e), SU_NETWORK);
    assert_true(su_time_monotonic() - before < 50); /* the server would be silent for a minute */
    REFUSED(su_http_post(h, at("encoded"), &message, collect, &got, &status, &e), SU_NETWORK);
    NAMES("compressed");
    got.refuses = true;
    REFUSED(su_http_get(h, at("hello"), collect, &got, &status, &e), SU_CONTENT_WRONG);
    NAMES("not wanted");
}

static void test_an_answer_has_a_maximum(void **state)
{
    (void)state;
    SU_AUTO(su_http) struct su_http *h = http_with((struct su_http_options){.max_bytes = 12});
    long status = 0;
    faults("headers headers\nendless endless\nrefused endless\n");
    write_text("more", "hello, world!", 13);
    GOOD(su_http_get(h, at("hello"), collect, &got, &status, &e)); /* exactly 12 */
    REFUSED(su_http_get(h, at("more"), collect, &got, &status, &e), SU_LIMIT);
    NAMES("12 bytes");
    REFUSED(su_http_get(h, at("endless"), collect, &got, &status, &e), SU_LIMIT);
    REFUSED(su_http_get(h, at("headers"), collect, &got, &status, &e), SU_LIMIT);
    REFUSED(su_http_post(h, at("endless"), &message, collect, &got, &status, &e), SU_LIMIT);
}

static uint64_t taken;
static int count(void *context, const void *bytes, size_t length, struct su_err *err)
{
    (void)context, (void)bytes, (void)err;
    taken += length;
    return 0;
}

/* The limits of limits.h: at them, and one past. */
static void test_limits(void **state)
{
    (void)state;
    SU_AUTO(su_http) struct su_http *h = http_with((struct su_http_options){0});
    char orders[256];
    long status = 0;
    (void)snprintf(orders, sizeof orders, "h0 head:%zu\nh1 head:%zu\nb0 zeros:%zu\nb1 zeros:%zu\n",
                   SU_MAX_HTTP_HEADER_BYTES, SU_MAX_HTTP_HEADER_BYTES + 1, SU_MAX_HTTP_ANSWER_BYTES,
                   SU_MAX_HTTP_ANSWER_BYTES + 1);
    faults(orders);
    GOOD(su_http_get(h, at("h0"), count, NULL, &status, &e));
    assert_int_equal(status, 200);
    REFUSED(su_http_get(h, at("h1"), count, NULL, &status, &e), SU_LIMIT);
    NAMES("headers");
    taken = 0;
    GOOD(su_http_get(h, at("b0"), count, NULL, &status, &e));
    assert_true(taken == SU_MAX_HTTP_ANSWER_BYTES);
    REFUSED(su_http_get(h, at("b1"), count, NULL, &status, &e), SU_LIMIT);
    assert_true(taken <= 2 * SU_MAX_HTTP_ANSWER_BYTES);
}

static void test_redirects(void **state)
{
    (void)state;
    SU_AUTO(su_http) struct su_http *h = http_with((struct su_http_options){0});
    long status = 0;
    faults("one to:/x/hello\nloop to:/loop\nfile to:file:///etc/passwd\nftp to:ftp://127.0.0.1/x\n"
           "r1 to:r2\nr2 to:r3\nr3 to:r4\nr4 to:r5\nr5 to:hello\nr0 to:r1\n");
    GOOD(su_http_get(h, at("one"), collect, &got, &status, &e));
    assert_string_equal(got.bytes, "hello, world");
    got.length = 0;
    GOOD(su_http_get(h, at("r1"), collect, &got, &status, &e)); /* five */
    assert_string_equal(got.bytes, "hello, world");
    REFUSED(su_http_get(h, at("r0"), collect, &got, &status, &e), SU_ADDRESS);
    NAMES("more than 5 times");
    REFUSED(su_http_get(h, at("loop"), collect, &got, &status, &e), SU_ADDRESS);
    REFUSED(su_http_get(h, at("file"), collect, &got, &status, &e), SU_ADDRESS);
    NAMES("'file' is neither");
    REFUSED(su_http_get(h, at("ftp"), collect, &got, &status, &e), SU_ADDRESS);
    GOOD(su_http_post(h, at("one"), &message, collect, &got, &status, &e));
    assert_int_equal(status, 302); /* not followed */
}

static void test_addresses(void **state)
{
    (void)state;
    char shown[SU_URL_SHOWN], url[SU_MAX_URL_BYTES + 2];
    GOOD(su_url_check("http://10.0.0.1:8530/Content/A2/86.cab", &e));
    GOOD(su_url_check("HTTPS://server/a file with spaces.exe?x=1", &e));
    REFUSED(su_url_check("file:///etc/passwd", &e), SU_ADDRESS);
    REFUSED(su_url_check("ftp://server/x", &e), SU_ADDRESS);
    REFUSED(su_url_check("", &e), SU_ADDRESS);
    REFUSED(su_url_check("/a/path", &e), SU_ADDRESS);
    REFUSED(su_url_check("http://server/\r\nX-Injected: 1", &e), SU_ADDRESS);
    NAMES("control characters");
    REFUSED(su_url_check("http://server:99999/", &e), SU_ADDRESS);
    memset(url, 'u', sizeof url);
    memcpy(url, "http://s/", 9);
    url[SU_MAX_URL_BYTES] = 0;
    GOOD(su_url_check(url, &e));
    url[SU_MAX_URL_BYTES] = 'u';
    url[SU_MAX_URL_BYTES + 1] = 0;
    REFUSED(su_url_check(url, &e), SU_ADDRESS);
    su_url_shown("https://user:secret@server:8531/path?token=secret#secret", shown);
    assert_string_equal(shown, "https://server:8531/path?...");
    su_url_shown("http://user:secret@[broken", shown);
    assert_null(strstr(shown, "secret"));
}

static void test_credentials_are_never_told(void **state)
{
    (void)state;
    SU_AUTO(su_http) struct su_http *h = http_with((struct su_http_options){0});
    long status = 0;
    REFUSED(su_http_get(h, "http://user:secret@127.0.0.1:1/x?sig=secret", collect, &got, &status, &e), SU_NETWORK);
    assert_null(strstr(e.text, "secret"));
    REFUSED(su_http_get(h, "file://user:secret@host/x", collect, &got, &status, &e), SU_ADDRESS);
    assert_null(strstr(e.text, "secret"));
    struct su_http_options bad = {.proxy = "socks9://user:secret@host"};
    assert_null(su_http_new(&bad, &e));
    assert_int_equal(e.code, SU_ADDRESS);
    assert_null(strstr(e.text, "secret"));
    struct su_http_options injected = {.user_agent = "us\r\nX-Injected: 1"};
    assert_null(su_http_new(&injected, &e));
    struct su_http_post post = message;
    post.soap_action = "a\"\r\nX-Injected: 1";
    REFUSED(su_http_post(h, at("service"), &post, collect, &got, &status, &e), SU_BUG);
}

/* Several at once. */
struct piece {
    struct su_http_answer answer;
    struct got got;
    struct su_err failure;
    int began, done;
};

static int on_begin(void *context, const struct su_http_answer *answer, struct su_err *err)
{
    struct piece *p = context;
    (void)err;
    p->began++;
    p->answer = *answer;
    return 0;
}

static int on_bytes(void *context, const void *bytes, size_t length, struct su_err *err)
{
    return collect(&((struct piece *)context)->got, bytes, length, err);
}

static void on_done(void *context, const struct su_http_answer *answer)
{
    struct piece *p = context;
    p->done++;
    p->answer = *answer;
    if (answer->failure)
        p->failure = *answer->failure;
}

static void start(struct su_http *h, struct piece *p, const char *name, uint64_t from)
{
    memset(p, 0, sizeof *p);
    GOOD(su_http_start(h,
                       &(struct su_http_request){.url = at(name), .from = from, .begin = on_begin,
                                                 .sink = on_bytes, .done = on_done, .context = p},
                       &e));
}

static void run(struct su_http *h)
{
    int running;
    while ((running = su_http_step(h, 250, &e)) > 0)
        ;
    assert_int_equal(running, 0);
}

static struct piece pieces[12];

static void test_many_at_once_and_ranges(void **state)
{
    (void)state;
    SU_AUTO(su_http) struct su_http *h = http_with((struct su_http_options){0});
    faults("anew whole\nshifted shifted\nbusy 503\n");
    write_text("anew", "hello, world", 12);
    write_text("shifted", "hello, world", 12);
    for (int i = 0; i < 6; i++)
        start(h, &pieces[i], "hello", (uint64_t)i);
    start(h, &pieces[6], "anew", 7);
    start(h, &pieces[7], "shifted", 7);
    start(h, &pieces[8], "hello", 12); /* nothing is left */
    start(h, &pieces[9], "busy", 0);
    run(h);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(pieces[i].done, 1);
        assert_int_equal(pieces[i].answer.from, i);
        assert_int_equal(pieces[i].answer.length, 12 - i);
        assert_string_equal(pieces[i].got.bytes, &"hello, world"[i]);
    }
    assert_int_equal(pieces[6].answer.from, 0);
    assert_int_equal(pieces[6].answer.status, 200);
    assert_string_equal(pieces[6].got.bytes, "hello, world");
    assert_int_equal(pieces[7].failure.code, SU_NETWORK);
    assert_int_equal(pieces[7].began, 0);
    assert_int_equal(pieces[8].answer.status, 416);
    assert_int_equal(pieces[8].began, 0);
    assert_int_equal(pieces[9].answer.status, 503);
    assert_int_equal(pieces[9].answer.retry_seconds, 1);
}

static void test_the_rate_holds_over_all(void **state)
{
    (void)state;
    enum { BYTES = 200000 };
    SU_AUTO(su_http) struct su_http *h = http_with((struct su_http_options){.bytes_per_second = 400000});
    static char body[BYTES];
    faults("");
    write_text("large", body, sizeof body);
    double before = su_time_monotonic();
    for (int i = 0; i < 4; i++)
        start(h, &pieces[i], "large", 0);
    run(h);
    double took = su_time_monotonic() - before;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pieces[i].got.length, BYTES);
    assert_true(took > 1.5 && took < 30); /* 800,000 bytes, less what may come in one go */
}

/* Who waits for the rate waits long, and is not given up for silent. */
static void test_held_back_is_not_silent(void **state)
{
    (void)state;
    SU_AUTO(su_http) struct su_http *h =
        http_with((struct su_http_options){.bytes_per_second = 24000, .stall_seconds = 2});
    static char body[20000];
    faults("");
    write_text("medium", body, sizeof body);
    for (int i = 0; i < 5; i++)
        start(h, &pieces[i], "medium", 0);
    run(h);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(pieces[i].failure.code, SU_OK);
        assert_int_equal(pieces[i].got.length, sizeof body);
    }
}

static volatile bool has_alarm;
static void on_alarm(int number)
{
    (void)number;
    has_alarm = true;
    (void)raise(SIGINT);
}

/* Last: the process stays interrupted. */
static void test_interrupted(void **state)
{
    (void)state;
    SU_AUTO(su_http) struct su_http *h = http_with((struct su_http_options){0});
    long status = 0;
    faults("hang hang\n");
    su_interrupt_install();
    (void)signal(SIGALRM, on_alarm);
    (void)alarm(1);
    double before = su_time_monotonic();
    REFUSED(su_http_post(h, at("hang"), &message, collect, &got, &status, &e), SU_INTERRUPTED);
    assert_true(has_alarm && su_time_monotonic() - before < 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_post_and_get),
        cmocka_unit_test(test_no_answer_and_the_sinks_error),
        cmocka_unit_test(test_an_answer_has_a_maximum),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_credentials_are_never_told),
        cmocka_unit_test(test_many_at_once_and_ranges),
        cmocka_unit_test(test_the_rate_holds_over_all),
        cmocka_unit_test(test_held_back_is_not_silent),
        cmocka_unit_test(test_interrupted),
    };
    return cmocka_run_group_tests_name("http", tests, set_up, tear_down);
}
