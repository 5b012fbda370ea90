#include "common/source/source.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/lib/archive.h"
#include "common/lib/confine.h"
#include "common/sys/file.h"

/* The first that knows the source has it; what nobody knows is for the package, which says what it is not. */
static const struct su_source_kind *const kinds[] = {&su_upstream_source, &su_package_source, &su_scan_source,
                                                     &su_vendor_source};

static void note_name(struct su_source_look *look, size_t n, const char *path)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char *to = look->names[n];
    if (strlen(base) >= sizeof look->names[n] || !su_utf8_is_valid(base, strlen(base)))
        base = "?"; /* none that anybody looks for */
    (void)snprintf(to, sizeof look->names[n], "%s", base);
    for (; *to; to++)
        *to = (char)tolower((unsigned char)*to);
}

static const struct su_source_kind *recognise(const struct su_source_look *look)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i]->knows(look))
            return kinds[i];
    return NULL;
}

static void note_inside(struct su_source_look *look, const char *name, struct su_unarchive *archive)
{
    struct su_err ignored = SU_ERR_INIT;
    size_t length = strlen(name), have = 0;
    ssize_t n = 1;
    if (look->inside[0] || length < 4 || strcasecmp(name + length - 4, ".xml") != 0)
        return;
    while (n > 0 && have < SU_LOOK_BYTES)
        if ((n = su_unarchive_read(archive, look->inside + have, SU_LOOK_BYTES - have, &ignored)) > 0)
            have += (size_t)n;
    look->inside[have] = 0;
}

struct looking {
    struct su_source_look *look;
    int fd;
    enum su_archive_kind kind;
};

/* In a confined child. Names until one tells the kind: finding the next means unpacking the member before.
 * What cannot be read here is for the reader to refuse. */
static int look_in_child(void *context, struct su_wire *wire, struct su_err *err)
{
    struct looking *l = context;
    struct su_err ignored = SU_ERR_INIT;
    const char *name;
    uint64_t bytes;
    SU_AUTO(su_unarchive) struct su_unarchive *archive = su_unarchive_open(l->fd, l->kind, &ignored);
    for (size_t n = 0; archive && n < SU_LOOK_NAMES && !recognise(l->look) &&
                       su_unarchive_next(archive, &name, &bytes, &ignored) > 0;
         n++) {
        note_name(l->look, n, name);
        note_inside(l->look, name, archive);
    }
    su_wire_begin(wire, SU_FRAME_FIRST);
    for (size_t n = 0; n < SU_LOOK_NAMES; n++)
        su_put_text(wire, l->look->names[n]);
    su_put_raw(wire, l->look->inside, SU_LOOK_BYTES);
    return su_wire_end(wire, err);
}

static int look_into_archive(struct su_source_look *look, int fd, enum su_archive_kind kind,
                             struct su_err *err)
{
    struct looking l = {look, fd, kind};
    const struct su_confined_plan plan = {.reads = "the start of the source",
                                          .run = look_in_child,
                                          .context = &l,
                                          .files = {fd},
                                          .file_count = 1,
                                          SU_CONFINED_PLAN_INIT};
    SU_AUTO(su_confined) struct su_confined *confined = NULL;
    uint32_t said;
    if (su_confined_start(&confined, &plan, err) < 0)
        return -1;
    int more = su_confined_next(confined, &said, err);
    struct su_wire *w = su_confined_wire(confined);
    for (size_t n = 0; more > 0 && n < SU_LOOK_NAMES; n++)
        (void)snprintf(look->names[n], sizeof look->names[n], "%s",
                       su_get_text(w, sizeof look->names[n] - 1));
    if (more > 0)
        su_get_raw(w, look->inside, SU_LOOK_BYTES);
    if (more < 0 || said != SU_FRAME_FIRST)
        return more < 0 ? -1 : su_wire_lies(err);
    return su_got_all(w, err) < 0 ? -1 : su_confined_finish(confined, err);
}

int su_source_look(struct su_source_look *look, const char *from, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    struct stat st;
    uint64_t bytes;
    *look = (struct su_source_look){.from = from};
    look->is_url = strncmp(from, "http://", 7) == 0 || strncmp(from, "https://", 8) == 0;
    if (look->is_url)
        return 0;
    if (strstr(from, "://"))
        return su_fail(err, SU_USAGE, "%s: only http:// and https:// addresses can be synchronized from",
                       from);
    look->is_folder = stat(from, &st) == 0 && S_ISDIR(st.st_mode);
    if (look->is_folder)
        return 0;
    if (su_file_open(&fd, AT_FDCWD, from, &bytes, err) < 0)
        return -1;
    look->start_bytes = bytes < SU_LOOK_BYTES ? (size_t)bytes : SU_LOOK_BYTES;
    if (su_file_read_at(fd, look->start, look->start_bytes, 0, err) < 0)
        return su_prefix(err, "%s", from);
    bool is_cab = look->start_bytes > 4 && memcmp(look->start, "MSCF", 4) == 0;
    bool is_zip = look->start_bytes > 4 && memcmp(look->start, "PK\3\4", 4) == 0;
    if ((is_cab || is_zip) && lseek(fd, 0, SEEK_SET) == 0)
        return look_into_archive(look, fd, is_cab ? SU_ARCHIVE_CAB : SU_ARCHIVE_ZIP, err);
    return 0;
}

int su_source_open(struct su_source *source, struct su_err *err)
{
    struct su_source_look look;
    if (su_source_look(&look, source->request->from, err) < 0)
        return -1;
    const struct su_source_kind *kind = source->request->kind ? source->request->kind : recognise(&look);
    if (!kind)
        kind = &su_package_source;
    source->name = source->place = source->created = "";
    source->kind = kind;
    if (kind->open(source, err) == 0)
        return 0;
    su_source_cleanup(source);
    return -1;
}

void su_source_cleanup(struct su_source *source)
{
    if (source->kind)
        source->kind->close(source);
    source->kind = NULL;
}

void su_source_title(const char *from, char *out, size_t room)
{
    char raw[1024];
    const char *scheme = strstr(from, "://"), *host = scheme ? scheme + 3 : from;
    size_t host_bytes = strcspn(host, "/?#");
    const char *slash = strrchr(from, '/');
    if (!scheme) {
        su_escape_into(out, room, slash && slash[1] ? slash + 1 : from);
        return;
    }
    for (const char *at = memchr(host, '@', host_bytes); at; at = memchr(host, '@', host_bytes)) {
        host_bytes -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    (void)snprintf(raw, sizeof raw, "%.*s%s", (int)(scheme + 3 - from), from, host);
    su_escape_into(out, room, raw);
}
