/*
 * Stands in for confine.c in every fuzzing program: what a confined child would run, a thread of this process
 * runs, with the same wire. So the fuzzer sees what the parser reaches, and no process is made for each
 * input. Confinement itself is tested elsewhere.
 *
 * fuzz_child_says, when set, is what the child says instead: the harness plays one that has been taken over.
 */
#include "tests/fuzz/fuzz.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "common/lib/confine.h"
#include "tests/fuzz/here.h"

enum { DONE = 2, FAILED };

struct su_confined {
    struct su_wire wire, childs;
    struct su_confined_plan plan;
    pthread_t thread;
    bool has_thread;
};

const char *fuzz_child_says;
size_t fuzz_child_bytes;

void su_confine_off(void)
{
}

enum su_confinement su_confinement(void)
{
    return SU_NOTHING_READ;
}

const char *su_confinement_text(void)
{
    return "";
}

static void *live(void *argument)
{
    struct su_confined *c = argument;
    struct su_err err = SU_ERR_INIT;
    if (fuzz_child_says) {
        uint32_t heard;
        su_put_raw(&c->childs, fuzz_child_says, fuzz_child_bytes); /* frames, or what is none */
        (void)!su_wire_flush(&c->childs, &err);
        su_fd_cleanup(&c->childs.channel.others);
        while (su_wire_next(&c->childs, &heard, &err) > 0)
            ;
    } else {
        int result = c->plan.run(c->plan.context, &c->childs, &err);
        if (!(result < 0 && c->childs.is_closed)) {
            su_wire_drop(&c->childs);
            su_wire_begin(&c->childs, result < 0 ? FAILED : DONE);
            if (result < 0)
                su_put_error(&c->childs, &err);
            if (su_wire_end(&c->childs, &err) == 0)
                (void)!su_wire_flush(&c->childs, &err);
        }
    }
    su_wire_cleanup(&c->childs);
    return NULL;
}

/* As confine.c waits, but for a thread, which does not die. */
static int wait_for(void *context, struct su_err *err)
{
    struct su_confined *c = context;
    (void)err;
    (void)poll(&(struct pollfd){.fd = c->wire.channel.bell, .events = POLLIN}, 1, 100);
    return 0;
}

int su_confined_start(struct su_confined **out, const struct su_confined_plan *plan, struct su_err *err)
{
    struct su_confined *c = *out = calloc(1, sizeof *c);
    (void)signal(SIGPIPE, SIG_IGN);
    HOLDS(c && su_wire_pair(&c->wire, &c->childs, err) == 0);
    c->wire.wait = wait_for;
    c->wire.context = c;
    c->plan = *plan;
    c->has_thread = pthread_create(&c->thread, NULL, live, c) == 0;
    HOLDS(c->has_thread);
    return 0;
}

struct su_wire *su_confined_wire(struct su_confined *c)
{
    return &c->wire;
}

int su_confined_next(struct su_confined *c, uint32_t *kind, struct su_err *err)
{
    int more = su_wire_next(&c->wire, kind, err);
    if (more < 0)
        return -1;
    if (more == 0)
        return su_fail(err, SU_CONFINED, "the part that reads %s said nothing", c->plan.reads);
    if (*kind >= SU_FRAME_FIRST)
        return 1;
    if (*kind == FAILED)
        return su_get_error(&c->wire, err);
    if (*kind != DONE)
        return su_wire_lies(err);
    return su_got_all(&c->wire, err) < 0 || su_wire_next(&c->wire, kind, err) != 0 ? su_wire_lies(err) : 0;
}

int su_confined_send(struct su_confined *c, struct su_err *err)
{
    if (su_wire_end(&c->wire, err) == 0 && su_wire_flush(&c->wire, err) == 0)
        return 0;
    uint32_t kind;
    int more = 1;
    while (c->wire.is_closed && more > 0)
        more = su_confined_next(c, &kind, err);
    return more == 0 ? su_fail(err, SU_CONFINED, "the part that reads %s ended before it had read all",
                               c->plan.reads)
                     : -1;
}

int su_confined_finish(struct su_confined *c, struct su_err *err)
{
    uint32_t kind;
    int more = su_confined_next(c, &kind, err);
    return more > 0 ? su_wire_lies(err) : more;
}

void su_confined_cleanup(struct su_confined **confined)
{
    struct su_confined *c = *confined;
    if (!c)
        return;
    su_wire_cleanup(&c->wire); /* it reads the end, or cannot write: so it comes to its own */
    if (c->has_thread)
        (void)pthread_join(c->thread, NULL);
    free(c);
    *confined = NULL;
}
