/*
 * trust.h - the keys a site has pinned. Without one, every bundle is refused.
 */
#ifndef SU_TRUST_H
#define SU_TRUST_H

#include "common/core/keys.h"
#include "common/core/ledger.h"

/* Pins a key. `fingerprint` (may be NULL) must be the key's; a key pinned already is fine. */
int su_trust_add(struct su_home *home, const struct su_key_file *file, const char *fingerprint,
                 const struct su_actor *actor, bool *is_new, struct su_err *err) SU_CHECKED;

struct su_trusted {
    struct su_key key;
    char name[65], role[12];
};
struct su_trust { SU_VEC(struct su_trusted) keys; };
int su_trust_load(struct su_db *db, struct su_trust *out, struct su_err *err) SU_CHECKED;
void su_trust_cleanup(struct su_trust *trust);

#endif
