/*
 * helpers.h - what the unit tests share: the error of the last call, refusals with their code, a
 * private directory for each test, small update documents.
 *
 * Header-only, everything static inline: a test program is one file and the library.
 */
#ifndef SU_TEST_HELPERS_H
#define SU_TEST_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/catalogue/record.h"

/* Every call of a test reports here. */
static struct su_err e;

/* The call must give 0, which is success; its message says why it did not. */
#define GOOD(call) good_at((call), #call, __FILE__, __LINE__)
static inline void good_at(int result, const char *call, const char *file, int line)
{
    if (result == 0)
        return;
    print_error("%s\n  gave %d (%s: %s)\n", call, result, su_message_at((size_t)e.code)->name, e.text);
    _fail(file, line);
}

/* The call must fail with this code and say something. */
#define REFUSED(call, with) (su_err_clear(&e), refused_at((call), (with), #call, __FILE__, __LINE__))
static inline void refused_at(int result, enum su_code code, const char *call, const char *file, int line)
{
    if (result == -1 && e.code == code && e.text[0])
        return;
    print_error("%s\n  gave %d with %s (%s), not a refusal with %s\n", call, result, su_message_at((size_t)e.code)->name, e.text,
                su_message_at((size_t)code)->name);
    _fail(file, line);
}

/* The message of the last refusal must name this. */
#define NAMES(part) names_at((part), __FILE__, __LINE__)
static inline void names_at(const char *part, const char *file, int line)
{
    if (strstr(e.text, part))
        return;
    print_error("'%s' is not in the message: %s\n", part, e.text);
    _fail(file, line);
}

/* A directory of the test's own: group or test fixture; *state is its path. */
static inline int make_place(void **state)
{
    const char *tmp = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/su-unit-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0 || !mkdtemp(path))
        return -1;
    *state = path;
    su_err_clear(&e);
    return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static inline int remove_place(void **state)
{
    /* NOLINTNEXTLINE(analyzer-null-argument,clang-analyzer-core.NonNullParamChecker): what make_place set; a test whose place failed does not come here */
    int result = nftw(*state, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    *state = NULL;
    return result;
}

/* Path of a name in the test's directory; good until the fourth next call. */
static inline const char *in_place(void **state, const char *name)
{
    static char paths[4][4096];
    static unsigned at;
    char *path = paths[at++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", (const char *)*state, name);
    return path;
}

static inline int open_place(void **state)
{
    /* NOLINTNEXTLINE(analyzer-null-argument,clang-analyzer-core.NonNullParamChecker): as above */
    int fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Plain files, written and read without the code under test. */
static inline void put_file(const char *path, const void *bytes, size_t length)
{
    (void)remove(path); /* file systems write a truncated file out at once, a new one later */
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (length > 0)
        assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static inline char *get_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &st), 0);
    char *bytes = calloc((size_t)st.st_size + 1, 1);
    assert_non_null(bytes);
    *length = fread(bytes, 1, (size_t)st.st_size, file);
    assert_int_equal(*length, st.st_size);
    (void)fclose(file);
    return bytes;
}

static inline unsigned count_names(const char *path)
{
    unsigned count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.' || (entry->d_name[1] && strcmp(entry->d_name, "..") != 0);
    (void)closedir(dir);
    return count;
}

static inline void from_hex(uint8_t *out, size_t count, const char *hex)
{
    assert_int_equal(strlen(hex), 2 * count);
    for (size_t i = 0; i < count; i++) {
        unsigned value;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        out[i] = (uint8_t)value;
    }
}

static inline void assert_hex(const uint8_t *bytes, size_t count, const char *hex)
{
    char text[257];
    assert_true(count <= 128);
    for (size_t i = 0; i < count; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(text, hex);
}

/* The n-th update id of a test, and its text. */
static inline const char *guid_text(unsigned n)
{
    static char texts[8][64];
    static unsigned at;
    char *text = texts[at++ % 8];
    (void)snprintf(text, sizeof texts[0], "%08x-0000-4000-8000-%012x", n, n);
    return text;
}

static inline struct su_guid guid_of(unsigned n)
{
    struct su_guid guid;
    assert_true(su_guid_parse(&guid, guid_text(n), 36));
    return guid;
}

#define UPD_URI "http://schemas.microsoft.com/msus/2002/12/Update"
#define PUB_URI "http://schemas.microsoft.com/msus/2002/12/Publishing"
#define CAT_URI "http://schemas.microsoft.com/msus/2002/12/UpdateHandlers/Category"

/* A small document in the skeleton of real ones; `relations`, `files` and `handler` are inner XML. */
struct doc {
    unsigned id;
    unsigned revision;
    const char *type, *title, *properties, *property_children, *relations, *files, *handler;
};
static inline void write_doc(struct su_buf *out, const struct doc *d)
{
    su_buf_addf(out,
                "<upd:Update xmlns:upd=\"" UPD_URI "\" xmlns:cat=\"" CAT_URI "\">"
                "<upd:UpdateIdentity UpdateID=\"%s\" RevisionNumber=\"%u\" />"
                "<upd:Properties UpdateType=\"%s\" DefaultPropertiesLanguage=\"en\" PublicationState=\"Published\" "
                "CreationDate=\"2024-01-11T20:15:45Z\"%s>%s</upd:Properties>",
                guid_text(d->id), d->revision, d->type ? d->type : "Software", d->properties ? d->properties : "",
                d->property_children ? d->property_children : "");
    if (d->title)
        su_buf_addf(out,
                    "<upd:LocalizedPropertiesCollection><upd:LocalizedProperties><upd:Language>en</upd:Language>"
                    "<upd:Title>%s</upd:Title></upd:LocalizedProperties></upd:LocalizedPropertiesCollection>",
                    d->title);
    su_buf_addf(out, "<upd:Relationships>%s</upd:Relationships>%s%s</upd:Update>", d->relations ? d->relations : "",
                d->files ? d->files : "", d->handler ? d->handler : "");
    assert_false(out->is_over || out->is_out_of_memory);
}

#endif
