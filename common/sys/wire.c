#include "common/sys/wire.h"

#include <errno.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"

#define HEAD_BYTES 8
/* Written at once, and read at once: few system calls, and still in the processor's cache. */
#define PIECE_BYTES (128 * SU_KIB)
/* The memory of a larger frame is given back when it is done with. */
#define WORTH_KEEPING_BYTES (2 * SU_MIB)

static void init(struct su_wire *w)
{
    *w = (struct su_wire){.channel = SU_CHANNEL_INIT,
                          .sending = SU_BUF_INIT(SU_MAX_WIRE_BYTES + PIECE_BYTES),
                          .received = SU_BUF_INIT(SU_MAX_WIRE_BYTES + PIECE_BYTES)};
}

int su_wire_pair(struct su_wire *polling, struct su_wire *waiting, struct su_err *err)
{
    init(polling);
    init(waiting);
    return su_channel_pair(&polling->channel, &waiting->channel, err);
}

void su_wire_cleanup(struct su_wire *w)
{
    su_channel_cleanup(&w->channel);
    su_buf_cleanup(&w->sending);
    su_buf_cleanup(&w->received);
}

/* ---- sending ------------------------------------------------------------------------------------------- */

void su_put_raw(struct su_wire *w, const void *bytes, size_t length)
{
    su_buf_add(&w->sending, bytes, length);
}

void su_put_u32(struct su_wire *w, uint32_t value)
{
    su_put_raw(w, &value, sizeof value);
}

void su_put_u64(struct su_wire *w, uint64_t value)
{
    su_put_raw(w, &value, sizeof value);
}

void su_put_bytes(struct su_wire *w, const void *bytes, size_t length)
{
    su_put_u64(w, length);
    su_put_raw(w, bytes, length);
    su_put_raw(w, "", 1);
}

void su_put_text(struct su_wire *w, const char *text)
{
    su_put_bytes(w, text, strlen(text));
}

void su_wire_begin(struct su_wire *w, uint32_t kind)
{
    w->frame_at = w->sending.length;
    w->is_begun = true;
    su_put_u32(w, 0); /* the length, when it is known */
    su_put_u32(w, kind);
}

void su_wire_drop(struct su_wire *w)
{
    if (w->sending.is_out_of_memory || w->sending.is_over)
        su_buf_cleanup(&w->sending);
    else if (w->is_begun)
        w->sending.length = w->frame_at;
    w->is_begun = false;
}

/* What the channel did not do: 0 when it is worth trying again. */
static int try_again(struct su_wire *w, struct su_err *err)
{
    if (errno == EAGAIN && w->wait)
        return w->wait(w->context, err);
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    return errno == EPROTO ? su_wire_lies(err) : su_fail_sys(err, "a message between processes");
}

int su_wire_flush(struct su_wire *w, struct su_err *err)
{
    size_t done = 0;
    while (done < w->sending.length) {
        ssize_t n = su_channel_write(&w->channel, w->sending.bytes + done, w->sending.length - done);
        if (n > 0) {
            done += (size_t)n;
            continue;
        }
        w->is_closed = errno == EPIPE;
        if (try_again(w, err) < 0) {
            su_buf_clear(&w->sending); /* nobody gets it any more; what came is still to be read */
            return -1;
        }
    }
    if (w->sending.capacity > WORTH_KEEPING_BYTES)
        su_buf_cleanup(&w->sending);
    else
        su_buf_clear(&w->sending);
    return 0;
}

int su_wire_end(struct su_wire *w, struct su_err *err)
{
    if (su_buf_check(&w->sending, "a message between processes", err) < 0)
        return -1;
    size_t length = w->sending.length - w->frame_at - HEAD_BYTES;
    if (length > SU_MAX_WIRE_BYTES)
        return su_fail(err, SU_LIMIT, "a message between processes has %zu bytes, at most %zu are accepted",
                       length, SU_MAX_WIRE_BYTES);
    uint32_t head = (uint32_t)length;
    memcpy(w->sending.bytes + w->frame_at, &head, sizeof head);
    w->is_begun = false;
    return w->sending.length < PIECE_BYTES ? 0 : su_wire_flush(w, err);
}

/* ---- receiving ----------------------------------------------------------------------------------------- */

int su_wire_lies(struct su_err *err)
{
    return su_fail(err, SU_CONFINED, "the part that reads what is not trusted gave an answer that is none");
}

static size_t available(const struct su_wire *w)
{
    return w->after - w->at;
}

/* Room for `want` bytes from w->at on. */
static int make_room(struct su_wire *w, size_t want, struct su_err *err)
{
    size_t left = available(w);
    if (w->received.capacity > WORTH_KEEPING_BYTES && left <= PIECE_BYTES && want <= PIECE_BYTES) {
        struct su_buf fresh = SU_BUF_INIT(w->received.max);
        su_buf_add(&fresh, w->received.bytes + w->at, left);
        su_buf_cleanup(&w->received);
        w->received = fresh;
    } else if (w->at > 0) {
        memmove(w->received.bytes, w->received.bytes + w->at, left);
    }
    w->at = w->end = 0;
    w->after = w->received.length = left;
    size_t room = want > PIECE_BYTES ? want : PIECE_BYTES;
    return su_buf_reserve(&w->received, room - left) ? 0 : su_fail_memory(err);
}

/* 1: `want` bytes from w->at on are there. 0: the end, with fewer. */
static int fill(struct su_wire *w, size_t want, struct su_err *err)
{
    if (available(w) >= want)
        return 1;
    if (make_room(w, want, err) < 0)
        return -1;
    size_t room = want > PIECE_BYTES ? want : PIECE_BYTES;
    while (available(w) < want) {
        ssize_t n = su_channel_read(&w->channel, w->received.bytes + w->after, room - w->after);
        if (n == 0)
            return 0;
        if (n > 0) {
            w->after += (size_t)n;
            w->received.length = w->after;
        } else if (try_again(w, err) < 0) {
            return -1;
        }
    }
    return 1;
}

int su_wire_next(struct su_wire *w, uint32_t *kind, struct su_err *err)
{
    uint32_t length;
    if (su_wire_flush(w, err) < 0 && !w->is_closed)
        return -1;
    w->at = w->end;
    w->is_short = false;
    int more = fill(w, HEAD_BYTES, err);
    if (more <= 0)
        return more < 0 || available(w) == 0 ? more : su_wire_lies(err);
    memcpy(&length, w->received.bytes + w->at, sizeof length);
    if (length > SU_MAX_WIRE_BYTES)
        return su_wire_lies(err);
    if ((more = fill(w, HEAD_BYTES + length, err)) <= 0)
        return more < 0 ? -1 : su_wire_lies(err);
    memcpy(kind, w->received.bytes + w->at + sizeof length, sizeof *kind);
    w->end = w->at + HEAD_BYTES + length;
    w->at += HEAD_BYTES;
    return 1;
}

size_t su_get_left(const struct su_wire *w)
{
    return w->end - w->at;
}

void su_get_raw(struct su_wire *w, void *out, size_t length)
{
    w->is_short |= length > su_get_left(w);
    if (w->is_short) {
        memset(out, 0, length);
        return;
    }
    memcpy(out, w->received.bytes + w->at, length);
    w->at += length;
}

uint32_t su_get_u32(struct su_wire *w)
{
    uint32_t value;
    su_get_raw(w, &value, sizeof value);
    return value;
}

uint64_t su_get_u64(struct su_wire *w)
{
    uint64_t value;
    su_get_raw(w, &value, sizeof value);
    return value;
}

const char *su_get_bytes(struct su_wire *w, size_t *length, size_t max)
{
    uint64_t want = su_get_u64(w);
    const char *at = w->received.bytes + w->at;
    *length = 0;
    if (w->is_short || want > max || want >= su_get_left(w) || at[want] != 0) {
        w->is_short = true;
        return "";
    }
    *length = (size_t)want;
    w->at += (size_t)want + 1;
    return at;
}

const char *su_get_text(struct su_wire *w, size_t max)
{
    size_t length;
    const char *text = su_get_bytes(w, &length, max);
    if (su_utf8_is_valid(text, length)) /* that knows no NUL */
        return text;
    w->is_short = true;
    return "";
}

int su_got_all(struct su_wire *w, struct su_err *err)
{
    return w->is_short || w->at != w->end ? su_wire_lies(err) : 0;
}

/* ---- errors -------------------------------------------------------------------------------------------- */

void su_put_error(struct su_wire *wire, const struct su_err *err)
{
    su_put_u32(wire, err->code);
    su_put_text(wire, err->text);
    su_put_text(wire, err->remedy);
}

int su_get_error(struct su_wire *wire, struct su_err *err)
{
    uint32_t code = su_get_u32(wire);
    const char *text = su_get_text(wire, sizeof err->text - 1),
               *remedy = su_get_text(wire, sizeof err->remedy - 1);
    if (su_got_all(wire, err) < 0)
        return -1;
    if (code >= SU_CODE_COUNT || su_code_exit_status((enum su_code)code) == 0)
        return su_wire_lies(err);
    (void)su_fail(err, (enum su_code)code, "%s", text);
    return remedy[0] ? su_remedy(err, "%s", remedy) : -1;
}
