/*
 * record.h - what travels for one revision: identity, origin, the exact document, the download
 * addresses of its files; and the stream of records inside a bundle's metadata frames.
 *
 * The digest of a record is the leaf of the state digest. Stream grammar (docs/bundle-format.md):
 *
 *   put     "R " guid " " revision " " origin " " document bytes " " address bytes "\n"
 *           addresses document "\n"
 *   remove  "D " guid " " revision "\n"
 *
 * addresses: lines "<sha1 hex> <url>\n", sorted, each digest once.
 */
#ifndef SU_RECORD_H
#define SU_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/text.h"
#include "common/lib/digest.h"

enum su_origin { SU_FROM_SYNC, SU_FROM_CATALOGUE_IMPORT, SU_FROM_THIRD_PARTY };

struct su_record {
    bool is_removal; /* then only id and revision count */
    struct su_guid id;
    uint32_t revision;
    enum su_origin origin;
    const char *document, *urls; /* borrowed */
    size_t document_bytes, urls_bytes;
    uint8_t document_sha256[SU_SHA256_BYTES], record_sha256[SU_SHA256_BYTES]; /* by su_record_seal */
};

/* Computes both digests; or the document's first, and the record's when its addresses are known. */
int su_record_seal(struct su_record *record, struct su_err *err) SU_CHECKED;
int su_record_seal_document(struct su_record *record, struct su_err *err) SU_CHECKED;
int su_record_seal_whole(struct su_record *record, struct su_err *err) SU_CHECKED;
/* Appends the record up to its document, of which only the length need be known; of a removal all. */
void su_record_write_head(const struct su_record *record, struct su_buf *out);
/* How many bytes the whole record has; lengths are enough. */
size_t su_record_bytes(const struct su_record *record);
/* Reads the record at *at and moves past it; strict. Returns 1, 0 at the end, -1. */
int su_record_read(struct su_record *record, const char **at, const char *end, struct su_err *err) SU_CHECKED;

/* Addresses: appends one line; the caller adds in rising order of digest. Refuses what is no URL. */
int su_urls_add(struct su_buf *urls, const uint8_t sha1[SU_SHA1_BYTES], const char *url, size_t length,
                struct su_err *err) SU_CHECKED;
/* The address for a digest, NULL when none; `*length` is set. */
const char *su_urls_find(const char *urls, size_t bytes, const uint8_t sha1[SU_SHA1_BYTES], size_t *length);

#endif
