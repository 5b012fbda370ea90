#include "common/source/upstream/upstream_blob.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/lib/archive.h"

/* Of UTF-16 at a time; the member is never whole in memory as such. */
#define PIECE_BYTES (32 * SU_KIB)

static int decode(const char *base64, size_t length, struct su_buf *cabinet, struct su_err *err)
{
    size_t count;
    su_buf_clear(cabinet);
    char *to = su_buf_reserve(cabinet, length / 4 * 3 + 3);
    if (!to)
        return su_buf_check(cabinet, "XmlUpdateBlobCompressed", err);
    if (!su_base64_decode((uint8_t *)to, &count, base64, length))
        return su_fail(err, SU_DATA, "XmlUpdateBlobCompressed is not base64");
    su_buf_grow_by(cabinet, count);
    return 0;
}

/* The member as UTF-8; a character may be cut by the end of a piece. */
static int convert(struct su_unarchive *archive, uint64_t announced, struct su_buf *document,
                   struct su_err *err)
{
    uint8_t piece[PIECE_BYTES];
    char text[PIECE_BYTES / 2 * 3];
    size_t kept = 0, used = 0;
    uint64_t total = 0;
    ssize_t n;
    while ((n = su_unarchive_read(archive, piece + kept, sizeof piece - kept, err)) > 0) {
        total += (uint64_t)n;
        kept += (size_t)n;
        if (total > announced)
            break;
        size_t made = su_utf16le_to_utf8(text, piece, kept, &used);
        if (made == SIZE_MAX)
            return su_fail(err, SU_DATA, "the document is not UTF-16, near byte %llu of it",
                           (unsigned long long)(total - kept));
        su_buf_add(document, text, made);
        if (su_buf_check(document, "a document", err) < 0)
            return -1;
        memmove(piece, piece + used, kept - used);
        kept -= used;
    }
    if (n < 0)
        return -1;
    if (kept > 0 || total != announced)
        return su_fail(err, SU_DATA, "the document has %llu bytes of UTF-16, the cabinet announces %llu",
                       (unsigned long long)total, (unsigned long long)announced);
    return 0;
}

int su_blob_open(const char *base64, size_t length, struct su_buf *cabinet, struct su_buf *document,
                 struct su_err *err)
{
    const char *name;
    uint64_t bytes;
    if (decode(base64, length, cabinet, err) < 0)
        return -1;
    if (cabinet->length < 36 || memcmp(cabinet->bytes, "MSCF", 4) != 0)
        return su_fail(err, SU_DATA, "XmlUpdateBlobCompressed is not a cabinet");
    su_buf_clear(document);
    SU_AUTO(su_unarchive)
    struct su_unarchive *archive =
        su_unarchive_open_memory(cabinet->bytes, cabinet->length, SU_ARCHIVE_CAB, err);
    if (!archive)
        return -1;
    int more = su_unarchive_next(archive, &name, &bytes, err);
    if (more <= 0)
        return more < 0 ? -1 : su_fail(err, SU_DATA, "the cabinet of the document is empty");
    if (convert(archive, bytes, document, err) < 0)
        return -1;
    more = su_unarchive_next(archive, &name, &bytes, err);
    if (more != 0)
        return more < 0 ? -1 : su_fail(err, SU_DATA, "the cabinet of the document holds a second member");
    return 0;
}
