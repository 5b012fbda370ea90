#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/catalogue/state.h"
#include "common/hub/export_plan.h"
#include "common/hub/settled.h"
#include "common/receipt/statement.h"
#include "common/sys/clock.h"

#define LINE_BYTES 512
#define READ_BYTES (64 * SU_KIB)

/* Lines of a file, hashed as they are handed out; the signature's line is not. */
struct lines {
    int fd;
    char *bytes;
    size_t at, end;
    struct su_digest digest;
    char line[LINE_BYTES]; /* without its LF */
    bool is_again;         /* it is handed out once more */
};

static int bad(const char *what, struct su_err *err)
{
    return su_fail(err, SU_RECEIPT, "the state file %s", what);
}

/* 1: a line. 0: the end, right after a line. */
static int next_line(struct lines *l, struct su_err *err)
{
    size_t n = 0;
    if (l->is_again) {
        l->is_again = false;
        return 1;
    }
    for (;;) {
        if (l->at == l->end) {
            ssize_t got = su_file_read(l->fd, l->bytes, READ_BYTES, err);
            if (got < 0)
                return -1;
            if (got == 0)
                return n == 0 ? 0 : bad("ends inside a line", err);
            l->at = 0;
            l->end = (size_t)got;
        }
        char c = l->bytes[l->at++];
        if (c == '\n')
            break;
        if (c == 0 || n + 1 >= sizeof l->line)
            return bad("has a line that is none of its forms", err);
        l->line[n++] = c;
    }
    l->line[n] = 0;
    if (strncmp(l->line, "signature ", 10) == 0)
        return 1;
    return su_digest_add(&l->digest, l->line, n, err) < 0 || su_digest_add(&l->digest, "\n", 1, err) < 0 ? -1
                                                                                                         : 1;
}

static int rewind_lines(struct lines *l, struct su_err *err)
{
    l->at = l->end = 0;
    if (lseek(l->fd, 0, SEEK_SET) < 0)
        return su_fail_sys(err, "reading the state file");
    return su_digest_open(&l->digest, SU_SHA256, err);
}

/* First pass: who signed it, over which digest. Nothing else of it is looked at before. */
static int check_signature(struct su_home *hub, struct lines *l, struct su_site *site,
                           uint8_t digest[SU_SHA256_BYTES], struct su_err *err)
{
    uint8_t signature[SU_SIGNATURE_BYTES];
    char text[SU_STATEMENT_SIGNED_TEXT], code[17] = "";
    int more;
    if (rewind_lines(l, err) < 0)
        return -1;
    while ((more = next_line(l, err)) > 0 && strncmp(l->line, "signature ", 10) != 0)
        if (!code[0] && strncmp(l->line, "site ", 5) == 0 && su_site_code_is_valid(l->line + 5))
            (void)snprintf(code, sizeof code, "%s", l->line + 5);
    if (more < 0)
        return -1;
    if (more == 0 || !code[0] ||
        !su_base64_parse(signature, sizeof signature, l->line + 10, strlen(l->line + 10)))
        return bad("carries no signature of a site", err);
    if ((more = next_line(l, err)) != 0)
        return more < 0 ? -1 : bad("goes on after its signature", err);
    if (su_digest_end(&l->digest, digest, err) < 0 || su_site_load(hub->db, code, site, err) < 0)
        return -1;
    su_statement_signed_text(digest, text);
    return su_site_check_signature(site, text, strlen(text), signature, err);
}

/* The value of the next line, which must be called `name`. */
static const char *field(struct lines *l, const char *name, struct su_buf *head, struct su_err *err)
{
    size_t n = strlen(name);
    int more = next_line(l, err);
    if (more < 0)
        return NULL;
    if (more == 0 || strncmp(l->line, name, n) != 0 || l->line[n] != ' ') {
        (void)su_fail(err, SU_RECEIPT, "the state file lacks its line '%s'", name);
        return NULL;
    }
    su_buf_addf(head, "%s\n", l->line);
    return l->line + n + 1;
}

static int number(struct lines *l, const char *name, uint64_t max, struct su_buf *head, uint64_t *out,
                  struct su_err *err)
{
    const char *text = field(l, name, head, err);
    if (!text)
        return -1;
    return su_u64_parse(out, text, strlen(text), max) ? 0 : bad("has a number that is none", err);
}

static int hash(struct lines *l, const char *name, struct su_buf *head, uint8_t out[SU_SHA256_BYTES],
                struct su_err *err)
{
    const char *text = field(l, name, head, err);
    if (!text)
        return -1;
    return su_hex_parse(out, SU_SHA256_BYTES, text, strlen(text), true)
               ? 0
               : bad("has a digest that is none", err);
}

struct claims {
    struct su_receipt receipt;
    uint64_t highest;
    char created[40];
};

/* Only where there is something to say. */
static int read_urgent(struct lines *l, struct claims *c, struct su_buf *head, struct su_err *err)
{
    static const char name[] = "urgent ";
    int more = next_line(l, err);
    if (more <= 0)
        return more;
    if (strncmp(l->line, name, strlen(name)) != 0) {
        l->is_again = true;
        return 0;
    }
    const char *text = l->line + strlen(name);
    su_buf_addf(head, "%s\n", l->line);
    return su_u64_parse(&c->receipt.urgent, text, strlen(text), SU_MAX_URGENT_NUMBER) && c->receipt.urgent > 0
               ? 0
               : bad("has a number of an urgent bundle that is none", err);
}

static int read_head(struct lines *l, struct claims *c, struct su_buf *head, struct su_err *err)
{
    const char *text;
    int more = next_line(l, err);
    if (more < 0)
        return -1;
    if (more == 0 || strcmp(l->line, "SU-SITE-STATE 1") != 0)
        return bad("does not begin as one", err);
    su_buf_adds(head, SU_STATEMENT_FIRST);
    if (!(text = field(l, "site", head, err)))
        return -1;
    if (!su_site_code_is_valid(text))
        return bad("names no site", err);
    (void)snprintf(c->receipt.site, sizeof c->receipt.site, "%.16s", text);
    if (!(text = field(l, "hub", head, err)))
        return -1;
    if (!su_name_is_valid(text))
        return bad("names no hub", err);
    if (number(l, "sequence", 999999, head, &c->receipt.sequence, err) < 0 ||
        number(l, "highest", 999999, head, &c->highest, err) < 0 || !(text = field(l, "created", head, err)))
        return -1;
    if (!*text || strlen(text) >= sizeof c->created || strspn(text, "0123456789-:T.Z+") != strlen(text))
        return bad("has a time that is none", err);
    (void)snprintf(c->created, sizeof c->created, "%s", text);
    if (hash(l, "manifest", head, c->receipt.manifest, err) < 0 ||
        hash(l, "state", head, c->receipt.state, err) < 0 ||
        number(l, "content-owed", 999999, head, &c->receipt.content_owed, err) < 0 ||
        number(l, "entry", 999999999999, head, &c->receipt.entry, err) < 0 ||
        read_urgent(l, c, head, err) < 0)
        return -1;
    return c->highest >= c->receipt.sequence && c->receipt.sequence > 0
               ? 0
               : bad("has a sequence above the highest", err);
}

/* The line before: records and files come in one order, each once. */
struct last {
    bool has_record, has_file;
    struct su_guid id;
    uint64_t revision;
    uint8_t file[SU_SHA256_BYTES];
};

/* "R guid revision origin record document" */
static int take_record(struct su_db *db, const struct su_site *site, uint64_t sequence, struct last *last,
                       const char *line, struct su_state_builder *builder, struct su_err *err)
{
    struct su_guid id = {.bytes = {0}};
    uint64_t revision = 0, origin = 0;
    uint8_t record[SU_SHA256_BYTES], document[SU_SHA256_BYTES];
    const char *at = line + 2 + SU_GUID_TEXT;
    size_t length = strlen(line), n = length > (size_t)(at - line) ? strcspn(at, " ") : 0;
    bool is_good = n > 0 && su_guid_parse(&id, line + 2, SU_GUID_TEXT - 1) &&
                   su_u64_parse(&revision, at, n, UINT32_MAX) && strlen(at + n) == 3 + 64 + 1 + 64 &&
                   su_u64_parse(&origin, at + n + 1, 1, 2) &&
                   su_hex_parse(record, sizeof record, at + n + 3, 64, true) &&
                   su_hex_parse(document, sizeof document, at + n + 3 + 65, 64, true);
    if (!is_good)
        return bad("has a record that is none", err);
    int order = last->has_record ? memcmp(last->id.bytes, id.bytes, sizeof id.bytes) : -1;
    if (order > 0 || (order == 0 && last->revision >= revision))
        return bad("has records out of their order", err);
    last->has_record = true;
    last->id = id;
    last->revision = revision;
    return su_run(db, err, "INSERT INTO site_state VALUES (?1,?2,?3,?4,NULL,?5,?6)", SU_I(site->site_id),
                  SU_B(id.bytes, sizeof id.bytes), SU_I(revision), SU_I(sequence),
                  SU_B(record, sizeof record), SU_B(document, sizeof document)) < 0
               ? -1
               : su_state_add(builder, &id, record, err);
}

static int take_file(struct su_db *db, const struct su_site *site, uint64_t sequence, struct last *last,
                     const char *line, struct su_err *err)
{
    uint8_t sha256[SU_SHA256_BYTES];
    if (!su_hex_parse(sha256, sizeof sha256, line + 2, strlen(line + 2), true))
        return bad("has a file that is none", err);
    if (last->has_file && memcmp(last->file, sha256, sizeof sha256) >= 0)
        return bad("has files out of their order", err);
    last->has_file = true;
    memcpy(last->file, sha256, sizeof sha256);
    return su_run(db, err, "INSERT OR IGNORE INTO site_file VALUES (?1,?2,?3)", SU_I(site->site_id),
                  SU_B(sha256, sizeof sha256), SU_I(sequence));
}

/* The lines since `start` are the profile in its one form, as in a manifest. */
static int check_profile(const struct su_profile *profile, const struct su_buf *head, size_t start,
                         struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_MANIFEST_BYTES);
    su_profile_format(profile, &text);
    su_profile_format_approvals(profile, &text);
    if (su_buf_check(&text, "a profile", err) < 0)
        return -1;
    return text.length == head->length - start && memcmp(text.bytes, head->bytes + start, text.length) == 0
               ? 0
               : bad("has another profile than could be written", err);
}

/* Profile lines, then records, then files. */
/* NOLINTNEXTLINE(readability-function-cognitive-complexity): 26: one line after the other of one text */
static int take_body(struct su_db *db, struct su_site *site, struct lines *l, const struct claims *c,
                     struct su_buf *head, struct su_state *state, struct su_rebuild_result *result,
                     struct su_err *err)
{
    SU_AUTO(su_state_builder) struct su_state_builder builder = SU_STATE_BUILDER_INIT;
    uint64_t sequence = c->receipt.sequence;
    size_t start = head->length;
    struct last last = {.has_record = false};
    int more;
    su_profile_cleanup(&site->profile);
    site->profile = (struct su_profile){.content = SU_CONTENT_NONE};
    while ((more = next_line(l, err)) > 0 && strncmp(l->line, "signature ", 10) != 0) {
        bool is_record = strncmp(l->line, "R ", 2) == 0, is_file = strncmp(l->line, "F ", 2) == 0;
        if (is_record && result->files == 0) {
            if (result->revisions++ >= SU_MAX_PACKAGE_REVISIONS ||
                take_record(db, site, sequence, &last, l->line, &builder, err) < 0)
                return result->revisions > SU_MAX_PACKAGE_REVISIONS ? bad("has too many records", err) : -1;
        } else if (is_file) {
            if (result->files++ >= SU_MAX_PACKAGE_FILES ||
                take_file(db, site, sequence, &last, l->line, err) < 0)
                return result->files > SU_MAX_PACKAGE_FILES ? bad("has too many files", err) : -1;
        } else if (result->revisions > 0 || result->files > 0 ||
                   !su_profile_parse_line(&site->profile, l->line, strlen(l->line), err)) {
            return bad("has a line that is none of its forms", err);
        } else {
            su_buf_addf(head, "%s\n", l->line);
        }
    }
    if (more < 0 || su_buf_check(head, "a state file", err) < 0 ||
        check_profile(&site->profile, head, start, err) < 0)
        return -1;
    return su_state_end(&builder, state, err);
}

static int refuse_known(const struct su_site *site, const struct su_receipt *r, struct su_err *err)
{
    uint64_t sequence = r->sequence;
    /* Books restored from an old copy still know how far the site's ledger was: nothing from before is taken.
     */
    if (site->last_sent < sequence && r->entry < site->newest_entry) {
        (void)su_fail(err, SU_RECEIPT_OLD,
                      "it was made at ledger entry %llu of site %s, a receipt of entry %llu was taken before",
                      (unsigned long long)r->entry, site->code, (unsigned long long)site->newest_entry);
        return su_remedy(err, "Bring a new state file: suimport receipt --state --out FILE");
    }
    if (site->last_sent < sequence)
        return 0;
    (void)su_fail(err, SU_REBUILD_REFUSED,
                  "this hub has made bundles for %s up to %llu itself, what was brought is of sequence %llu",
                  site->code, (unsigned long long)site->last_sent, (unsigned long long)sequence);
    return su_remedy(err,
                     "Take an ordinary receipt, without --rebuild. If these bundles never left, make the "
                     "next one with --full.");
}

/* The bundle an earlier hub made, in the books of this one. */
static int book(struct su_db *db, const struct su_site *site, const struct claims *c, bool is_complete,
                uint64_t records, uint64_t files, struct su_err *err)
{
    const struct su_receipt *r = &c->receipt;
    char now[SU_TIME_TEXT];
    if (is_complete &&
        su_run(db, err,
               "INSERT INTO export (site_id, sequence, kind, exported, created, state_digest, "
               "manifest_sha256, volumes, bytes, records, files, content_holes)"
               " VALUES (?1,?2,'rebuilt',?3,?4,?5,?6,0,0,?7,?8,?9)",
               SU_I(site->site_id), SU_I(r->sequence), SU_T(su_time_now(now)), SU_T(c->created),
               SU_B(r->state, SU_SHA256_BYTES), SU_B(r->manifest, SU_SHA256_BYTES), SU_I(records),
               SU_I(files), SU_I(r->content_owed)) < 0)
        return -1;
    return su_run(db, err,
                  "UPDATE site SET acknowledged=?2, complete=?2, kept_from=?3, numbers_used=?4,"
                  " newest_entry=?5, content_owed=?6, urgent_taken=max(urgent_taken, ?7) WHERE site_id=?1",
                  SU_I(site->site_id), SU_I(is_complete ? r->sequence : 0), SU_I(r->sequence),
                  SU_I(c->highest), SU_I(r->entry), SU_I(r->content_owed), SU_I(r->urgent));
}

static int close_rebuild(struct su_db *db, const struct su_site *site, const struct claims *c,
                         const char *kind, const char *text, const struct su_actor *actor,
                         struct su_rebuild_result *result, struct su_err *err)
{
    char now[SU_TIME_TEXT];
    struct su_ledger_entry entry = {.actor = actor,
                                    .kind = "receipt",
                                    .site = site->code,
                                    .sequence = c->receipt.sequence,
                                    .detail = result->is_complete ? "books rebuilt" : "number taken over"};
    (void)snprintf(result->site, sizeof result->site, "%s", site->code);
    result->sequence = c->receipt.sequence;
    result->next = c->highest + 1;
    if (su_urgent_next(db, site, &result->next_urgent, err) < 0 ||
        su_sha256(entry.subject, text, strlen(text), err) < 0 ||
        su_run(db, err,
               "INSERT INTO receipt (site_id, taken, kind, sequence, entry, content_owed, text)"
               " VALUES (?1,?2,?3,?4,?5,?6,?7)",
               SU_I(site->site_id), SU_T(su_time_now(now)), SU_T(kind), SU_I(c->receipt.sequence),
               SU_I(c->receipt.entry), SU_I(c->receipt.content_owed), SU_T(text)) < 0)
        return -1;
    return su_ledger_add(db, &entry, err);
}

static int forget(struct su_db *db, const struct su_site *site, struct su_err *err)
{
    return su_settled_forget(db, site, err) < 0 ||
                   su_run(db, err, "DELETE FROM site_state WHERE site_id=?1", SU_I(site->site_id)) < 0
               ? -1
               : su_run(db, err, "DELETE FROM site_file WHERE site_id=?1", SU_I(site->site_id));
}

static int take(struct su_home *hub, struct lines *l, const struct su_actor *actor,
                struct su_rebuild_result *result, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    SU_AUTO(su_buf) struct su_buf head = SU_BUF_INIT(SU_MAX_STATEMENT_HEAD_BYTES);
    struct claims c = {.highest = 0};
    struct su_state state;
    uint8_t digest[SU_SHA256_BYTES], again[SU_SHA256_BYTES];
    if (su_begin(&t, hub->db, err) < 0 || check_signature(hub, l, &site, digest, err) < 0 ||
        rewind_lines(l, err) < 0 || read_head(l, &c, &head, err) < 0 ||
        refuse_known(&site, &c.receipt, err) < 0 || forget(hub->db, &site, err) < 0 ||
        take_body(hub->db, &site, l, &c, &head, &state, result, err) < 0 ||
        su_digest_end(&l->digest, again, err) < 0)
        return -1;
    if (memcmp(digest, again, sizeof digest) != 0 || strcmp(site.code, c.receipt.site) != 0)
        return bad("changed while it was read", err);
    if (memcmp(state.digest, c.receipt.state, sizeof state.digest) != 0)
        return bad("lists other records than its state digest names", err);
    result->is_complete = true;
    if (su_buf_check(&head, "a state file", err) < 0 || su_site_save(hub->db, &site, false, err) < 0 ||
        book(hub->db, &site, &c, true, result->revisions, result->files, err) < 0 ||
        close_rebuild(hub->db, &site, &c, "state", head.bytes, actor, result, err) < 0)
        return -1;
    return su_commit(&t, err);
}

int su_statement_take(struct su_home *hub, const char *path, const struct su_actor *actor,
                      struct su_rebuild_result *result, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    SU_AUTO(su_buf) struct su_buf room = SU_BUF_INIT(READ_BYTES);
    struct lines l = {.digest = SU_DIGEST_INIT};
    *result = (struct su_rebuild_result){.sequence = 0};
    if (su_file_open(&fd, AT_FDCWD, path, NULL, err) < 0)
        return -1;
    l.fd = fd;
    l.bytes = su_buf_reserve(&room, READ_BYTES - 1);
    int code = l.bytes ? take(hub, &l, actor, result, err) : su_fail_memory(err);
    su_digest_cleanup(&l.digest);
    return code < 0 ? su_after(err, "Nothing was written.") : 0;
}

/* Whether a full bundle made now would lead to the very state that the receipt names. */
static int would_send(struct su_home *hub, struct su_site *site, const struct su_actor *actor,
                      struct claims *c, bool *out, struct su_err *err)
{
    SU_AUTO(su_export_result) struct su_export_result plan = SU_EXPORT_RESULT_INIT;
    struct su_export_options o = {.site = site->code, .actor = actor, .is_full = true, .is_plan = true};
    if (su_export_plan(hub, site, &o, &plan, err) < 0) {
        if (err->code != SU_CONFIG)
            return -1;
        su_err_clear(err); /* never synchronized: it would send nothing yet */
        *out = false;
        return 0;
    }
    *out =
        memcmp(plan.manifest.result, c->receipt.state, SU_SHA256_BYTES) == 0 && c->receipt.content_owed == 0;
    (void)snprintf(c->created, sizeof c->created, "%s", plan.manifest.created);
    return 0;
}

static int rebuild(struct su_home *hub, const char *text, const struct su_actor *actor,
                   struct su_rebuild_result *result, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    struct claims c = {.highest = 0};
    uint8_t signature[SU_SIGNATURE_BYTES];
    size_t signed_bytes = 0;
    if (su_receipt_parse(&c.receipt, text, signature, &signed_bytes, err) < 0 ||
        su_begin(&t, hub->db, err) < 0 || su_site_load(hub->db, c.receipt.site, &site, err) < 0 ||
        su_site_check_signature(&site, text, signed_bytes, signature, err) < 0 ||
        refuse_known(&site, &c.receipt, err) < 0 || forget(hub->db, &site, err) < 0 ||
        would_send(hub, &site, actor, &c, &result->is_complete, err) < 0)
        return -1;
    c.highest = c.receipt.sequence;
    if (result->is_complete &&
        (su_run(hub->db, err,
                "INSERT INTO site_state SELECT ?1, update_id, revision, ?2, NULL, record_sha256, doc_sha256 "
                "FROM temp.send JOIN revision USING (rev_id)",
                SU_I(site.site_id), SU_I(c.receipt.sequence)) < 0 ||
         su_run(hub->db, err, "INSERT INTO site_file SELECT ?1, sha256, ?2 FROM temp.deliver",
                SU_I(site.site_id), SU_I(c.receipt.sequence)) < 0))
        return -1;
    if (book(hub->db, &site, &c, result->is_complete, 0, 0, err) < 0 ||
        close_rebuild(hub->db, &site, &c, "file", text, actor, result, err) < 0)
        return -1;
    return su_commit(&t, err);
}

int su_receipt_rebuild(struct su_home *hub, const char *text, const struct su_actor *actor,
                       struct su_rebuild_result *result, struct su_err *err)
{
    *result = (struct su_rebuild_result){.sequence = 0};
    return rebuild(hub, text, actor, result, err) < 0 ? su_after(err, "Nothing was written.") : 0;
}
