#include "common/catalogue/kept.h"

#include <string.h>

#include "common/base/limits.h"

static int take(struct su_kept *kept, struct su_rows *rows, struct su_err *err)
{
    int64_t revision = su_rows_int(rows, 1), origin = su_rows_int(rows, 2), bytes = su_rows_int(rows, 5);
    *kept = (struct su_kept){.dictionary_id = su_rows_int(rows, 4)};
    if (su_rows_fixed(rows, 0, kept->record.id.bytes, sizeof kept->record.id.bytes, err) < 0 ||
        su_rows_fixed(rows, 3, kept->record_sha256, SU_SHA256_BYTES, err) < 0)
        return -1;
    if (revision < 0 || revision > UINT32_MAX || origin < SU_FROM_SYNC || origin > SU_FROM_THIRD_PARTY) {
        char id[SU_GUID_TEXT];
        return su_fail(err, SU_DATA, "database: a revision of %s has an impossible number or origin",
                       su_guid_format(&kept->record.id, id));
    }
    if (bytes < 0 || bytes > (int64_t)SU_MAX_DOCUMENT_BYTES)
        return su_fail(err, SU_LIMIT, "database: a document claims %lld bytes", (long long)bytes);
    kept->record.revision = (uint32_t)revision;
    kept->record.origin = (enum su_origin)origin;
    kept->record.document_bytes = (size_t)bytes;
    kept->record.urls = su_rows_text(rows, 7);
    kept->record.urls_bytes = strlen(kept->record.urls);
    kept->packed = su_rows_blob(rows, 6, &kept->packed_bytes);
    return kept->record.urls_bytes <= SU_MAX_RECORD_URLS_BYTES
               ? 0
               : su_fail(err, SU_LIMIT, "the list of addresses exceeds %zu bytes", SU_MAX_RECORD_URLS_BYTES);
}

int su_kept_find(struct su_db *db, int64_t rev_id, struct su_rows *rows, struct su_kept *out,
                 struct su_err *err)
{
    if (su_query(db, rows, err,
                 "SELECT update_id, revision, origin, record_sha256, dictionary_id, raw_bytes, packed, urls "
                 "FROM revision JOIN document USING (rev_id) WHERE rev_id=?1",
                 SU_I(rev_id)) < 0)
        return -1;
    int more = su_rows_next(rows, err);
    if (more == 0)
        return su_fail(err, SU_DATA, "database: revision row %lld has no document", (long long)rev_id);
    return more < 0 ? -1 : take(out, rows, err);
}

int su_kept_dictionary(struct su_db *db, int64_t dictionary_id, struct su_buf *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (su_query(db, &rows, err, "SELECT bytes FROM dictionary WHERE dictionary_id=?1", SU_I(dictionary_id)) <
        0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0
                   ? -1
                   : su_fail(err, SU_DATA, "database: dictionary %lld is missing", (long long)dictionary_id);
    size_t length;
    const void *bytes = su_rows_blob(&rows, 0, &length);
    su_buf_clear(out);
    su_buf_add(out, bytes, length);
    return su_buf_check(out, "dictionary", err);
}

int su_kept_open(const struct su_kept *kept, struct su_packer *packer, struct su_buf *document,
                 struct su_record *out, struct su_err *err)
{
    size_t bytes = kept->record.document_bytes;
    int result = kept->dictionary_id > 0
                     ? su_unpack_document(packer, kept->packed, kept->packed_bytes, bytes, document, err)
                     : su_unpack_frame(packer, kept->packed, kept->packed_bytes, bytes, document, err);
    if (result < 0)
        return -1;
    *out = kept->record;
    out->document = document->bytes;
    if (su_record_seal(out, err) < 0)
        return -1;
    if (memcmp(out->record_sha256, kept->record_sha256, SU_SHA256_BYTES) != 0) {
        char id[SU_GUID_TEXT];
        return su_fail(err, SU_DATA,
                       "database: the document of %s revision %u is not the one that was stored",
                       su_guid_format(&out->id, id), out->revision);
    }
    return 0;
}
