#include "common/sys/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/sys/clock.h"
#include "common/sys/file.h"

int su_program_path(struct su_buf *out, struct su_err *err)
{
    return su_path_real("/proc/self/exe", out, err);
}

int su_path_real(const char *path, struct su_buf *out, struct su_err *err)
{
    SU_AUTO(su_text) char *real = realpath(path, NULL);
    if (!real)
        return su_fail_sys(err, "%s", path);
    su_buf_clear(out);
    su_buf_adds(out, real);
    return su_buf_check(out, "a path", err);
}

const char *su_host_name(char out[SU_HOST_TEXT])
{
    if (gethostname(out, SU_HOST_TEXT) < 0)
        out[0] = 0;
    out[SU_HOST_TEXT - 1] = 0;
    size_t length = strspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-");
    if (length == 0 || out[length])
        (void)snprintf(out, SU_HOST_TEXT, "localhost");
    return out;
}

int su_program_check(const char *path, struct su_err *err)
{
    struct stat st;
    if (path[0] != '/')
        return su_fail(err, SU_CONFIG, "%s is no absolute path", path);
    if (stat(path, &st) < 0) {
        (void)su_fail_sys(err, "%s", path);
        err->code = SU_CONFIG;
        return -1;
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
        return su_fail(err, SU_CONFIG, "%s is no program", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return su_fail(err, SU_CONFIG, "%s belongs to user %ld; this is user %ld", path, (long)st.st_uid,
                       (long)geteuid());
    if ((st.st_mode & 0022) != 0)
        return su_fail(err, SU_CONFIG, "%s may be changed by others than its owner", path);
    return 0;
}

/* Gives it all of the input that it wants; a program that reads nothing, or ends early, is none the worse. */
static void feed(int fd, const struct su_buf *input, double until)
{
    size_t done = 0;
    while (done < input->length) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        double left = until - su_time_monotonic();
        if (left <= 0 || (poll(&ready, 1, (int)(left * 1000) + 1) < 0 && errno != EINTR) ||
            (ready.revents & (POLLERR | POLLNVAL)))
            return;
        if (!(ready.revents & POLLOUT))
            continue;
        ssize_t n = write(fd, input->bytes + done, input->length - done);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return;
        done += n > 0 ? (size_t)n : 0;
    }
}

/* Asked every 10 ms: to wait for the end of a process and for time at once takes more than that is worth
 * here. */
static int await(pid_t child, double until, int *status, struct su_err *err)
{
    for (;;) {
        int how;
        pid_t ended = waitpid(child, &how, WNOHANG);
        if (ended == child) {
            *status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
            return 0;
        }
        if (ended < 0 && errno != EINTR)
            return su_fail_sys(err, "waiting for a program");
        if (su_time_monotonic() >= until)
            break;
        (void)poll(NULL, 0, 10);
    }
    (void)kill(-child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    *status = -1;
    return 0;
}

static int start(const char *path, char *const *arguments, char *const *environment, int input, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    if ((failed = posix_spawnattr_init(&attributes)) == 0) {
        (void)sigemptyset(&none);
        (void)sigfillset(&usual);
        if ((failed = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)) == 0 &&
            (failed = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)) ==
                0 &&
            (failed = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)) ==
                0 &&
            (failed = posix_spawn_file_actions_addchdir_np(&actions, "/")) == 0 &&
            (failed = posix_spawnattr_setsigmask(&attributes, &none)) == 0 &&
            (failed = posix_spawnattr_setsigdefault(&attributes, &usual)) == 0 &&
            (failed = posix_spawnattr_setpgroup(&attributes, 0)) == 0 &&
            (failed = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                                POSIX_SPAWN_SETSIGDEF)) == 0)
            failed = posix_spawn(child, path, &actions, &attributes, arguments, environment);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

int su_program_run(const char *path, char *const *arguments, char *const *environment,
                   const struct su_buf *input, unsigned seconds, int *status, struct su_err *err)
{
    double until = su_time_monotonic() + seconds;
    int ends[2];
    pid_t child;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return su_fail_sys(err, "a pipe");
    SU_AUTO(su_fd) su_fd read_end = ends[0], write_end = ends[1];
    int failed = start(path, arguments, environment, read_end, &child);
    if (failed) {
        errno = failed;
        return su_fail_sys(err, "%s", path);
    }
    su_fd_cleanup(&read_end);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    (void)sigaction(SIGPIPE, &ignore, &before); /* it may end without reading */
    if (fcntl(write_end, F_SETFL, O_NONBLOCK) == 0)
        feed(write_end, input, until);
    (void)sigaction(SIGPIPE, &before, NULL);
    su_fd_cleanup(&write_end);
    return await(child, until, status, err);
}
