#include "tests/unit/helpers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/lib/confine.h"
#include "common/sys/belt.h"

enum { ECHO = SU_FRAME_FIRST, NUMBERS };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

static struct su_confined *start(struct su_confined_plan plan)
{
    struct su_err err = SU_ERR_INIT;
    struct su_confined *c;
    plan.reads = "the test";
    if (su_confined_start(&c, &plan, &err) < 0)
        fail_msg("%s", err.text);
    return c;
}

/* ---- a child that does its work -------------------------------------------------------------------------- */

static int echo(void *context, struct su_wire *w, struct su_err *err)
{
    uint32_t kind;
    int more;
    (void)context;
    while ((more = su_wire_next(w, &kind, err)) > 0) {
        size_t length;
        uint64_t number = su_get_u64(w);
        const char *bytes = su_get_bytes(w, &length, SU_MAX_WIRE_BYTES);
        if (su_got_all(w, err) < 0)
            return -1;
        if (length == 0)
            return number ? su_fail(err, SU_DATA, "number %llu", (unsigned long long)number) : 0;
        su_wire_begin(w, kind);
        su_put_u64(w, number + 1);
        su_put_bytes(w, bytes, length);
        if (su_wire_end(w, err) < 0)
            return -1;
    }
    return more;
}

static void ask(struct su_confined *c, uint64_t number, size_t length)
{
    struct su_err err = SU_ERR_INIT;
    struct su_wire *w = su_confined_wire(c);
    char *bytes = test_calloc(1, length + 1);
    memset(bytes, (int)('a' + number % 26), length);
    su_wire_begin(w, ECHO);
    su_put_u64(w, number);
    su_put_bytes(w, bytes, length);
    assert_int_equal(su_confined_send(c, &err), 0);
    if (length > 0) {
        uint32_t kind;
        size_t got;
        assert_int_equal(su_confined_next(c, &kind, &err), 1);
        assert_int_equal(kind, ECHO);
        assert_int_equal(su_get_u64(w), number + 1);
        const char *back = su_get_bytes(w, &got, length);
        assert_int_equal(got, length);
        assert_memory_equal(back, bytes, length);
        assert_int_equal(su_got_all(w, &err), 0);
    }
    test_free(bytes);
}

static void test_asked_and_answered(void **state)
{
    struct su_err err = SU_ERR_INIT;
    const size_t lengths[] = {1, 100, 65536, 131072 - 25, 131072, 1000000, SU_MAX_DOCUMENT_BYTES};
    (void)state;
    struct su_confined *c = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = echo});
    for (uint64_t i = 0; i < 200; i++)
        ask(c, i, i < sizeof lengths / sizeof *lengths ? lengths[i] : 1 + i * 977 % 5000);
    ask(c, 0, 0);
    assert_int_equal(su_confined_finish(c, &err), 0);
    su_confined_cleanup(&c);
    assert_string_equal(su_confinement() == SU_READ_CONFINED ? "confined" : "", "confined");
    assert_non_null(strstr(su_confinement_text(), "seccomp"));
}

static void test_its_error_crosses(void **state)
{
    struct su_err err = SU_ERR_INIT;
    uint32_t kind;
    (void)state;
    struct su_confined *c = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = echo});
    ask(c, 17, 0);
    assert_int_equal(su_confined_next(c, &kind, &err), -1);
    assert_int_equal(err.code, SU_DATA);
    assert_string_equal(err.text, "number 17");
    su_confined_cleanup(&c);
}

/* It goes with the wire: nothing was asked, and nothing is left. */
static void test_cleaned_up_early(void **state)
{
    (void)state;
    struct su_confined *c = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = echo});
    su_confined_cleanup(&c);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* ---- what it may not ------------------------------------------------------------------------------------- */

static int dirs[2];

static void do_open(void) { (void)open("/etc/passwd", O_RDONLY); }
static void do_open_relative(void) { (void)openat(dirs[0], "x", O_RDONLY); }
static void do_create(void) { (void)open("confine-made", O_WRONLY | O_CREAT, 0600); }
static void do_socket(void) { (void)socket(AF_UNIX, SOCK_STREAM, 0); }
static void do_fork(void) { if (fork() == 0) _exit(0); }
static void do_vfork(void) { (void)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
static void do_exec(void) { (void)execl("/bin/true", "true", (char *)NULL); }
static void do_kill(void) { (void)kill(getppid(), 0); }
static void do_ptrace(void) { (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL); }
static void do_unlink(void) { (void)unlink("confine-none"); }
static void do_stat(void) { struct stat st; (void)stat("/etc/passwd", &st); }
static void do_prctl(void) { (void)prctl(PR_SET_DUMPABLE, 1); }
static void do_map_code(void) { (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static void do_pwrite(void) { if (pwrite(dirs[1], "x", 1, 0) == 0) abort(); }
static void do_ioctl(void) { (void)syscall(SYS_ioctl, 0, 0x5412, ""); }
static void do_raise_limit(void) { struct rlimit r = {1, 1}; (void)setrlimit(RLIMIT_CORE, &r); }
static void do_process_read(void) { (void)syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0); }
static void do_io_uring(void) { (void)syscall(SYS_io_uring_setup, 1, NULL); }
static void do_bpf(void) { (void)syscall(SYS_bpf, 0, NULL, 0); }
static void do_userfault(void) { (void)syscall(SYS_userfaultfd, 0); }
static void do_abort_other(void) { (void)syscall(SYS_tgkill, getppid(), getppid(), 0); }

static void *idle(void *unused) { return unused; }
static void do_thread(void) { pthread_t t; if (pthread_create(&t, NULL, idle, NULL) == 0) (void)pthread_join(t, NULL); }

static int misbehave(void *context, struct su_wire *w, struct su_err *err)
{
    (void)w, (void)err;
    void (*act)(void);
    memcpy(&act, context, sizeof act);
    act();
    return 0;
}

static void refuses(const char *name, void (*act)(void), struct su_confined_plan plan)
{
    struct su_err err = SU_ERR_INIT;
    plan.run = misbehave;
    plan.context = &act;
    struct su_confined *c = start(plan);
    if (su_confined_finish(c, &err) == 0 || err.code != SU_CONFINED || !strstr(err.text, "signal 31"))
        fail_msg("%s: %s", name, err.text);
    su_confined_cleanup(&c);
}

static void test_each_forbidden_call_ends_it(void **state)
{
#define ACT(name) {#name, name}
    const struct {
        const char *name;
        void (*act)(void);
        bool is_sanitizers; /* who may call it */
    } acts[] = {{"open", do_open, true},         {"openat", do_open_relative, true}, {"create", do_create, true},
                {"socket", do_socket, false},    {"fork", do_fork, true},            {"clone", do_vfork, true},
                {"exec", do_exec, false},        {"kill", do_kill, false},           {"ptrace", do_ptrace, true},
                {"unlink", do_unlink, false},    {"stat", do_stat, false},           {"prctl", do_prctl, true},
                {"code", do_map_code, false},    {"pwrite", do_pwrite, false},       {"ioctl", do_ioctl, true},
                {"limit", do_raise_limit, true}, {"read", do_process_read, false},   {"uring", do_io_uring, false},
                {"bpf", do_bpf, false},          {"userfault", do_userfault, false}, {"tgkill", do_abort_other, false},
                {"thread", do_thread, true}};
    (void)state;
    dirs[0] = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (!IS_SANITIZED || !acts[i].is_sanitizers)
            refuses(acts[i].name, acts[i].act, (struct su_confined_plan){SU_CONFINED_PLAN_INIT});
    const struct su_confined_plan threads = {SU_CONFINED_PLAN_INIT, .has_threads = true};
    if (!IS_SANITIZED) {
        refuses("fork, where threads may be made", do_vfork, threads);
        refuses("open, where threads may be made", do_open, threads);
        const struct su_confined_plan below = {.folder = dirs[0]};
        refuses("open without the folder", do_open, below);
        refuses("create without the folder", do_create, below);
    }
    (void)close(dirs[0]);
}

static int use_threads(void *context, struct su_wire *w, struct su_err *err)
{
    pthread_t t[8];
    (void)context, (void)w;
    for (size_t i = 0; i < 8; i++)
        if ((errno = pthread_create(&t[i], NULL, idle, NULL)) != 0)
            return su_fail_sys(err, "a thread");
    for (size_t i = 0; i < 8; i++)
        (void)pthread_join(t[i], NULL);
    return 0;
}

static void test_threads_where_asked_for(void **state)
{
    struct su_err err = SU_ERR_INIT;
    (void)state;
    struct su_confined *c = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = use_threads, .has_threads = true});
    if (su_confined_finish(c, &err) < 0)
        fail_msg("%s", err.text);
    su_confined_cleanup(&c);
}

/* ---- what it may ------------------------------------------------------------------------------------------ */

static int compare_numbers(const void *a, const void *b)
{
    return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b;
}

/* The C library asks the system for more where there is much. */
static int sort_many(void *context, struct su_wire *w, struct su_err *err)
{
    enum { MANY = 500000 };
    (void)context, (void)w;
    int *numbers = malloc(MANY * sizeof *numbers);
    for (int i = 0; numbers && i < MANY; i++)
        numbers[i] = (int)((unsigned)i * 2654435761u >> 1);
    if (!numbers)
        return su_fail_memory(err);
    qsort(numbers, MANY, sizeof *numbers, compare_numbers);
    bool is_sorted = true;
    for (int i = 1; i < MANY; i++)
        is_sorted = is_sorted && numbers[i - 1] <= numbers[i];
    free(numbers);
    return is_sorted ? 0 : su_fail(err, SU_BUG, "not sorted");
}

static void test_sorts_as_much_as_there_is(void **state)
{
    struct su_err err = SU_ERR_INIT;
    (void)state;
    struct su_confined *c = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = sort_many});
    if (su_confined_finish(c, &err) < 0)
        fail_msg("%s", err.text);
    su_confined_cleanup(&c);
}

/* ---- a folder -------------------------------------------------------------------------------------------- */

static int read_below(void *context, struct su_wire *w, struct su_err *err)
{
    const int *folder = context;
    SU_AUTO(su_names) struct su_names names = {0};
    SU_AUTO(su_fd) su_fd fd = -1;
    uint64_t bytes;
    (void)w;
    if (su_dir_list(*folder, &names, 10, err) < 0 || su_file_open(&fd, *folder, "inside", &bytes, err) < 0)
        return -1;
    if (openat(*folder, "../outside", O_RDONLY) >= 0 || errno != EACCES)
        return su_fail(err, SU_BUG, "outside by ..");
    if (openat(*folder, "link", O_RDONLY) >= 0 || errno != EACCES)
        return su_fail(err, SU_BUG, "outside by a link");
    if (openat(*folder, "/etc/passwd", O_RDONLY) >= 0 || errno != EACCES)
        return su_fail(err, SU_BUG, "outside by a path");
    return 0;
}

static void test_a_folder_and_nothing_else(void **state)
{
    struct su_err err = SU_ERR_INIT;
    (void)state;
    if (IS_SANITIZED)
        skip();
    assert_int_equal(mkdir("confine-folder", 0700), 0);
    (void)close(open("confine-folder/inside", O_WRONLY | O_CREAT, 0600));
    (void)close(open("outside", O_WRONLY | O_CREAT, 0600));
    assert_int_equal(symlink("../outside", "confine-folder/link"), 0);
    int folder = open("confine-folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct su_confined *c = start((struct su_confined_plan){.folder = folder, .run = read_below, .context = &folder});
    if (su_confined_finish(c, &err) < 0)
        fail_msg("%s", err.text);
    su_confined_cleanup(&c);
    (void)close(folder);
}

/* ---- shared memory --------------------------------------------------------------------------------------- */

static int do_nothing(void *context, struct su_wire *w, struct su_err *err)
{
    (void)context, (void)w, (void)err;
    return 0;
}

static int change_it(void *context, struct su_wire *w, struct su_err *err)
{
    (void)w, (void)err;
    **(volatile char **)context = 'x';
    return 0;
}

/* The index of a database that the caller has open is not the child's; nor is the channel of another child. */
static void test_no_database_stays_shared(void **state)
{
    (void)state;
    struct su_confined *other = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = do_nothing});
    int index = open("some.db-shm", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(index, 4096), 0);
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, index, 0);
    char *all[] = {shared, (char *)su_confined_wire(other)->channel.rings};
    assert_ptr_not_equal(shared, MAP_FAILED);
    for (size_t i = 0; i < 2; i++) {
        struct su_confined *c =
            start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = change_it, .context = &all[i]});
        REFUSED(su_confined_finish(c, &e), SU_CONFINED);
        su_confined_cleanup(&c);
    }
    assert_int_equal(*shared, 0);
    GOOD(su_confined_finish(other, &e));
    su_confined_cleanup(&other);
    (void)munmap(shared, 4096);
    (void)close(index);
}

/* ---- descriptors, limits, death -------------------------------------------------------------------------- */

static int count_open(void *context, struct su_wire *w, struct su_err *err)
{
    const int *kept = context;
    int count = 0;
    struct stat st;
    (void)w;
    for (int fd = 0; fd < 1000; fd++)
        count += fstat(fd, &st) == 0;
    char byte;
    if (read(*kept, &byte, 1) != 1)
        return su_fail(err, SU_BUG, "not kept");
    return count == 3 + IS_SANITIZED ? 0 : su_fail(err, SU_BUG, "%d are open", count);
}

/* As many descriptors as a plan can name: each is the child's, and its own end of the wire too. */
static int read_each(void *context, struct su_wire *w, struct su_err *err)
{
    char byte;
    (void)w;
    for (size_t i = 0; i < SU_MAX_CONFINED_FILES; i++)
        if (read(((const int *)context)[i], &byte, 1) != 1)
            return su_fail(err, SU_BUG, "%zu was not kept", i);
    return 0;
}

static void test_as_many_files_as_may_be(void **state)
{
    struct su_err err = SU_ERR_INIT;
    struct su_confined_plan plan = {SU_CONFINED_PLAN_INIT, .run = read_each, .file_count = SU_MAX_CONFINED_FILES};
    (void)state;
    plan.context = plan.files;
    for (size_t i = 0; i < SU_MAX_CONFINED_FILES; i++)
        plan.files[i] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    struct su_confined *c = start(plan);
    if (su_confined_finish(c, &err) < 0)
        fail_msg("%s", err.text);
    su_confined_cleanup(&c);
    for (size_t i = 0; i < SU_MAX_CONFINED_FILES; i++)
        (void)close(plan.files[i]);
}

static void test_nothing_stays_open(void **state)
{
    struct su_err err = SU_ERR_INIT;
    (void)state;
    int kept = open("/dev/zero", O_RDONLY | O_CLOEXEC), other = open("/etc/passwd", O_RDONLY);
    struct su_confined *c = start(
        (struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = count_open, .context = &kept, .files = {kept}, .file_count = 1});
    if (su_confined_finish(c, &err) < 0)
        fail_msg("%s", err.text);
    su_confined_cleanup(&c);
    (void)close(kept);
    (void)close(other);
}

static int take_memory(void *context, struct su_wire *w, struct su_err *err)
{
    size_t total = 0;
    (void)context, (void)w;
    /* NOLINTNEXTLINE(analyzer-malloc-leak): that is what is tried */
    for (void *p; total < ((size_t)8 << 30) && (p = malloc(16 * SU_MIB)); total += 16 * SU_MIB)
        memset(p, 1, 4096);
    return total < ((size_t)8 << 30) ? su_fail_memory(err) : 0; /* NOLINT(analyzer-malloc-leak): as above */
}

static void test_memory_has_an_end(void **state)
{
    struct su_err err = SU_ERR_INIT;
    (void)state;
    if (IS_SANITIZED)
        skip();
    struct su_confined *c = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = take_memory});
    assert_int_equal(su_confined_finish(c, &err), -1);
    assert_int_equal(err.code, SU_MEMORY);
    su_confined_cleanup(&c);
}

/* Room in megabytes that are never touched: all that is allowed less one, then one more. */
static int reserve(void *context, struct su_wire *w, struct su_err *err)
{
    const size_t *room = context;
    (void)w;
    for (size_t past = 0; past < 2; past++) {
        size_t bytes = *room + past * 2 * SU_MIB - SU_MIB;
        void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if ((at == MAP_FAILED) != (past > 0))
            return su_fail(err, SU_BUG, "%zu bytes are %s", bytes, past ? "given" : "refused");
        if (at != MAP_FAILED)
            (void)munmap(at, bytes);
    }
    return 0;
}

static void test_memory_at_its_limit(void **state)
{
    struct su_err err = SU_ERR_INIT;
    (void)state;
    if (IS_SANITIZED)
        skip();
    for (int threads = 0; threads < 2; threads++) {
        size_t room = SU_MAX_CONFINED_BYTES + (threads ? (su_threads() + 4) * SU_MAX_CONFINED_THREAD_BYTES : 0);
        struct su_confined *c = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = reserve, .context = &room, .has_threads = threads > 0});
        if (su_confined_finish(c, &err) < 0)
            fail_msg("%s", err.text);
        su_confined_cleanup(&c);
    }
}

static void do_loop(void) { for (volatile unsigned n = 0;; n++) ; }
static void do_crash(void) { (void)signal(SIGSEGV, SIG_DFL); raise(SIGSEGV); }
static void do_abort(void) { abort(); }
static void do_exit(void) { _exit(0); }
static void do_close(void) { (void)close_range(0, ~0u, 0); }

static void dies(void (*act)(void), const char *words)
{
    struct su_err err = SU_ERR_INIT;
    struct su_confined *c = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = misbehave, .context = &act, .seconds = 1});
    assert_int_equal(su_confined_finish(c, &err), -1);
    assert_int_equal(err.code, SU_CONFINED);
    if (!strstr(err.text, words))
        fail_msg("'%s' has not '%s'", err.text, words);
    su_confined_cleanup(&c);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_its_death_is_told(void **state)
{
    (void)state;
    dies(do_loop, "no sign for 1 seconds");
    if (!IS_SANITIZED)
        dies(do_crash, "signal 11");
    dies(do_abort, IS_SANITIZED ? "ended" : "signal 6");
    dies(do_exit, "status 0 and said nothing");
    dies(do_close, IS_SANITIZED ? "" : "signal 31");
}

/* libarchive ends the process so when it has no memory for a name. */
static void do_give_up(void) { exit(1); }

static void test_a_library_gives_up(void **state)
{
    struct su_err err = SU_ERR_INIT;
    void (*act)(void) = do_give_up;
    (void)state;
    struct su_confined *c = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = misbehave, .context = &act});
    assert_int_equal(su_confined_finish(c, &err), -1);
    assert_int_equal(err.code, SU_MEMORY);
    su_confined_cleanup(&c);
}

/* Killed itself, the parent leaves none behind. */
static void test_it_goes_with_its_parent(void **state)
{
    int ends[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t parent = fork();
    if (parent == 0) {
        void (*act)(void) = do_loop;
        struct su_confined *c = start((struct su_confined_plan){
            SU_CONFINED_PLAN_INIT, .run = misbehave, .context = &act, .files = {ends[1]}, .file_count = 1});
        (void)c;
        (void)raise(SIGKILL);
    }
    (void)close(ends[1]);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_int_equal(read(ends[0], &byte, 1), 0); /* nobody has it open any more */
    (void)close(ends[0]);
}

/* ---- a child that lies ----------------------------------------------------------------------------------- */

static int talk(void *context, struct su_wire *w, struct su_err *err)
{
    const struct su_buf *bytes = context;
    (void)err;
    if (su_channel_write(&w->channel, bytes->bytes, bytes->length) != (ssize_t)bytes->length)
        _exit(2);
    _exit(0);
}

static int hear(const struct su_buf *said, struct su_err *err)
{
    uint32_t kind;
    int more;
    struct su_confined *c = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = talk, .context = (void *)(uintptr_t)said});
    struct su_wire *w = su_confined_wire(c);
    while ((more = su_confined_next(c, &kind, err)) > 0) {
        (void)su_get_u64(w);
        (void)su_get_text(w, 100);
        if ((more = su_got_all(w, err)) < 0)
            break;
    }
    su_confined_cleanup(&c);
    return more;
}

/* Of a frame of numbers and a text, and the end after it: every cut, every byte changed in several ways. */
static void test_lying_frames(void **state)
{
    struct su_err err = SU_ERR_INIT;
    const struct {
        uint32_t length, kind;
        uint64_t number, text;
        char hello[6];
    } __attribute__((packed)) frame = {30 - 8, NUMBERS, 7, 5, "hello"};
    const uint32_t done[2] = {0, 2};
    SU_AUTO(su_buf) struct su_buf said = SU_BUF_INIT(1000);
    (void)state;
    su_buf_add(&said, &frame, sizeof frame);
    su_buf_add(&said, done, sizeof done);
    if (hear(&said, &err) < 0)
        fail_msg("%s", err.text);
    size_t length = said.length;
    for (said.length = 0; said.length < length; said.length++) {
        assert_int_equal(hear(&said, &err), -1);
        assert_int_equal(err.code, SU_CONFINED);
    }
    for (size_t i = 0; i < length; i++)
        for (unsigned change = 1; change < 256; change *= 4) {
            bool is_value = (i >= 4 && i < 16) || (i >= 24 && i < 29);
            said.bytes[i] = (char)(said.bytes[i] ^ (int)change);
            int result = hear(&said, &err);
            said.bytes[i] = (char)(said.bytes[i] ^ (int)change);
            if (result == 0 && !is_value)
                fail_msg("byte %zu, %u", i, change);
            if (result < 0 && err.code != SU_CONFINED)
                fail_msg("byte %zu: %s", i, err.text);
        }
}

static int fail_halfway(void *context, struct su_wire *w, struct su_err *err)
{
    const bool *lacks_memory = context;
    su_wire_begin(w, NUMBERS);
    su_put_u64(w, 7);
    w->sending.is_out_of_memory = *lacks_memory;
    return *lacks_memory ? su_buf_check(&w->sending, "a message", err) : su_fail(err, SU_DATA, "halfway");
}

/* What it began to say is not in the way of what it failed with. */
static void test_a_failure_halfway(void **state)
{
    (void)state;
    for (int lacks = 0; lacks < 2; lacks++) {
        struct su_err err = SU_ERR_INIT;
        bool lacks_memory = lacks;
        struct su_confined *c = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = fail_halfway, .context = &lacks_memory});
        assert_int_equal(su_confined_finish(c, &err), -1);
        assert_int_equal(err.code, lacks ? SU_MEMORY : SU_DATA);
        su_confined_cleanup(&c);
    }
}

static int fail_oddly(void *context, struct su_wire *w, struct su_err *err)
{
    const uint32_t *code = context;
    (void)err;
    su_wire_begin(w, 3);
    su_put_u32(w, *code);
    su_put_text(w, "\033[31mred\n");
    su_put_text(w, "");
    struct su_err ignored = SU_ERR_INIT;
    if (su_wire_end(w, &ignored) < 0 || su_wire_flush(w, &ignored) < 0)
        _exit(1);
    _exit(0);
}

static void test_errors_are_not_believed(void **state)
{
    const uint32_t codes[] = {SU_OK, SU_SYNC_DONE, SU_CODE_COUNT, 0xffffffff, SU_DATA};
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct su_err err = SU_ERR_INIT;
        uint32_t code = codes[i];
        struct su_confined *c = start((struct su_confined_plan){SU_CONFINED_PLAN_INIT, .run = fail_oddly, .context = &code});
        assert_int_equal(su_confined_finish(c, &err), -1);
        assert_int_equal(err.code, code == SU_DATA ? SU_DATA : SU_CONFINED);
        assert_null(strchr(err.text, '\033'));
        su_confined_cleanup(&c);
    }
}

/* ---- what this system gives -------------------------------------------------------------------------------- */

static void test_probe(void **state)
{
    struct su_err err = SU_ERR_INIT;
    struct su_confine_probe probe;
    (void)state;
    assert_int_equal(su_confine_probe(&probe, &err), 0);
    assert_true(probe.has_no_new_privileges && probe.has_landlock && probe.has_limits && probe.landlock_abi > 0);
    assert_true(probe.has_seccomp || IS_SANITIZED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked_and_answered),
        cmocka_unit_test(test_its_error_crosses),
        cmocka_unit_test(test_cleaned_up_early),
        cmocka_unit_test(test_each_forbidden_call_ends_it),
        cmocka_unit_test(test_threads_where_asked_for),
        cmocka_unit_test(test_sorts_as_much_as_there_is), cmocka_unit_test(test_a_failure_halfway), cmocka_unit_test(test_a_folder_and_nothing_else),
        cmocka_unit_test(test_no_database_stays_shared),
        cmocka_unit_test(test_nothing_stays_open),
        cmocka_unit_test(test_as_many_files_as_may_be),
        cmocka_unit_test(test_memory_has_an_end),
        cmocka_unit_test(test_memory_at_its_limit),
        cmocka_unit_test(test_its_death_is_told),
        cmocka_unit_test(test_a_library_gives_up),
        cmocka_unit_test(test_it_goes_with_its_parent),
        cmocka_unit_test(test_lying_frames),
        cmocka_unit_test(test_errors_are_not_believed),
        cmocka_unit_test(test_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
