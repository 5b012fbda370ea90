#include "common/catalogue/history.h"

#include <string.h>

static int add(struct su_db *db, const struct su_history *row, struct su_err *err)
{
    char now[SU_TIME_TEXT];
    return su_run(
        db, err,
        "INSERT INTO sync_history (started, finished, source, kind, source_time, state, error, new, revised,"
        " expired, removed, unchanged, updates, revisions, content_version, state_digest,"
        " error_id) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
        SU_T(row->started), SU_T(su_time_now(now)), SU_T(row->source), SU_T(row->kind),
        SU_T(row->source_time), SU_I(su_code_message_id(row->state_code)), SU_T(row->error ? row->error : ""),
        SU_I(row->changes.new), SU_I(row->changes.revised), SU_I(row->changes.expired),
        SU_I(row->changes.removed), SU_I(row->changes.unchanged), SU_I(row->state.updates),
        SU_I(row->state.revisions), SU_I(row->content_version), SU_B(row->state.digest, SU_SHA256_BYTES),
        SU_I(row->error ? su_code_message_id(row->error_code) : 0));
}

int su_history_add_change(struct su_db *db, struct su_history *row, const struct su_state *before,
                          struct su_err *err)
{
    if (su_setting_int(db, "content_version", &row->content_version, err) < 0)
        return -1;
    row->content_version += !before || memcmp(before->digest, row->state.digest, SU_SHA256_BYTES) != 0;
    return su_setting_put_int(db, "content_version", row->content_version, err) < 0 ? -1 : add(db, row, err);
}

int su_history_add_failure(struct su_db *db, struct su_history *row, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    row->changes = (struct su_changes){0};
    if (su_begin(&t, db, err) < 0 || su_state_of(db, &row->state, err) < 0 ||
        su_setting_int(db, "content_version", &row->content_version, err) < 0)
        return -1;
    row->changes.unchanged = row->state.updates;
    if (add(db, row, err) < 0)
        return -1;
    return su_commit(&t, err);
}

int su_history_source_time(struct su_db *db, struct su_buf *out, struct su_err *err)
{
    bool found;
    return su_query_text(db, out, &found, err,
                         "SELECT source_time FROM sync_history WHERE error='' AND source_time<>'' ORDER BY "
                         "sync_id DESC LIMIT 1");
}
