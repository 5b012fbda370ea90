/*
 * vendor_books.h - what the hub's tables say of third-party catalogues: found and noted by vendor_source.c, inside its
 * synchronization.
 */
#ifndef SU_VENDOR_BOOKS_H
#define SU_VENDOR_BOOKS_H

#include "common/lib/authenticode.h"
#include "common/source/vendor/vendor.h"

struct su_vendor_catalogue {
    int64_t id; /* 0: none, or none yet */
    bool allow_unsigned;
    char name[65];
};
/* The one the request names (SU_EXISTS for a new one whose name is taken, SU_VENDOR_UNKNOWN); without a name the one
 * that is subscribed to at this place, or none. */
int su_vendor_find_catalogue(struct su_db *db, const struct su_vendor_request *request, const char *from,
                             struct su_vendor_catalogue *out, struct su_err *err) SU_CHECKED;
/* By the certificate of the request, by those of the catalogue, or, where there is none, by those of any. What a
 * certificate is for and when it ends is taken from the approved one: that in a signature proves only whose key it is. */
int su_vendor_is_approved(struct su_db *db, int64_t catalogue_id, const struct su_vendor_request *request,
                          struct su_code_signature *signer, bool *out, struct su_err *err) SU_CHECKED;

/* Inside the transaction that took the packages: the subscription as it is now, made when it is new. */
int su_vendor_note_catalogue(struct su_db *db, const struct su_vendor_request *request, const char *from,
                             const char *kind, const char *signer, struct su_vendor_catalogue *catalogue,
                             struct su_err *err) SU_CHECKED;
/* temp.vendor_taken (update_id, revision, created) is what the catalogue holds. */
int su_vendor_note_packages(struct su_db *db, int64_t catalogue_id, struct su_err *err) SU_CHECKED;

#endif
