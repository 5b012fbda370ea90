#include "common/source/payload/brought.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *su_brought_kind_text(enum su_brought_kind kind)
{
    static const char *const texts[] = {"cabinet", "msu", "program", "wim", "other"};
    return texts[kind];
}

void su_brought_cleanup(struct su_brought *p)
{
    free(p->members.at);
    *p = (struct su_brought)SU_BROUGHT_INIT;
}

/* "kb5039227" and the like inside a name. */
static void read_name(struct su_brought *p, const char *name)
{
    static const char *const architectures[] = {"arm64", "x64", "x86", "ia64"};
    for (const char *at = name; *at && !p->kb[0]; at++) {
        size_t digits = strncasecmp(at, "kb", 2) == 0 ? strspn(at + 2, "0123456789") : 0;
        if (digits >= 6 && digits < 8)
            (void)snprintf(p->kb, sizeof p->kb, "%.*s", (int)digits, at + 2);
    }
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures && !p->architecture[0]; i++)
        if (strcasestr(name, architectures[i]))
            (void)snprintf(p->architecture, sizeof p->architecture, "%s", architectures[i]);
}

/* "<name>_<40 hex digits>.<extension>" states the file's SHA-1. */
static int check_name(const struct su_brought *p, const char *name, struct su_err *err)
{
    uint8_t stated[SU_SHA1_BYTES];
    char have[2 * SU_SHA1_BYTES + 1], want[2 * SU_SHA1_BYTES + 1];
    const char *dot = strrchr(name, '.');
    size_t stem = dot ? (size_t)(dot - name) : strlen(name);
    if (stem < 41 || name[stem - 41] != '_' ||
        !su_hex_parse(stated, SU_SHA1_BYTES, name + stem - 40, 40, false) ||
        memcmp(stated, p->id.sha1, SU_SHA1_BYTES) == 0)
        return 0;
    su_hex_format(p->id.sha1, SU_SHA1_BYTES, have);
    su_hex_format(stated, SU_SHA1_BYTES, want);
    (void)su_fail(err, SU_CONTENT_WRONG, "%s: its SHA-1 is %s, its name says %s", name, have, want);
    return su_remedy(err, "Download it again; a name that ends in a digest states that of the file.");
}

int su_brought_identify(int fd, const char *path, struct su_brought *out, struct su_err *err)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char magic[8] = "";
    if (su_store_identify(fd, &out->id, err) < 0 ||
        su_file_read_at(fd, magic, out->id.bytes < sizeof magic ? (size_t)out->id.bytes : sizeof magic, 0,
                        err) < 0)
        return su_prefix(err, "%s", path);
    su_escape_into(out->name, sizeof out->name, name);
    out->kind = memcmp(magic, "MSCF", 4) == 0          ? SU_BROUGHT_CABINET
                : memcmp(magic, "MZ", 2) == 0          ? SU_BROUGHT_PROGRAM
                : memcmp(magic, "MSWIM\0\0\0", 8) == 0 ? SU_BROUGHT_WIM
                                                       : SU_BROUGHT_OTHER;
    read_name(out, out->name);
    return check_name(out, name, err);
}
