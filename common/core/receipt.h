/*
 * receipt.h - the small signed text a site returns: what it holds now. Fixed fields, no host, no
 * user, no inventory; a reviewer can read the whole of it. Grammar: docs/bundle-format.md.
 */
#ifndef SU_RECEIPT_H
#define SU_RECEIPT_H

#include "common/core/home.h"
#include "common/core/ledger.h"
#include "common/lib/digest.h"

/* Of the site's present position; the same position gives the same bytes. */
int su_receipt_make(struct su_home *site, struct su_buf *out, struct su_err *err) SU_CHECKED;

struct su_receipt_result {
    char site[17];
    uint64_t sequence, content_owed;
    bool is_stale; /* nothing new in it */
};
/* At the hub: the signature must be by the site's pinned key and the state one that was sent. */
int su_receipt_add(struct su_home *hub, const char *text, const struct su_actor *actor,
                   struct su_receipt_result *result, struct su_err *err) SU_CHECKED;

#endif
