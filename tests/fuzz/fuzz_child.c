/*
 * What a confined child says, when it has been taken over: any frames at all. Byte 0: to whom (documents,
 * wrapped documents, a server's answers); then frames, each its kind (from the module's first), the length of
 * what is in it (2 bytes), and that.
 */
#include "tests/fuzz/fuzz.h"

#include "common/catalogue/update_child.h"
#include "common/source/upstream/soap_child.h"
#include "tests/fuzz/here.h"

static void make_frames(struct input *in, struct su_buf *out)
{
    while (in->left > 0) {
        uint32_t kind = take_byte(in), length;
        size_t bytes;
        const char *inside;
        kind = kind > 200 ? kind - 200 : SU_FRAME_FIRST + kind % 16;
        inside = take_piece(in, &bytes);
        length = (uint32_t)bytes;
        su_buf_add(out, &length, sizeof length);
        su_buf_add(out, &kind, sizeof kind);
        su_buf_add(out, inside, bytes);
    }
}

static void check_update(const struct su_update *u)
{
    HOLDS(su_utf8_is_valid(su_update_title(u), strlen(su_update_title(u))) && su_update_type_text(u->type));
    for (size_t i = 0; i < u->tags.count; i++)
        HOLDS(u->tags.at[i].kind[0] && su_utf8_is_valid(u->tags.at[i].value, strlen(u->tags.at[i].value)));
    for (size_t i = 0; i < u->files.count; i++)
        HOLDS(u->files.at[i].bytes <= INT64_MAX && u->files.at[i].name && u->files.at[i].language &&
              u->files.at[i].uri);
}

static int unwrap(const char *wrapped, size_t length, struct su_buf *spare, struct su_buf *document,
                  struct su_err *err)
{
    (void)wrapped, (void)length, (void)spare, (void)document;
    return su_fail(err, SU_BUG, "the harness speaks instead");
}

static void ask_documents(bool is_wrapped)
{
    SU_AUTO(su_update) struct su_update update = SU_UPDATE_INIT;
    SU_AUTO(su_buf) struct su_buf document = SU_BUF_INIT(SU_MIB);
    struct su_err err = SU_ERR_INIT;
    SU_AUTO(su_update_child)
    struct su_update_child *child =
        is_wrapped ? su_update_child_start_unwrapping(unwrap, &err) : su_update_child_start(&err);
    HOLDS(child);
    for (int i = 0; i < 3; i++) {
        int result = is_wrapped ? su_update_child_unwrap(child, "x", 1, &document, &update, &err)
                                : su_update_child_parse(child, &update, "x", 1, &err);
        if (result < 0) {
            check_refusal(&err);
            continue;
        }
        check_update(&update);
        HOLDS(su_utf8_is_valid(document.bytes ? document.bytes : "", document.length));
    }
}

static int on_end(void *context, const char *name, const char *parent, struct su_buf *text,
                  struct su_err *err)
{
    (void)err;
    HOLDS(++*(size_t *)context <= 100 && name && parent &&
          su_utf8_is_valid(text->bytes ? text->bytes : "", text->length));
    return 0;
}

/* Of an answer of 100 bytes no more than that can be believed. */
static void ask_server(void)
{
    static const struct su_soap_form form = {
        .operation = "GetCookie", .uri = "x", .most_text = 64, .end = on_end};
    static const char answer[101] = "";
    struct su_soap_fault fault;
    struct su_err err = SU_ERR_INIT;
    size_t elements = 0;
    SU_AUTO(su_soap_child) struct su_soap_child *child = su_soap_child_start(&err);
    HOLDS(child);
    if (su_soap_child_begin(child, &form, &elements, &err) < 0 ||
        su_soap_child_feed(child, answer, 100, &err) < 0 || su_soap_child_finish(child, &fault, &err) < 0)
        check_refusal(&err);
    else
        HOLDS(memchr(fault.code, 0, sizeof fault.code) && memchr(fault.message, 0, sizeof fault.message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned whom = take_byte(&in) % 3;
    SU_AUTO(su_buf) struct su_buf frames = SU_BUF_INIT(60000);
    make_frames(&in, &frames);
    if (frames.is_over)
        return 0;
    fuzz_child_says = frames.length > 0 ? frames.bytes : "";
    fuzz_child_bytes = frames.length;
    if (whom == 2)
        ask_server();
    else
        ask_documents(whom == 1);
    return 0;
}
