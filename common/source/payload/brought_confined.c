#include "common/source/payload/brought_confined.h"

#include <string.h>

#include "common/lib/confine.h"
#include "common/source/payload/brought_inside.h"

enum { FOUND = SU_FRAME_FIRST, PIECE };

struct asked {
    int fd;
    const struct su_brought *brought;
    const struct su_brought_member *member;
};

/* ---- the child ----------------------------------------------------------------------------------------- */

int su_brought_put(struct su_wire *w, const struct su_brought *b, struct su_err *err)
{
    su_wire_begin(w, FOUND);
    su_put_u32(w, b->kind);
    su_put_u32(w, b->is_cut_short);
    su_put_text(w, b->kb);
    su_put_text(w, b->architecture);
    su_put_text(w, b->package);
    su_put_text(w, b->version);
    su_put_u64(w, b->update_count);
    for (size_t i = 0; i < b->update_count; i++) {
        const struct su_brought_update *u = &b->updates[i];
        su_put_raw(w, u->id.bytes, sizeof u->id.bytes);
        su_put_u32(w, u->revision);
        su_put_u32(w, u->is_bundle);
        su_put_u32(w, u->has_file);
    }
    su_put_u64(w, b->members.count);
    for (size_t i = 0; i < b->members.count; i++) {
        const struct su_brought_member *m = &b->members.at[i];
        su_put_text(w, m->name);
        su_put_raw(w, m->id.sha1, sizeof m->id.sha1);
        su_put_raw(w, m->id.sha256, sizeof m->id.sha256);
        su_put_u64(w, m->id.bytes);
    }
    return su_wire_end(w, err);
}

static int look_in_child(void *context, struct su_wire *wire, struct su_err *err)
{
    const struct asked *asked = context;
    struct su_brought found = *asked->brought;
    int result = su_brought_look_inside(asked->fd, &found, err) < 0 ? -1 : su_brought_put(wire, &found, err);
    su_brought_cleanup(&found);
    return result;
}

static int send_piece(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct su_wire *wire = context;
    su_wire_begin(wire, PIECE);
    su_put_bytes(wire, bytes, length);
    return su_wire_end(wire, err);
}

static int read_in_child(void *context, struct su_wire *wire, struct su_err *err)
{
    const struct asked *asked = context;
    return su_brought_read_member(asked->fd, asked->brought, asked->member, send_piece, wire, err);
}

/* ---- the parent ---------------------------------------------------------------------------------------- */

/* Escaped, and so no danger to a terminal. */
static void get_shown(struct su_wire *w, char *out, size_t room)
{
    su_escape_into(out, room, su_get_text(w, room - 1));
}

static bool get_flag(struct su_wire *w, bool *is_good)
{
    uint32_t value = su_get_u32(w);
    *is_good = *is_good && value <= 1;
    return value == 1;
}

static int get_updates(struct su_wire *w, struct su_brought *b, bool *is_good)
{
    uint64_t count = su_get_u64(w);
    if (count > SU_BROUGHT_UPDATES)
        return -1;
    for (b->update_count = 0; b->update_count < count; b->update_count++) {
        struct su_brought_update *u = &b->updates[b->update_count];
        su_get_raw(w, u->id.bytes, sizeof u->id.bytes);
        u->revision = su_get_u32(w);
        u->is_bundle = get_flag(w, is_good);
        u->has_file = get_flag(w, is_good);
    }
    return 0;
}

static int get_members(struct su_wire *w, struct su_brought *b, struct su_err *err)
{
    uint64_t count = su_get_u64(w);
    if (count > SU_MAX_BROUGHT_MEMBERS)
        return su_wire_lies(err);
    for (uint64_t i = 0; i < count && !w->is_short; i++) {
        struct su_brought_member *m = SU_PUSH(&b->members, SU_MAX_BROUGHT_MEMBERS);
        if (!m)
            return su_fail_memory(err);
        get_shown(w, m->name, sizeof m->name);
        su_get_raw(w, m->id.sha1, sizeof m->id.sha1);
        su_get_raw(w, m->id.sha256, sizeof m->id.sha256);
        m->id.bytes = su_get_u64(w);
        if (m->id.bytes > INT64_MAX)
            return su_wire_lies(err);
    }
    return su_got_all(w, err);
}

int su_brought_get(struct su_wire *w, struct su_brought *b, struct su_err *err)
{
    uint32_t kind = su_get_u32(w);
    bool is_good = kind <= SU_BROUGHT_OTHER;
    b->kind = is_good ? (enum su_brought_kind)kind : SU_BROUGHT_OTHER;
    b->is_cut_short = get_flag(w, &is_good);
    get_shown(w, b->kb, sizeof b->kb);
    get_shown(w, b->architecture, sizeof b->architecture);
    get_shown(w, b->package, sizeof b->package);
    get_shown(w, b->version, sizeof b->version);
    if (get_updates(w, b, &is_good) < 0 || !is_good)
        return su_wire_lies(err);
    return get_members(w, b, err);
}

static struct su_confined *start(int (*run)(void *, struct su_wire *, struct su_err *), struct asked *asked,
                                 struct su_err *err)
{
    struct su_confined *confined;
    const struct su_confined_plan plan = {SU_CONFINED_PLAN_INIT,
                                          .reads = "a file brought by hand",
                                          .run = run,
                                          .context = asked,
                                          .files = {asked->fd},
                                          .file_count = 1};
    return su_confined_start(&confined, &plan, err) < 0 ? NULL : confined;
}

int su_brought_look(int fd, struct su_brought *brought, struct su_err *err)
{
    struct asked asked = {.fd = fd, .brought = brought};
    uint32_t kind = 0;
    if (brought->kind != SU_BROUGHT_CABINET)
        return 0;
    SU_AUTO(su_confined) struct su_confined *confined = start(look_in_child, &asked, err);
    int more = confined ? su_confined_next(confined, &kind, err) : -1;
    if (more <= 0)
        return more < 0 ? -1 : su_wire_lies(err);
    return kind != FOUND                                                  ? su_wire_lies(err)
           : su_brought_get(su_confined_wire(confined), brought, err) < 0 ? -1
                                                                          : su_confined_finish(confined, err);
}

/* Bytes that may be anything, but no more of them than the catalogue knows the file to have; the writer
 * proves what they are. */
static int take_pieces(struct su_confined *confined, struct su_store_writer *writer, uint64_t left,
                       struct su_err *err)
{
    struct su_wire *wire = su_confined_wire(confined);
    uint32_t kind;
    int more;
    while ((more = su_confined_next(confined, &kind, err)) > 0) {
        size_t length;
        const char *bytes = su_get_bytes(wire, &length, SU_MIB);
        if (kind != PIECE || length > left)
            return su_wire_lies(err);
        left -= length;
        if (su_got_all(wire, err) < 0 || su_store_write(writer, bytes, length, err) < 0)
            return -1;
    }
    return more;
}

int su_brought_extract(int fd, const struct su_brought *brought, const struct su_brought_member *member,
                       struct su_store_batch *batch, struct su_err *err)
{
    SU_AUTO(su_store_writer) struct su_store_writer writer = SU_STORE_WRITER_INIT;
    struct asked asked = {fd, brought, member};
    SU_AUTO(su_confined) struct su_confined *confined = start(read_in_child, &asked, err);
    writer.batch = batch;
    if (!confined || su_store_create(&writer, batch->home, member->id.sha256, err) < 0 ||
        take_pieces(confined, &writer, member->id.bytes, err) < 0)
        return -1;
    return su_store_commit(&writer, &member->id, err);
}
