/*
 * channel.h - a stream of bytes each way between two processes, through memory that both share.
 *
 * What goes through a pipe is copied by the kernel twice, into pages that it gets and gives back. Here each side copies
 * once, and the kernel is asked only where one has to wait for the other: a pipe each way is a doorbell, whose bytes
 * mean "look again" and whose end means that the other side has gone.
 *
 * Neither side believes the other. Each keeps its own positions to itself, reads of the other's only how far it has
 * come, once, against the size of the ring, and copies bytes out before anything looks at them. A side that lies makes a
 * mess of its own bytes, or wakes the other for nothing.
 *
 * An end belongs to one thread at a time.
 */
#ifndef SU_CHANNEL_H
#define SU_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/sys/file.h"

struct su_ring;
struct su_channel {
    struct su_ring *rings; /* both; this end's mapping of them */
    unsigned out;          /* which of them it writes; it reads the other */
    uint64_t taken, given; /* bytes so far */
    su_fd bell, others;    /* where it is rung for, and where it rings */
    bool is_alone;         /* the other end has gone */
};
#define SU_CHANNEL_INIT { .bell = -1, .others = -1 }

/* For two processes, made before the fork; each side then cleans up the end of the other. `polling` never blocks and
 * has its memory to itself: no child sees that. `waiting` blocks. */
int su_channel_pair(struct su_channel *polling, struct su_channel *waiting, struct su_err *err) SU_CHECKED;
void su_channel_cleanup(struct su_channel *channel);

/* As read and write: bytes, or 0 at the end, or -1 with errno. EAGAIN: nothing there, or no room; `bell` becomes
 * readable. EPROTO: the other side has lied. EPIPE: it has gone, and there is no room for more. */
ssize_t su_channel_read(struct su_channel *channel, void *out, size_t bytes);
ssize_t su_channel_write(struct su_channel *channel, const void *from, size_t bytes);

#endif
