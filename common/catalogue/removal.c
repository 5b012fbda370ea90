#include "common/catalogue/removal.h"

#include "common/catalogue/changes.h"

int su_removal_begin(struct su_db *db, struct su_err *err)
{
    return su_db_script(db,
                        "CREATE TEMP TABLE IF NOT EXISTS gone (rev_id INTEGER PRIMARY KEY, update_id BLOB);"
                        "DELETE FROM temp.gone;",
                        err);
}

static int remove_batch(struct su_db *db, struct su_catalogue *catalogue, struct su_batch *batch,
                        struct su_err *err)
{
    if (su_changes_touch(db, batch->items, batch->count, err) < 0 ||
        su_catalogue_apply(catalogue, batch->items, batch->count, err) < 0)
        return -1;
    su_batch_clear(batch, NULL);
    return 0;
}

int su_removal_run(struct su_db *db, struct su_catalogue *catalogue, uint64_t *count, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_batch) struct su_batch *batch = su_batch_new(err);
    int more;
    if (!batch || su_query(db, &rows, err, "SELECT rev_id, update_id FROM temp.gone") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        const struct su_record gone = {.is_removal = true};
        struct su_prepared *item = su_batch_add(batch, &gone, err);
        if (!item || su_rows_fixed(&rows, 1, item->record.id.bytes, sizeof item->record.id.bytes, err) < 0)
            return -1;
        item->held = (struct su_held){.is_held = true, .rev_id = su_rows_int(&rows, 0)};
        item->edit = SU_REMOVE;
        item->is_touched = true;
        if (count)
            ++*count;
        if (su_batch_is_full(batch) && remove_batch(db, catalogue, batch, err) < 0)
            return -1;
    }
    return more < 0 ? -1 : remove_batch(db, catalogue, batch, err);
}
