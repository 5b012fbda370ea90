/*
 * load.h - a stream of records on its way into the catalogue: read by one thread, prepared by several, and
 * applied by the caller's, a batch at a time, in the order it was read.
 *
 * What is stored, and the first error, are those of a run that does one record after the other: a record that
 * cannot be prepared fails after all before it were applied, and reading that fails after all that was read.
 */
#ifndef SU_LOAD_H
#define SU_LOAD_H

#include "common/catalogue/prepare.h"

struct su_load;
struct su_load_plan {
    void *context;
    struct su_learner *learner; /* the reading thread's while the load runs */
    /* Own thread: gives every record to su_load_add. */
    int (*read)(void *context, struct su_load *load, struct su_err *err);
    /* Before the items of a batch are prepared, by the same thread: what is cheaper for all of them at once. What it
     * cannot do, prepare does, and tells why. NULL: nothing. */
    void (*ahead)(void *context, unsigned worker, struct su_batch *batch);
    /* Any of su_threads() threads, for several batches at once: what needs no database. `worker` counts from 0. */
    int (*prepare)(void *context, unsigned worker, struct su_batch *batch, struct su_prepared *item,
                   struct su_err *err);
    /* The caller's thread: items of a batch, each with an identity of its own. */
    int (*apply)(void *context, struct su_batch *batch, struct su_prepared *items, size_t count,
                 struct su_err *err);
};
int su_load_run(const struct su_load_plan *plan, struct su_err *err) SU_CHECKED;
/* Copies the record; waits while enough are on their way. `number`: its place in the source, or 0. */
int su_load_add(struct su_load *load, const struct su_record *record, uint64_t number, struct su_err *err) SU_CHECKED;

#endif
