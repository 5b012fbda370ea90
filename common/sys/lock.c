#include "common/sys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sys/clock.h"

int su_lock_take(su_fd *out, int home, const char *command, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = openat(home, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    char text[160] = "", now[SU_TIME_TEXT];
    struct stat st;
    /* A link, a socket and a directory cannot even be opened. */
    if ((fd < 0 && (errno == ELOOP || errno == ENXIO || errno == EISDIR)) ||
        (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)))
        return su_fail(err, SU_DATA, "the lock file is not a regular file");
    if (fd < 0 || fstat(fd, &st) < 0)
        return su_fail_sys(err, "opening the lock file");
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return su_fail_sys(err, "locking");
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        text[n > 0 ? n : 0] = 0;
        text[strcspn(text, "\n")] = 0;
        return su_fail(err, SU_LOCKED, "another run holds the lock: %s", text);
    }
    /* Cut, so that process and time always fit beside it. What has a second name elsewhere locks as well, and
     * is not written to. */
    int length = snprintf(text, sizeof text, "%.80s, process %ld, since %s\n", command, (long)getpid(),
                          su_time_now(now));
    if (st.st_nlink == 1 && ftruncate(fd, 0) < 0)
        return su_fail_sys(err, "writing the lock file");
    if (st.st_nlink == 1 && su_file_write_at(fd, text, (size_t)length, 0, err) < 0)
        return su_prefix(err, "writing the lock file");
    *out = fd;
    fd = -1;
    return 0;
}

int su_lock_dir(int dir, struct su_err *err)
{
    if (flock(dir, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0; /* a file system that knows no locks is written to without */
    return su_fail(err, SU_LOCKED, "another run writes to that folder");
}
