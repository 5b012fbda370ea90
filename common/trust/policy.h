/*
 * policy.h - how many distinct keys of which role must have signed a bundle. An exporter always must.
 */
#ifndef SU_POLICY_H
#define SU_POLICY_H

#include "common/point/home.h"
#include "common/point/ledger.h"

enum su_signing_role { SU_EXPORTER, SU_REVIEWER, SU_RECEIVER, SU_SIGNING_ROLES };
const char *su_signing_role_text(enum su_signing_role role);

struct su_policy { uint64_t threshold[SU_SIGNING_ROLES]; }; /* 0: none demanded */

/* SU_POLICY when what is stored demands no exporter, or less than one signature. */
int su_policy_load(struct su_db *db, struct su_policy *out, struct su_err *err) SU_CHECKED;
/* Replaces the policy: SU_THRESHOLD for no exporter, or for more than the keys pinned here could give. */
int su_policy_set(struct su_home *site, const struct su_policy *policy, const struct su_actor *actor,
                  struct su_err *err) SU_CHECKED;
/* "exporter 1, reviewer 2" */
void su_policy_format(const struct su_policy *policy, char *out, size_t room);

#endif
