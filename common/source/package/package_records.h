/*
 * package_records.h - metadata.txt: records with a fixed head and a length in UTF-16 units
 * (formats.md 1.4), pulled from a stream of bytes.
 */
#ifndef SU_PACKAGE_RECORDS_H
#define SU_PACKAGE_RECORDS_H

#include <sys/types.h>

#include "common/catalogue/record.h"

/* Next bytes, 0 at the end, -1 on failure. */
typedef ssize_t (*su_pull)(void *context, void *out, size_t room, struct su_err *err);

struct su_package_records {
    su_pull pull;
    void *context;
    struct su_buf window, document;
    size_t at;            /* in the window */
    uint64_t window_from; /* offset of window[0] in metadata.txt */
    uint64_t count;
};
void su_package_records_open(struct su_package_records *records, su_pull pull, void *context);
/* 1 and the record (document valid until the next call), 0 at the end, -1. */
int su_package_records_next(struct su_package_records *records, struct su_record *out, struct su_err *err) SU_CHECKED;
void su_package_records_cleanup(struct su_package_records *records);

#endif
