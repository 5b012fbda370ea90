#include "common/source/payload/brought_inside.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/lib/archive.h"
#include "common/source/payload/brought_text.h"
#include "common/source/scan/scan_package.h"
#include "common/source/scan/scan_read.h"
#include "common/sys/interrupt.h"

struct inside {
    struct su_brought *brought;
    uint64_t unpacked;
    struct su_scan_rows rows; /* of the WSUSSCAN.cab */
    bool has_package;
};

static const char *last_part(const char *name)
{
    return strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcasecmp(name + n - m, end) == 0;
}

/* A few hundred KiB in genuine ones; more is no description of one update. */
static int on_more(void *context, struct su_scan_rows **rows, struct su_err *err)
{
    (void)context;
    return (*rows)->updates.count <= SU_MAX_BROUGHT_SCAN_UPDATES
               ? 0
               : su_fail(err, SU_LIMIT, "package.xml lists more than %u updates",
                         SU_MAX_BROUGHT_SCAN_UPDATES);
}

static int read_package(struct inside *in, struct su_unarchive *archive, struct su_err *err)
{
    struct su_scan_edition edition;
    char bytes[64 * 1024];
    ssize_t n;
    SU_AUTO(su_scan_package)
    struct su_scan_package *package = su_scan_package_new(&in->rows, on_more, NULL, err);
    if (!package)
        return -1;
    while ((n = su_unarchive_read(archive, bytes, sizeof bytes, err)) > 0)
        if (su_scan_unpacked(&in->unpacked, (uint64_t)n, err) < 0 ||
            su_scan_package_feed(package, bytes, (size_t)n, err) < 0)
            return -1;
    in->has_package = n == 0;
    return n < 0 ? -1 : su_scan_package_finish(package, &edition, err);
}

/* Two levels: the cabinets inside WSUSSCAN.cab hold the same, so the first package.xml is the one. `depth` 1
 * is WSUSSCAN.cab itself; nothing is opened below 2. */
/* NOLINTNEXTLINE(misc-no-recursion): `depth` ends it at two */
static int read_scan_cabinet(struct inside *in, struct su_unarchive *outer, uint64_t bytes, unsigned depth,
                             struct su_err *err)
{
    struct su_inner_cabinet inner = {.outer = outer, .bytes = bytes, .total = &in->unpacked};
    SU_AUTO(su_unarchive)
    struct su_unarchive *archive = su_unarchive_open_from(su_inner_cabinet_read, &inner, SU_ARCHIVE_CAB, err);
    const char *name;
    uint64_t member_bytes;
    int more = -1;
    while (archive && (more = su_unarchive_next(archive, &name, &member_bytes, err)) > 0 &&
           !in->has_package) {
        int result = 0;
        if (su_scan_check_name(name, err) < 0)
            return -1;
        if (strcasecmp(last_part(name), "package.xml") == 0)
            result = read_package(in, archive, err);
        else if (depth == 1 && ends_with(name, ".cab"))
            result = read_scan_cabinet(in, archive, member_bytes, depth + 1, err);
        else
            result = su_scan_unpacked(&in->unpacked, member_bytes, err);
        if (result < 0)
            return su_prefix(err, "%s", depth == 1 ? last_part(name) : "package.xml");
    }
    return more < 0 ? -1 : 0;
}

/* A small text of the MSU about itself. */
static int read_text(struct inside *in, struct su_unarchive *archive, const char *name, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_BROUGHT_TEXT_BYTES + 1);
    char *to = su_buf_reserve(&text, SU_MAX_BROUGHT_TEXT_BYTES);
    ssize_t n = 1;
    if (!to)
        return su_fail_memory(err);
    while (text.length < SU_MAX_BROUGHT_TEXT_BYTES &&
           (n = su_unarchive_read(archive, to + text.length, SU_MAX_BROUGHT_TEXT_BYTES - text.length, err)) >
               0)
        su_buf_grow_by(&text, (size_t)n);
    if (n < 0)
        return -1;
    if (ends_with(name, ".txt"))
        su_brought_read_properties(in->brought, text.bytes, text.length);
    else
        su_brought_read_identity(in->brought, text.bytes, text.length);
    return su_scan_unpacked(&in->unpacked, text.length, err);
}

static int read_digests(struct inside *in, struct su_unarchive *archive, const char *name, struct su_err *err)
{
    SU_AUTO(su_digest) struct su_digest sha1 = SU_DIGEST_INIT, sha256 = SU_DIGEST_INIT;
    struct su_brought_member *member = SU_PUSH(&in->brought->members, SU_MAX_BROUGHT_MEMBERS);
    char bytes[64 * 1024];
    ssize_t n;
    if (!member)
        return su_fail_memory(err);
    su_escape_into(member->name, sizeof member->name, last_part(name));
    if (su_digest_open(&sha1, SU_SHA1, err) < 0 || su_digest_open(&sha256, SU_SHA256, err) < 0)
        return -1;
    while ((n = su_unarchive_read(archive, bytes, sizeof bytes, err)) > 0) {
        if (su_interrupt_check(err) < 0 || su_scan_unpacked(&in->unpacked, (uint64_t)n, err) < 0 ||
            su_digest_add(&sha1, bytes, (size_t)n, err) < 0 ||
            su_digest_add(&sha256, bytes, (size_t)n, err) < 0)
            return -1;
        member->id.bytes += (uint64_t)n;
    }
    if (n < 0 || su_digest_end(&sha1, member->id.sha1, err) < 0 ||
        su_digest_end(&sha256, member->id.sha256, err) < 0)
        return -1;
    return 0;
}

/* What kind of member it is: texts that tell of the package, the scan cabinet, and files that may be content.
 */
static int read_member(struct inside *in, struct su_unarchive *archive, const char *name, uint64_t bytes,
                       bool *is_done, struct su_err *err)
{
    const char *last = last_part(name);
    if (strcasecmp(last, "WSUSSCAN.cab") == 0) {
        in->brought->kind = SU_BROUGHT_MSU;
        return read_scan_cabinet(in, archive, bytes, 1, err);
    }
    bool is_properties = strcasestr(last, "pkgProperties") && ends_with(last, ".txt");
    if (is_properties || strcasecmp(last, "update.mum") == 0 || ends_with(last, ".xml")) {
        if (is_properties)
            in->brought->kind = SU_BROUGHT_MSU;
        *is_done =
            strcasecmp(last, "update.mum") == 0; /* a package of components: nothing in it is content */
        return read_text(in, archive, last, err);
    }
    return read_digests(in, archive, name, err);
}

/* The update whose payload is a member of this MSU, and its bundles. */
static void take_updates(struct inside *in)
{
    struct su_brought *p = in->brought;
    for (size_t i = 0; i < in->rows.updates.count && p->update_count < SU_BROUGHT_UPDATES; i++) {
        const struct su_scan_update *u = &in->rows.updates.at[i];
        bool has_file = false;
        for (size_t f = 0; f < in->rows.files.count && !has_file; f++)
            for (size_t m = 0; m < p->members.count && !has_file; m++)
                has_file = in->rows.files.at[f].revision_id == u->revision_id &&
                           memcmp(in->rows.files.at[f].sha1, p->members.at[m].id.sha1, SU_SHA1_BYTES) == 0;
        if (u->is_bundle || has_file)
            p->updates[p->update_count++] =
                (struct su_brought_update){u->id, u->revision, u->is_bundle, has_file};
    }
}

int su_brought_look_inside(int fd, struct su_brought *brought, struct su_err *err)
{
    struct inside in = {.brought = brought, .rows = SU_SCAN_ROWS_INIT};
    const char *name;
    uint64_t bytes;
    unsigned members = 0;
    bool is_done = false;
    int more = -1;
    if (brought->kind == SU_BROUGHT_CABINET && lseek(fd, 0, SEEK_SET) == 0) {
        SU_AUTO(su_unarchive) struct su_unarchive *archive = su_unarchive_open(fd, SU_ARCHIVE_CAB, err);
        while (archive && !is_done && (more = su_unarchive_next(archive, &name, &bytes, err)) > 0) {
            brought->is_cut_short = ++members > SU_MAX_BROUGHT_MEMBERS;
            if (brought->is_cut_short)
                break;
            if (su_scan_check_name(name, err) < 0) {
                more = -1;
                break;
            }
            char shown[128];
            su_escape_into(shown, sizeof shown, last_part(name));
            if (read_member(&in, archive, name, bytes, &is_done, err) < 0) {
                more = su_prefix(err, "%s", shown);
                break;
            }
        }
        take_updates(&in);
        more = more < 0 ? su_prefix(err, "%s", brought->name) : 0;
    } else {
        more = 0;
    }
    su_scan_rows_cleanup(&in.rows);
    return more;
}

int su_brought_read_member(int fd, const struct su_brought *brought, const struct su_brought_member *member,
                           su_brought_sink sink, void *context, struct su_err *err)
{
    const char *name;
    uint64_t bytes;
    int more = -1;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return su_fail_sys(err, "%s", brought->name);
    SU_AUTO(su_unarchive) struct su_unarchive *archive = su_unarchive_open(fd, SU_ARCHIVE_CAB, err);
    char shown[sizeof member->name] = "";
    while (archive && (more = su_unarchive_next(archive, &name, &bytes, err)) > 0) {
        su_escape_into(shown, sizeof shown, last_part(name));
        if (bytes == member->id.bytes && strcmp(shown, member->name) == 0)
            break;
    }
    if (more <= 0)
        return more < 0 ? -1 : su_fail(err, SU_DATA, "%s changed while it was read", brought->name);
    char buffer[64 * 1024];
    ssize_t n;
    while ((n = su_unarchive_read(archive, buffer, sizeof buffer, err)) > 0)
        if (sink(context, buffer, (size_t)n, err) < 0)
            return -1;
    return n < 0 ? -1 : 0;
}
