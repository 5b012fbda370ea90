/*
 * vendor_signer.h - who signed a vendor's file, found in a confined process (confine.h): the signature, and where it lies
 * in a cabinet or program, are bytes that nobody has vouched for, and OpenSSL takes them apart.
 */
#ifndef SU_VENDOR_SIGNER_H
#define SU_VENDOR_SIGNER_H

#include "common/lib/authenticode.h"
#include "common/lib/confine.h"

/* By the signature inside the file at `fd`, `bytes` long, as su_authenticode_read does; or by `detached`, a CMS signature in
 * DER form over all of it, where that is not NULL. On the main thread. */
int su_vendor_signer(int fd, uint64_t bytes, const struct su_buf *detached, struct su_code_signature *out,
                     struct su_err *err) SU_CHECKED;

/* How it comes out; of what is got only that is believed which can be. */
void su_code_signature_put(struct su_wire *wire, const struct su_code_signature *signer);
int su_code_signature_get(struct su_wire *wire, struct su_code_signature *out, struct su_err *err) SU_CHECKED;

#endif
