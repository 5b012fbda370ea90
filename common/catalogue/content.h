/*
 * content.h - adopting a WsusContent tree, checking the store, listing what is needed.
 */
#ifndef SU_CONTENT_H
#define SU_CONTENT_H

#include "common/point/event.h"
#include "common/catalogue/need.h"
#include "common/point/store.h"

enum su_content_verdict { SU_FILE_ADOPTED, SU_FILE_HELD, SU_FILE_MISSING, SU_FILE_WRONG, SU_FILE_UNKNOWN };
struct su_content_finding {
    enum su_content_verdict verdict;
    const char *name;    /* path below DIR, or FileName */
    const char *detail;  /* what differs; "" */
    const char *update;  /* title of an update that names the file; "" */
    const uint8_t *sha1; /* NULL when unknown */
    uint64_t bytes;
    bool is_licence;
};
struct su_content_report {
    void (*finding)(void *context, const struct su_content_finding *finding);
    void *context;
    uint64_t adopted, linked, held, missing, wrong, unknown, bytes_adopted, bytes_missing, licence_missing;
};
/* Counts a finding and passes it on. */
void su_content_tell(struct su_content_report *report, const struct su_content_finding *finding);
/* Those that the profile (NULL: all) needs and the database does not know as stored. */
int su_content_tell_missing(struct su_home *home, const struct su_profile *profile, struct su_content_report *report,
                            struct su_err *err) SU_CHECKED;

/*
 * content_files.c. Files are read on several threads; the database, the store's names and what is told stay on
 * the caller's thread and in the order of the files.
 */
/* Adopts every file the metadata names; then reports what is still missing. A file that is the very inode
 * the store holds is not read again: that its bytes are still right is for su_content_verify, and for the export. */
int su_content_add(struct su_home *home, const char *path, const struct su_events *events,
                   struct su_content_report *report, struct su_err *err) SU_CHECKED;
/* Reads every stored file again and reports wrong ones, and those the profile (NULL: all) needs and
 * misses. Removes nothing. */
int su_content_verify(struct su_home *home, const struct su_profile *profile, const struct su_events *events,
                      struct su_content_report *report, struct su_err *err) SU_CHECKED;
/* Reports every needed file as held or missing, from the database alone. */
int su_content_list(struct su_home *home, const struct su_profile *profile, struct su_content_report *report, struct su_err *err) SU_CHECKED;

#endif
