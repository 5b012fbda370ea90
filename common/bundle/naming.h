/*
 * naming.h - which file of which update a digest belongs to, for people: from the catalogue, or, at a
 * site that does not hold the update yet, from the records of the bundle itself.
 */
#ifndef SU_NAMING_H
#define SU_NAMING_H

#include "common/bundle/manifest.h"
#include "common/bundle/volume_read.h"
#include "common/lib/db.h"

struct su_named_file {
    uint8_t sha1[SU_SHA1_BYTES];
    uint64_t bytes;
    bool is_licence;
    char *file, *kb, *title; /* owned; file NULL: unknown; kb and title may be "" */
};
void su_named_file_cleanup(struct su_named_file *named);

int su_name_from_database(struct su_db *db, struct su_named_file *named, struct su_err *err) SU_CHECKED;
/* Fills in those of the list that are unknown yet; memory is bounded by the list. `list` must be sorted
 * by sha1. Fails when the metadata cannot be read. */
int su_name_from_bundle(struct su_volume_reader *reader, const struct su_manifest *manifest,
                        struct su_named_file *list, size_t count, struct su_err *err) SU_CHECKED;
/* "x.cab of KB5039227 Title (1234 bytes)" */
void su_name_text(const struct su_named_file *named, struct su_buf *out);

#endif
