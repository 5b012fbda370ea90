/*
 * A file brought by hand.
 *
 *   byte 0   0 to 2: pieces (package.xml, properties, identity, a payload) as an MSU; 1: as update.mum; 2:
 * the scan cabinet in two levels; 3: a name and texts alone; else the bytes as they are
 */
#include "tests/fuzz/cabinet.h"

#include "common/source/payload/brought_text.h"

static void check(const struct su_brought *b)
{
    struct su_err err = SU_ERR_INIT;
    const char *texts[] = {b->name, b->kb, b->architecture, b->package, b->version};
    for (size_t i = 0; i < 5; i++) { /* what is shown of it is safe to show */
        if (!texts[i][0])
            continue;
        err.code = SU_DATA;
        (void)snprintf(err.text, sizeof err.text, "%s", texts[i]);
        check_refusal(&err);
    }
    for (size_t i = 0; i < b->members.count; i++)
        HOLDS(memchr(b->members.at[i].name, 0, sizeof b->members.at[i].name));
    HOLDS(b->update_count <= SU_BROUGHT_UPDATES && strlen(su_brought_kind_text(b->kind)) > 0);
}

static struct cabinet_member next_piece(struct input *in, const char *name)
{
    struct cabinet_member member = {.name = name};
    member.bytes = take_piece(in, &member.length);
    return member;
}

static void make_file(struct input *in, struct su_buf *out)
{
    unsigned how = take_byte(in);
    if (how > 2) {
        su_buf_add(out, in->at, in->left);
        return;
    }
    SU_AUTO(su_buf) struct su_buf scan = SU_BUF_INIT(SU_MIB), outer = SU_BUF_INIT(SU_MIB);
    struct cabinet_member list = next_piece(in, "package.xml"),
                          properties = next_piece(in, "x-pkgProperties.txt"),
                          identity = next_piece(in, how == 1 ? "update.mum" : "x.xml"),
                          payload = next_piece(in, "x-kb7654321.cab");
    cabinet_make(&scan, &list, 1, 0);
    if (how == 2)
        cabinet_make(&outer, &(struct cabinet_member){"package.cab", scan.bytes, scan.length}, 1, 0);
    struct su_buf *inner = how == 2 ? &outer : &scan;
    cabinet_make(out,
                 (struct cabinet_member[]){
                     {"WSUSSCAN.cab", inner->bytes, inner->length}, payload, properties, identity},
                 4, 0);
}

static void check_texts(struct input *in)
{
    SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT;
    size_t length = in->left;
    char *text = copy_of(in->at, length, false);
    su_brought_read_properties(&b, text, length);
    su_brought_read_identity(&b, text, length);
    check(&b);
    free(text);
}

static void check_file(struct input *in)
{
    SU_AUTO(su_buf) struct su_buf file = SU_BUF_INIT(4 * SU_MIB);
    SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT;
    struct su_err err = SU_ERR_INIT;
    char name[64];
    make_file(in, &file);
    (void)snprintf(name, sizeof name, "/x/%.60s",
                   file.bytes ? file.bytes : ""); /* a name may be anything, too */
    for (char *at = name + 3; *at; at++)
        if (*at == '/')
            *at = '_';
    int fd = memory_file(file.bytes, file.length);
    if (su_brought_identify(fd, name, &b, &err) < 0 || su_brought_look_inside(fd, &b, &err) < 0)
        check_refusal(&err);
    check(&b);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    if (size > 0 && data[0] == 3) {
        (void)take_byte(&in);
        check_texts(&in);
    } else {
        check_file(&in);
    }
    return 0;
}
