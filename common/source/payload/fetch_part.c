#include "common/source/payload/fetch_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/limits.h"
#include "common/base/text.h"

#define REREAD_BYTES (4 * SU_MIB) /* at once: other files are coming meanwhile */
#define PIECE_BYTES (64 * SU_KIB)
#define BEHIND_BYTES (4 * SU_MIB)
#define MAX_PARTS 1000000

static void name_of(const uint8_t sha1[SU_SHA1_BYTES], char out[SU_PART_TEXT])
{
    su_hex_format(sha1, SU_SHA1_BYTES, out);
    memcpy(out + 2 * SU_SHA1_BYTES, ".part", 6);
}

int su_fetch_part_folder(su_fd *out, const struct su_home *home, struct su_err *err)
{
    return su_dir_make(out, home->content, SU_FETCH_FOLDER, 0700, err) < 0 ? su_prefix(err, "content store")
                                                                           : 0;
}

static int is_wanted(struct su_db *db, const char *name, bool *out, struct su_err *err)
{
    uint8_t sha1[SU_SHA1_BYTES];
    int64_t is_named = 0;
    *out = false;
    if (strlen(name) != SU_PART_TEXT - 1 || strcmp(name + 2 * SU_SHA1_BYTES, ".part") != 0 ||
        !su_hex_parse(sha1, SU_SHA1_BYTES, name, 2 * SU_SHA1_BYTES, true))
        return 0;
    if (su_query_int(db, &is_named, NULL, err,
                     "SELECT EXISTS (SELECT 1 FROM file WHERE sha1=?1) AND NOT EXISTS "
                     "(SELECT 1 FROM stored_file WHERE sha1=?1)",
                     SU_B(sha1, sizeof sha1)) < 0)
        return -1;
    *out = is_named != 0;
    return 0;
}

int su_fetch_part_sweep(int dir, struct su_db *db, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    if (su_dir_list(dir, &names, MAX_PARTS, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        bool is_kept;
        if (is_wanted(db, names.at[i], &is_kept, err) < 0 ||
            (!is_kept && su_file_remove(dir, names.at[i], err) < 0))
            return -1;
    }
    return 0;
}

uint64_t su_fetch_part_size(int dir, const uint8_t sha1[SU_SHA1_BYTES])
{
    SU_AUTO(su_fd) su_fd fd = -1;
    struct su_err absent = SU_ERR_INIT;
    char name[SU_PART_TEXT];
    uint64_t bytes = 0;
    name_of(sha1, name);
    return su_file_open(&fd, dir, name, &bytes, &absent) == 0 ? bytes : 0;
}

static int begin_digests(struct su_fetch_part *p, struct su_err *err)
{
    su_digest_cleanup(&p->sha1);
    su_digest_cleanup(&p->sha256);
    p->have = p->behind = 0;
    return su_digest_open(&p->sha1, SU_SHA1, err) < 0 ? -1 : su_digest_open(&p->sha256, SU_SHA256, err);
}

int su_fetch_part_restart(struct su_fetch_part *p, struct su_err *err)
{
    su_fd_cleanup(&p->fd);
    p->size = p->kept = 0;
    return su_file_remove(p->dir, p->name, err) < 0 || su_file_create(&p->fd, p->dir, p->name, 0, err) < 0 ||
                   begin_digests(p, err) < 0
               ? -1
               : 0;
}

int su_fetch_part_open(struct su_fetch_part *p, int dir, const uint8_t sha1[SU_SHA1_BYTES], uint64_t bytes,
                       struct su_err *err)
{
    su_fetch_part_cleanup(p);
    p->dir = dir;
    name_of(sha1, p->name);
    uint64_t size = su_fetch_part_size(dir, sha1);
    if (size == 0 || size > bytes)
        return su_fetch_part_restart(p, err);
    if (su_file_open_again(&p->fd, dir, p->name, err) < 0 || begin_digests(p, err) < 0)
        return -1;
    p->size = p->kept = size;
    /* A run that was killed while it took the file in leaves it linked to the store: that one is not written
     * to. */
    struct stat st;
    if (size < bytes && (fstat(p->fd, &st) < 0 || st.st_nlink > 1))
        return su_fetch_part_restart(p, err);
    return 0;
}

static int add(struct su_fetch_part *p, const void *bytes, size_t length, struct su_err *err)
{
    p->have += length;
    return su_digest_add(&p->sha1, bytes, length, err) < 0 ||
                   su_digest_add(&p->sha256, bytes, length, err) < 0
               ? -1
               : 0;
}

int su_fetch_part_reread(struct su_fetch_part *p, struct su_err *err)
{
    char bytes[PIECE_BYTES];
    for (size_t done = 0; p->have < p->size && done < REREAD_BYTES; done += sizeof bytes) {
        uint64_t left = p->size - p->have;
        size_t length = left < sizeof bytes ? (size_t)left : sizeof bytes;
        if (su_file_read_at(p->fd, bytes, length, p->have, err) < 0 || add(p, bytes, length, err) < 0)
            return su_prefix(err, "%s", p->name);
    }
    p->behind = p->have;
    return p->have < p->size;
}

int su_fetch_part_write(struct su_fetch_part *p, const void *bytes, size_t length, struct su_err *err)
{
    if (su_file_write_at(p->fd, bytes, length, p->have, err) < 0)
        return su_prefix(err, "%s", p->name);
    p->size += length;
    if (add(p, bytes, length, err) < 0)
        return -1;
    if (p->have - p->behind >= BEHIND_BYTES) {
        su_file_write_behind(p->fd, p->behind, p->have - p->behind);
        p->behind = p->have;
    }
    return 0;
}

int su_fetch_part_identify(struct su_fetch_part *p, struct su_file_id *out, struct su_err *err)
{
    out->bytes = p->have;
    return su_digest_end(&p->sha1, out->sha1, err) < 0 ? -1 : su_digest_end(&p->sha256, out->sha256, err);
}

void su_fetch_part_cleanup(struct su_fetch_part *p)
{
    su_fd_cleanup(&p->fd);
    su_digest_cleanup(&p->sha1);
    su_digest_cleanup(&p->sha256);
}

int su_fetch_part_discard(struct su_fetch_part *p, struct su_err *err)
{
    su_fetch_part_cleanup(p);
    return su_file_remove(p->dir, p->name, err);
}

int su_fetch_part_remove(int dir, const uint8_t sha1[SU_SHA1_BYTES], struct su_err *err)
{
    char name[SU_PART_TEXT];
    name_of(sha1, name);
    return su_file_remove(dir, name, err);
}
