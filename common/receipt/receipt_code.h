/*
 * receipt_code.h - a receipt to be read over the telephone: 20 characters, in five groups of four.
 *
 * 100 bits in Crockford's base 32: 20 of the sequence, 8 of the number of files owed (255: that or
 * more), 72 of HMAC-SHA-256 under a secret that site and hub share since enrolment. State and
 * manifest are not in it, but the hub knows them by the sequence, and the HMAC covers them.
 */
#ifndef SU_RECEIPT_CODE_H
#define SU_RECEIPT_CODE_H

#include "common/receipt/receipt.h"

#define SU_SPOKEN_TEXT 25   /* K7QX-9MPD-44TC-0A1B-2C3D */
#define SU_SPOKEN_MAC_BYTES 9
#define SU_SECRET_TEXT 65 /* 64 hexadecimal digits */

struct su_spoken {
    uint64_t sequence, owed;
    uint8_t mac[SU_SPOKEN_MAC_BYTES];
};

void su_spoken_format(const struct su_spoken *code, char out[SU_SPOKEN_TEXT]);
/* Case, blanks and dashes do not matter; I and L are read as 1, O as 0. */
bool su_spoken_parse(struct su_spoken *out, const char *text);

int su_spoken_make(const struct su_receipt *receipt, const char *secret, struct su_spoken *out,
                 struct su_err *err) SU_CHECKED;
/* Whether the secret made that code about that receipt; compared in constant time. */
int su_spoken_is_of(const struct su_spoken *code, const struct su_receipt *receipt, const char *secret,
                  bool *out, struct su_err *err) SU_CHECKED;

/* At the site: the secret in keys/site.secret, made when absent together with keys/site.enrol, the
 * text that enrols the site at the hub: site.pub and the secret. */
int su_spoken_secret(const struct su_home *site, char out[SU_SECRET_TEXT], bool *is_new, struct su_err *err) SU_CHECKED;
/* At the hub: the secret in an enrolment file; "" when it holds none, as a plain .pub. */
int su_spoken_secret_read(const char *path, char out[SU_SECRET_TEXT], struct su_err *err) SU_CHECKED;

#endif
