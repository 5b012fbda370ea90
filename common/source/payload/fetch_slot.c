#include "common/source/payload/fetch_slot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/sys/clock.h"

#define PROGRESS_BYTES (64 * SU_KIB) /* a try that brought so much was not in vain */
#define SETTLE_BYTES (256 * SU_MIB)

/* Telling. */

static void tell(struct su_fetch_run *f, const struct su_fetch_item *item, const char *address,
                 const char *cause, bool is_stored, uint64_t resumed)
{
    struct su_fetch_report *r = f->report;
    if (r->finding)
        r->finding(r->context, &(struct su_fetch_finding){.is_stored = is_stored,
                                                          .name = item->name,
                                                          .update = item->update,
                                                          .address = address,
                                                          .cause = cause,
                                                          .sha1 = item->sha1,
                                                          .bytes = item->bytes,
                                                          .resumed = resumed,
                                                          .is_licence = item->is_licence});
}

void su_fetch_tell(struct su_fetch_run *f, const struct su_fetch_item *item, const char *address,
                   const char *cause, uint64_t resumed)
{
    struct su_fetch_report *r = f->report;
    if (cause[0]) {
        r->failed++;
        r->bytes_failed += item->bytes;
        r->licence_failed += item->is_licence;
    }
    tell(f, item, address, cause, false, resumed);
}

/* A failure of our own, not of one file: nothing more is begun. */
static void stop(struct su_fetch_run *f, const struct su_err *err)
{
    if (!f->has_fatal)
        f->fatal = *err;
    f->has_fatal = true;
}

/* Addresses. */

/* The address in turn, SU_NOT_FOUND when there is no further one. */
int su_fetch_item_address(const struct su_fetch_run *f, const struct su_fetch_item *item, bool *is_upstream,
                          char out[SU_ADDRESS_TEXT], struct su_err *err)
{
    unsigned place = item->place;
    *is_upstream = f->options->root && place == 0;
    if (*is_upstream)
        return su_fetch_address(f->options->root, item->sha1, item->name, out, err);
    place -= f->options->root != NULL;
    if (place > 0 || !f->options->has_record_address || !item->url[0])
        return su_fail(err, SU_NOT_FOUND, "%s",
                       item->url[0] || !f->options->has_record_address
                           ? "there is no other address"
                           : "the catalogue names no address for it");
    (void)snprintf(out, SU_ADDRESS_TEXT, "%s", item->url);
    return 0;
}

static struct su_fetch_server *server_of(struct su_fetch_run *f, const char *address)
{
    struct su_url url;
    struct su_err none = SU_ERR_INIT;
    char name[sizeof f->servers->name];
    if (su_url_split(address, &url, &none) < 0)
        return NULL;
    (void)snprintf(name, sizeof name, "%s:%llu", url.host, (unsigned long long)url.port);
    for (size_t i = 0; i < f->server_count; i++)
        if (strcmp(f->servers[i].name, name) == 0)
            return &f->servers[i];
    if (f->server_count == SU_FETCH_SERVERS)
        return NULL;
    struct su_fetch_server *server = &f->servers[f->server_count++];
    memcpy(server->name, name, sizeof name);
    return server;
}

static bool is_silent(struct su_fetch_run *f, const struct su_fetch_item *item)
{
    char address[SU_ADDRESS_TEXT];
    struct su_err none = SU_ERR_INIT;
    bool is_upstream;
    if (su_fetch_item_address(f, item, &is_upstream, address, &none) < 0)
        return false;
    const struct su_fetch_server *server = server_of(f, address);
    return server && server->silent >= SU_FETCH_SILENT;
}

static int replace(char **text, const char *with, struct su_err *err)
{
    char *copy = strdup(with);
    if (!copy)
        return su_fail_memory(err);
    free(*text);
    *text = copy;
    return 0;
}

/* A slot's end. */

static void release(struct su_fetch_slot *s)
{
    struct su_err err = SU_ERR_INIT;
    if (s->part.size == 0 && s->part.fd >= 0 && su_fetch_part_discard(&s->part, &err) < 0)
        stop(s->f, &err);
    su_fetch_part_cleanup(&s->part);
    su_fetch_item_cleanup(&s->item);
    s->phase = SU_SLOT_FREE;
    s->f->busy--;
}

static void note(struct su_fetch_slot *s, enum su_fetch_state state)
{
    struct su_err err = SU_ERR_INIT;
    if (su_fetch_list_note(s->f->home->db, &s->item, state, &err) < 0)
        stop(s->f, &err);
}

static void fail(struct su_fetch_slot *s)
{
    su_fetch_tell(s->f, &s->item, s->item.address, s->item.cause, 0);
    note(s, SU_FETCH_FAILED);
    release(s);
}

static void settle_address(struct su_fetch_slot *s);

/* This address will not do: the next, or none. */
static void give_up_address(struct su_fetch_slot *s)
{
    s->item.place++;
    s->item.tries = 0;
    s->is_anew = false;
    settle_address(s);
}

/* It may go better in the next round, unless it has been tried often enough. */
static void try_later(struct su_fetch_slot *s)
{
    if (s->came < PROGRESS_BYTES)
        s->item.tries++;
    if (s->item.tries >= s->f->options->tries) {
        give_up_address(s);
        return;
    }
    note(s, SU_FETCH_PENDING);
    release(s);
}

/* What came is not the file. Bytes of an earlier try are given the blame once. */
static void drop_bytes(struct su_fetch_slot *s, struct su_err *err)
{
    struct su_fetch_run *f = s->f;
    bool is_old = s->part.kept > 0 && !s->is_anew;
    f->to_come += is_old ? s->part.have : 0;
    if (su_fetch_part_restart(&s->part, err) < 0) {
        stop(f, err);
        release(s);
    } else if (is_old) {
        s->is_anew = true;
        s->phase = SU_SLOT_READY;
    } else {
        give_up_address(s);
    }
}

static void blame(struct su_fetch_slot *s, const struct su_err *why)
{
    struct su_err err = SU_ERR_INIT;
    if (replace(&s->item.cause, why->text, &err) < 0)
        stop(s->f, &err);
}

/* The address in turn becomes the one to ask; a file without one fails. */
static void settle_address(struct su_fetch_slot *s)
{
    struct su_err err = SU_ERR_INIT;
    char address[SU_ADDRESS_TEXT], shown[SU_URL_SHOWN];
    if (su_fetch_item_address(s->f, &s->item, &s->is_upstream, address, &err) < 0) {
        if (!s->item.cause[0])
            blame(s, &err);
        fail(s);
        return;
    }
    su_url_shown(address, shown);
    s->server = server_of(s->f, address);
    if (replace(&s->item.address, shown, &err) < 0) {
        stop(s->f, &err);
        release(s);
        return;
    }
    s->phase = s->part.have < s->part.size ? SU_SLOT_REREADING : SU_SLOT_READY;
}

/* Whole files. */

static int record_stored(struct su_fetch_run *f, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    if (su_begin(&t, f->home->db, err) < 0)
        return -1;
    for (size_t i = 0; i < f->stored_count; i++)
        if (su_store_record(f->home->db, &f->stored[i].id, 0, err) < 0)
            return -1;
    return su_commit(&t, err);
}

/* All whole files so far are durable, named and entered; only then do their parts go. */
int su_fetch_settle(struct su_fetch_run *f, struct su_err *err)
{
    f->settled = su_time_monotonic();
    if (f->stored_count == 0)
        return 0;
    if (su_store_settle(&f->batch, err) < 0 || record_stored(f, err) < 0)
        return -1;
    for (size_t i = 0; i < f->stored_count; i++)
        if (su_fetch_part_remove(f->parts, f->stored[i].sha1, err) < 0)
            return -1;
    f->stored_count = 0;
    f->stored_bytes = 0;
    return 0;
}

static int judge(const struct su_fetch_item *item, const struct su_file_id *have, struct su_err *err)
{
    struct su_file_id want = *have;
    memcpy(want.sha1, item->sha1, SU_SHA1_BYTES);
    if (item->has_sha256)
        memcpy(want.sha256, item->sha256, SU_SHA256_BYTES);
    if (memcmp(have->sha1, item->sha1, SU_SHA1_BYTES) != 0) {
        char a[2 * SU_SHA1_BYTES + 1], b[2 * SU_SHA1_BYTES + 1];
        su_hex_format(have->sha1, SU_SHA1_BYTES, a);
        su_hex_format(item->sha1, SU_SHA1_BYTES, b);
        return su_fail(err, SU_CONTENT_WRONG, "what came has SHA-1 %s, expected %s", a, b);
    }
    return su_store_compare(have, &want, err);
}

static void take_in(struct su_fetch_slot *s)
{
    struct su_fetch_run *f = s->f;
    struct su_err err = SU_ERR_INIT;
    struct su_file_id id;
    bool was_linked;
    if (f->has_fatal) { /* then nothing is entered any more; the part stays */
        release(s);
        return;
    }
    if (su_fetch_part_identify(&s->part, &id, &err) < 0) {
        stop(f, &err);
        release(s);
        return;
    }
    if (judge(&s->item, &id, &err) < 0) {
        blame(s, &err);
        drop_bytes(s, &err);
        return;
    }
    if (su_store_adopt(&f->batch, s->part.fd, &id, &was_linked, &err) < 0) {
        stop(f, &err);
        release(s);
        return;
    }
    struct su_fetch_stored *stored = &f->stored[f->stored_count++];
    stored->id = id;
    memcpy(stored->sha1, s->item.sha1, SU_SHA1_BYTES);
    f->stored_bytes += id.bytes;
    f->report->fetched++;
    f->has_progress = true;
    tell(f, &s->item, s->item.address, "", true, s->part.kept);
    note(s, SU_FETCH_STORED);
    release(s);
    if ((f->stored_count == SU_SETTLE_FILES || f->stored_bytes >= SETTLE_BYTES) &&
        su_fetch_settle(f, &err) < 0)
        stop(f, &err);
}

/* What the server says. */

static int on_begin(void *context, const struct su_http_answer *answer, struct su_err *err)
{
    struct su_fetch_slot *s = context;
    struct su_fetch_run *f = s->f;
    uint64_t left = s->item.bytes - answer->from;
    if (answer->from == 0 && s->part.have > 0) { /* it cannot go on in the middle */
        f->to_come += s->part.have;
        if (su_fetch_part_restart(&s->part, err) < 0)
            return -1;
    }
    if (answer->length != UINT64_MAX && answer->length != left)
        return su_fail(err, SU_CONTENT_WRONG, "the server has a file of %llu bytes, expected %llu",
                       (unsigned long long)(answer->from + answer->length),
                       (unsigned long long)s->item.bytes);
    return 0;
}

static int on_bytes(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct su_fetch_slot *s = context;
    struct su_fetch_run *f = s->f;
    if (length > s->item.bytes - s->part.have)
        return su_fail(err, SU_CONTENT_WRONG, "more than the %llu bytes expected came",
                       (unsigned long long)s->item.bytes);
    if (su_fetch_part_write(&s->part, bytes, length, err) < 0)
        return -1;
    s->came += length;
    f->came += length;
    if (s->server)
        s->server->silent = 0;
    f->report->bytes_fetched += length;
    su_progress(f->events, SU_FETCH_DONE, "content", f->came, f->to_come > f->came ? f->to_come : f->came + 1,
                "bytes");
    return 0;
}

static void on_failure(struct su_fetch_slot *s, const struct su_err *why)
{
    struct su_fetch_run *f = s->f;
    struct su_err err = *why;
    blame(s, why);
    switch ((int)why->code) {
    case SU_NETWORK:
        f->report->code = why->code;
        if (s->server)
            s->server->silent++;
        try_later(s);
        return;
    case SU_CONTENT_WRONG: drop_bytes(s, &err); return;
    case SU_CERTIFICATE:
    case SU_TLS:
        f->report->code = why->code;
        give_up_address(s);
        return;
    case SU_ADDRESS:
    case SU_LIMIT: give_up_address(s); return;
    default: stop(f, why); release(s);
    }
}

/* What an answer other than the file means to people. */
static void explain_status(struct su_fetch_slot *s, long status, struct su_err *err)
{
    const char *why = status == 404 ? s->is_upstream ? ": the server does not hold the file" : ": it is gone"
                      : status == 403 && !s->is_upstream
                          ? ": refused; an address with a limited time has ended, and a new "
                            "synchronization brings another"
                          : "";
    (void)su_fail(err, SU_HTTP_STATUS, "the server answered %ld%s", status, why);
}

static void on_status(struct su_fetch_slot *s, const struct su_http_answer *answer)
{
    struct su_fetch_run *f = s->f;
    struct su_err err = SU_ERR_INIT;
    long status = answer->status;
    bool is_asked_for = status == 404 && s->is_upstream && f->options->ask;
    explain_status(s, status, &err);
    blame(s, &err);
    if (answer->retry_seconds > f->retry_after)
        f->retry_after = answer->retry_seconds;
    if (is_asked_for && su_fetch_list_note_absent(f->home->db, &s->item, &err) < 0)
        stop(f, &err);
    if (s->server)
        s->server->silent = status >= 500 ? s->server->silent + 1 : 0;
    if (status == 416) /* its file ends before our part does */
        drop_bytes(s, &err);
    else if (is_asked_for || status >= 500 || status == 408 || status == 425 || status == 429)
        try_later(s);
    else
        give_up_address(s);
}

static void on_done(void *context, const struct su_http_answer *answer)
{
    struct su_fetch_slot *s = context;
    struct su_err err = SU_ERR_INIT;
    s->f->has_progress |= s->came >= PROGRESS_BYTES;
    if (answer->failure) {
        on_failure(s, answer->failure);
    } else if (answer->status != 200 && answer->status != 206) {
        on_status(s, answer);
    } else if (s->part.have < s->item.bytes) {
        (void)su_fail(&err, SU_NETWORK, "the answer ended after %llu of %llu bytes",
                      (unsigned long long)s->part.have, (unsigned long long)s->item.bytes);
        on_failure(s, &err);
    } else {
        take_in(s);
    }
}

/* Its beginning. */

void su_fetch_slot_ask(struct su_fetch_slot *s)
{
    struct su_fetch_run *f = s->f;
    struct su_err err = SU_ERR_INIT;
    char address[SU_ADDRESS_TEXT];
    s->came = 0;
    s->phase = SU_SLOT_ASKING;
    if (s->part.have == s->item.bytes) { /* it had come whole, or is empty */
        take_in(s);
        return;
    }
    if (su_fetch_item_address(f, &s->item, &s->is_upstream, address, &err) < 0 ||
        su_http_start(f->http,
                      &(struct su_http_request){.url = address,
                                                .from = s->part.have,
                                                .max_bytes = UINT64_MAX,
                                                .begin = on_begin,
                                                .sink = on_bytes,
                                                .done = on_done,
                                                .context = s},
                      &err) < 0)
        on_failure(s, &err);
}

/* 1: the slot has a file. 0: none is left in this round. */
int su_fetch_slot_take(struct su_fetch_run *f, struct su_fetch_slot *s, struct su_err *err)
{
    int more = su_fetch_list_next(f->home->db, &f->after, &s->item, err);
    if (more <= 0)
        return more;
    if (is_silent(f, &s->item)) {
        su_fetch_item_cleanup(&s->item);
        return 1;
    }
    f->busy++;
    s->came = 0;
    s->is_anew = false;
    if (su_fetch_part_open(&s->part, f->parts, s->item.sha1, s->item.bytes, err) < 0)
        return -1;
    settle_address(s);
    return 1;
}
