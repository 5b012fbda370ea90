/*
 * rotation.h - the hub's keys over time: which one followed which, which were taken back, and which sign.
 *
 * Nothing of it is secret and nothing is believed because of it: a site takes a key over only when the
 * bundle that introduces it meets the site's own policy.
 */
#ifndef SU_ROTATION_H
#define SU_ROTATION_H

#include "common/trust/keys.h"
#include "common/point/ledger.h"
#include "common/bundle/manifest.h"

/* Makes `to`, of the same role, the successor of the home's key `name`. Inside the caller's transaction. */
int su_key_rotate(struct su_home *home, const char *name, const char *to, const char *passphrase,
                  const struct su_actor *actor, struct su_key_file *out, struct su_err *err) SU_CHECKED;
/* Takes a key back: it signs no more, and its signatures count up to `up_to` at every site, or (NULL) up to
 * the last bundle made for each. SU_LAST_KEY when no exporter would be left. Inside a transaction. */
int su_key_revoke(struct su_home *home, const char *name, const uint64_t *up_to, const struct su_actor *actor,
                  struct su_key_file *out, struct su_err *err) SU_CHECKED;

struct su_key_state {
    bool is_revoked;
    char predecessor[65]; /* "" when it is the first */
};
int su_key_state_of(struct su_db *db, const struct su_key_file *key, struct su_key_state *out, struct su_err *err) SU_CHECKED;

/* The `key` and `revoke` lines of a bundle for that site. */
int su_rotation_declare(struct su_db *db, int64_t site_id, struct su_manifest *m, struct su_err *err) SU_CHECKED;

/* The keys an export signs with: the one named; or (NULL) all of the hub's one line of exporter keys that
 * are not revoked, the oldest first, so that a site that missed rotations knows at least one. */
struct su_key_files { struct su_key_file *at; size_t count, capacity; };
void su_key_files_cleanup(struct su_key_files *files);
int su_keys_open_signers(const struct su_home *home, const char *name, const struct su_passphrase *passphrase,
                         struct su_key_files *out, struct su_err *err) SU_CHECKED;

#endif
