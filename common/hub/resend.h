/*
 * resend.h - makes volumes of an earlier bundle again, byte for byte: places from its manifest, bytes
 * from the content store and from what the hub kept (sent.h). Every block is compared with the signed
 * hash before it is written.
 */
#ifndef SU_RESEND_H
#define SU_RESEND_H

#include "common/point/event.h"
#include "common/point/home.h"
#include "common/point/ledger.h"
#include "common/bundle/manifest.h"

struct su_resend_options {
    const struct su_actor *actor;
    const char *site, *out;
    uint64_t sequence;           /* 0: the last one made */
    const char *const *volumes;  /* numbers or names; none: all */
    size_t volume_count;
    bool is_read_back;
};
struct su_resend_result {
    struct su_manifest manifest;
    char bundle[SU_BUNDLE_NAME_TEXT];
    bool *wanted; /* owned; by number from 1 */
    size_t volumes;
    uint64_t bytes;
};
#define SU_RESEND_RESULT_INIT { .manifest = SU_MANIFEST_INIT }
void su_resend_result_cleanup(struct su_resend_result *result);

int su_resend(struct su_home *hub, const struct su_resend_options *options, const struct su_events *events,
              struct su_resend_result *result, struct su_err *err) SU_CHECKED;

#endif
