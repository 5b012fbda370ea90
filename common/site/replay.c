#include "common/site/replay.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/bundle/frame_read.h"
#include "common/catalogue/changes.h"
#include "common/sys/interrupt.h"

struct replay {
    struct su_db *db;
    struct su_catalogue *catalogue;
    const struct su_events *events;
    struct su_update update;
    int64_t import_id;
    uint64_t records, removals, total;
};

/* What the identity held before this import; the first note of an import counts. */
static int keep_inverse(struct replay *r, const struct su_guid *id, uint32_t revision,
                        const struct su_held *held, struct su_err *err)
{
    if (held->is_held)
        return su_run(r->db, err,
                      "INSERT OR IGNORE INTO undo SELECT ?1, update_id, revision, 1, origin, dictionary_id, "
                      "raw_bytes, packed, urls, arrived"
                      " FROM revision JOIN document USING (rev_id) WHERE rev_id=?2",
                      SU_I(r->import_id), SU_I(held->rev_id));
    return su_run(r->db, err,
                  "INSERT OR IGNORE INTO undo (import_id, update_id, revision, state) VALUES (?1,?2,?3,0)",
                  SU_I(r->import_id), SU_B(id->bytes, 16), SU_I(revision));
}

static int apply_removal(struct replay *r, const struct su_guid *id, uint32_t revision, struct su_err *err)
{
    struct su_held held;
    if (su_catalogue_find(r->db, id, revision, &held, err) < 0)
        return -1;
    if (!held.is_held) /* a cumulative delta may remove what this state never had */
        return 0;
    if (keep_inverse(r, id, revision, &held, err) < 0 || su_changes_touch(r->db, id, err) < 0)
        return -1;
    return su_catalogue_remove(r->catalogue, held.rev_id, err);
}

static int apply_put(struct replay *r, struct su_record *record, struct su_err *err)
{
    struct su_held held;
    if (su_catalogue_find(r->db, &record->id, record->revision, &held, err) < 0 ||
        su_record_seal(record, err) < 0)
        return -1;
    int64_t rev_id = held.rev_id;
    if (!held.is_held || memcmp(held.record_sha256, record->record_sha256, SU_SHA256_BYTES) != 0) {
        bool is_same_document =
            held.is_held && memcmp(held.document_sha256, record->document_sha256, SU_SHA256_BYTES) == 0;
        if (keep_inverse(r, &record->id, record->revision, &held, err) < 0 ||
            (!is_same_document && su_changes_touch(r->db, &record->id, err) < 0) ||
            su_update_parse(&r->update, record->document, record->document_bytes, err) < 0 ||
            su_catalogue_put(r->catalogue, record, &r->update, &held, &rev_id, err) < 0)
            return -1;
    }
    return su_run(r->db, err, "INSERT OR IGNORE INTO temp.seen VALUES (?1)", SU_I(rev_id));
}

static int apply_record(void *context, struct su_record *record, struct su_err *err)
{
    struct replay *r = context;
    char id[SU_GUID_TEXT];
    int result =
        record->is_removal ? apply_removal(r, &record->id, record->revision, err) : apply_put(r, record, err);
    if (result < 0)
        return su_prefix(err, "%s revision %u", su_guid_format(&record->id, id), record->revision);
    (*(record->is_removal ? &r->removals : &r->records))++;
    if ((r->records + r->removals) % 500 == 0)
        su_progress(r->events, SU_SYNC_DATABASE, "updates", r->records + r->removals, r->total, "items");
    return 0;
}

static int apply_frames(struct replay *r, struct su_volume_reader *reader, const struct su_manifest *m,
                        struct su_err *err)
{
    if (su_frames_read(reader, m, apply_record, r, err) < 0)
        return -1;
    if (r->records != m->records || r->removals != m->removals)
        return su_fail(err, SU_FORMAT,
                       "the frames hold %llu records and %llu removals, the manifest says %llu and %llu",
                       (unsigned long long)r->records, (unsigned long long)r->removals,
                       (unsigned long long)m->records, (unsigned long long)m->removals);
    return 0;
}

static int remove_unseen(struct replay *r, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    int more;
    if (su_run(r->db, err,
               "INSERT INTO temp.unseen SELECT update_id, revision FROM revision WHERE rev_id NOT IN (SELECT "
               "rev_id FROM temp.seen)") < 0 ||
        su_query(r->db, &rows, err, "SELECT update_id, revision FROM temp.unseen") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (su_interrupt_check(err) < 0 || su_rows_fixed(&rows, 0, id.bytes, 16, err) < 0 ||
            apply_removal(r, &id, (uint32_t)su_rows_int(&rows, 1), err) < 0)
            return -1;
    return more;
}

int su_replay(struct su_db *db, struct su_volume_reader *reader, const struct su_manifest *m,
              int64_t import_id, const struct su_events *events, struct su_err *err)
{
    struct replay r = {.db = db,
                       .events = events,
                       .update = SU_UPDATE_INIT,
                       .import_id = import_id,
                       .total = m->records + m->removals};
    SU_AUTO(su_catalogue) struct su_catalogue *catalogue = su_catalogue_new(db, err);
    if (!catalogue)
        return -1;
    r.catalogue = catalogue;
    int result = su_db_script(
        db,
        "CREATE TEMP TABLE IF NOT EXISTS seen (rev_id INTEGER PRIMARY KEY); DELETE FROM temp.seen;"
        "CREATE TEMP TABLE IF NOT EXISTS unseen (update_id BLOB, revision INTEGER); DELETE FROM temp.unseen;",
        err);
    if (result == 0)
        result = apply_frames(&r, reader, m, err);
    if (result == 0 && m->is_full)
        result = remove_unseen(&r, err);
    su_progress(events, SU_SYNC_DATABASE, "updates", r.records + r.removals, r.total, "items");
    su_update_cleanup(&r.update);
    return result;
}

static int restore(struct replay *r, struct su_rows *rows, struct su_buf *document, struct su_err *err)
{
    struct su_record record = {.revision = (uint32_t)su_rows_int(rows, 1),
                               .origin = (enum su_origin)su_rows_int(rows, 3),
                               .urls = su_rows_text(rows, 7)};
    struct su_held held;
    size_t packed_bytes;
    int64_t rev_id;
    const void *packed = su_rows_blob(rows, 6, &packed_bytes);
    record.urls_bytes = strlen(record.urls);
    if (su_rows_fixed(rows, 0, record.id.bytes, 16, err) < 0 ||
        su_changes_touch(r->db, &record.id, err) < 0 ||
        su_catalogue_find(r->db, &record.id, record.revision, &held, err) < 0)
        return -1;
    if (su_rows_int(rows, 2) == 0)
        return held.is_held ? su_catalogue_remove(r->catalogue, held.rev_id, err) : 0;
    if (!held.is_held)
        held.arrived = su_rows_int(rows, 8);
    if (su_catalogue_unpack(r->catalogue, su_rows_int(rows, 4), packed, packed_bytes,
                            (size_t)su_rows_int(rows, 5), document, err) < 0)
        return -1;
    record.document = document->bytes;
    record.document_bytes = document->length;
    if (su_record_seal(&record, err) < 0 ||
        su_update_parse(&r->update, record.document, record.document_bytes, err) < 0)
        return -1;
    return su_catalogue_put(r->catalogue, &record, &r->update, &held, &rev_id, err);
}

int su_replay_inverse(struct su_db *db, int64_t import_id, struct su_err *err)
{
    struct replay r = {.db = db, .update = SU_UPDATE_INIT, .import_id = import_id};
    SU_AUTO(su_catalogue) struct su_catalogue *catalogue = su_catalogue_new(db, err);
    SU_AUTO(su_buf) struct su_buf document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES);
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more = 0;
    if (!catalogue)
        return -1;
    r.catalogue = catalogue;
    int result =
        su_query(db, &rows, err,
                 "SELECT update_id, revision, state, origin, dictionary_id, raw_bytes, packed, urls, "
                 "arrived FROM undo WHERE import_id=?1",
                 SU_I(import_id));
    while (result == 0 && (more = su_rows_next(&rows, err)) > 0)
        result = su_interrupt_check(err) < 0 ? -1 : restore(&r, &rows, &document, err);
    su_update_cleanup(&r.update);
    return result < 0 || more < 0 ? -1 : 0;
}
