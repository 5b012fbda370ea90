/*
 * file.h - the file system: the only place that opens, writes, syncs and renames.
 *
 * Everything works relative to an open directory, never follows a link in the last component and
 * treats a short write, a failed fsync or a failed close as the failure it is. su_fsync_count lets
 * tests assert that durability was asked for.
 */
#ifndef SU_FILE_H
#define SU_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/buf.h"
#include "common/base/err.h"

typedef int su_fd; /* -1 when none; SU_AUTO(su_fd) su_fd fd = -1; closes it */
void su_fd_cleanup(su_fd *fd);

extern _Atomic unsigned long su_fsync_count;

int su_dir_open(su_fd *out, int at, const char *path, struct su_err *err) SU_CHECKED;
/* The same for a name inside a directory that others may write to: a link there is refused. */
int su_dir_open_below(su_fd *out, int at, const char *name, struct su_err *err) SU_CHECKED;
/* Makes the directory when absent, syncs its parent, opens it. */
int su_dir_make(su_fd *out, int at, const char *name, unsigned mode, struct su_err *err) SU_CHECKED;
/* The same for a path of the user's, which may be a link. `is_made` may be NULL. */
int su_path_make(su_fd *out, const char *path, unsigned mode, bool *is_made, struct su_err *err) SU_CHECKED;
/* Makes the directory when absent, syncs nothing: for who syncs all later with su_fs_sync. */
int su_dir_make_later(su_fd *out, int at, const char *name, unsigned mode, struct su_err *err) SU_CHECKED;
int su_dir_sync(int dir, struct su_err *err) SU_CHECKED;
/* Opens a regular file read-only; a link, device or directory is refused. */
int su_file_open(su_fd *out, int at, const char *name, uint64_t *bytes, struct su_err *err) SU_CHECKED;
/* False only when the system says that there is none. Where it says nothing, who goes on meets the failure; who took
 * the file for absent would make it anew, and a home is lost. */
bool su_file_exists(int at, const char *name);
/* What tells a file from another and from its earlier self, without opening or following it. Compare with memcmp:
 * every byte is set. False when there is none. */
struct su_file_mark {
    uint64_t device, inode, bytes;
    int64_t modified, changed, modified_nano, changed_nano; /* since 1970; `changed` is the system's own and cannot be set */
    uint64_t is_regular, links;
};
bool su_file_look(int at, const char *name, struct su_file_mark *out);
/* Whole file into `out`, which carries the maximum. */
int su_file_read_all(int at, const char *name, struct su_buf *out, struct su_err *err) SU_CHECKED;
/* Exactly `length` bytes at `offset`; the end of the file is damage. */
int su_file_read_at(int fd, void *out, size_t length, uint64_t offset, struct su_err *err) SU_CHECKED;
/* Up to `length` bytes; returns the count, 0 at the end, -1 on failure. */
ssize_t su_file_read(int fd, void *out, size_t length, struct su_err *err) SU_CHECKED;
/* A new file to be written in any order and read back; `bytes` long, zero. An existing name is refused. */
int su_file_create(su_fd *out, int at, const char *name, uint64_t bytes, struct su_err *err) SU_CHECKED;
/* The same file once more. */
int su_file_open_again(su_fd *out, int at, const char *name, struct su_err *err) SU_CHECKED;
int su_file_write_at(int fd, const void *bytes, size_t length, uint64_t offset, struct su_err *err) SU_CHECKED;
int su_file_write(int fd, const void *bytes, size_t length, struct su_err *err) SU_CHECKED;
/* From now on what is written goes to the medium at once and is not kept in the page cache, where that is possible:
 * while address, length and place are multiples of SU_DIRECT_BYTES, and the file system lends itself to it. The
 * first write that cannot ends it. For large files that are not read again soon: */
#define SU_DIRECT_BYTES 4096u
void su_file_bypass_cache(int fd);
/* For writing at its end; made when absent, 0600. A link, device, pipe or directory is refused. */
int su_file_append(su_fd *out, int at, const char *name, struct su_err *err) SU_CHECKED;
int su_file_sync(int fd, struct su_err *err) SU_CHECKED;
/* Starts writing these bytes to the medium and does not wait: a sync later has less to do. A hint only: a
 * failure is met by that sync. */
void su_file_write_behind(int fd, uint64_t offset, uint64_t length);
/* Waits until what others wrote to the file has left memory, and says whether that failed; durable it is after
 * su_fs_sync. Costs nothing for a file that has been lying there. */
int su_file_settle(int fd, struct su_err *err) SU_CHECKED;
/* Everything written to the file system that `dir` lies on is durable. For many small files at once; `dir` must have
 * been open since before the first of them was written, or a failure could go unreported. */
int su_fs_sync(int dir, struct su_err *err) SU_CHECKED;
/* What was written is durable: syncs and closes; `name` is for the message. */
int su_file_finish(su_fd *fd, const char *name, struct su_err *err) SU_CHECKED;
/* Asks the system to forget what it holds of a synced file, so that the next read asks the medium.
 * Where a file system keeps files in memory only, it changes nothing. */
int su_file_forget(int fd, struct su_err *err) SU_CHECKED;
int su_file_rename(int from_dir, const char *from, int to_dir, const char *to, struct su_err *err) SU_CHECKED;
/* Gives a finished folder its name, where there is none. After a failure it does not bear it. */
int su_dir_finish(int at, const char *from, const char *to, struct su_err *err) SU_CHECKED;
/* su_file_rename without the sync. */
int su_file_rename_later(int from_dir, const char *from, int to_dir, const char *to, struct su_err *err) SU_CHECKED;
int su_file_remove(int at, const char *name, struct su_err *err) SU_CHECKED; /* absent is fine */
/* Removes everything inside a directory of plain files, then the directory; a link or file of that
 * name is removed itself, never followed. */
int su_dir_remove(int at, const char *name, struct su_err *err) SU_CHECKED;
/* Bytes an unprivileged writer may still use there. */
int su_space_free(int dir, uint64_t *bytes, struct su_err *err) SU_CHECKED;
/* SU_SPACE with both numbers when less than `need` is free. "`what` needs about N bytes, M are free`where`" */
int su_space_demand(int dir, uint64_t need, const char *what, const char *where, struct su_err *err) SU_CHECKED;
/* Sorted names in a directory without "." and ".."; at most `max`. Free with su_names_cleanup. */
struct su_names { char **at; size_t count, capacity; };
int su_dir_list(int dir, struct su_names *out, size_t max, struct su_err *err) SU_CHECKED;
void su_names_cleanup(struct su_names *names);

/*
 * The one atomic writer. Open, write any number of times (results may be ignored: errors stick),
 * then commit: checks the sticky error, fsync, close, rename, fsync of the directory. Cleanup
 * before commit removes the temporary file. A crash leaves only a `.tmp-*` name.
 */
#define SU_TEMP_TEXT 48
struct su_atomic {
    int dir; /* borrowed */
    su_fd fd;
    char temp[SU_TEMP_TEXT], name[128];
    bool has_failed;
    struct su_err error;
};
#define SU_ATOMIC_INIT { .dir = -1, .fd = -1 }
int su_atomic_open(struct su_atomic *file, int dir, const char *name, int mode, struct su_err *err) SU_CHECKED;
/* The same, for a commit that replaces nothing: where the file system can, the file has no name at all until then,
 * so that a crash leaves nothing. */
int su_atomic_open_new(struct su_atomic *file, int dir, const char *name, int mode, struct su_err *err) SU_CHECKED;
void su_atomic_write(struct su_atomic *file, const void *bytes, size_t length);
/* `replace` false: an existing name is refused with SU_EXISTS. True goes with su_atomic_open alone. */
int su_atomic_commit(struct su_atomic *file, bool replace, struct su_err *err) SU_CHECKED;
/* Instead of commit, by who makes several files durable at once: checks the sticky error and closes. The file
 * keeps its temporary name, and renaming or removing it is the caller's. */
int su_atomic_leave(struct su_atomic *file, struct su_err *err) SU_CHECKED;
void su_atomic_cleanup(struct su_atomic *file);
/* A name for a temporary file that no other file of this process has. */
void su_temp_name(char out[SU_TEMP_TEXT]);
/* Removes the temporary files that killed runs left in a folder which is ours. `is_alone`: nobody else writes there
 * now; otherwise those of processes that are at work on this machine stay. */
int su_dir_sweep(int dir, bool is_alone, struct su_err *err) SU_CHECKED;
int su_file_save(int dir, const char *name, int mode, bool replace, const void *bytes, size_t length,
                 struct su_err *err) SU_CHECKED;
/* su_file_save without `replace`, and with su_atomic_open_new. */
int su_file_save_new(int dir, const char *name, int mode, const void *bytes, size_t length, struct su_err *err) SU_CHECKED;
/* su_atomic_open_new for a path of the user's; `dir` must stay open as long as the writer. */
int su_path_atomic_new(struct su_atomic *file, su_fd *dir, const char *path, int mode, struct su_err *err) SU_CHECKED;
/* su_file_save for a path of the user's. */
int su_path_save(const char *path, int mode, bool replace, const void *bytes, size_t length, struct su_err *err) SU_CHECKED;

#endif
