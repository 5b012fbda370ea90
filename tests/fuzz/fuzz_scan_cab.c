/*
 * An offline scan cabinet whole: cabinets in a cabinet made of texts, or the bytes as they are.
 *
 *   byte 0   0xff: the file as it is; else bit 0: other order, bit 1: a fragment's announced cabinet size is
 * wrong, bit 2: index.xml is a piece of the input, bit 3: one more cabinet; then pieces: package.xml, a core,
 * an extended and a localized fragment, index.xml
 */
#include "tests/fuzz/cabinet.h"

#include "common/source/scan/scan_read.h"
#include "common/sys/belt.h"

static const char usual_index[] = "<INDEX VERSION=\"1\"><CABLIST XOR=\"0\"><CAB NAME=\"package.cab\"/>"
                                  "<CAB NAME=\"package2.cab\" RANGESTART=\"0\"/></CABLIST></INDEX>";

static struct cabinet_member next_piece(struct input *in, const char *name)
{
    struct cabinet_member member = {.name = name};
    member.bytes = take_piece(in, &member.length);
    return member;
}

static void make_file(struct input *in, struct su_buf *out)
{
    unsigned how = take_byte(in);
    if (how == 0xff) {
        su_buf_add(out, in->at, in->left);
        return;
    }
    SU_AUTO(su_buf) struct su_buf package = SU_BUF_INIT(SU_MIB), shard = SU_BUF_INIT(SU_MIB);
    struct cabinet_member list = next_piece(in, "package.xml"), core = next_piece(in, "c\\100"),
                          extended = next_piece(in, "x\\100"), localized = next_piece(in, "l\\en\\100"),
                          index = next_piece(in, "index.xml");
    if (!(how & 4))
        index = (struct cabinet_member){"index.xml", usual_index, strlen(usual_index)};
    cabinet_make(&package, &list, 1, 0);
    cabinet_make(&shard, (struct cabinet_member[]){core, extended, localized}, 3, how & 2 ? 4711 : 0);
    struct cabinet_member a = {"package.cab", package.bytes, package.length},
                          b = {"package2.cab", shard.bytes, shard.length};
    struct cabinet_member members[] = {how & 1 ? b : index, how & 1 ? index : a, how & 1 ? a : b, b};
    members[3].name = "package3.cab";
    cabinet_make(out, members, how & 8 ? 4 : 3, 0);
}

static int take(void *context, const struct su_scan_rows *rows, struct su_err *err)
{
    (void)err;
    *(size_t *)context += rows->updates.count + rows->cores.count + rows->extended.count + rows->titles.count;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    SU_AUTO(su_buf) struct su_buf file = SU_BUF_INIT(4 * SU_MIB);
    struct su_scan_reading reading;
    struct su_err err = SU_ERR_INIT;
    size_t rows = 0;
    su_threads_set(1);
    make_file(&in, &file);
    int fd = memory_file(file.bytes, file.length);
    if (su_scan_read(fd, "scan.cab", take, &rows, &reading, &err) < 0)
        check_refusal(&err);
    else
        HOLDS(strlen(reading.edition.created) < sizeof reading.edition.created &&
              reading.fragments <= rows + file.length);
    (void)close(fd);
    return 0;
}
