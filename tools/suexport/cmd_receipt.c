#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/receipt/acknowledge.h"
#include "common/receipt/receipt_code.h"
#include "common/receipt/statement.h"
#include "tools/suexport/commands.h"

static void answer(struct su_context *c, const struct su_receipt_result *r)
{
    su_json_text(&c->json, "site", r->site);
    su_json_int(&c->json, "sequence", (int64_t)r->sequence);
    su_json_int(&c->json, "acknowledged_before", (int64_t)r->before);
    su_json_int(&c->json, "content_owed", (int64_t)r->content_owed);
    su_json_int(&c->json, "urgent", (int64_t)r->urgent);
    su_json_bool(&c->json, "already_taken", r->is_repeated);
    su_json_bool(&c->json, "is_undo", r->is_undo);
    su_json_bool(&c->json, "lacks_files", r->lacks_files);
    if (r->is_repeated) {
        su_message(&c->events, SU_RECEIPT_STALE, SU_INFO,
                   "%s: this receipt for sequence %llu was taken already", r->site,
                   (unsigned long long)r->sequence);
        su_line(c, "%s: already taken, for sequence %llu; nothing changed", r->site,
                (unsigned long long)r->sequence);
        return;
    }
    if (r->is_undo)
        su_line(c, "%s has gone back from sequence %llu to %llu by an undo. The next delta starts there.",
                r->site, (unsigned long long)r->before, (unsigned long long)r->sequence);
    else
        su_line(c, "%s acknowledged sequence %llu; its state is ours. The next delta starts there.", r->site,
                (unsigned long long)r->sequence);
    if (r->urgent)
        su_line(c, "Its newest urgent bundle is %llu%s.", (unsigned long long)r->urgent,
                r->urgent_unknown ? "; these books do not know it, and the next one is numbered after it"
                                  : "");
    if (r->lacks_files)
        su_line(c, "It lacks files that were sent (%llu owed): the next bundle carries them again.",
                (unsigned long long)r->content_owed);
    else if (r->content_owed > 0)
        su_line(c, "It waits for %llu files that this hub declared as missing.",
                (unsigned long long)r->content_owed);
}

static void answer_rebuild(struct su_context *c, const struct su_rebuild_result *r)
{
    su_json_text(&c->json, "site", r->site);
    su_json_int(&c->json, "sequence", (int64_t)r->sequence);
    su_json_int(&c->json, "next_sequence", (int64_t)r->next);
    su_json_int(&c->json, "next_urgent", (int64_t)r->next_urgent);
    su_json_int(&c->json, "revisions", (int64_t)r->revisions);
    su_json_int(&c->json, "files", (int64_t)r->files);
    su_json_bool(&c->json, "is_complete", r->is_complete);
    if (r->is_complete)
        su_line(c, "%s: the books are rebuilt at sequence %llu. The next bundle is a delta, number %llu.",
                r->site, (unsigned long long)r->sequence, (unsigned long long)r->next);
    else
        su_line(c, "%s: only its sequence, %llu, is known. The next bundle is a full one, number %llu.",
                r->site, (unsigned long long)r->sequence, (unsigned long long)r->next);
    if (r->next_urgent > 1)
        su_line(c, "Urgent bundles go on with number %llu.", (unsigned long long)r->next_urgent);
}

/* A state file's first bytes; it may be far larger than a receipt. */
static bool is_statement(const char *path)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    struct su_err ignored = SU_ERR_INIT;
    char first[sizeof SU_STATEMENT_FIRST] = "";
    return su_file_open(&fd, AT_FDCWD, path, NULL, &ignored) == 0 &&
           su_file_read(fd, first, sizeof first - 1, &ignored) == (ssize_t)sizeof first - 1 &&
           strcmp(first, SU_STATEMENT_FIRST) == 0;
}

static int take_statement(struct su_context *c, struct su_err *err)
{
    struct su_rebuild_result r;
    if (!su_has(c, "rebuild")) {
        (void)su_fail(err, SU_REBUILD_REFUSED,
                      "%s is a site's state file; it replaces what this hub knows of the site",
                      su_argument(c, 0));
        (void)su_remedy(err, "If this hub has lost its books: suexport receipt add FILE --rebuild. If not, "
                             "take a receipt.");
        return su_after(err, "Nothing was written.");
    }
    if (su_statement_take(&c->home, su_argument(c, 0), &c->actor, &r, err) < 0)
        return -1;
    answer_rebuild(c, &r);
    return 0;
}

static int rebuild_from_receipt(struct su_context *c, const char *text, struct su_err *err)
{
    struct su_rebuild_result r;
    if (su_receipt_rebuild(&c->home, text, &c->actor, &r, err) < 0)
        return -1;
    answer_rebuild(c, &r);
    return 0;
}

/* Five groups, one argument or five. False when that is no code. */
static bool code_of(const struct su_context *c, struct su_buf *out)
{
    struct su_spoken code;
    for (size_t i = 0; su_argument(c, i); i++)
        su_buf_addf(out, "%s%s", i ? " " : "", su_argument(c, i));
    return out->bytes && su_spoken_parse(&code, out->bytes) && !su_file_exists(AT_FDCWD, out->bytes);
}

static int add(struct su_context *c, struct su_buf *text, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf code = SU_BUF_INIT(256);
    struct su_receipt_result r = {.sequence = 0};
    if (is_statement(su_argument(c, 0)))
        return take_statement(c, err);
    if (code_of(c, &code)) {
        if (su_has(c, "rebuild"))
            return su_fail(err, SU_USAGE, "a code says too little to rebuild books; bring a receipt");
        if (su_receipt_add_code(&c->home, code.bytes, &c->actor, &r, err) < 0)
            return -1;
    } else {
        if (su_argument(c, 1))
            return su_fail(err, SU_USAGE, "one receipt at a time, or a code of 20 characters");
        if (su_file_read_all(AT_FDCWD, su_argument(c, 0), text, err) < 0)
            return -1;
        if (!text->bytes || strlen(text->bytes) != text->length)
            return su_fail(err, SU_RECEIPT, "%s is not a receipt", su_argument(c, 0));
        if (su_has(c, "rebuild"))
            return rebuild_from_receipt(c, text->bytes, err);
        if (su_receipt_add(&c->home, text->bytes, &c->actor, &r, err) < 0)
            return -1;
    }
    answer(c, &r);
    return 0;
}

int cmd_receipt_add(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_RECEIPT_BYTES);
    struct su_ledger_entry entry = {.actor = &c->actor, .site = ""};
    struct su_err ignored = SU_ERR_INIT;
    if (add(c, &text, err) == 0)
        return 0;
    if (text.length > 0 && su_sha256(entry.subject, text.bytes, text.length, &ignored) < 0)
        memset(entry.subject, 0, sizeof entry.subject);
    char claims[64] = "";
    struct su_receipt receipt = {.site = ""};
    uint8_t signature[SU_SIGNATURE_BYTES];
    size_t signed_bytes;
    if (text.length > 0 && su_receipt_parse(&receipt, text.bytes, signature, &signed_bytes, &ignored) == 0)
        (void)snprintf(claims, sizeof claims, "receipt of %s", receipt.site);
    su_ledger_refuse(c->home.db, &entry, claims[0] ? claims : NULL, &c->events, err);
    return -1;
}
