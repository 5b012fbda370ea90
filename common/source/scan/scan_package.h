/*
 * scan_package.h - package.xml of an offline scan cabinet, or of the WSUSSCAN.cab inside an MSU: streaming.
 */
#ifndef SU_SCAN_PACKAGE_H
#define SU_SCAN_PACKAGE_H

#include "common/source/scan/scan_rows.h"

/* What the root element says of the edition; "" what it does not. */
struct su_scan_edition {
    char created[40], package_id[40], source_id[40], version[16];
};

/* After each Update and each FileLocation: *rows may be replaced, or cleared. -1 stops. */
typedef int (*su_scan_more)(void *context, struct su_scan_rows **rows, struct su_err *err);

struct su_scan_package; /* belongs to one thread at a time */
struct su_scan_package *su_scan_package_new(struct su_scan_rows *rows, su_scan_more more, void *context,
                                            struct su_err *err);
int su_scan_package_feed(struct su_scan_package *package, const char *bytes, size_t length, struct su_err *err) SU_CHECKED;
/* The end: the document must be whole, and must have been a scan package. */
int su_scan_package_finish(struct su_scan_package *package, struct su_scan_edition *edition, struct su_err *err) SU_CHECKED;
void su_scan_package_cleanup(struct su_scan_package **package);

#endif
