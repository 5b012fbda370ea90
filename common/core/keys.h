/*
 * keys.h - signing keys in a home: keys/NAME.key (private, mode 0600) and keys/NAME.pub.
 *
 * A .pub file is a PEM public key under four lines for people (SU-KEY 1, name, role, fingerprint);
 * openssl reads it as it is. The lines are hints: only the fingerprint, compared by voice, counts.
 */
#ifndef SU_KEYS_H
#define SU_KEYS_H

#include "common/core/home.h"
#include "common/lib/sign.h"

struct su_key_file {
    struct su_key key;
    char name[65], role[12];
};
#define SU_KEY_FILE_INIT { .key = SU_KEY_INIT }
void su_key_file_cleanup(struct su_key_file *file);

/* Makes a pair; refuses an existing name. The result holds the public half's id. */
int su_keys_generate(const struct su_home *home, const char *name, const char *role,
                     struct su_key_file *out, struct su_err *err) SU_CHECKED;
/* Reads a .pub text, from a path of the user's or from the home. */
int su_keys_read_public(int dir, const char *path, struct su_key_file *out, struct su_err *err) SU_CHECKED;
/* The private key called `name`; NULL: the only exporter key there is. */
int su_keys_open_private(const struct su_home *home, const char *name, struct su_key_file *out, struct su_err *err) SU_CHECKED;
/* Names with a .pub file, sorted. */
int su_keys_list(const struct su_home *home, struct su_names *out, struct su_err *err) SU_CHECKED;

#endif
