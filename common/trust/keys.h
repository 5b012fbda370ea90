/*
 * keys.h - signing keys in a home: keys/NAME.key (private, mode 0600) and keys/NAME.pub.
 *
 * A .pub file is a PEM public key under four lines for people (SU-KEY 1, name, role, fingerprint);
 * openssl reads it as it is. The lines are hints: only the fingerprint, compared by voice, counts.
 * A private key may be protected by a passphrase, which comes from the caller; it is wiped after use.
 */
#ifndef SU_KEYS_H
#define SU_KEYS_H

#include "common/point/home.h"
#include "common/lib/sign.h"

struct su_key_file {
    struct su_key key;
    char name[65], role[12];
};
#define SU_KEY_FILE_INIT { .key = SU_KEY_INIT }
void su_key_file_cleanup(struct su_key_file *file);

/* Where the passphrase of a protected key comes from, as text. NULL instead: protected keys are refused. */
struct su_passphrase {
    int (*get)(void *context, const char *key, char *out, size_t room, struct su_err *err);
    void *context;
};
/* Asks for one when the PEM text is a protected key; else `out` is "" and `*is_needed` false. */
int su_passphrase_for(const struct su_passphrase *source, const struct su_buf *pem, const char *key,
                      char out[SU_MAX_PASSPHRASE_BYTES], bool *is_needed, struct su_err *err) SU_CHECKED;

bool su_key_role_is_valid(const char *role); /* exporter, reviewer, receiver */
/* Makes a pair, protected when `passphrase` is not NULL; refuses an existing name, unless a run
 * made that key and ended before its books. The result holds the public half's id. */
int su_keys_generate(const struct su_home *home, const char *name, const char *role, const char *passphrase,
                     struct su_key_file *out, struct su_err *err) SU_CHECKED;
/* Reads a .pub text, from a path of the user's or from the home. */
int su_keys_read_public(int dir, const char *path, struct su_key_file *out, struct su_err *err) SU_CHECKED;
/* The public half of the home's key `name`: SU_NO_KEY when there is none. */
int su_keys_find(const struct su_home *home, const char *name, struct su_key_file *out, struct su_err *err) SU_CHECKED;
/* The home's private key called `name`; its role is that of the public half. */
int su_keys_open_private(const struct su_home *home, const char *name, const struct su_passphrase *passphrase,
                         struct su_key_file *out, struct su_err *err) SU_CHECKED;
/* A private key's text, opened. `name` is for messages. */
int su_keys_unlock(const struct su_buf *pem, const char *name, const struct su_passphrase *passphrase,
                   struct su_key *out, struct su_err *err) SU_CHECKED;
/* Names with a .pub file, sorted. */
int su_keys_list(const struct su_home *home, struct su_names *out, struct su_err *err) SU_CHECKED;

#endif
