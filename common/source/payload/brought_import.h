/*
 * brought_import.h - files brought by hand into the content store, when the catalogue knows them.
 */
#ifndef SU_BROUGHT_IMPORT_H
#define SU_BROUGHT_IMPORT_H

#include "common/source/payload/brought.h"

struct su_brought_served {
    struct su_guid id;
    uint32_t revision;
    bool is_pinned; /* bundled by none: what is approved and travels, so it is pinned */
    char title[256];
};
struct su_brought_taken { /* the file, or a member of it */
    char name[256];
    struct su_file_id id;
    bool is_held; /* the store had it */
};
struct su_brought_result {
    SU_VEC(struct su_brought_taken) files;
    SU_VEC(struct su_brought_served) updates; /* what they serve */
};
#define SU_BROUGHT_RESULT_INIT { .files = {0} }
void su_brought_result_cleanup(struct su_brought_result *result);

/*
 * Inside the caller's transaction: reads the file, finds it or members of it in the catalogue, adopts these into the
 * batch (the caller settles it before the commit) and pins the updates it serves. `brought` is filled as far as it got,
 * also when the file is refused: SU_SCAN_ONLY when metadata tells of it and the catalogue does not, SU_PAYLOAD_UNKNOWN
 * when nothing does, SU_CONTENT_WRONG when it is not what the catalogue says.
 */
int su_brought_import(struct su_home *home, const char *path, struct su_store_batch *batch,
                      struct su_brought *brought, struct su_brought_result *result, struct su_err *err) SU_CHECKED;

#endif
