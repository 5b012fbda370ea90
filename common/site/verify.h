/*
 * verify.h - reads every byte of a verified bundle and gives a verdict; writes nothing.
 */
#ifndef SU_VERIFY_H
#define SU_VERIFY_H

#include "common/site/affected.h"
#include "common/bundle/damage.h"
#include "common/site/position.h"
#include "common/bundle/volume_read.h"

enum su_verdict {
    SU_VERDICT_GOOD, SU_VERDICT_DAMAGED, SU_VERDICT_UNTRUSTED, SU_VERDICT_WRONG_SITE, SU_VERDICT_GAP,
    SU_VERDICT_REPLAY, SU_VERDICT_STALE_FORMAT, SU_VERDICT_INCOMPLETE, SU_VERDICT_REPAIRABLE
};
const char *su_verdict_text(enum su_verdict verdict);
/* The verdict that an error means; damage for whatever cannot be read. */
enum su_verdict su_verdict_of(enum su_code code);

struct su_bad_place {
    uint32_t volume;
    uint64_t offset, length;
    size_t payload;            /* with volume 0: the file of the shared pool */
    char *reason, *affects;    /* owned; affects: what lies there, "" when only framing */
    char *file, *update, *kb;  /* owned; of the first file hit; NULL: none, or unknown */
};

struct su_verification {
    enum su_verdict verdict;
    struct su_bundle bundle;  /* empty when untrusted */
    bool is_imported_already;
    bool is_read;                 /* every block was looked at, and `affected` says what the bad ones hit */
    struct su_affected affected;
    uint64_t blocks;
    bool has_damage;         /* something is bad, and there are recovery volumes */
    struct su_damage damage; /* meaningful with has_damage */
    SU_VEC(struct su_bad_place) bad;
};
#define SU_VERIFICATION_INIT { .bundle = SU_BUNDLE_INIT, .affected = SU_AFFECTED_INIT }
void su_verification_cleanup(struct su_verification *verification);

/* `position` is where the site stands, or will when bundles before this one are imported.
 * Always fills the verdict. 0 when the bundle is good; else -1 and err carries exit status,
 * facts and remedy of the verdict (or of a failure to look). */
int su_verify(struct su_home *site, const struct su_position *position, const struct su_bundle_raw *raw, const struct su_events *events,
              struct su_verification *out, struct su_err *err) SU_CHECKED;

#endif
