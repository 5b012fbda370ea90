/*
 * Offline scan cabinets, and files brought by hand, which hold small ones. Byte 0: a cabinet whole, a
 * fragment, index.xml, package.xml, a file brought by hand.
 *
 * Whole: byte 1 is 0xff: the file as it is; else bit 0: other order, bit 1: a fragment's announced cabinet
 * size is wrong, bit 2: index.xml is a piece of the input, bit 3: one more cabinet; then pieces: package.xml,
 * a core, an extended and a localized fragment, index.xml. Fragment: byte 1: core, extended, localized, or
 * the names that fragments have. Brought: byte 1 is 0 to 2: pieces (package.xml, properties, identity, a
 * payload) as an MSU; 1: as update.mum; 2: the scan cabinet in two levels; 3: texts alone; else the bytes as
 * they are.
 */
#include "tests/fuzz/cabinet.h"

#include "common/source/payload/brought_inside.h"
#include "common/source/payload/brought_text.h"
#include "common/source/scan/scan_fragment.h"
#include "common/source/scan/scan_index.h"
#include "common/source/scan/scan_package.h"
#include "common/source/scan/scan_read.h"
#include "common/sys/belt.h"

static const char usual_index[] = "<INDEX VERSION=\"1\"><CABLIST XOR=\"0\"><CAB NAME=\"package.cab\"/>"
                                  "<CAB NAME=\"package2.cab\" RANGESTART=\"0\"/></CABLIST></INDEX>";

static void make_scan_cab(struct input *in, struct su_buf *out)
{
    unsigned how = take_byte(in);
    if (how == 0xff) {
        su_buf_add(out, in->at, in->left);
        return;
    }
    SU_AUTO(su_buf) struct su_buf package = SU_BUF_INIT(SU_MIB), shard = SU_BUF_INIT(SU_MIB);
    struct cabinet_member list = next_piece(in, "package.xml"), core = next_piece(in, "c\\100"),
                          extended = next_piece(in, "x\\100"), localized = next_piece(in, "l\\en\\100"),
                          index = next_piece(in, "index.xml");
    if (!(how & 4))
        index = (struct cabinet_member){"index.xml", usual_index, strlen(usual_index)};
    cabinet_make(&package, &list, 1, 0);
    cabinet_make(&shard, (struct cabinet_member[]){core, extended, localized}, 3, how & 2 ? 4711 : 0);
    struct cabinet_member a = {"package.cab", package.bytes, package.length},
                          b = {"package2.cab", shard.bytes, shard.length};
    struct cabinet_member members[] = {how & 1 ? b : index, how & 1 ? index : a, how & 1 ? a : b, b};
    members[3].name = "package3.cab";
    cabinet_make(out, members, how & 8 ? 4 : 3, 0);
}

static int take_rows(void *context, const struct su_scan_rows *rows, struct su_err *err)
{
    (void)err;
    *(size_t *)context += rows->updates.count + rows->cores.count + rows->extended.count + rows->titles.count;
    return 0;
}

static void fuzz_scan_cab(struct input in)
{
    SU_AUTO(su_buf) struct su_buf file = SU_BUF_INIT(4 * SU_MIB);
    struct su_scan_reading reading;
    struct su_err err = SU_ERR_INIT;
    size_t rows = 0;
    su_threads_set(1);
    make_scan_cab(&in, &file);
    int fd = memory_file(file.bytes, file.length);
    if (su_scan_read(fd, "scan.cab", take_rows, &rows, &reading, &err) < 0)
        check_refusal(&err);
    else
        HOLDS(strlen(reading.edition.created) < sizeof reading.edition.created &&
              reading.fragments <= rows + file.length);
    (void)close(fd);
}

static void check_name(const char *name)
{
    enum su_scan_kind kind;
    char language[SU_SCAN_LANGUAGE_BYTES];
    uint64_t revision;
    if (su_scan_fragment_name(name, &kind, language, &revision))
        HOLDS(kind <= SU_SCAN_LOCALIZED && memchr(language, 0, sizeof language) &&
              (language[0] != 0) == (kind == SU_SCAN_LOCALIZED));
}

static void check_rows(const struct su_scan_rows *rows)
{
    for (size_t i = 0; i < rows->titles.count; i++)
        HOLDS(rows->titles.at[i].title && rows->titles.at[i].description &&
              rows->titles.at[i].description_id >= 0);
    for (size_t i = 0; i < rows->tags.count; i++)
        HOLDS(rows->tags.at[i].kind &&
              su_utf8_is_valid(rows->tags.at[i].value, strlen(rows->tags.at[i].value)));
    for (size_t i = 0; i < rows->files.count; i++)
        HOLDS(rows->files.at[i].name && rows->files.at[i].language && rows->files.at[i].revision_id == 7);
}

static void fuzz_scan_fragment(struct input in)
{
    SU_AUTO(su_scan_rows) struct su_scan_rows rows = SU_SCAN_ROWS_INIT;
    unsigned what = take_byte(&in) % 4;
    struct su_err err = SU_ERR_INIT;
    char *text = copy_of(in.at, in.left, what == 3);
    if (what == 3)
        check_name(text);
    else if (su_scan_fragment_parse(&rows, (enum su_scan_kind)what, what == SU_SCAN_LOCALIZED ? "en" : "", 7,
                                    text, in.left, &err) < 0)
        check_refusal(&err);
    else
        check_rows(&rows);
    free(text);
}

static void fuzz_scan_index(struct input in)
{
    SU_AUTO(su_scan_index) struct su_scan_index index = SU_SCAN_INDEX_INIT;
    char *text = copy_of(in.at, in.left, false);
    struct su_err err = SU_ERR_INIT;
    if (su_scan_index_parse(&index, text, in.left, &err) < 0)
        check_refusal(&err);
    else {
        HOLDS(index.cabs.count > 0 && su_scan_index_find(&index, "PACKAGE.CAB"));
        for (size_t i = 0; i < index.cabs.count; i++) {
            const struct su_scan_cab *cab = &index.cabs.at[i];
            HOLDS(su_scan_index_find(&index, cab->name) == cab);
            HOLDS(!cab->has_range || su_scan_index_owner(&index, cab->first) == cab);
        }
        (void)su_scan_index_owner(&index, 0);
        (void)su_scan_index_owner(&index, UINT64_MAX);
    }
    free(text);
}

struct sum {
    size_t updates, files, locations, relations, superseded, categories;
};
static int add_up(void *context, struct su_scan_rows **rows, struct su_err *err)
{
    struct sum *sum = context;
    const struct su_scan_rows *r = *rows;
    (void)err;
    sum->updates += r->updates.count;
    sum->files += r->files.count;
    sum->locations += r->locations.count;
    sum->relations += r->relations.count;
    sum->superseded += r->superseded.count;
    sum->categories += r->categories.count;
    su_scan_rows_clear(*rows);
    return 0;
}

static int parse_package(const char *text, size_t length, size_t piece, struct sum *sum, struct su_err *err)
{
    SU_AUTO(su_scan_rows) struct su_scan_rows rows = SU_SCAN_ROWS_INIT;
    struct su_scan_edition edition = {.created = ""};
    SU_AUTO(su_scan_package) struct su_scan_package *p = su_scan_package_new(&rows, add_up, sum, err);
    HOLDS(p);
    for (size_t at = 0; at < length; at += piece)
        if (su_scan_package_feed(p, text + at, length - at < piece ? length - at : piece, err) < 0)
            return -1;
    return su_scan_package_finish(p, &edition, err);
}

static void fuzz_scan_package(struct input in)
{
    size_t piece = 1 + take_byte(&in);
    char *text = copy_of(in.at, in.left, false);
    struct sum whole = {0}, cut = {0};
    struct su_err err = SU_ERR_INIT, other = SU_ERR_INIT;
    int result = parse_package(text, in.left, in.left + 1, &whole, &err),
        again = parse_package(text, in.left, piece, &cut, &other);
    HOLDS(result == again);
    if (result < 0)
        check_refusal(&err), check_refusal(&other);
    else
        HOLDS(memcmp(&whole, &cut, sizeof whole) == 0);
    free(text);
}

static void check_brought(const struct su_brought *b)
{
    struct su_err err = SU_ERR_INIT;
    const char *texts[] = {b->name, b->kb, b->architecture, b->package, b->version};
    for (size_t i = 0; i < 5; i++) { /* what is shown of it is safe to show */
        if (!texts[i][0])
            continue;
        err.code = SU_DATA;
        (void)snprintf(err.text, sizeof err.text, "%s", texts[i]);
        check_refusal(&err);
    }
    for (size_t i = 0; i < b->members.count; i++)
        HOLDS(memchr(b->members.at[i].name, 0, sizeof b->members.at[i].name));
    HOLDS(b->update_count <= SU_BROUGHT_UPDATES && strlen(su_brought_kind_text(b->kind)) > 0);
}

static void make_brought(struct input *in, struct su_buf *out)
{
    unsigned how = take_byte(in);
    if (how > 2) {
        su_buf_add(out, in->at, in->left);
        return;
    }
    SU_AUTO(su_buf) struct su_buf scan = SU_BUF_INIT(SU_MIB), outer = SU_BUF_INIT(SU_MIB);
    struct cabinet_member list = next_piece(in, "package.xml"),
                          properties = next_piece(in, "x-pkgProperties.txt"),
                          identity = next_piece(in, how == 1 ? "update.mum" : "x.xml"),
                          payload = next_piece(in, "x-kb7654321.cab");
    cabinet_make(&scan, &list, 1, 0);
    if (how == 2)
        cabinet_make(&outer, &(struct cabinet_member){"package.cab", scan.bytes, scan.length}, 1, 0);
    struct su_buf *inner = how == 2 ? &outer : &scan;
    cabinet_make(out,
                 (struct cabinet_member[]){
                     {"WSUSSCAN.cab", inner->bytes, inner->length}, payload, properties, identity},
                 4, 0);
}

static void check_texts(struct input *in)
{
    SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT;
    size_t length = in->left;
    char *text = copy_of(in->at, length, false);
    su_brought_read_properties(&b, text, length);
    su_brought_read_identity(&b, text, length);
    check_brought(&b);
    free(text);
}

static void check_file(struct input *in)
{
    SU_AUTO(su_buf) struct su_buf file = SU_BUF_INIT(4 * SU_MIB);
    SU_AUTO(su_brought) struct su_brought b = SU_BROUGHT_INIT;
    struct su_err err = SU_ERR_INIT;
    char name[64];
    make_brought(in, &file);
    (void)snprintf(name, sizeof name, "/x/%.60s",
                   file.bytes ? file.bytes : ""); /* a name may be anything, too */
    for (char *at = name + 3; *at; at++)
        if (*at == '/')
            *at = '_';
    int fd = memory_file(file.bytes, file.length);
    if (su_brought_identify(fd, name, &b, &err) < 0 || su_brought_look_inside(fd, &b, &err) < 0)
        check_refusal(&err);
    check_brought(&b);
    (void)close(fd);
}

static void fuzz_brought(struct input in)
{
    if (in.left > 0 && in.at[0] == 3) {
        (void)take_byte(&in);
        check_texts(&in);
    } else {
        check_file(&in);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz_part *const parts[] = {fuzz_scan_cab, fuzz_scan_fragment, fuzz_scan_index, fuzz_scan_package,
                                       fuzz_brought};
    return run_part(data, size, parts, sizeof parts / sizeof *parts);
}
