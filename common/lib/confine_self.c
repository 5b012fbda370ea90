#include "common/lib/confine_self.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/sys/belt.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
const bool su_is_sanitized = true;
#else
const bool su_is_sanitized = false;
#endif

static int cannot(struct su_err *err, const char *what)
{
    return su_fail(err, SU_NO_CONFINEMENT, "what is not trusted cannot be confined here: %s: %s", what,
                   /* NOLINTNEXTLINE(concurrency-mt-unsafe): glibc 2.32 and later: a text of each thread */
                   strerror(errno));
}

/* ---- databases ----------------------------------------------------------------------------------------- */

/* Hexadecimal digits, as many as there are. */
static uintptr_t get_address(const char **at)
{
    static const char digits[] = "0123456789abcdef";
    uintptr_t value = 0;
    for (const char *digit; **at && (digit = strchr(digits, **at)); ++*at)
        value = value << 4 | (uintptr_t)(digit - digits);
    return value;
}

/* A line of maps: "7f3fc7a71000-7f3fc7b72000 rw-s 00000000 fe:00 1143 /home/update-point.db-shm". */
static int unmap_index(const char *line)
{
    const char *at = line;
    uintptr_t from = get_address(&at), to = 0;
    if (*at++ == '-')
        to = get_address(&at);
    if (to <= from || strlen(at) < 5)
        return -1;
    if (at[4] != 's' || !strstr(line, ".db-shm"))
        return 0;
    return munmap((void *)from, to - from);
}

int su_give_up_databases(struct su_err *err)
{
    char *line = NULL;
    size_t capacity = 0;
    int result = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        return cannot(err, "/proc/self/maps");
    while (result == 0 && getline(&line, &capacity, maps) > 0)
        result = unmap_index(line);
    if (result < 0 || !feof(maps)) /* without memory for a line it is neither an error nor the end */
        result = cannot(err, "the index of a database");
    free(line);
    (void)fclose(maps);
    return result;
}

/* ---- resource limits ----------------------------------------------------------------------------------- */

static int limit(__rlimit_resource_t resource, rlim_t most)
{
    const struct rlimit both = {most, most};
    return setrlimit(resource, &both);
}

/* What the process has mapped already. */
static size_t mapped_bytes(void)
{
    char text[64];
    uint64_t pages = 0;
    SU_AUTO(su_fd) su_fd fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    const char *end = n > 0 ? memchr(text, ' ', (size_t)n) : NULL;
    return end && su_u64_parse(&pages, text, (size_t)(end - text), SIZE_MAX >> 16)
               ? (size_t)pages * (size_t)sysconf(_SC_PAGESIZE)
               : 0;
}

static int give_up_memory(const struct su_confined_plan *plan, size_t mapped, struct su_err *err)
{
    size_t bytes = plan->bytes ? plan->bytes : SU_MAX_CONFINED_BYTES;
    rlim_t files = 0;
    if (plan->folder >= 0) { /* what it opens gets the lowest numbers that are free */
        for (size_t i = 0; i < plan->file_count; i++)
            files = (rlim_t)plan->files[i] > files ? (rlim_t)plan->files[i] : files;
        files = ((rlim_t)plan->folder > files ? (rlim_t)plan->folder : files) + 8;
    }
    if (plan->has_threads)
        bytes += (su_threads() + 4) * SU_MAX_CONFINED_THREAD_BYTES;
    if (mapped == 0)
        return cannot(err, "/proc/self/statm");
    if ((!su_is_sanitized && limit(RLIMIT_AS, mapped + bytes) < 0) || limit(RLIMIT_NOFILE, files) < 0 ||
        (!plan->has_threads && limit(RLIMIT_NPROC, 0) < 0) || limit(RLIMIT_FSIZE, 0) < 0 ||
        limit(RLIMIT_CORE, 0) < 0)
        return cannot(err, "resource limits");
    return 0;
}

/* ---- Landlock ------------------------------------------------------------------------------------------ */

/* As far as the kernel knows it; Debian's header is older than kernels it runs on. */
struct ruleset {
    uint64_t files, network, scopes;
};

static long landlock_make(const struct ruleset *ruleset, size_t bytes, unsigned flags)
{
    return syscall(SYS_landlock_create_ruleset, ruleset, bytes, flags);
}

int su_landlock_abi(void)
{
    long abi = landlock_make(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 1 ? 0 : (int)abi;
}

/* All that version `abi` can forbid: rights of files, of connections (4), signals and sockets to others (6).
 */
static struct ruleset all_of(int abi, size_t *bytes)
{
    static const unsigned file_rights[] = {13, 14, 15, 15, 16}; /* of versions 1 to 5 */
    struct ruleset all = {.files = ((uint64_t)1 << file_rights[abi < 5 ? abi - 1 : 4]) - 1,
                          .network = abi >= 4 ? 3 : 0,
                          .scopes = abi >= 6 ? 3 : 0};
    *bytes = abi >= 6 ? sizeof all : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    return all;
}

static int give_up_files(const struct su_confined_plan *plan, struct su_err *err)
{
    int abi = su_landlock_abi();
    size_t bytes;
    if (abi == 0)
        return cannot(err, "Landlock");
    const struct ruleset all = all_of(abi, &bytes);
    SU_AUTO(su_fd) su_fd rules = (int)landlock_make(&all, bytes, 0);
    const struct landlock_path_beneath_attr folder = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
                                                                        LANDLOCK_ACCESS_FS_READ_DIR,
                                                      .parent_fd = plan->folder};
    if (rules < 0 ||
        (plan->folder >= 0 &&
         syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &folder, 0)) ||
        syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        return cannot(err, "Landlock");
    return 0;
}

/* ---- seccomp ------------------------------------------------------------------------------------------- */

/* What needs no look at its arguments: of descriptors that are open, of memory, of time, of itself. */
static const int free_calls[] = {
    SCMP_SYS(read),         SCMP_SYS(write),          SCMP_SYS(readv),         SCMP_SYS(writev),
    SCMP_SYS(pread64),      SCMP_SYS(lseek),          SCMP_SYS(close),         SCMP_SYS(fstat),
    SCMP_SYS(fadvise64),    SCMP_SYS(munmap),         SCMP_SYS(mremap),        SCMP_SYS(brk),
    SCMP_SYS(madvise),      SCMP_SYS(futex),          SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),    SCMP_SYS(sysinfo), /* qsort, which asks how much memory there is before it takes
                                                  some */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),  SCMP_SYS(sigaltstack),
    SCMP_SYS(sched_yield),  SCMP_SYS(getpid),         SCMP_SYS(gettid),        SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),         SCMP_SYS(exit_group),
};
static const int thread_calls[] = {SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_getaffinity)};
/* Besides, what sanitizers do to tell of what they found. */
static const int sanitizer_calls[] = {
    SCMP_SYS(openat),
    SCMP_SYS(open),
    SCMP_SYS(readlink),
    SCMP_SYS(prctl),
    SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64),
    SCMP_SYS(uname),
    SCMP_SYS(getppid),
    SCMP_SYS(clone),
    SCMP_SYS(wait4),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(ptrace),
    SCMP_SYS(ioctl),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(getdents64),
};

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) < 0)
            return -1;
    return 0;
}
#define ALLOW(filter, calls) allow(filter, calls, sizeof(calls) / sizeof *(calls))

static struct scmp_arg_cmp equals(unsigned argument, int value)
{
    return (struct scmp_arg_cmp){.arg = argument, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)value};
}

static int allow_by_argument(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp not_run = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                              by_descriptor = SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH),
                              itself = equals(0, getpid());
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_run) < 0 ||
                   seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_run) < 0 ||
                   /* fstat of the C library */
                   seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1, by_descriptor) < 0 ||
                   /* abort, whose signal tells more than seccomp's */
                   seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, itself) < 0
               ? -1
               : 0;
}

/* The C library asks for clone3 first, whose flags cannot be looked at, and takes clone where there is none.
 */
static int allow_threads(scmp_filter_ctx filter)
{
    const unsigned thread = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
    return ALLOW(filter, thread_calls) < 0 ||
                   seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                    SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread)) < 0 ||
                   seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) < 0
               ? -1
               : 0;
}

/* For reading, by a name that begins in the folder; Landlock keeps it there. */
static int allow_folder(scmp_filter_ctx filter, int folder)
{
    const unsigned changes = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 2, equals(0, folder),
                            SCMP_A2(SCMP_CMP_MASKED_EQ, changes, 0)) < 0 ||
                   seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(getdents64), 0) < 0 ||
                   seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, equals(1, F_GETFL)) < 0 ||
                   seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, equals(1, F_SETFD)) < 0
               ? -1
               : 0;
}

static int give_up_calls(const struct su_confined_plan *plan, struct su_err *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int failed = !filter || seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0 ||
                 ALLOW(filter, free_calls) < 0 || allow_by_argument(filter) < 0 ||
                 (plan->has_threads && allow_threads(filter) < 0) ||
                 (plan->folder >= 0 && allow_folder(filter, plan->folder) < 0) ||
                 (su_is_sanitized && ALLOW(filter, sanitizer_calls) < 0);
    int code = failed ? -ENOMEM : seccomp_load(filter);
    if (filter)
        seccomp_release(filter);
    errno = -code;
    return code < 0 ? cannot(err, "seccomp") : 0;
}

/* ---- all ----------------------------------------------------------------------------------------------- */

int su_give_up(const struct su_confined_plan *plan, unsigned parts, struct su_err *err)
{
    size_t mapped = mapped_bytes();
    if ((parts & SU_GIVE_UP_PRIVILEGES) &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1))
        return cannot(err, "no new privileges");
    if ((parts & SU_GIVE_UP_FILES) && give_up_files(plan, err) < 0)
        return -1;
    if ((parts & SU_GIVE_UP_MEMORY) && give_up_memory(plan, mapped, err) < 0)
        return -1;
    return (parts & SU_GIVE_UP_CALLS) ? give_up_calls(plan, err) : 0;
}
