#include "common/bundle/volume_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/bundle/volume_write.h"
#include "common/sys/interrupt.h"

struct su_volume_reader {
    int dir;
    const struct su_manifest *manifest;
    su_fd fd;
    uint32_t volume; /* the open one; 0: none */
    char *block;     /* verified bytes of block `block_number` of the open volume */
    size_t block_number, block_bytes;
    bool has_block;
    bool *proved; /* by number in the manifest's list of blocks */
};

struct su_volume_reader *su_volume_reader_new(int dir, const struct su_manifest *manifest, struct su_err *err)
{
    struct su_volume_reader *r = calloc(1, sizeof *r);
    if (!r) {
        (void)su_fail_memory(err);
        return NULL;
    }
    r->fd = -1;
    r->dir = dir;
    r->manifest = manifest;
    r->block = malloc(SU_BLOCK_BYTES);
    r->proved = calloc(manifest->blocks.count + 1, sizeof *r->proved);
    if (!r->block || !r->proved) {
        su_volume_reader_cleanup(&r);
        (void)su_fail_memory(err);
    }
    return r;
}

void su_volume_reader_cleanup(struct su_volume_reader **r)
{
    if (!*r)
        return;
    su_fd_cleanup(&(*r)->fd);
    free((*r)->block);
    free((*r)->proved);
    free(*r);
    *r = NULL;
}

static const char *or_repair(const struct su_volume_reader *r)
{
    return r->manifest->recovery.percent > 0
               ? "; or, as there are recovery volumes: suimport repair DIR --to DIR2"
               : "";
}

/* Whose volume lies there, by the words in its head, when they are another's. Unsigned: for people only.
 * The head is a tar member, in a recovery volume the first cell. */
static void whose_volume(const struct su_volume_reader *r, int fd, uint32_t volume, char out[128])
{
    static const char first[] = "SU-VOLUME 1\nbundle ";
    char head[1024 + 1], expected[128], *at = head, set[SU_SET_TEXT], name[SU_BUNDLE_NAME_TEXT];
    struct su_err ignored = SU_ERR_INIT;
    const struct su_volume *v = &r->manifest->volumes.at[volume - 1];
    size_t data = su_manifest_data_volumes(r->manifest);
    out[0] = 0;
    if (su_file_read_at(fd, head, sizeof head - 1, 0, &ignored) < 0 ||
        su_volume_set(r->manifest, set, &ignored) < 0)
        return;
    head[sizeof head - 1] = 0;
    at += v->is_recovery ? 0 : 512;
    (void)snprintf(expected, sizeof expected, "%s%s\nset %s\n%s %zu\n", first,
                   su_bundle_name(r->manifest->site, r->manifest->sequence, name), set,
                   v->is_recovery ? "recovery" : "volume", volume - (v->is_recovery ? data : 0));
    if (strncmp(at, first, strlen(first)) != 0 || strncmp(at, expected, strlen(expected)) == 0)
        return;
    at += strlen(first);
    const char *number = strstr(at, v->is_recovery ? "\nrecovery " : "\nvolume ");
    (void)snprintf(out, 128, "; by its head it is%.*s of %.*s",
                   number ? (int)strcspn(number + 1, "\n") + 1 : 0, number ? number : "",
                   (int)strcspn(at, "\n"), at);
    for (char *c = out; *c; c++)
        if (*c == '\n')
            *c = ' ';
}

static int open_volume(struct su_volume_reader *r, uint32_t volume, struct su_err *err)
{
    char name[16], whose[128];
    uint64_t bytes;
    const struct su_volume *v = &r->manifest->volumes.at[volume - 1];
    if (r->volume == volume)
        return 0;
    su_fd_cleanup(&r->fd);
    r->volume = 0;
    r->has_block = false;
    su_volume_name(r->manifest, volume, name);
    if (!su_file_exists(r->dir, name)) {
        (void)su_fail(err, SU_DAMAGED, "volume %u of %zu (%s) is absent", volume, r->manifest->volumes.count,
                      name);
        return su_remedy(err, "Bring %s into the bundle's folder and run again%s.", name, or_repair(r));
    }
    if (su_file_open(&r->fd, r->dir, name, &bytes, err) < 0)
        return -1;
    if (bytes != v->bytes) {
        whose_volume(r, r->fd, volume, whose);
        su_fd_cleanup(&r->fd);
        (void)su_fail(err, SU_DAMAGED, "volume %u of %zu (%s) has %llu bytes, the manifest says %llu%s",
                      volume, r->manifest->volumes.count, name, (unsigned long long)bytes,
                      (unsigned long long)v->bytes, whose);
        return su_remedy(err, "Copy %s again from the hub and run again%s.", name, or_repair(r));
    }
    r->volume = volume;
    return 0;
}

/* Reads block `number` of the open volume and proves it. */
static int load_block(struct su_volume_reader *r, size_t number, struct su_err *err)
{
    const struct su_volume *v = &r->manifest->volumes.at[r->volume - 1];
    uint64_t offset = (uint64_t)number * SU_BLOCK_BYTES;
    bool is_good;
    char name[16], whose[128] = "";
    if (r->has_block && r->block_number == number)
        return 0;
    if (su_interrupt_check(err) < 0)
        return -1;
    r->has_block = false;
    r->block_bytes = su_block_bytes(v, number);
    if (su_file_read_at(r->fd, r->block, r->block_bytes, offset, err) < 0) {
        err->code = SU_DAMAGED;
        return su_prefix(err, "volume %u of %zu", r->volume, r->manifest->volumes.count);
    }
    if (su_block_is_good(r->manifest, v, number, r->block, &is_good, err) < 0)
        return -1;
    if (!is_good) {
        if (number == 0)
            whose_volume(r, r->fd, r->volume, whose);
        (void)su_fail(err, SU_DAMAGED,
                      "volume %u of %zu (%s): the block at offset %llu differs from its signed hash%s",
                      r->volume, r->manifest->volumes.count, su_volume_name(r->manifest, r->volume, name),
                      (unsigned long long)offset, whose);
        return su_remedy(err, "Copy %s again from the hub and run again%s.", name, or_repair(r));
    }
    r->proved[v->first_block + number] = true;
    r->block_number = number;
    r->has_block = true;
    return 0;
}

int su_volume_read(struct su_volume_reader *r, size_t first_extent, size_t extents, su_volume_take take,
                   void *context, struct su_err *err)
{
    for (size_t i = 0; i < extents; i++) {
        struct su_extent e = r->manifest->extents.at[first_extent + i];
        if (open_volume(r, e.volume, err) < 0)
            return -1;
        while (e.length > 0) {
            if (load_block(r, (size_t)(e.offset / SU_BLOCK_BYTES), err) < 0)
                return -1;
            size_t inside = (size_t)(e.offset % SU_BLOCK_BYTES), n = r->block_bytes - inside;
            if (n > e.length)
                n = (size_t)e.length;
            if (take(context, r->block + inside, n, err) < 0)
                return -1;
            e.offset += n;
            e.length -= n;
        }
    }
    return 0;
}

const bool *su_volume_proved(const struct su_volume_reader *r)
{
    return r->proved;
}

static bool is_medium_fault(const struct su_err *err)
{
    return err->code == SU_DAMAGED || err->code == SU_DATA || err->code == SU_SYSTEM;
}

static bool has_any(const struct su_volume *volume, const bool *marks)
{
    for (size_t b = 0; marks && b < volume->blocks; b++)
        if (marks[volume->first_block + b])
            return true;
    return false;
}

int su_volume_check_rest(struct su_volume_reader *r, const bool *may_be_bad, struct su_err *err)
{
    for (uint32_t v = 1; v <= su_manifest_data_volumes(r->manifest); v++) {
        const struct su_volume *volume = &r->manifest->volumes.at[v - 1];
        if (open_volume(r, v, err) < 0) {
            if (!is_medium_fault(err) || !has_any(volume, may_be_bad))
                return -1;
            su_err_clear(err);
            continue;
        }
        for (size_t b = 0; b < volume->blocks; b++) {
            size_t number = volume->first_block + b;
            if (!r->proved[number] && !(may_be_bad && may_be_bad[number]) && load_block(r, b, err) < 0)
                return -1;
        }
    }
    return 0;
}

int su_volume_check_all(struct su_volume_reader *r,
                        void (*bad)(void *context, const struct su_bad_block *block), void *context,
                        const struct su_events *events, uint64_t *blocks, struct su_err *err)
{
    uint64_t done = 0, total = su_manifest_volume_bytes(r->manifest);
    *blocks = 0;
    for (uint32_t v = 1; v <= r->manifest->volumes.count; v++) {
        const struct su_volume *volume = &r->manifest->volumes.at[v - 1];
        if (open_volume(r, v, err) < 0) {
            if (!is_medium_fault(err))
                return -1;
            bad(context, &(struct su_bad_block){v, 0, volume->bytes, err->text});
            done += volume->bytes;
            continue;
        }
        for (size_t b = 0; b < volume->blocks; b++) {
            if (load_block(r, b, err) < 0) {
                if (!is_medium_fault(err))
                    return -1;
                bad(context,
                    &(struct su_bad_block){v, (uint64_t)b * SU_BLOCK_BYTES, r->block_bytes, err->text});
            }
            ++*blocks;
            done += r->block_bytes;
            su_progress(events, SU_OK, "verify", done, total, "bytes");
        }
    }
    su_err_clear(err);
    return 0;
}
