#include "common/sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/sys/interrupt.h"

_Atomic unsigned long su_fsync_count;

void su_fd_cleanup(su_fd *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* whoever needs the result closed it before */
    *fd = -1;
}

int su_dir_open(su_fd *out, int at, const char *path, struct su_err *err)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return su_fail_sys(err, "directory %s", path);
    *out = fd;
    return 0;
}

int su_dir_open_below(su_fd *out, int at, const char *name, struct su_err *err)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ELOOP || errno == ENOTDIR ? su_fail(err, SU_DATA, "%s is not a directory", name)
                                                  : su_fail_sys(err, "directory %s", name);
    *out = fd;
    return 0;
}

int su_dir_make(su_fd *out, int at, const char *name, unsigned mode, struct su_err *err)
{
    bool is_new = mkdirat(at, name, (mode_t)mode) == 0;
    if (!is_new && errno != EEXIST)
        return su_fail_sys(err, "making directory %s", name);
    if ((is_new && at >= 0 && su_dir_sync(at, err) < 0) || su_dir_open_below(out, at, name, err) < 0) {
        if (is_new)
            (void)unlinkat(at, name, AT_REMOVEDIR); /* nobody else would know of it */
        return -1;
    }
    return 0;
}

int su_dir_make_later(su_fd *out, int at, const char *name, unsigned mode, struct su_err *err)
{
    if (mkdirat(at, name, (mode_t)mode) < 0 && errno != EEXIST)
        return su_fail_sys(err, "making directory %s", name);
    return su_dir_open_below(out, at, name, err);
}

int su_path_make(su_fd *out, const char *path, unsigned mode, bool *is_made, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1, parent = -1;
    bool is_new = mkdir(path, (mode_t)mode) == 0;
    if (is_made)
        *is_made = is_new;
    if (!is_new && errno != EEXIST)
        return su_fail_sys(err, "making directory %s", path);
    if (su_dir_open(&dir, AT_FDCWD, path, err) < 0 ||
        (is_new && (su_dir_open_below(&parent, dir, "..", err) < 0 || su_dir_sync(parent, err) < 0)))
        return -1;
    *out = dir;
    dir = -1;
    return 0;
}

int su_file_sync(int fd, struct su_err *err)
{
    su_fsync_count++;
    if (fsync(fd) < 0)
        return su_fail_sys(err, "fsync");
    return 0;
}

int su_file_forget(int fd, struct su_err *err)
{
    int code = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (code != 0) {
        errno = code;
        return su_fail_sys(err, "dropping the cached copy of a file");
    }
    return 0;
}

int su_dir_sync(int dir, struct su_err *err)
{
    su_fsync_count++;
    if (fsync(dir) < 0 && errno != EINVAL) /* some file systems cannot sync a directory */
        return su_fail_sys(err, "fsync of directory");
    return 0;
}

int su_file_open(su_fd *out, int at, const char *name, uint64_t *bytes, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0)
        return errno == ELOOP   ? su_fail(err, SU_DATA, "%s is a symbolic link", name)
               : errno == ENXIO ? su_fail(err, SU_DATA, "%s is not a regular file", name) /* a socket */
                                : su_fail_sys(err, "%s", name);
    if (fstat(fd, &st) < 0)
        return su_fail_sys(err, "%s", name);
    if (!S_ISREG(st.st_mode))
        return su_fail(err, SU_DATA, "%s is not a regular file", name);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    if (bytes)
        *bytes = (uint64_t)st.st_size;
    *out = fd;
    fd = -1;
    return 0;
}

int su_file_append(su_fd *out, int at, const char *name, struct su_err *err)
{
    SU_AUTO(su_fd)
    su_fd fd = openat(at, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return su_fail_sys(err, "%s", name);
    if (!S_ISREG(st.st_mode))
        return su_fail(err, SU_DATA, "%s is not a regular file", name);
    *out = fd;
    fd = -1;
    return 0;
}

bool su_file_exists(int at, const char *name)
{
    struct stat st;
    return fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool su_file_look(int at, const char *name, struct su_file_mark *out)
{
    struct stat st;
    memset(out, 0, sizeof *out);
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    out->device = st.st_dev;
    out->inode = st.st_ino;
    out->bytes = (uint64_t)st.st_size;
    out->modified = st.st_mtim.tv_sec;
    out->modified_nano = st.st_mtim.tv_nsec;
    out->changed = st.st_ctim.tv_sec;
    out->changed_nano = st.st_ctim.tv_nsec;
    out->is_regular = S_ISREG(st.st_mode);
    out->links = st.st_nlink;
    return true;
}

ssize_t su_file_read(int fd, void *out, size_t length, struct su_err *err)
{
    for (;;) {
        if (su_interrupt_check(err) < 0)
            return -1;
        ssize_t n = read(fd, out, length);
        if (n >= 0)
            return n;
        if (errno != EINTR)
            return su_fail_sys(err, "read");
    }
}

int su_file_read_at(int fd, void *out, size_t length, uint64_t offset, struct su_err *err)
{
    size_t done = 0;
    while (done < length) {
        ssize_t n = pread(fd, (char *)out + done, length - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return su_fail_sys(err, "read at %llu", (unsigned long long)(offset + done));
        if (n == 0)
            return su_fail(err, SU_DATA, "ends at %llu, expected %llu more bytes",
                           (unsigned long long)(offset + done), (unsigned long long)(length - done));
        done += (size_t)n;
    }
    return 0;
}

int su_file_read_all(int at, const char *name, struct su_buf *out, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    uint64_t bytes;
    if (su_file_open(&fd, at, name, &bytes, err) < 0)
        return -1;
    if (bytes > out->max)
        return su_fail(err, SU_LIMIT, "%s has %llu bytes, at most %zu are accepted", name,
                       (unsigned long long)bytes, out->max);
    char *to = su_buf_reserve(out, (size_t)bytes);
    if (!to)
        return su_fail_memory(err);
    if (su_file_read_at(fd, to, (size_t)bytes, 0, err) < 0)
        return su_prefix(err, "%s", name);
    su_buf_grow_by(out, (size_t)bytes);
    return 0;
}

void su_file_bypass_cache(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_DIRECT);
}

/* Whether a refused write may be asked for once more, by way of the cache: its bytes are no whole blocks, or
 * the file system allows the flag and not the deed. Another thread may have been told so first, hence
 * `was_tried`. */
static bool may_use_cache(int fd, bool *was_tried)
{
    int flags;
    if (errno != EINVAL || *was_tried || (flags = fcntl(fd, F_GETFL)) < 0)
        return false;
    *was_tried = true;
    return fcntl(fd, F_SETFL, flags & ~O_DIRECT) == 0;
}

void su_file_write_behind(int fd, uint64_t offset, uint64_t length)
{
    (void)sync_file_range(fd, (off_t)offset, (off_t)length, SYNC_FILE_RANGE_WRITE);
}

int su_file_settle(int fd, struct su_err *err)
{
    const unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    if (sync_file_range(fd, 0, 0, all) == 0 || errno == ENOSYS || errno == ESPIPE)
        return 0;
    return su_fail_sys(err, "writing a file out");
}

int su_fs_sync(int dir, struct su_err *err)
{
    su_fsync_count++;
    return syncfs(dir) < 0 ? su_fail_sys(err, "syncing a file system") : 0;
}

int su_file_finish(su_fd *file, const char *name, struct su_err *err)
{
    int fd = *file;
    if (su_file_sync(fd, err) < 0)
        return su_prefix(err, "writing %s", name);
    *file = -1;
    return close(fd) < 0 ? su_fail_sys(err, "closing %s", name) : 0;
}

int su_file_create(su_fd *out, int at, const char *name, uint64_t bytes, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = openat(at, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return su_fail_sys(err, "creating %s", name);
    if (ftruncate(fd, (off_t)bytes) < 0)
        return su_fail_sys(err, "making room for %s", name);
    *out = fd;
    fd = -1;
    return 0;
}

int su_file_open_again(su_fd *out, int at, const char *name, struct su_err *err)
{
    int fd = openat(at, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return su_fail_sys(err, "%s", name);
    *out = fd;
    return 0;
}

int su_file_write_at(int fd, const void *bytes, size_t length, uint64_t offset, struct su_err *err)
{
    size_t done = 0;
    bool was_tried = false;
    while (done < length) {
        ssize_t n = pwrite(fd, (const char *)bytes + done, length - done, (off_t)(offset + done));
        if (n < 0 && (errno == EINTR || may_use_cache(fd, &was_tried)))
            continue;
        if (n < 0)
            return su_fail_sys(err, "write at %llu", (unsigned long long)(offset + done));
        done += (size_t)n;
    }
    return 0;
}

int su_file_write(int fd, const void *bytes, size_t length, struct su_err *err)
{
    const char *p = bytes;
    bool was_tried = false;
    while (length > 0) {
        ssize_t n = write(fd, p, length);
        if (n < 0 && (errno == EINTR || may_use_cache(fd, &was_tried)))
            continue;
        if (n < 0)
            return su_fail_sys(err, "write");
        p += n;
        length -= (size_t)n;
    }
    return 0;
}

int su_file_rename_later(int from_dir, const char *from, int to_dir, const char *to, struct su_err *err)
{
    return renameat(from_dir, from, to_dir, to) < 0 ? su_fail_sys(err, "renaming %s to %s", from, to) : 0;
}

int su_file_rename(int from_dir, const char *from, int to_dir, const char *to, struct su_err *err)
{
    return su_file_rename_later(from_dir, from, to_dir, to, err) < 0 ? -1 : su_dir_sync(to_dir, err);
}

int su_dir_finish(int at, const char *from, const char *to, struct su_err *err)
{
    if (su_file_rename_later(at, from, at, to, err) < 0)
        return -1;
    if (su_dir_sync(at, err) == 0)
        return 0;
    (void)renameat(at, to, at, from);
    return -1;
}

int su_file_remove(int at, const char *name, struct su_err *err)
{
    if (unlinkat(at, name, 0) < 0 && errno != ENOENT)
        return su_fail_sys(err, "removing %s", name);
    return 0;
}

int su_dir_remove(int at, const char *name, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    SU_AUTO(su_names) struct su_names names = {0};
    struct stat st;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : su_fail_sys(err, "%s", name);
    if (!S_ISDIR(st.st_mode))
        return su_file_remove(at, name, err);
    if (su_dir_open_below(&dir, at, name, err) < 0 || su_dir_list(dir, &names, 100000, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++)
        if (su_file_remove(dir, names.at[i], err) < 0)
            return -1;
    if (unlinkat(at, name, AT_REMOVEDIR) < 0)
        return su_fail_sys(err, "removing directory %s", name);
    return 0;
}

int su_space_free(int dir, uint64_t *bytes, struct su_err *err)
{
    struct statvfs fs;
    if (fstatvfs(dir, &fs) < 0)
        return su_fail_sys(err, "asking for free space");
    *bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    return 0;
}

int su_space_demand(int dir, uint64_t need, const char *what, const char *where, struct su_err *err)
{
    uint64_t have = 0;
    if (su_space_free(dir, &have, err) < 0)
        return -1;
    return have >= need ? 0
                        : su_fail(err, SU_SPACE, "%s needs about %llu bytes, %llu are free%s", what,
                                  (unsigned long long)need, (unsigned long long)have, where);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int su_dir_list(int dir, struct su_names *out, size_t max, struct su_err *err)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *handle = copy < 0 ? NULL : fdopendir(copy);
    if (!handle) {
        if (copy >= 0)
            (void)close(copy);
        return su_fail_sys(err, "listing directory");
    }
    int result = 0;
    struct dirent *entry;
    errno = 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the handle is this call's own */
    while (result == 0 && (entry = readdir(handle))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char **slot = SU_PUSH(out, max);
        if (!slot)
            result = su_fail_full(err, "directory holds more than %zu names", max);
        else if (!(*slot = strdup(entry->d_name)))
            result = su_fail_memory(err);
        errno = 0;
    }
    if (result == 0 && errno != 0)
        result = su_fail_sys(err, "listing directory");
    (void)closedir(handle);
    if (result == 0 && out->count > 0)
        qsort(out->at, out->count, sizeof *out->at, compare_names);
    return result;
}

void su_names_cleanup(struct su_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->at[i]);
    free(names->at);
    *names = (struct su_names){0};
}

void su_temp_name(char out[SU_TEMP_TEXT])
{
    static _Atomic unsigned counter;
    (void)snprintf(out, SU_TEMP_TEXT, ".tmp-%ld-%u", (long)getpid(), counter++);
}

static int begin(struct su_atomic *file, int dir, const char *name, struct su_err *err)
{
    *file = (struct su_atomic)SU_ATOMIC_INIT;
    if (strlen(name) >= sizeof file->name)
        return su_fail(err, SU_CONFIG, "file name %s is too long", name);
    file->dir = dir;
    (void)snprintf(file->name, sizeof file->name, "%s", name);
    return 0;
}

int su_atomic_open(struct su_atomic *file, int dir, const char *name, int mode, struct su_err *err)
{
    if (begin(file, dir, name, err) < 0)
        return -1;
    su_temp_name(file->temp);
    (void)unlinkat(dir, file->temp, 0); /* a leftover of a dead process that had our number */
    file->fd = openat(dir, file->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (file->fd < 0)
        return su_fail_sys(err, "creating %s", name);
    return 0;
}

int su_atomic_open_new(struct su_atomic *file, int dir, const char *name, int mode, struct su_err *err)
{
    if (begin(file, dir, name, err) < 0)
        return -1;
    /* By way of /proc it gets its name in the end; FAT has neither such files nor links. */
    if (su_file_exists(AT_FDCWD, "/proc/self/fd"))
        file->fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
    return file->fd >= 0 ? 0 : su_atomic_open(file, dir, name, mode, err);
}

void su_atomic_write(struct su_atomic *file, const void *bytes, size_t length)
{
    if (!file->has_failed && su_file_write(file->fd, bytes, length, &file->error) < 0)
        file->has_failed = true;
}

static int check_written(const struct su_atomic *file, struct su_err *err)
{
    if (!file->has_failed)
        return 0;
    *err = file->error;
    return su_prefix(err, "writing %s", file->name);
}

int su_atomic_leave(struct su_atomic *file, struct su_err *err)
{
    int fd = file->fd;
    if (check_written(file, err) < 0)
        return -1;
    file->fd = -1;
    if (close(fd) < 0)
        return su_fail_sys(err, "closing %s", file->name);
    file->dir = -1;
    return 0;
}

static int link_new(const struct su_atomic *file, struct su_err *err)
{
    char self[40];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", file->fd);
    if (linkat(AT_FDCWD, self, file->dir, file->name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    return errno == EEXIST ? su_fail(err, SU_EXISTS, "%s exists already", file->name)
                           : su_fail_sys(err, "naming %s", file->name);
}

static int name_new(struct su_atomic *file, struct su_err *err)
{
    if (linkat(file->dir, file->temp, file->dir, file->name, 0) == 0) {
        if (unlinkat(file->dir, file->temp, 0) == 0)
            return 0;
        (void)su_fail_sys(err, "removing %s", file->temp);
        (void)unlinkat(file->dir, file->name, 0); /* or running again would be refused */
        return -1;
    }
    if (errno == EEXIST || su_file_exists(file->dir, file->name)) /* FAT has no links: check, then rename */
        return su_fail(err, SU_EXISTS, "%s exists already", file->name);
    return su_file_rename_later(file->dir, file->temp, file->dir, file->name, err);
}

int su_atomic_commit(struct su_atomic *file, bool replace, struct su_err *err)
{
    bool has_name = file->temp[0];
    if (check_written(file, err) < 0)
        return -1;
    if (!has_name && su_file_sync(file->fd, err) < 0)
        return su_prefix(err, "writing %s", file->name);
    if (!has_name && link_new(file, err) < 0)
        return -1;
    if (has_name && su_file_finish(&file->fd, file->name, err) < 0)
        return -1;
    if (replace && has_name && su_file_rename_later(file->dir, file->temp, file->dir, file->name, err) < 0)
        return -1;
    if (!replace && has_name && name_new(file, err) < 0)
        return -1;
    su_fd_cleanup(&file->fd);
    if (su_dir_sync(file->dir, err) < 0) {
        if (!replace)
            (void)unlinkat(file->dir, file->name, 0); /* or running again would be refused */
        return -1;
    }
    file->dir = -1;
    return 0;
}

void su_atomic_cleanup(struct su_atomic *file)
{
    su_fd_cleanup(&file->fd);
    if (file->dir >= 0 && file->temp[0])
        (void)unlinkat(file->dir, file->temp, 0);
    file->dir = -1;
}

int su_dir_sweep(int dir, bool is_alone, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    if (su_dir_list(dir, &names, 10000000, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        const char *number = names.at[i] + 5;
        uint64_t process;
        if (strncmp(names.at[i], ".tmp-", 5) != 0)
            continue;
        bool is_dead = su_u64_parse(&process, number, strcspn(number, "-"), INT32_MAX) && process > 0 &&
                       kill((pid_t)process, 0) < 0 && errno == ESRCH;
        if ((is_alone || is_dead) && su_file_remove(dir, names.at[i], err) < 0)
            return -1;
    }
    return 0;
}

int su_file_save(int dir, const char *name, int mode, bool replace, const void *bytes, size_t length,
                 struct su_err *err)
{
    SU_AUTO(su_atomic) struct su_atomic file = SU_ATOMIC_INIT;
    if (su_atomic_open(&file, dir, name, mode, err) < 0)
        return -1;
    su_atomic_write(&file, bytes, length);
    return su_atomic_commit(&file, replace, err);
}

int su_file_save_new(int dir, const char *name, int mode, const void *bytes, size_t length,
                     struct su_err *err)
{
    SU_AUTO(su_atomic) struct su_atomic file = SU_ATOMIC_INIT;
    if (su_atomic_open_new(&file, dir, name, mode, err) < 0)
        return -1;
    su_atomic_write(&file, bytes, length);
    return su_atomic_commit(&file, false, err);
}

static const char *open_folder_of(const char *path, su_fd *dir, struct su_err *err)
{
    char folder[4096];
    const char *last = strrchr(path, '/');
    size_t n = last ? (size_t)(last - path) : 0;
    if (n >= sizeof folder) {
        (void)su_fail(err, SU_USAGE, "the path %.100s... is too long", path);
        return NULL;
    }
    (void)snprintf(folder, sizeof folder, "%.*s", (int)n, path);
    if (su_dir_open(dir, AT_FDCWD, !last ? "." : n ? folder : "/", err) < 0)
        return NULL;
    return last ? last + 1 : path;
}

int su_path_atomic_new(struct su_atomic *file, su_fd *dir, const char *path, int mode, struct su_err *err)
{
    const char *name = open_folder_of(path, dir, err);
    return name ? su_atomic_open_new(file, *dir, name, mode, err) : -1;
}

int su_path_save(const char *path, int mode, bool replace, const void *bytes, size_t length,
                 struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    const char *name = open_folder_of(path, &dir, err);
    if (!name)
        return -1;
    return replace ? su_file_save(dir, name, mode, true, bytes, length, err)
                   : su_file_save_new(dir, name, mode, bytes, length, err);
}
