/*
 * repair.h - one whole copy of a bundle out of several damaged ones; and passing a bundle on to child sites.
 */
#ifndef SU_REPAIR_H
#define SU_REPAIR_H

#include "common/site/assemble.h"

struct su_repair {
    struct su_bundle_raw raw;
    struct su_bundle bundle;
    struct su_assembly assembly; /* what came from where, what was computed, what is missing */
};
#define SU_REPAIR_INIT { .raw = SU_BUNDLE_RAW_INIT, .bundle = SU_BUNDLE_INIT, .assembly = SU_ASSEMBLY_INIT }
void su_repair_cleanup(struct su_repair *repair);

/* `paths`: bundle folders, or media with them one level below, with copies of one bundle for this site. At least one must hold
 * its manifest with signatures this site trusts; the others may be without. Writes a whole copy below
 * `to`, or nothing. On failure the assembly still says what is missing. */
int su_repair(struct su_home *site, const struct su_names *paths, const char *to, const struct su_events *events,
              struct su_repair *out, struct su_err *err) SU_CHECKED;

/* Copies the bundle in folder `path`, which this site has imported, as it is. */
int su_relay(struct su_home *site, const char *path, const char *to, const struct su_actor *actor,
             const struct su_events *events, struct su_repair *out, struct su_err *err) SU_CHECKED;

#endif
