#include "common/catalogue/load.h"

#include <stdlib.h>

#include "common/base/limits.h"
#include "common/sys/belt.h"
#include "common/sys/interrupt.h"

/* One batch is read, one applied, and what lies between is at most 24 MiB of documents: as much as keeps
 * both cores at work, and beside the database's page cache far below 256 MiB. */
#define SLOTS 8
#define MOST_BYTES (6 * SU_BATCH_BYTES)

struct job {
    struct su_batch *batch;
    size_t good; /* items before the one that could not be prepared */
    int result;
    struct su_err err;
};

struct su_load {
    const struct su_load_plan *plan;
    struct su_belt *belt; /* the reading thread's */
    struct job *reading;  /* the batch being filled, or NULL */
    struct job jobs[SLOTS];
};

static void submit(struct su_load *load)
{
    su_belt_submit(load->belt, load->reading->batch->bytes);
    load->reading = NULL;
}

int su_load_add(struct su_load *load, const struct su_record *record, uint64_t number, struct su_err *err)
{
    if (su_interrupt_check(err) < 0)
        return -1;
    if (!load->reading) {
        if (!(load->reading = su_belt_slot(load->belt, err)))
            return -1;
        su_batch_clear(load->reading->batch, load->plan->learner);
    }
    struct su_prepared *item = su_batch_add(load->reading->batch, record, err);
    if (!item || su_learn(load->plan->learner, record->document, record->document_bytes, err) < 0)
        return -1;
    item->number = number;
    if (su_batch_is_full(load->reading->batch))
        submit(load);
    return 0;
}

static int fill(void *context, struct su_belt *belt, struct su_err *err)
{
    struct su_load *load = context;
    load->belt = belt;
    int result = load->plan->read(load->plan->context, load, err);
    if (load->reading) /* what was read before a failure goes before it */
        submit(load);
    return result;
}

static int work(void *context, unsigned worker, void *argument, struct su_err *err)
{
    struct su_load *load = context;
    struct job *job = argument;
    struct su_batch *b = job->batch;
    (void)err; /* the belt would drop what is good in the batch */
    job->result = 0;
    if (load->plan->ahead)
        load->plan->ahead(load->plan->context, worker, b);
    for (job->good = 0; job->result == 0 && job->good < b->count; job->good += job->result == 0)
        job->result = load->plan->prepare(load->plan->context, worker, b, &b->items[job->good], &job->err);
    return 0;
}

static int apply(struct su_load *load, struct job *job, struct su_err *err)
{
    struct su_batch *b = job->batch;
    if (su_interrupt_check(err) < 0)
        return -1;
    for (size_t first = 0, count; first < job->good; first += count) {
        count = su_batch_distinct(b, first);
        if (count > job->good - first)
            count = job->good - first;
        if (load->plan->apply(load->plan->context, b, &b->items[first], count, err) < 0)
            return -1;
    }
    if (job->result < 0)
        *err = job->err;
    else
        su_batch_clear(b,
                       NULL); /* here, so that memory of large documents is given back before more is read */
    return job->result;
}

static int run(struct su_load *load, struct su_err *err)
{
    const struct su_belt_plan plan = {.jobs = load->jobs,
                                      .slots = SLOTS,
                                      .job_bytes = sizeof *load->jobs,
                                      .most_weight = MOST_BYTES,
                                      .context = load,
                                      .fill = fill,
                                      .work = work};
    for (size_t i = 0; i < SLOTS; i++)
        if (!(load->jobs[i].batch = su_batch_new(err)))
            return -1;
    SU_AUTO(su_belt) struct su_belt *belt = su_belt_new(&plan, err);
    void *job;
    int more = -1;
    while (belt && (more = su_belt_take(belt, &job, err)) > 0) {
        if (apply(load, job, err) < 0)
            return -1;
        su_belt_release(belt);
    }
    return more;
}

int su_load_run(const struct su_load_plan *plan, struct su_err *err)
{
    struct su_load *load = calloc(1, sizeof *load);
    if (!load)
        return su_fail_memory(err);
    load->plan = plan;
    int result = run(load, err);
    for (size_t i = 0; i < SLOTS; i++)
        su_batch_cleanup(&load->jobs[i].batch);
    free(load);
    return result;
}
