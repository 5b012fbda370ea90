/*
 * brought.h - a file brought by hand (.msu, .cab, .exe): what it is, what it carries about itself, and whether the
 * catalogue knows it.
 *
 * What it is, its bytes say, never its name. Only the catalogue makes a file deployable: a file that no update document
 * names is refused, whatever scan metadata or the file itself say of an update.
 */
#ifndef SU_BROUGHT_H
#define SU_BROUGHT_H

#include "common/base/text.h"
#include "common/point/store.h"

enum su_brought_kind { SU_BROUGHT_CABINET, SU_BROUGHT_MSU, SU_BROUGHT_PROGRAM, SU_BROUGHT_WIM, SU_BROUGHT_OTHER };
const char *su_brought_kind_text(enum su_brought_kind kind); /* cabinet, msu, program, wim, other */

/* An update that a WSUSSCAN.cab inside names. */
struct su_brought_update {
    struct su_guid id;
    uint32_t revision;
    bool is_bundle, has_file; /* has_file: its payload file is a member of this MSU */
};
/* A file inside an MSU: the content store wants the cabinet in it as often as the MSU itself. */
struct su_brought_member {
    char name[128]; /* escaped */
    struct su_file_id id;
};
#define SU_BROUGHT_UPDATES 32 /* of an MSU; genuine ones name one and its bundle */

struct su_brought {
    char name[256]; /* without folders, escaped */
    enum su_brought_kind kind;
    struct su_file_id id;
    /* "" what is not said; of its name, or of the texts in it, which know better */
    char kb[16], architecture[16], package[128], version[40];
    struct su_brought_update updates[SU_BROUGHT_UPDATES];
    size_t update_count;
    SU_VEC(struct su_brought_member) members;
    bool is_cut_short; /* more members than were looked at */
};
#define SU_BROUGHT_INIT { .name = "" }
void su_brought_cleanup(struct su_brought *brought);

/* Digests, kind, name; a name that states another SHA-1 than the file has is refused. */
int su_brought_identify(int fd, const char *path, struct su_brought *out, struct su_err *err) SU_CHECKED;

#endif
