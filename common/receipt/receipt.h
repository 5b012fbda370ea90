/*
 * receipt.h - the small signed text a site returns: what it holds now. Fixed fields, no host, no
 * user, no inventory; a reviewer can read the whole of it. Grammar: docs/bundle-format.md.
 *
 * The number of the newest ledger entry orders receipts: a later one has a higher number, whatever
 * the clocks say.
 */
#ifndef SU_RECEIPT_H
#define SU_RECEIPT_H

#include "common/point/home.h"
#include "common/lib/sign.h"

struct su_receipt {
    char site[17];
    uint64_t sequence, content_owed;
    uint64_t entry; /* 0 only in a telephone code, which has no room for it */
    uint64_t urgent; /* highest number of an urgent bundle ever imported, undone or not; 0: none, or a telephone code */
    uint8_t manifest[SU_SHA256_BYTES], state[SU_SHA256_BYTES], ledger[SU_SHA256_BYTES];
};

/* The site's present position; refused when nothing was imported. */
int su_receipt_fill(struct su_home *site, struct su_receipt *out, struct su_err *err) SU_CHECKED;
/* Signed; the same position gives the same bytes. */
int su_receipt_make(struct su_home *site, struct su_buf *out, struct su_err *err) SU_CHECKED;

/* From the one canonical form; the signature is over the first *signed_bytes and not checked here. */
int su_receipt_parse(struct su_receipt *out, const char *text, uint8_t signature[SU_SIGNATURE_BYTES],
                     size_t *signed_bytes, struct su_err *err) SU_CHECKED;

#endif
