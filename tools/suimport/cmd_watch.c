/*
 * cmd_watch.c - the unattended drop: bundles that appear in a folder are imported.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/sys/interrupt.h"
#include "common/trust/bundle.h"
#include "tools/cli/look.h"
#include "tools/suimport/commands.h"
#include "tools/suimport/medium.h"

/* One thing that was looked at, and need not be again while it stays as it is. */
struct known {
    char *path; /* owned */
    struct su_stamp stamp;
    int64_t books; /* how far the site's books were, for what they may decide otherwise later; -1: whatever
                      they say */
    bool is_settled;
};
struct watch {
    const char *inbox;
    int64_t interval;
    struct known *known; /* of the look before */
    size_t count;
    uint64_t looks, imported, refused;
    char trouble[sizeof((struct su_err *)0)->text]; /* told already */
};

static void forget(struct known *known, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(known[i].path);
    /* NOLINTNEXTLINE(analyzer-malloc-leak): their paths were freed in the loop before */
    free(known);
}

/* NOLINTNEXTLINE(misc-no-recursion): `depth` is counted down */
static void stamp_folder(struct su_digest *digest, int dir, unsigned depth, int64_t *newest)
{
    SU_AUTO(su_names) struct su_names names = {0};
    struct su_err ignored = SU_ERR_INIT;
    if (su_dir_list(dir, &names, SU_MAX_FOLDER_NAMES, &ignored) < 0)
        return;
    for (size_t i = 0; i < names.count; i++) {
        SU_AUTO(su_fd) su_fd below = -1;
        struct su_file_mark mark;
        if (!su_file_look(dir, names.at[i], &mark))
            continue;
        mark.device = mark.inode = 0; /* another each time a medium is put in */
        *newest = mark.changed > *newest ? mark.changed : *newest;
        if (su_digest_add(digest, names.at[i], strlen(names.at[i]) + 1, &ignored) < 0 ||
            su_digest_add(digest, &mark, sizeof mark, &ignored) < 0)
            return;
        if (depth > 0 && !mark.is_regular && su_dir_open_below(&below, dir, names.at[i], &ignored) == 0)
            stamp_folder(digest, below, depth - 1, newest);
    }
}

void su_stamp_take(const char *path, struct su_stamp *out)
{
    SU_AUTO(su_fd) su_fd dir = -1, pool = -1;
    SU_AUTO(su_digest) struct su_digest digest = SU_DIGEST_INIT;
    SU_AUTO(su_buf) struct su_buf manifest = SU_BUF_INIT(SU_MAX_MANIFEST_BYTES);
    struct su_err ignored = SU_ERR_INIT;
    struct su_file_mark itself;
    *out = (struct su_stamp){.changed = 0};
    if (su_dir_open(&dir, AT_FDCWD, path, &ignored) < 0 || su_digest_open(&digest, SU_SHA256, &ignored) < 0)
        return;
    if (su_file_look(dir, ".", &itself))
        out->changed = itself.changed;
    stamp_folder(&digest, dir, 0, &out->changed);
    if (su_dir_open_below(&pool, dir, "../" SU_POOL_NAME, &ignored) == 0)
        stamp_folder(&digest, pool, 1, &out->changed);
    if (su_file_read_all(dir, SU_MANIFEST_NAME, &manifest, &ignored) < 0 ||
        su_digest_add(&digest, manifest.bytes, manifest.length, &ignored) < 0 ||
        su_digest_end(&digest, out->digest, &ignored) < 0)
        memset(out->digest, 0, sizeof out->digest);
}

/* A trusted key, an accepted policy, another import: each is an entry, and may decide what was refused. */
static int read_books(struct su_context *c, int64_t *out, struct su_err *err)
{
    return su_query_int(c->home.db, out, NULL, err,
                        "SELECT coalesce(max(entry), 0) FROM ledger WHERE kind NOT IN ('refuse', 'alert')");
}

/* What has to be tried of what was found; the rest of `list` is kept in `rest` as known. */
static size_t sift(const struct watch *w, struct su_candidate *list, size_t count, int64_t books,
                   struct known *now)
{
    size_t tries = 0;
    for (size_t i = 0; i < count; i++) {
        const struct known *k = NULL;
        su_stamp_take(list[i].path, &list[i].stamp);
        for (size_t n = 0; n < w->count && !k; n++)
            k = strcmp(w->known[n].path, list[i].path) == 0 ? &w->known[n] : NULL;
        bool is_same = k && memcmp(k->stamp.digest, list[i].stamp.digest, SU_SHA256_BYTES) == 0;
        list[i].is_moving = k && !is_same;
        now[i].stamp = list[i].stamp;
        if (is_same && k->is_settled && (k->books == -1 || k->books == books)) {
            now[i].is_settled = true;
            now[i].books = k->books;
        } else {
            list[tries++] = list[i];
        }
    }
    return tries;
}

/* Who was tried is known as it was before the trial: a change during it shows at the next look. */
static void remember(struct known *now, size_t count, const struct su_medium *m, bool is_success,
                     int64_t books)
{
    for (size_t t = 0; t < m->count; t++)
        for (size_t i = 0; i < count; i++)
            if (strcmp(now[i].path, m->list[t].path) == 0) {
                now[i].is_settled = m->list[t].is_settled;
                now[i].books = is_success && m->taken > 0 ? -1 : books;
            }
}

static int take(struct su_context *c, struct watch *w, struct su_candidate *list, size_t count,
                struct known *now, struct su_err *err)
{
    int64_t books = 0;
    struct su_medium medium = {
        .path = w->inbox, .list = list, .is_inbox = true, .quiet_seconds = w->interval};
    if (su_open_home(c, SU_READ, err) < 0 || read_books(c, &books, err) < 0)
        return -1;
    medium.count = sift(w, list, count, books, now);
    if (medium.count == 0)
        return 0;
    if (su_open_home(c, SU_WRITE, err) < 0)
        return su_after(err, "Nothing was written.");
    int result = su_medium_take(c, &medium, false, err);
    remember(now, count, &medium, result == 0, books);
    w->imported += medium.taken;
    w->refused += result < 0 && err->code != SU_INTERRUPTED;
    return result;
}

static int look(struct su_context *c, struct watch *w, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    SU_AUTO(su_names) struct su_names found = {0};
    w->looks++;
    if (su_dir_open(&dir, AT_FDCWD, w->inbox, err) < 0)
        return -1;
    if (su_bundle_find(w->inbox, &found, err) < 0) {
        if (err->code != SU_NO_BUNDLE)
            return -1;
        su_err_clear(err);
        forget(w->known, w->count);
        w->known = NULL;
        w->count = 0;
        return 0;
    }
    struct su_candidate *list = calloc(found.count, sizeof *list);
    struct known *now = calloc(found.count, sizeof *now);
    if (!list || !now) {
        free(list);
        free(now);
        return su_fail_memory(err);
    }
    su_medium_sort(&found, list);
    bool is_whole = true;
    for (size_t i = 0; i < found.count; i++)
        is_whole &= (now[i].path = strdup(list[i].path)) != NULL;
    int result = is_whole ? take(c, w, list, found.count, now, err) : su_fail_memory(err);
    free(list);
    if (is_whole) {
        forget(w->known, w->count);
        w->known = now;
        w->count = found.count;
    } else {
        forget(now, found.count);
    }
    return result;
}

/* The same trouble at every look, such as a folder that is not there, is told once. */
static void tell(struct su_context *c, struct watch *w, const struct su_err *err)
{
    if (strcmp(w->trouble, err->text) != 0)
        su_out_failure(c, err);
    memcpy(w->trouble, err->text, sizeof w->trouble);
}

static int go_on(struct su_context *c, struct watch *w, struct su_err *err)
{
    do {
        uint64_t refused = w->refused;
        su_err_clear(err);
        if (look(c, w, err) == 0)
            w->trouble[0] = 0;
        else if (err->code == SU_INTERRUPTED)
            break;
        else if (w->refused != refused)
            su_out_failure(c, err);
        else
            tell(c, w, err);
        su_cli_pause(c);
    } while (su_wait((double)w->interval, err) == 0);
    su_cli_pause(c);
    su_err_clear(err);
    su_message(&c->events, SU_OK, SU_INFO, "stopped; nothing is half done");
    return 0;
}

int cmd_watch(struct su_context *c, struct su_err *err)
{
    struct watch w = {.inbox = su_given(c, "inbox"), .interval = 60};
    uint64_t interval = 60;
    if (!w.inbox)
        return su_fail(err, SU_USAGE, "watch needs --inbox DIR");
    if (su_given_number(c, "interval", SU_MAX_WATCH_SECONDS, &interval, err) < 0)
        return -1;
    if (interval == 0)
        return su_fail(err, SU_USAGE, "--interval 0: no time lies between the looks");
    w.interval = (int64_t)interval;
    if (su_open_home(c, SU_READ, err) < 0) /* a wrong one is told at once */
        return -1;
    int result = su_has(c, "once") ? look(c, &w, err) : go_on(c, &w, err);
    forget(w.known, w.count);
    su_json_int(&c->json, "looks", (int64_t)w.looks);
    su_json_int(&c->json, "imported", (int64_t)w.imported);
    su_json_int(&c->json, "refused", (int64_t)w.refused);
    if (result == 0 && su_has(c, "once") && w.imported == 0)
        su_line(c, "%s: nothing to do", w.inbox);
    return result;
}
