/*
 * What another vendor publishes, in whatever it comes.
 *
 *   byte 0   0 to 3: pieces (a package, update_manifest.json, a catalogue) in a cabinet; 1: cabinets in it;
 * 2: folders; 3: deeper than is read; else the bytes as they are: XML, a cabinet, a zip
 */
#include "tests/fuzz/cabinet.h"

#include "common/source/vendor/vendor_read.h"

struct seen {
    size_t packages, manifests;
};

static int take(void *context, const struct su_vendor_package *package, struct su_err *err)
{
    (void)err;
    HOLDS(package->bytes > 0 && memchr(package->document, '<', package->bytes));
    ((struct seen *)context)->packages++;
    return 0;
}

static int take_manifest(void *context, const char *text, size_t length, struct su_err *err)
{
    (void)err;
    HOLDS(strlen(text) <= length);
    ((struct seen *)context)->manifests++;
    return 0;
}

static bool skips(void *context, const struct su_guid *id)
{
    (void)context;
    return id->bytes[0] == 0xff;
}

static void make_file(struct input *in, struct su_buf *out)
{
    unsigned how = take_byte(in);
    if (how > 3) {
        su_buf_add(out, in->at, in->left);
        return;
    }
    SU_AUTO(su_buf) struct su_buf inner = SU_BUF_INIT(SU_MIB), deep = SU_BUF_INIT(SU_MIB);
    struct cabinet_member members[3] = {
        {.name = how == 2 ? "V2\\0e6cf4ac-2853-48aa-825b-8fe28206575f.sdp" : "a.SDP"},
        {.name = "update_manifest.json"},
        {.name = "all.xml"}};
    for (int i = 0; i < 3; i++)
        members[i].bytes = take_piece(in, &members[i].length);
    cabinet_make(how == 1 || how == 3 ? &inner : out, members, 3, 0);
    struct cabinet_member nested = {"x.cab", inner.bytes, inner.length};
    if (how == 1)
        cabinet_make(out, &nested, 1, 0);
    if (how == 3) {
        cabinet_make(&deep, &nested, 1, 0);
        cabinet_make(out, &(struct cabinet_member){"y.cab", deep.bytes, deep.length}, 1, 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct seen seen = {0}, again = {0};
    SU_AUTO(su_buf) struct su_buf file = SU_BUF_INIT(4 * SU_MIB);
    struct su_err err = SU_ERR_INIT;
    make_file(&in, &file);
    int fd = memory_file(file.bytes, file.length);
    struct su_vendor_reader reader = {
        .context = &seen, .package = take, .skips = skips, .manifest = take_manifest};
    int result = su_vendor_read_file(&reader, fd, &err);
    if (result < 0)
        check_refusal(&err);
    struct su_vendor_reader manifests = {.context = &again, .manifest = take_manifest};
    if (su_vendor_read_file(&manifests, fd, &err) == 0 && result == 0)
        HOLDS(again.manifests == seen.manifests && again.packages == 0);
    (void)close(fd);
    return 0;
}
