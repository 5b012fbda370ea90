/*
 * overlay.h - the records of an urgent bundle beside those of the ordinary ones.
 *
 * What urgent bundles brought is kept apart (urgent_record). The newest one holds until an ordinary bundle with its
 * sequence is imported. While it holds, its records are laid: they stand in the catalogue like all others, and the
 * table overlay names those rows, which are no part of the state digest. A record whose identity an ordinary bundle
 * brought is not laid; the ordinary one counts.
 *
 * Whoever changes the catalogue's ordinary records lifts the overlay first and lays it again afterwards, in the same
 * transaction. In between, whatever judges the catalogue sees the ordinary chain alone.
 */
#ifndef SU_OVERLAY_H
#define SU_OVERLAY_H

#include "common/bundle/manifest.h"
#include "common/lib/db.h"

/* The urgent bundle that holds now. */
struct su_standing {
    int64_t urgent_id; /* 0: none */
    uint64_t number, sequence, updates, revisions; /* the last two: laid */
    char bundle[SU_BUNDLE_NAME_TEXT], imported[40];
    uint8_t manifest_sha256[SU_SHA256_BYTES];
};
int su_overlay_standing(struct su_db *db, struct su_standing *out, struct su_err *err) SU_CHECKED;

/* `counted`: the updates touched are those that changed (changes.h). */
int su_overlay_lift(struct su_db *db, bool counted, struct su_err *err) SU_CHECKED;
int su_overlay_lay(struct su_db *db, bool counted, struct su_err *err) SU_CHECKED;

#endif
