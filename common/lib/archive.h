/*
 * archive.h - reads cabinets, zip and gzip forward-only, writes plain tar (libarchive).
 *
 * Reading takes regular members only; names are data, never paths. A warning on data is a failure.
 * Writing gives ustar with fixed owner, mode and time, so that bytes depend on names and content only.
 */
#ifndef SU_ARCHIVE_H
#define SU_ARCHIVE_H

#include <stdint.h>
#include <sys/types.h>

#include "common/base/err.h"

struct su_unarchive;
enum su_archive_kind { SU_ARCHIVE_CAB, SU_ARCHIVE_GZIP, SU_ARCHIVE_ZIP };

/* Reads from `fd` at its present offset; the descriptor stays the caller's. */
struct su_unarchive *su_unarchive_open(int fd, enum su_archive_kind kind, struct su_err *err);
/*
 * The same from bytes that `source` gives, forward only: the archive may lie inside a member of another. 0 is the
 * end, -1 with `err` set a failure, which every call here then reports as it is.
 */
typedef ssize_t (*su_unarchive_source)(void *context, void *out, size_t room, struct su_err *err);
struct su_unarchive *su_unarchive_open_from(su_unarchive_source source, void *context, enum su_archive_kind kind,
                                            struct su_err *err);
/* The same from memory, which must last as long. */
struct su_unarchive *su_unarchive_open_memory(const void *bytes, size_t length, enum su_archive_kind kind, struct su_err *err);
/* The size that a cabinet announces in its head, 0 when it is no cabinet: a cut one is told at once. A signature
 * (Authenticode) lies behind what the cabinet counts of itself; its place and size stand in the head too. */
#define SU_CABINET_HEAD_BYTES 52
uint64_t su_cabinet_bytes(const uint8_t head[SU_CABINET_HEAD_BYTES]);
/* 1: a member, its name and declared size (UINT64_MAX when unknown); 0: the end; -1: failure. */
int su_unarchive_next(struct su_unarchive *in, const char **name, uint64_t *bytes, struct su_err *err) SU_CHECKED;
/* Next bytes of the member, 0 at its end, -1 on failure. */
ssize_t su_unarchive_read(struct su_unarchive *in, void *out, size_t room, struct su_err *err) SU_CHECKED;
void su_unarchive_cleanup(struct su_unarchive **in);

struct su_tar;
typedef int (*su_tar_sink)(void *context, const void *bytes, size_t length, struct su_err *err);
struct su_tar *su_tar_new(su_tar_sink sink, void *context, struct su_err *err);
int su_tar_member(struct su_tar *tar, const char *name, uint64_t bytes, struct su_err *err) SU_CHECKED;
int su_tar_write(struct su_tar *tar, const void *bytes, size_t length, struct su_err *err) SU_CHECKED;
int su_tar_finish(struct su_tar *tar, struct su_err *err) SU_CHECKED; /* the end mark */
void su_tar_cleanup(struct su_tar **tar);

#endif
