/*
 * history.h - the sync_history table: one row for each synchronization, import or undo.
 */
#ifndef SU_HISTORY_H
#define SU_HISTORY_H

#include "common/catalogue/changes.h"
#include "common/point/home.h"
#include "common/sys/clock.h"

struct su_history {
    char started[SU_TIME_TEXT];
    const char *source, *kind, *source_time, *error; /* error: NULL on success */
    enum su_code state_code, error_code; /* error_code: with error */
    struct su_changes changes;
    struct su_state state;
    int64_t content_version;
};
/* The row of what was done, in the transaction that did it. It gets the content version, which moves when the state is
 * not the one before; NULL: when what is held changed beside the state. */
int su_history_add_change(struct su_db *db, struct su_history *row, const struct su_state *before, struct su_err *err)
    SU_CHECKED;
/* In a transaction of its own; state and version are the present ones. */
int su_history_add_failure(struct su_db *db, struct su_history *row, struct su_err *err) SU_CHECKED;
/* Creation time that the newest successful synchronization's source states; "" when none. */
int su_history_source_time(struct su_db *db, struct su_buf *out, struct su_err *err) SU_CHECKED;

#endif
