#include "common/source/payload/brought_import.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/pin.h"
#include "common/source/payload/brought_confined.h"

void su_brought_result_cleanup(struct su_brought_result *r)
{
    free(r->files.at);
    free(r->updates.at);
    *r = (struct su_brought_result)SU_BROUGHT_RESULT_INIT;
}

/* Whether an update document names the digest; when it states another size or SHA-256 the file is wrong. */
static int look_up(struct su_db *db, const struct su_file_id *id, const char *name, bool *is_known,
                   struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t sha256[SU_SHA256_BYTES];
    int more;
    *is_known = false;
    if (su_query(db, &rows, err, "SELECT DISTINCT bytes, sha256 FROM file WHERE sha1=?1",
                 SU_B(id->sha1, SU_SHA1_BYTES)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        bool states_sha256 = !su_rows_is_null(&rows, 1);
        *is_known = true;
        if (states_sha256 && su_rows_fixed(&rows, 1, sha256, sizeof sha256, err) < 0)
            return -1;
        if ((uint64_t)su_rows_int(&rows, 0) != id->bytes)
            return su_fail(err, SU_CONTENT_WRONG,
                           "%s has %llu bytes, the update that names its SHA-1 says %lld", name,
                           (unsigned long long)id->bytes, (long long)su_rows_int(&rows, 0));
        if (states_sha256 && memcmp(sha256, id->sha256, sizeof sha256) != 0)
            return su_fail(err, SU_CONTENT_WRONG,
                           "%s: its SHA-1 agrees with the update that names it, its SHA-256 does not", name);
    }
    return more;
}

/* Who names the file, and who bundles these, up to those that are bundled by none. */
#define SERVED                                                                                               \
    "WITH RECURSIVE up (update_id, revision) AS (SELECT r.update_id, r.revision FROM file f JOIN revision "  \
    "r USING (rev_id) WHERE f.sha1=?1 UNION SELECT r.update_id, r.revision FROM up JOIN bundled b ON "       \
    "b.target=up.update_id AND b.target_revision=up.revision JOIN revision r ON r.rev_id=b.rev_id) "         \
    "SELECT up.update_id, max(up.revision), i.title, NOT EXISTS (SELECT 1 FROM bundled b WHERE "             \
    "b.target=up.update_id AND b.target_revision=up.revision) FROM up JOIN revision r ON "                   \
    "r.update_id=up.update_id AND r.revision=up.revision JOIN info i USING (rev_id) GROUP BY up.update_id "  \
    "ORDER BY 4, 1"

static struct su_brought_served *find_served(struct su_brought_result *r, const struct su_guid *id)
{
    for (size_t i = 0; i < r->updates.count; i++)
        if (memcmp(r->updates.at[i].id.bytes, id->bytes, sizeof id->bytes) == 0)
            return &r->updates.at[i];
    return NULL;
}

static int serve(struct su_db *db, struct su_brought_result *result, const struct su_file_id *file,
                 const char *note, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    int more;
    if (su_query(db, &rows, err, SERVED, SU_B(file->sha1, SU_SHA1_BYTES)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0)
            return -1;
        if (find_served(result, &id))
            continue;
        struct su_brought_served *s = SU_PUSH(&result->updates, SU_MAX_PACKAGE_REVISIONS);
        if (!s)
            return su_fail_memory(err);
        s->id = id;
        s->revision = (uint32_t)su_rows_int(&rows, 1);
        su_escape_into(s->title, sizeof s->title, su_rows_text(&rows, 2));
        s->is_pinned = su_rows_int(&rows, 3) != 0;
        if (s->is_pinned && su_pin_add(db, &s->id, SU_PIN_CATALOGUE, note, err) < 0)
            return -1;
    }
    return more;
}

/* What is told of a file that no document names: everything that was found about it. */
struct story {
    char text[1024], ids[80];
    bool is_told; /* some metadata tells of an update */
};

static void add(struct story *s, const char *fmt, ...) SU_PRINTF(2, 3);
static void add(struct story *s, const char *fmt, ...)
{
    size_t used = strlen(s->text);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(s->text + used, sizeof s->text - used, fmt, args);
    va_end(args);
}

static int tell_scan(struct su_db *db, const struct su_file_id *id, struct story *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    char text[SU_GUID_TEXT], title[200];
    struct su_guid guid;
    /* The bundle is what is imported; what no bundle of the edition holds stands for itself. */
    if (su_query(db, &rows, err,
                 "SELECT coalesce(b.update_id, u.update_id), coalesce(nullif(b.title, ''), u.title) FROM "
                 "scan_file f JOIN "
                 "scan_update u USING (revision_id) LEFT JOIN scan_relation r ON r.revision_id=u.revision_id "
                 "AND r.kind=0 "
                 "LEFT JOIN scan_update b ON b.revision_id=r.target WHERE f.sha1=?1 ORDER BY b.update_id IS "
                 "NULL, 1 LIMIT 1",
                 SU_B(id->sha1, SU_SHA1_BYTES)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    if (su_rows_fixed(&rows, 0, guid.bytes, sizeof guid.bytes, err) < 0)
        return -1;
    su_escape_into(title, sizeof title, su_rows_text(&rows, 1));
    s->is_told = true;
    add(s, "; scan metadata names it for update %s (%s)", su_guid_format(&guid, text), title);
    if (!s->ids[0])
        (void)snprintf(s->ids, sizeof s->ids, "%s", text);
    return 0;
}

static int tell_inside(struct su_db *db, const struct su_brought *p, struct story *s, struct su_err *err)
{
    for (size_t i = 0; i < p->update_count; i++) {
        const struct su_brought_update *u = &p->updates[i];
        char text[SU_GUID_TEXT];
        int64_t held;
        su_guid_format(&u->id, text);
        if (su_query_int(db, &held, NULL, err, "SELECT EXISTS (SELECT 1 FROM revision WHERE update_id=?1)",
                         SU_B(u->id.bytes, sizeof u->id.bytes)) < 0)
            return -1;
        s->is_told = true;
        if (i < 4)
            add(s, "; its WSUSSCAN.cab tells of %s %s revision %u%s", u->is_bundle ? "bundle" : "update",
                text, u->revision, held ? ", which the catalogue holds without this file" : "");
        if (!s->ids[0] || u->is_bundle)
            (void)snprintf(s->ids, sizeof s->ids, "%s", text);
    }
    return 0;
}

static int refuse(struct su_db *db, const struct su_brought *p, struct su_err *err)
{
    struct story s = {.text = ""};
    char sha1[2 * SU_SHA1_BYTES + 1];
    su_hex_format(p->id.sha1, SU_SHA1_BYTES, sha1);
    if (p->kb[0])
        add(&s, ", KB%s", p->kb);
    if (p->architecture[0])
        add(&s, ", %s", p->architecture);
    if (p->package[0])
        add(&s, ", package %s %s", p->package, p->version);
    if (tell_inside(db, p, &s, err) < 0 || tell_scan(db, &p->id, &s, err) < 0)
        return -1;
    for (size_t i = 0; i < p->members.count && !s.ids[0]; i++)
        if (tell_scan(db, &p->members.at[i].id, &s, err) < 0)
            return -1;
    (void)su_fail(err, s.is_told ? SU_SCAN_ONLY : SU_PAYLOAD_UNKNOWN,
                  "%s (%s, %llu bytes, SHA-1 %s%s): no update document of the catalogue names this file%s",
                  p->name, su_brought_kind_text(p->kind), (unsigned long long)p->id.bytes, sha1, s.text,
                  p->members.count > 0 ? " or one inside it" : "");
    return su_remedy(err,
                     "Bring the update's document first, then run this again: suexport catalog import "
                     "--update-ids %s from an "
                     "upstream server, or suexport sync --from a wsusutil export that holds it.",
                     s.ids[0] ? s.ids : "GUID");
}

struct import {
    struct su_home *home;
    int fd;
    struct su_store_batch *batch;
    struct su_brought *brought;
    struct su_brought_result *result;
};

/* Takes it when a document names it. `member` NULL: the file itself. */
static int take(struct import *i, const struct su_brought_member *member, struct su_err *err)
{
    const struct su_file_id *id = member ? &member->id : &i->brought->id;
    const char *name = member ? member->name : i->brought->name;
    bool is_known, was_linked;
    if (look_up(i->home->db, id, name, &is_known, err) < 0)
        return -1;
    if (!is_known)
        return 0;
    struct su_brought_taken *taken = SU_PUSH(&i->result->files, SU_MAX_BROUGHT_MEMBERS);
    if (!taken)
        return su_fail_memory(err);
    (void)snprintf(taken->name, sizeof taken->name, "%s", name);
    taken->id = *id;
    taken->is_held = su_store_will_have(i->batch, id);
    if (!taken->is_held && (member ? su_brought_extract(i->fd, i->brought, member, i->batch, err)
                                   : su_store_adopt(i->batch, i->fd, id, &was_linked, err)) < 0)
        return -1;
    return su_store_record(i->home->db, id, 0, err) < 0
               ? -1
               : serve(i->home->db, i->result, id, i->brought->name, err);
}

static int take_members(struct import *i, struct su_err *err)
{
    if (su_brought_look(i->fd, i->brought, err) < 0)
        return -1;
    for (size_t m = 0; m < i->brought->members.count; m++)
        if (take(i, &i->brought->members.at[m], err) < 0)
            return su_prefix(err, "%s", i->brought->name);
    return i->result->files.count > 0 ? 0 : refuse(i->home->db, i->brought, err);
}

/* What would be read for long and be nothing: a file without end, or a cabinet of a size that none can have.
 */
static int check_size(int fd, const char *path, uint64_t bytes, struct su_err *err)
{
    char magic[4] = "";
    if (bytes > SU_MAX_BROUGHT_BYTES)
        return su_fail(err, SU_LIMIT, "%s has %llu bytes, at most %llu are accepted", path,
                       (unsigned long long)bytes, (unsigned long long)SU_MAX_BROUGHT_BYTES);
    if (bytes <= 2 * (uint64_t)UINT32_MAX) /* a cabinet and its signature */
        return 0;
    if (su_file_read_at(fd, magic, sizeof magic, 0, err) < 0)
        return su_prefix(err, "%s", path);
    return memcmp(magic, "MSCF", sizeof magic) == 0
               ? su_fail(err, SU_DATA, "%s has %llu bytes, and no cabinet has so many", path,
                         (unsigned long long)bytes)
               : 0;
}

int su_brought_import(struct su_home *home, const char *path, struct su_store_batch *batch,
                      struct su_brought *brought, struct su_brought_result *result, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    uint64_t bytes;
    if (su_file_open(&fd, AT_FDCWD, path, &bytes, err) < 0 || check_size(fd, path, bytes, err) < 0 ||
        su_brought_identify(fd, path, brought, err) < 0)
        return -1;
    struct import i = {home, fd, batch, brought, result};
    if (take(&i, NULL, err) < 0)
        return -1;
    return result->files.count > 0 ? 0 : take_members(&i, err);
}
