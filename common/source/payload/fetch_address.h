/*
 * fetch_address.h - where an update server keeps its content.
 *
 * An update server gives its files out below /Content, by plain HTTP even when its services speak HTTPS: on port 80
 * beside 443, and on N-1 beside any other N. The digests of the metadata judge what comes, so nothing is lost by it.
 */
#ifndef SU_FETCH_ADDRESS_H
#define SU_FETCH_ADDRESS_H

#include "common/base/err.h"
#include "common/lib/digest.h"

#define SU_ADDRESS_TEXT 2304 /* any root and what follows it */

/* `server`: the address of the server or of one of its services; one whose path ends in /Content is taken as it is. */
int su_fetch_root(const char *server, char out[SU_ADDRESS_TEXT], struct su_err *err) SU_CHECKED;
/* <root>/<FF>/<SHA1>.<ext>: capitals, FF the last two digits, ext that of the file's name. */
int su_fetch_address(const char *root, const uint8_t sha1[SU_SHA1_BYTES], const char *name,
                     char out[SU_ADDRESS_TEXT], struct su_err *err) SU_CHECKED;

#endif
