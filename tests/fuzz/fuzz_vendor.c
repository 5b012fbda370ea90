/*
 * What another vendor publishes. Byte 0: in whatever it comes; a document taken apart into packages.
 *
 * Byte 1, of the first: 0 to 3: pieces (a package, update_manifest.json, a catalogue) in a cabinet; 1:
 * cabinets in it; 2: folders; 3: deeper than is read; else the bytes as they are: XML, a cabinet, a zip. Of
 * the second: the size of the pieces in which it comes; each package must stand alone.
 */
#include "tests/fuzz/cabinet.h"

#include "common/catalogue/update.h"
#include "common/source/vendor/vendor_read.h"
#include "common/source/vendor/vendor_split.h"

struct found {
    size_t packages, manifests;
};

static int take_package(void *context, const struct su_vendor_package *package, struct su_err *err)
{
    (void)err;
    HOLDS(package->bytes > 0 && memchr(package->document, '<', package->bytes));
    ((struct found *)context)->packages++;
    return 0;
}

static int take_manifest(void *context, const char *text, size_t length, struct su_err *err)
{
    (void)err;
    HOLDS(strlen(text) <= length);
    ((struct found *)context)->manifests++;
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
        members[i] = next_piece(in, members[i].name);
    cabinet_make(how == 1 || how == 3 ? &inner : out, members, 3, 0);
    struct cabinet_member nested = {"x.cab", inner.bytes, inner.length};
    if (how == 1)
        cabinet_make(out, &nested, 1, 0);
    if (how == 3) {
        cabinet_make(&deep, &nested, 1, 0);
        cabinet_make(out, &(struct cabinet_member){"y.cab", deep.bytes, deep.length}, 1, 0);
    }
}

static void fuzz_vendor_read(struct input in)
{
    struct found found = {0}, again = {0};
    SU_AUTO(su_buf) struct su_buf file = SU_BUF_INIT(4 * SU_MIB);
    struct su_err err = SU_ERR_INIT;
    make_file(&in, &file);
    int fd = memory_file(file.bytes, file.length);
    struct su_vendor_reader reader = {
        .context = &found, .package = take_package, .skips = skips, .manifest = take_manifest};
    int result = su_vendor_read_file(&reader, fd, &err);
    if (result < 0)
        check_refusal(&err);
    struct su_vendor_reader manifests = {.context = &again, .manifest = take_manifest};
    if (su_vendor_read_file(&manifests, fd, &err) == 0 && result == 0)
        HOLDS(again.manifests == found.manifests && again.packages == 0);
    (void)close(fd);
}

struct seen {
    uint64_t packages, bytes;
};
static int take_part(void *context, const struct su_vendor_package *package, struct su_err *err)
{
    struct seen *seen = context;
    SU_AUTO(su_update) struct su_update update = SU_UPDATE_INIT;
    struct su_err why = SU_ERR_INIT;
    char *alone = copy_of(package->document, package->bytes, false);
    (void)err;
    if (su_update_parse(&update, alone, package->bytes, &why) == 0)
        HOLDS(memcmp(update.id.bytes, package->id.bytes, sizeof update.id.bytes) == 0);
    else
        check_refusal(&why);
    HOLDS(strlen(package->created) < sizeof package->created);
    seen->packages++;
    seen->bytes += package->bytes;
    free(alone);
    return 0;
}

static int split(const char *text, size_t length, size_t piece, struct seen *seen, struct su_err *err)
{
    SU_AUTO(su_vendor_split) struct su_vendor_split *s = su_vendor_split_new(take_part, seen, err);
    HOLDS(s);
    for (size_t at = 0; at < length; at += piece)
        if (su_vendor_split_feed(s, text + at, length - at < piece ? length - at : piece, err) < 0)
            return -1;
    return su_vendor_split_finish(s, err);
}

static void fuzz_vendor_split(struct input in)
{
    size_t piece = 1 + take_byte(&in);
    char *text = copy_of(in.at, in.left, false);
    struct seen whole = {0}, cut = {0};
    struct su_err err = SU_ERR_INIT, other = SU_ERR_INIT;
    int result = split(text, in.left, in.left + 1, &whole, &err),
        again = split(text, in.left, piece, &cut, &other);
    HOLDS(result == again);
    if (result < 0)
        check_refusal(&err), check_refusal(&other);
    else
        HOLDS(whole.packages == cut.packages && whole.bytes == cut.bytes);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz_part *const parts[] = {fuzz_vendor_read, fuzz_vendor_split};
    return run_part(data, size, parts, sizeof parts / sizeof *parts);
}
