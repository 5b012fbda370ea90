#include "common/source/payload/fetch.h"

#include <stdlib.h>
#include <time.h>

#include "common/source/payload/fetch_slot.h"
#include "common/sys/clock.h"
#include "common/sys/interrupt.h"

#define STEP_MS 250
#define MAX_WAIT_SECONDS 300u
#define SETTLE_SECONDS 5

static int fill_slots(struct su_fetch_run *f, struct su_err *err)
{
    for (size_t i = 0; i < f->options->http.connections; i++) {
        struct su_fetch_slot *s = &f->slots[i];
        while (s->phase == SU_SLOT_FREE && !f->has_fatal) {
            int more = su_fetch_slot_take(f, s, err);
            if (more < 0)
                return -1;
            if (more == 0) {
                f->is_exhausted = true;
                return 0;
            }
        }
    }
    return 0;
}

/* Files that are being read again get a piece further; whether there are any. */
static int move_slots(struct su_fetch_run *f, bool *is_rereading, struct su_err *err)
{
    *is_rereading = false;
    for (size_t i = 0; i < f->options->http.connections; i++) {
        struct su_fetch_slot *s = &f->slots[i];
        if (s->phase == SU_SLOT_REREADING) {
            int more = su_fetch_part_reread(&s->part, err);
            if (more < 0)
                return -1;
            s->phase = more ? SU_SLOT_REREADING : SU_SLOT_READY;
        }
        while (s->phase == SU_SLOT_READY)
            su_fetch_slot_ask(s);
        *is_rereading |= s->phase == SU_SLOT_REREADING;
    }
    return 0;
}

static int run_round(struct su_fetch_run *f, struct su_err *err)
{
    bool is_rereading;
    f->after = 0;
    f->retry_after = 0;
    for (size_t i = 0; i < f->server_count; i++)
        f->servers[i].silent = 0;
    f->has_progress = f->is_exhausted = false;
    do {
        if (fill_slots(f, err) < 0 || move_slots(f, &is_rereading, err) < 0 ||
            su_http_step(f->http, is_rereading ? 0 : STEP_MS, err) < 0)
            return -1;
        if (su_time_monotonic() - f->settled >= SETTLE_SECONDS && su_fetch_settle(f, err) < 0)
            return -1;
        if (f->has_fatal) {
            *err = f->fatal;
            return -1;
        }
    } while (f->busy > 0 || !f->is_exhausted);
    return su_fetch_settle(f, err);
}

/* The upstream server gets what it lacks when it is asked to; that it cannot be asked is no failure of ours.
 */
static int ask_upstream(struct su_fetch_run *f, struct su_err *err)
{
    uint8_t digests[SU_FETCH_ASK][SU_SHA1_BYTES];
    struct su_err refused = SU_ERR_INIT;
    int count;
    if (!f->options->ask)
        return 0;
    while ((count = su_fetch_list_absent(f->home->db, digests, SU_FETCH_ASK, err)) > 0) {
        const uint8_t(*first)[SU_SHA1_BYTES] = (const uint8_t(*)[SU_SHA1_BYTES])digests;
        if (f->options->ask(f->options->ask_context, first, (size_t)count, &refused) == 0)
            continue;
        if (refused.code == SU_INTERRUPTED) {
            *err = refused;
            return -1;
        }
        su_message(f->events, refused.code, SU_WARNING, "asking the server to get %d files that it lacks: %s",
                   count, refused.text);
        return 0;
    }
    return count;
}

static int wait_for(struct su_fetch_run *f, unsigned round, uint64_t pending, struct su_err *err)
{
    unsigned seconds = f->options->retry_seconds << (round < 6 ? round : 6);
    if (seconds > MAX_WAIT_SECONDS)
        seconds = MAX_WAIT_SECONDS;
    if (seconds < f->retry_after)
        seconds = f->retry_after;
    su_message(f->events, SU_FETCH_WAITING, SU_INFO, "%llu files have not come; trying again in %u seconds",
               (unsigned long long)pending, seconds);
    double until = su_time_monotonic() + seconds;
    while (su_time_monotonic() < until) {
        if (su_interrupt_check(err) < 0)
            return -1;
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    return 0;
}

/* What is still pending when no further round is worth it. */
static int fail_rest(struct su_fetch_run *f, struct su_err *err)
{
    SU_AUTO(su_fetch_item) struct su_fetch_item item = {0};
    int more;
    f->after = 0;
    while ((more = su_fetch_list_next(f->home->db, &f->after, &item, err)) > 0) {
        su_fetch_tell(f, &item, item.address, item.cause[0] ? item.cause : "not tried: no server answered",
                      0);
        if (su_fetch_list_note(f->home->db, &item, SU_FETCH_FAILED, err) < 0)
            return -1;
    }
    return more;
}

static int run_rounds(struct su_fetch_run *f, struct su_err *err)
{
    uint64_t pending, bytes;
    for (unsigned round = 0, idle = 0;; round++) {
        if (run_round(f, err) < 0 || su_fetch_list_count(f->home->db, &pending, &bytes, err) < 0)
            return -1;
        idle = f->has_progress ? 0 : idle + 1;
        if (pending == 0 || idle >= f->options->tries)
            return fail_rest(f, err);
        if (ask_upstream(f, err) < 0 || wait_for(f, idle ? idle - 1 : 0, pending, err) < 0)
            return -1;
    }
}

/* Before. */

/* What has come of the files that are wanted; in a dry run each is told. */
static int look_over(struct su_fetch_run *f, uint64_t *kept, struct su_err *err)
{
    SU_AUTO(su_fetch_item) struct su_fetch_item item = {0};
    int more;
    *kept = 0;
    while ((more = su_fetch_list_next(f->home->db, &f->after, &item, err)) > 0) {
        char address[SU_ADDRESS_TEXT], shown[SU_URL_SHOWN] = "";
        struct su_err none = SU_ERR_INIT;
        bool is_upstream;
        uint64_t part = su_fetch_part_size(f->parts, item.sha1);
        part = part <= item.bytes ? part : 0;
        *kept += part;
        if (!f->options->is_dry_run)
            continue;
        if (su_fetch_item_address(f, &item, &is_upstream, address, &none) == 0)
            su_url_shown(address, shown);
        su_fetch_tell(f, &item, shown, none.text, part);
    }
    return more;
}

/* A dry run makes nothing, not even the folder. */
static void look_for_parts(struct su_fetch_run *f)
{
    struct su_err absent = SU_ERR_INIT;
    if (su_dir_open_below(&f->parts, f->home->content, SU_FETCH_FOLDER, &absent) < 0)
        f->parts = -1;
}

static int clear_up(struct su_fetch_run *f, struct su_err *err)
{
    return su_store_sweep(f->home, err) < 0 || su_fetch_part_folder(&f->parts, f->home, err) < 0 ||
                   su_fetch_part_sweep(f->parts, f->home->db, err) < 0
               ? -1
               : 0;
}

static int prepare(struct su_fetch_run *f, struct su_err *err)
{
    uint64_t kept;
    if (f->options->is_dry_run)
        look_for_parts(f);
    else if (clear_up(f, err) < 0)
        return -1;
    if (su_fetch_list_count(f->home->db, &f->report->wanted, &f->report->bytes_wanted, err) < 0 ||
        look_over(f, &kept, err) < 0)
        return -1;
    f->report->bytes_resumed = kept;
    f->to_come = f->report->bytes_wanted - kept;
    return 0;
}

static int run(struct su_fetch_run *f, struct su_err *err)
{
    if (su_space_demand(f->home->content, f->to_come, "fetching", " in the content store", err) < 0)
        return -1;
    f->http = su_http_new(&f->options->http, err);
    if (!f->http)
        return -1;
    int result = run_rounds(f, err);
    struct su_err second = SU_ERR_INIT;
    if (result < 0 && su_fetch_settle(f, &second) < 0 && err->code == SU_INTERRUPTED)
        *err = second;
    if (result == 0)
        su_progress(f->events, SU_FETCH_DONE, "content", f->came, f->came, "bytes");
    return result < 0 ? su_after(err, "What has come is kept; the same command goes on from there.") : 0;
}

int su_fetch(struct su_home *home, const struct su_fetch_options *options, const struct su_events *events,
             struct su_fetch_report *report, struct su_err *err)
{
    struct su_fetch_run *f = calloc(1, sizeof *f);
    if (!f)
        return su_fail_memory(err);
    f->home = home;
    f->options = options;
    f->events = events;
    f->report = report;
    f->parts = -1;
    f->batch.home = home;
    f->settled = su_time_monotonic();
    for (size_t i = 0; i < SU_MAX_FETCH_CONNECTIONS; i++)
        f->slots[i] = (struct su_fetch_slot){.f = f, .part = SU_FETCH_PART_INIT};
    int result = prepare(f, err) < 0 ? -1 : options->is_dry_run || report->wanted == 0 ? 0 : run(f, err);
    su_http_cleanup(&f->http);
    for (size_t i = 0; i < SU_MAX_FETCH_CONNECTIONS; i++) {
        su_fetch_part_cleanup(&f->slots[i].part);
        su_fetch_item_cleanup(&f->slots[i].item);
    }
    su_store_batch_cleanup(&f->batch);
    su_fd_cleanup(&f->parts);
    free(f);
    return result;
}
