/*
 * tracer.c - runs a program and meets it at every system call that changes a file below given folders.
 *
 *   tracer [--kill N before|half] [--log FILE] --count FILE --below DIR [--below DIR] -- PROGRAM ARGUMENT...
 *
 * A seccomp filter stops the program, its threads and its children at those calls alone; the tracer looks
 * which file each of them means. Calls below the folders go one after the other, so they have an order and
 * numbers 1, 2, 3 ...
 * --kill ends the program with SIGKILL before call N; "half" lets it write the first half of the bytes first.
 * --log writes what happened: one line for each numbered call, the bytes of writes in FILE.data.
 * --count gets the number of calls. The status is the program's, 137 when it was killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#define FOLDERS 4

enum act { OPEN, WRITE, TRUNCATE, RENAME, LINK, UNLINK, MKDIR, SYNC, SYNC_ALL, MAP, HINT, STRANGE };

/* Which arguments mean what: `at` a directory's descriptor and `at + 1` a path; -1 without. */
static const struct call {
    long number;
    enum act act;
    const char *name;
    int fd, at, from; /* a descriptor; the name that changes; the old name of a rename */
    int flags;        /* of open */
} calls[] = {
    {SYS_openat, OPEN, "open", -1, 0, -1, 2},
    {SYS_write, WRITE, "write", 0, -1, -1, -1},
    {SYS_pwrite64, WRITE, "pwrite", 0, -1, -1, 3}, /* here: the place */
    {SYS_ftruncate, TRUNCATE, "ftruncate", 0, -1, -1, -1},
    {SYS_renameat2, RENAME, "rename", -1, 2, 0, -1},
    {SYS_linkat, LINK, "link", -1, 2, 0, -1},
    {SYS_unlinkat, UNLINK, "unlink", -1, 0, -1, 2},
    {SYS_mkdirat, MKDIR, "mkdir", -1, 0, -1, -1},
    {SYS_fsync, SYNC, "fsync", 0, -1, -1, -1},
    {SYS_fdatasync, SYNC, "fdatasync", 0, -1, -1, -1},
    {SYS_syncfs, SYNC_ALL, "syncfs", 0, -1, -1, -1},
    {SYS_sync_file_range, HINT, "sync_file_range", 0, -1, -1, -1},
    {SYS_mmap, MAP, "mmap", 4, -1, -1, -1},
    {SYS_fchmod, HINT, "fchmod", 0, -1, -1, -1},
    {SYS_fchown, HINT, "fchown", 0, -1, -1, -1},
#ifdef SYS_renameat
    {SYS_renameat, RENAME, "rename", -1, 2, 0, -1},
#endif
#ifdef SYS_open /* the older calls of some machines; `at` -2: the path stands alone, in argument 0 or 1 */
    {SYS_open, OPEN, "open", -1, -2, -1, 1},
    {SYS_creat, STRANGE, "creat", -1, -2, -1, -1},
    {SYS_rename, RENAME, "rename", -1, -3, -2, -1},
    {SYS_link, LINK, "link", -1, -3, -2, -1},
    {SYS_unlink, UNLINK, "unlink", -1, -2, -1, -1},
    {SYS_mkdir, MKDIR, "mkdir", -1, -2, -1, -1},
    {SYS_rmdir, UNLINK, "rmdir", -1, -2, -1, -1},
    {SYS_symlink, STRANGE, "symlink", -1, -3, -1, -1},
#endif
    /* What the model does not know; below the folders it must not happen. */
    {SYS_writev, STRANGE, "writev", 0, -1, -1, -1},
    {SYS_pwritev, STRANGE, "pwritev", 0, -1, -1, -1},
    {SYS_pwritev2, STRANGE, "pwritev2", 0, -1, -1, -1},
    {SYS_fallocate, STRANGE, "fallocate", 0, -1, -1, -1},
    {SYS_copy_file_range, STRANGE, "copy_file_range", 2, -1, -1, -1},
    {SYS_sendfile, STRANGE, "sendfile", 0, -1, -1, -1},
    {SYS_truncate, STRANGE, "truncate", -1, -2, -1, -1},
    {SYS_symlinkat, STRANGE, "symlinkat", -1, 1, -1, -1},
};
#define CALLS (sizeof calls / sizeof *calls)

static char folders[FOLDERS][PATH_MAX];
static size_t folder_count;
static FILE *journal, *data;
static unsigned long counted, kill_at, data_bytes;
static bool kills_half;
static pid_t program;

static void die(const char *what)
{
    perror(what);
    _exit(125);
}

/* One call as it is met, before it is done. */
struct met {
    const struct call *call;
    pid_t thread;
    uint64_t args[6];
    char path[PATH_MAX], from[PATH_MAX]; /* absolute; of a descriptor, its file's */
    uint64_t inode, place, length;       /* of the file of a descriptor */
    bool existed;
    char *bytes;
};

static void join(char out[PATH_MAX], const char *folder, const char *base)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, base);
    if (n < 0 || n >= PATH_MAX)
        die("a path");
}

static bool is_below(const char *path)
{
    for (size_t i = 0; i < folder_count; i++) {
        size_t n = strlen(folders[i]);
        if (strncmp(path, folders[i], n) == 0 && (path[n] == 0 || path[n] == '/'))
            return true;
    }
    return false;
}

static bool read_link(pid_t thread, const char *what, int fd, char out[PATH_MAX])
{
    char proc[64];
    if (fd >= 0)
        (void)snprintf(proc, sizeof proc, "/proc/%d/fd/%d", thread, fd);
    else
        (void)snprintf(proc, sizeof proc, "/proc/%d/%s", thread, what); /* NOLINT(nullPointer): none comes with a descriptor only */
    ssize_t n = readlink(proc, out, PATH_MAX - 1);
    out[n < 0 ? 0 : n] = 0;
    return n > 0 && out[0] == '/';
}

static bool read_text(pid_t thread, uint64_t address, char out[PATH_MAX])
{
    size_t have = 0;
    while (have < PATH_MAX) { /* a page at a time: the next may not be there */
        size_t part = 4096 - (address + have) % 4096;
        part = part > PATH_MAX - have ? PATH_MAX - have : part;
        struct iovec to = {out + have, part}, from = {(void *)(uintptr_t)(address + have), part};
        ssize_t n = process_vm_readv(thread, &to, 1, &from, 1, 0);
        if (n <= 0)
            return false;
        if (memchr(out + have, 0, (size_t)n))
            return true;
        have += (size_t)n;
    }
    return false;
}

/* The path a call names, its folder without links, so that the same file always bears the same name. */
static bool resolve(pid_t thread, int dir, uint64_t address, char out[PATH_MAX])
{
    char text[PATH_MAX], whole[2 * PATH_MAX], folder[PATH_MAX], base[NAME_MAX + 1];
    if (!read_text(thread, address, text))
        return false;
    if (text[0] == '/')
        (void)snprintf(whole, sizeof whole, "%s", text);
    else if (!read_link(thread, "cwd", dir == AT_FDCWD ? -1 : dir, folder))
        return false;
    else
        (void)snprintf(whole, sizeof whole, "%s/%s", folder, text);
    while (strlen(whole) > 1 && whole[strlen(whole) - 1] == '/')
        whole[strlen(whole) - 1] = 0;
    char *last = strrchr(whole, '/');
    (void)snprintf(base, sizeof base, "%s", last + 1);
    *last = 0;
    if (strcmp(base, ".") == 0 || strcmp(base, "..") == 0 || !realpath(last == whole ? "/" : whole, folder))
        return false;
    join(out, folder, base);
    return true;
}

static void look_at_descriptor(struct met *m)
{
    char proc[64], line[128];
    int fd = (int)m->args[m->call->fd];
    struct stat st;
    unsigned flags = 0;
    if (!read_link(m->thread, NULL, fd, m->path) || !is_below(m->path))
        return;
    (void)snprintf(proc, sizeof proc, "/proc/%d/fd/%d", m->thread, fd);
    if (stat(proc, &st) < 0)
        die(proc);
    m->inode = st.st_ino;
    (void)snprintf(proc, sizeof proc, "/proc/%d/fdinfo/%d", m->thread, fd);
    FILE *info = fopen(proc, "re");
    if (!info)
        die(proc);
    while (fgets(line, sizeof line, info))
        if (strncmp(line, "pos:", 4) == 0)
            m->place = strtoull(line + 4, NULL, 10);
        else if (strncmp(line, "flags:", 6) == 0)
            flags = (unsigned)strtoul(line + 6, NULL, 8);
    (void)fclose(info);
    if (m->call->flags >= 0)
        m->place = m->args[m->call->flags];
    else if (flags & O_APPEND)
        m->place = (uint64_t)st.st_size;
}

static void fetch_bytes(struct met *m)
{
    m->length = m->args[2];
    m->bytes = malloc(m->length + 1);
    struct iovec to = {m->bytes, m->length}, from = {(void *)(uintptr_t)m->args[1], m->length};
    if (!m->bytes || process_vm_readv(m->thread, &to, 1, &from, 1, 0) != (ssize_t)m->length)
        die("reading what is written");
}

static bool name_of(const struct met *m, int at, char out[PATH_MAX])
{
    return at < -1 ? resolve(m->thread, AT_FDCWD, m->args[-at - 2], out)
                   /* NOLINTNEXTLINE(arrayIndexOutOfBoundsCond,negativeIndex): `at` is -2 or less, or 0 to 2, by the table of calls */
                   : resolve(m->thread, (int)m->args[at], m->args[at + 1], out);
}

/* Whether the call is one that counts; fills what it is about. */
static bool look(struct met *m)
{
    struct stat st;
    if (m->call->act == MAP && (!(m->args[3] & MAP_SHARED) || !(m->args[2] & PROT_WRITE)))
        return false;
    if (m->call->fd >= 0) {
        look_at_descriptor(m);
        if (m->inode == 0)
            return false;
        if (m->call->act == WRITE)
            fetch_bytes(m);
        return m->call->act != HINT;
    }
    if (m->call->act == OPEN &&
        (m->args[m->call->flags] & O_TMPFILE) == O_TMPFILE) /* in a folder; nameless */
        return read_link(m->thread, "cwd", (int)m->args[0], m->path) && is_below(m->path);
    if (!name_of(m, m->call->at, m->path) || !is_below(m->path))
        return false;
    m->existed = lstat(m->path, &st) == 0;
    if (m->call->act == RENAME && !name_of(m, m->call->from, m->from))
        m->from[0] = 0;
    return true;
}

static void keep_bytes(const char *bytes, size_t length)
{
    if (fwrite(bytes, 1, length, data) != length)
        die("the log");
    data_bytes += length;
}

/* The bytes of a file that came from outside the folders. */
static unsigned long keep_file(const char *path)
{
    char bytes[65536];
    size_t n;
    unsigned long length = 0;
    FILE *file = fopen(path, "re");
    while (file && (n = fread(bytes, 1, sizeof bytes, file)) > 0) {
        keep_bytes(bytes, n);
        length += n;
    }
    if (file)
        (void)fclose(file);
    return length;
}

static void record(const struct met *m, int64_t result)
{
    struct stat st = {0};
    unsigned long at = data_bytes, length;
    if (!journal)
        return;
    if (result < 0) {
        (void)fprintf(journal, "failed\t%s\t%s\n", m->call->name, m->path);
        return;
    }
    switch (m->call->act) {
    case OPEN:
        if ((m->args[m->call->flags] & O_TMPFILE) == O_TMPFILE) {
            char proc[64];
            (void)snprintf(proc, sizeof proc, "/proc/%d/fd/%d", m->thread, (int)result);
            if (stat(proc, &st) < 0)
                die(proc);
            (void)fprintf(journal, "nameless\t%lu\t%s\n", (unsigned long)st.st_ino, m->path);
            break;
        }
        if (lstat(m->path, &st) < 0)
            die(m->path);
        if (!m->existed)
            (void)fprintf(journal, "create\t%lu\t%s\n", (unsigned long)st.st_ino, m->path);
        else if (m->args[m->call->flags] & O_TRUNC)
            (void)fprintf(journal, "truncate\t%lu\t0\t%s\n", (unsigned long)st.st_ino, m->path);
        else
            (void)fprintf(journal, "open\t%lu\t%s\n", (unsigned long)st.st_ino, m->path);
        break;
    case WRITE:
        keep_bytes(m->bytes, (size_t)result);
        (void)fprintf(journal, "write\t%lu\t%lu\t%ld\t%lu\t%s\n", (unsigned long)m->inode,
                      (unsigned long)m->place, (long)result, at, m->path);
        break;
    case TRUNCATE:
        (void)fprintf(journal, "truncate\t%lu\t%lu\t%s\n", (unsigned long)m->inode, (unsigned long)m->args[1],
                      m->path);
        break;
    case RENAME: (void)fprintf(journal, "rename\t%s\t%s\n", m->from, m->path); break;
    case LINK: /* the old name may be a descriptor's: what counts is the file */
        if (lstat(m->path, &st) < 0)
            die(m->path);
        length = keep_file(m->path);
        (void)fprintf(journal, "link\t%lu\t%lu\t%lu\t%s\n", (unsigned long)st.st_ino, length, at, m->path);
        break;
    case UNLINK: (void)fprintf(journal, "unlink\t%s\n", m->path); break;
    case MKDIR:
        if (lstat(m->path, &st) < 0)
            die(m->path);
        (void)fprintf(journal, "mkdir\t%lu\t%s\n", (unsigned long)st.st_ino, m->path);
        break;
    case SYNC: (void)fprintf(journal, "sync\t%lu\t%s\n", (unsigned long)m->inode, m->path); break;
    case SYNC_ALL: (void)fprintf(journal, "syncfs\t%s\n", m->path); break;
    case MAP: (void)fprintf(journal, "map\t%lu\t%s\n", (unsigned long)m->inode, m->path); break;
    default: (void)fprintf(journal, "strange\t%s\t%s\n", m->call->name, m->path);
    }
}

/* The first half of a write, by our own hand. */
static void write_half(const struct met *m)
{
    char proc[64];
    (void)snprintf(proc, sizeof proc, "/proc/%d/fd/%d", m->thread, (int)m->args[0]);
    int fd = open(proc, O_WRONLY | O_CLOEXEC);
    size_t half = m->length / 2;
    if (fd < 0 || pwrite(fd, m->bytes, half, (off_t)m->place) != (ssize_t)half)
        die(m->path);
    (void)close(fd);
}

/* Lets the thread do its call and nothing else; everybody else who comes to such a call waits. */
static bool finish(pid_t thread, int64_t *result)
{
    struct ptrace_syscall_info info;
    int status, pass = 0;
    for (;;) {
        if (ptrace(PTRACE_SYSCALL, thread, 0, pass) < 0 || waitpid(thread, &status, __WALL) < 0 ||
            !WIFSTOPPED(status))
            return false;
        pass = status >> 8 == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
        if (pass == 0)
            break;
    }
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) < 0 ||
        info.op != PTRACE_SYSCALL_INFO_EXIT)
        die("the result of a call");
    *result = info.exit.rval;
    return true;
}

static void meet(pid_t thread)
{
    struct ptrace_syscall_info info;
    struct met m = {.thread = thread};
    int64_t result;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) < 0)
        return; /* it has just been killed */
    for (size_t i = 0; i < CALLS && !m.call; i++)
        if ((uint64_t)calls[i].number == info.seccomp.nr)
            m.call = &calls[i];
    memcpy(m.args, info.seccomp.args, sizeof m.args);
    bool counts = m.call && look(&m);
    counted += counts;
    if (counts && counted == kill_at && (!kills_half || m.call->act == WRITE)) {
        if (kills_half)
            write_half(&m);
        (void)kill(program, SIGKILL);
        (void)kill(thread, SIGKILL);
    } else if (counts && finish(thread, &result)) {
        record(&m, result);
    }
    free(m.bytes);
    (void)ptrace(PTRACE_CONT, thread, 0, 0);
}

#define PART(field) ((unsigned)offsetof(struct seccomp_data, field))
/* Opening for reading is most of what a program does to files; it is let through without a stop. */
static void filter_calls(void)
{
    struct sock_filter code[8 * CALLS + 4];
    size_t n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, PART(nr));
    for (size_t i = 0; i < CALLS; i++) {
        const struct call *c = &calls[i];
        const unsigned writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
        unsigned flags = PART(args[0]) + (unsigned)(c->act == OPEN ? c->flags * 8 : 0);
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)c->number, 0,
                                                 c->act == OPEN ? 4 : 1);
        if (c->act == OPEN) {
            code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags);
            code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, writing, 0, 1);
            code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
            code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        } else {
            code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
        }
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {(unsigned short)n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
        die("seccomp");
}

static int trace(void)
{
    int status, own = 0;
    pid_t thread;
    while ((thread = waitpid(-1, &status, __WALL)) > 0) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (thread == program)
                own = status;
            continue;
        }
        if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_SECCOMP << 8))) {
            meet(thread);
            continue;
        }
        bool is_ours = status >> 16 != 0 || WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP;
        (void)ptrace(PTRACE_CONT, thread, 0, is_ours ? 0 : WSTOPSIG(status));
    }
    return own;
}

static int options(int argc, char **argv, const char **count)
{
    char name[PATH_MAX];
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--") != 0; i += 2) {
        if (strcmp(argv[i], "--kill") == 0 && i + 2 < argc) {
            kill_at = strtoul(argv[i + 1], NULL, 10);
            kills_half = strcmp(argv[i + 2], "half") == 0;
            i++;
        } else if (strcmp(argv[i], "--log") == 0) {
            (void)snprintf(name, sizeof name, "%s.data", argv[i + 1]);
            if (!(journal = fopen(argv[i + 1], "we")) || !(data = fopen(name, "we")))
                die(argv[i + 1]);
        } else if (strcmp(argv[i], "--count") == 0) {
            *count = argv[i + 1];
        } else if (strcmp(argv[i], "--below") == 0 && folder_count < FOLDERS) {
            /* it may be made only now: its parent is there */
            (void)snprintf(name, sizeof name, "%s", argv[i + 1]);
            char *last = strrchr(name, '/'), parent[PATH_MAX];
            *last = 0;
            if (last == name || !realpath(name, parent))
                die(argv[i + 1]);
            join(folders[folder_count++], parent, last + 1);
        } else {
            return 0;
        }
    }
    return i + 1 < argc && *count && folder_count > 0 ? i + 1 : 0;
}

int main(int argc, char **argv)
{
    const char *count = NULL;
    int first = options(argc, argv, &count), status;
    if (first == 0) {
        (void)fputs("tracer [--kill N before|half] [--log FILE] --count FILE --below DIR... -- PROGRAM ...\n",
                    stderr);
        return 125;
    }
    if ((program = fork()) == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
            die("ptrace");
        (void)raise(SIGSTOP);
        filter_calls();
        (void)execv(argv[first], argv + first);
        die(argv[first]);
    }
    const long follow = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                        PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
    if (waitpid(program, &status, __WALL) < 0 || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, program, 0, follow) < 0 || ptrace(PTRACE_CONT, program, 0, 0) < 0)
        die("ptrace");
    status = trace();
    if (journal && (fprintf(journal, "end\t%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 137) < 0 ||
                    fclose(journal) != 0 || fclose(data) != 0))
        die("the log");
    FILE *out = fopen(count, "we");
    if (!out || fprintf(out, "%lu\n", counted) < 0 || fclose(out) != 0)
        die(count);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
