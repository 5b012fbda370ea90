#include "common/hub/readback.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/bundle/pool.h"
#include "common/bundle/volume_read.h"
#include "common/hub/sent.h"

struct reading_back {
    const struct su_events *events;
    const bool *wanted;
    struct su_bad_block first;
    char reason[256];
    uint64_t bad;
};

static void on_event(void *context, const struct su_event *event)
{
    struct reading_back *r = context;
    struct su_event mine = *event;
    if (mine.phase)
        mine.phase = "read-back";
    if (r->events && r->events->emit)
        r->events->emit(r->events->context, &mine);
}

static void on_bad(void *context, const struct su_bad_block *b)
{
    struct reading_back *r = context;
    if (r->wanted && !r->wanted[b->volume])
        return;
    if (r->bad++ > 0)
        return;
    r->first = *b;
    su_escape_into(r->reason, sizeof r->reason, b->reason);
}

static int forget(int dir, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    if (su_dir_list(dir, &names, SU_MAX_FOLDER_NAMES, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        SU_AUTO(su_fd) su_fd fd = -1;
        if (su_file_open(&fd, dir, names.at[i], NULL, err) < 0 || su_file_forget(fd, err) < 0)
            return -1;
    }
    return 0;
}

static int compare_small(int dir, int kept, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    SU_AUTO(su_buf)
    struct su_buf have = SU_BUF_INIT(SU_MAX_MANIFEST_BYTES), want = SU_BUF_INIT(SU_MAX_MANIFEST_BYTES);
    if (su_dir_list(kept, &names, SU_MAX_FOLDER_NAMES, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        if (strcmp(names.at[i], SU_SENT_FRAMES) == 0)
            continue;
        su_buf_clear(&have);
        su_buf_clear(&want);
        if (su_file_read_all(kept, names.at[i], &want, err) < 0 ||
            su_file_read_all(dir, names.at[i], &have, err) < 0)
            return -1;
        if (have.length != want.length ||
            (have.length > 0 && memcmp(have.bytes, want.bytes, have.length) != 0))
            return su_fail(err, SU_READ_BACK, "%s does not read back from the medium as it was written",
                           names.at[i]);
    }
    return 0;
}

int su_read_back(int dir, int kept, const struct su_manifest *m, const bool *wanted,
                 const struct su_events *events, struct su_err *err)
{
    struct reading_back r = {.events = events, .wanted = wanted};
    struct su_events mine = {.emit = on_event, .context = &r};
    uint64_t blocks;
    for (size_t i = 0; !wanted && i < m->payloads.count; i++)
        if (m->payloads.at[i].is_pooled && (su_pool_forget(dir, &m->payloads.at[i], err) < 0 ||
                                            su_pool_prove(dir, &m->payloads.at[i], err) < 0)) {
            err->code = SU_READ_BACK;
            return -1;
        }
    SU_AUTO(su_volume_reader) struct su_volume_reader *reader = su_volume_reader_new(dir, m, err);
    if (!reader || forget(dir, err) < 0 || compare_small(dir, kept, err) < 0 ||
        su_volume_check_all(reader, on_bad, &r, &mine, &blocks, err) < 0)
        return -1;
    if (r.bad == 0)
        return 0;
    return su_fail(err, SU_READ_BACK, "volume %u, offset %llu: %s (%llu bad in all)", r.first.volume,
                   (unsigned long long)r.first.offset, r.reason, (unsigned long long)r.bad);
}
