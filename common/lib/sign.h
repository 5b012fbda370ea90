/*
 * sign.h - Ed25519 keys and detached signatures (OpenSSL EVP).
 *
 * The purpose is not added here: whatever is signed names format and purpose in its first line
 * (manifest, receipt), so a signature over one can never serve as the other. A key is known by the
 * SHA-256 of its SubjectPublicKeyInfo; the first 10 bytes, read aloud, are its fingerprint.
 */
#ifndef SU_SIGN_H
#define SU_SIGN_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/lib/digest.h"

#define SU_SIGNATURE_BYTES 64
#define SU_SPKI_BYTES 44 /* DER of an Ed25519 SubjectPublicKeyInfo */
#define SU_FINGERPRINT_TEXT 25 /* "7F3A 91C2 55D0 8E14 A0B3" */

struct su_key {
    void *handle; /* EVP_PKEY */
    uint8_t id[SU_SHA256_BYTES];
};
#define SU_KEY_INIT { .handle = NULL }
void su_key_cleanup(struct su_key *key);
/* Overwrites secret text in a way no compiler leaves out. */
void su_wipe(void *bytes, size_t length);
int su_key_generate(struct su_key *key, struct su_err *err) SU_CHECKED;
/* PEM texts; anything but Ed25519 is refused. */
int su_key_load_private(struct su_key *key, const char *pem, size_t length, struct su_err *err) SU_CHECKED;
int su_key_load_public(struct su_key *key, const char *pem, size_t length, struct su_err *err) SU_CHECKED;
/* To and from the DER form of a SubjectPublicKeyInfo, as manifests carry it. */
int su_key_load_spki(struct su_key *key, const uint8_t spki[SU_SPKI_BYTES], struct su_err *err) SU_CHECKED;
int su_key_save_spki(const struct su_key *key, uint8_t out[SU_SPKI_BYTES], struct su_err *err) SU_CHECKED;
/* Whether a PEM text is a private key that only a passphrase opens; and opening it: SU_PASSPHRASE. */
bool su_key_is_protected(const char *pem, size_t length);
int su_key_load_protected(struct su_key *key, const char *pem, size_t length, const char *passphrase, struct su_err *err) SU_CHECKED;
/* PKCS#8; with a passphrase (not NULL) under scrypt and AES-256-CBC. */
int su_key_save_private(const struct su_key *key, const char *passphrase, struct su_buf *out, struct su_err *err) SU_CHECKED;
/* Asks on the terminal, without echo. */
int su_passphrase_ask(const char *prompt, char *out, size_t room, struct su_err *err) SU_CHECKED;
int su_key_save_public(const struct su_key *key, struct su_buf *out, struct su_err *err) SU_CHECKED;
void su_key_fingerprint(const uint8_t id[SU_SHA256_BYTES], char out[SU_FINGERPRINT_TEXT]);
/* Compares as read aloud: case and blanks do not matter, all 20 digits must be there. */
bool su_key_has_fingerprint(const uint8_t id[SU_SHA256_BYTES], const char *fingerprint);

int su_sign(const struct su_key *key, const void *bytes, size_t length,
            uint8_t out[SU_SIGNATURE_BYTES], struct su_err *err) SU_CHECKED;
/* False for anything but a correct signature. */
bool su_signature_is_good(const struct su_key *key, const void *bytes, size_t length,
                          const uint8_t signature[SU_SIGNATURE_BYTES]);

#endif
