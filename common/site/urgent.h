/*
 * urgent.h - importing an urgent bundle, and taking it back.
 *
 * An urgent bundle is a full bundle of a small catalogue of its own: its state digest, counts and files speak of its
 * records alone, so they are proved in a database in memory, by the code that proves any bundle. What its records
 * need beside each other the site must hold. Then they are laid (overlay.h). All of it or nothing, owing nothing.
 */
#ifndef SU_URGENT_H
#define SU_URGENT_H

#include "common/site/import.h"
#include "common/site/stage.h"

struct su_urgent_work {
    struct su_home *site;
    const struct su_bundle *bundle; /* verified, and judged to be next */
    const struct su_import_options *options;
    const struct su_events *events;
    struct su_import_result *result;
    struct su_staging *staging;      /* not begun */
    struct su_volume_reader *reader; /* for the frames */
    const char *started;
};
int su_urgent_import(struct su_urgent_work *work, struct su_err *err) SU_CHECKED;

/* Inside the caller's transaction, with su_changes_begin called: the one that holds goes, the one before it holds
 * again. */
int su_urgent_undo(struct su_home *site, const struct su_actor *actor, const struct su_position *position,
                   struct su_import_result *result, struct su_err *err) SU_CHECKED;

#endif
