/*
 * scan_index.h - index.xml of an offline scan cabinet: which inner cabinet holds which revisions.
 *
 * A revision lies in the cabinet with the greatest RANGESTART that is not above its RevisionId (formats.md 2.2).
 */
#ifndef SU_SCAN_INDEX_H
#define SU_SCAN_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"

#define SU_SCAN_PACKAGE "package.cab"
struct su_scan_cab {
    char name[64];    /* lower case */
    bool has_range;   /* package.cab alone has none */
    uint64_t first;   /* RANGESTART */
    bool is_seen;     /* the reader's */
};
struct su_scan_index { SU_VEC(struct su_scan_cab) cabs; }; /* package.cab, then by RANGESTART */
#define SU_SCAN_INDEX_INIT { {0} }

int su_scan_index_parse(struct su_scan_index *index, const char *text, size_t length, struct su_err *err) SU_CHECKED;
void su_scan_index_cleanup(struct su_scan_index *index);
/* By name, in any case. NULL: index.xml does not name it. */
struct su_scan_cab *su_scan_index_find(const struct su_scan_index *index, const char *name);
/* Where the fragments of a revision lie. NULL: below every range. */
const struct su_scan_cab *su_scan_index_owner(const struct su_scan_index *index, uint64_t revision_id);

#endif
