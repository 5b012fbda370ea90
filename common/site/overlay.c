#include "common/site/overlay.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/catalogue.h"
#include "common/catalogue/changes.h"

int su_overlay_standing(struct su_db *db, struct su_standing *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    *out = (struct su_standing){.urgent_id = 0};
    if (su_query(
            db, &rows, err,
            "SELECT urgent_id, number, sequence, bundle, imported, manifest_sha256, (SELECT count(*) "
            "FROM overlay), (SELECT count(DISTINCT update_id) FROM overlay JOIN revision USING (rev_id)) "
            "FROM urgent WHERE urgent_id=(SELECT max(urgent_id) FROM urgent WHERE NOT undone) AND "
            "sequence>coalesce((SELECT sequence FROM import WHERE NOT undone ORDER BY import_id DESC "
            "LIMIT 1), 0)") < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    out->urgent_id = su_rows_int(&rows, 0);
    out->number = (uint64_t)su_rows_int(&rows, 1);
    out->sequence = (uint64_t)su_rows_int(&rows, 2);
    (void)snprintf(out->bundle, sizeof out->bundle, "%s", su_rows_text(&rows, 3));
    (void)snprintf(out->imported, sizeof out->imported, "%s", su_rows_text(&rows, 4));
    out->revisions = (uint64_t)su_rows_int(&rows, 6);
    out->updates = (uint64_t)su_rows_int(&rows, 7);
    return su_rows_fixed(&rows, 5, out->manifest_sha256, SU_SHA256_BYTES, err);
}

struct laying {
    struct su_db *db;
    struct su_catalogue *catalogue;
    struct su_preparer *preparer; /* NULL: nothing is laid */
    struct su_batch *batch;
    struct su_learner learner;
    bool counted;
};

static int begin(struct laying *l, struct su_err *err)
{
    su_learner_init(&l->learner);
    if (!(l->catalogue = su_catalogue_new(l->db, err)) || !(l->batch = su_batch_new(err)) ||
        su_catalogue_dictionary(l->catalogue, &l->learner, err) < 0)
        return -1;
    su_batch_clear(l->batch, &l->learner);
    return 0;
}

static void end(struct laying *l)
{
    su_batch_cleanup(&l->batch);
    su_preparer_cleanup(&l->preparer);
    su_catalogue_cleanup(&l->catalogue);
    su_learner_cleanup(&l->learner);
}

static int apply(struct laying *l, struct su_err *err)
{
    struct su_batch *b = l->batch;
    if (su_catalogue_find(l->catalogue, b->items, b->count, err) < 0)
        return -1;
    if (l->preparer)
        su_prepare_ahead(l->preparer, b, NULL);
    for (struct su_prepared *item = b->items; item < b->items + b->count; item++) {
        bool is_put = !item->record.is_removal && !item->held.is_held;
        item->edit = is_put ? SU_PUT : item->record.is_removal && item->held.is_held ? SU_REMOVE : SU_KEEP;
        item->is_touched = l->counted && item->edit != SU_KEEP;
        if (is_put && (su_record_seal(&item->record, err) < 0 || su_prepare(l->preparer, b, item, err) < 0))
            return -1;
    }
    if (su_changes_touch(l->db, b->items, b->count, err) < 0 ||
        su_catalogue_apply(l->catalogue, b->items, b->count, err) < 0)
        return -1;
    for (struct su_prepared *item = b->items; item < b->items + b->count; item++)
        if (item->edit == SU_PUT &&
            su_run(l->db, err, "INSERT INTO overlay VALUES (?1)", SU_I(item->rev_id)) < 0)
            return -1;
    su_batch_clear(b, &l->learner);
    return 0;
}

static int take(struct laying *l, const struct su_record *record, int64_t arrived, struct su_err *err)
{
    struct su_prepared *item = su_batch_add(l->batch, record, err);
    if (!item)
        return -1;
    item->arrived = arrived;
    return su_batch_is_full(l->batch) ? apply(l, err) : 0;
}

static int lift(struct laying *l, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(l->db, &rows, err, "SELECT update_id, revision FROM temp.lifted") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_record gone = {.is_removal = true, .revision = (uint32_t)su_rows_int(&rows, 1)};
        if (su_rows_fixed(&rows, 0, gone.id.bytes, 16, err) < 0 || take(l, &gone, 0, err) < 0)
            return -1;
    }
    return more < 0 ? -1 : apply(l, err);
}

int su_overlay_lift(struct su_db *db, bool counted, struct su_err *err)
{
    struct laying l = {.db = db, .counted = counted};
    int64_t count;
    if (su_query_int(db, &count, NULL, err, "SELECT count(*) FROM overlay") < 0)
        return -1;
    if (count == 0)
        return 0;
    int result = su_db_script(db,
                              "CREATE TEMP TABLE IF NOT EXISTS lifted (update_id BLOB, revision INTEGER); "
                              "DELETE FROM temp.lifted;",
                              err) < 0 ||
                         su_run(db, err,
                                "INSERT INTO temp.lifted SELECT update_id, revision FROM overlay JOIN "
                                "revision USING (rev_id)") < 0 ||
                         su_run(db, err, "DELETE FROM overlay") < 0 || begin(&l, err) < 0 || lift(&l, err) < 0
                     ? -1
                     : 0;
    end(&l);
    return result;
}

static int lay(struct laying *l, int64_t urgent_id, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES);
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(l->db, &rows, err,
                 "SELECT update_id, revision, origin, raw_bytes, packed, urls, arrived FROM urgent_record "
                 "WHERE urgent_id=?1 ORDER BY update_id, revision",
                 SU_I(urgent_id)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_record record = {.revision = (uint32_t)su_rows_int(&rows, 1),
                                   .origin = (enum su_origin)su_rows_int(&rows, 2),
                                   .urls = su_rows_text(&rows, 5)};
        size_t packed_bytes;
        const void *packed = su_rows_blob(&rows, 4, &packed_bytes);
        record.urls_bytes = strlen(record.urls);
        if (su_rows_fixed(&rows, 0, record.id.bytes, 16, err) < 0 ||
            su_catalogue_unpack(l->catalogue, 0, packed, packed_bytes, (size_t)su_rows_int(&rows, 3),
                                &document, err) < 0)
            return -1;
        record.document = document.bytes;
        record.document_bytes = document.length;
        if (take(l, &record, su_rows_int(&rows, 6), err) < 0)
            return -1;
    }
    return more < 0 ? -1 : apply(l, err);
}

int su_overlay_lay(struct su_db *db, bool counted, struct su_err *err)
{
    struct laying l = {.db = db, .counted = counted};
    struct su_standing standing;
    if (su_overlay_standing(db, &standing, err) < 0)
        return -1;
    if (standing.urgent_id == 0)
        return 0;
    int result =
        begin(&l, err) < 0 || !(l.preparer = su_preparer_new(err)) || lay(&l, standing.urgent_id, err) < 0
            ? -1
            : 0;
    end(&l);
    return result;
}
