/* The stream of records in a metadata frame: what was read, written again, is the same bytes. */
#include "tests/fuzz/fuzz.h"

#include "common/catalogue/record.h"

static void check_urls(const struct su_record *r)
{
    SU_AUTO(su_buf) struct su_buf again = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
    for (const char *at = r->urls, *end = r->urls + r->urls_bytes; at < end;) {
        uint8_t sha1[SU_SHA1_BYTES];
        struct su_err err = SU_ERR_INIT;
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t length;
        HOLDS(line_end && line_end - at > 41 && su_hex_parse(sha1, SU_SHA1_BYTES, at, 40, true));
        const char *url = su_urls_find(r->urls, r->urls_bytes, sha1, &length);
        HOLDS(url == at + 41 && length == (size_t)(line_end - url));
        HOLDS(su_urls_add(&again, sha1, url, length, &err) == 0);
        at = line_end + 1;
    }
    HOLDS(again.length == r->urls_bytes &&
          (again.length == 0 || memcmp(again.bytes, r->urls, again.length) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = copy_of(data, size, false);
    const char *at = bytes, *end = bytes + size, *before = at;
    struct su_record r;
    struct su_err err = SU_ERR_INIT;
    int more;
    while ((more = su_record_read(&r, &at, end, &err)) > 0) {
        SU_AUTO(su_buf) struct su_buf again = SU_BUF_INIT(2 * SU_MAX_DOCUMENT_BYTES);
        HOLDS(at > before && at <= end && su_record_bytes(&r) == (size_t)(at - before));
        su_record_write_head(&r, &again);
        if (!r.is_removal) {
            su_buf_add(&again, r.document, r.document_bytes);
            su_buf_adds(&again, "\n");
            HOLDS(r.origin >= SU_FROM_SYNC && r.origin <= SU_FROM_THIRD_PARTY);
            HOLDS(su_record_seal(&r, &err) == 0);
            check_urls(&r);
        }
        HOLDS(again.length == (size_t)(at - before) && memcmp(again.bytes, before, again.length) == 0);
        before = at;
    }
    if (more < 0)
        check_refusal(&err);
    else
        HOLDS(at == end);
    free(bytes);
    return 0;
}
