#include "common/source/upstream/upstream_fetch.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/source/upstream/upstream_answer.h"
#include "common/sys/belt.h"
#include "common/sys/clock.h"

#define SLOTS 5
#define MOST_WEIGHT (16 * SU_MIB)
#define BATCH 50 /* what real downstream servers ask for; answers end at 2,000,000 bytes */
#define GROW_AFTER 8
#define COMMIT_UPDATES 500
#define COMMIT_SECONDS 2.0
#define MOST_REFUSED_IN_A_ROW 32
#define LEAST_BELIEVED 8 /* updates lost with none that came: the server is at fault, not they */
#define MOST_NAMED 20    /* of what is missing, in messages */

struct loss {
    struct su_wanted wanted;
    char reason[200];
};

struct fetch {
    struct su_fetching *fetching;
    const struct su_wanted_list *wanted;
    bool is_alone, is_needed; /* one at a time; ids that were guessed are among them */
    /* the asking thread's */
    struct su_answer *spare; /* a slot that was not submitted */
    struct su_buf rest;
    size_t most, size;
    unsigned good_in_a_row, refused_in_a_row;
    bool has_answered, was_cut; /* in this pass; the last one that stood alone */
    /* the caller's */
    struct su_transaction transaction;
    double began;
    size_t uncommitted;
    unsigned lost_in_a_row;
    struct su_wanted_list again;
    SU_VEC(struct loss) losses;
    const char *word;
    uint64_t done, total;
    struct su_answer answers[SLOTS];
    struct su_answer_hand hands[SU_MAX_THREADS];
};

static int ask(struct fetch *f, struct su_answer *a, struct su_err *err)
{
    char text[SU_GUID_TEXT];
    const struct su_call call = {.operation = "GetUpdateData",
                                 .rest = &f->rest,
                                 .form = {.most_text = SU_MAX_DATA_ANSWER_BYTES, .end = su_answer_part},
                                 .context = a,
                                 .restart = su_answer_restart,
                                 .most_bytes = SU_MAX_DATA_ANSWER_BYTES,
                                 .is_divisible = a->count > 1};
    su_buf_clear(&f->rest);
    su_buf_adds(&f->rest, "<updateIds>");
    for (size_t i = 0; i < a->count; i++)
        su_buf_addf(&f->rest,
                    "<UpdateIdentity><UpdateID>%s</UpdateID><RevisionNumber>%u</RevisionNumber>"
                    "</UpdateIdentity>",
                    su_guid_format(&a->wanted[i].identity.id, text), a->wanted[i].identity.revision);
    su_buf_adds(&f->rest, "</updateIds>");
    if (su_buf_check(&f->rest, "a request", err) < 0)
        return -1;
    return su_session_call(f->fetching->session, &call, err);
}

/* The one update that stands alone is not to be had. Where no whole answer has come at all, or none since the
 * last that was cut, it is not the update's fault. */
static int give_up(struct fetch *f, struct su_answer *a, struct su_err *err)
{
    char text[SU_GUID_TEXT];
    bool is_cut = err->code == SU_NETWORK || err->code == SU_DATA;
    if (is_cut && (!f->has_answered || f->was_cut))
        return -1;
    f->was_cut = is_cut;
    if (++f->refused_in_a_row > MOST_REFUSED_IN_A_ROW && !f->is_needed)
        return su_prefix(err, "%d updates in a row, the last of them %s revision %u", MOST_REFUSED_IN_A_ROW,
                         su_guid_format(&a->wanted->identity.id, text), a->wanted->identity.revision);
    su_answer_clear(a);
    struct su_answer_result *result = SU_PUSH(&a->results, 1);
    if (!result)
        return su_fail_memory(err);
    result->outcome = SU_ANSWER_REFUSED;
    su_escape_into(result->reason, sizeof result->reason, err->text);
    return 0;
}

/* What a failure is about: the batch, or an update in it, or neither. */
static bool is_divisible(const struct su_session *s, const struct su_err *err)
{
    bool is_cut = s->was_cut && (err->code == SU_NETWORK || err->code == SU_DATA);
    return is_cut || err->code == SU_LIMIT ||
           (err->code == SU_UPSTREAM_FAULT && s->fault.kind == SU_FAULT_INTERNAL);
}

/* A batch, or halves until they are answered. NOLINTNEXTLINE(misc-no-recursion): a batch is 50 at most */
static int take_batch(struct fetch *f, struct su_belt *belt, const struct su_wanted *wanted, size_t count,
                      struct su_err *err)
{
    struct su_answer *a = f->spare ? f->spare : su_belt_slot(belt, err);
    if (!a || su_answer_begin(a, wanted, count, err) < 0)
        return -1;
    f->spare = a;
    if (ask(f, a, err) == 0) {
        f->refused_in_a_row = 0;
        f->has_answered = true;
        f->was_cut = false;
        if (a->items.count < count && count > 1) /* too much for one answer */
            f->size = a->items.count > 0 ? a->items.count : 1;
        else if (++f->good_in_a_row % GROW_AFTER == 0 && f->size < f->most)
            f->size = 2 * f->size < f->most ? 2 * f->size : f->most;
    } else if (!is_divisible(f->fetching->session, err)) { /* NOLINT(bugprone-branch-clone): in order */
        return -1;
    } else if (count > 1) {
        f->good_in_a_row = 0;
        if (f->fetching->session->fault.kind != SU_FAULT_INTERNAL && f->size > count / 2)
            f->size = count / 2;
        if (take_batch(f, belt, wanted, count / 2, err) < 0)
            return -1;
        return take_batch(f, belt, wanted + count / 2, count - count / 2, err);
    } else if (give_up(f, a, err) < 0) {
        return -1;
    }
    f->spare = NULL;
    su_belt_submit(belt, a->texts.length);
    return 0;
}

static int fill(void *context, struct su_belt *belt, struct su_err *err)
{
    struct fetch *f = context;
    size_t all = f->wanted->list.count, count;
    for (size_t at = 0; at < all; at += count) {
        count = all - at < f->size ? all - at : f->size;
        if (take_batch(f, belt, f->wanted->list.at + at, count, err) < 0)
            return -1;
    }
    return 0;
}

static int work(void *context, unsigned worker, void *answer, struct su_err *err)
{
    struct fetch *f = context;
    return su_answer_work(answer, &f->hands[worker], err);
}

static int lose(struct fetch *f, const struct su_wanted *wanted, const char *reason, struct su_err *err)
{
    struct loss *loss = SU_PUSH(&f->losses, SU_MAX_UPSTREAM_MISSING);
    if (!loss)
        return su_fail_full(err, "the server does not give more than %u updates that it lists",
                            SU_MAX_UPSTREAM_MISSING);
    loss->wanted = *wanted;
    memcpy(loss->reason, reason, sizeof loss->reason);
    return 0;
}

/* What did not come is asked for again in smaller batches, at last alone; then it is lost. */
static int take_result(struct fetch *f, const struct su_wanted *wanted, const struct su_answer_result *result,
                       struct su_err *err)
{
    static const char absent[sizeof result->reason] = "the server leaves it out of its answer";
    if (result->outcome == SU_ANSWER_GOT) {
        f->lost_in_a_row = 0;
        return 0;
    }
    if (result->outcome == SU_ANSWER_REFUSED || f->is_alone) {
        const char *reason = result->outcome == SU_ANSWER_ABSENT ? absent : result->reason;
        if (++f->lost_in_a_row > MOST_REFUSED_IN_A_ROW && !f->is_needed)
            return su_fail(err, SU_DATA,
                           "GetUpdateData: %d updates in a row cannot be had, the last because: %s",
                           MOST_REFUSED_IN_A_ROW, reason);
        return lose(f, wanted, reason, err);
    }
    struct su_wanted *again = SU_PUSH(&f->again.list, SU_MAX_PACKAGE_REVISIONS);
    if (!again)
        return su_fail_memory(err);
    *again = *wanted;
    return 0;
}

static int take(struct fetch *f, struct su_answer *a, struct su_err *err)
{
    const struct su_fetched fetched = {.packed = &a->packed,
                                       .relations = &a->relations,
                                       .raw_bytes = a->frame.length,
                                       .pending_ids = a->got.at,
                                       .count = a->got.count};
    if (a->got.count > 0 && !f->transaction.db) {
        f->began = su_time_monotonic();
        f->uncommitted = 0;
        if (su_begin(&f->transaction, f->fetching->pending->db, err) < 0)
            return -1;
    }
    if (a->got.count > 0 && su_pending_store(f->fetching->pending, &fetched, err) < 0)
        return -1;
    for (size_t i = 0; i < a->results.count; i++)
        if (take_result(f, &a->wanted[i], &a->results.at[i], err) < 0)
            return -1;
    f->uncommitted += a->got.count;
    f->fetching->fetched += a->got.count;
    f->done += a->got.count;
    su_progress(f->fetching->events, SU_SYNC_UPSTREAM, f->word, f->done, f->total, "items");
    if (f->transaction.db &&
        (f->uncommitted >= COMMIT_UPDATES || su_time_monotonic() - f->began >= COMMIT_SECONDS))
        return su_commit(&f->transaction, err);
    return 0;
}

static int run_belt(struct fetch *f, struct su_err *err)
{
    const struct su_belt_plan plan = {.jobs = f->answers,
                                      .slots = SLOTS,
                                      .job_bytes = sizeof *f->answers,
                                      .most_weight = MOST_WEIGHT,
                                      .context = f,
                                      .fill = fill,
                                      .work = work};
    void *job;
    int more = -1;
    f->spare = NULL; /* the asking thread's, from here on */
    f->refused_in_a_row = f->good_in_a_row = 0;
    f->has_answered = f->was_cut = false;
    SU_AUTO(su_belt) struct su_belt *belt = su_belt_new(&plan, err);
    while (belt && (more = su_belt_take(belt, &job, err)) > 0) {
        if (take(f, job, err) < 0)
            return -1;
        su_belt_release(belt);
    }
    return more;
}

/* One pass over what is wanted; what came stays whatever happens. */
static int pass(struct fetch *f, const struct su_wanted_list *wanted, struct su_err *err)
{
    struct su_err second = SU_ERR_INIT;
    f->wanted = wanted;
    int result = run_belt(f, err);
    if (f->transaction.db && su_commit(&f->transaction, result < 0 ? &second : err) < 0)
        return -1;
    return result;
}

static int note_losses(struct fetch *f, struct su_err *err)
{
    char text[SU_GUID_TEXT];
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    if (f->losses.count == 0)
        return 0;
    if (su_begin(&t, f->fetching->pending->db, err) < 0)
        return -1;
    for (size_t i = 0; i < f->losses.count; i++) {
        const struct loss *loss = &f->losses.at[i];
        if (su_pending_missing(f->fetching->pending, loss->wanted.pending_id, loss->reason, err) < 0)
            return -1;
        if (i < MOST_NAMED)
            su_message(f->fetching->events, SU_UPSTREAM_MISSING, SU_WARNING,
                       "update %s revision %u is skipped: %s",
                       su_guid_format(&loss->wanted.identity.id, text), loss->wanted.identity.revision,
                       loss->reason);
    }
    if (f->losses.count > MOST_NAMED)
        su_message(f->fetching->events, SU_UPSTREAM_MISSING, SU_WARNING, "%zu more updates are skipped",
                   f->losses.count - MOST_NAMED);
    f->fetching->missing += f->losses.count;
    return su_commit(&t, err);
}

static int open_fetch(struct fetch *f, struct su_err *err)
{
    f->rest = (struct su_buf)SU_BUF_INIT(SU_MIB);
    for (size_t i = 0; i < SLOTS; i++)
        su_answer_init(&f->answers[i]);
    for (unsigned i = 0; i < su_threads(); i++)
        if (su_answer_hand_open(&f->hands[i], f->fetching->origin, err) < 0)
            return -1;
    return 0;
}

static void close_fetch(struct fetch *f)
{
    su_buf_cleanup(&f->rest);
    for (size_t i = 0; i < SLOTS; i++)
        su_answer_cleanup(&f->answers[i]);
    for (unsigned i = 0; i < su_threads(); i++)
        su_answer_hand_cleanup(&f->hands[i]);
    su_wanted_list_cleanup(&f->again);
    free(f->losses.at);
    su_transaction_cleanup(&f->transaction);
}

static int run(struct fetch *f, enum su_phase phase, struct su_err *err)
{
    SU_AUTO(su_wanted_list) struct su_wanted_list wanted = {0};
    const struct su_pending *p = f->fetching->pending;
    uint32_t most = f->fetching->session->config.most_updates;
    if (su_pending_wanted(p, phase, &wanted, err) < 0 ||
        su_pending_count(p, phase, SU_PENDING_FETCHED, &f->done, err) < 0)
        return -1;
    if (wanted.list.count == 0)
        return 0;
    f->total = f->done + wanted.list.count;
    f->most = f->size = most < BATCH ? most : BATCH;
    f->is_alone = f->most == 1;
    f->is_needed = phase == SU_PHASE_NEEDED;
    su_progress(f->fetching->events, SU_SYNC_UPSTREAM, f->word, f->done, f->total, "items");
    for (;;) {
        if (pass(f, &wanted, err) < 0)
            return -1;
        if (f->again.list.count == 0)
            break;
        struct su_wanted_list smaller = f->again;
        f->again = wanted;
        f->again.list.count = 0;
        wanted = smaller;
        f->most = f->size = (f->most + 1) / 2;
        f->is_alone = f->most == 1;
    }
    if (f->done == 0 && f->losses.count >= LEAST_BELIEVED && !f->is_needed)
        return su_fail(err, SU_UPSTREAM_FAULT,
                       "GetUpdateData: the server gives none of %zu updates it lists: %s", f->losses.count,
                       f->losses.at[f->losses.count - 1].reason);
    return note_losses(f, err);
}

int su_upstream_fetch(struct su_fetching *fetching, enum su_phase phase, const char *word, struct su_err *err)
{
    struct fetch *f = calloc(1, sizeof *f);
    if (!f)
        return su_fail_memory(err);
    f->fetching = fetching;
    f->word = word;
    int result = open_fetch(f, err) < 0 ? -1 : run(f, phase, err);
    close_fetch(f);
    free(f);
    return result;
}
