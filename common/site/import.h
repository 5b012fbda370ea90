/*
 * import.h - replays a bundle into the site: content first, then one transaction, everything
 * recomputed from the database before it commits (product.md 7).
 */
#ifndef SU_IMPORT_H
#define SU_IMPORT_H

#include "common/point/ledger.h"
#include "common/site/owed.h"
#include "common/site/position.h"
#include "common/catalogue/changes.h"
#include "common/trust/trust.h"

struct su_import_options {
    const struct su_actor *actor;
    bool is_plan, allow_incomplete;
    bool allow_partial; /* files that the medium does not give are owed; the metadata must be whole */
    struct su_accepted accepted;
    struct su_owed_list owed; /* told what is owed afterwards */
};

struct su_import_result {
    char bundle[SU_BUNDLE_NAME_TEXT], site[17]; /* and sequence: empty until the bundle is verified */
    uint64_t sequence;            /* 0: an urgent bundle has none of its own */
    bool is_repeated;             /* already imported: at most files that were owed are stored */
    bool is_settled;              /* an urgent bundle whose place an ordinary one has taken: nothing is done */
    struct su_standing urgent;    /* the urgent bundle that holds afterwards */
    struct su_changes changes;
    struct su_state state;
    uint64_t files_stored, bytes_stored, files_held;
    uint64_t content_owed, licence_owed;
    int64_t content_version;
    struct su_trust_changes trust; /* keys the bundle introduced or revoked */
    double seconds;
};

/* With is_plan everything is done and proved but the content is only read, and nothing is kept. */
int su_import(struct su_home *site, const struct su_bundle_raw *raw, const struct su_import_options *options,
              const struct su_events *events, struct su_import_result *result, struct su_err *err) SU_CHECKED;

/* Goes back one import; `sequence` names it, 0 means the newest. SU_UNDO_ORDER when it is not the newest. */
int su_undo(struct su_home *site, uint64_t sequence, const struct su_actor *actor, const struct su_events *events,
            struct su_import_result *result, struct su_err *err) SU_CHECKED;

#endif
