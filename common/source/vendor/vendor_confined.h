/*
 * vendor_confined.h - what another vendor publishes is taken apart in a confined child (confine.h): first the manifest,
 * then the packages, each with the addresses it names.
 */
#ifndef SU_VENDOR_CONFINED_H
#define SU_VENDOR_CONFINED_H

#include "common/lib/confine.h"
#include "common/source/vendor/vendor_open.h"
#include "common/source/vendor/vendor_read.h"

/* The member update_manifest.json, if there is one. On the main thread. */
int su_vendor_hear_manifest(const struct su_vendor_opened *opened,
                            int (*take)(void *context, const char *text, size_t length, struct su_err *err),
                            void *context, struct su_err *err) SU_CHECKED;

/* Of a package: `urls` is the canonical list (record.h). `skips` is asked in the child for each member that could be
 * passed over, and again here for each that was: both must say the same. `meets` is told in the child of each package. */
struct su_vendor_hearing {
    void *context;
    int (*package)(void *context, const struct su_vendor_package *package, const char *urls, size_t urls_bytes,
                   struct su_err *err);
    bool (*skips)(void *context, const struct su_guid *id); /* NULL: none is passed over */
    void (*meets)(void *context, const struct su_guid *id);
};
/* On the main thread; `hearing` and what hangs on it is copied into the child as it is now. */
int su_vendor_hear_start(struct su_confined **out, const struct su_vendor_opened *opened,
                         const struct su_vendor_hearing *hearing, struct su_err *err) SU_CHECKED;
int su_vendor_hear(struct su_confined *confined, const struct su_vendor_hearing *hearing, struct su_err *err) SU_CHECKED;

#endif
