#include "common/bundle/pool.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/sys/interrupt.h"

#define COPY_BYTES (64 * SU_KIB) /* on the stack; hashing gains nothing from more */

/* SU-POOL/9C/1E44A0B3.DAT in its parts. */
struct place {
    char path[32], folder[3], name[16];
};

static struct place place_of(const uint8_t sha256[SU_SHA256_BYTES])
{
    struct place p;
    su_pool_path(sha256, p.path);
    (void)snprintf(p.folder, sizeof p.folder, "%.2s", p.path + strlen(SU_POOL_NAME) + 1);
    (void)snprintf(p.name, sizeof p.name, "%.12s", p.path + strlen(SU_POOL_NAME) + 4);
    return p;
}

/* Step by step below a folder that others may have written: no step follows a link. */
static int open_below(int folder, const struct place *p, su_fd *out, uint64_t *bytes, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd pool = -1, dir = -1;
    if (su_dir_open_below(&pool, folder, SU_POOL_NAME, err) < 0 ||
        su_dir_open_below(&dir, pool, p->folder, err) < 0)
        return -1;
    return su_file_open(out, dir, p->name, bytes, err);
}

uint64_t su_pool_would_write(int out, const struct su_file_id *id)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    struct su_err absent = SU_ERR_INIT;
    struct place p = place_of(id->sha256);
    uint64_t bytes;
    return open_below(out, &p, &fd, &bytes, &absent) == 0 && bytes == id->bytes ? 0 : id->bytes;
}

static int copy(int from, struct su_atomic *to, const struct su_file_id *id,
                void (*moved)(void *context, uint64_t bytes), void *context, struct su_err *err)
{
    SU_AUTO(su_digest) struct su_digest digest = SU_DIGEST_INIT;
    char bytes[COPY_BYTES];
    uint8_t have[SU_SHA256_BYTES];
    ssize_t n;
    if (su_digest_open(&digest, SU_SHA256, err) < 0)
        return -1;
    while ((n = su_file_read(from, bytes, sizeof bytes, err)) > 0) {
        if (su_interrupt_check(err) < 0 || su_digest_add(&digest, bytes, (size_t)n, err) < 0)
            return -1;
        su_atomic_write(to, bytes, (size_t)n);
        moved(context, (uint64_t)n);
    }
    if (n < 0 || su_digest_end(&digest, have, err) < 0)
        return -1;
    if (memcmp(have, id->sha256, sizeof have) == 0)
        return 0;
    (void)su_fail(err, SU_CONTENT_WRONG, "a stored file has changed since it was adopted");
    return su_remedy(err, "Run 'suexport content verify', remove the file from the store and add it again.");
}

int su_pool_put(int out, const struct su_home *home, const struct su_file_id *id,
                enum su_pool_outcome *outcome, void (*moved)(void *context, uint64_t bytes), void *context,
                struct su_err *err)
{
    SU_AUTO(su_fd) su_fd pool = -1, dir = -1, fd = -1, there = -1;
    SU_AUTO(su_atomic) struct su_atomic file = SU_ATOMIC_INIT;
    struct su_err why = SU_ERR_INIT;
    struct place p = place_of(id->sha256);
    if (su_dir_make(&pool, out, SU_POOL_NAME, 0755, err) < 0 ||
        su_dir_make(&dir, pool, p.folder, 0755, err) < 0 || su_dir_sweep(dir, false, err) < 0)
        return su_prefix(err, "the shared pool");
    if (su_file_exists(dir, p.name)) {
        bool is_ours =
            su_file_open(&there, dir, p.name, NULL, &why) == 0 && su_store_prove(there, id, &why) == 0;
        *outcome = is_ours ? SU_POOL_SHARED : SU_POOL_TAKEN;
        if (is_ours)
            moved(context, id->bytes);
        return 0;
    }
    *outcome = SU_POOL_WRITTEN;
    if (su_store_open(&fd, home, id->sha256, NULL, err) < 0) {
        if (err->code == SU_MEMORY)
            return -1;
        err->code = SU_INCOMPLETE;
        return su_remedy(err, "Run 'suexport content verify' and add the file again.");
    }
    if (su_atomic_open_new(&file, dir, p.name, 0644, err) < 0 ||
        copy(fd, &file, id, moved, context, err) < 0 || su_atomic_commit(&file, false, err) < 0)
        return su_prefix(err, "pool file %s", p.path);
    return 0;
}

static int damaged(const struct place *p, const char *what, struct su_err *err)
{
    (void)su_fail(err, SU_DAMAGED, "pool file %s %s", p->path, what);
    return su_remedy(err, "Copy %s again from the hub, to beside the bundle's folder, and run again.",
                     p->path);
}

int su_pool_differs(const struct su_payload *payload, struct su_err *err)
{
    struct place p = place_of(payload->id.sha256);
    return damaged(&p, "differs", err);
}

static int open_beside(int dir, const struct place *p, su_fd *out, uint64_t *bytes, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd parent = -1;
    struct su_err why = SU_ERR_INIT;
    if (su_dir_open_below(&parent, dir, "..", err) < 0)
        return -1;
    return open_below(parent, p, out, bytes, &why) < 0 ? damaged(p, "is absent", err) : 0;
}

int su_pool_forget(int dir, const struct su_payload *payload, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    struct place p = place_of(payload->id.sha256);
    return open_beside(dir, &p, &fd, NULL, err) < 0 ? -1 : su_file_forget(fd, err);
}

int su_pool_read(int dir, const struct su_payload *payload, su_volume_take take, void *context,
                 struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    struct place p = place_of(payload->id.sha256);
    char chunk[COPY_BYTES];
    uint64_t bytes, left = payload->id.bytes;
    if (open_beside(dir, &p, &fd, &bytes, err) < 0)
        return -1;
    if (bytes != left)
        return damaged(&p, "has not the size that the manifest says", err);
    while (left > 0) {
        ssize_t n = su_file_read(fd, chunk, left < sizeof chunk ? (size_t)left : sizeof chunk, err);
        if (su_interrupt_check(err) < 0)
            return -1;
        if (n <= 0)
            return damaged(&p, "cannot be read to its end", err);
        if (take(context, chunk, (size_t)n, err) < 0)
            return -1;
        left -= (uint64_t)n;
    }
    return 0;
}

struct proof {
    struct su_digest sha256, sha1;
    struct su_atomic *to; /* may be NULL */
};

static int add_to_proof(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct proof *proof = context;
    if (proof->to)
        su_atomic_write(proof->to, bytes, length);
    return su_digest_add(&proof->sha256, bytes, length, err) < 0
               ? -1
               : su_digest_add(&proof->sha1, bytes, length, err);
}

/* Hashes the file beside `dir`, and writes it to `to` unless that is NULL. */
static int pass_on(int dir, const struct su_payload *payload, struct su_atomic *to, struct su_err *err)
{
    struct proof proof = {SU_DIGEST_INIT, SU_DIGEST_INIT, to};
    struct su_file_id have = {.bytes = payload->id.bytes};
    int result = su_digest_open(&proof.sha256, SU_SHA256, err) < 0 ||
                         su_digest_open(&proof.sha1, SU_SHA1, err) < 0 ||
                         su_pool_read(dir, payload, add_to_proof, &proof, err) < 0 ||
                         su_digest_end(&proof.sha256, have.sha256, err) < 0 ||
                         su_digest_end(&proof.sha1, have.sha1, err) < 0
                     ? -1
                     : 0;
    su_digest_cleanup(&proof.sha256);
    su_digest_cleanup(&proof.sha1);
    struct su_err why = SU_ERR_INIT;
    return result < 0 || su_store_compare(&have, &payload->id, &why) == 0 ? result
                                                                          : su_pool_differs(payload, err);
}

int su_pool_prove(int dir, const struct su_payload *payload, struct su_err *err)
{
    return pass_on(dir, payload, NULL, err);
}

int su_pool_copy(int dir, const struct su_payload *payload, int out, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd pool = -1, into = -1, there = -1;
    SU_AUTO(su_atomic) struct su_atomic file = SU_ATOMIC_INIT;
    struct place p = place_of(payload->id.sha256);
    if (su_dir_make(&pool, out, SU_POOL_NAME, 0755, err) < 0 ||
        su_dir_make(&into, pool, p.folder, 0755, err) < 0 || su_dir_sweep(into, false, err) < 0)
        return su_prefix(err, "the shared pool");
    if (!su_file_exists(into, p.name)) {
        if (su_atomic_open_new(&file, into, p.name, 0644, err) < 0 || pass_on(dir, payload, &file, err) < 0)
            return -1;
        return su_atomic_commit(&file, false, err);
    }
    if (su_file_open(&there, into, p.name, NULL, err) < 0)
        return -1;
    int result = su_store_prove(there, &payload->id, err);
    return result < 0 && err->code == SU_CONTENT_WRONG
               ? su_fail(err, SU_EXISTS, "another file is %s there already", p.path)
               : result;
}
