/*
 * confine.h - what is not trusted is read in a child that can do nothing else.
 *
 * su_confined_start forks; the child gives up everything and calls plan->run, which reads the descriptors it was given
 * and answers through a wire (wire.h). It has no new privileges; Landlock allows it no file, no connection and no
 * signal to others; seccomp kills it at the first system call beyond reading, writing, memory and time; its memory is
 * limited, and so is the time between two messages. Where one of these cannot be had, the start fails
 * (SU_NO_CONFINEMENT), unless su_confine_off was called: then the same child runs with the same wire and no limits.
 *
 * The child begins with a copy of the caller's memory: what was loaded before is there, and nothing it changes comes
 * back. It must not use a database, log, event or stream of the caller; open what it reads before the start. It ends
 * when run returns, when the parent goes, or with su_confined_cleanup.
 *
 * Start it on the main thread: the child goes when the thread that started it goes. From then on it belongs to one
 * thread at a time.
 */
#ifndef SU_CONFINE_H
#define SU_CONFINE_H

#include "common/base/limits.h"
#include "common/sys/wire.h"

/* Kinds of frames below this are the module's own. */
#define SU_FRAME_FIRST 16u

struct su_confined_plan {
    const char *reads; /* for messages, "the part that reads ...": "the package" */
    /* In the child. What it fails with is what su_confined_next fails with. */
    int (*run)(void *context, struct su_wire *wire, struct su_err *err);
    void *context;
    int files[SU_MAX_CONFINED_FILES]; /* the child's too; the first file_count of them */
    size_t file_count;
    int folder;         /* below which it may open files for reading; -1: none */
    bool has_threads;   /* may make threads */
    unsigned seconds;   /* of a processor, from one message to the next; 0: SU_MAX_CONFINED_SECONDS */
    size_t bytes;       /* of memory; 0: SU_MAX_CONFINED_BYTES */
};
#define SU_CONFINED_PLAN_INIT .folder = -1

struct su_confined;
int su_confined_start(struct su_confined **out, const struct su_confined_plan *plan, struct su_err *err) SU_CHECKED;
/* For putting and getting values. */
struct su_wire *su_confined_wire(struct su_confined *confined);
/* 1: a frame of the plan's, to be got from the wire. 0: the child has done all it should and is gone. -1: it failed and
 * said why; or SU_CONFINED: it was stopped, or lied; or SU_INTERRUPTED. What was put before is sent first. */
int su_confined_next(struct su_confined *confined, uint32_t *kind, struct su_err *err) SU_CHECKED;
/* Instead of su_wire_end and su_wire_flush at the parent's side: fails with what the child failed with. */
int su_confined_send(struct su_confined *confined, struct su_err *err) SU_CHECKED;
/* For a child that has nothing more to say: 0 when that is so and it ended well. */
int su_confined_finish(struct su_confined *confined, struct su_err *err) SU_CHECKED;
/* Ends what still runs, and waits for it. */
void su_confined_cleanup(struct su_confined **confined);

/* The operator takes the risk: children from now on run without limits. */
void su_confine_off(void);
enum su_confinement { SU_NOTHING_READ, SU_READ_CONFINED, SU_READ_UNCONFINED };
/* How this process has read what is not trusted so far. */
enum su_confinement su_confinement(void);
/* The same in words, for the ledger: "confined: no new privileges, Landlock 7, seccomp, limits"; "" when nothing was. */
const char *su_confinement_text(void);

/* What this system gives, each tried in a child that attempts what it may not. */
struct su_confine_probe {
    bool has_no_new_privileges, has_landlock, has_seccomp, has_limits;
    int landlock_abi; /* 0: none */
};
int su_confine_probe(struct su_confine_probe *out, struct su_err *err) SU_CHECKED;

#endif
