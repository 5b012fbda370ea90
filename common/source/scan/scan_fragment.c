#include "common/source/scan/scan_fragment.h"

#include <string.h>

#include "common/lib/xml.h"

enum place {
    OUTSIDE,
    ROOT,
    PROPERTIES,
    LOCALIZED,
    RELATIONSHIPS,
    SUPERSEDED,
    FILES,
    FILE_ENTRY,
    IDENTITY,
    CORE_PROPERTIES,
    TEXT, /* whose content is kept: text_kind */
    SKIPPED
};

struct parser {
    struct su_scan_rows *rows;
    enum su_scan_kind kind;
    uint64_t revision_id;
    enum place stack[SU_MAX_XML_DEPTH + 1];
    size_t depth;
    unsigned identities, properties; /* of the kind's main element: one of each */
    struct su_buf text;
    const char *text_kind;
    struct su_scan_core core;
    struct su_scan_title title;
    size_t file; /* the file being read */
};

/* Which element of which kind of fragment leads where; any other is skipped with all that is in it. */
static const struct {
    enum su_scan_kind kind;
    enum place from;
    const char *name;
    enum place to;
    const char *text_kind;
} steps[] = {
    {SU_SCAN_CORE, ROOT, "UpdateIdentity", IDENTITY, NULL},
    {SU_SCAN_CORE, ROOT, "Properties", CORE_PROPERTIES, NULL},
    {SU_SCAN_CORE, ROOT, "Relationships", RELATIONSHIPS, NULL},
    {SU_SCAN_CORE, RELATIONSHIPS, "SupersededUpdates", SUPERSEDED, NULL},
    {SU_SCAN_EXTENDED, ROOT, "ExtendedProperties", PROPERTIES, NULL},
    {SU_SCAN_EXTENDED, ROOT, "Properties", PROPERTIES, NULL},
    {SU_SCAN_EXTENDED, ROOT, "Files", FILES, NULL},
    {SU_SCAN_EXTENDED, PROPERTIES, "KBArticleID", TEXT, "kb"},
    {SU_SCAN_EXTENDED, PROPERTIES, "SecurityBulletinID", TEXT, "bulletin"},
    {SU_SCAN_EXTENDED, PROPERTIES, "CveID", TEXT, "cve"},
    {SU_SCAN_EXTENDED, PROPERTIES, "Language", TEXT, "language"},
    {SU_SCAN_EXTENDED, PROPERTIES, "MoreInfoUrl", TEXT, "url"},
    {SU_SCAN_EXTENDED, PROPERTIES, "SupportUrl", TEXT, "support"},
    {SU_SCAN_EXTENDED, FILES, "File", FILE_ENTRY, NULL},
    {SU_SCAN_EXTENDED, FILE_ENTRY, "AdditionalDigest", TEXT, "sha256"},
    {SU_SCAN_LOCALIZED, ROOT, "LocalizedProperties", LOCALIZED, NULL},
    {SU_SCAN_LOCALIZED, LOCALIZED, "Title", TEXT, "title"},
    {SU_SCAN_LOCALIZED, LOCALIZED, "Description", TEXT, "description"},
};

static int once(unsigned *count, const char *name, struct su_err *err)
{
    return (*count)++ == 0 ? 0 : su_fail(err, SU_DATA, "it has two elements %s", name);
}

static int on_identity(struct parser *p, struct su_scan_attributes a, struct su_err *err)
{
    uint64_t revision;
    if (once(&p->identities, "UpdateIdentity", err) < 0 ||
        su_scan_guid(&p->core.id, a, "UpdateIdentity", "UpdateID", err) < 0 ||
        su_scan_number(&revision, a, "UpdateIdentity", "RevisionNumber", UINT32_MAX, err) < 0)
        return -1;
    p->core.revision = (uint32_t)revision;
    return 0;
}

static int on_superseded(struct parser *p, struct su_scan_attributes a, struct su_err *err)
{
    struct su_scan_target *target = SU_PUSH(&p->rows->superseded, SU_SCAN_MOST_ROWS);
    if (!target)
        return su_scan_too_many(err);
    target->revision_id = p->revision_id;
    return su_scan_guid(&target->id, a, "a superseded UpdateIdentity", "UpdateID", err);
}

/* Absent is 0; a size that is none is as if absent: it is information, and nothing is allocated by it. */
static uint64_t size_or_zero(struct su_scan_attributes a, const char *name)
{
    const struct su_xml_attribute *found = su_scan_find(a, name);
    uint64_t value;
    return found && su_u64_parse(&value, found->value, found->length, INT64_MAX) ? value : 0;
}

static int on_extended(struct parser *p, struct su_scan_attributes a, struct su_err *err)
{
    struct su_scan_extended *x = SU_PUSH(&p->rows->extended, SU_SCAN_MOST_ROWS);
    if (!x)
        return su_scan_too_many(err);
    x->revision_id = p->revision_id;
    x->max_bytes = size_or_zero(a, "MaxDownloadSize");
    x->min_bytes = size_or_zero(a, "MinDownloadSize");
    if (once(&p->properties, "ExtendedProperties", err) < 0 ||
        su_scan_keep_attribute(p->rows, &x->severity, a, "MsrcSeverity", err) < 0 ||
        su_scan_keep_attribute(p->rows, &x->handler, a, "Handler", err) < 0)
        return -1;
    return 0;
}

static int on_file(struct parser *p, struct su_scan_attributes a, struct su_err *err)
{
    struct su_scan_file *file = SU_PUSH(&p->rows->files, SU_SCAN_MOST_ROWS);
    if (!file)
        return su_scan_too_many(err);
    p->file = p->rows->files.count - 1;
    file->revision_id = p->revision_id;
    file->is_described = true;
    file->language = "";
    if (su_scan_sha1(file->sha1, a, "a File", "Digest", err) < 0 ||
        su_scan_number(&file->bytes, a, "a File", "Size", INT64_MAX, err) < 0)
        return -1;
    return su_scan_keep_attribute(p->rows, &file->name, a, "FileName", err);
}

static int enter(struct parser *p, enum place from, enum place to, const char *name,
                 struct su_scan_attributes a, struct su_err *err)
{
    if (to == IDENTITY)
        return on_identity(p, a, err);
    if (to == CORE_PROPERTIES)
        return once(&p->properties, "Properties", err) < 0
                   ? -1
                   : su_scan_keep_attribute(p->rows, &p->core.type, a, "UpdateType", err);
    if (to == PROPERTIES)
        return on_extended(p, a, err);
    if (to == LOCALIZED)
        return once(&p->properties, "LocalizedProperties", err);
    if (to == FILE_ENTRY)
        return on_file(p, a, err);
    if (from == SUPERSEDED && strcmp(name, "UpdateIdentity") == 0)
        return on_superseded(p, a, err);
    return 0;
}

static bool is_sha256(struct su_scan_attributes a)
{
    const struct su_xml_attribute *algorithm = su_scan_find(a, "Algorithm");
    return algorithm && algorithm->length == 6 && memcmp(algorithm->value, "SHA256", 6) == 0;
}

static int on_start(void *context, const char *uri, const char *name, const struct su_xml_attribute *list,
                    size_t count, struct su_err *err)
{
    struct parser *p = context;
    struct su_scan_attributes a = {list, count};
    enum place from = p->stack[p->depth], to = SKIPPED;
    (void)uri;
    if (from == OUTSIDE)
        to = ROOT; /* the one put round it */
    for (size_t i = 0; from != SKIPPED && to == SKIPPED && i < sizeof steps / sizeof *steps; i++)
        if (steps[i].kind == p->kind && steps[i].from == from && strcmp(steps[i].name, name) == 0) {
            to = steps[i].to;
            p->text_kind = to == TEXT ? steps[i].text_kind : p->text_kind;
        }
    if (from == FILE_ENTRY && to == TEXT && !is_sha256(a))
        to = SKIPPED;
    if (to == TEXT)
        su_buf_clear(&p->text);
    if (from != OUTSIDE && from != SKIPPED && enter(p, from, to, name, a, err) < 0)
        return -1;
    p->stack[++p->depth] = to;
    return 0;
}

static int end_of_digest(struct parser *p, struct su_err *err)
{
    struct su_scan_file *file = &p->rows->files.at[p->file];
    if (file->has_sha256 || !p->text.bytes ||
        !su_base64_parse(file->sha256, SU_SHA256_BYTES, p->text.bytes, p->text.length))
        return su_fail(err, SU_DATA, "file %s has no single valid SHA-256 digest", file->name);
    file->has_sha256 = true;
    return 0;
}

static int end_of_text(struct parser *p, struct su_err *err)
{
    const char *text = p->text.bytes ? p->text.bytes : "";
    if (su_buf_check(&p->text, "a text", err) < 0)
        return -1;
    if (strcmp(p->text_kind, "sha256") == 0)
        return end_of_digest(p, err);
    if (p->kind == SU_SCAN_LOCALIZED)
        return su_scan_keep(p->rows, p->text_kind[0] == 't' ? &p->title.title : &p->title.description, text,
                            p->text.length, err);
    struct su_scan_tag *tag = SU_PUSH(&p->rows->tags, SU_SCAN_MOST_ROWS);
    if (!tag)
        return su_scan_too_many(err);
    tag->revision_id = p->revision_id;
    tag->kind = p->text_kind;
    return su_scan_keep(p->rows, &tag->value, text, p->text.length, err);
}

static int on_end(void *context, const char *uri, const char *name, struct su_err *err)
{
    struct parser *p = context;
    (void)uri, (void)name;
    return p->stack[p->depth--] == TEXT ? end_of_text(p, err) : 0;
}

static int on_text(void *context, const char *text, size_t length, struct su_err *err)
{
    struct parser *p = context;
    (void)err;
    if (p->stack[p->depth] == TEXT)
        su_buf_add(&p->text, text, length);
    return 0;
}

/* Thousands of updates share a description. */
static int number_description(struct su_scan_title *title, struct su_err *err)
{
    uint8_t digest[SU_SHA256_BYTES];
    if (su_sha256(digest, title->description, strlen(title->description), err) < 0)
        return -1;
    for (unsigned i = 0; i < 8; i++)
        title->description_id = (int64_t)((uint64_t)title->description_id << 8 | digest[i]) & INT64_MAX;
    return 0;
}

/* What the whole fragment said. */
static int conclude(struct parser *p, const char *language, struct su_err *err)
{
    if (p->kind == SU_SCAN_CORE) {
        if (p->identities == 0)
            return su_fail(err, SU_DATA, "it has no UpdateIdentity");
        struct su_scan_core *core = SU_PUSH(&p->rows->cores, SU_SCAN_MOST_ROWS);
        if (!core)
            return su_scan_too_many(err);
        *core = p->core;
    } else if (p->kind == SU_SCAN_LOCALIZED && p->properties > 0) {
        struct su_scan_title *title = SU_PUSH(&p->rows->titles, SU_SCAN_MOST_ROWS);
        if (!title)
            return su_scan_too_many(err);
        *title = p->title;
        return su_scan_keep(p->rows, &title->language, language, strlen(language), err) < 0 ||
                       number_description(title, err) < 0
                   ? -1
                   : 0;
    }
    return 0;
}

int su_scan_fragment_parse(struct su_scan_rows *rows, enum su_scan_kind kind, const char *language,
                           uint64_t revision_id, const char *text, size_t length, struct su_err *err)
{
    static const struct su_xml_handler handler = {on_start, on_end, on_text};
    struct parser p = {.rows = rows,
                       .kind = kind,
                       .revision_id = revision_id,
                       .text = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES),
                       .core = {.revision_id = revision_id, .type = ""},
                       .title = {.revision_id = revision_id, .title = "", .description = ""}};
    SU_AUTO(su_xml) struct su_xml *xml = su_xml_new(&handler, &p, err);
    int result = xml && su_xml_feed(xml, "<r>", 3, err) == 0 && su_xml_feed(xml, text, length, err) == 0 &&
                         su_xml_feed(xml, "</r>", 4, err) == 0 && su_xml_finish(xml, err) == 0
                     ? conclude(&p, language, err)
                     : -1;
    su_buf_cleanup(&p.text);
    return result;
}

/* ASCII letters, digits and hyphens: it stands in a key and in answers. */
static bool take_language(const char **at, char out[SU_SCAN_LANGUAGE_BYTES])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t n = strspn(*at, letters);
    if (n == 0 || n >= SU_SCAN_LANGUAGE_BYTES || (*at)[n] != '/')
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)((*at)[i] >= 'A' && (*at)[i] <= 'Z' ? (*at)[i] + 32 : (*at)[i]);
    out[n] = 0;
    *at += n + 1;
    return true;
}

bool su_scan_fragment_name(const char *path, enum su_scan_kind *kind, char language[SU_SCAN_LANGUAGE_BYTES],
                           uint64_t *revision_id)
{
    static const char *const folders[][2] = {{"c/", "core/"}, {"x/", "extended/"}, {"l/", "localized/"}};
    const char *at = NULL;
    language[0] = 0;
    for (unsigned k = 0; k < 3 && !at; k++)
        for (unsigned form = 0; form < 2 && !at; form++)
            if (strncmp(path, folders[k][form], strlen(folders[k][form])) == 0) {
                at = path + strlen(folders[k][form]);
                *kind = (enum su_scan_kind)k;
            }
    if (!at || (*kind == SU_SCAN_LOCALIZED && !take_language(&at, language)))
        return false;
    while (at[0] == '0' && at[1]) /* some are padded */
        at++;
    return su_u64_parse(revision_id, at, strlen(at), INT64_MAX);
}
