#include "common/source/vendor/vendor_confined.h"

#include <stdlib.h>
#include <string.h>

#include "common/catalogue/update.h"

enum { MANIFEST = SU_FRAME_FIRST, PACKAGE, SKIPPED };

/* ---- the child ----------------------------------------------------------------------------------------- */

struct telling {
    const struct su_vendor_opened *opened;
    const struct su_vendor_hearing *hearing; /* NULL: the manifest is wanted */
    struct su_wire *wire;
    struct su_update update;
};

static int tell_manifest(void *context, const char *text, size_t length, struct su_err *err)
{
    struct telling *t = context;
    su_wire_begin(t->wire, MANIFEST);
    su_put_bytes(t->wire, text, length);
    return su_wire_end(t->wire, err);
}

static int compare_files(const void *a, const void *b)
{
    return memcmp(((const struct su_update_file *)a)->sha1, ((const struct su_update_file *)b)->sha1,
                  SU_SHA1_BYTES);
}

/* In rising order of digest, each once. */
static void put_addresses(struct telling *t)
{
    struct su_update *u = &t->update;
    uint32_t count = 0;
    if (u->files.count > 1)
        qsort(u->files.at, u->files.count, sizeof *u->files.at, compare_files);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < u->files.count; i++) {
            const struct su_update_file *f = &u->files.at[i];
            if (!f->uri[0] || (i > 0 && compare_files(f, f - 1) == 0))
                continue;
            if (pass == 0) {
                count++;
                continue;
            }
            su_put_raw(t->wire, f->sha1, sizeof f->sha1);
            su_put_text(t->wire, f->uri);
        }
        if (pass == 0)
            su_put_u32(t->wire, count);
    }
}

static int tell_package(void *context, const struct su_vendor_package *p, struct su_err *err)
{
    struct telling *t = context;
    char id[SU_GUID_TEXT];
    if (su_update_parse(&t->update, p->document, p->bytes, err) < 0)
        return su_prefix(err, "package %s", su_guid_format(&p->id, id));
    t->hearing->meets(t->hearing->context, &p->id);
    su_wire_begin(t->wire, PACKAGE);
    su_put_raw(t->wire, p->id.bytes, sizeof p->id.bytes);
    su_put_u32(t->wire, p->is_whole);
    su_put_text(t->wire, p->created);
    su_put_bytes(t->wire, p->document, p->bytes);
    put_addresses(t);
    return su_wire_end(t->wire, err);
}

static bool tell_skipped(void *context, const struct su_guid *id)
{
    struct telling *t = context;
    struct su_err failed = SU_ERR_INIT;
    if (!t->hearing->skips(t->hearing->context, id))
        return false;
    su_wire_begin(t->wire, SKIPPED);
    su_put_raw(t->wire, id->bytes, sizeof id->bytes);
    return su_wire_end(t->wire, &failed) == 0; /* else it meets the failure at its next frame */
}

static int read_in_child(void *context, struct su_wire *wire, struct su_err *err)
{
    struct telling *t = context;
    struct su_vendor_reader reader = {.context = t};
    t->wire = wire;
    if (!t->hearing)
        reader.manifest = tell_manifest;
    else
        reader.package = tell_package;
    if (t->hearing && t->hearing->skips)
        reader.skips = tell_skipped;
    return t->opened->is_folder ? su_vendor_read_folder(&reader, t->opened->fd, err)
                                : su_vendor_read_file(&reader, t->opened->fd, err);
}

/* ---- the parent ---------------------------------------------------------------------------------------- */

int su_vendor_hear_start(struct su_confined **out, const struct su_vendor_opened *opened,
                         const struct su_vendor_hearing *hearing, struct su_err *err)
{
    struct telling t = {.opened = opened, .hearing = hearing, .update = SU_UPDATE_INIT};
    struct su_confined_plan plan = {.reads = "the third-party catalogue",
                                    .run = read_in_child,
                                    .context = &t,
                                    .files = {opened->fd},
                                    .file_count = 1,
                                    SU_CONFINED_PLAN_INIT};
    if (opened->is_folder)
        plan.folder = opened->fd;
    return su_confined_start(out, &plan, err);
}

int su_vendor_hear_manifest(const struct su_vendor_opened *opened,
                            int (*take)(void *context, const char *text, size_t length, struct su_err *err),
                            void *context, struct su_err *err)
{
    SU_AUTO(su_confined) struct su_confined *confined = NULL;
    uint32_t kind;
    int more;
    if (su_vendor_hear_start(&confined, opened, NULL, err) < 0)
        return -1;
    while ((more = su_confined_next(confined, &kind, err)) > 0) {
        size_t length;
        const char *text = su_get_bytes(su_confined_wire(confined), &length, SU_MAX_VENDOR_MANIFEST_BYTES);
        if (kind != MANIFEST)
            return su_wire_lies(err);
        if (su_got_all(su_confined_wire(confined), err) < 0)
            return -1;
        if (take(context, text, length, err) < 0)
            return su_prefix(err, "update_manifest.json");
    }
    return more;
}

/* What is no plain address is left out, the package is good without. */
static int hear_addresses(struct su_wire *w, struct su_buf *urls, struct su_err *err)
{
    uint8_t sha1[SU_SHA1_BYTES], last[SU_SHA1_BYTES];
    uint32_t count = su_get_u32(w);
    for (uint32_t i = 0; i < count && !w->is_short; i++) {
        struct su_err ignored = SU_ERR_INIT;
        size_t length;
        su_get_raw(w, sha1, sizeof sha1);
        const char *url = su_get_bytes(w, &length, SU_MAX_XML_TEXT_BYTES);
        if (!w->is_short && i > 0 && memcmp(last, sha1, sizeof sha1) >= 0)
            return su_wire_lies(err);
        memcpy(last, sha1, sizeof last);
        if (!w->is_short)
            (void)!su_urls_add(urls, sha1, url, length, &ignored);
    }
    return su_buf_check(urls, "the list of addresses", err);
}

static int hear_package(struct su_wire *w, const struct su_vendor_hearing *h, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
    struct su_vendor_package p = {.is_whole = false};
    su_get_raw(w, p.id.bytes, sizeof p.id.bytes);
    p.is_whole = su_get_u32(w) != 0;
    const char *created = su_get_text(w, sizeof p.created - 1);
    memcpy(p.created, created, strlen(created) + 1);
    p.document = su_get_bytes(w, &p.bytes, SU_MAX_DOCUMENT_BYTES);
    if (hear_addresses(w, &urls, err) < 0 || su_got_all(w, err) < 0)
        return -1;
    return h->package(h->context, &p, urls.length ? urls.bytes : NULL, urls.length, err);
}

static int hear_skipped(struct su_wire *w, const struct su_vendor_hearing *h, struct su_err *err)
{
    struct su_guid id;
    su_get_raw(w, id.bytes, sizeof id.bytes);
    if (su_got_all(w, err) < 0)
        return -1;
    return h->skips && h->skips(h->context, &id) ? 0 : su_wire_lies(err);
}

int su_vendor_hear(struct su_confined *confined, const struct su_vendor_hearing *h, struct su_err *err)
{
    struct su_wire *w = su_confined_wire(confined);
    uint32_t kind;
    int more;
    while ((more = su_confined_next(confined, &kind, err)) > 0)
        if ((kind == PACKAGE   ? hear_package(w, h, err)
             : kind == SKIPPED ? hear_skipped(w, h, err)
                               : su_wire_lies(err)) < 0)
            return -1;
    return more;
}
