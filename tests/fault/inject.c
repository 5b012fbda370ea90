/*
 * inject.c - a preloaded library that counts calls of a kind and fails the Nth, once or from then on.
 *
 * $SU_FAULT names a file of sizeof(struct plan) bytes that tests/fault/inject.py has filled. It is mapped,
 * shared, when the library is loaded, so children count on, and a fault needs no system call but those that the
 * failed call is made of. Without $SU_FAULT nothing is counted. The libraries call libc through the dynamic
 * symbol table, so their calls are met like those of the programs; libc's own are not.
 *
 * A call on a file of SQLite (database, log, index of the log, journal, its temporary files) counts as KIND_DB, and
 * by nothing else: which descriptors are such is known from the names they were opened by.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <malloc.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum kind { MALLOC, OPEN, READ, WRITE, SYNC, RENAME, CLOSE, UNLINK, MMAP, TRUNCATE, MKDIR, STAT, LIST, LOCK, START, OUT, RANDOM, BEHIND, KINDS };

enum { MAX_STACKS = 1 << 20, MAX_DEPTH = 64 };

/* inject.py knows this layout. */
struct plan {
    uint32_t kinds;    /* bits of enum kind that count */
    uint32_t is_db;    /* 1: calls on files of SQLite only; 0: on all others; 2: both */
    uint32_t at;       /* the call that fails, from 1; 0: none */
    uint32_t is_on;    /* and all after it */
    int32_t error;     /* errno */
    uint32_t is_short; /* a read or write does half of what was asked instead */
    uint32_t wants_stacks;
    uint32_t depth; /* how many callers tell one stack from another */
    _Atomic uint32_t count, hits, count_of[KINDS];
    _Atomic uint64_t hit_stack;
    char crashed_in[64]; /* the library, or program, where the process or a child of it crashed */
    _Atomic uint64_t stack[MAX_STACKS]; /* of each counted call, when asked for */
};

static struct plan *plan;
static time_t clock_stands; /* $SU_FAULT_CLOCK: the time of day, for all of a run; so two runs write the same bytes */
enum { MAX_FILES = 4096 };
static _Atomic bool is_db_file[MAX_FILES], is_bell[MAX_FILES];
static _Thread_local int depth; /* a call made while one is looked at is not looked at */

/* The functions in their next library. They are looked up at the first call: other libraries run before ours. */
#define REAL(name) ((__typeof__(&name))real(&real_##name, #name))
#define DECLARE(name) static void *_Atomic real_##name
static void *real(void *_Atomic *slot, const char *name)
{
    void *f = atomic_load(slot);
    if (!f) {
        depth++;
        f = dlsym(RTLD_NEXT, name);
        depth--;
        atomic_store(slot, f);
    }
    return f;
}

static bool is_name_of_db(const char *path)
{
    return path && (strstr(path, "update-point.db") || strstr(path, "etilqs_"));
}
static bool is_db(int fd)
{
    return fd >= 0 && fd < MAX_FILES && is_db_file[fd];
}

/* Return addresses, without those of this library, as one number. The loader's places are fixed for this
 * (setarch -R), so it is the same in every run. */
static uint64_t stack_now(void)
{
    void *at[MAX_DEPTH];
    depth++;
    int n = backtrace(at, plan->depth < MAX_DEPTH ? (int)plan->depth : MAX_DEPTH);
    depth--;
    uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 2; i < n; i++)
        hash = (hash ^ (uint64_t)(uintptr_t)at[i]) * 0x100000001b3u;
    return hash;
}

static bool shows; /* $SU_FAULT_SHOW */
static void show_stack(void)
{
    void *at[MAX_DEPTH];
    depth++;
    int n = backtrace(at, MAX_DEPTH);
    backtrace_symbols_fd(at, n, 2);
    depth--;
}

/* Whether this call is the one. */
static bool is_met(enum kind kind, bool on_db)
{
    if (!plan || depth > 0 || !(plan->kinds >> kind & 1) || (plan->is_db != 2 && (plan->is_db == 1) != on_db))
        return false;
    uint32_t number = atomic_fetch_add(&plan->count, 1) + 1;
    atomic_fetch_add(&plan->count_of[kind], 1);
    if (plan->wants_stacks && number <= MAX_STACKS)
        plan->stack[number - 1] = stack_now();
    if (plan->at == 0 || (plan->is_on ? number < plan->at : number != plan->at))
        return false;
    if (atomic_fetch_add(&plan->hits, 1) == 0) {
        plan->hit_stack = stack_now();
        if (shows)
            show_stack();
    }
    errno = plan->error;
    return true;
}

/* Where it crashed, for who reads the report; the status stays that of the signal. */
static void on_crash(int number, siginfo_t *info, void *context)
{
    Dl_info at;
    void *place = (void *)(uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    (void)info;
    depth++;
    const char *name = dladdr(place, &at) ? strrchr(at.dli_fname, '/') : NULL;
    strncpy(plan->crashed_in, name ? name + 1 : "?", sizeof plan->crashed_in - 1);
    depth--;
    show_stack();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("SU_FAULT");
    void *warm[4];
    if (!path)
        return;
    depth++;
    (void)backtrace(warm, 4); /* it loads its library the first time */
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        (void)!write(2, "inject: no plan\n", 16);
        _exit(97);
    }
    void *at = (void *)syscall(SYS_mmap, NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)syscall(SYS_close, fd);
    depth--;
    if (at == MAP_FAILED)
        _exit(97);
    plan = at;
    shows = getenv("SU_FAULT_SHOW") != NULL;
    const char *second = getenv("SU_FAULT_CLOCK");
    clock_stands = second ? (time_t)atoll(second) : 0;
    struct sigaction crash = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO };
    if (!getenv("ASAN_OPTIONS"))
        (void)sigaction(SIGSEGV, &crash, NULL), (void)sigaction(SIGABRT, &crash, NULL);
}

/* Memory, from whatever comes next: libc, or the address sanitizer. */
#define ALLOCATES(name, parameters, given)                                                                             \
    DECLARE(name);                                                                                                     \
    void *name parameters                                                                                              \
    {                                                                                                                  \
        if (!is_met(MALLOC, false))                                                                                    \
            return REAL(name) given;                                                                                   \
        errno = ENOMEM;                                                                                                \
        return NULL;                                                                                                   \
    }
ALLOCATES(malloc, (size_t n), (n))
ALLOCATES(calloc, (size_t n, size_t size), (n, size))
ALLOCATES(realloc, (void *p, size_t n), (p, n))
ALLOCATES(reallocarray, (void *p, size_t n, size_t size), (p, n, size))
ALLOCATES(aligned_alloc, (size_t to, size_t n), (to, n))
ALLOCATES(memalign, (size_t to, size_t n), (to, n))
DECLARE(posix_memalign);
int posix_memalign(void **out, size_t to, size_t n)
{
    return is_met(MALLOC, false) ? ENOMEM : REAL(posix_memalign)(out, to, n);
}

/* Opening: remembers which descriptors are files of SQLite. */
static char folder[4096]; /* of the database: SQLite syncs it, and does not mind when that fails */
static int opened(int fd, const char *path)
{
    if (fd < 0 || fd >= MAX_FILES)
        return fd;
    is_db_file[fd] = is_name_of_db(path) || strcmp(path, folder) == 0;
    const char *last = strrchr(path, '/');
    if (is_name_of_db(path) && last && (size_t)(last - path) < sizeof folder && strncmp(path, folder, (size_t)(last - path)) != 0)
        memcpy(folder, path, (size_t)(last - path));
    return fd;
}
static bool is_open_met(const char *path)
{
    return is_met(OPEN, is_name_of_db(path));
}
#define MODE                                                                                                           \
    mode_t mode = 0;                                                                                                   \
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {                                                         \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        mode = va_arg(more, mode_t);                                                                                   \
        va_end(more);                                                                                                  \
    }
#define OPENS(name)                                                                                                    \
    DECLARE(name);                                                                                                     \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        MODE return is_open_met(path) ? -1 : opened(REAL(name)(path, flags, mode), path);                              \
    }
#define OPENS_AT(name)                                                                                                 \
    DECLARE(name);                                                                                                     \
    int name(int at, const char *path, int flags, ...)                                                                 \
    {                                                                                                                  \
        MODE return is_open_met(path) ? -1 : opened(REAL(name)(at, path, flags, mode), path);                          \
    }
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)
#define OPENS_STREAM(name)                                                                                             \
    DECLARE(name);                                                                                                     \
    FILE *name(const char *path, const char *mode)                                                                     \
    {                                                                                                                  \
        return is_met(OPEN, is_name_of_db(path)) ? NULL : REAL(name)(path, mode);                                      \
    }
OPENS_STREAM(fopen)
OPENS_STREAM(fopen64)

/* Reading and writing. Half of what was asked for is at least a byte: no end, no refusal. */
static size_t half(size_t n)
{
    return n > 1 ? n / 2 : n;
}
#define MOVES(kind, type, name, parameters, fd, n, whole, less)                                                        \
    DECLARE(name);                                                                                                     \
    type name parameters                                                                                               \
    {                                                                                                                  \
        if (!is_met(kind, is_db(fd)))                                                                                  \
            return REAL(name) whole;                                                                                   \
        if ((kind) == START)                                                                                           \
            errno = ENOMEM; /* EAGAIN of a bell would say that it is full, and rings */                                \
        if (!plan->is_short)                                                                                           \
            return -1;                                                                                                 \
        return REAL(name) less;                                                                                        \
    }
MOVES(READ, ssize_t, read, (int fd, void *to, size_t n), fd, n, (fd, to, n), (fd, to, half(n)))
MOVES(READ, ssize_t, pread, (int fd, void *to, size_t n, off_t at), fd, n, (fd, to, n, at), (fd, to, half(n), at))
MOVES(READ, ssize_t, pread64, (int fd, void *to, size_t n, off64_t at), fd, n, (fd, to, n, at), (fd, to, half(n), at))
MOVES((fd >= 0 && fd < MAX_FILES && is_bell[fd] ? START : WRITE), ssize_t, write, (int fd, const void *of, size_t n), fd, n, (fd, of, n), (fd, of, half(n)))
MOVES(WRITE, ssize_t, pwrite, (int fd, const void *of, size_t n, off_t at), fd, n, (fd, of, n, at), (fd, of, half(n), at))
MOVES(WRITE, ssize_t, pwrite64, (int fd, const void *of, size_t n, off64_t at), fd, n, (fd, of, n, at), (fd, of, half(n), at))

/* Everything that fails with -1 (or another value) and has no half. */
#define FAILS(kind, on_db, type, failure, name, parameters, given)                                                     \
    DECLARE(name);                                                                                                     \
    type name parameters                                                                                               \
    {                                                                                                                  \
        return is_met(kind, on_db) ? failure : REAL(name) given;                                                       \
    }
FAILS(SYNC, is_db(fd), int, -1, fsync, (int fd), (fd))
FAILS(SYNC, is_db(fd), int, -1, fdatasync, (int fd), (fd))
FAILS(SYNC, is_db(fd), int, -1, syncfs, (int fd), (fd))
FAILS(BEHIND, is_db(fd), int, -1, sync_file_range, (int fd, off64_t at, off64_t n, unsigned flags), (fd, at, n, flags))
FAILS(RENAME, is_name_of_db(b), int, -1, rename, (const char *a, const char *b), (a, b))
FAILS(RENAME, is_name_of_db(b), int, -1, renameat, (int from, const char *a, int to, const char *b), (from, a, to, b))
FAILS(RENAME, is_name_of_db(b), int, -1, renameat2, (int from, const char *a, int to, const char *b, unsigned flags), (from, a, to, b, flags))
FAILS(RENAME, is_name_of_db(b), int, -1, linkat, (int from, const char *a, int to, const char *b, int flags), (from, a, to, b, flags))
FAILS(UNLINK, is_name_of_db(path), int, -1, unlink, (const char *path), (path))
FAILS(UNLINK, is_name_of_db(path), int, -1, unlinkat, (int at, const char *path, int flags), (at, path, flags))
FAILS(UNLINK, false, int, -1, rmdir, (const char *path), (path))
FAILS(MMAP, is_db(fd), void *, MAP_FAILED, mmap, (void *at, size_t n, int prot, int flags, int fd, off_t from), (at, n, prot, flags, fd, from))
FAILS(MMAP, is_db(fd), void *, MAP_FAILED, mmap64, (void *at, size_t n, int prot, int flags, int fd, off64_t from), (at, n, prot, flags, fd, from))
FAILS(TRUNCATE, is_db(fd), int, -1, ftruncate, (int fd, off_t n), (fd, n))
FAILS(TRUNCATE, is_db(fd), int, -1, ftruncate64, (int fd, off64_t n), (fd, n))
FAILS(TRUNCATE, is_db(fd), int, plan->error, posix_fallocate64, (int fd, off64_t at, off64_t n), (fd, at, n))
FAILS(MKDIR, false, int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
FAILS(MKDIR, false, int, -1, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode))
FAILS(STAT, is_name_of_db(path), int, -1, stat, (const char *path, struct stat *out), (path, out))
FAILS(STAT, is_name_of_db(path), int, -1, stat64, (const char *path, struct stat64 *out), (path, out))
FAILS(STAT, is_name_of_db(path), int, -1, lstat, (const char *path, struct stat *out), (path, out))
FAILS(STAT, is_name_of_db(path), int, -1, lstat64, (const char *path, struct stat64 *out), (path, out))
FAILS(STAT, is_db(fd), int, -1, fstat, (int fd, struct stat *out), (fd, out))
FAILS(STAT, is_db(fd), int, -1, fstat64, (int fd, struct stat64 *out), (fd, out))
FAILS(STAT, is_name_of_db(path), int, -1, fstatat, (int at, const char *path, struct stat *out, int flags), (at, path, out, flags))
FAILS(STAT, is_name_of_db(path), int, -1, fstatat64, (int at, const char *path, struct stat64 *out, int flags), (at, path, out, flags))
FAILS(STAT, false, int, -1, fstatvfs, (int fd, struct statvfs *out), (fd, out))
FAILS(STAT, false, int, -1, fstatvfs64, (int fd, struct statvfs64 *out), (fd, out))
FAILS(STAT, false, char *, NULL, realpath, (const char *path, char *out), (path, out))
FAILS(LIST, false, DIR *, NULL, fdopendir, (int fd), (fd))
FAILS(LIST, false, DIR *, NULL, opendir, (const char *path), (path))
FAILS(LIST, false, struct dirent *, NULL, readdir, (DIR * dir), (dir))
FAILS(LIST, false, struct dirent64 *, NULL, readdir64, (DIR * dir), (dir))
FAILS(LOCK, false, int, -1, flock, (int fd, int how), (fd, how))
FAILS(START, false, int, plan->error, pthread_create, (pthread_t *out, const pthread_attr_t *how, void *(*run)(void *), void *of), (out, how, run, of))
FAILS(START, false, pid_t, -1, fork, (void), ())
FAILS(START, false, int, -1, socketpair, (int domain, int type, int protocol, int ends[2]), (domain, type, protocol, ends))
FAILS(START, false, int, plan->error, posix_spawn, (pid_t *child, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *how, char *const *arguments, char *const *environment), (child, path, actions, how, arguments, environment))
FAILS(RANDOM, false, ssize_t, -1, getrandom, (void *to, size_t n, unsigned flags), (to, n, flags))
FAILS(OUT, false, int, EOF, fflush, (FILE * stream), (stream))

/* What is written to a pipe only wakes another process: it counts with what starts them. */
DECLARE(pipe2);
int pipe2(int ends[2], int flags)
{
    if (is_met(START, false))
        return -1;
    int result = REAL(pipe2)(ends, flags);
    if (result == 0 && ends[1] < MAX_FILES)
        is_bell[ends[1]] = true;
    return result;
}

/* A failed close has closed the descriptor all the same. */
DECLARE(close);
int close(int fd)
{
    bool was_db = is_db(fd);
    bool fails = is_met(CLOSE, was_db);
    int saved = errno;
    if (fd >= 0 && fd < MAX_FILES)
        is_db_file[fd] = is_bell[fd] = false;
    int result = REAL(close)(fd);
    if (!fails)
        return result;
    errno = saved;
    return -1;
}

/* Locks of SQLite. Other uses of fcntl pass. */
#define CONTROLS(name)                                                                                                 \
    DECLARE(name);                                                                                                     \
    int name(int fd, int what, ...)                                                                                    \
    {                                                                                                                  \
        va_list more;                                                                                                  \
        va_start(more, what);                                                                                          \
        void *with = va_arg(more, void *);                                                                             \
        va_end(more);                                                                                                  \
        if ((what == F_SETLK || what == F_SETLKW) && is_met(LOCK, is_db(fd)))                                          \
            return -1;                                                                                                 \
        return REAL(name)(fd, what, with);                                                                             \
    }
CONTROLS(fcntl)
CONTROLS(fcntl64)

/* The time of day. */
DECLARE(time);
time_t time(time_t *out)
{
    if (!clock_stands)
        return REAL(time)(out);
    if (out)
        *out = clock_stands;
    return clock_stands;
}
DECLARE(clock_gettime);
int clock_gettime(clockid_t which, struct timespec *out)
{
    if (!clock_stands || which != CLOCK_REALTIME)
        return REAL(clock_gettime)(which, out);
    *out = (struct timespec){ .tv_sec = clock_stands };
    return 0;
}
DECLARE(gettimeofday);
int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    if (!clock_stands)
        return REAL(gettimeofday)(out, zone);
    *out = (struct timeval){ .tv_sec = clock_stands };
    return 0;
}
