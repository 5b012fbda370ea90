#include "common/lib/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <langinfo.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/lib/confine_self.h"
#include "common/sys/interrupt.h"

enum { READY = 1, DONE, FAILED };
#define STATUS_NO_MEMORY 12 /* of a child that has none left to say so */
#define LOOK_MILLISECONDS                                                                                    \
    200 /* how often a waiting parent looks for a signal, and whether the child loops                        \
         */

struct su_confined {
    pid_t child; /* 0: it is gone and waited for */
    char reads[64];
    unsigned seconds;
    struct su_wire wire;
    bool is_ready; /* it may have read what is not trusted */
    double used; /* seconds of a processor at the first look after its last sign of life; -1: no look since */
};

static bool is_off;                  /* by the operator, before any child is started */
static enum su_confinement has_read; /* the main thread's */
static char text_of_state[128];

void su_confine_off(void)
{
    is_off = true;
}

enum su_confinement su_confinement(void)
{
    return has_read;
}

const char *su_confinement_text(void)
{
    if (has_read == SU_READ_CONFINED && !text_of_state[0])
        (void)snprintf(text_of_state, sizeof text_of_state,
                       "confined: no new privileges, Landlock %d, seccomp, limits", su_landlock_abi());
    return has_read == SU_READ_UNCONFINED ? "not confined, as asked for"
           : has_read == SU_READ_CONFINED ? text_of_state
                                          : "";
}

/* ---- the child ----------------------------------------------------------------------------------------- */

static int compare_files(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Nothing stays open but what the plan lists, and the wire. */
static void close_others(const struct su_confined_plan *plan, const struct su_wire *wire)
{
    int kept[SU_MAX_CONFINED_FILES + 4];
    size_t count = 0;
    for (; count < plan->file_count; count++)
        kept[count] = plan->files[count];
    kept[count++] = wire->channel.bell;
    kept[count++] = wire->channel.others;
    if (plan->folder >= 0)
        kept[count++] = plan->folder;
    if (su_is_sanitized || is_off)
        kept[count++] = STDERR_FILENO;
    qsort(kept, count, sizeof *kept, compare_files);
    int next = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept[i] > next)
            (void)close_range((unsigned)next, (unsigned)kept[i] - 1, 0);
        next = kept[i] + 1;
    }
    (void)close_range((unsigned)next, ~0u, 0);
}

static void ignore_signals(void)
{
    static const int ended_by_parent[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof ended_by_parent / sizeof *ended_by_parent; i++)
        (void)signal(ended_by_parent[i], SIG_IGN);
}

/* What a build that measures coverage has found, before a process that ends without ceremony. */
#ifdef SU_COVERAGE
extern void __gcov_dump(void);
#define TELL_COVERAGE __gcov_dump()
#else
#define TELL_COVERAGE (void)0
#endif

/* What the C library would open later: the machine's zone, which it looks at again and again and which
 * nothing here is shown in; its list of character sets; and how the system overcommits memory, before it
 * makes a thread's heap smaller. */
static void settle_library(const struct su_confined_plan *plan)
{
    if (plan->has_threads) /* NOLINTNEXTLINE(concurrency-mt-unsafe): a child has no other thread yet */
        (void)mallopt(M_TRIM_THRESHOLD, INT_MAX);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): as above */
    (void)setenv("TZ", "UTC0", 1);
    tzset();
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): as above */
    iconv_t both[] = {iconv_open("UTF-8", nl_langinfo(CODESET)), iconv_open(nl_langinfo(CODESET), "UTF-8")};
    for (size_t i = 0; i < sizeof both / sizeof *both; i++)
        if (both[i] != (iconv_t)-1)
            (void)iconv_close(both[i]);
} /* NOLINT(analyzer-malloc-leak): -1 is no allocation */

/* A child ends by _exit; libarchive calls exit(1) when it has no memory for a name. */
static _Noreturn void on_end(int status, void *unused)
{
    (void)unused;
    _exit(status == 1 ? STATUS_NO_MEMORY : status);
}

static _Noreturn void live(const struct su_confined_plan *plan, struct su_wire *wire, pid_t parent)
{
    struct su_err err = SU_ERR_INIT;
    ignore_signals();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(1);
    (void)on_exit(on_end, NULL);
    settle_library(plan);
    close_others(plan, wire);
    int result = is_off || (su_give_up_databases(&err) == 0 &&
                            su_give_up(plan, SU_GIVE_UP_ALL, &err) == 0)
                     ? 0
                     : -1;
    if (result == 0) {
        su_wire_begin(wire, READY);
        if (su_wire_end(wire, &err) < 0 || su_wire_flush(wire, &err) < 0)
            _exit(err.code == SU_MEMORY ? STATUS_NO_MEMORY : 1);
        result = plan->run(plan->context, wire, &err);
    }
    if (result < 0 && wire->is_closed)
        _exit(1);
    su_wire_drop(wire); /* what failed may have been half said */
    su_wire_begin(wire, result < 0 ? FAILED : DONE);
    if (result < 0)
        su_put_error(wire, &err);
    if (su_wire_end(wire, &err) < 0 || su_wire_flush(wire, &err) < 0)
        _exit(err.code == SU_MEMORY ? STATUS_NO_MEMORY : 1);
    if (is_off)
        TELL_COVERAGE;
    _exit(0);
}

/* ---- the parent ---------------------------------------------------------------------------------------- */

/* Waits for the child, which has been told to end or has ended; returns its status. */
static int reap(struct su_confined *c)
{
    int status = 0;
    while (c->child > 0 && waitpid(c->child, &status, 0) < 0 && errno == EINTR)
        ;
    c->child = 0;
    return status;
}

static void put_down(struct su_confined *c)
{
    if (c->child > 0)
        (void)kill(c->child, SIGKILL);
    (void)reap(c);
}

static int tell_end(const struct su_confined *c, const char *how, struct su_err *err)
{
    return su_fail(err, SU_CONFINED, "the part that reads %s %s", c->reads, how);
}

/* It closed the wire without having said that it was done. */
static int tell_death(struct su_confined *c, struct su_err *err)
{
    char how[160];
    int status = reap(c), number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    const char *name = number ? sigdescr_np(number) : NULL;
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_MEMORY)
        return su_fail_memory(err);
    if (!c->is_ready)
        return su_fail(err, SU_SYSTEM, "the part that reads %s ended before it had begun, by %s %d", c->reads,
                       number ? "signal" : "status", number ? number : WEXITSTATUS(status));
    if (number == SIGSYS)
        return tell_end(c, "was stopped: it tried what it may not (signal 31); what it read may be an attack",
                        err);
    if (number)
        (void)snprintf(how, sizeof how, "was ended by signal %d (%s); what it read may be an attack", number,
                       name ? name : "unknown");
    else
        (void)snprintf(how, sizeof how,
                       "ended with status %d and said nothing; what it read may be an attack",
                       WEXITSTATUS(status));
    return tell_end(c, how, err);
}

static double used_by(pid_t child)
{
    clockid_t its;
    struct timespec used;
    if (clock_getcpuclockid(child, &its) != 0 || clock_gettime(its, &used) < 0)
        return 0;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static int wait_for(void *context, struct su_err *err)
{
    struct su_confined *c = context;
    struct pollfd ready = {.fd = c->wire.channel.bell, .events = POLLIN};
    int count = poll(&ready, 1, LOOK_MILLISECONDS);
    if (su_interrupt_check(err) < 0)
        return -1;
    double used = c->child > 0 ? used_by(c->child) : c->used;
    if (c->used < 0)
        c->used = used;
    if (used <= c->used + c->seconds)
        return count < 0 && errno != EINTR ? su_fail_sys(err, "poll") : 0;
    put_down(c);
    char how[128];
    (void)snprintf(how, sizeof how, "was stopped: it gave no sign for %u seconds of a processor", c->seconds);
    return tell_end(c, how, err);
}

static int next_frame(struct su_confined *c, uint32_t *kind, struct su_err *err)
{
    int more = su_wire_next(&c->wire, kind, err);
    if (more < 0 && err->code == SU_CONFINED)
        put_down(c);
    if (more > 0) {
        c->is_ready = true;
        c->used = -1;
    }
    return more == 0 ? tell_death(c, err) : more;
}

/* The child has said that it is done, and must now be gone. */
static int end(struct su_confined *c, struct su_err *err)
{
    uint32_t more;
    if (su_got_all(&c->wire, err) < 0 || su_wire_next(&c->wire, &more, err) != 0)
        return tell_end(c, "said more after its end", err);
    int status = reap(c);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : tell_end(c, "did not end as it should", err);
}

int su_confined_next(struct su_confined *c, uint32_t *kind, struct su_err *err)
{
    if (next_frame(c, kind, err) < 0)
        return -1;
    if (*kind >= SU_FRAME_FIRST)
        return 1;
    if (*kind == DONE)
        return end(c, err);
    if (*kind != FAILED)
        return su_wire_lies(err);
    return su_get_error(&c->wire, err);
}

int su_confined_send(struct su_confined *c, struct su_err *err)
{
    if (su_wire_end(&c->wire, err) == 0 && su_wire_flush(&c->wire, err) == 0)
        return 0;
    uint32_t kind;
    int more = 1;
    while (c->wire.is_closed && more > 0) /* what it said before it went */
        more = su_confined_next(c, &kind, err);
    return more == 0 ? tell_end(c, "ended before it had read all", err) : -1;
}

int su_confined_finish(struct su_confined *c, struct su_err *err)
{
    uint32_t kind;
    int more = su_confined_next(c, &kind, err);
    return more > 0 ? su_wire_lies(err) : more;
}

struct su_wire *su_confined_wire(struct su_confined *c)
{
    return &c->wire;
}

void su_confined_cleanup(struct su_confined **confined)
{
    struct su_confined *c = *confined;
    if (!c)
        return;
    put_down(c);
    su_wire_cleanup(&c->wire);
    free(c);
    *confined = NULL;
}

/* Forks; the wires of both. */
static int fork_child(struct su_confined *c, const struct su_confined_plan *plan, struct su_err *err)
{
    SU_AUTO(su_wire) struct su_wire childs;
    pid_t parent = getpid();
    if (su_wire_pair(&c->wire, &childs, err) < 0)
        return -1;
    if ((c->child = fork()) < 0) {
        c->child = 0;
        return su_fail_sys(err, "fork");
    }
    if (c->child == 0) {
        live(plan, &childs, parent);
    }
    c->wire.wait = wait_for;
    c->wire.context = c;
    return 0;
}

int su_confined_start(struct su_confined **out, const struct su_confined_plan *plan, struct su_err *err)
{
    uint32_t kind;
    struct su_confined *c = calloc(1, sizeof *c);
    *out = c;
    if (!c)
        return su_fail_memory(err);
    (void)snprintf(c->reads, sizeof c->reads, "%s", plan->reads);
    c->used = -1;
    c->seconds = plan->seconds ? plan->seconds : SU_MAX_CONFINED_SECONDS;
    if (fork_child(c, plan, err) == 0 && next_frame(c, &kind, err) > 0 &&
        (kind == READY    ? su_got_all(&c->wire, err)
         : kind == FAILED ? su_get_error(&c->wire, err)
                          : su_wire_lies(err)) == 0) {
        if (has_read != SU_READ_UNCONFINED)
            has_read = is_off ? SU_READ_UNCONFINED : SU_READ_CONFINED;
        return 0;
    }
    su_confined_cleanup(out);
    return -1;
}

/* ---- what this system gives ---------------------------------------------------------------------------- */

static _Noreturn void try_to_open(void)
{
    SU_AUTO(su_fd) su_fd fd = open("/", O_RDONLY | O_CLOEXEC);
    _exit(fd >= 0 ? 1 : 0);
}

static _Noreturn void try_to_connect(void)
{
    SU_AUTO(su_fd) su_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    _exit(fd >= 0 || errno != 0 ? 1 : 0);
}

static _Noreturn void try_to_fork(void)
{
    _exit(fork() < 0 ? 2 : 1);
}

static _Noreturn void try_to_run(void)
{
    char *const none[] = {NULL};
    (void)execve("/proc/self/exe", none, none);
    _exit(1);
}

static _Noreturn void try_to_gain(void)
{
    _exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1);
}

static _Noreturn void try_to_grow(void)
{
    void *at = mmap(NULL, 4 * SU_MAX_CONFINED_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    _exit(at == MAP_FAILED || su_is_sanitized ? 0 : 1);
}

/* Whether a child that gave up `parts` ended with status 0, or with the signal. */
static int try_in_child(unsigned parts, void (*attempt)(void), int signal_number, bool *is_stopped,
                        struct su_err *err)
{
    const struct su_confined_plan plan = {SU_CONFINED_PLAN_INIT};
    struct su_err ignored = SU_ERR_INIT;
    int status;
    pid_t child = fork();
    if (child < 0)
        return su_fail_sys(err, "fork");
    if (child == 0) {
        if (su_give_up(&plan, parts, &ignored) < 0)
            _exit(3);
        attempt();
        _exit(1);
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return su_fail_sys(err, "waiting for a child");
    *is_stopped = signal_number ? WIFSIGNALED(status) && WTERMSIG(status) == signal_number
                                : WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return 0;
}

int su_confine_probe(struct su_confine_probe *out, struct su_err *err)
{
    static void (*const forbidden[])(void) = {try_to_open, try_to_connect, try_to_fork, try_to_run};
    const unsigned calls = SU_GIVE_UP_PRIVILEGES | SU_GIVE_UP_CALLS;
    *out = (struct su_confine_probe){.landlock_abi = su_landlock_abi(), .has_seccomp = true};
    if (try_in_child(SU_GIVE_UP_PRIVILEGES, try_to_gain, 0, &out->has_no_new_privileges, err) < 0 ||
        try_in_child(SU_GIVE_UP_PRIVILEGES | SU_GIVE_UP_FILES, try_to_open, 0, &out->has_landlock, err) < 0 ||
        try_in_child(SU_GIVE_UP_MEMORY, try_to_grow, 0, &out->has_limits, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        bool is_stopped;
        if (try_in_child(calls, forbidden[i], SIGSYS, &is_stopped, err) < 0)
            return -1;
        out->has_seccomp = out->has_seccomp && is_stopped;
    }
    return 0;
}
