#include "common/lib/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"

#define SOURCE_BYTES (64 * SU_KIB)

struct su_unarchive {
    struct archive *archive;
    enum su_archive_kind kind;
    su_unarchive_source source; /* NULL: a descriptor */
    void *context;
    const void *memory; /* NULL: not there */
    size_t length;
    char *bytes;         /* what the source gave last */
    struct su_err error; /* of the source, kept across libarchive */
    bool has_failed;
};

static int failed(struct archive *archive, const char *what, struct su_err *err)
{
    const char *text = archive_error_string(archive);
    if (archive_errno(archive) == ENOMEM)
        return su_fail_memory(err);
    return su_fail(err, SU_DATA, "%s: %s", what, text ? text : "damaged");
}

/* What the source said comes first. */
static int unreadable(const struct su_unarchive *in, const char *what, struct su_err *err)
{
    if (!in->has_failed)
        return failed(in->archive, what, err);
    *err = in->error;
    return -1;
}

static la_ssize_t from_source(struct archive *archive, void *context, const void **bytes)
{
    struct su_unarchive *in = context;
    ssize_t n = in->has_failed ? -1 : in->source(in->context, in->bytes, SOURCE_BYTES, &in->error);
    *bytes = in->bytes;
    if (n >= 0)
        return n;
    in->has_failed = true;
    archive_set_error(archive, EIO, "source failed");
    return ARCHIVE_FATAL;
}

static struct su_unarchive *open_archive(struct su_unarchive given, int fd, struct su_err *err)
{
    struct su_unarchive *in = malloc(sizeof *in);
    if (in)
        *in = given;
    if (!in || !(in->archive = archive_read_new()) || (in->source && !(in->bytes = malloc(SOURCE_BYTES)))) {
        su_unarchive_cleanup(&in);
        (void)su_fail_memory(err);
        return NULL;
    }
    int bad = in->kind == SU_ARCHIVE_CAB   ? archive_read_support_format_cab(in->archive)
              : in->kind == SU_ARCHIVE_ZIP ? archive_read_support_format_zip(in->archive)
                                           : archive_read_support_filter_gzip(in->archive) |
                                                 archive_read_support_format_raw(in->archive);
    /* It makes room for what it reads from, which open does not look whether it has. */
    if (bad == ARCHIVE_OK)
        bad = archive_read_set_callback_data(in->archive, NULL);
    if (bad == ARCHIVE_OK)
        bad = in->source   ? archive_read_open(in->archive, in, NULL, from_source, NULL)
              : in->memory ? archive_read_open_memory(in->archive, in->memory, in->length)
                           : archive_read_open_fd(in->archive, fd, 256 * SU_KIB);
    if (bad != ARCHIVE_OK) {
        (void)unreadable(in, "opening", err);
        su_unarchive_cleanup(&in);
    }
    return in;
}

struct su_unarchive *su_unarchive_open(int fd, enum su_archive_kind kind, struct su_err *err)
{
    return open_archive((struct su_unarchive){.kind = kind}, fd, err);
}

struct su_unarchive *su_unarchive_open_from(su_unarchive_source source, void *context,
                                            enum su_archive_kind kind, struct su_err *err)
{
    return open_archive((struct su_unarchive){.kind = kind, .source = source, .context = context}, -1, err);
}

struct su_unarchive *su_unarchive_open_memory(const void *bytes, size_t length, enum su_archive_kind kind,
                                              struct su_err *err)
{
    return open_archive((struct su_unarchive){.kind = kind, .memory = bytes, .length = length}, -1, err);
}

static uint64_t number_at(const uint8_t *bytes)
{
    return (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16 | (uint64_t)bytes[3] << 24;
}

uint64_t su_cabinet_bytes(const uint8_t head[SU_CABINET_HEAD_BYTES])
{
    if (memcmp(head, "MSCF", 4) != 0)
        return 0;
    uint64_t bytes = number_at(head + 8);
    bool has_reserve = (head[30] & 4) != 0 && (head[36] | head[37] << 8) >= 20;
    return has_reserve && number_at(head + 44) == bytes ? bytes + number_at(head + 48) : bytes;
}

int su_unarchive_next(struct su_unarchive *in, const char **name, uint64_t *bytes, struct su_err *err)
{
    struct archive_entry *entry;
    int code;
    do
        code = archive_read_next_header(in->archive, &entry);
    while (code == ARCHIVE_OK && in->kind == SU_ARCHIVE_ZIP && archive_entry_filetype(entry) == AE_IFDIR);
    if (code == ARCHIVE_EOF && !in->has_failed)
        return 0;
    if (code != ARCHIVE_OK)
        return unreadable(in, "reading the directory", err);
    *name = archive_entry_pathname_utf8(entry);
    if (!*name || (archive_entry_filetype(entry) != AE_IFREG && in->kind != SU_ARCHIVE_GZIP))
        return su_fail(err, SU_DATA, "holds a member that is not a regular file with a UTF-8 name");
    *bytes = archive_entry_size_is_set(entry) && in->kind != SU_ARCHIVE_GZIP
                 ? (uint64_t)archive_entry_size(entry)
                 : UINT64_MAX;
    return 1;
}

ssize_t su_unarchive_read(struct su_unarchive *in, void *out, size_t room, struct su_err *err)
{
    ssize_t n = archive_read_data(in->archive, out, room);
    return n < 0 ? unreadable(in, "decompressing", err) : n;
}

void su_unarchive_cleanup(struct su_unarchive **in)
{
    if (!*in)
        return;
    if ((*in)->archive)
        (void)archive_read_free((*in)->archive);
    free((*in)->bytes);
    free(*in);
    *in = NULL;
}

struct su_tar {
    struct archive *archive;
    struct archive_entry *entry;
    su_tar_sink sink;
    void *context;
    struct su_err error; /* of the sink, kept across libarchive */
    int has_failed;
};

static la_ssize_t to_sink(struct archive *archive, void *context, const void *bytes, size_t length)
{
    struct su_tar *tar = context;
    if (tar->sink(tar->context, bytes, length, &tar->error) < 0) {
        tar->has_failed = 1;
        archive_set_error(archive, EIO, "sink failed");
        return -1;
    }
    return (la_ssize_t)length;
}

static int tar_result(struct su_tar *tar, int is_bad, struct su_err *err)
{
    if (!is_bad)
        return 0;
    if (!tar->has_failed)
        return failed(tar->archive, "writing tar", err);
    *err = tar->error;
    return -1;
}

struct su_tar *su_tar_new(su_tar_sink sink, void *context, struct su_err *err)
{
    struct su_tar *tar = calloc(1, sizeof *tar);
    if (tar) {
        tar->sink = sink;
        tar->context = context;
        tar->archive = archive_write_new();
        tar->entry = archive_entry_new();
    }
    /* No blocking: every byte goes to the sink at once, so the caller knows each offset. */
    if (!tar || !tar->archive || !tar->entry || archive_write_set_format_ustar(tar->archive) != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(tar->archive, 0) != ARCHIVE_OK ||
        archive_write_open(tar->archive, tar, NULL, to_sink, NULL) != ARCHIVE_OK) {
        su_tar_cleanup(&tar);
        (void)su_fail_memory(err);
    }
    return tar;
}

int su_tar_member(struct su_tar *tar, const char *name, uint64_t bytes, struct su_err *err)
{
    archive_entry_clear(tar->entry);
    archive_entry_set_pathname(tar->entry, name);
    archive_entry_set_filetype(tar->entry, AE_IFREG);
    archive_entry_set_perm(tar->entry, 0444);
    archive_entry_set_size(tar->entry, (la_int64_t)bytes);
    archive_entry_set_mtime(tar->entry, 0, 0);
    return tar_result(tar, archive_write_header(tar->archive, tar->entry) != ARCHIVE_OK, err);
}

int su_tar_write(struct su_tar *tar, const void *bytes, size_t length, struct su_err *err)
{
    return tar_result(tar, archive_write_data(tar->archive, bytes, length) != (la_ssize_t)length, err);
}

int su_tar_finish(struct su_tar *tar, struct su_err *err)
{
    return tar_result(tar, archive_write_close(tar->archive) != ARCHIVE_OK, err);
}

void su_tar_cleanup(struct su_tar **tar)
{
    if (!*tar)
        return;
    archive_entry_free((*tar)->entry);
    if ((*tar)->archive)
        (void)archive_write_free((*tar)->archive);
    free(*tar);
    *tar = NULL;
}
