/*
 * An export package whole: a cabinet made of two texts, or the bytes as they are (a cabinet, or gzip).
 *
 *   byte 0   0 to 5: package.xml and metadata.txt as pieces in a cabinet (1: in the other order, 2: one more
 * member, 3: a name twice, 4: in a folder, 5: announced size wrong); else the file as it is
 */
#include "tests/fuzz/cabinet.h"

#include "common/source/package/package.h"

static int take(void *context, const struct su_package *package, struct su_record *record, struct su_err *err)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    SU_AUTO(su_buf) struct su_buf file = SU_BUF_INIT(64 * SU_MIB);
    SU_AUTO(su_package) struct su_package package = SU_PACKAGE_INIT;
    struct su_err err = SU_ERR_INIT;
    make_file(&in, &file);
    int fd = memory_file(file.bytes, file.length);
    if (su_package_read(fd, "export.cab", &package, take, NULL, &err) < 0)
        check_refusal(&err);
    else
        HOLDS(package.records > 0 &&
              (!package.index.is_read || package.records == package.index.entries.count));
    (void)close(fd);
    return 0;
}
