/*
 * package_index.h - package.xml: header, file map and the list of identities, streaming.
 *
 * About 20 bytes stay in memory for each revision and 30 + address for each file.
 */
#ifndef SU_PACKAGE_INDEX_H
#define SU_PACKAGE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/text.h"
#include "common/catalogue/record.h"
#include "common/lib/digest.h"

struct su_package_entry {
    struct su_guid id;
    uint32_t revision;
};

struct su_package_file {
    uint8_t sha1[SU_SHA1_BYTES];
    uint32_t url_bytes;
    size_t url_at; /* in urls */
};

#define SU_PACKAGE_TIME "0123456789-:T.Z+" /* what a time is made of */
struct su_package_index {
    bool is_read;
    char server_id[SU_GUID_TEXT], created[40], protocol[16];
    SU_VEC(struct su_package_entry) entries;
    SU_VEC(struct su_package_file) files; /* sorted by digest once is_read */
    struct su_buf urls;
};
#define SU_PACKAGE_INDEX_INIT { .is_read = false }
void su_package_index_cleanup(struct su_package_index *index);

/*
 * Push parser. `document`, when given, takes the text of an unknown child of an Update (the one
 * place where an .xml.gz could hold the document); without it such a child is skipped.
 */
struct su_index_parser;
typedef int (*su_index_document)(void *context, const struct su_package_entry *entry, const char *document,
                                 size_t length, struct su_err *err);
struct su_index_parser *su_index_parser_new(struct su_package_index *index, su_index_document document,
                                            void *context, struct su_err *err);
int su_index_parser_feed(struct su_index_parser *parser, const char *bytes, size_t length,
                         struct su_err *err) SU_CHECKED;
int su_index_parser_finish(struct su_index_parser *parser, struct su_err *err) SU_CHECKED;
void su_index_parser_cleanup(struct su_index_parser **parser);

/* The download address of a digest, NULL when the package names none. */
const char *su_package_index_url(const struct su_package_index *index, const uint8_t sha1[SU_SHA1_BYTES],
                                 size_t *length);

#endif
