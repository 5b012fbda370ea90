/*
 * mac.h - HMAC-SHA-256, comparison in constant time, and random bytes for secrets (OpenSSL).
 */
#ifndef SU_MAC_H
#define SU_MAC_H

#include <stdbool.h>

#include "common/lib/digest.h"

#define SU_SECRET_BYTES 32

int su_mac(uint8_t out[SU_SHA256_BYTES], const uint8_t secret[SU_SECRET_BYTES], const void *bytes, size_t length,
           struct su_err *err) SU_CHECKED;
bool su_mac_equal(const void *a, const void *b, size_t length);
int su_secret_make(uint8_t out[SU_SECRET_BYTES], struct su_err *err) SU_CHECKED;

#endif
