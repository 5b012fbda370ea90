#include "common/hub/frames.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/kept.h"
#include "common/sys/belt.h"
#include "common/sys/interrupt.h"

/* Frames on their way, and so threads that pack: five frames of 8 MiB fit into memory however many processors
 * there are. */
#define SLOTS 5u
/* Raw bytes of all frames on their way. Four frames keep two processors busy; a document of 47 MB is a frame
 * of its own, and with this bound no second one is unpacked beside it. */
#define MOST_BYTES (4 * SU_FRAME_BYTES)
/* A dictionary is trained once in a hub's life. */
#define MAX_DICTIONARIES 64u

/* One record of a frame; its packed document and its addresses begin at `at` of the frame's stored bytes. */
struct item {
    struct su_kept kept;
    size_t at;
};

struct frame_job {
    SU_VEC(struct item) items;
    struct su_buf stored, packed;
    size_t raw_bytes, document_bytes;
};

struct frame_worker {
    struct su_packer *packer;
    int64_t dictionary_id; /* that the packer has; 0: none */
    struct su_buf raw;
};

struct dictionary {
    int64_t id;
    struct su_buf bytes;
};

struct su_frames {
    struct su_db *db;
    struct su_sent *sent;
    struct su_manifest *m;
    struct su_frames_events events;
    struct su_belt *belt;
    struct frame_job jobs[SLOTS], *job; /* job: of the filling thread, the frame it has begun; NULL: none */
    struct frame_worker workers[SU_MAX_THREADS];
    SU_VEC(struct dictionary) dictionaries; /* all there are, before anything runs */
    SU_VEC(uint64_t) lengths;               /* of the packed frames */
};

/* What one large document needed is given back: the next may meet other workers and other slots. */
static void clear(struct su_buf *buf)
{
    if (buf->capacity > 2 * SU_FRAME_BYTES)
        su_buf_cleanup(buf);
    su_buf_clear(buf);
}

static int load_dictionaries(struct su_frames *f, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(f->db, &rows, err, "SELECT dictionary_id FROM dictionary") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct dictionary *d = SU_PUSH(&f->dictionaries, MAX_DICTIONARIES);
        if (!d)
            return su_fail_full(err, "the database has more than %u dictionaries", MAX_DICTIONARIES);
        d->id = su_rows_int(&rows, 0);
        d->bytes = (struct su_buf)SU_BUF_INIT(SU_PACK_DICTIONARY_BYTES);
        if (su_kept_dictionary(f->db, d->id, &d->bytes, err) < 0)
            return -1;
    }
    return more;
}

static void submit(struct su_frames *f, struct su_belt *belt)
{
    if (f->job)
        su_belt_submit(belt, f->job->raw_bytes);
    f->job = NULL;
}

static int add_item(struct su_frames *f, struct su_belt *belt, const struct su_kept *kept, struct su_err *err)
{
    size_t variable = kept->record.document_bytes + kept->record.urls_bytes;
    if (f->job && f->job->raw_bytes + variable + 128 > SU_FRAME_BYTES)
        submit(f, belt);
    if (su_interrupt_check(err) < 0 || (!f->job && !(f->job = su_belt_slot(belt, err))))
        return -1;
    struct item *item = SU_PUSH(&f->job->items, SU_FRAME_BYTES);
    if (!item)
        return su_fail_memory(err);
    *item = (struct item){.kept = *kept, .at = f->job->stored.length};
    f->job->raw_bytes += su_record_bytes(&kept->record);
    f->job->document_bytes += kept->record.document_bytes;
    su_buf_add(&f->job->stored, kept->packed, kept->packed_bytes);
    su_buf_add(&f->job->stored, kept->record.urls, kept->record.urls_bytes);
    return su_buf_check(&f->job->stored, "a frame", err);
}

static int read_removals(struct su_frames *f, struct su_belt *belt, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(f->db, &rows, err,
                 "SELECT update_id, revision FROM temp.gone ORDER BY update_id, revision") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_kept kept = {
            .record = {.is_removal = true, .revision = (uint32_t)su_rows_int(&rows, 1), .urls = ""},
            .packed = ""};
        if (su_rows_fixed(&rows, 0, kept.record.id.bytes, 16, err) < 0 || add_item(f, belt, &kept, err) < 0)
            return -1;
    }
    return more;
}

static int read_record(struct su_frames *f, struct su_belt *belt, int64_t rev_id, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_kept kept;
    return su_kept_find(f->db, rev_id, &rows, &kept, err) < 0 ? -1 : add_item(f, belt, &kept, err);
}

/* By type and date: similar documents stand together, which is worth a fifth of the size, and the
 * order depends on the catalogue only. */
static int read_all(void *context, struct su_belt *belt, struct su_err *err)
{
    struct su_frames *f = context;
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (read_removals(f, belt, err) < 0 ||
        su_query(f->db, &rows, err,
                 "SELECT s.rev_id FROM temp.send s JOIN info i USING (rev_id) JOIN revision r USING (rev_id)"
                 " ORDER BY i.type, i.created, r.update_id, r.revision") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (read_record(f, belt, su_rows_int(&rows, 0), err) < 0)
            return -1;
    if (more < 0)
        return -1;
    submit(f, belt);
    su_rows_cleanup(&rows);
    return f->events.then(f->events.context, err);
}

static int use_dictionary(const struct su_frames *f, struct frame_worker *w, int64_t id, struct su_err *err)
{
    if (id == 0 || id == w->dictionary_id)
        return 0;
    for (size_t i = 0; i < f->dictionaries.count; i++)
        if (f->dictionaries.at[i].id == id) {
            w->dictionary_id = id;
            return su_packer_set_dictionary(w->packer, f->dictionaries.at[i].bytes.bytes,
                                            f->dictionaries.at[i].bytes.length, err);
        }
    return su_fail(err, SU_DATA, "database: dictionary %lld is missing", (long long)id);
}

/* The document is unpacked to where it belongs in the frame. */
static int write_item(const struct su_frames *f, struct frame_worker *w, const struct frame_job *job,
                      const struct item *item, struct su_err *err)
{
    struct su_kept kept = item->kept;
    struct su_record record;
    if (!kept.record.is_removal) {
        kept.packed = job->stored.bytes + item->at;
        kept.record.urls = job->stored.bytes + item->at + kept.packed_bytes;
    }
    su_record_write_head(&kept.record, &w->raw);
    if (kept.record.is_removal)
        return 0;
    if (!su_buf_reserve(&w->raw, kept.record.document_bytes + 1))
        return su_buf_check(&w->raw, "a frame", err);
    struct su_buf place = {.bytes = w->raw.bytes + w->raw.length,
                           .capacity = kept.record.document_bytes + 1,
                           .max = kept.record.document_bytes};
    if (use_dictionary(f, w, kept.dictionary_id, err) < 0 ||
        su_kept_open(&kept, w->packer, &place, &record, err) < 0)
        return -1;
    su_buf_grow_by(&w->raw, kept.record.document_bytes);
    su_buf_add(&w->raw, "\n", 1);
    return 0;
}

static int pack(void *context, unsigned worker, void *slot, struct su_err *err)
{
    struct su_frames *f = context;
    struct frame_worker *w = &f->workers[worker];
    struct frame_job *job = slot;
    if (!w->packer && !(w->packer = su_packer_new(err)))
        return -1;
    clear(&w->raw);
    if (!su_buf_reserve(&w->raw, job->raw_bytes))
        return su_buf_check(&w->raw, "a frame", err);
    for (size_t i = 0; i < job->items.count; i++)
        if (write_item(f, w, job, &job->items.at[i], err) < 0)
            return -1;
    if (su_buf_check(&w->raw, "a frame", err) < 0)
        return -1;
    if (w->raw.length != job->raw_bytes)
        return su_fail(err, SU_BUG, "a frame has %zu bytes, %zu were planned", w->raw.length, job->raw_bytes);
    return su_pack_frame(w->packer, w->raw.bytes, w->raw.length, &job->packed, err);
}

static int keep(struct su_frames *f, struct frame_job *job, struct su_err *err)
{
    struct su_frame *frame = SU_PUSH(&f->m->frames, SU_MAX_FRAMES);
    uint64_t *length = SU_PUSH(&f->lengths, SU_MAX_FRAMES);
    if (!frame || !length)
        return su_fail_full(err, "a bundle carries at most %u frames", SU_MAX_FRAMES);
    frame->raw_bytes = job->raw_bytes;
    *length = job->packed.length;
    if (su_sent_frame(f->sent, job->packed.bytes, job->packed.length, err) < 0)
        return -1;
    f->events.moved(f->events.context, job->document_bytes);
    job->items.count = job->raw_bytes = job->document_bytes = 0;
    clear(&job->stored);
    clear(&job->packed);
    return 0;
}

static int keep_all(void *context, struct su_belt *belt, struct su_err *err)
{
    void *job;
    int more;
    while ((more = su_belt_take(belt, &job, err)) > 0) {
        if (keep(context, job, err) < 0)
            return -1;
        su_belt_release(belt);
    }
    return more;
}

struct su_frames *su_frames_start(struct su_db *db, struct su_sent *sent, struct su_manifest *manifest,
                                  const struct su_frames_events *events, struct su_err *err)
{
    struct su_frames *f = calloc(1, sizeof *f);
    if (!f) {
        (void)su_fail_memory(err);
        return NULL;
    }
    *f = (struct su_frames){.db = db, .sent = sent, .m = manifest, .events = *events};
    for (size_t i = 0; i < SLOTS; i++) {
        f->jobs[i].stored = (struct su_buf)SU_BUF_INIT(SU_MAX_FRAME_BYTES);
        f->jobs[i].packed = (struct su_buf)SU_BUF_INIT(SU_MAX_FRAME_BYTES + SU_MIB);
    }
    for (size_t i = 0; i < SU_MAX_THREADS; i++)
        f->workers[i].raw = (struct su_buf)SU_BUF_INIT(SU_MAX_FRAME_BYTES + 4096);
    struct su_belt_plan plan = {.jobs = f->jobs,
                                .slots = SLOTS,
                                .job_bytes = sizeof *f->jobs,
                                .most_weight = MOST_BYTES,
                                .context = f,
                                .fill = read_all,
                                .work = pack,
                                .take = keep_all};
    if (load_dictionaries(f, err) < 0 || !(f->belt = su_belt_new(&plan, err)))
        su_frames_cleanup(&f);
    return f;
}

static int lay(struct su_frames *f, size_t i, uint64_t at, struct su_volume_writer *volumes,
               struct su_err *err)
{
    struct su_frame *frame = &f->m->frames.at[i];
    char name[SU_ITEM_TEXT];
    uint64_t left = f->lengths.at[i];
    if (su_volume_item(volumes, su_volume_frame_item(i + 1, name), left, err) < 0)
        return -1;
    while (left > 0) {
        size_t room;
        char *to = su_volume_room(volumes, &room, err);
        if (!to || su_sent_read(f->sent, to, room, at, err) < 0 ||
            su_volume_write(volumes, to, room, err) < 0)
            return -1;
        at += room;
        left -= room;
    }
    return su_volume_item_end(volumes, &frame->first_extent, &frame->extents, err);
}

int su_frames_finish(struct su_frames *f, struct su_volume_writer *volumes, struct su_err *err)
{
    uint64_t at = 0;
    if (su_belt_finish(f->belt, err) < 0)
        return -1;
    for (size_t i = 0; i < f->lengths.count; at += f->lengths.at[i++])
        if (lay(f, i, at, volumes, err) < 0)
            return -1;
    return 0;
}

void su_frames_cleanup(struct su_frames **frames)
{
    struct su_frames *f = *frames;
    if (!f)
        return;
    su_belt_cleanup(&f->belt);
    for (size_t i = 0; i < SLOTS; i++) {
        free(f->jobs[i].items.at);
        su_buf_cleanup(&f->jobs[i].stored);
        su_buf_cleanup(&f->jobs[i].packed);
    }
    for (size_t i = 0; i < SU_MAX_THREADS; i++) {
        su_packer_cleanup(&f->workers[i].packer);
        su_buf_cleanup(&f->workers[i].raw);
    }
    for (size_t i = 0; i < f->dictionaries.count; i++)
        su_buf_cleanup(&f->dictionaries.at[i].bytes);
    free(f->dictionaries.at);
    free(f->lengths.at);
    free(f);
    *frames = NULL;
}
