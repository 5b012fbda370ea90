/*
 * pin.h - single updates that travel to every site, whatever the sites' products and classifications.
 *
 * A pinned update counts as selected (closure.h), so it travels with all it needs; which of its files travel is
 * still the profile's business. A pin outlives the update: an id that the catalogue does not hold waits.
 */
#ifndef SU_PIN_H
#define SU_PIN_H

#include <stdbool.h>

#include "common/catalogue/id_query.h"
#include "common/lib/db.h"
#include "common/lib/digest.h"

/* Who asked for it. */
enum su_pin_reason { SU_PIN_CATALOGUE, SU_PIN_THIRD_PARTY, SU_PIN_OPERATOR };

/* Inside the caller's transaction. What is pinned already keeps its reason, date and note. `note` NULL: none. */
int su_pin_add(struct su_db *db, const struct su_guid *id, enum su_pin_reason reason, const char *note,
               struct su_err *err) SU_CHECKED;
/* What is not pinned is no error. */
int su_pin_remove(struct su_db *db, const struct su_guid *id, struct su_err *err) SU_CHECKED;
int su_pin_has(struct su_db *db, const struct su_guid *id, bool *out, struct su_err *err) SU_CHECKED;

/* Calls `take` for each, in the order of the ids; it returns -1 to end the listing. */
int su_pin_list(struct su_db *db, su_id_take take, void *context, struct su_err *err) SU_CHECKED;
/* Of all ids in that order: tells whether a selection may differ. *count 0: the digest is of nothing. */
int su_pin_digest(struct su_db *db, uint8_t out[SU_SHA256_BYTES], uint64_t *count, struct su_err *err) SU_CHECKED;

#endif
