#include "common/source/scan/scan_confined.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/lib/confine.h"
#include "common/sys/file.h"

/* ---- rows as values ------------------------------------------------------------------------------------ */

enum form { RAW, NUMBER, NUMBER32, FLAG, TEXT, RELATION };
struct field {
    enum form form;
    size_t at, bytes;
};
struct list {
    size_t at, row_bytes;
    const struct field *fields;
    size_t field_count;
};
struct vector { /* what SU_VEC makes */
    char *at;
    size_t count, capacity;
};

#define FIELD(form, type, name)                                                                              \
    {                                                                                                        \
        form, offsetof(struct type, name), sizeof(((struct type *)0)->name)                                  \
    }
static const struct field update[] = {
    FIELD(NUMBER, su_scan_update, revision_id), FIELD(RAW, su_scan_update, id),
    FIELD(NUMBER32, su_scan_update, revision),  FIELD(FLAG, su_scan_update, is_bundle),
    FIELD(FLAG, su_scan_update, is_leaf),       FIELD(FLAG, su_scan_update, is_software),
    FIELD(TEXT, su_scan_update, created),       FIELD(TEXT, su_scan_update, language),
    FIELD(TEXT, su_scan_update, action)};
static const struct field core[] = {FIELD(NUMBER, su_scan_core, revision_id), FIELD(RAW, su_scan_core, id),
                                    FIELD(NUMBER32, su_scan_core, revision), FIELD(TEXT, su_scan_core, type)};
static const struct field extended[] = {
    FIELD(NUMBER, su_scan_extended, revision_id), FIELD(NUMBER, su_scan_extended, max_bytes),
    FIELD(NUMBER, su_scan_extended, min_bytes), FIELD(TEXT, su_scan_extended, severity),
    FIELD(TEXT, su_scan_extended, handler)};
static const struct field file[] = {
    FIELD(NUMBER, su_scan_file, revision_id), FIELD(RAW, su_scan_file, sha1),
    FIELD(RAW, su_scan_file, sha256),         FIELD(FLAG, su_scan_file, is_described),
    FIELD(FLAG, su_scan_file, has_sha256),    FIELD(FLAG, su_scan_file, is_licence),
    FIELD(NUMBER, su_scan_file, bytes),       FIELD(TEXT, su_scan_file, name),
    FIELD(TEXT, su_scan_file, language)};
static const struct field location[] = {FIELD(RAW, su_scan_location, sha1),
                                        FIELD(TEXT, su_scan_location, url)};
static const struct field title[] = {FIELD(NUMBER, su_scan_title, revision_id),
                                     FIELD(TEXT, su_scan_title, language), FIELD(TEXT, su_scan_title, title),
                                     FIELD(TEXT, su_scan_title, description),
                                     FIELD(NUMBER, su_scan_title, description_id)};
static const struct field tag[] = {FIELD(NUMBER, su_scan_tag, revision_id), FIELD(TEXT, su_scan_tag, kind),
                                   FIELD(TEXT, su_scan_tag, value)};
static const struct field relation[] = {FIELD(NUMBER, su_scan_relation, revision_id),
                                        FIELD(NUMBER, su_scan_relation, target),
                                        FIELD(RELATION, su_scan_relation, kind)};
static const struct field superseded[] = {FIELD(NUMBER, su_scan_target, revision_id),
                                          FIELD(RAW, su_scan_target, id)};
static const struct field category[] = {FIELD(NUMBER, su_scan_target, revision_id),
                                        FIELD(RAW, su_scan_target, id), FIELD(TEXT, su_scan_target, kind)};

#define LIST(name, type, of)                                                                                 \
    {                                                                                                        \
        offsetof(struct su_scan_rows, name), sizeof(struct type), of, sizeof(of) / sizeof *(of)              \
    }
static const struct list lists[] = {LIST(updates, su_scan_update, update),
                                    LIST(cores, su_scan_core, core),
                                    LIST(extended, su_scan_extended, extended),
                                    LIST(files, su_scan_file, file),
                                    LIST(locations, su_scan_location, location),
                                    LIST(titles, su_scan_title, title),
                                    LIST(tags, su_scan_tag, tag),
                                    LIST(relations, su_scan_relation, relation),
                                    LIST(superseded, su_scan_target, superseded),
                                    LIST(categories, su_scan_target, category)};
#define LISTS (sizeof lists / sizeof *lists)

static void put_field(struct su_wire *w, const struct field *f, const char *at)
{
    const char *text;
    switch (f->form) {
    case RAW:
    case NUMBER:
    case NUMBER32:
    case FLAG:
    case RELATION: su_put_raw(w, at, f->bytes); break;
    case TEXT:
        memcpy(&text, at, sizeof text);
        su_put_text(w, text);
        break;
    }
}

void su_scan_rows_put(struct su_wire *w, const struct su_scan_rows *rows)
{
    for (const struct list *l = lists; l < lists + LISTS; l++) {
        struct vector v;
        memcpy(&v, (const char *)rows + l->at, sizeof v);
        su_put_u64(w, v.count);
        for (size_t i = 0; i < v.count; i++)
            for (size_t f = 0; f < l->field_count; f++)
                put_field(w, &l->fields[f], v.at + i * l->row_bytes + l->fields[f].at);
    }
}

/* False: it is none of the values that it can have. */
static bool get_field(struct su_wire *w, const struct field *f, char *at)
{
    unsigned char flag;
    uint64_t number;
    uint32_t relation_kind;
    switch (f->form) {
    case RAW:
    case NUMBER32: su_get_raw(w, at, f->bytes); return true;
    case NUMBER: /* as the database holds it */
        number = su_get_u64(w);
        memcpy(at, &number, sizeof number);
        return number <= INT64_MAX;
    case FLAG:
        su_get_raw(w, &flag, 1);
        memcpy(at, &flag, 1);
        return flag <= 1;
    case RELATION:
        relation_kind = su_get_u32(w);
        memcpy(at, &relation_kind, sizeof relation_kind);
        return relation_kind <= SU_SCAN_SUPERSEDED_BY;
    case TEXT: break;
    }
    const char *text = su_get_text(w, SU_MAX_XML_TEXT_BYTES);
    memcpy(at, &text, sizeof text);
    return true;
}

int su_scan_rows_get(struct su_wire *w, struct su_scan_rows *rows, struct su_err *err)
{
    su_scan_rows_clear(rows);
    for (const struct list *l = lists; l < lists + LISTS; l++) {
        uint64_t count = su_get_u64(w);
        if (count > SU_SCAN_MOST_ROWS)
            return su_wire_lies(err);
        struct vector v;
        memcpy(&v, (char *)rows + l->at, sizeof v);
        bool is_good = true;
        for (uint64_t i = 0; i < count && is_good && !w->is_short; i++) {
            char *row = su_vec_push((void **)&v.at, &v.count, &v.capacity, l->row_bytes, SU_SCAN_MOST_ROWS);
            for (size_t f = 0; row && f < l->field_count; f++)
                is_good &= get_field(w, &l->fields[f], row + l->fields[f].at);
            is_good &= row != NULL;
        }
        memcpy((char *)rows + l->at, &v, sizeof v);
        if (!is_good || w->is_short)
            return su_wire_lies(err);
    }
    return 0;
}

/* ---- the child ----------------------------------------------------------------------------------------- */

enum { ROWS = SU_FRAME_FIRST, END };

struct telling {
    const char *path;
    int fd;
    struct su_wire *wire;
};

static int tell_rows(void *context, const struct su_scan_rows *rows, struct su_err *err)
{
    struct telling *t = context;
    su_wire_begin(t->wire, ROWS);
    su_scan_rows_put(t->wire, rows);
    return su_wire_end(t->wire, err);
}

static int read_in_child(void *context, struct su_wire *w, struct su_err *err)
{
    struct telling *t = context;
    struct su_scan_reading reading;
    t->wire = w;
    if (su_scan_read(t->fd, t->path, tell_rows, t, &reading, err) < 0)
        return -1;
    su_wire_begin(w, END);
    su_put_text(w, reading.edition.created);
    su_put_text(w, reading.edition.package_id);
    su_put_text(w, reading.edition.source_id);
    su_put_text(w, reading.edition.version);
    su_put_u64(w, reading.fragments);
    su_put_u64(w, reading.strays);
    return su_wire_end(w, err);
}

/* ---- the parent ---------------------------------------------------------------------------------------- */

struct hearing {
    struct su_wire *wire;
    const struct su_events *events;
    su_scan_take take;
    void *context;
    struct su_scan_reading *out;
    int fd;
    uint64_t file_bytes;
    bool has_end;
};

static int hear_rows(struct hearing *h, struct su_scan_rows *rows, struct su_err *err)
{
    off_t at = lseek(h->fd, 0, SEEK_CUR); /* both processes share it */
    if (at > 0 &&
        (uint64_t)at < h->file_bytes) /* all of a small one is in memory at once; the end is told once */
        su_progress(h->events, SU_SYNC_SOURCE, "scan metadata", (uint64_t)at, h->file_bytes, "bytes");
    if (h->has_end)
        return su_wire_lies(err);
    if (su_scan_rows_get(h->wire, rows, err) < 0 || su_got_all(h->wire, err) < 0)
        return -1;
    return h->take(h->context, rows, err);
}

static void get_short_text(struct su_wire *w, char *out, size_t room)
{
    const char *text = su_get_text(w, room - 1);
    memcpy(out, text, strlen(text) + 1);
}

static int hear_end(struct hearing *h, struct su_err *err)
{
    struct su_scan_edition *e = &h->out->edition;
    get_short_text(h->wire, e->created, sizeof e->created);
    get_short_text(h->wire, e->package_id, sizeof e->package_id);
    get_short_text(h->wire, e->source_id, sizeof e->source_id);
    get_short_text(h->wire, e->version, sizeof e->version);
    h->out->fragments = su_get_u64(h->wire);
    h->out->strays = su_get_u64(h->wire);
    if (h->has_end)
        return su_wire_lies(err);
    h->has_end = true;
    su_progress(h->events, SU_SYNC_SOURCE, "scan metadata", h->file_bytes, h->file_bytes, "bytes");
    return su_got_all(h->wire, err);
}

static int hear_all(struct hearing *h, struct su_confined *confined, struct su_err *err)
{
    SU_AUTO(su_scan_rows) struct su_scan_rows rows = SU_SCAN_ROWS_INIT;
    uint32_t kind;
    int more;
    h->wire = su_confined_wire(confined);
    while ((more = su_confined_next(confined, &kind, err)) > 0)
        if ((kind == ROWS  ? hear_rows(h, &rows, err)
             : kind == END ? hear_end(h, err)
                           : su_wire_lies(err)) < 0)
            return -1;
    return more == 0 && !h->has_end ? su_wire_lies(err) : more;
}

int su_scan_hear(const char *path, const struct su_events *events, su_scan_take take, void *context,
                 struct su_scan_reading *out, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    SU_AUTO(su_confined) struct su_confined *confined = NULL;
    struct hearing h = {.events = events, .take = take, .context = context, .out = out};
    *out = (struct su_scan_reading){0};
    if (su_file_open(&fd, AT_FDCWD, path, &h.file_bytes, err) < 0)
        return su_prefix(err, "%s", path);
    struct telling t = {.path = path, .fd = fd};
    const struct su_confined_plan plan = {.reads = "the scan cabinet",
                                          .run = read_in_child,
                                          .context = &t,
                                          .files = {fd},
                                          .file_count = 1,
                                          .has_threads = true,
                                          SU_CONFINED_PLAN_INIT};
    h.fd = fd;
    return su_confined_start(&confined, &plan, err) < 0 ? -1 : hear_all(&h, confined, err);
}
