#include "common/hub/sent.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"

#define SENT_FOLDER "sent"
#define PARTIAL ".partial"
#define MAX_SENT_NAMES 100000

void su_sent_cleanup(struct su_sent *s)
{
    struct su_err ignored = SU_ERR_INIT;
    su_fd_cleanup(&s->frames);
    su_fd_cleanup(&s->dir);
    if (s->is_unfinished && su_dir_remove(s->root, s->partial, &ignored) < 0)
        su_err_clear(&ignored); /* the next export removes it */
    s->is_unfinished = false;
    su_fd_cleanup(&s->root);
}

/* The sequence of a folder of this site's, 0 for what is none. */
static uint64_t sequence_of(const char *name, const char *site)
{
    uint64_t sequence;
    char again[SU_BUNDLE_NAME_TEXT];
    const char *digits = strrchr(name, '-');
    if (!digits || strlen(digits + 1) != 6 || strspn(digits + 1, "0123456789") != 6)
        return 0;
    sequence = (uint64_t)(digits[1] - '0');
    for (size_t i = 2; i <= 6; i++)
        sequence = sequence * 10 + (uint64_t)(digits[i] - '0');
    return strcmp(name, su_bundle_name(site, sequence, again)) == 0 ? sequence : 0;
}

static bool is_urgent(const char *name, const char *site)
{
    char stem[SU_BUNDLE_NAME_TEXT];
    size_t n = (size_t)snprintf(stem, sizeof stem, "SU-%.16s-U", site);
    return strncmp(name, stem, n) == 0 && strlen(name + n) == 5 && strspn(name + n, "0123456789") == 5;
}

static bool is_partial(const char *name)
{
    size_t n = strlen(name), tail = strlen(PARTIAL);
    return n > tail && strcmp(name + n - tail, PARTIAL) == 0;
}

/* The caller holds the home's lock, so whatever is unfinished belongs to a run that failed. */
static int drop(const struct su_sent *s, const struct su_site *site, uint64_t next, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    if (su_dir_list(s->root, &names, MAX_SENT_NAMES, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        uint64_t sequence = sequence_of(names.at[i], site->code);
        bool is_old = sequence < site->acknowledged || sequence + SU_UNDO_KEEP <= next;
        bool is_dropped = is_partial(names.at[i]) || is_urgent(names.at[i], site->code) ||
                          (sequence > 0 && (is_old || sequence >= next));
        if (is_dropped && su_dir_remove(s->root, names.at[i], err) < 0)
            return -1;
    }
    return 0;
}

int su_sent_begin(struct su_sent *s, const struct su_home *hub, const struct su_site *site,
                  const struct su_manifest *m, uint64_t bytes, struct su_err *err)
{
    su_manifest_name(m, s->name);
    (void)snprintf(s->partial, sizeof s->partial, "%s" PARTIAL, s->name);
    if (su_dir_make(&s->root, hub->dir, SENT_FOLDER, 0700, err) < 0 || drop(s, site, m->sequence, err) < 0 ||
        su_space_demand(s->root, bytes, "what is kept for a later resend", " in the hub's home", err) < 0 ||
        su_dir_make(&s->dir, s->root, s->partial, 0700, err) < 0)
        return -1;
    s->is_unfinished = true;
    return su_file_create(&s->frames, s->dir, SU_SENT_FRAMES, 0, err) < 0
               ? su_prefix(err, SENT_FOLDER "/%s", s->partial)
               : 0;
}

int su_sent_frame(struct su_sent *s, const void *packed, size_t length, struct su_err *err)
{
    if (su_file_write(s->frames, packed, length, err) < 0)
        return su_prefix(err, SENT_FOLDER "/%s", s->partial);
    su_file_write_behind(s->frames, s->frame_bytes, length);
    s->frame_bytes += length;
    return 0;
}

int su_sent_read(const struct su_sent *s, void *out, size_t length, uint64_t offset, struct su_err *err)
{
    return su_file_read_at(s->frames, out, length, offset, err) < 0
               ? su_prefix(err, SENT_FOLDER "/%s", s->partial)
               : 0;
}

static bool is_volume(const struct su_manifest *m, const char *name)
{
    char volume[16];
    for (size_t v = 1; v <= m->volumes.count; v++)
        if (strcmp(name, su_volume_name(m, (uint32_t)v, volume)) == 0)
            return true;
    return false;
}

static int copy_file(int from, int to, const char *name, struct su_buf *bytes, struct su_err *err)
{
    su_buf_clear(bytes);
    if (su_file_read_all(from, name, bytes, err) < 0)
        return -1;
    return su_file_save(to, name, 0644, false, bytes->bytes ? bytes->bytes : "", bytes->length, err);
}

static int prove(const struct su_buf *bytes, const char *name, const uint8_t sha256[SU_SHA256_BYTES],
                 struct su_err *err)
{
    uint8_t have[SU_SHA256_BYTES];
    if (su_sha256(have, bytes->bytes ? bytes->bytes : "", bytes->length, err) < 0)
        return -1;
    return memcmp(have, sha256, sizeof have) == 0
               ? 0
               : su_fail(err, SU_READ_BACK, "%s does not read back from the medium as it was written", name);
}

int su_sent_keep(struct su_sent *s, int bundle_dir, const struct su_manifest *m,
                 const uint8_t manifest_sha256[SU_SHA256_BYTES], struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    SU_AUTO(su_buf) struct su_buf bytes = SU_BUF_INIT(SU_MAX_MANIFEST_BYTES);
    if (su_dir_list(bundle_dir, &names, SU_MAX_FOLDER_NAMES, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.at[i];
        if (is_volume(m, name))
            continue;
        if (copy_file(bundle_dir, s->dir, name, &bytes, err) < 0 ||
            (strcmp(name, SU_MANIFEST_NAME) == 0 && prove(&bytes, name, manifest_sha256, err) < 0))
            return -1;
        for (int p = 0; p < SU_PAPERS; p++)
            if (strcmp(name, su_paper_name((enum su_paper)p)) == 0 &&
                prove(&bytes, name, m->papers[p], err) < 0)
                return -1;
    }
    if (su_file_finish(&s->frames, SU_SENT_FRAMES, err) < 0)
        return su_prefix(err, SENT_FOLDER "/%s", s->partial);
    if (su_dir_sync(s->dir, err) < 0 || su_file_rename(s->root, s->partial, s->root, s->name, err) < 0)
        return -1;
    s->is_unfinished = false;
    return 0;
}

int su_sent_open(struct su_sent *s, const struct su_home *hub, const char *bundle, struct su_err *err)
{
    (void)snprintf(s->name, sizeof s->name, "%s", bundle);
    if (su_file_exists(hub->dir, SENT_FOLDER) && su_dir_open_below(&s->root, hub->dir, SENT_FOLDER, err) < 0)
        return -1;
    if (s->root < 0 || !su_file_exists(s->root, bundle))
        return su_fail(
            err, SU_NOT_KEPT,
            "what it needs to make %s again is no longer kept here (%d bundles of a site are, from "
            "the last acknowledged one on)",
            bundle, SU_UNDO_KEEP);
    return su_dir_open_below(&s->dir, s->root, bundle, err);
}

int su_sent_copy(const struct su_sent *s, int to, uint64_t *bytes, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    SU_AUTO(su_buf) struct su_buf file = SU_BUF_INIT(SU_MAX_MANIFEST_BYTES);
    if (su_dir_list(s->dir, &names, SU_MAX_FOLDER_NAMES, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        if (strcmp(names.at[i], SU_SENT_FRAMES) == 0)
            continue;
        if (copy_file(s->dir, to, names.at[i], &file, err) < 0)
            return -1;
        *bytes += file.length;
    }
    return 0;
}
