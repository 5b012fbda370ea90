/*
 * package_confined.h - a package is taken apart in a confined child (confine.h); what it says is believed as far as it
 * can be checked: counts, order of the file map, lengths.
 */
#ifndef SU_PACKAGE_CONFINED_H
#define SU_PACKAGE_CONFINED_H

#include "common/source/package/package.h"

struct su_package_reader;
/* On the main thread. Opens the file and starts the child. */
int su_package_reader_new(struct su_package_reader **out, const char *path, struct su_err *err) SU_CHECKED;
/* su_package_read: of the index `take` is given the header and the file map; there are *total records to come, 0 when
 * it does not say. */
int su_package_reader_run(struct su_package_reader *reader, struct su_package *package, uint64_t *total,
                          su_package_take take, void *context, struct su_err *err) SU_CHECKED;
void su_package_reader_cleanup(struct su_package_reader **reader);

#endif
