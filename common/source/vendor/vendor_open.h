/*
 * vendor_open.h - a vendor's file, folder or address opened, and who signed it.
 */
#ifndef SU_VENDOR_OPEN_H
#define SU_VENDOR_OPEN_H

#include "common/lib/authenticode.h"
#include "common/point/home.h"

struct su_vendor_opened {
    su_fd fd;                        /* of the file or folder */
    bool is_folder;
    uint64_t bytes;
    struct su_code_signature signer; /* good over the file; is_signed false: there is none */
};
#define SU_VENDOR_OPENED_INIT { .fd = -1 }
void su_vendor_opened_cleanup(struct su_vendor_opened *opened);
/* What an address gives is written to a file without a name in the home. A signature that is there and not good is a
 * failure, whoever made it. */
int su_vendor_open(struct su_vendor_opened *out, struct su_home *home, const char *from, struct su_err *err) SU_CHECKED;

#endif
