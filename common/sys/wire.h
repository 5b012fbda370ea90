/*
 * wire.h - framed messages between two processes, over a channel (channel.h).
 *
 * A frame is its length and its kind, both 32 bits of this machine's order, and values put one after the other.
 * Frames are collected and written in large pieces; su_wire_flush sends what is left. Neither side believes the
 * other: a length has a maximum (SU_MAX_WIRE_BYTES), getting past the end of a frame is a failure that sticks until
 * su_got_all tells it, and what was got must be checked for its meaning.
 *
 *   su_wire_begin(w, KIND); su_put_u64(w, n); su_put_bytes(w, p, length); if (su_wire_end(w, err) < 0) ...
 *   while ((more = su_wire_next(w, &kind, err)) > 0) { n = su_get_u64(w); ...; if (su_got_all(w, err) < 0) ... }
 *
 * A wire belongs to one thread at a time. Who sends while the other side may be sending too can wait for ever: ask
 * and answer, or let one side talk.
 */
#ifndef SU_WIRE_H
#define SU_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/sys/channel.h"

struct su_wire {
    struct su_channel channel;
    /* Of the polling end: waits for its bell. Returns 0 when it is worth trying again. */
    int (*wait)(void *context, struct su_err *err);
    void *context;
    struct su_buf sending, received;
    size_t frame_at;       /* in sending: where the frame that is being put begins */
    size_t at, end, after; /* in received: next value, end of the frame, of what has come */
    bool is_short, is_closed; /* a value was missing; the other side has gone (a write failed) */
    bool is_begun;            /* a frame was begun and is not ended */
};
/* Both ends, as su_channel_pair makes them. */
int su_wire_pair(struct su_wire *polling, struct su_wire *waiting, struct su_err *err) SU_CHECKED;
void su_wire_cleanup(struct su_wire *wire);

void su_wire_begin(struct su_wire *wire, uint32_t kind);
/* Forgets a frame that was begun and not ended; where there was no memory for it, all that was not sent. */
void su_wire_drop(struct su_wire *wire);
void su_put_u32(struct su_wire *wire, uint32_t value);
void su_put_u64(struct su_wire *wire, uint64_t value);
void su_put_raw(struct su_wire *wire, const void *bytes, size_t length); /* of a length that both sides know */
void su_put_bytes(struct su_wire *wire, const void *bytes, size_t length);
void su_put_text(struct su_wire *wire, const char *text);
int su_wire_end(struct su_wire *wire, struct su_err *err) SU_CHECKED;
int su_wire_flush(struct su_wire *wire, struct su_err *err) SU_CHECKED;

/* 1: a frame; the one before is gone. 0: the other side has closed, at the end of a frame. -1: it has lied, or the
 * system refused. What was put before is sent first. */
int su_wire_next(struct su_wire *wire, uint32_t *kind, struct su_err *err) SU_CHECKED;
uint32_t su_get_u32(struct su_wire *wire);
uint64_t su_get_u64(struct su_wire *wire);
void su_get_raw(struct su_wire *wire, void *out, size_t length); /* zeros when it is not there */
/* Never NULL; valid until the next frame; followed by a NUL that is not counted. Longer than `max`: a failure, as is a
 * text that has a NUL in it or is not UTF-8. */
const char *su_get_bytes(struct su_wire *wire, size_t *length, size_t max);
const char *su_get_text(struct su_wire *wire, size_t max);
size_t su_get_left(const struct su_wire *wire); /* bytes of the frame that were not got yet */
/* -1 with SU_CONFINED unless all values were there and none is left. */
int su_got_all(struct su_wire *wire, struct su_err *err) SU_CHECKED;
int su_wire_lies(struct su_err *err); /* that failure, for what has no meaning */

/* An error crosses as code, text and remedy; su_get_error believes only what can be one. */
void su_put_error(struct su_wire *wire, const struct su_err *err);
int su_get_error(struct su_wire *wire, struct su_err *err); /* always -1 */

#endif
