#include "common/site/replay.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/bundle/frame_read.h"
#include "common/catalogue/changes.h"
#include "common/catalogue/load.h"
#include "common/sys/belt.h"
#include "common/sys/interrupt.h"

struct replay {
    struct su_db *db;
    struct su_catalogue *catalogue;
    const struct su_replay_check *check;
    const struct su_events *events;
    struct su_learner learner;
    struct su_known known;
    const struct su_replay_hands *hands;
    struct su_batch *batch; /* of what is removed or restored */
    bool is_first;          /* nothing is held: all is new */
    int64_t import_id;
    /* The reading thread's while it runs. */
    struct su_volume_reader *reader;
    const struct su_manifest *manifest;
    struct su_load *load;
    uint64_t records, removals, total;
};

/* What the identities held before this import; the first note of an import counts. */
static int keep_inverse(struct replay *r, const struct su_prepared *items, size_t count, struct su_err *err)
{
    if (r->import_id == 0)
        return 0;
    for (size_t i = 0; i < count; i++) /* one by one: see feed in db.h */
        if (items[i].edit == SU_PUT && !items[i].held.is_held &&
            su_run(r->db, err,
                   "INSERT OR IGNORE INTO undo (import_id, update_id, revision, state) VALUES (?1,?2,?3,0)",
                   SU_I(r->import_id), SU_B(items[i].record.id.bytes, 16),
                   SU_I(items[i].record.revision)) < 0)
            return -1;
    su_feed_begin(r->db);
    for (size_t i = 0; i < count; i++)
        if (items[i].edit != SU_KEEP && items[i].held.is_held &&
            su_feed_row(r->db, err, NULL, SU_I(items[i].held.rev_id), SU_I(r->import_id)) < 0)
            return -1;
    return su_feed_run(
        r->db, err,
        "INSERT OR IGNORE INTO undo SELECT c1, update_id, revision, 1, origin, dictionary_id, raw_bytes, "
        "packed, urls, arrived FROM feed CROSS JOIN revision r ON r.rev_id=c0 JOIN document d ON "
        "d.rev_id=c0");
}

/* A cumulative delta may put what is held, and remove what this state never had. */
static int decide(struct replay *r, struct su_batch *batch, struct su_prepared *item, struct su_err *err)
{
    bool is_held = item->held.is_held;
    if (item->record.is_removal) {
        item->edit = is_held ? SU_REMOVE : SU_KEEP;
        item->is_touched = is_held;
        return 0;
    }
    if (is_held && memcmp(item->held.record_sha256, item->record.record_sha256, SU_SHA256_BYTES) == 0)
        return 0;
    item->edit = SU_PUT;
    item->is_touched =
        !r->is_first &&
        (!is_held || memcmp(item->held.document_sha256, item->record.document_sha256, SU_SHA256_BYTES) != 0);
    return item->is_ready ? 0 : su_prepare(r->hands->own, batch, item, err);
}

#define INTO_SEEN "INSERT OR IGNORE INTO temp.seen SELECT c0 FROM feed"

static int apply(void *context, struct su_batch *batch, struct su_prepared *items, size_t count,
                 struct su_err *err)
{
    struct replay *r = context;
    if (r->check->may_go_on(r->check->context, err) < 0 ||
        su_catalogue_find(r->catalogue, items, count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (decide(r, batch, &items[i], err) < 0)
            return -1;
    if (keep_inverse(r, items, count, err) < 0 || su_changes_touch(r->db, items, count, err) < 0 ||
        su_catalogue_apply(r->catalogue, items, count, err) < 0)
        return -1;
    su_feed_begin(r->db);
    for (size_t i = 0; i < count; i++)
        if (!items[i].record.is_removal && su_feed_row(r->db, err, INTO_SEEN, SU_I(items[i].rev_id)) < 0)
            return -1;
    return su_feed_run(r->db, err, INTO_SEEN);
}

static void ahead(void *context, unsigned worker, struct su_batch *batch)
{
    struct replay *r = context;
    struct su_err told_later = SU_ERR_INIT;
    if (su_batch_seal(batch, &told_later) == 0)
        su_prepare_ahead(r->hands->workers[worker], batch, &r->known);
}

/* What needs no database. */
static int prepare(void *context, unsigned worker, struct su_batch *batch, struct su_prepared *item,
                   struct su_err *err)
{
    struct replay *r = context;
    if (item->record.is_removal)
        return 0;
    if ((!item->is_sealed && su_record_seal_document(&item->record, err) < 0) ||
        su_record_seal_whole(&item->record, err) < 0)
        return su_prepared_prefix(item, err);
    return su_known_has(&r->known, item->record.document_sha256)
               ? 0
               : su_prepare(r->hands->workers[worker], batch, item, err);
}

static int take(void *context, struct su_record *record, struct su_err *err)
{
    struct replay *r = context;
    (*(record->is_removal ? &r->removals : &r->records))++;
    if ((r->records + r->removals) % 500 == 0)
        su_progress(r->events, SU_SYNC_DATABASE, "updates", r->records + r->removals, r->total, "items");
    return su_load_add(r->load, record, 0, err);
}

static int read_frames(void *context, struct su_load *load, struct su_err *err)
{
    struct replay *r = context;
    r->load = load;
    return su_frames_read(r->reader, r->manifest, take, r, err);
}

static int apply_frames(struct replay *r, struct su_err *err)
{
    const struct su_manifest *m = r->manifest;
    const struct su_load_plan plan = {.context = r,
                                      .learner = &r->learner,
                                      .read = read_frames,
                                      .ahead = ahead,
                                      .prepare = prepare,
                                      .apply = apply};
    if (su_load_run(&plan, err) < 0)
        return -1;
    if (r->records != m->records || r->removals != m->removals)
        return su_fail(err, SU_FORMAT,
                       "the frames hold %llu records and %llu removals, the manifest says %llu and %llu",
                       (unsigned long long)r->records, (unsigned long long)r->removals,
                       (unsigned long long)m->records, (unsigned long long)m->removals);
    return 0;
}

static int remove_batch(struct replay *r, struct su_err *err)
{
    if (apply(r, r->batch, r->batch->items, r->batch->count, err) < 0)
        return -1;
    su_batch_clear(r->batch, NULL);
    return 0;
}

static int remove_unseen(struct replay *r, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_run(r->db, err,
               "INSERT INTO temp.unseen SELECT update_id, revision FROM revision WHERE rev_id NOT IN (SELECT "
               "rev_id FROM temp.seen)") < 0 ||
        su_query(r->db, &rows, err, "SELECT update_id, revision FROM temp.unseen") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_record gone = {.is_removal = true, .revision = (uint32_t)su_rows_int(&rows, 1)};
        if (su_rows_fixed(&rows, 0, gone.id.bytes, 16, err) < 0 || !su_batch_add(r->batch, &gone, err))
            return -1;
        if (su_interrupt_check(err) < 0 || (su_batch_is_full(r->batch) && remove_batch(r, err) < 0))
            return -1;
    }
    return more < 0 ? -1 : remove_batch(r, err);
}

int su_replay_hands_open(struct su_replay_hands *hands, struct su_err *err)
{
    if (!(hands->own = su_preparer_new(err)))
        return -1;
    for (unsigned i = 0; i < su_threads(); i++)
        if (!(hands->workers[i] = su_preparer_new(err)))
            return -1;
    return 0;
}

void su_replay_hands_cleanup(struct su_replay_hands *hands)
{
    su_preparer_cleanup(&hands->own);
    for (unsigned i = 0; i < su_threads(); i++)
        su_preparer_cleanup(&hands->workers[i]);
}

static int open_replay(struct replay *r, struct su_err *err)
{
    su_learner_init(&r->learner);
    if (!(r->catalogue = su_catalogue_new(r->db, err)) || !(r->batch = su_batch_new(err)) ||
        su_catalogue_dictionary(r->catalogue, &r->learner, err) < 0)
        return -1;
    su_batch_clear(r->batch, &r->learner);
    return 0;
}

static void close_replay(struct replay *r)
{
    su_batch_cleanup(&r->batch);
    su_catalogue_cleanup(&r->catalogue);
    su_known_cleanup(&r->known);
    su_learner_cleanup(&r->learner);
}

int su_replay(struct su_db *db, const struct su_replay_hands *hands, struct su_volume_reader *reader,
              const struct su_manifest *m, int64_t import_id, const struct su_replay_check *check,
              const struct su_events *events, struct su_err *err)
{
    struct replay r = {.db = db,
                       .hands = hands,
                       .check = check,
                       .events = events,
                       .import_id = import_id,
                       .reader = reader,
                       .manifest = m,
                       .total = m->records + m->removals};
    int result = open_replay(&r, err);
    if (result == 0)
        result = su_db_script(
            db,
            "CREATE TEMP TABLE IF NOT EXISTS seen (rev_id INTEGER PRIMARY KEY); DELETE FROM temp.seen;"
            "CREATE TEMP TABLE IF NOT EXISTS unseen (update_id BLOB, revision INTEGER); DELETE FROM "
            "temp.unseen;",
            err);
    if (result == 0 && m->is_full) /* a delta has little that is held */
        result = su_catalogue_known(r.catalogue, &r.known, err);
    if (result == 0)
        result = su_catalogue_load_begin(r.catalogue, &r.is_first, err);
    if (result == 0)
        result = apply_frames(&r, err);
    if (result == 0 && m->is_full)
        result = remove_unseen(&r, err);
    if (result == 0)
        result = su_catalogue_load_end(r.catalogue, err);
    su_progress(events, SU_SYNC_DATABASE, "updates", r.records + r.removals, r.total, "items");
    close_replay(&r);
    return result;
}

static int restore_batch(struct replay *r, struct su_err *err)
{
    struct su_batch *b = r->batch;
    if (su_catalogue_find(r->catalogue, b->items, b->count, err) < 0)
        return -1;
    su_prepare_ahead(r->hands->own, b, NULL);
    for (struct su_prepared *item = b->items; item < b->items + b->count; item++) {
        item->edit = !item->record.is_removal ? SU_PUT : item->held.is_held ? SU_REMOVE : SU_KEEP;
        item->is_touched = true;
        if (item->edit == SU_PUT &&
            (su_record_seal(&item->record, err) < 0 || su_prepare(r->hands->own, b, item, err) < 0))
            return -1;
    }
    if (su_changes_touch(r->db, b->items, b->count, err) < 0 ||
        su_catalogue_apply(r->catalogue, b->items, b->count, err) < 0)
        return -1;
    su_batch_clear(b, &r->learner);
    return 0;
}

static int restore(struct replay *r, struct su_rows *rows, struct su_buf *document, struct su_err *err)
{
    struct su_record record = {.is_removal = su_rows_int(rows, 2) == 0,
                               .revision = (uint32_t)su_rows_int(rows, 1),
                               .origin = (enum su_origin)su_rows_int(rows, 3),
                               .urls = su_rows_text(rows, 7)};
    size_t packed_bytes;
    const void *packed = su_rows_blob(rows, 6, &packed_bytes);
    record.urls_bytes = strlen(record.urls);
    if (su_rows_fixed(rows, 0, record.id.bytes, 16, err) < 0)
        return -1;
    if (!record.is_removal) {
        if (su_catalogue_unpack(r->catalogue, su_rows_int(rows, 4), packed, packed_bytes,
                                (size_t)su_rows_int(rows, 5), document, err) < 0)
            return -1;
        record.document = document->bytes;
        record.document_bytes = document->length;
    }
    struct su_prepared *item = su_batch_add(r->batch, &record, err);
    if (!item)
        return -1;
    item->arrived = su_rows_int(rows, 8);
    return su_batch_is_full(r->batch) ? restore_batch(r, err) : 0;
}

int su_replay_inverse(struct su_db *db, int64_t import_id, struct su_err *err)
{
    SU_AUTO(su_replay_hands) struct su_replay_hands hands = SU_REPLAY_HANDS_INIT;
    struct replay r = {.db = db, .hands = &hands, .import_id = import_id};
    SU_AUTO(su_buf) struct su_buf document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES);
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more = 0, result = su_replay_hands_open(&hands, err) < 0 ? -1 : open_replay(&r, err);
    if (result == 0)
        result =
            su_query(db, &rows, err,
                     "SELECT update_id, revision, state, origin, dictionary_id, raw_bytes, packed, urls, "
                     "arrived FROM undo WHERE import_id=?1",
                     SU_I(import_id));
    while (result == 0 && (more = su_rows_next(&rows, err)) > 0)
        result = su_interrupt_check(err) < 0 ? -1 : restore(&r, &rows, &document, err);
    if (result == 0 && more == 0)
        result = restore_batch(&r, err);
    close_replay(&r);
    return result < 0 || more < 0 ? -1 : 0;
}
