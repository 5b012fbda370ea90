#include "common/source/vendor/vendor_read.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/lib/archive.h"
#include "common/sys/interrupt.h"

#define PIECE_BYTES (64 * SU_KIB)
#define MOST_NESTED 2 /* a cabinet in a zip */
#define MANIFEST "update_manifest.json"

typedef ssize_t (*pull)(void *context, void *out, size_t room, struct su_err *err);

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcasecmp(name + n - m, end) == 0;
}

static const char *base_of(const char *path)
{
    for (const char *at = path; *at; at++)
        if (*at == '/' || *at == '\\')
            path = at + 1;
    return path;
}

static int read_xml(struct su_vendor_reader *r, pull source, void *from, struct su_err *err)
{
    SU_AUTO(su_vendor_split)
    struct su_vendor_split *split = su_vendor_split_new(r->package, r->context, err);
    char *piece = malloc(PIECE_BYTES);
    ssize_t n = split && piece ? 1 : -1;
    if (!piece)
        (void)su_fail_memory(err);
    while (n > 0 && (n = source(from, piece, PIECE_BYTES, err)) > 0)
        if (su_interrupt_check(err) < 0 || su_vendor_split_feed(split, piece, (size_t)n, err) < 0)
            n = -1;
    free(piece);
    return n < 0 ? -1 : su_vendor_split_finish(split, err);
}

static int read_manifest(struct su_vendor_reader *r, pull source, void *from, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_VENDOR_MANIFEST_BYTES);
    char piece[8192];
    ssize_t n;
    while ((n = source(from, piece, sizeof piece, err)) > 0) {
        su_buf_add(&text, piece, (size_t)n);
        if (su_buf_check(&text, "the manifest", err) < 0)
            return -1;
    }
    return n < 0 ? -1 : r->manifest(r->context, text.bytes ? text.bytes : "", text.length, err);
}

static bool is_skipped(const struct su_vendor_reader *r, const char *base)
{
    struct su_guid id;
    size_t length = strlen(base) - strlen(".sdp");
    return r->skips && su_guid_parse(&id, base, length) && r->skips(r->context, &id);
}

static int read_archive(struct su_vendor_reader *r, struct su_unarchive *archive, int depth,
                        struct su_err *err);

static ssize_t from_member(void *context, void *out, size_t room, struct su_err *err)
{
    return su_unarchive_read(context, out, room, err);
}

/* NOLINTNEXTLINE(misc-no-recursion): MOST_NESTED bounds it */
static int read_member(struct su_vendor_reader *r, const char *base, pull source, void *from, int depth,
                       struct su_err *err)
{
    bool is_sdp = ends_with(base, ".sdp");
    if (strcasecmp(base, MANIFEST) == 0)
        return r->manifest ? read_manifest(r, source, from, err) : 0;
    if (is_sdp || ends_with(base, ".xml")) {
        r->members += is_sdp;
        r->has_catalogue |= !is_sdp;
        return r->package && !(is_sdp && is_skipped(r, base)) ? read_xml(r, source, from, err) : 0;
    }
    if (!ends_with(base, ".cab"))
        return 0;
    if (depth == MOST_NESTED)
        return su_fail(err, SU_LIMIT, "cabinets lie in each other deeper than %d", MOST_NESTED);
    SU_AUTO(su_unarchive)
    struct su_unarchive *inner = su_unarchive_open_from(source, from, SU_ARCHIVE_CAB, err);
    return inner ? read_archive(r, inner, depth + 1, err) : -1;
}

static int blame(const char *base, struct su_err *err)
{
    char name[128];
    su_escape_into(name, sizeof name, base);
    return su_prefix(err, "%s", name);
}

/* NOLINTNEXTLINE(misc-no-recursion): MOST_NESTED bounds it */
static int read_archive(struct su_vendor_reader *r, struct su_unarchive *archive, int depth,
                        struct su_err *err)
{
    const char *name;
    uint64_t bytes;
    int more;
    while ((more = su_unarchive_next(archive, &name, &bytes, err)) > 0) {
        char base[256];
        (void)snprintf(base, sizeof base, "%s", base_of(name)); /* libarchive's text is gone with the next */
        if (read_member(r, base, from_member, archive, depth, err) < 0)
            return blame(base, err);
    }
    return more;
}

static ssize_t from_file(void *context, void *out, size_t room, struct su_err *err)
{
    return su_file_read(*(int *)context, out, room, err);
}

int su_vendor_read_file(struct su_vendor_reader *r, int fd, struct su_err *err)
{
    char start[4] = "";
    off_t end = lseek(fd, 0, SEEK_END);
    if (end >= 4 && su_file_read_at(fd, start, sizeof start, 0, err) < 0)
        return -1;
    if (end < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return su_fail_sys(err, "reading");
    bool is_cab = memcmp(start, "MSCF", 4) == 0, is_zip = memcmp(start, "PK\3\4", 4) == 0;
    if (!is_cab && !is_zip) {
        r->members = 1;
        return r->package ? read_xml(r, from_file, &fd, err) : 0;
    }
    SU_AUTO(su_unarchive)
    struct su_unarchive *archive = su_unarchive_open(fd, is_cab ? SU_ARCHIVE_CAB : SU_ARCHIVE_ZIP, err);
    return archive ? read_archive(r, archive, 1, err) : -1;
}

int su_vendor_read_folder(struct su_vendor_reader *r, int dir, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    if (su_dir_list(dir, &names, SU_MAX_VENDOR_PACKAGES, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.at[i];
        uint64_t bytes;
        SU_AUTO(su_fd) su_fd fd = -1;
        if (!ends_with(name, ".sdp") && !ends_with(name, ".xml") && strcasecmp(name, MANIFEST) != 0)
            continue;
        if (su_file_open(&fd, dir, name, &bytes, err) < 0 ||
            read_member(r, name, from_file, &fd, MOST_NESTED, err) < 0)
            return blame(name, err);
    }
    return 0;
}

static bool folder_has_package(const char *path)
{
    struct su_err ignored = SU_ERR_INIT;
    SU_AUTO(su_names) struct su_names names = {0};
    SU_AUTO(su_fd) su_fd dir = -1;
    if (su_dir_open(&dir, AT_FDCWD, path, &ignored) < 0 ||
        su_dir_list(dir, &names, SU_MAX_VENDOR_PACKAGES, &ignored) < 0)
        return false;
    for (size_t i = 0; i < names.count; i++)
        if (ends_with(names.at[i], ".sdp") || strcasecmp(names.at[i], MANIFEST) == 0)
            return true;
    return false;
}

static bool is_ours(const char *start)
{
    return strstr(start, "SoftwareDistributionPackage") || strstr(start, "SystemsManagementCatalog");
}

/* Nobody else reads zips. */
bool su_vendor_knows(const struct su_source_look *look)
{
    bool is_zip = look->start_bytes > 4 && memcmp(look->start, "PK\3\4", 4) == 0;
    if (look->is_folder)
        return folder_has_package(look->from);
    for (size_t i = 0; i < SU_LOOK_NAMES; i++)
        if (ends_with(look->names[i], ".sdp") || strcmp(look->names[i], MANIFEST) == 0)
            return true;
    return is_zip || is_ours(look->start) || is_ours(look->inside);
}
