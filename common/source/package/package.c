#include "common/source/package/package.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/lib/archive.h"
#include "common/source/package/package_records.h"
#include "common/sys/file.h"

struct source {
    struct su_package *package;
    su_package_take take;
    void *context;
    struct su_unarchive *archive; /* the member being read */
    uint64_t member_bytes;
    struct su_buf ahead; /* sniffed bytes to be read again */
    size_t ahead_at;
};

void su_package_cleanup(struct su_package *package)
{
    su_package_index_cleanup(&package->index);
}

/* Pull for both layouts: sniffed bytes first, then the member; the size cap is here. */
static ssize_t pull(void *context, void *out, size_t room, struct su_err *err)
{
    struct source *s = context;
    size_t left = s->ahead.length - s->ahead_at;
    if (left > 0) {
        size_t n = left < room ? left : room;
        memcpy(out, s->ahead.bytes + s->ahead_at, n);
        s->ahead_at += n;
        return (ssize_t)n;
    }
    ssize_t n = su_unarchive_read(s->archive, out, room, err);
    if (n > 0 && (s->member_bytes += (uint64_t)n) > SU_MAX_PACKAGE_MEMBER_BYTES)
        return su_fail(err, SU_LIMIT, "a member is larger than %llu bytes",
                       (unsigned long long)SU_MAX_PACKAGE_MEMBER_BYTES);
    return n;
}

static int read_index(struct source *s, su_index_document document, struct su_err *err)
{
    SU_AUTO(su_index_parser)
    struct su_index_parser *parser = su_index_parser_new(&s->package->index, document, s, err);
    char bytes[64 * 1024];
    ssize_t n;
    if (!parser)
        return -1;
    while ((n = pull(s, bytes, sizeof bytes, err)) > 0)
        if (su_index_parser_feed(parser, bytes, (size_t)n, err) < 0)
            return -1;
    return n < 0 ? -1 : su_index_parser_finish(parser, err);
}

/* The two files must list the same revisions in the same order. */
static int check_against_index(const struct source *s, const struct su_record *record, struct su_err *err)
{
    const struct su_package_index *index = &s->package->index;
    char want[SU_GUID_TEXT], have[SU_GUID_TEXT];
    if (!index->is_read)
        return 0;
    if (s->package->records >= index->entries.count)
        return su_fail(err, SU_DATA, "metadata.txt has more records than package.xml lists (%zu)",
                       index->entries.count);
    const struct su_package_entry *entry = &index->entries.at[s->package->records];
    if (memcmp(entry->id.bytes, record->id.bytes, sizeof entry->id.bytes) != 0 ||
        entry->revision != record->revision)
        return su_fail(err, SU_DATA,
                       "record %llu: package.xml lists %s revision %u, metadata.txt has %s revision %u",
                       (unsigned long long)s->package->records + 1, su_guid_format(&entry->id, want),
                       entry->revision, su_guid_format(&record->id, have), record->revision);
    return 0;
}

static int hand_over(struct source *s, struct su_record *record, struct su_err *err)
{
    if (check_against_index(s, record, err) < 0 || s->take(s->context, s->package, record, err) < 0)
        return -1;
    s->package->records++;
    s->package->document_bytes += record->document_bytes;
    return 0;
}

static int read_records(struct source *s, struct su_err *err)
{
    SU_AUTO(su_package_records) struct su_package_records records;
    su_package_records_open(&records, pull, s);
    struct su_record record;
    int more;
    while ((more = su_package_records_next(&records, &record, err)) > 0)
        if (hand_over(s, &record, err) < 0)
            return -1;
    return more;
}

/* Names are compared, never opened. */
static bool is_member(const char *name, const char *wanted)
{
    const char *last = strrchr(name, '/');
    return strcmp(last ? last + 1 : name, wanted) == 0;
}

struct seen {
    unsigned members, index, metadata;
};

/* One walk over the cabinet. metadata.txt may stand before package.xml, whose file map it needs:
 * then the first walk reads package.xml only and a second one the records. */
/* NOLINTNEXTLINE(readability-function-cognitive-complexity): 31: members in any order, in one loop */
static int walk_cab(struct source *s, int fd, struct seen *seen, struct su_err *err)
{
    bool is_first = seen->members == 0;
    const char *name;
    uint64_t bytes;
    int more;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return su_fail_sys(err, "seek");
    SU_AUTO(su_unarchive) struct su_unarchive *archive = su_unarchive_open(fd, SU_ARCHIVE_CAB, err);
    if (!archive)
        return -1;
    s->archive = archive;
    while ((more = su_unarchive_next(archive, &name, &bytes, err)) > 0) {
        if (is_first && ++seen->members > SU_MAX_PACKAGE_MEMBERS)
            return su_fail(err, SU_LIMIT, "the cabinet holds more than %d members", SU_MAX_PACKAGE_MEMBERS);
        bool is_index = is_member(name, "package.xml"), is_metadata = is_member(name, "metadata.txt");
        if (is_first && ((is_index && seen->index++) || (is_metadata && seen->metadata++)))
            return su_fail(err, SU_DATA, "the cabinet holds two members named %s",
                           is_index ? "package.xml" : "metadata.txt");
        s->member_bytes = 0;
        int result = 0;
        if (is_index && is_first)
            result = read_index(s, NULL, err);
        else if (is_metadata && s->package->index.is_read)
            result = read_records(s, err);
        else
            continue;
        if (result < 0)
            return su_prefix(err, "%s", is_index ? "package.xml" : "metadata.txt");
        if (s->member_bytes != bytes)
            return su_fail(err, SU_DATA, "%s has %llu bytes, the cabinet announces %llu",
                           is_index ? "package.xml" : "metadata.txt", (unsigned long long)s->member_bytes,
                           (unsigned long long)bytes);
    }
    return more;
}

static int read_cab(struct source *s, int fd, uint64_t file_bytes, struct su_err *err)
{
    uint8_t head[SU_CABINET_HEAD_BYTES];
    struct seen seen = {0};
    if (su_file_read_at(fd, head, sizeof head, 0, err) < 0)
        return -1;
    uint64_t announced = su_cabinet_bytes(head);
    if (announced != file_bytes) /* cheap and certain: a cut or grown cabinet */
        return su_fail(err, SU_DATA, "the cabinet has %llu bytes, its head announces %llu",
                       (unsigned long long)file_bytes, (unsigned long long)announced);
    s->package->kind = SU_PACKAGE_CAB;
    if (walk_cab(s, fd, &seen, err) < 0)
        return -1;
    if (!seen.index || !seen.metadata)
        return su_fail(err, SU_DATA, "the cabinet holds no %s", seen.index ? "metadata.txt" : "package.xml");
    if (s->package->records == 0 && s->package->index.entries.count > 0)
        return walk_cab(s, fd, &seen, err);
    return 0;
}

static int on_inner_document(void *context, const struct su_package_entry *entry, const char *document,
                             size_t length, struct su_err *err)
{
    struct source *s = context;
    if (strspn(document, " \t\r\n") == length)
        return 0;
    struct su_record record = {.id = entry->id,
                               .revision = entry->revision,
                               .urls = "",
                               .document = document,
                               .document_bytes = length};
    return hand_over(s, &record, err);
}

static int unknown_layout(const struct source *s, struct su_err *err)
{
    char hex[129] = "";
    size_t n = s->ahead.length;
    if (n > 64)
        n = 64;
    if (n > 0)
        su_hex_format((const uint8_t *)s->ahead.bytes, n, hex);
    (void)su_fail(err, SU_DATA, "the inner layout of this .xml.gz is not known; its first %zu bytes are %s",
                  n, hex);
    return su_remedy(err, "Export again under a name that ends in .cab: wsusutil export NAME.cab LOG");
}

/* formats.md 1.7: sniff, take what is recognised, otherwise say exactly that. */
static int read_gzip(struct source *s, int fd, struct su_err *err)
{
    struct su_guid id;
    const char *name;
    uint64_t bytes;
    SU_AUTO(su_unarchive) struct su_unarchive *archive = su_unarchive_open(fd, SU_ARCHIVE_GZIP, err);
    if (!archive)
        return -1;
    s->archive = archive;
    s->package->kind = SU_PACKAGE_GZIP;
    int more = su_unarchive_next(archive, &name, &bytes, err);
    if (more <= 0)
        return more < 0 ? -1 : su_fail(err, SU_DATA, "the file is empty inside");
    ssize_t n = 1;
    while (s->ahead.length < 64 && n > 0) {
        char *to = su_buf_reserve(&s->ahead, 64);
        n = to ? su_unarchive_read(archive, to, 64 - s->ahead.length, err) : su_fail_memory(err);
        if (n < 0)
            return -1;
        su_buf_grow_by(&s->ahead, (size_t)n);
    }
    const char *start = s->ahead.bytes;
    size_t length = s->ahead.length;
    if (length >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0) {
        start += 3;
        length -= 3;
    }
    if (length >= 37 && su_guid_parse(&id, start, 36) && start[36] == ',') {
        s->ahead_at = (size_t)(start - s->ahead.bytes);
        return read_records(s, err);
    }
    if ((length >= 5 && memcmp(start, "<?xml", 5) == 0) ||
        (length >= 14 && memcmp(start, "<ExportPackage", 14) == 0)) {
        if (read_index(s, on_inner_document, err) < 0)
            return -1;
        if (s->package->records == 0 && s->package->index.entries.count > 0) {
            (void)su_fail(
                err, SU_DATA,
                "this .xml.gz lists %zu revisions and %zu files but no documents in a place that is known",
                s->package->index.entries.count, s->package->index.files.count);
            return su_remedy(err,
                             "Export again under a name that ends in .cab: wsusutil export NAME.cab LOG");
        }
        return 0;
    }
    return unknown_layout(s, err);
}

static int check_unchanged(int fd, const struct stat *before, struct su_err *err)
{
    struct stat now;
    if (fstat(fd, &now) < 0)
        return su_fail_sys(err, "fstat");
    if (now.st_size != before->st_size || now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
        return su_fail(err, SU_DATA, "the package changed while it was read");
    return 0;
}

int su_package_read(int fd, const char *path, struct su_package *package, su_package_take take, void *context,
                    struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf ahead = SU_BUF_INIT(256);
    uint8_t magic[4];
    struct stat before;
    if (fstat(fd, &before) < 0)
        return su_fail_sys(err, "%s", path);
    if (before.st_size < (off_t)sizeof magic)
        return su_fail(err, SU_DATA, "%s has %llu bytes: no package is that small", path,
                       (unsigned long long)before.st_size);
    if (su_file_read_at(fd, magic, sizeof magic, 0, err) < 0)
        return su_prefix(err, "%s", path);
    struct source s = {.package = package, .take = take, .context = context, .ahead = ahead};
    int result;
    if (memcmp(magic, "MSCF", 4) == 0)
        result = read_cab(&s, fd, (uint64_t)before.st_size, err);
    else if (memcmp(magic, "\x1f\x8b\x08", 3) == 0)
        result = read_gzip(&s, fd, err);
    else
        result = su_fail(err, SU_DATA, "neither a cabinet (MSCF) nor gzip: starts with %02x %02x %02x %02x",
                         magic[0], magic[1], magic[2], magic[3]);
    ahead = s.ahead;
    if (result == 0 && package->index.is_read && package->records != package->index.entries.count)
        result = su_fail(err, SU_DATA, "package.xml lists %zu revisions, metadata.txt has %llu",
                         package->index.entries.count, (unsigned long long)package->records);
    if (result == 0 && package->records == 0)
        result = su_fail(err, SU_DATA, "the package holds no update");
    if (result == 0)
        result = check_unchanged(fd, &before, err);
    return result < 0 ? su_prefix(err, "%s", path) : 0;
}
