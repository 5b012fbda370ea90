#include "common/catalogue/content.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/sys/belt.h"
#include "common/sys/interrupt.h"

#define MAX_TREE_DEPTH 16
#define MAX_FOLDER_NAMES 1000000
#define FILES_AT_ONCE 16 /* open and being read, or waiting for their turn to be told */

/* What the metadata says of a digest. */
struct named {
    bool is_known, has_sha256, is_licence, is_contradictory;
    uint8_t sha256[SU_SHA256_BYTES];
    uint64_t bytes;
    char title[200];
};

static int look_up(struct su_db *db, const uint8_t sha1[SU_SHA1_BYTES], struct named *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    *out = (struct named){0};
    if (su_query(db, &rows, err,
                 "SELECT f.sha256, f.bytes, f.licence, i.title FROM file f JOIN info i USING (rev_id) WHERE "
                 "f.sha1=?1",
                 SU_B(sha1, SU_SHA1_BYTES)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        uint8_t sha256[SU_SHA256_BYTES];
        bool states_sha256 = !su_rows_is_null(&rows, 0);
        if (states_sha256 && su_rows_fixed(&rows, 0, sha256, sizeof sha256, err) < 0)
            return -1;
        if (out->is_known &&
            (out->bytes != (uint64_t)su_rows_int(&rows, 1) ||
             (states_sha256 && out->has_sha256 && memcmp(sha256, out->sha256, sizeof sha256) != 0)))
            out->is_contradictory = true;
        if (states_sha256) {
            memcpy(out->sha256, sha256, sizeof sha256);
            out->has_sha256 = true;
        }
        out->bytes = (uint64_t)su_rows_int(&rows, 1);
        out->is_licence |= su_rows_int(&rows, 2) != 0;
        if (!out->is_known)
            su_escape_into(out->title, sizeof out->title, su_rows_text(&rows, 3));
        out->is_known = true;
    }
    return more;
}

/* Empty when bytes and metadata agree, else what differs. */
static void compare(const struct named *named, const struct su_file_id *id, char out[200])
{
    out[0] = 0;
    if (named->is_contradictory)
        (void)snprintf(out, 200, "the metadata contradicts itself about this digest");
    else if (named->bytes != id->bytes)
        (void)snprintf(out, 200, "%llu bytes, the metadata says %llu", (unsigned long long)id->bytes,
                       (unsigned long long)named->bytes);
    else if (named->has_sha256 && memcmp(named->sha256, id->sha256, SU_SHA256_BYTES) != 0)
        (void)snprintf(out, 200, "SHA-1 agrees but SHA-256 differs from the metadata");
}

/* WsusContent names a file by its SHA-1 (formats.md 5.1). */
static bool name_is_digest(const char *name, uint8_t sha1[SU_SHA1_BYTES])
{
    size_t stem = strcspn(name, ".");
    return su_hex_parse(sha1, SU_SHA1_BYTES, name, stem, false);
}

/* A file of the tree on its way from being met to being told. */
struct met {
    su_fd fd;
    char path[1024];
    uint8_t by_name[SU_SHA1_BYTES];
    struct named named;
    uint64_t bytes;
    bool is_digest, is_unreadable, is_to_read, is_the_stored;
    struct su_file_id id; /* what it is, once read */
};

struct adding {
    struct su_home *home;
    const struct su_events *events;
    struct su_content_report *report;
    struct su_store_batch batch;
    struct su_belt *belt;
    struct met files[FILES_AT_ONCE];
    size_t on_belt;
    uint64_t looked_at, largest; /* the bytes of the largest file that the metadata names */
};

static int identify(void *context, unsigned worker, void *job, struct su_err *err)
{
    struct met *file = job;
    (void)context, (void)worker;
    if (!file->is_to_read || su_store_identify(file->fd, &file->id, err) == 0)
        return 0;
    return su_prefix(err, "%s", file->path);
}

/* Whether the tree and the store hold one inode. Its bytes were proved before the store gave it its name, and
 * an adopted tree of hundreds of gigabytes would be read whole every month to prove them again. */
static int is_stored_inode(const struct su_home *home, const struct stat *st, struct met *file,
                           struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_fd) su_fd fd = -1;
    struct su_err absent = SU_ERR_INIT;
    struct stat stored;
    if (su_query(home->db, &rows, err, "SELECT sha256 FROM stored_file WHERE sha1=?1 AND bytes=?2",
                 SU_B(file->by_name, SU_SHA1_BYTES), SU_I((int64_t)file->bytes)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0 || su_rows_fixed(&rows, 0, file->id.sha256, SU_SHA256_BYTES, err) < 0)
        return more;
    file->is_the_stored = su_store_open(&fd, home, file->id.sha256, NULL, &absent) == 0 &&
                          fstat(fd, &stored) == 0 && stored.st_dev == st->st_dev &&
                          stored.st_ino == st->st_ino;
    memcpy(file->id.sha1, file->by_name, SU_SHA1_BYTES);
    file->id.bytes = file->bytes;
    return 0;
}

/* A file that nothing names is not read, nor one of a size that says enough; one whose name is no digest is
 * looked up when it is read. */
static int look_at(struct adding *a, struct met *file, const char *name, const struct stat *st,
                   struct su_err *err)
{
    file->bytes = (uint64_t)st->st_size;
    file->is_digest = name_is_digest(name, file->by_name);
    if (file->is_digest && look_up(a->home->db, file->by_name, &file->named, err) < 0)
        return -1;
    if (file->named.is_known && is_stored_inode(a->home, st, file, err) < 0)
        return -1;
    file->is_to_read = file->is_digest ? file->named.is_known && file->bytes == file->named.bytes
                                       : file->bytes <= a->largest;
    file->is_to_read &= !file->is_the_stored;
    if (!file->is_to_read && !file->is_the_stored)
        file->id.bytes = file->bytes;
    return 0;
}

/* What is said of a file whose bytes are known: the finding's verdict and detail. */
static void judge(const struct adding *a, const struct met *file, struct su_content_finding *f,
                  char detail[200])
{
    const struct named *named = &file->named;
    f->sha1 = file->is_digest                           ? file->by_name
              : file->is_to_read || file->is_the_stored ? file->id.sha1
                                                        : NULL;
    f->is_licence = named->is_licence;
    if (!named->is_known) {
        f->verdict = SU_FILE_UNKNOWN;
        return;
    }
    compare(named, &file->id, detail);
    if (!file->is_to_read && !file->is_the_stored) {
        f->verdict = SU_FILE_WRONG; /* its size differs */
        return;
    }
    if (file->is_digest && memcmp(file->by_name, file->id.sha1, SU_SHA1_BYTES) != 0 &&
        named->bytes == file->id.bytes)
        (void)snprintf(detail, 200, "its SHA-1 is not the one in its name");
    f->verdict = detail[0]                                  ? SU_FILE_WRONG
                 : su_store_will_have(&a->batch, &file->id) ? SU_FILE_HELD
                                                            : SU_FILE_ADOPTED;
}

static int tell(struct adding *a, struct met *file, struct su_err *err)
{
    char detail[200] = "";
    bool was_linked = false;
    struct su_content_finding f = {
        .name = file->path, .detail = detail, .update = file->named.title, .bytes = file->bytes};
    if (file->is_unreadable) {
        f = (struct su_content_finding){.verdict = SU_FILE_WRONG,
                                        .name = file->path,
                                        .update = "",
                                        .detail = "cannot be read, or is neither a file nor a folder"};
    } else {
        if (!file->is_digest && file->is_to_read &&
            look_up(a->home->db, file->id.sha1, &file->named, err) < 0)
            return -1;
        judge(a, file, &f, detail);
    }
    if (f.verdict == SU_FILE_ADOPTED && su_store_adopt(&a->batch, file->fd, &file->id, &was_linked, err) < 0)
        return su_prefix(err, "%s", file->path);
    if ((f.verdict == SU_FILE_ADOPTED || f.verdict == SU_FILE_HELD) &&
        su_store_record(a->home->db, &file->id, 0, err) < 0)
        return -1;
    a->report->linked += was_linked;
    su_content_tell(a->report, &f);
    if (++a->looked_at % 20 == 0)
        su_progress(a->events, SU_CONTENT_DONE, "content", a->report->bytes_adopted, 0, "bytes");
    return 0;
}

static int tell_next(struct adding *a, struct su_err *err)
{
    void *job;
    if (su_belt_take(a->belt, &job, err) <= 0)
        return -1;
    struct met *file = job;
    int result = tell(a, file, err);
    su_fd_cleanup(&file->fd);
    su_belt_release(a->belt);
    a->on_belt--;
    return result;
}

/* The caller's thread is at both ends of the belt: it takes one whenever the belt is full. */
static struct met *next_slot(struct adding *a, struct su_err *err)
{
    if (a->on_belt == FILES_AT_ONCE && tell_next(a, err) < 0)
        return NULL;
    struct met *file = su_belt_slot(a->belt, err);
    if (file)
        *file = (struct met){.fd = -1};
    return file;
}

static int add_tree(struct adding *a, int dir, const char *prefix, int depth, struct su_err *err);

/* NOLINTNEXTLINE(misc-no-recursion): MAX_TREE_DEPTH bounds it */
static int add_name(struct adding *a, int dir, const char *prefix, const char *name, int depth,
                    struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    char path[1024];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "/" : "", name);
    if (fd < 0 && su_fail_sys(err, "%s", path) < 0 && err->code == SU_MEMORY)
        return -1; /* says nothing of the file */
    su_err_clear(err);
    bool is_there = fd >= 0 && fstat(fd, &st) == 0;
    if (is_there && S_ISDIR(st.st_mode))
        return add_tree(a, fd, path, depth + 1, err);
    struct met *file = next_slot(a, err);
    if (!file)
        return -1;
    memcpy(file->path, path, sizeof path);
    file->is_unreadable = !is_there || !S_ISREG(st.st_mode);
    if (!file->is_unreadable && look_at(a, file, name, &st, err) < 0)
        return -1;
    file->fd = fd;
    fd = -1;
    su_belt_submit(a->belt, 0);
    a->on_belt++;
    return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): MAX_TREE_DEPTH bounds it */
static int add_tree(struct adding *a, int dir, const char *prefix, int depth, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    if (depth > MAX_TREE_DEPTH)
        return su_fail(err, SU_LIMIT, "%s nests deeper than %d folders", prefix, MAX_TREE_DEPTH);
    if (su_dir_list(dir, &names, MAX_FOLDER_NAMES, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++)
        if (su_interrupt_check(err) < 0 || add_name(a, dir, prefix, names.at[i], depth, err) < 0)
            return -1;
    return 0;
}

/* What was met before the failure is told before it, as without threads. */
static int add_all(struct adding *a, int dir, struct su_err *err)
{
    struct su_err failure = SU_ERR_INIT;
    int result = add_tree(a, dir, "", 0, &failure);
    while (a->on_belt > 0)
        if (tell_next(a, err) < 0)
            return -1;
    if (result < 0)
        *err = failure;
    return result;
}

static int add_on_belt(struct adding *a, int dir, struct su_err *err)
{
    int64_t largest;
    if (su_query_int(a->home->db, &largest, NULL, err, "SELECT coalesce(max(bytes), 0) FROM file") < 0)
        return -1;
    a->largest = (uint64_t)largest;
    a->batch.home = a->home;
    a->belt = su_belt_new(
        &(struct su_belt_plan){
            .jobs = a->files, .slots = FILES_AT_ONCE, .job_bytes = sizeof *a->files, .work = identify},
        err);
    int result = !a->belt || add_all(a, dir, err) < 0 ? -1 : su_store_settle(&a->batch, err);
    su_belt_cleanup(&a->belt);
    for (size_t i = 0; i < FILES_AT_ONCE; i++)
        su_fd_cleanup(&a->files[i].fd);
    su_store_batch_cleanup(&a->batch);
    return result;
}

int su_content_add(struct su_home *home, const char *path, const struct su_events *events,
                   struct su_content_report *report, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct adding *a = calloc(1, sizeof *a);
    if (!a)
        return su_fail_memory(err);
    a->home = home;
    a->events = events;
    a->report = report;
    for (size_t i = 0; i < FILES_AT_ONCE; i++)
        a->files[i].fd = -1;
    int result = su_dir_open(&dir, AT_FDCWD, path, err) < 0 || su_store_sweep(home, err) < 0 ||
                         su_begin(&t, home->db, err) < 0 || add_on_belt(a, dir, err) < 0
                     ? -1
                     : su_content_tell_missing(home, NULL, report, err);
    free(a);
    return result < 0 ? -1 : su_commit(&t, err);
}

/* A stored file on its way from its row to being told. */
struct stored {
    struct su_file_id want;
    char *name, *update; /* owned */
    bool is_good, is_absent;
    struct su_err why;
};

struct verifying {
    struct su_home *home;
    const struct su_events *events;
    struct su_content_report *report;
    struct su_belt *belt;
    struct stored files[FILES_AT_ONCE];
    size_t on_belt;
    uint64_t done, total;
};

static int read_stored(void *context, unsigned worker, void *job, struct su_err *err)
{
    const struct verifying *v = context;
    struct stored *file = job;
    SU_AUTO(su_fd) su_fd fd = -1;
    (void)worker;
    bool is_open = su_store_open(&fd, v->home, file->want.sha256, NULL, &file->why) == 0;
    file->is_good = is_open && su_store_prove(fd, &file->want, &file->why) == 0;
    if (file->why.code == SU_INTERRUPTED || file->why.code == SU_MEMORY) { /* says nothing of the file */
        *err = file->why;
        return -1;
    }
    file->is_absent = !is_open && file->why.code != SU_DATA; /* a link or device in its place is wrong */
    return 0;
}

static void clear_stored(struct stored *file)
{
    free(file->name);
    free(file->update);
    *file = (struct stored){0};
}

static int tell_stored(struct verifying *v, struct su_err *err)
{
    void *job;
    if (su_belt_take(v->belt, &job, err) <= 0)
        return -1;
    struct stored *file = job;
    su_content_tell(v->report, &(struct su_content_finding){.verdict = file->is_good     ? SU_FILE_HELD
                                                                       : file->is_absent ? SU_FILE_MISSING
                                                                                         : SU_FILE_WRONG,
                                                            .name = file->name,
                                                            .detail = file->is_good ? "" : file->why.text,
                                                            .update = file->update,
                                                            .sha1 = file->want.sha1,
                                                            .bytes = file->want.bytes});
    v->done += file->want.bytes;
    clear_stored(file);
    su_belt_release(v->belt);
    v->on_belt--;
    su_progress(v->events, SU_CONTENT_DONE, "content", v->done, v->total, "bytes");
    return 0;
}

static int verify_all(struct verifying *v, struct su_rows *rows, struct su_err *err)
{
    int more;
    while ((more = su_rows_next(rows, err)) > 0) {
        if (v->on_belt == FILES_AT_ONCE && tell_stored(v, err) < 0)
            return -1;
        struct stored *file = su_belt_slot(v->belt, err);
        if (!file || su_rows_fixed(rows, 0, file->want.sha256, SU_SHA256_BYTES, err) < 0 ||
            su_rows_fixed(rows, 1, file->want.sha1, SU_SHA1_BYTES, err) < 0)
            return -1;
        file->want.bytes = (uint64_t)su_rows_int(rows, 2);
        file->name = strdup(su_rows_text(rows, 3));
        file->update = strdup(su_rows_text(rows, 4));
        if (!file->name || !file->update)
            return su_fail_memory(err);
        su_belt_submit(v->belt, 0);
        v->on_belt++;
    }
    while (more == 0 && v->on_belt > 0)
        if (tell_stored(v, err) < 0)
            return -1;
    return more;
}

static int verify_on_belt(struct verifying *v, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int64_t total;
    if (su_query_int(v->home->db, &total, NULL, err, "SELECT coalesce(sum(bytes),0) FROM stored_file") < 0 ||
        su_query(
            v->home->db, &rows, err,
            "SELECT sha256, sha1, bytes, coalesce((SELECT name FROM file f WHERE f.sha1=s.sha1 LIMIT 1),''),"
            " coalesce((SELECT i.title FROM file f JOIN info i USING (rev_id) WHERE f.sha1=s.sha1 LIMIT "
            "1),'')"
            " FROM stored_file s ORDER BY sha256") < 0)
        return -1;
    v->total = (uint64_t)total;
    v->belt = su_belt_new(&(struct su_belt_plan){.jobs = v->files,
                                                 .slots = FILES_AT_ONCE,
                                                 .job_bytes = sizeof *v->files,
                                                 .context = v,
                                                 .work = read_stored},
                          err);
    int result = v->belt ? verify_all(v, &rows, err) : -1;
    su_belt_cleanup(&v->belt);
    for (size_t i = 0; i < FILES_AT_ONCE; i++)
        clear_stored(&v->files[i]);
    return result;
}

int su_content_verify(struct su_home *home, const struct su_profile *profile, const struct su_events *events,
                      struct su_content_report *report, struct su_err *err)
{
    struct verifying *v = calloc(1, sizeof *v);
    if (!v)
        return su_fail_memory(err);
    v->home = home;
    v->events = events;
    v->report = report;
    int result = verify_on_belt(v, err);
    free(v);
    return result < 0 ? -1 : su_content_tell_missing(home, profile, report, err);
}
