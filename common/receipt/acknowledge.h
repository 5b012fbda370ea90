/*
 * acknowledge.h - what the hub learns from a receipt, a telephone code or a site's state file.
 *
 * What is taken moves the point that the next delta starts from, so nothing is taken that was not
 * authenticated, was never sent, or is older than what was taken before.
 */
#ifndef SU_ACKNOWLEDGE_H
#define SU_ACKNOWLEDGE_H

#include "common/point/ledger.h"
#include "common/receipt/receipt.h"
#include "common/hub/site.h"

struct su_receipt_result {
    char site[17];
    uint64_t sequence, content_owed;
    uint64_t before;   /* acknowledged until now */
    uint64_t urgent;   /* the newest urgent bundle the site has ever imported, as it says; 0: it says of none */
    bool urgent_unknown; /* this hub has not made that one: its books are older, or somebody else made it */
    bool is_repeated;  /* taken already: nothing changed */
    bool is_undo;      /* the site went back */
    bool lacks_files;  /* more than the hub declared as missing: the next bundle carries them again */
};

/* A signed receipt: by the site's pinned key, about what was sent, newer than the newest taken. */
int su_receipt_add(struct su_home *hub, const char *text, const struct su_actor *actor,
                   struct su_receipt_result *result, struct su_err *err) SU_CHECKED;
/* A telephone code, in any spelling su_spoken_parse takes. */
int su_receipt_add_code(struct su_home *hub, const char *code, const struct su_actor *actor,
                        struct su_receipt_result *result, struct su_err *err) SU_CHECKED;

/* SU_RECEIPT when the site is not enrolled or the signature is not by its key. */
int su_site_check_signature(const struct su_site *site, const char *text, size_t length,
                            const uint8_t signature[SU_SIGNATURE_BYTES], struct su_err *err) SU_CHECKED;

#endif
