/*
 * cmd_catalog.c - catalog import: single updates and files that the synchronization does not bring.
 */
#include <stdio.h>
#include <string.h>

#include "common/source/payload/brought_import.h"
#include "common/source/vendor/vendor.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

static void answer_updates(struct su_context *c, const struct su_brought_result *r)
{
    char id[SU_GUID_TEXT];
    su_json_open(&c->json, "updates", '[');
    for (size_t i = 0; i < r->updates.count; i++) {
        const struct su_brought_served *u = &r->updates.at[i];
        su_guid_format(&u->id, id);
        su_line(c, "  %s revision %u%s  %s", id, u->revision, u->is_pinned ? ", pinned" : "", u->title);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", id);
        su_json_int(&c->json, "revision", u->revision);
        su_json_text(&c->json, "title", u->title);
        su_json_bool(&c->json, "is_pinned", u->is_pinned);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
}

/* What the file says of itself, also of one that is refused. */
static void answer_brought(struct su_context *c, const struct su_brought *p)
{
    char id[SU_GUID_TEXT];
    su_json_text(&c->json, "name", p->name);
    su_json_text(&c->json, "kind", su_brought_kind_text(p->kind));
    su_json_int(&c->json, "bytes", (int64_t)p->id.bytes);
    su_json_hex(&c->json, "sha1", p->id.sha1, SU_SHA1_BYTES);
    su_json_hex(&c->json, "sha256", p->id.sha256, SU_SHA256_BYTES);
    su_json_text(&c->json, "kb", p->kb);
    su_json_text(&c->json, "architecture", p->architecture);
    su_json_text(&c->json, "package", p->package);
    su_json_text(&c->json, "package_version", p->version);
    su_json_open(&c->json, "tells_of", '[');
    for (size_t i = 0; i < p->update_count; i++) {
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", su_guid_format(&p->updates[i].id, id));
        su_json_int(&c->json, "revision", p->updates[i].revision);
        su_json_bool(&c->json, "is_bundle", p->updates[i].is_bundle);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
}

static void answer_taken(struct su_context *c, const struct su_brought *brought,
                         const struct su_brought_result *r)
{
    su_json_open(&c->json, "taken", '[');
    for (size_t i = 0; i < r->files.count; i++) {
        const struct su_brought_taken *t = &r->files.at[i];
        bool is_member = strcmp(t->name, brought->name) != 0;
        su_line(c, "%s%s%s  %s  %s", brought->name, is_member ? ": " : "", is_member ? t->name : "",
                su_bytes_text(t->id.bytes), t->is_held ? "held already" : "adopted");
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "name", t->name);
        su_json_int(&c->json, "bytes", (int64_t)t->id.bytes);
        su_json_hex(&c->json, "sha1", t->id.sha1, SU_SHA1_BYTES);
        su_json_bool(&c->json, "is_held", t->is_held);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
}

static int import_file(struct su_context *c, const char *path, struct su_store_batch *batch,
                       struct su_err *err)
{
    SU_AUTO(su_brought) struct su_brought brought = SU_BROUGHT_INIT;
    SU_AUTO(su_brought_result) struct su_brought_result result = SU_BROUGHT_RESULT_INIT;
    struct su_ledger_entry entry = {.actor = &c->actor, .kind = "catalog", .site = ""};
    char detail[512];
    int code = su_brought_import(&c->home, path, batch, &brought, &result, err);
    su_json_open(&c->json, NULL, '{');
    answer_brought(c, &brought);
    su_json_bool(&c->json, "is_refused", code < 0);
    answer_taken(c, &brought, &result);
    answer_updates(c, &result);
    su_json_close(&c->json, '}');
    if (code < 0)
        return -1;
    (void)snprintf(detail, sizeof detail, "file %.250s, serves %zu updates", brought.name,
                   result.updates.count);
    entry.detail = detail;
    memcpy(entry.subject, brought.id.sha256, SU_SHA256_BYTES);
    return su_ledger_add(c->home.db, &entry, err);
}

static int import_files(struct su_context *c, size_t *count, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_store_batch) struct su_store_batch batch = {.home = &c->home};
    const char *path;
    if (su_store_sweep(&c->home, err) < 0 || su_begin(&t, c->home.db, err) < 0)
        return -1;
    su_json_open(&c->json, "files", '[');
    for (*count = 0; (path = su_given_at(c, "file", *count)); ++*count)
        if (import_file(c, path, &batch, err) < 0)
            return -1;
    su_json_close(&c->json, ']');
    return su_store_settle(&batch, err) < 0 ? -1 : su_commit(&t, err);
}

/* A third-party package is metadata, and taken as a synchronization takes it. */
static int import_package(struct su_context *c, struct su_err *err)
{
    struct su_sync_result r;
    if (su_given_at(c, "file", 1))
        return su_fail(err, SU_USAGE, "third-party packages are imported one at a time");
    if (su_vendor_take_file(&c->home, su_given(c, "file"), false, &c->actor, &c->events, &r, err) < 0)
        return -1;
    su_json_text(&c->json, "source", r.source);
    su_line(c, "%s (%s)", r.source, r.kind);
    su_answer_changes(c, &r.changes, true);
    su_json_int(&c->json, "updates", (int64_t)r.state.updates);
    return 0;
}

int cmd_catalog_import(struct su_context *c, struct su_err *err)
{
    size_t count;
    if (!su_has(c, "file"))
        return cmd_catalog_import_ids(c, err);
    if (su_has(c, "update-ids") || su_argument(c, 0))
        return su_fail(err, SU_USAGE, "--file takes files and no UpdateIDs: import them one after the other");
    if (su_vendor_is_file(su_given(c, "file")))
        return import_package(c, err);
    if (import_files(c, &count, err) < 0)
        return su_after(err, "Nothing was written.");
    su_message(&c->events, SU_PAYLOAD_TAKEN, SU_INFO, "%zu file%s taken into the content store", count,
               count == 1 ? "" : "s");
    return 0;
}
