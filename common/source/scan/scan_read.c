#include "common/source/scan/scan_read.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/lib/archive.h"
#include "common/source/scan/scan_fragment.h"
#include "common/source/scan/scan_index.h"
#include "common/sys/belt.h"
#include "common/sys/file.h"
#include "common/sys/interrupt.h"

/* As in load.c: enough to keep the processors at work, far below what memory allows. */
#define SLOTS 8
#define BATCH_BYTES (512 * SU_KIB)
#define BATCH_FRAGMENTS 512u
#define MOST_BYTES (24 * SU_MIB)
#define KEPT_BYTES (4 * SU_MIB) /* of an emptied batch */

struct fragment {
    enum su_scan_kind kind;
    char language[SU_SCAN_LANGUAGE_BYTES];
    uint64_t revision_id;
    const char *cab;
    size_t at, bytes;
};

/* What lies on the belt: rows of package.xml as they are, or fragments to be made rows. */
struct job {
    struct su_buf text;
    SU_VEC(struct fragment) fragments;
    struct su_scan_rows rows;
};

struct reading {
    int fd;
    uint64_t file_bytes, unpacked;
    struct su_scan_reading *out;
    struct su_scan_index index;
    struct su_belt *belt;
    struct job *filling; /* or NULL */
    struct job jobs[SLOTS];
};

int su_scan_unpacked(uint64_t *total, uint64_t more, struct su_err *err)
{
    if (more > SU_MAX_SCAN_BYTES || (*total += more) > SU_MAX_SCAN_BYTES)
        return su_fail(err, SU_LIMIT, "it unpacks to more than %llu bytes",
                       (unsigned long long)SU_MAX_SCAN_BYTES);
    return 0;
}

int su_scan_check_name(const char *name, struct su_err *err)
{
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        if (*c < 32 || *c == 127)
            return su_fail(err, SU_DATA, "the name of a member holds a control character: %s", name);
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == 0))
            return su_fail(err, SU_DATA, "the name of a member leads out of its folder: %s", name);
    return name[0] && name[0] != '/' ? 0 : su_fail(err, SU_DATA, "a member has no relative name: %s", name);
}

ssize_t su_inner_cabinet_read(void *context, void *out, size_t room, struct su_err *err)
{
    struct su_inner_cabinet *c = context;
    ssize_t n = su_unarchive_read(c->outer, out, room, err);
    if (n < 0 || su_scan_unpacked(c->total, (uint64_t)n, err) < 0)
        return -1;
    uint64_t before = c->taken;
    if (before < sizeof c->head) {
        size_t left = sizeof c->head - (size_t)before;
        memcpy(c->head + before, out, (size_t)n < left ? (size_t)n : left);
    }
    c->taken += (uint64_t)n;
    bool is_head_whole = before < sizeof c->head && c->taken >= sizeof c->head;
    if (is_head_whole && su_cabinet_bytes(c->head) != c->bytes)
        return su_fail(err, SU_DATA, "it has %llu bytes, its head announces %llu",
                       (unsigned long long)c->bytes, (unsigned long long)su_cabinet_bytes(c->head));
    if (n == 0 && c->taken < sizeof c->head)
        return su_fail(err, SU_DATA, "it has %llu bytes and is no cabinet", (unsigned long long)c->taken);
    return n;
}

static void clear(struct job *job)
{
    job->fragments.count = 0;
    su_scan_rows_clear(&job->rows);
    if (job->text.capacity > KEPT_BYTES)
        su_buf_cleanup(&job->text);
    else
        su_buf_clear(&job->text);
    job->text.max = SU_MAX_DOCUMENT_BYTES + 2 * BATCH_BYTES;
}

static int need_slot(struct reading *r, struct su_err *err)
{
    if (r->filling)
        return 0;
    if (su_interrupt_check(err) < 0 || !(r->filling = su_belt_slot(r->belt, err)))
        return -1;
    return 0;
}

static void submit(struct reading *r)
{
    su_belt_submit(r->belt, r->filling->text.length + r->filling->rows.arena.used_bytes);
    r->filling = NULL;
}

/* ---- package.cab -------------------------------------------------------------------------------------- */

static int on_more(void *context, struct su_scan_rows **rows, struct su_err *err)
{
    struct reading *r = context;
    if ((*rows)->arena.used_bytes < BATCH_BYTES && (*rows)->relations.count < BATCH_FRAGMENTS * 16)
        return 0;
    submit(r);
    if (need_slot(r, err) < 0)
        return -1;
    *rows = &r->filling->rows;
    return 0;
}

static int read_package(struct reading *r, struct su_unarchive *in, struct su_err *err)
{
    char bytes[64 * 1024];
    ssize_t n;
    if (need_slot(r, err) < 0)
        return -1;
    SU_AUTO(su_scan_package)
    struct su_scan_package *package = su_scan_package_new(&r->filling->rows, on_more, r, err);
    if (!package)
        return -1;
    while ((n = su_unarchive_read(in, bytes, sizeof bytes, err)) > 0)
        if (su_scan_unpacked(&r->unpacked, (uint64_t)n, err) < 0 ||
            su_scan_package_feed(package, bytes, (size_t)n, err) < 0)
            return -1;
    return n < 0 ? -1 : su_scan_package_finish(package, &r->out->edition, err);
}

static int read_package_cab(struct reading *r, struct su_unarchive *in, struct su_err *err)
{
    const char *name;
    uint64_t bytes;
    unsigned packages = 0;
    int more;
    while ((more = su_unarchive_next(in, &name, &bytes, err)) > 0) {
        if (su_scan_check_name(name, err) < 0)
            return -1;
        if (strcasecmp(name, "package.xml") != 0) {
            if (su_scan_unpacked(&r->unpacked, bytes, err) < 0)
                return -1;
            continue;
        }
        if (packages++ > 0)
            return su_fail(err, SU_DATA, "it holds two members named package.xml");
        if (read_package(r, in, err) < 0)
            return su_prefix(err, "package.xml");
    }
    return more == 0 && packages == 0 ? su_fail(err, SU_DATA, "it holds no package.xml") : more;
}

/* ---- cabinets of fragments ----------------------------------------------------------------------------- */

static int read_fragment(struct reading *r, struct su_unarchive *in, const struct fragment *given,
                         struct su_err *err)
{
    if (given->bytes > SU_MAX_DOCUMENT_BYTES)
        return su_fail(err, SU_LIMIT, "a fragment has %zu bytes, at most %zu are accepted", given->bytes,
                       SU_MAX_DOCUMENT_BYTES);
    if (need_slot(r, err) < 0 || su_scan_unpacked(&r->unpacked, given->bytes, err) < 0)
        return -1;
    struct job *job = r->filling;
    struct fragment *f = SU_PUSH(&job->fragments, BATCH_FRAGMENTS);
    char *to = su_buf_reserve(&job->text, given->bytes + 1);
    if (!f || !to)
        return su_fail_memory(err);
    *f = *given;
    f->at = job->text.length;
    size_t have = 0;
    ssize_t n;
    while (have <= given->bytes &&
           (n = su_unarchive_read(in, to + have, given->bytes + 1 - have, err)) != 0) {
        if (n < 0)
            return -1;
        have += (size_t)n;
    }
    if (have != given->bytes)
        return su_fail(err, SU_DATA, "it has not the %zu bytes that the cabinet announces", given->bytes);
    su_buf_grow_by(&job->text, have);
    r->out->fragments++;
    if (job->text.length >= BATCH_BYTES || job->fragments.count == BATCH_FRAGMENTS)
        submit(r);
    return 0;
}

static int read_shard(struct reading *r, struct su_unarchive *in, const struct su_scan_cab *cab,
                      struct su_err *err)
{
    const char *name;
    uint64_t bytes;
    int more;
    while ((more = su_unarchive_next(in, &name, &bytes, err)) > 0) {
        struct fragment f = {.cab = cab->name, .bytes = bytes > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)bytes};
        if (su_scan_check_name(name, err) < 0)
            return -1;
        bool is_fragment = su_scan_fragment_name(name, &f.kind, f.language, &f.revision_id);
        if (is_fragment && su_scan_index_owner(&r->index, f.revision_id) == cab) {
            if (read_fragment(r, in, &f, err) < 0)
                return su_prefix(err, "%s", name);
            continue;
        }
        r->out->strays += is_fragment || strncmp(name, "c/", 2) == 0 || strncmp(name, "x/", 2) == 0 ||
                          strncmp(name, "l/", 2) == 0;
        if (su_scan_unpacked(&r->unpacked, bytes, err) < 0)
            return -1;
    }
    return more;
}

/* ---- the outer cabinet --------------------------------------------------------------------------------- */

static int read_inner(struct reading *r, struct su_unarchive *outer, uint64_t bytes,
                      const struct su_scan_cab *cab, struct su_err *err)
{
    struct su_inner_cabinet inner = {.outer = outer, .bytes = bytes, .total = &r->unpacked};
    SU_AUTO(su_unarchive)
    struct su_unarchive *in = su_unarchive_open_from(su_inner_cabinet_read, &inner, SU_ARCHIVE_CAB, err);
    if (!in)
        return -1;
    return cab->has_range ? read_shard(r, in, cab, err) : read_package_cab(r, in, err);
}

static struct su_unarchive *open_outer(struct reading *r, struct su_err *err)
{
    if (lseek(r->fd, 0, SEEK_SET) < 0) {
        (void)su_fail_sys(err, "seek");
        return NULL;
    }
    return su_unarchive_open(r->fd, SU_ARCHIVE_CAB, err);
}

/* Nearly always the first member; wherever it is, it is wanted before the cabinets it names. */
static int read_index(struct reading *r, struct su_err *err)
{
    SU_AUTO(su_unarchive) struct su_unarchive *outer = open_outer(r, err);
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_SCAN_INDEX_BYTES + 1);
    const char *name;
    uint64_t bytes = 0;
    int more = -1;
    ssize_t n;
    while (outer && (more = su_unarchive_next(outer, &name, &bytes, err)) > 0 &&
           strcasecmp(name, "index.xml") != 0)
        ;
    if (more <= 0)
        return more < 0 ? -1 : su_fail(err, SU_DATA, "the cabinet holds no index.xml");
    if (bytes > SU_MAX_SCAN_INDEX_BYTES)
        return su_fail(err, SU_LIMIT, "index.xml has %llu bytes, at most %zu are accepted",
                       (unsigned long long)bytes, SU_MAX_SCAN_INDEX_BYTES);
    char *to = su_buf_reserve(&text, (size_t)bytes + 1);
    if (!to)
        return su_fail_memory(err);
    while ((n = su_unarchive_read(outer, to + text.length, (size_t)bytes - text.length + 1, err)) > 0 &&
           text.length + (size_t)n <= bytes)
        su_buf_grow_by(&text, (size_t)n);
    if (n < 0)
        return su_prefix(err, "index.xml");
    return su_scan_index_parse(&r->index, text.bytes, text.length, err) < 0 ? su_prefix(err, "index.xml") : 0;
}

static int read_cabinets(struct reading *r, struct su_err *err)
{
    SU_AUTO(su_unarchive) struct su_unarchive *outer = open_outer(r, err);
    const char *name;
    uint64_t bytes;
    int more = -1;
    while (outer && (more = su_unarchive_next(outer, &name, &bytes, err)) > 0) {
        if (su_scan_check_name(name, err) < 0)
            return -1;
        struct su_scan_cab *cab = su_scan_index_find(&r->index, name);
        size_t n = strlen(name);
        if (!cab && n > 4 && strcasecmp(name + n - 4, ".cab") == 0)
            return su_fail(err, SU_DATA, "the cabinet holds %s, which index.xml does not name", name);
        if (!cab) {
            if (su_scan_unpacked(&r->unpacked, bytes, err) < 0)
                return -1;
            continue;
        }
        if (cab->is_seen)
            return su_fail(err, SU_DATA, "the cabinet holds two members named %s", cab->name);
        cab->is_seen = true;
        if (read_inner(r, outer, bytes, cab, err) < 0)
            return su_prefix(err, "%s", cab->name);
    }
    for (size_t i = 0; more == 0 && i < r->index.cabs.count; i++)
        if (!r->index.cabs.at[i].is_seen)
            return su_fail(err, SU_DATA, "index.xml names %s, which the cabinet does not hold",
                           r->index.cabs.at[i].name);
    return more;
}

static int fill(void *context, struct su_belt *belt, struct su_err *err)
{
    struct reading *r = context;
    r->belt = belt;
    int result = read_index(r, err) < 0 ? -1 : read_cabinets(r, err);
    if (r->filling && result == 0)
        submit(r);
    return result;
}

static int work(void *context, unsigned worker, void *argument, struct su_err *err)
{
    static const char *const folders[] = {"c", "x", "l"};
    struct job *job = argument;
    (void)context, (void)worker;
    for (size_t i = 0; i < job->fragments.count; i++) {
        const struct fragment *f = &job->fragments.at[i];
        if (su_scan_fragment_parse(&job->rows, f->kind, f->language, f->revision_id, job->text.bytes + f->at,
                                   f->bytes, err) < 0)
            return su_prefix(err, "%s: %s/%s%s%llu", f->cab, folders[f->kind], f->language,
                             f->language[0] ? "/" : "", (unsigned long long)f->revision_id);
    }
    return 0;
}

static int run(struct reading *r, su_scan_take take, void *context, struct su_err *err)
{
    const struct su_belt_plan plan = {.jobs = r->jobs,
                                      .slots = SLOTS,
                                      .job_bytes = sizeof *r->jobs,
                                      .most_weight = MOST_BYTES,
                                      .context = r,
                                      .fill = fill,
                                      .work = work};
    SU_AUTO(su_belt) struct su_belt *belt = su_belt_new(&plan, err);
    void *job;
    int more = -1;
    while (belt && (more = su_belt_take(belt, &job, err)) > 0) {
        if (su_interrupt_check(err) < 0 || take(context, &((struct job *)job)->rows, err) < 0)
            return -1;
        clear(job);
        su_belt_release(belt);
    }
    return more;
}

/* Cheap and certain: a cut or grown cabinet. */
static int check_size(const struct reading *r, struct su_err *err)
{
    uint8_t head[SU_CABINET_HEAD_BYTES];
    if (r->file_bytes < sizeof head)
        return su_fail(err, SU_DATA, "no cabinet has %llu bytes", (unsigned long long)r->file_bytes);
    if (su_file_read_at(r->fd, head, sizeof head, 0, err) < 0)
        return -1;
    return su_cabinet_bytes(head) == r->file_bytes
               ? 0
               : su_fail(err, SU_DATA, "the cabinet has %llu bytes, its head announces %llu",
                         (unsigned long long)r->file_bytes, (unsigned long long)su_cabinet_bytes(head));
}

int su_scan_read(int fd, const char *path, su_scan_take take, void *context, struct su_scan_reading *out,
                 struct su_err *err)
{
    struct stat before, after;
    struct reading *r = calloc(1, sizeof *r);
    if (!r)
        return su_fail_memory(err);
    *out = (struct su_scan_reading){0};
    r->out = out;
    r->fd = fd;
    for (size_t i = 0; i < SLOTS; i++) {
        r->jobs[i].rows = (struct su_scan_rows)SU_SCAN_ROWS_INIT;
        clear(&r->jobs[i]);
    }
    int result = fstat(fd, &before) < 0 ? su_fail_sys(err, "fstat") : 0;
    if (result == 0) {
        r->file_bytes = (uint64_t)before.st_size;
        result = check_size(r, err) < 0 ? -1 : run(r, take, context, err);
    }
    if (result == 0 &&
        (fstat(fd, &after) < 0 || after.st_size != before.st_size ||
         after.st_mtim.tv_sec != before.st_mtim.tv_sec || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec))
        result = su_fail(err, SU_DATA, "the cabinet changed while it was read");
    for (size_t i = 0; i < SLOTS; i++) {
        su_buf_cleanup(&r->jobs[i].text);
        free(r->jobs[i].fragments.at);
        su_scan_rows_cleanup(&r->jobs[i].rows);
    }
    su_scan_index_cleanup(&r->index);
    free(r);
    return result < 0 ? su_prefix(err, "%s", path) : 0;
}
