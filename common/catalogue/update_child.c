#include "common/catalogue/update_child.h"

#include <stdlib.h>

#include "common/catalogue/update_code.h"

/* ---- the child ---- */

struct serving {
    su_update_unwrap *unwrap;
    struct su_update update;
    struct su_buf spare, document, coded;
};

static int refuse(struct su_wire *wire, const struct su_err *why, struct su_err *err)
{
    su_wire_begin(wire, SU_UPDATE_REFUSED);
    su_put_error(wire, why);
    return su_wire_end(wire, err);
}

static int answer(struct serving *s, struct su_wire *wire, const char *document, size_t length,
                  struct su_err *err)
{
    struct su_err why = SU_ERR_INIT;
    su_buf_clear(&s->coded);
    if (su_update_take_apart(&s->update, document, length, &why) < 0 ||
        su_update_encode(&s->update, &s->coded, &why) < 0)
        return refuse(wire, &why, err);
    su_wire_begin(wire, SU_UPDATE_TAKEN_APART);
    su_put_bytes(wire, s->coded.bytes, s->coded.length);
    return su_wire_end(wire, err);
}

static int answer_wrapped(struct serving *s, struct su_wire *wire, const char *wrapped, size_t length,
                          struct su_err *err)
{
    struct su_err why = SU_ERR_INIT;
    if (s->unwrap(wrapped, length, &s->spare, &s->document, &why) < 0)
        return refuse(wire, &why, err);
    su_wire_begin(wire, SU_UPDATE_DOCUMENT);
    su_put_bytes(wire, s->document.bytes, s->document.length);
    return su_wire_end(wire, err) < 0 ? -1 : answer(s, wire, s->document.bytes, s->document.length, err);
}

static void serving_cleanup(struct serving *s)
{
    su_update_cleanup(&s->update);
    su_buf_cleanup(&s->spare);
    su_buf_cleanup(&s->document);
    su_buf_cleanup(&s->coded);
}

/* Each document is answered, in their order. */
static int serve(void *context, struct su_wire *wire, struct su_err *err)
{
    su_update_unwrap *const *unwrap = context;
    SU_AUTO(serving)
    struct serving s = {.unwrap = *unwrap,
                        .update = SU_UPDATE_INIT,
                        .spare = SU_BUF_INIT(SU_MAX_WIRE_BYTES),
                        .document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES),
                        .coded = SU_BUF_INIT(SU_MAX_UPDATE_CODE_BYTES)};
    uint32_t kind;
    int more;
    while ((more = su_wire_next(wire, &kind, err)) > 0)
        while (su_get_left(wire) > 0) {
            size_t length;
            const char *bytes = su_get_bytes(wire, &length, SU_MAX_WIRE_BYTES);
            if ((kind == SU_UPDATE_WRAPPED ? answer_wrapped(&s, wire, bytes, length, err)
                                           : answer(&s, wire, bytes, length, err)) < 0)
                return -1;
        }
    return more;
}

/* ---- the parent ---- */

struct su_update_child {
    struct su_confined *confined;
    su_update_unwrap *unwrap;
    struct su_err end; /* why it can be asked no more */
};

static struct su_update_child *start(int (*run)(void *, struct su_wire *, struct su_err *),
                                     su_update_unwrap *unwrap, struct su_err *err)
{
    struct su_update_child *child = calloc(1, sizeof *child);
    if (!child) {
        (void)su_fail_memory(err);
        return NULL;
    }
    const struct su_confined_plan plan = {SU_CONFINED_PLAN_INIT, .reads = "update documents", .run = run,
                                          .context = &child->unwrap};
    child->unwrap = unwrap;
    if (su_confined_start(&child->confined, &plan, err) < 0)
        su_update_child_cleanup(&child);
    return child;
}

struct su_update_child *su_update_child_start(struct su_err *err)
{
    return start(serve, NULL, err);
}

struct su_update_child *su_update_child_start_unwrapping(su_update_unwrap *unwrap, struct su_err *err)
{
    return start(serve, unwrap, err);
}

struct su_update_child *su_update_child_start_as(int (*run)(void *, struct su_wire *, struct su_err *),
                                                 struct su_err *err)
{
    return start(run, NULL, err);
}

void su_update_child_cleanup(struct su_update_child **child)
{
    if (*child)
        su_confined_cleanup(&(*child)->confined);
    free(*child);
    *child = NULL;
}

/* After an answer that was none, the next could be one to another question. */
static int give_up(struct su_update_child *child, const struct su_err *err)
{
    child->end = *err;
    return -1;
}

static int ask(struct su_update_child *child, uint32_t kind, const struct su_update_wish *wishes,
               size_t count, struct su_err *err)
{
    struct su_wire *wire = su_confined_wire(child->confined);
    if (child->end.code != SU_OK) {
        *err = child->end;
        return -1;
    }
    su_wire_begin(wire, kind);
    for (size_t i = 0; i < count; i++)
        su_put_bytes(wire, wishes[i].document, wishes[i].length);
    return su_confined_send(child->confined, err) < 0 ? give_up(child, err) : 0;
}

/* The next frame: bytes of the kind that is wanted, or why there are none. */
static int take_bytes(struct su_update_child *child, uint32_t wanted, const char **bytes, size_t *length,
                      struct su_err *err)
{
    struct su_wire *wire = su_confined_wire(child->confined);
    uint32_t kind = 0;
    if (child->end.code != SU_OK) {
        *err = child->end;
        return -1;
    }
    int more = su_confined_next(child->confined, &kind, err);
    if (more == 0 || (more > 0 && kind != SU_UPDATE_REFUSED && kind != wanted))
        more = su_wire_lies(err);
    if (more < 0)
        return give_up(child, err);
    if (kind == SU_UPDATE_REFUSED)
        return su_get_error(wire, err) < 0 && err->code == SU_CONFINED ? give_up(child, err) : -1;
    *bytes = su_get_bytes(wire, length, SU_MAX_WIRE_BYTES);
    return su_got_all(wire, err) < 0 ? give_up(child, err) : 0;
}

static int take_update(struct su_update_child *child, struct su_update *update, struct su_err *err)
{
    const char *coded = NULL;
    size_t length = 0;
    if (take_bytes(child, SU_UPDATE_TAKEN_APART, &coded, &length, err) < 0)
        return -1;
    if (su_update_decode(update, coded, length, err) == 0)
        return 0;
    return err->code == SU_CONFINED ? give_up(child, err) : -1;
}

int su_update_child_parse(struct su_update_child *child, struct su_update *update, const char *document,
                          size_t length, struct su_err *err)
{
    const struct su_update_wish wish = {.document = document, .length = length};
    if (length > SU_MAX_DOCUMENT_BYTES) /* refused before a byte of it is looked at */
        return su_update_parse(update, document, length, err);
    return ask(child, SU_UPDATE_ASKED, &wish, 1, err) < 0 ? -1 : take_update(child, update, err);
}

int su_update_child_unwrap(struct su_update_child *child, const char *wrapped, size_t length,
                           struct su_buf *document, struct su_update *update, struct su_err *err)
{
    const struct su_update_wish wish = {.document = wrapped, .length = length};
    const char *bytes = NULL;
    size_t count = 0;
    if (length > SU_MAX_WIRE_BYTES - SU_KIB)
        return su_fail(err, SU_LIMIT, "a packed document has %zu bytes, at most %zu are accepted", length,
                       SU_MAX_WIRE_BYTES - SU_KIB);
    if (ask(child, SU_UPDATE_WRAPPED, &wish, 1, err) < 0 ||
        take_bytes(child, SU_UPDATE_DOCUMENT, &bytes, &count, err) < 0)
        return -1;
    if (!su_utf8_is_valid(bytes, count)) {
        (void)su_wire_lies(err);
        return give_up(child, err);
    }
    su_buf_clear(document);
    su_buf_add(document, bytes, count);
    if (su_buf_check(document, "a document", err) < 0)
        return give_up(child, err);
    return take_update(child, update, err);
}

/* Messages of this size leave both sides the memory they have: that of a larger one is given back, and got
 * again. */
#define AHEAD_BYTES SU_MIB

void su_update_child_ahead(struct su_update_child *child, struct su_update_wish *wishes, size_t count)
{
    struct su_err told_later = SU_ERR_INIT;
    size_t first = 0, end = 0;
    for (; first < count; first = end) {
        for (size_t bytes = 0; end < count && (end == first || bytes + wishes[end].length <= AHEAD_BYTES);
             end++)
            bytes += wishes[end].length;
        if (ask(child, SU_UPDATE_ASKED, wishes + first, end - first, &told_later) < 0)
            return;
        for (size_t i = first; i < end; i++)
            wishes[i].is_done = take_update(child, wishes[i].update, &told_later) == 0;
    }
}
