/* package.xml of an export package: the same whatever the pieces in which it comes; addresses are found
 * again. */
#include "tests/fuzz/fuzz.h"

#include "common/source/package/package_index.h"

struct counted {
    uint64_t documents, bytes;
};
static int take(void *context, const struct su_package_entry *entry, const char *document, size_t length,
                struct su_err *err)
{
    struct counted *c = context;
    (void)entry, (void)err;
    HOLDS(strlen(document) <= length);
    c->documents++;
    c->bytes += length;
    return 0;
}

static int parse(struct su_package_index *index, struct counted *c, bool has_documents, const char *text,
                 size_t length, size_t piece, struct su_err *err)
{
    SU_AUTO(su_index_parser)
    struct su_index_parser *p = su_index_parser_new(index, has_documents ? take : NULL, c, err);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned how = take_byte(&in);
    char *text = copy_of(in.at, in.left, false);
    SU_AUTO(su_package_index)
    struct su_package_index whole = SU_PACKAGE_INDEX_INIT,
                            cut = SU_PACKAGE_INDEX_INIT;
    struct counted c = {0}, d = {0};
    struct su_err err = SU_ERR_INIT, other = SU_ERR_INIT;
    int result = parse(&whole, &c, how & 1, text, in.left, in.left + 1, &err);
    int again = parse(&cut, &d, how & 1, text, in.left, 1 + how / 2, &other);
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
    return 0;
}
