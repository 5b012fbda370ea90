/*
 * vendor_read.h - what another vendor publishes, in whatever it comes: a package or a catalogue as XML, a cabinet or
 * zip that holds them, cabinets inside such a one, or a folder. Forward only, without temporary files.
 *
 * Members are known by the ends of their names: .sdp and .xml are read, update_manifest.json is given as it is,
 * .cab is looked into, anything else (terms of use, a picture) is passed over. A name is never a path.
 */
#ifndef SU_VENDOR_READ_H
#define SU_VENDOR_READ_H

#include "common/source/source.h"
#include "common/source/vendor/vendor_split.h"

struct su_vendor_reader {
    void *context;
    su_vendor_take package; /* NULL: packages are not read */
    /* Whether a package need not be read, by the name of its member "<id>.sdp"; NULL: all are. */
    bool (*skips)(void *context, const struct su_guid *id);
    /* The member update_manifest.json; NULL: passed over. */
    int (*manifest)(void *context, const char *text, size_t length, struct su_err *err);
    /* What went by, set while it is read. */
    bool has_catalogue; /* XML that is no .sdp: V1 */
    uint64_t members;   /* .sdp */
};
/* From the start of a file, or of a folder. */
int su_vendor_read_file(struct su_vendor_reader *reader, int fd, struct su_err *err) SU_CHECKED;
int su_vendor_read_folder(struct su_vendor_reader *reader, int dir, struct su_err *err) SU_CHECKED;

/* Whether what was seen of a source is something that these can be tried on. */
bool su_vendor_knows(const struct su_source_look *look);

#endif
