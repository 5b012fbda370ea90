/*
 * authenticode.h - the signature that a cabinet (.cab) or program (.exe, .dll) carries inside itself (OpenSSL).
 *
 * A PKCS #7 SignedData over SpcIndirectDataContent, which holds the digest of the file without the places that
 * the signature itself changes. Everything that digest leaves out must have the one value a signer writes there:
 * otherwise a cabinet could be read differently and still be signed. Packages of the Windows Installer (.msi) have
 * another form, which is not read: they count as unsigned.
 *
 * No clock is asked and no chain is built: whoever calls compares the signer's certificate with those an
 * operator approved. RSA of at least 2048 bits or ECDSA of at least 256, with SHA-256 or better: what vendors use.
 */
#ifndef SU_AUTHENTICODE_H
#define SU_AUTHENTICODE_H

#include "common/lib/cms.h"

struct su_code_signature {
    bool is_signed;
    uint8_t key_id[SU_SHA256_BYTES];  /* of the signer's certificate */
    char common_name[65];
    char until[SU_INSTANT_TEXT];      /* when the certificate ends */
};
/* The file at `fd`, `bytes` long. What carries no signature is no failure: is_signed is false. One that is not good
 * over the file is SU_DATA, one that is too weak SU_CERT_WEAK, by a certificate for something else SU_CERT_PURPOSE. */
int su_authenticode_read(int fd, uint64_t bytes, struct su_code_signature *out, struct su_err *err) SU_CHECKED;

#endif
