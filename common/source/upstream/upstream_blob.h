/*
 * upstream_blob.h - the document in an answer of GetUpdateData: as text, or in a cabinet as UTF-16 (formats.md 4.4).
 */
#ifndef SU_UPSTREAM_BLOB_H
#define SU_UPSTREAM_BLOB_H

#include "common/base/buf.h"

/* Replaces `document` by what XmlUpdateBlobCompressed holds, as UTF-8: one cabinet, one member, every checksum
 * and every character right. `cabinet` is working memory. What is not so is SU_DATA or SU_LIMIT. */
int su_blob_open(const char *base64, size_t length, struct su_buf *cabinet, struct su_buf *document,
                 struct su_err *err) SU_CHECKED;

#endif
