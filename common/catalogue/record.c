#include "common/catalogue/record.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"

int su_record_seal_document(struct su_record *record, struct su_err *err)
{
    return su_sha256(record->document_sha256, record->document, record->document_bytes, err);
}

int su_record_seal(struct su_record *record, struct su_err *err)
{
    return su_record_seal_document(record, err) < 0 ? -1 : su_record_seal_whole(record, err);
}

int su_record_seal_whole(struct su_record *record, struct su_err *err)
{
    SU_AUTO(su_digest) struct su_digest digest = SU_DIGEST_INIT;
    char guid[SU_GUID_TEXT], document[SU_SHA256_TEXT], text[160];
    su_hex_format(record->document_sha256, SU_SHA256_BYTES, document);
    int length = snprintf(text, sizeof text, "SU-RECORD 1\n%s %u %d\n%s\n", su_guid_format(&record->id, guid),
                          record->revision, (int)record->origin, document);
    if (su_digest_open(&digest, SU_SHA256, err) < 0 ||
        su_digest_add(&digest, text, (size_t)length, err) < 0 ||
        su_digest_add(&digest, record->urls, record->urls_bytes, err) < 0 ||
        su_digest_end(&digest, record->record_sha256, err) < 0)
        return -1;
    return 0;
}

#define HEAD_TEXT 128

static size_t head(const struct su_record *record, char out[HEAD_TEXT])
{
    char guid[SU_GUID_TEXT];
    su_guid_format(&record->id, guid);
    int length = record->is_removal
                     ? snprintf(out, HEAD_TEXT, "D %s %u\n", guid, record->revision)
                     : snprintf(out, HEAD_TEXT, "R %s %u %d %zu %zu\n", guid, record->revision,
                                (int)record->origin, record->document_bytes, record->urls_bytes);
    return (size_t)length;
}

size_t su_record_bytes(const struct su_record *record)
{
    char line[HEAD_TEXT];
    size_t bytes = head(record, line);
    return record->is_removal ? bytes : bytes + record->urls_bytes + record->document_bytes + 1;
}

void su_record_write_head(const struct su_record *record, struct su_buf *out)
{
    char line[HEAD_TEXT];
    su_buf_add(out, line, head(record, line));
    if (!record->is_removal)
        su_buf_add(out, record->urls, record->urls_bytes);
}

/* Cuts the next field up to `stop`; false when the line ends before. */
static bool cut(const char **at, const char *end, char stop, const char **field, size_t *length)
{
    const char *found = memchr(*at, stop, (size_t)(end - *at));
    if (!found)
        return false;
    *field = *at;
    *length = (size_t)(found - *at);
    *at = found + 1;
    return true;
}

static bool cut_number(const char **at, const char *end, char stop, uint64_t max, uint64_t *out)
{
    const char *field;
    size_t length;
    return cut(at, end, stop, &field, &length) && su_u64_parse(out, field, length, max);
}

static bool cut_guid(const char **at, const char *end, struct su_guid *out)
{
    const char *field;
    size_t length;
    char again[SU_GUID_TEXT];
    return cut(at, end, ' ', &field, &length) && su_guid_parse(out, field, length) &&
           memcmp(su_guid_format(out, again), field, 36) == 0; /* lower case only */
}

/* An address must be printable ASCII without blanks: it becomes a line of text. */
static bool url_is_valid(const char *url, size_t length)
{
    if (length == 0 || length > SU_MAX_URL_BYTES)
        return false;
    for (size_t i = 0; i < length; i++)
        if (url[i] <= ' ' || url[i] > '~')
            return false;
    return true;
}

static bool urls_are_valid(const char *urls, size_t bytes)
{
    const char *at = urls, *end = urls + bytes, *previous = NULL;
    while (at < end) {
        const char *digest, *url;
        size_t digest_bytes, url_bytes;
        uint8_t sha1[SU_SHA1_BYTES];
        if (!cut(&at, end, ' ', &digest, &digest_bytes) || !cut(&at, end, '\n', &url, &url_bytes) ||
            !su_hex_parse(sha1, SU_SHA1_BYTES, digest, digest_bytes, true) || !url_is_valid(url, url_bytes) ||
            (previous && memcmp(previous, digest, 40) >= 0))
            return false;
        previous = digest;
    }
    return true;
}

static int bad(const char *what, struct su_err *err)
{
    return su_fail(err, SU_DATA, "metadata record: %s", what);
}

int su_record_read(struct su_record *record, const char **at, const char *end, struct su_err *err)
{
    const char *p = *at;
    uint64_t revision, origin, document_bytes, urls_bytes;
    if (p == end)
        return 0;
    *record = (struct su_record){0};
    if (end - p < 2 || (p[0] != 'R' && p[0] != 'D') || p[1] != ' ')
        return bad("starts with neither R nor D", err);
    record->is_removal = *p == 'D';
    p += 2;
    if (!cut_guid(&p, end, &record->id))
        return bad("no valid update id", err);
    if (!cut_number(&p, end, record->is_removal ? '\n' : ' ', UINT32_MAX, &revision))
        return bad("no valid revision", err);
    record->revision = (uint32_t)revision;
    if (!record->is_removal) {
        if (!cut_number(&p, end, ' ', SU_FROM_THIRD_PARTY, &origin) ||
            !cut_number(&p, end, ' ', SU_MAX_DOCUMENT_BYTES, &document_bytes) ||
            !cut_number(&p, end, '\n', SU_MAX_RECORD_URLS_BYTES, &urls_bytes))
            return bad("no valid origin or lengths", err);
        if ((uint64_t)(end - p) < document_bytes + urls_bytes + 1)
            return bad("longer than its frame", err);
        record->origin = (enum su_origin)origin;
        record->urls = p;
        record->urls_bytes = (size_t)urls_bytes;
        record->document = p + urls_bytes;
        record->document_bytes = (size_t)document_bytes;
        p += urls_bytes + document_bytes;
        if (*p++ != '\n')
            return bad("no line end after the document", err);
        if (!urls_are_valid(record->urls, record->urls_bytes))
            return bad("addresses are not sorted lines of digest and URL", err);
    }
    *at = p;
    return 1;
}

int su_urls_add(struct su_buf *urls, const uint8_t sha1[SU_SHA1_BYTES], const char *url, size_t length,
                struct su_err *err)
{
    if (!url_is_valid(url, length))
        return su_fail(err, SU_DATA, "a download address is empty, longer than %u bytes or not plain ASCII",
                       SU_MAX_URL_BYTES);
    su_buf_addhex(urls, sha1, SU_SHA1_BYTES);
    su_buf_add(urls, " ", 1);
    su_buf_add(urls, url, length);
    su_buf_add(urls, "\n", 1);
    return su_buf_check(urls, "the list of addresses", err);
}

/* The lines are sorted by digest: halve, then step back to the start of the line. */
const char *su_urls_find(const char *urls, size_t bytes, const uint8_t sha1[SU_SHA1_BYTES], size_t *length)
{
    char wanted[2 * SU_SHA1_BYTES + 1];
    size_t low = 0, high = bytes;
    su_hex_format(sha1, SU_SHA1_BYTES, wanted);
    while (low < high) {
        size_t line = low + (high - low) / 2;
        while (line > low && urls[line - 1] != '\n')
            line--;
        const char *end = memchr(urls + line, '\n', high - line);
        if (!end || end - (urls + line) < 42)
            return NULL;
        int order = memcmp(urls + line, wanted, 40);
        if (order == 0) {
            *length = (size_t)(end - (urls + line)) - 41;
            return urls + line + 41;
        }
        if (order < 0)
            low = (size_t)(end - urls) + 1;
        else
            high = line;
    }
    return NULL;
}
