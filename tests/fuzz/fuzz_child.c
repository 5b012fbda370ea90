/*
 * What a confined child says, when it has been taken over: any frames at all. Byte 0: to whom, in the order
 * of `askers` below, or what it does to the memory that both share; then frames, each its kind (from the
 * module's first), the length of what is in it (2 bytes), and that. Whoever asked has an error that can be
 * shown, or what could be true: no more than was announced, texts that are texts, numbers within their
 * limits.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "common/catalogue/update_child.h"
#include "common/source/package/package_confined.h"
#include "common/source/payload/brought_confined.h"
#include "common/source/scan/scan_confined.h"
#include "common/source/source.h"
#include "common/source/upstream/soap_child.h"
#include "common/source/vendor/vendor_confined.h"
#include "common/source/vendor/vendor_signer.h"
#include "common/trust/claims.h"
#include "common/trust/verdict.h"
#include "tests/fuzz/here.h"

static void check_text(const char *text)
{
    HOLDS(text && su_utf8_is_valid(text, strlen(text)));
}

static void make_frames(struct input *in, struct su_buf *out)
{
    while (in->left > 0) {
        uint32_t kind = take_byte(in), length;
        size_t bytes;
        const char *inside;
        kind = kind > 200 ? kind - 200 : SU_FRAME_FIRST + kind % 16;
        inside = take_piece(in, &bytes);
        length = (uint32_t)bytes;
        su_buf_add(out, &length, sizeof length);
        su_buf_add(out, &kind, sizeof kind);
        su_buf_add(out, inside, bytes);
    }
}

static void check_update(const struct su_update *u)
{
    HOLDS(su_utf8_is_valid(su_update_title(u), strlen(su_update_title(u))) && su_update_type_text(u->type));
    for (size_t i = 0; i < u->tags.count; i++)
        HOLDS(u->tags.at[i].kind[0] && su_utf8_is_valid(u->tags.at[i].value, strlen(u->tags.at[i].value)));
    for (size_t i = 0; i < u->files.count; i++)
        HOLDS(u->files.at[i].bytes <= INT64_MAX && u->files.at[i].name && u->files.at[i].language &&
              u->files.at[i].uri);
}

static int unwrap(const char *wrapped, size_t length, struct su_buf *spare, struct su_buf *document,
                  struct su_err *err)
{
    (void)wrapped, (void)length, (void)spare, (void)document;
    return su_fail(err, SU_BUG, "the harness speaks instead");
}

static void ask_for_documents(bool is_wrapped)
{
    SU_AUTO(su_update) struct su_update update = SU_UPDATE_INIT;
    SU_AUTO(su_buf) struct su_buf document = SU_BUF_INIT(SU_MIB);
    struct su_err err = SU_ERR_INIT;
    SU_AUTO(su_update_child)
    struct su_update_child *child =
        is_wrapped ? su_update_child_start_unwrapping(unwrap, &err) : su_update_child_start(&err);
    HOLDS(child);
    for (int i = 0; i < 3; i++) {
        int result = is_wrapped ? su_update_child_unwrap(child, "x", 1, &document, &update, &err)
                                : su_update_child_parse(child, &update, "x", 1, &err);
        if (result < 0) {
            check_refusal(&err);
            continue;
        }
        check_update(&update);
        HOLDS(su_utf8_is_valid(document.bytes ? document.bytes : "", document.length));
    }
}

static int on_end(void *context, const char *name, const char *parent, struct su_buf *text,
                  struct su_err *err)
{
    (void)err;
    HOLDS(++*(size_t *)context <= 100 && name && parent &&
          su_utf8_is_valid(text->bytes ? text->bytes : "", text->length));
    return 0;
}

/* Of an answer of 100 bytes no more than that can be believed. */
static void ask_server(void)
{
    static const struct su_soap_form form = {
        .operation = "GetCookie", .uri = "x", .most_text = 64, .end = on_end};
    static const char answer[101] = "";
    struct su_soap_fault fault;
    struct su_err err = SU_ERR_INIT;
    size_t elements = 0;
    SU_AUTO(su_soap_child) struct su_soap_child *child = su_soap_child_start(&err);
    HOLDS(child);
    if (su_soap_child_begin(child, &form, &elements, &err) < 0 ||
        su_soap_child_feed(child, answer, 100, &err) < 0 || su_soap_child_finish(child, &fault, &err) < 0)
        check_refusal(&err);
    else
        HOLDS(memchr(fault.code, 0, sizeof fault.code) && memchr(fault.message, 0, sizeof fault.message));
}

static void ask_documents(void)
{
    ask_for_documents(false);
}

static void ask_wrapped(void)
{
    ask_for_documents(true);
}

/* What is not done can be asked for again, alone. */
static void ask_ahead(void)
{
    struct su_update updates[3] = {SU_UPDATE_INIT, SU_UPDATE_INIT, SU_UPDATE_INIT};
    struct su_update_wish wishes[3];
    struct su_err err = SU_ERR_INIT;
    SU_AUTO(su_update_child) struct su_update_child *child = su_update_child_start(&err);
    HOLDS(child);
    for (int i = 0; i < 3; i++)
        wishes[i] = (struct su_update_wish){"x", 1, &updates[i], false};
    su_update_child_ahead(child, wishes, 3);
    for (int i = 0; i < 3; i++) {
        if (wishes[i].is_done)
            check_update(&updates[i]);
        else if (su_update_child_parse(child, &updates[i], "x", 1, &err) < 0)
            check_refusal(&err);
        su_update_cleanup(&updates[i]);
    }
}

static int take_record(void *context, const struct su_package *package, struct su_record *record,
                       struct su_err *err)
{
    (void)context, (void)err;
    size_t length;
    HOLDS(record->document[record->document_bytes] == 0 && record->document_bytes <= SU_MAX_DOCUMENT_BYTES);
    for (size_t i = 0; i < package->index.files.count; i++)
        HOLDS(su_package_index_url(&package->index, package->index.files.at[i].sha1, &length) &&
              length <= SU_MAX_URL_BYTES);
    return 0;
}

static const char *a_file(void)
{
    static char path[512];
    if (!path[0])
        (void)snprintf(path, sizeof path, "%s", put_file("x.cab", "MSCF and more", 13));
    return path;
}

static void ask_package(void)
{
    SU_AUTO(su_package_reader) struct su_package_reader *reader = NULL;
    SU_AUTO(su_package) struct su_package package = SU_PACKAGE_INIT;
    struct su_err err = SU_ERR_INIT;
    uint64_t total = 0;
    HOLDS(su_package_reader_new(&reader, a_file(), &err) == 0);
    if (su_package_reader_run(reader, &package, &total, take_record, NULL, &err) < 0)
        check_refusal(&err);
    else
        HOLDS(package.records > 0 && total <= SU_MAX_PACKAGE_REVISIONS);
    HOLDS(strspn(package.index.created, "0123456789-:T.Z+") == strlen(package.index.created));
}

static void check_rows(const struct su_scan_rows *r)
{
    for (size_t i = 0; i < r->updates.count; i++)
        check_text(r->updates.at[i].created), check_text(r->updates.at[i].language),
            check_text(r->updates.at[i].action);
    for (size_t i = 0; i < r->cores.count; i++)
        check_text(r->cores.at[i].type);
    for (size_t i = 0; i < r->extended.count; i++)
        check_text(r->extended.at[i].severity), check_text(r->extended.at[i].handler);
    for (size_t i = 0; i < r->files.count; i++)
        check_text(r->files.at[i].name), check_text(r->files.at[i].language);
    for (size_t i = 0; i < r->locations.count; i++)
        check_text(r->locations.at[i].url);
    for (size_t i = 0; i < r->titles.count; i++)
        check_text(r->titles.at[i].title), check_text(r->titles.at[i].description);
    for (size_t i = 0; i < r->tags.count; i++)
        check_text(r->tags.at[i].kind), check_text(r->tags.at[i].value);
    for (size_t i = 0; i < r->relations.count; i++)
        HOLDS(r->relations.at[i].target <= INT64_MAX && r->relations.at[i].kind <= SU_SCAN_SUPERSEDED_BY);
    for (size_t i = 0; i < r->superseded.count; i++)
        HOLDS(r->superseded.at[i].revision_id <= INT64_MAX && !r->superseded.at[i].kind);
    for (size_t i = 0; i < r->categories.count; i++)
        check_text(r->categories.at[i].kind);
}

static int take_rows(void *context, const struct su_scan_rows *rows, struct su_err *err)
{
    (void)context, (void)err;
    check_rows(rows);
    return 0;
}

static void ask_scan(void)
{
    static const struct su_events silent = {.emit = NULL};
    struct su_scan_reading reading;
    struct su_err err = SU_ERR_INIT;
    if (su_scan_hear(a_file(), &silent, take_rows, NULL, &reading, &err) < 0)
        check_refusal(&err);
    check_text(reading.edition.created), check_text(reading.edition.package_id);
    check_text(reading.edition.source_id), check_text(reading.edition.version);
}

static bool skips(void *context, const struct su_guid *id)
{
    (void)context;
    return id->bytes[0] == 0xff;
}

/* Addresses are the canonical list: written as a record they are read again. */
static int take_package(void *context, const struct su_vendor_package *package, const char *urls,
                        size_t urls_bytes, struct su_err *err)
{
    (void)context, (void)err;
    struct su_record r = {.origin = SU_FROM_THIRD_PARTY, .urls = urls ? urls : "", .urls_bytes = urls_bytes},
                     again;
    SU_AUTO(su_buf) struct su_buf record = SU_BUF_INIT(SU_MIB);
    struct su_err why = SU_ERR_INIT;
    HOLDS(package->document[package->bytes] == 0 && memchr(package->created, 0, sizeof package->created));
    check_text(package->created);
    r.document = "<a/>", r.document_bytes = 4;
    su_record_write_head(&r, &record);
    su_buf_adds(&record, "<a/>\n");
    const char *at = record.bytes;
    HOLDS(su_record_read(&again, &at, record.bytes + record.length, &why) == 1 &&
          again.urls_bytes == urls_bytes);
    return 0;
}

static int take_manifest(void *context, const char *text, size_t length, struct su_err *err)
{
    (void)context, (void)err;
    HOLDS(length <= SU_MAX_VENDOR_MANIFEST_BYTES && text[length] == 0);
    return 0;
}

static void ask_vendor(void)
{
    const struct su_vendor_opened opened = SU_VENDOR_OPENED_INIT;
    const struct su_vendor_hearing hearing = {.package = take_package, .skips = skips};
    SU_AUTO(su_confined) struct su_confined *confined = NULL;
    struct su_err err = SU_ERR_INIT;
    HOLDS(su_vendor_hear_start(&confined, &opened, &hearing, &err) == 0);
    if (su_vendor_hear(confined, &hearing, &err) < 0)
        check_refusal(&err);
}

static void ask_vendor_manifest(void)
{
    const struct su_vendor_opened opened = SU_VENDOR_OPENED_INIT;
    struct su_err err = SU_ERR_INIT;
    if (su_vendor_hear_manifest(&opened, take_manifest, NULL, &err) < 0)
        check_refusal(&err);
}

static void ask_code_signature(void)
{
    struct su_code_signature signature;
    struct su_err err = SU_ERR_INIT;
    if (su_vendor_signer(-1, 0, NULL, &signature, &err) < 0)
        check_refusal(&err);
    else
        check_text(signature.common_name), check_text(signature.until);
}

/* Whatever it says, each kind of source can be asked whether that is it. */
static void ask_look(void)
{
    struct su_source_look look;
    struct su_err err = SU_ERR_INIT;
    if (su_source_look(&look, a_file(), &err) < 0)
        check_refusal(&err);
    for (size_t i = 0; i < SU_LOOK_NAMES; i++)
        HOLDS(memchr(look.names[i], 0, sizeof look.names[i]));
    HOLDS(memchr(look.inside, 0, sizeof look.inside));
    (void)su_upstream_source.knows(&look), (void)su_package_source.knows(&look);
    (void)su_scan_source.knows(&look), (void)su_vendor_source.knows(&look);
}

static void ask_claims(void)
{
    SU_AUTO(su_claims) struct su_claims c = SU_CLAIMS_INIT;
    SU_AUTO(su_bundle_raw) struct su_bundle_raw raw = SU_BUNDLE_RAW_INIT;
    struct su_err err = SU_ERR_INIT;
    char name[SU_BUNDLE_NAME_TEXT];
    if (su_claims_read(&c, &raw, &err) < 0) {
        check_refusal(&err);
        return;
    }
    check_text(c.head.created);
    HOLDS(su_site_code_is_valid(c.head.site) && su_name_is_valid(c.head.hub));
    HOLDS(strlen(su_manifest_name(&c.head, name)) > 0 && strlen(su_manifest_kind(&c.head)) > 0);
    for (size_t i = 0; i < c.head.holes.count; i++)
        check_text(c.head.holes.at[i].text);
}

/* Two signatures; pinned are an authority for anybody, one for Kim, and a key. */
static void ask_verdicts(void)
{
    struct su_trusted keys[3] = {
        {.is_authority = true}, {.is_authority = true, .subject = "Kim"}, {.role = ""}};
    const struct su_trust trust = {.keys = {.at = keys, .count = 3}};
    struct su_verdicts verdicts = {.trust = &trust};
    struct su_verdict v;
    struct su_err err = SU_ERR_INIT;
    HOLDS(su_verdicts_start(&verdicts, &err) == 0);
    for (int i = 0; i < 2; i++) {
        if (su_verdicts_next(&verdicts, &v, &err) < 0) {
            check_refusal(&err);
            break;
        }
        if (v.code == SU_OK)
            HOLDS(v.authority == 0 || (v.authority == 1 && strcmp(v.common_name, "Kim") == 0));
        check_text(v.reason), check_text(v.common_name), check_text(v.until);
    }
    su_verdicts_cleanup(&verdicts);
}

static void ask_who_signed(void)
{
    const struct su_signature_file file = {.is_cms = true};
    const struct su_buf manifest = {.max = 0};
    const uint8_t id[SU_SHA256_BYTES] = {0};
    struct su_err err = SU_ERR_INIT;
    bool is_by;
    if (su_verdict_is_by(&file, &manifest, id, &is_by, &err) < 0)
        check_refusal(&err);
}

static void ask_brought(void)
{
    SU_AUTO(su_brought) struct su_brought b = {.kind = SU_BROUGHT_CABINET};
    struct su_err err = SU_ERR_INIT;
    if (su_brought_look(-1, &b, &err) < 0)
        check_refusal(&err);
    HOLDS(b.update_count <= SU_BROUGHT_UPDATES && strlen(su_brought_kind_text(b.kind)) > 0);
    check_text(b.kb), check_text(b.architecture), check_text(b.package), check_text(b.version);
    for (size_t i = 0; i < b.members.count; i++) {
        check_text(b.members.at[i].name);
        HOLDS(b.members.at[i].id.bytes <= INT64_MAX);
    }
}

/* The shared memory itself, written by the child as it likes while the parent reads and writes: two rings,
 * each two positions and two flags in lines of 64 bytes, and the bytes. The parent never gets more than it
 * has room for, never waits, and from what is its own reads no further. */
static void play_with_rings(struct input in)
{
    struct su_channel parent, child;
    struct su_err err = SU_ERR_INIT;
    char *bytes = malloc(256);
    HOLDS(bytes && su_channel_pair(&parent, &child, &err) == 0);
    size_t ring = 128 + 512 * SU_KIB;
    for (int steps = 0; in.left > 0 && steps < 200; steps++) {
        unsigned what = take_byte(&in), size = 1 + take_byte(&in);
        uint64_t value = take_u16(&in);
        char *shared = (char *)child.rings + (what & 8 ? ring : 0);
        ssize_t n = 0;
        switch (what % 8) {
        case 0: n = su_channel_read(&parent, bytes, size); break;
        case 1: n = su_channel_write(&parent, bytes, size); break;
        case 2:
            memcpy(&value, shared, sizeof value), value += size;
            memcpy(shared, &value, sizeof value);
            break;
        case 3: memcpy(shared + (what & 16 ? 64 : 0), &value, sizeof value); break;
        case 4: value <<= 48, memcpy(shared + (what & 16 ? 64 : 0), &value, sizeof value); break;
        case 5: shared[what & 16 ? 72 : 8] = (char)(value & 1); break;
        case 6: (void)!write(child.others, bytes, 1); break;
        default: su_fd_cleanup(&child.others);
        }
        HOLDS(n <= (ssize_t)size && (n >= 0 || errno == EAGAIN || errno == EPROTO || errno == EPIPE));
    }
    su_channel_cleanup(&parent);
    su_channel_cleanup(&child);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const askers[])(void) = {ask_documents,      ask_wrapped, ask_server, ask_ahead,
                                           ask_package,        ask_scan,    ask_vendor, ask_vendor_manifest,
                                           ask_code_signature, ask_look,    ask_claims, ask_verdicts,
                                           ask_who_signed,     ask_brought};
    struct input in = {data, size};
    unsigned whom = take_byte(&in) % (sizeof askers / sizeof *askers + 1);
    if (whom == sizeof askers / sizeof *askers) {
        play_with_rings(in);
        return 0;
    }
    SU_AUTO(su_buf) struct su_buf frames = SU_BUF_INIT(60000);
    make_frames(&in, &frames);
    if (frames.is_over)
        return 0;
    fuzz_child_says = frames.length > 0 ? frames.bytes : "";
    fuzz_child_bytes = frames.length;
    askers[whom]();
    return 0;
}
