/*
 * cabinet.h - the smallest cabinet that holds given members, uncompressed, so that mutations reach what lies
 * inside it.
 */
#ifndef SU_FUZZ_CABINET_H
#define SU_FUZZ_CABINET_H

#include "tests/fuzz/fuzz.h"

struct cabinet_member {
    const char *name, *bytes;
    size_t length;
};

static inline struct cabinet_member next_piece(struct input *in, const char *name)
{
    struct cabinet_member member = {.name = name};
    member.bytes = take_piece(in, &member.length);
    return member;
}

static inline void add_number(struct su_buf *out, size_t bytes, uint64_t value)
{
    for (size_t i = 0; i < bytes; i++)
        su_buf_add(out, &(char){(char)(value >> 8 * i)}, 1);
}

#define CABINET_BLOCK 32768u /* bytes of one CFDATA */

/* One folder, stored; the checksum of a block may be 0, which is none. `announced` 0: the size it has. */
static inline void cabinet_make(struct su_buf *out, const struct cabinet_member *members, size_t count,
                                uint32_t announced)
{
    size_t names = 0, data = 0, at = 0;
    SU_AUTO(su_buf) struct su_buf all = SU_BUF_INIT(64 * SU_MIB);
    for (size_t i = 0; i < count; i++) {
        names += 16 + strlen(members[i].name) + 1;
        data += members[i].length;
        su_buf_add(&all, members[i].bytes, members[i].length);
    }
    size_t blocks = (data + CABINET_BLOCK - 1) / CABINET_BLOCK, start = 36 + 8 + names,
           size = start + 8 * blocks + data;
    su_buf_adds(out, "MSCF");
    add_number(out, 4, 0), add_number(out, 4, announced ? announced : size), add_number(out, 4, 0);
    add_number(out, 4, 36 + 8), add_number(out, 4, 0);
    add_number(out, 1, 3), add_number(out, 1, 1), add_number(out, 2, 1), add_number(out, 2, count);
    add_number(out, 2, 0), add_number(out, 4, 0);
    add_number(out, 4, start), add_number(out, 2, blocks), add_number(out, 2, 0);
    for (size_t i = 0; i < count; at += members[i++].length) {
        add_number(out, 4, members[i].length), add_number(out, 4, at), add_number(out, 2, 0);
        add_number(out, 4, 0x8A0F58D3), add_number(out, 2, 0xA0);
        su_buf_add(out, members[i].name, strlen(members[i].name) + 1);
    }
    for (at = 0; at < data; at += CABINET_BLOCK) {
        size_t n = data - at < CABINET_BLOCK ? data - at : CABINET_BLOCK;
        add_number(out, 4, 0), add_number(out, 2, n), add_number(out, 2, n);
        su_buf_add(out, all.bytes + at, n);
    }
    HOLDS(!out->is_over && !out->is_out_of_memory);
}

#endif
