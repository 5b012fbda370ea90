/*
 * scan_fragment.h - a core, extended or localized fragment of scan metadata: elements side by side, without a root
 * and without namespaces (formats.md 2.2).
 */
#ifndef SU_SCAN_FRAGMENT_H
#define SU_SCAN_FRAGMENT_H

#include "common/source/scan/scan_rows.h"

enum su_scan_kind { SU_SCAN_CORE, SU_SCAN_EXTENDED, SU_SCAN_LOCALIZED };

/* A fragment is named by its folder and number: c/616, x/616, l/en/616; in the WSUSSCAN.cab of an MSU core/, extended/,
 * localized/. False: it is none of these, or no name of a fragment. `language` is "" but for localized ones. */
#define SU_SCAN_LANGUAGE_BYTES 24
bool su_scan_fragment_name(const char *path, enum su_scan_kind *kind, char language[SU_SCAN_LANGUAGE_BYTES],
                           uint64_t *revision_id);

/* Adds what one fragment says. */
int su_scan_fragment_parse(struct su_scan_rows *rows, enum su_scan_kind kind, const char *language,
                           uint64_t revision_id, const char *text, size_t length, struct su_err *err) SU_CHECKED;

#endif
