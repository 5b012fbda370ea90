/*
 * package.h - reads what `wsusutil export` wrote (formats.md 1.2-1.7), streaming.
 *
 * Cabinet (LZX, MSZIP or stored): package.xml gives the order, the identities and the file map;
 * metadata.txt gives the documents; both must agree record by record. In a .xml.gz the inner layout
 * is not publicly known: it is sniffed and taken only where it is recognised.
 * Nothing is written; a damaged package fails somewhere in the middle, so the caller works inside
 * a transaction.
 */
#ifndef SU_PACKAGE_H
#define SU_PACKAGE_H

#include "common/source/package/package_index.h"
#include "common/catalogue/record.h"

#define SU_PACKAGE_CAB "wsusutil-cab"
#define SU_PACKAGE_GZIP "wsusutil-xml-gz"
struct su_package {
    const char *kind; /* one of these */
    struct su_package_index index;
    uint64_t records, document_bytes;
};
#define SU_PACKAGE_INIT { .kind = "" }

/*
 * Calls `take` for every record in order, with package->index complete (a record stream without
 * package.xml has an empty one); what fails there names its record itself. record->document is valid for the call; urls and digests are unset. `path` is for
 * messages.
 */
typedef int (*su_package_take)(void *context, const struct su_package *package, struct su_record *record,
                               struct su_err *err);
int su_package_read(int fd, const char *path, struct su_package *package, su_package_take take, void *context,
                    struct su_err *err) SU_CHECKED;
void su_package_cleanup(struct su_package *package);

#endif
