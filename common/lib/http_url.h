/*
 * http_url.h - addresses of http and https, read as libcurl reads them, so that what is checked is what is asked.
 *
 * Control characters are refused; spaces and other bytes that no address has are escaped.
 */
#ifndef SU_HTTP_URL_H
#define SU_HTTP_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/limits.h"

/* Whether it is an address of http or https: SU_ADDRESS says why not, without showing it. */
int su_url_check(const char *url, struct su_err *err) SU_CHECKED;
/* The address as it is asked; the caller frees it. NULL: SU_ADDRESS. */
char *su_url_normal(const char *url, struct su_err *err);
/* As it may be shown: without credentials, and without what follows a '?', which may be a secret too. */
#define SU_URL_SHOWN 512
void su_url_shown(const char *url, char out[SU_URL_SHOWN]);

struct su_url {
    bool is_secure;
    uint64_t port; /* 80 or 443 when none is named */
    char host[256];
    char path[SU_MAX_URL_BYTES + 1]; /* begins with '/'; without what follows a '?' */
};
int su_url_split(const char *url, struct su_url *out, struct su_err *err) SU_CHECKED;

#endif
