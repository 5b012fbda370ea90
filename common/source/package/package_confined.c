#include "common/source/package/package_confined.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/lib/confine.h"

/* In this order: one HEAD, the file map in pieces, the records. */
enum { HEAD = SU_FRAME_FIRST, FILES, RECORD };
#define FILES_OF_A_FRAME 1000u

struct su_package_reader {
    const char *path;
    su_fd fd;
    struct su_confined *confined;
};

/* ---- the child ----------------------------------------------------------------------------------------- */

struct telling {
    struct su_package package;
    struct su_wire *wire;
};

static int tell_files(struct su_wire *w, const struct su_package_index *index, size_t first,
                      struct su_err *err)
{
    size_t left = index->files.count - first, count = left < FILES_OF_A_FRAME ? left : FILES_OF_A_FRAME;
    su_wire_begin(w, FILES);
    su_put_u64(w, count);
    for (size_t i = first; i < first + count; i++) {
        const struct su_package_file *file = &index->files.at[i];
        su_put_raw(w, file->sha1, sizeof file->sha1);
        su_put_bytes(w, index->urls.bytes + file->url_at, file->url_bytes);
    }
    return su_wire_end(w, err);
}

/* The file map is the parent's from now on, unless the list of updates is still being read and compared with
 * it. */
static int tell_index(struct telling *t, struct su_err *err)
{
    struct su_package_index *index = &t->package.index;
    struct su_wire *w = t->wire;
    su_wire_begin(w, HEAD);
    su_put_u32(w, strcmp(t->package.kind, SU_PACKAGE_CAB) == 0);
    su_put_text(w, index->created);
    su_put_u64(w, index->entries.count);
    su_put_u64(w, index->files.count);
    if (su_wire_end(w, err) < 0)
        return -1;
    for (size_t i = 0; i < index->files.count; i += FILES_OF_A_FRAME)
        if (tell_files(w, index, i, err) < 0)
            return -1;
    if (!index->is_read)
        return 0;
    free(index->files.at);
    index->files = (__typeof__(index->files)){0};
    su_buf_cleanup(&index->urls);
    return 0;
}

static int tell_record(void *context, const struct su_package *package, struct su_record *record,
                       struct su_err *err)
{
    struct telling *t = context;
    if (package->records == 0 && tell_index(t, err) < 0)
        return -1;
    su_wire_begin(t->wire, RECORD);
    su_put_raw(t->wire, record->id.bytes, sizeof record->id.bytes);
    su_put_u32(t->wire, record->revision);
    su_put_bytes(t->wire, record->document, record->document_bytes);
    return su_wire_end(t->wire, err);
}

static int read_in_child(void *context, struct su_wire *wire, struct su_err *err)
{
    const struct su_package_reader *reader = context;
    struct telling t = {.package = SU_PACKAGE_INIT, .wire = wire};
    return su_package_read(reader->fd, reader->path, &t.package, tell_record, &t, err);
}

/* ---- the parent ---------------------------------------------------------------------------------------- */

struct hearing {
    struct su_wire *wire;
    struct su_package *package;
    uint64_t *total;
    uint64_t files; /* to come */
    bool has_head;
};

static int hear_head(struct hearing *h, struct su_err *err)
{
    struct su_package_index *index = &h->package->index;
    bool is_cab = su_get_u32(h->wire) != 0;
    const char *created = su_get_text(h->wire, sizeof index->created - 1);
    *h->total = su_get_u64(h->wire);
    h->files = su_get_u64(h->wire);
    if (h->has_head || strspn(created, SU_PACKAGE_TIME) != strlen(created) ||
        *h->total > SU_MAX_PACKAGE_REVISIONS || h->files > SU_MAX_PACKAGE_FILES)
        return su_wire_lies(err);
    h->has_head = true;
    h->package->kind = is_cab ? SU_PACKAGE_CAB : SU_PACKAGE_GZIP;
    memcpy(index->created, created, strlen(created) + 1);
    index->urls = (struct su_buf)SU_BUF_INIT(SU_MAX_PACKAGE_URL_BYTES);
    return su_got_all(h->wire, err);
}

/* In rising order, as it is searched. */
static int hear_files(struct hearing *h, struct su_err *err)
{
    struct su_package_index *index = &h->package->index;
    uint64_t count = su_get_u64(h->wire);
    if (count > h->files)
        return su_wire_lies(err);
    h->files -= count;
    for (uint64_t i = 0; i < count; i++) {
        struct su_package_file *file = SU_PUSH(&index->files, SU_MAX_PACKAGE_FILES);
        size_t length;
        if (!file)
            return su_fail_memory(err);
        su_get_raw(h->wire, file->sha1, sizeof file->sha1);
        const char *url = su_get_bytes(h->wire, &length, SU_MAX_URL_BYTES);
        file->url_bytes = (uint32_t)length;
        file->url_at = index->urls.length;
        su_buf_add(&index->urls, url, length);
        if (su_buf_check(&index->urls, "the addresses", err) < 0)
            return -1;
        if (h->wire->is_short ||
            (index->files.count > 1 && memcmp(file[-1].sha1, file->sha1, sizeof file->sha1) >= 0))
            return su_wire_lies(err);
    }
    return su_got_all(h->wire, err);
}

static int hear_record(struct hearing *h, struct su_record *record, struct su_err *err)
{
    *record = (struct su_record){.urls = ""};
    su_get_raw(h->wire, record->id.bytes, sizeof record->id.bytes);
    record->revision = su_get_u32(h->wire);
    record->document = su_get_bytes(h->wire, &record->document_bytes, SU_MAX_DOCUMENT_BYTES);
    if (!h->has_head || h->files > 0 || h->package->records >= SU_MAX_PACKAGE_REVISIONS)
        return su_wire_lies(err);
    return su_got_all(h->wire, err);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): written to by hear_head, as h.total */
int su_package_reader_run(struct su_package_reader *reader, struct su_package *package, uint64_t *total,
                          su_package_take take, void *context, struct su_err *err)
{
    struct hearing h = {.wire = su_confined_wire(reader->confined), .package = package, .total = total};
    struct su_record record;
    uint32_t kind;
    int more;
    while ((more = su_confined_next(reader->confined, &kind, err)) > 0) {
        int result = kind == HEAD     ? hear_head(&h, err)
                     : kind == FILES  ? hear_files(&h, err)
                     : kind == RECORD ? hear_record(&h, &record, err)
                                      : su_wire_lies(err);
        if (result == 0 && kind == RECORD && (result = take(context, package, &record, err)) == 0) {
            package->records++;
            package->document_bytes += record.document_bytes;
        }
        if (result < 0)
            return -1;
    }
    return more == 0 && package->records == 0 ? su_wire_lies(err) : more;
}

int su_package_reader_new(struct su_package_reader **out, const char *path, struct su_err *err)
{
    uint64_t bytes;
    struct su_package_reader *reader = calloc(1, sizeof *reader);
    *out = reader;
    if (!reader)
        return su_fail_memory(err);
    reader->path = path;
    reader->fd = -1;
    if (su_file_open(&reader->fd, AT_FDCWD, path, &bytes, err) == 0) {
        const struct su_confined_plan plan = {.reads = "the package",
                                              .run = read_in_child,
                                              .context = reader,
                                              .files = {reader->fd},
                                              .file_count = 1,
                                              SU_CONFINED_PLAN_INIT};
        if (su_confined_start(&reader->confined, &plan, err) == 0)
            return 0;
    }
    su_package_reader_cleanup(out);
    return -1;
}

void su_package_reader_cleanup(struct su_package_reader **reader)
{
    if (!*reader)
        return;
    su_confined_cleanup(&(*reader)->confined);
    su_fd_cleanup(&(*reader)->fd);
    free(*reader);
    *reader = NULL;
}
