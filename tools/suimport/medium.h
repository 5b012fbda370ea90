/*
 * medium.h - the bundles that lie in one folder, taken in order: what import, plan and watch share.
 */
#ifndef SUIMPORT_MEDIUM_H
#define SUIMPORT_MEDIUM_H

#include "common/lib/digest.h"
#include "tools/cli/cli.h"

/* How a bundle's folder looked: names, sizes and times of its files and of the pool beside it, and the manifest. */
struct su_stamp {
    uint8_t digest[SU_SHA256_BYTES];
    int64_t changed; /* when the newest of them last changed, by the file system's own clock */
};
/* What cannot be read counts as it shows: as nothing. */
void su_stamp_take(const char *path, struct su_stamp *out);

struct su_candidate {
    const char *path;
    char site[17];
    uint64_t sequence, urgent; /* urgent: its number; 0: an ordinary one */
    bool is_readable;
    /* Of a watched folder: */
    struct su_stamp stamp;
    bool is_moving;  /* looks other than at the look before */
    bool is_settled; /* set by su_medium_take: there is nothing more to do with it as it is */
};
struct su_medium {
    const char *path;
    struct su_candidate *list;
    size_t count;
    size_t taken;          /* set by su_medium_take: how many were imported, or had been */
    bool is_inbox;         /* watched: what is for other sites, or still being copied, is left */
    int64_t quiet_seconds; /* so long nothing may have changed in what is refused as damaged */
};
/* Fills `list`, which has room for `found`; the paths stay borrowed. */
void su_medium_sort(const struct su_names *found, struct su_candidate *list);
/* With the home open. A failure is in the ledger and the log, and an alert, but not shown yet. */
int su_medium_take(struct su_context *c, struct su_medium *medium, bool is_plan, struct su_err *err) SU_CHECKED;

#endif
