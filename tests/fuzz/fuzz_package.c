/*
 * Export packages. Byte 0: whole, their list, their records.
 *
 * Whole: a cabinet made of two texts, or the bytes as they are (a cabinet, or gzip). Byte 1: 0 to 5:
 * package.xml and metadata.txt as pieces in a cabinet (1: in the other order, 2: one more member, 3: a name
 * twice, 4: in a folder, 5: announced size wrong); else the file as it is. List, records: the same whatever
 * the pieces in which they come (byte 1 says which); addresses are found again.
 */
#include "tests/fuzz/cabinet.h"

#include "common/source/package/package.h"
#include "common/source/package/package_index.h"
#include "common/source/package/package_records.h"

static int take_record(void *context, const struct su_package *package, struct su_record *record,
                       struct su_err *err)
{
    (void)context, (void)err;
    HOLDS(package->records <= SU_MAX_PACKAGE_REVISIONS && strlen(record->document) <= record->document_bytes);
    return 0;
}

static void make_file(struct input *in, struct su_buf *out)
{
    unsigned how = take_byte(in);
    if (how > 5) {
        su_buf_add(out, in->at, in->left);
        return;
    }
    size_t index_bytes, text_bytes;
    const char *index = take_piece(in, &index_bytes), *text = take_piece(in, &text_bytes);
    struct cabinet_member a = {how == 4 ? "x\\package.xml" : "package.xml", index, index_bytes},
                          b = {how == 3 ? "package.xml" : "metadata.txt", text, text_bytes};
    struct cabinet_member members[] = {how == 1 ? b : a, how == 1 ? a : b, {"readme", "x", 1}};
    cabinet_make(out, members, how == 2 ? 3 : 2, how == 5 ? 77 : 0);
}

static void fuzz_cab(struct input in)
{
    SU_AUTO(su_buf) struct su_buf file = SU_BUF_INIT(64 * SU_MIB);
    SU_AUTO(su_package) struct su_package package = SU_PACKAGE_INIT;
    struct su_err err = SU_ERR_INIT;
    make_file(&in, &file);
    int fd = memory_file(file.bytes, file.length);
    if (su_package_read(fd, "export.cab", &package, take_record, NULL, &err) < 0)
        check_refusal(&err);
    else
        HOLDS(package.records > 0 &&
              (!package.index.is_read || package.records == package.index.entries.count));
    (void)close(fd);
}

struct counted {
    uint64_t documents, bytes;
};
static int take_entry(void *context, const struct su_package_entry *entry, const char *document,
                      size_t length, struct su_err *err)
{
    struct counted *c = context;
    (void)entry, (void)err;
    HOLDS(strlen(document) <= length);
    c->documents++;
    c->bytes += length;
    return 0;
}

static int parse_index(struct su_package_index *index, struct counted *c, bool has_documents,
                       const char *text, size_t length, size_t piece, struct su_err *err)
{
    SU_AUTO(su_index_parser)
    struct su_index_parser *p = su_index_parser_new(index, has_documents ? take_entry : NULL, c, err);
    HOLDS(p);
    for (size_t at = 0; at < length; at += piece)
        if (su_index_parser_feed(p, text + at, length - at < piece ? length - at : piece, err) < 0)
            return -1;
    return su_index_parser_finish(p, err);
}

static void check_files(const struct su_package_index *index)
{
    HOLDS(index->is_read);
    for (size_t i = 0; i < index->files.count; i++) {
        const struct su_package_file *f = &index->files.at[i];
        size_t length;
        const char *url = su_package_index_url(index, f->sha1, &length);
        HOLDS(url && url >= index->urls.bytes && url + length <= index->urls.bytes + index->urls.length);
        HOLDS(i == 0 || memcmp(f[-1].sha1, f->sha1, sizeof f->sha1) <= 0);
    }
}

static void fuzz_package_index(struct input in)
{
    unsigned how = take_byte(&in);
    char *text = copy_of(in.at, in.left, false);
    SU_AUTO(su_package_index)
    struct su_package_index whole = SU_PACKAGE_INDEX_INIT, cut = SU_PACKAGE_INDEX_INIT;
    struct counted c = {0}, d = {0};
    struct su_err err = SU_ERR_INIT, other = SU_ERR_INIT;
    int result = parse_index(&whole, &c, how & 1, text, in.left, in.left + 1, &err);
    int again = parse_index(&cut, &d, how & 1, text, in.left, 1 + how / 2, &other);
    HOLDS(result == again);
    if (result < 0) {
        check_refusal(&err);
        check_refusal(&other);
    } else {
        HOLDS(whole.entries.count == cut.entries.count && whole.files.count == cut.files.count &&
              whole.urls.length == cut.urls.length && c.documents == d.documents && c.bytes == d.bytes);
        HOLDS(strcmp(whole.server_id, cut.server_id) == 0 && strcmp(whole.created, cut.created) == 0);
        check_files(&whole);
    }
    free(text);
}

struct pieces {
    struct input in;
    size_t most;
};
static ssize_t pull(void *context, void *out, size_t room, struct su_err *err)
{
    struct pieces *p = context;
    size_t n = p->in.left < p->most ? p->in.left : p->most;
    (void)err;
    n = n < room ? n : room;
    memcpy(out, p->in.at, n);
    p->in.at += n;
    p->in.left -= n;
    return (ssize_t)n;
}

struct sum {
    uint64_t records, bytes;
    int result;
};
static struct sum read_all(struct input in, size_t most)
{
    struct pieces pieces = {in, most};
    SU_AUTO(su_package_records) struct su_package_records records;
    struct su_record record;
    struct su_err err = SU_ERR_INIT;
    struct sum sum = {0};
    su_package_records_open(&records, pull, &pieces);
    while ((sum.result = su_package_records_next(&records, &record, &err)) > 0) {
        HOLDS(su_utf8_is_valid(record.document, record.document_bytes));
        sum.records++;
        sum.bytes += record.document_bytes;
    }
    if (sum.result < 0)
        check_refusal(&err);
    else
        HOLDS(pieces.in.left == 0 && sum.records == records.count);
    return sum;
}

static void fuzz_package_records(struct input in)
{
    size_t most = 1 + take_byte(&in);
    struct sum whole = read_all(in, SU_MIB), cut = read_all(in, most);
    HOLDS(whole.result == cut.result && whole.records == cut.records && whole.bytes == cut.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz_part *const parts[] = {fuzz_cab, fuzz_package_index, fuzz_package_records};
    return run_part(data, size, parts, sizeof parts / sizeof *parts);
}
