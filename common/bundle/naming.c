#include "common/bundle/naming.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/bundle/frame_read.h"
#include "common/catalogue/update_child.h"

void su_named_file_cleanup(struct su_named_file *n)
{
    free(n->file);
    free(n->kb);
    free(n->title);
    n->file = n->kb = n->title = NULL;
}

static int set(struct su_named_file *n, const char *file, const char *kb, const char *title,
               struct su_err *err)
{
    n->file = strdup(file);
    n->kb = strdup(kb);
    n->title = strdup(title);
    /* NOLINTNEXTLINE(analyzer-malloc-leak): the vector has them */
    return n->file && n->kb && n->title ? 0 : su_fail_memory(err);
}

int su_name_from_database(struct su_db *db, struct su_named_file *n, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    /* The newest revision, as everywhere. */
    if (su_query(
            db, &rows, err,
            "SELECT f.name, i.title, (SELECT min(value) FROM tag t WHERE t.rev_id=f.rev_id AND t.kind='kb')"
            " FROM file f JOIN info i USING (rev_id) JOIN revision r USING (rev_id)"
            " WHERE f.sha1=?1 AND f.bytes=?2 ORDER BY r.update_id, r.revision DESC LIMIT 1",
            SU_B(n->sha1, SU_SHA1_BYTES), SU_I(n->bytes)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    return set(n, su_rows_text(&rows, 0), su_rows_text(&rows, 2), su_rows_text(&rows, 1), err);
}

struct naming {
    struct su_update_child *child;
    struct su_update update;
    struct su_named_file *list;
    size_t count;
};

static int compare(const void *a, const void *b)
{
    const struct su_named_file *x = a, *y = b;
    return memcmp(x->sha1, y->sha1, SU_SHA1_BYTES);
}

static const char *kb_of(const struct su_update *u)
{
    for (size_t i = 0; i < u->tags.count; i++)
        if (strcmp(u->tags.at[i].kind, "kb") == 0)
            return u->tags.at[i].value;
    return "";
}

static int look(void *context, struct su_record *record, struct su_err *err)
{
    struct naming *c = context;
    if (record->is_removal)
        return 0;
    if (su_update_child_parse(c->child, &c->update, record->document, record->document_bytes, err) < 0)
        return -1;
    for (size_t i = 0; i < c->update.files.count; i++) {
        const struct su_update_file *f = &c->update.files.at[i];
        struct su_named_file key = {.bytes = f->bytes}, *found;
        memcpy(key.sha1, f->sha1, SU_SHA1_BYTES);
        found = bsearch(&key, c->list, c->count, sizeof key, compare);
        if (found && !found->file &&
            set(found, f->name, kb_of(&c->update), su_update_title(&c->update), err) < 0)
            return -1;
    }
    return 0;
}

int su_name_from_bundle(struct su_volume_reader *reader, const struct su_manifest *m,
                        struct su_named_file *list, size_t count, struct su_err *err)
{
    struct naming c = {.update = SU_UPDATE_INIT, .list = list, .count = count};
    int result = (c.child = su_update_child_start(err)) ? su_frames_read(reader, m, look, &c, err) : -1;
    su_update_child_cleanup(&c.child);
    su_update_cleanup(&c.update);
    return result;
}

/* At most `most` bytes of a text, cut between characters. */
static void add_cut(struct su_buf *out, const char *text, size_t most)
{
    size_t n = strlen(text);
    if (n > most) {
        n = most;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
            n--;
    }
    su_buf_add(out, text, n);
    su_buf_adds(out, text[n] ? "..." : "");
}

void su_name_text(const struct su_named_file *n, struct su_buf *out)
{
    if (!n->file) {
        su_buf_addf(out, "%s file ", n->is_licence ? "licence" : "content");
        su_buf_addhex(out, n->sha1, SU_SHA1_BYTES);
    } else {
        add_cut(out, n->file, 120);
        su_buf_adds(out, " of ");
        if (n->kb[0] && !strstr(n->title, n->kb))
            su_buf_addf(out, "KB%s ", n->kb);
        add_cut(out, n->title, 160);
    }
    su_buf_addf(out, " (%llu bytes)", (unsigned long long)n->bytes);
}
