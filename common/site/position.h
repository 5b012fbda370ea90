/*
 * position.h - where a site stands, and whether a verified bundle may be applied there. Pure
 * judgement over signed facts and the site's own state: no clock, no writing.
 */
#ifndef SU_POSITION_H
#define SU_POSITION_H

#include "common/base/limits.h"
#include "common/site/overlay.h"
#include "common/trust/bundle.h"
#include "common/catalogue/state.h"

struct su_past {
    uint64_t sequence;
    uint8_t manifest_sha256[SU_SHA256_BYTES];
};
/* What the operator has answered for. */
struct su_accepted { bool profile, jump; };

struct su_position {
    bool has_import;
    int64_t import_id;
    uint64_t sequence, promise_days; /* 0: nothing imported */
    uint64_t jump_limit;             /* signed in the last import; 0: none */
    uint64_t highest;                /* ever imported, undone or not */
    SU_VEC(struct su_past) past;     /* all imports there were */
    char bundle[SU_BUNDLE_NAME_TEXT], imported[40];
    uint8_t manifest_sha256[SU_SHA256_BYTES];
    struct su_buf profile;
    struct su_state state; /* recomputed from the rows; of ordinary bundles alone */
    struct su_standing urgent;       /* the urgent bundle that holds */
    uint64_t urgent_number;          /* of the newest urgent import that is not undone; 0: none */
    SU_VEC(struct su_past) urgent_past; /* all urgent imports there were, by number */
};
#define SU_POSITION_INIT { .profile = SU_BUF_INIT(SU_MAX_PROFILE_ITEMS * 64) }
void su_position_cleanup(struct su_position *position);
int su_position_load(struct su_db *db, struct su_position *out, struct su_err *err) SU_CHECKED;

/* The profile pinned by the last import, with its approvals; empty and all-embracing without one. */
int su_position_profile(struct su_db *db, struct su_profile *out, struct su_err *err) SU_CHECKED;

/* Where the site will stand once a good bundle is imported. */
int su_position_advance(struct su_position *position, const struct su_bundle *bundle, struct su_err *err) SU_CHECKED;

/* Addressed to that site, or to one that may relay it there. */
bool su_position_is_for(const struct su_manifest *manifest, const char *site);

/* Whether an ordinary bundle has taken the place of that urgent one. */
bool su_position_is_settled(const struct su_position *position, const struct su_manifest *manifest);

/* 0: may be applied. 1: the site is in its state already, or past an urgent bundle that is settled. -1: refused; err says why, with the
 * facts that differ and the ways out. */
int su_position_judge(const struct su_position *position, const struct su_home *site, const struct su_bundle *bundle,
                      struct su_accepted accepted, struct su_err *err) SU_CHECKED;

#endif
