/*
 * replay.h - applies a bundle's records to the catalogue, keeping the inverse for undo.
 */
#ifndef SU_REPLAY_H
#define SU_REPLAY_H

#include "common/base/limits.h"
#include "common/catalogue/catalogue.h"
#include "common/bundle/volume_read.h"

/* What takes documents apart and packs them: the database's thread's, and of those that prepare. Made before the
 * caller starts threads of its own (prepare.h). */
struct su_replay_hands {
    struct su_preparer *own, *workers[SU_MAX_THREADS];
};
#define SU_REPLAY_HANDS_INIT { .own = NULL }
int su_replay_hands_open(struct su_replay_hands *hands, struct su_err *err) SU_CHECKED;
void su_replay_hands_cleanup(struct su_replay_hands *hands);

/* Asked before every batch of records, on the caller's thread: -1 ends the replay, with its error. */
struct su_replay_check {
    int (*may_go_on)(void *context, struct su_err *err);
    void *context;
};
/* Inside the caller's transaction, with su_changes_begin called. A full bundle replaces: what it
 * does not hold is removed. import_id 0: no inverse is kept. */
int su_replay(struct su_db *db, const struct su_replay_hands *hands, struct su_volume_reader *reader,
              const struct su_manifest *manifest, int64_t import_id, const struct su_replay_check *check,
              const struct su_events *events, struct su_err *err) SU_CHECKED;
/* Applies the inverse kept for an import. */
int su_replay_inverse(struct su_db *db, int64_t import_id, struct su_err *err) SU_CHECKED;

#endif
