#include "common/source/upstream/soap_child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"

#define NAME_BYTES 64
/* A message holds less than the longest text; a longer one goes in pieces. */
#define PIECE_BYTES (8 * SU_MIB)

/* ---- the child ---- */

struct serving {
    struct su_wire *wire;
    struct su_soap_form form;
    char operation[NAME_BYTES], uri[256];
    struct su_soap_reader *reader;
};

static int on_element(void *context, const char *name, const char *parent, struct su_buf *text,
                      struct su_err *err)
{
    struct serving *s = context;
    size_t at = 0;
    for (; text->length - at > PIECE_BYTES; at += PIECE_BYTES) {
        su_wire_begin(s->wire, SU_SOAP_PIECE);
        su_put_bytes(s->wire, text->bytes + at, PIECE_BYTES);
        if (su_wire_end(s->wire, err) < 0)
            return -1;
    }
    su_wire_begin(s->wire, SU_SOAP_ELEMENT);
    su_put_text(s->wire, name);
    su_put_text(s->wire, parent);
    su_put_bytes(s->wire, text->bytes + at, text->length - at);
    return su_wire_end(s->wire, err);
}

static int begin(struct serving *s, struct su_err *err)
{
    (void)snprintf(s->operation, sizeof s->operation, "%s", su_get_text(s->wire, sizeof s->operation - 1));
    (void)snprintf(s->uri, sizeof s->uri, "%s", su_get_text(s->wire, sizeof s->uri - 1));
    s->form = (struct su_soap_form){.operation = s->operation,
                                    .uri = s->uri,
                                    .most_text = (size_t)su_get_u64(s->wire),
                                    .end = on_element};
    su_soap_reader_cleanup(&s->reader);
    return (s->reader = su_soap_reader_new(&s->form, s, err)) ? 0 : -1;
}

static int finish(struct serving *s, struct su_err *err)
{
    struct su_soap_fault fault;
    if (su_soap_finish(s->reader, &fault, err) < 0)
        return -1;
    bool is = fault.kind != SU_FAULT_NONE;
    su_wire_begin(s->wire, SU_SOAP_FAULT);
    su_put_u32(s->wire, is);
    su_put_text(s->wire, fault.code);
    su_put_text(s->wire, fault.message);
    su_put_text(s->wire, fault.id);
    su_put_text(s->wire, fault.text);
    return su_wire_end(s->wire, err);
}

static int feed(struct serving *s, struct su_err *err)
{
    size_t length;
    const char *bytes = su_get_bytes(s->wire, &length, SU_MAX_WIRE_BYTES);
    if (su_soap_feed(s->reader, bytes, length, err) < 0)
        return -1;
    su_wire_begin(s->wire, SU_SOAP_READ);
    return su_wire_end(s->wire, err);
}

static void serving_cleanup(struct serving *s)
{
    su_soap_reader_cleanup(&s->reader);
}

static int serve(void *context, struct su_wire *wire, struct su_err *err)
{
    SU_AUTO(serving) struct serving s = {.wire = wire};
    uint32_t kind;
    int more;
    (void)context;
    while ((more = su_wire_next(wire, &kind, err)) > 0) {
        struct su_err why = SU_ERR_INIT;
        if (kind == SU_SOAP_BEGIN) {
            if (begin(&s, err) < 0)
                return -1;
        } else if ((kind == SU_SOAP_BYTES ? feed(&s, &why) : finish(&s, &why)) < 0) {
            su_wire_begin(wire, SU_SOAP_REFUSED);
            su_put_error(wire, &why);
            if (su_wire_end(wire, err) < 0)
                return -1;
        }
    }
    return more;
}

/* ---- the parent ---- */

struct su_soap_child {
    struct su_confined *confined;
    struct su_err end; /* why it can be asked no more */
    const struct su_soap_form *form;
    void *context;
    struct su_buf text;
    uint64_t bytes, texts, elements; /* of this answer */
};

struct su_soap_child *su_soap_child_start_as(int (*run)(void *, struct su_wire *, struct su_err *),
                                             struct su_err *err)
{
    const struct su_confined_plan plan = {SU_CONFINED_PLAN_INIT, .reads = "the answers of the server",
                                          .run = run};
    struct su_soap_child *child = calloc(1, sizeof *child);
    if (!child) {
        (void)su_fail_memory(err);
        return NULL;
    }
    if (su_confined_start(&child->confined, &plan, err) < 0)
        su_soap_child_cleanup(&child);
    return child;
}

struct su_soap_child *su_soap_child_start(struct su_err *err)
{
    return su_soap_child_start_as(serve, err);
}

void su_soap_child_cleanup(struct su_soap_child **child)
{
    if (*child) {
        su_confined_cleanup(&(*child)->confined);
        su_buf_cleanup(&(*child)->text);
    }
    free(*child);
    *child = NULL;
}

static int give_up(struct su_soap_child *child, const struct su_err *err)
{
    child->end = *err;
    return -1;
}

static int lies(struct su_soap_child *child, struct su_err *err)
{
    (void)su_wire_lies(err);
    return give_up(child, err);
}

static bool is_name(const char *name)
{
    return strlen(name) < NAME_BYTES && su_utf8_is_valid(name, strlen(name));
}

static int add_text(struct su_soap_child *child, const char *text, size_t length, struct su_err *err)
{
    child->texts += length;
    su_buf_add(&child->text, text, length);
    if (child->texts > child->bytes || child->text.length > child->form->most_text)
        return lies(child, err);
    return su_buf_check(&child->text, "an answer", err) < 0 ? give_up(child, err) : 0;
}

/* An element, or a piece of the text of one. */
static int take_part(struct su_soap_child *child, uint32_t kind, struct su_err *err)
{
    struct su_wire *wire = su_confined_wire(child->confined);
    size_t length;
    const char *name = kind == SU_SOAP_ELEMENT ? su_get_text(wire, NAME_BYTES) : "",
               *parent = kind == SU_SOAP_ELEMENT ? su_get_text(wire, NAME_BYTES) : "",
               *text = su_get_bytes(wire, &length, SU_MAX_WIRE_BYTES);
    if (su_got_all(wire, err) < 0)
        return give_up(child, err);
    if (++child->elements > child->bytes || !is_name(name) || !is_name(parent))
        return lies(child, err);
    if (add_text(child, text, length, err) < 0)
        return -1;
    if (kind == SU_SOAP_PIECE)
        return 0;
    if (!su_utf8_is_valid(child->text.bytes, child->text.length))
        return lies(child, err);
    int result = child->form->end(child->context, name, parent, &child->text, err);
    su_buf_clear(&child->text);
    return result;
}

static void get_into(struct su_wire *wire, char *out, size_t room)
{
    const char *text = su_get_text(wire, room - 1);
    size_t length = strlen(text);
    memcpy(out, text, length + 1);
}

static int take_fault(struct su_soap_child *child, struct su_soap_fault *fault, struct su_err *err)
{
    struct su_wire *wire = su_confined_wire(child->confined);
    struct su_soap_fault f = {.kind = SU_FAULT_NONE};
    uint32_t is_fault = su_get_u32(wire);
    get_into(wire, f.code, sizeof f.code);
    get_into(wire, f.message, sizeof f.message);
    get_into(wire, f.id, sizeof f.id);
    get_into(wire, f.text, sizeof f.text);
    if (su_got_all(wire, err) < 0)
        return give_up(child, err);
    if (is_fault > 1)
        return lies(child, err);
    if (is_fault)
        f.kind = su_fault_of(f.code);
    *fault = f;
    return 0;
}

/* All that it has to say to one question: `last` is the kind of the last frame. What its elements are refused
 * with, is told when it has said all, so that the next question gets the next answer. */
static int take(struct su_soap_child *child, uint32_t last, struct su_soap_fault *fault, struct su_err *err)
{
    struct su_err of_element = SU_ERR_INIT;
    struct su_wire *wire = su_confined_wire(child->confined);
    uint32_t kind;
    int more;
    while ((more = su_confined_next(child->confined, &kind, err)) > 0) {
        if (kind == SU_SOAP_REFUSED && su_get_error(wire, err) < 0 && err->code == SU_CONFINED)
            return give_up(child, err);
        if (kind == SU_SOAP_REFUSED || kind == last)
            break;
        if (kind != SU_SOAP_PIECE && kind != SU_SOAP_ELEMENT)
            return lies(child, err);
        if (of_element.code == SU_OK && take_part(child, kind, &of_element) < 0 && child->end.code != SU_OK)
            break;
    }
    if (more == 0)
        return lies(child, err);
    if (more < 0)
        return give_up(child, err);
    if (of_element.code != SU_OK) /* which came first */
        *err = of_element;
    if (kind == SU_SOAP_REFUSED || of_element.code != SU_OK)
        return -1;
    if (last == SU_SOAP_FAULT)
        return take_fault(child, fault, err);
    return su_got_all(wire, err) < 0 ? give_up(child, err) : 0;
}

static bool is_over(const struct su_soap_child *child, struct su_err *err)
{
    if (child->end.code != SU_OK)
        *err = child->end;
    return child->end.code != SU_OK;
}

int su_soap_child_begin(struct su_soap_child *child, const struct su_soap_form *form, void *context,
                        struct su_err *err)
{
    struct su_wire *wire = su_confined_wire(child->confined);
    child->form = form;
    child->context = context;
    child->bytes = child->texts = child->elements = 0;
    su_buf_cleanup(&child->text);
    child->text = (struct su_buf)SU_BUF_INIT(form->most_text);
    if (is_over(child, err))
        return -1;
    su_wire_begin(wire, SU_SOAP_BEGIN);
    su_put_text(wire, form->operation);
    su_put_text(wire, form->uri);
    su_put_u64(wire, form->most_text);
    return su_confined_send(child->confined, err) < 0 ? give_up(child, err) : 0;
}

int su_soap_child_feed(struct su_soap_child *child, const char *bytes, size_t length, struct su_err *err)
{
    struct su_wire *wire = su_confined_wire(child->confined);
    if (is_over(child, err))
        return -1;
    child->bytes += length;
    su_wire_begin(wire, SU_SOAP_BYTES);
    su_put_bytes(wire, bytes, length);
    return su_confined_send(child->confined, err) < 0 ? give_up(child, err)
                                                      : take(child, SU_SOAP_READ, NULL, err);
}

int su_soap_child_finish(struct su_soap_child *child, struct su_soap_fault *fault, struct su_err *err)
{
    struct su_wire *wire = su_confined_wire(child->confined);
    if (is_over(child, err))
        return -1;
    su_wire_begin(wire, SU_SOAP_FINISH);
    return su_confined_send(child->confined, err) < 0 ? give_up(child, err)
                                                      : take(child, SU_SOAP_FAULT, fault, err);
}
