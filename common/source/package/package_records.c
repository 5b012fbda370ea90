#include "common/source/package/package_records.h"

#include <string.h>

#include "common/base/limits.h"

#define HEAD_BYTES 55 /* 36 ',' 8 ',' 8 ',' */
#define WINDOW_BYTES (256 * SU_KIB)
/* The memory of a document larger than this is given back before the next one is read. */
#define WORTH_KEEPING_BYTES (4 * SU_MIB)
#define NOT_UTF8 "the document is not UTF-8"

void su_package_records_open(struct su_package_records *r, su_pull pull, void *context)
{
    *r = (struct su_package_records){.pull = pull,
                                     .context = context,
                                     .window = SU_BUF_INIT(WINDOW_BYTES),
                                     .document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES)};
}

void su_package_records_cleanup(struct su_package_records *r)
{
    su_buf_cleanup(&r->window);
    su_buf_cleanup(&r->document);
}

static size_t available(const struct su_package_records *r)
{
    return r->window.length - r->at;
}

static const char *here(const struct su_package_records *r)
{
    return r->window.bytes + r->at;
}

/* Makes at least `want` bytes available; fewer only at the end of the stream. */
static int fill(struct su_package_records *r, size_t want, struct su_err *err)
{
    if (available(r) >= want)
        return 0;
    size_t left = available(r);
    r->window_from += r->at;
    if (left > 0)
        memmove(r->window.bytes, here(r), left);
    r->window.length = left;
    r->at = 0;
    while (r->window.length < want) {
        char *to = su_buf_reserve(&r->window, WINDOW_BYTES - r->window.length);
        if (!to)
            return su_fail_memory(err);
        ssize_t n = r->pull(r->context, to, WINDOW_BYTES - r->window.length, err);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        su_buf_grow_by(&r->window, (size_t)n);
    }
    return 0;
}

static int bad(const struct su_package_records *r, const char *what, struct su_err *err)
{
    return su_fail(err, SU_DATA, "metadata.txt, record %llu at offset %llu: %s",
                   (unsigned long long)(r->count + 1), (unsigned long long)(r->window_from + r->at), what);
}

/* Eight lower-case hex digits, as {0:x8} prints them. */
static bool hex8(const char *text, uint32_t *out)
{
    uint8_t b[4];
    if (!su_hex_parse(b, 4, text, 8, true))
        return false;
    *out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return true;
}

/* At something that is no character: more bytes may make it one, none has more than four. */
static int read_on(struct su_package_records *r, struct su_err *err)
{
    size_t had = available(r);
    uint32_t c;
    if (had >= 4)
        return bad(r, su_utf8_decode(here(r), had, &c) == 4 ? "the length cuts a character" : NOT_UTF8, err);
    if (fill(r, had + 1, err) < 0)
        return -1;
    if (available(r) == had)
        return bad(r, had == 0 ? "the stream ends inside the document" : NOT_UTF8, err);
    return 0;
}

/* One pass finds the end (.NET counts UTF-16 units), checks, and copies out of a window that is still in the
 * processor's cache. */
static int read_document(struct su_package_records *r, size_t units, struct su_err *err)
{
    su_buf_clear(&r->document);
    if (r->document.capacity > WORTH_KEEPING_BYTES)
        su_buf_cleanup(&r->document);
    while (units > 0) {
        size_t used, piece = su_utf8_span(here(r), available(r), units, &used);
        if (piece == 0 && read_on(r, err) < 0)
            return -1;
        su_buf_add(&r->document, here(r), piece);
        if (su_buf_check(&r->document, "a document", err) < 0) /* three bytes a unit may be too many */
            return -1;
        units -= used;
        r->at += piece;
    }
    return 0;
}

int su_package_records_next(struct su_package_records *r, struct su_record *out, struct su_err *err)
{
    uint32_t units;
    *out = (struct su_record){.urls = ""};
    if (fill(r, HEAD_BYTES, err) < 0)
        return -1;
    if (available(r) == 0)
        return 0;
    if (available(r) < HEAD_BYTES)
        return bad(r, "the stream ends inside a record head", err);
    const char *head = here(r);
    if (head[36] != ',' || head[45] != ',' || head[54] != ',' || !su_guid_parse(&out->id, head, 36) ||
        !hex8(head + 37, &out->revision) || !hex8(head + 46, &units))
        return bad(r, "no valid record head", err);
    if (units > SU_MAX_DOCUMENT_BYTES)
        return su_fail(err, SU_LIMIT,
                       "metadata.txt, record %llu: the document claims %u units, at most %zu are accepted",
                       (unsigned long long)(r->count + 1), units, SU_MAX_DOCUMENT_BYTES);
    r->at += HEAD_BYTES;
    if (read_document(r, units, err) < 0 || fill(r, 2, err) < 0)
        return -1;
    if (available(r) < 2 || here(r)[0] != '\r' || here(r)[1] != '\n')
        return bad(r, "no line end where the document's length says", err);
    r->at += 2;
    r->count++;
    out->document = r->document.bytes ? r->document.bytes : "";
    out->document_bytes = r->document.length;
    return 1;
}
