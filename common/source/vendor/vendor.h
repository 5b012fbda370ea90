/*
 * vendor.h - catalogues of other vendors: subscribed to, refreshed, their packages published.
 *
 * A refresh is a synchronization (sync.h) from a source of its own kind. The catalogue holds a package as one revision
 * of origin 2, with the vendor's own document; its number is 1, and one more each time the document is another. What a
 * catalogue does not hold any more goes with the next refresh, unless it is published. Nothing else touches these
 * updates, and a catalogue touches no others: an id that another source brought is refused.
 *
 * What is held is metadata only until the operator publishes it: then it is pinned (pin.h), which makes it travel.
 *
 * A catalogue must be signed by a certificate that the operator approved: inside its cabinet (authenticode.h), or by
 * a detached CMS signature beside it, with .p7s after its name. Without, it takes the operator's word.
 */
#ifndef SU_VENDOR_H
#define SU_VENDOR_H

#include "common/source/source.h"
#include "common/source/sync.h"

/* What is asked of a synchronization with a vendor's source. */
struct su_vendor_request {
    const char *catalogue;   /* the subscription's name; NULL: it has none */
    bool is_new;             /* makes the subscription, in the same transaction */
    bool allow_unsigned;     /* the operator's word, kept with the subscription */
    const char *certificate; /* to be approved: PEM or DER; NULL: none */
    size_t certificate_bytes;
    int64_t interval_days;   /* of a new subscription */
    const struct su_actor *actor;
};

/* Packages that come by themselves: a .sdp, or whatever else holds packages. `sync` does the same. */
int su_vendor_take_file(struct su_home *home, const char *path, bool allow_unsigned, const struct su_actor *actor,
                        const struct su_events *events, struct su_sync_result *result, struct su_err *err) SU_CHECKED;
/* Whether that is what a file holds; looks at its content. */
bool su_vendor_is_file(const char *path);

/* Approves a certificate for a subscription. SU_VENDOR_UNKNOWN when there is none of that name. */
int su_vendor_approve(struct su_home *home, const char *catalogue, const char *certificate, size_t bytes,
                      const struct su_actor *actor, char name[65], uint8_t key_id[SU_SHA256_BYTES],
                      struct su_err *err) SU_CHECKED;
/* Ends a subscription; its packages go. Refused while one of them is published. */
int su_vendor_unsubscribe(struct su_home *home, const char *catalogue, const struct su_actor *actor, uint64_t *packages,
                          struct su_err *err) SU_CHECKED;

struct su_vendor_published {
    uint64_t packages;        /* that were not before, or that were and are not any more */
    uint64_t files, missing;  /* they name; of these not in the store */
};
/* Inside the caller's transaction. SU_VENDOR_NO_METADATA for an id of which no package is held; SU_VENDOR_UNSIGNED for one
 * with a file in the store that no approved certificate signed, unless allowed. */
int su_vendor_publish(struct su_home *home, const struct su_guid *id, bool allow_unsigned, struct su_vendor_published *count,
                      struct su_err *err) SU_CHECKED;
int su_vendor_unpublish(struct su_home *home, const struct su_guid *id, struct su_vendor_published *count,
                        struct su_err *err) SU_CHECKED;

#endif
