#include "common/point/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/text.h"

#define BATCH_FILES 1024           /* a sync for so many costs each of them little */
#define BATCH_BYTES (256 * SU_MIB) /* a failed run loses no more of its work */
#define BEHIND_BYTES (4 * SU_MIB)  /* written in one go while the next are being hashed */
#define LARGE_BYTES SU_MIB       /* a first piece of so many: too large a file to be kept in the page cache */
#define COPY_BYTES (64 * SU_KIB) /* on the stack; hashing gains nothing from more */

static void names_of(const uint8_t sha256[SU_SHA256_BYTES], char folder[3], char name[SU_SHA256_TEXT])
{
    su_hex_format(sha256, SU_SHA256_BYTES, name);
    memcpy(folder, name, 2);
    folder[2] = 0;
}

static void path_of(const uint8_t sha256[SU_SHA256_BYTES], const char *name, char out[SU_SHA256_TEXT + 3])
{
    char folder[3], own[SU_SHA256_TEXT];
    names_of(sha256, folder, own);
    (void)snprintf(out, SU_SHA256_TEXT + 3, "%s/%s", folder, name ? name : own);
}

static int name_one(const struct su_store_batch *batch, const struct su_store_pending *file,
                    struct su_err *err)
{
    char from[SU_SHA256_TEXT + 3], to[SU_SHA256_TEXT + 3];
    path_of(file->sha256, file->temp, from);
    path_of(file->sha256, NULL, to);
    if (su_file_rename_later(batch->home->content, from, batch->home->content, to, err) < 0)
        return -1;
    /* between two links of one file a rename does nothing */
    return file->is_linked ? su_file_remove(batch->home->content, from, err) : 0;
}

static void drop_pending(struct su_store_batch *batch)
{
    char temp[SU_SHA256_TEXT + 3];
    for (size_t i = 0; i < batch->count; i++) {
        path_of(batch->at[i].sha256, batch->at[i].temp, temp);
        (void)unlinkat(batch->home->content, temp, 0); /* else the next run sweeps it */
    }
    batch->count = 0;
}

int su_store_settle(struct su_store_batch *batch, struct su_err *err)
{
    if (batch->count == 0)
        return 0;
    if (su_fs_sync(batch->home->content, err) < 0) {
        drop_pending(batch); /* the system tells a failure once: asked again, it would say that all is well */
        return su_prefix(err, "content store");
    }
    for (size_t i = 0; i < batch->count; i++)
        if (name_one(batch, &batch->at[i], err) < 0)
            return su_prefix(err, "content store");
    batch->count = 0;
    batch->bytes = 0;
    return su_fs_sync(batch->home->content, err) < 0 ? su_prefix(err, "content store") : 0;
}

void su_store_batch_cleanup(struct su_store_batch *batch)
{
    drop_pending(batch);
    free(batch->at);
    batch->at = NULL;
    batch->capacity = 0;
}

/* The file has its place in the batch before it is left to it: it is lost on no path. */
static struct su_store_pending *enter(struct su_store_batch *batch, const uint8_t sha256[SU_SHA256_BYTES],
                                      const char *temp, bool is_linked, struct su_err *err)
{
    struct su_store_pending *file = SU_PUSH(batch, BATCH_FILES);
    if (!file) {
        (void)su_fail_memory(err);
        return NULL;
    }
    memcpy(file->sha256, sha256, SU_SHA256_BYTES);
    (void)snprintf(file->temp, sizeof file->temp, "%s", temp);
    file->is_linked = is_linked;
    return file;
}

static int settle_when_full(struct su_store_batch *batch, uint64_t added, struct su_err *err)
{
    batch->bytes += added;
    return batch->count == BATCH_FILES || batch->bytes >= BATCH_BYTES ? su_store_settle(batch, err) : 0;
}

int su_store_create(struct su_store_writer *w, const struct su_home *home,
                    const uint8_t sha256[SU_SHA256_BYTES], struct su_err *err)
{
    char folder[3], name[SU_SHA256_TEXT];
    names_of(sha256, folder, name);
    w->bytes = w->behind = 0;
    if ((w->batch ? su_dir_make_later(&w->dir, home->content, folder, 0700, err)
                  : su_dir_make(&w->dir, home->content, folder, 0700, err)) < 0 ||
        su_atomic_open(&w->file, w->dir, name, 0600, err) < 0 ||
        su_digest_open(&w->sha256, SU_SHA256, err) < 0 || su_digest_open(&w->sha1, SU_SHA1, err) < 0)
        return -1;
    return 0;
}

int su_store_write(struct su_store_writer *w, const void *bytes, size_t length, struct su_err *err)
{
    size_t rest = length % SU_DIRECT_BYTES;
    if (w->bytes == 0 && length >= LARGE_BYTES)
        su_file_bypass_cache(w->file.fd);
    su_atomic_write(&w->file, bytes, length - rest);
    if (rest > 0)
        su_atomic_write(&w->file, (const char *)bytes + length - rest, rest);
    w->bytes += length;
    if (w->bytes - w->behind >= BEHIND_BYTES) {
        su_file_write_behind(w->file.fd, w->behind, w->bytes - w->behind);
        w->behind = w->bytes;
    }
    if (su_digest_add(&w->sha256, bytes, length, err) < 0 || su_digest_add(&w->sha1, bytes, length, err) < 0)
        return -1;
    return 0;
}

int su_store_compare(const struct su_file_id *have, const struct su_file_id *want, struct su_err *err)
{
    char a[SU_SHA256_TEXT], b[SU_SHA256_TEXT];
    su_hex_format(have->sha256, SU_SHA256_BYTES, a);
    su_hex_format(want->sha256, SU_SHA256_BYTES, b);
    if (have->bytes != want->bytes)
        return su_fail(err, SU_CONTENT_WRONG, "file %.16s has %llu bytes, expected %llu", b,
                       (unsigned long long)have->bytes, (unsigned long long)want->bytes);
    if (memcmp(have->sha256, want->sha256, SU_SHA256_BYTES) != 0)
        return su_fail(err, SU_CONTENT_WRONG, "file has SHA-256 %s, expected %s", a, b);
    if (memcmp(have->sha1, want->sha1, SU_SHA1_BYTES) != 0)
        return su_fail(err, SU_CONTENT_WRONG, "file %.16s has another SHA-1 than the metadata", b);
    return 0;
}

int su_store_commit(struct su_store_writer *w, const struct su_file_id *expected, struct su_err *err)
{
    struct su_file_id have = {.bytes = w->bytes};
    if (su_digest_end(&w->sha256, have.sha256, err) < 0 || su_digest_end(&w->sha1, have.sha1, err) < 0 ||
        su_store_compare(&have, expected, err) < 0)
        return -1;
    if (w->batch && !enter(w->batch, expected->sha256, w->file.temp, false, err))
        return -1;
    if (w->batch && w->behind > 0) /* a large file: its rest too */
        su_file_write_behind(w->file.fd, w->behind, w->bytes - w->behind);
    if ((w->batch ? su_atomic_leave(&w->file, err) : su_atomic_commit(&w->file, true, err)) < 0) {
        if (w->batch)
            w->batch->count--; /* it is no file to be named; the writer's cleanup removes it */
        return -1;
    }
    su_fd_cleanup(&w->dir);
    return w->batch ? settle_when_full(w->batch, w->bytes, err) : 0;
}

void su_store_writer_cleanup(struct su_store_writer *w)
{
    su_atomic_cleanup(&w->file);
    su_digest_cleanup(&w->sha256);
    su_digest_cleanup(&w->sha1);
    su_fd_cleanup(&w->dir);
}

int su_store_identify(int fd, struct su_file_id *out, struct su_err *err)
{
    SU_AUTO(su_digest) struct su_digest sha256 = SU_DIGEST_INIT, sha1 = SU_DIGEST_INIT;
    char bytes[COPY_BYTES];
    *out = (struct su_file_id){0};
    if (lseek(fd, 0, SEEK_SET) < 0)
        return su_fail_sys(err, "seek");
    if (su_digest_open(&sha256, SU_SHA256, err) < 0 || su_digest_open(&sha1, SU_SHA1, err) < 0)
        return -1;
    ssize_t n;
    while ((n = su_file_read(fd, bytes, sizeof bytes, err)) > 0) {
        out->bytes += (uint64_t)n;
        if (su_digest_add(&sha256, bytes, (size_t)n, err) < 0 ||
            su_digest_add(&sha1, bytes, (size_t)n, err) < 0)
            return -1;
    }
    if (n < 0 || su_digest_end(&sha256, out->sha256, err) < 0 || su_digest_end(&sha1, out->sha1, err) < 0)
        return -1;
    return 0;
}

int su_store_prove(int fd, const struct su_file_id *want, struct su_err *err)
{
    struct su_file_id have = {0};
    struct stat st;
    if (fstat(fd, &st) < 0)
        return su_fail_sys(err, "fstat");
    have.bytes = (uint64_t)st.st_size;
    if (have.bytes == want->bytes && su_store_identify(fd, &have, err) < 0)
        return -1;
    return su_store_compare(&have, want, err);
}

static int copy_in(struct su_store_batch *batch, int fd, const struct su_file_id *id, struct su_err *err)
{
    SU_AUTO(su_store_writer) struct su_store_writer writer = SU_STORE_WRITER_INIT;
    char bytes[COPY_BYTES];
    ssize_t n;
    writer.batch = batch;
    if (su_store_create(&writer, batch->home, id->sha256, err) < 0)
        return -1;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return su_fail_sys(err, "seek");
    while ((n = su_file_read(fd, bytes, sizeof bytes, err)) > 0)
        if (su_store_write(&writer, bytes, (size_t)n, err) < 0)
            return -1;
    return n < 0 ? -1 : su_store_commit(&writer, id, err);
}

int su_store_adopt(struct su_store_batch *batch, int fd, const struct su_file_id *id, bool *was_linked,
                   struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    char folder[3], name[SU_SHA256_TEXT], self[40], temp[SU_TEMP_TEXT];
    names_of(id->sha256, folder, name);
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    su_temp_name(temp);
    if (su_dir_make_later(&dir, batch->home->content, folder, 0700, err) < 0)
        return -1;
    *was_linked = !su_file_exists(dir, name) && linkat(AT_FDCWD, self, dir, temp, AT_SYMLINK_FOLLOW) ==
                                                    0; /* the very file that was hashed */
    if (!*was_linked) /* other file system, no links, or a stale file of that name */
        return copy_in(batch, fd, id, err);
    if (!enter(batch, id->sha256, temp, true, err)) {
        (void)unlinkat(dir, temp, 0);
        return -1;
    }
    return su_file_settle(fd, err) < 0 ? -1 : settle_when_full(batch, id->bytes, err);
}

bool su_store_has(const struct su_home *home, const struct su_file_id *id)
{
    struct su_file_mark mark;
    char path[SU_SHA256_TEXT + 3];
    path_of(id->sha256, NULL, path); /* not opened: where no more files can be, it is there all the same */
    return su_file_look(home->content, path, &mark) && mark.is_regular && mark.bytes == id->bytes;
}

bool su_store_will_have(const struct su_store_batch *batch, const struct su_file_id *id)
{
    for (size_t i = 0; i < batch->count; i++)
        if (memcmp(batch->at[i].sha256, id->sha256, SU_SHA256_BYTES) == 0)
            return true;
    return su_store_has(batch->home, id);
}

int su_store_open(su_fd *out, const struct su_home *home, const uint8_t sha256[SU_SHA256_BYTES],
                  uint64_t *bytes, struct su_err *err)
{
    char path[SU_SHA256_TEXT + 3];
    path_of(sha256, NULL, path);
    return su_file_open(out, home->content, path, bytes, err) < 0 ? su_prefix(err, "content store") : 0;
}

int su_store_sweep(const struct su_home *home, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names folders = {0};
    if (su_dir_list(home->content, &folders, 1000, err) < 0)
        return -1;
    for (size_t i = 0; i < folders.count; i++) {
        SU_AUTO(su_fd) su_fd dir = -1;
        SU_AUTO(su_names) struct su_names names = {0};
        if (su_dir_open_below(&dir, home->content, folders.at[i], err) < 0 ||
            su_dir_list(dir, &names, 10000000, err) < 0)
            return -1;
        for (size_t k = 0; k < names.count; k++)
            if (strncmp(names.at[k], ".tmp-", 5) == 0 && su_file_remove(dir, names.at[k], err) < 0)
                return -1;
    }
    return 0;
}

int su_store_record(struct su_db *db, const struct su_file_id *id, uint64_t sequence, struct su_err *err)
{
    return su_run(db, err,
                  "INSERT OR IGNORE INTO stored_file (sha256, sha1, bytes, sequence) VALUES (?1,?2,?3,?4)",
                  SU_B(id->sha256, SU_SHA256_BYTES), SU_B(id->sha1, SU_SHA1_BYTES), SU_I(id->bytes),
                  sequence ? SU_I(sequence) : SU_NULL);
}
