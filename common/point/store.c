#include "common/point/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/text.h"

#define COPY_BYTES (64 * SU_KIB) /* on the stack; hashing gains nothing from more */

static void names_of(const uint8_t sha256[SU_SHA256_BYTES], char folder[3], char name[SU_SHA256_TEXT])
{
    su_hex_format(sha256, SU_SHA256_BYTES, name);
    memcpy(folder, name, 2);
    folder[2] = 0;
}

int su_store_create(struct su_store_writer *w, const struct su_home *home,
                    const uint8_t sha256[SU_SHA256_BYTES], struct su_err *err)
{
    char folder[3], name[SU_SHA256_TEXT];
    names_of(sha256, folder, name);
    w->bytes = 0;
    if (su_dir_make(&w->dir, home->content, folder, 0700, err) < 0 ||
        su_atomic_open(&w->file, w->dir, name, 0600, err) < 0 ||
        su_digest_open(&w->sha256, SU_SHA256, err) < 0 || su_digest_open(&w->sha1, SU_SHA1, err) < 0)
        return -1;
    return 0;
}

int su_store_write(struct su_store_writer *w, const void *bytes, size_t length, struct su_err *err)
{
    su_atomic_write(&w->file, bytes, length);
    w->bytes += length;
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
    int result = su_atomic_commit(&w->file, true, err);
    su_fd_cleanup(&w->dir);
    return result;
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

static int copy_in(const struct su_home *home, int fd, const struct su_file_id *id, struct su_err *err)
{
    SU_AUTO(su_store_writer) struct su_store_writer writer = SU_STORE_WRITER_INIT;
    char bytes[COPY_BYTES];
    ssize_t n;
    if (su_store_create(&writer, home, id->sha256, err) < 0)
        return -1;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return su_fail_sys(err, "seek");
    while ((n = su_file_read(fd, bytes, sizeof bytes, err)) > 0)
        if (su_store_write(&writer, bytes, (size_t)n, err) < 0)
            return -1;
    return n < 0 ? -1 : su_store_commit(&writer, id, err);
}

int su_store_adopt(const struct su_home *home, int fd, const struct su_file_id *id, bool *was_linked,
                   struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    char folder[3], name[SU_SHA256_TEXT], self[40];
    names_of(id->sha256, folder, name);
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (su_dir_make(&dir, home->content, folder, 0700, err) < 0)
        return -1;
    *was_linked =
        linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) == 0; /* the very file that was hashed */
    if (*was_linked)
        return su_file_sync(fd, err) < 0 || su_dir_sync(dir, err) < 0 ? -1 : 0;
    return copy_in(home, fd, id, err); /* other file system, no links, or a stale file of that name */
}

bool su_store_has(const struct su_home *home, const struct su_file_id *id)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    struct su_err absent = SU_ERR_INIT;
    uint64_t bytes;
    return su_store_open(&fd, home, id->sha256, &bytes, &absent) == 0 && bytes == id->bytes;
}

int su_store_open(su_fd *out, const struct su_home *home, const uint8_t sha256[SU_SHA256_BYTES],
                  uint64_t *bytes, struct su_err *err)
{
    char folder[3], name[SU_SHA256_TEXT], path[SU_SHA256_TEXT + 3];
    names_of(sha256, folder, name);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
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
