#include "common/sys/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/limits.h"

/* A few of the pieces that the wire sends, so that both sides have work; and still in the processor's cache.
 */
#define RING_BYTES (512 * SU_KIB)
#define LINE_BYTES 64 /* what one side writes lies in a line of the cache of its own */

struct su_ring {
    _Alignas(LINE_BYTES) _Atomic uint64_t given; /* by the writer, who also says whether it waits */
    atomic_bool wants_room;
    _Alignas(LINE_BYTES) _Atomic uint64_t taken; /* by the reader */
    atomic_bool wants_bytes;
    _Alignas(LINE_BYTES) char bytes[RING_BYTES];
};
#define BOTH_BYTES (2 * sizeof(struct su_ring))

static int map(struct su_channel *end, unsigned out, int memory, struct su_err *err)
{
    void *at = mmap(NULL, BOTH_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (at == MAP_FAILED)
        return su_fail_sys(err, "memory of two processes");
    *end = (struct su_channel)SU_CHANNEL_INIT;
    end->rings = at;
    end->out = out;
    return 0;
}

/* The end that is rung for; who rings never waits: a full bell has been heard or will be. */
static int hang_bell(struct su_channel *rung, struct su_channel *ringing, int flags, struct su_err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return su_fail_sys(err, "a pipe");
    rung->bell = ends[0];
    ringing->others = ends[1];
    return fcntl(ends[0], F_SETFL, flags) < 0 || fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0
               ? su_fail_sys(err, "a pipe")
               : 0;
}

int su_channel_pair(struct su_channel *polling, struct su_channel *waiting, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd memory = memfd_create("channel", MFD_CLOEXEC);
    *polling = *waiting = (struct su_channel)SU_CHANNEL_INIT;
    if (memory < 0 || ftruncate(memory, BOTH_BYTES) < 0)
        return su_fail_sys(err, "memory of two processes");
    if (map(polling, 0, memory, err) == 0 && map(waiting, 1, memory, err) == 0 &&
        hang_bell(polling, waiting, O_NONBLOCK, err) == 0 && hang_bell(waiting, polling, 0, err) == 0) {
        if (madvise(polling->rings, BOTH_BYTES, MADV_DONTFORK) == 0)
            return 0;
        (void)su_fail_sys(err, "memory of two processes");
    }
    su_channel_cleanup(polling);
    su_channel_cleanup(waiting);
    return -1;
}

void su_channel_cleanup(struct su_channel *channel)
{
    if (channel->rings)
        (void)munmap(channel->rings, BOTH_BYTES);
    su_fd_cleanup(&channel->bell);
    su_fd_cleanup(&channel->others);
    *channel = (struct su_channel)SU_CHANNEL_INIT;
}

/* A full bell will be heard, and one that nobody listens to is found out when more is wanted. Any other that
 * cannot be rung leaves the other side waiting for ever. */
static int ring(struct su_channel *c, atomic_bool *wants)
{
    if (!atomic_load(wants) || !atomic_exchange(wants, false))
        return 0;
    while (write(c->others, "", 1) < 0)
        if (errno != EINTR)
            return errno == EAGAIN || errno == EPIPE ? 0 : -1;
    return 0;
}

static int fails_with(int number)
{
    errno = number;
    return -1;
}

/* 0: look again. Who has just said that it waits looks once more before it does: it may have been given what
 * it wants before the other side could see that. Who heard the bell for nothing goes back to its caller: it
 * may be rung for ever. */
static int listen_for_bell(struct su_channel *c, atomic_bool *wants, bool *has_listened)
{
    char rung[64];
    if (!atomic_exchange(wants, true))
        return 0;
    if (*has_listened)
        return fails_with(EAGAIN);
    *has_listened = true;
    ssize_t n = read(c->bell, rung, sizeof rung);
    c->is_alone = n == 0;
    return n < 0 ? -1 : 0;
}

ssize_t su_channel_read(struct su_channel *c, void *out, size_t bytes)
{
    struct su_ring *in = &c->rings[!c->out];
    bool has_listened = false;
    for (;;) {
        bool was_alone = c->is_alone; /* else more may have come before the end */
        uint64_t there = atomic_load(&in->given) - c->taken;
        if (there > RING_BYTES)
            return fails_with(EPROTO);
        if (there > 0) {
            size_t n = there < bytes ? (size_t)there : bytes, at = c->taken % RING_BYTES,
                   straight = n < RING_BYTES - at ? n : RING_BYTES - at;
            memcpy(out, in->bytes + at, straight);
            memcpy((char *)out + straight, in->bytes, n - straight);
            c->taken += n;
            atomic_store(&in->taken, c->taken);
            if (there - n <= RING_BYTES / 2 && ring(c, &in->wants_room) < 0)
                return -1;
            return (ssize_t)n;
        }
        if (was_alone)
            return 0;
        if (listen_for_bell(c, &in->wants_bytes, &has_listened) < 0)
            return -1;
    }
}

ssize_t su_channel_write(struct su_channel *c, const void *from, size_t bytes)
{
    struct su_ring *out = &c->rings[c->out];
    bool has_listened = false;
    for (;;) {
        uint64_t lying = c->given - atomic_load(&out->taken);
        if (lying > RING_BYTES)
            return fails_with(EPROTO);
        size_t room = RING_BYTES - (size_t)lying;
        if (room > 0) {
            size_t n = room < bytes ? room : bytes, at = c->given % RING_BYTES,
                   straight = n < RING_BYTES - at ? n : RING_BYTES - at;
            memcpy(out->bytes + at, from, straight);
            memcpy(out->bytes, (const char *)from + straight, n - straight);
            c->given += n;
            atomic_store(&out->given, c->given);
            return ring(c, &out->wants_bytes) < 0 ? -1 : (ssize_t)n;
        }
        if (c->is_alone)
            return fails_with(EPIPE);
        if (listen_for_bell(c, &out->wants_room, &has_listened) < 0)
            return -1;
    }
}
