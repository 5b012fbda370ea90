#include "common/trust/bundle.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"

#define HEAD_BYTES 8192

void su_bundle_raw_cleanup(struct su_bundle_raw *raw)
{
    su_fd_cleanup(&raw->dir);
    su_buf_cleanup(&raw->manifest);
    su_signature_files_cleanup(&raw->signatures);
}

void su_bundle_cleanup(struct su_bundle *bundle)
{
    su_fd_cleanup(&bundle->dir);
    su_manifest_cleanup(&bundle->manifest);
    su_signing_cleanup(&bundle->signing);
    *bundle = (struct su_bundle)SU_BUNDLE_INIT;
}

/* 8 hex digits of the key id and the kind; the digits are a hint only. .SIG is Ed25519, .P7S is CMS. */
static bool is_signature_name(const char *name, const char *kind)
{
    return strlen(name) == 12 && strspn(name, "0123456789ABCDEF") == 8 && strcmp(name + 8, kind) == 0;
}

bool su_bundle_is_signature(const char *name)
{
    return is_signature_name(name, ".SIG") || is_signature_name(name, ".P7S");
}

static int read_signature(struct su_bundle_raw *raw, const char *name, bool is_cms, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf bytes = SU_BUF_INIT(is_cms ? SU_MAX_CMS_BYTES : SU_SIGNATURE_BYTES);
    struct su_signature_file *s = SU_PUSH(&raw->signatures, SU_MAX_SIGNATURES);
    if (!s)
        return su_fail_full(err, "more than %u signature files", SU_MAX_SIGNATURES);
    (void)snprintf(s->file, sizeof s->file, "%s", name);
    s->is_cms = is_cms;
    bool is_read = su_file_read_all(raw->dir, name, &bytes, err) == 0;
    if (!is_read && err->code != SU_LIMIT)
        return -1;
    if (!is_cms && (!is_read || bytes.length != SU_SIGNATURE_BYTES))
        return su_fail(err, SU_UNTRUSTED, "%s has not the %d bytes of a signature", name, SU_SIGNATURE_BYTES);
    if (!is_read || bytes.length == 0)
        return su_fail(err, SU_UNTRUSTED, "%s is %s", name,
                       is_read ? "empty" : "larger than the 64 KiB a signature may have");
    if (!(s->bytes = malloc(bytes.length)))
        return su_fail_memory(err);
    memcpy(s->bytes, bytes.bytes, bytes.length);
    s->length = bytes.length;
    return 0;
}

static int read_signatures(struct su_bundle_raw *raw, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    if (su_dir_list(raw->dir, &names, SU_MAX_FOLDER_NAMES, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        bool is_cms = is_signature_name(names.at[i], ".P7S");
        if ((is_cms || is_signature_name(names.at[i], ".SIG")) &&
            read_signature(raw, names.at[i], is_cms, err) < 0)
            return -1;
    }
    return 0;
}

int su_bundle_open(struct su_bundle_raw *raw, const char *path, struct su_err *err)
{
    (void)snprintf(raw->path, sizeof raw->path, "%s", path);
    if (su_dir_open(&raw->dir, AT_FDCWD, path, err) < 0 ||
        su_file_read_all(raw->dir, SU_MANIFEST_NAME, &raw->manifest, err) < 0 ||
        read_signatures(raw, err) < 0)
        return su_prefix(err, "bundle %s", path);
    if (raw->manifest.length == 0)
        return su_fail(err, SU_FORMAT, "bundle %s: the manifest is empty", path);
    return 0;
}

/* The first lines of a manifest; they hold all codes of sites. */
static bool read_head(const char *path, char head[HEAD_BYTES])
{
    SU_AUTO(su_fd) su_fd dir = -1, fd = -1;
    struct su_err ignored = SU_ERR_INIT;
    if (su_dir_open(&dir, AT_FDCWD, path, &ignored) < 0 ||
        su_file_open(&fd, dir, SU_MANIFEST_NAME, NULL, &ignored) < 0)
        return false;
    ssize_t n = su_file_read(fd, head, HEAD_BYTES - 1, &ignored);
    if (n <= 0)
        return false;
    head[n] = 0;
    return true;
}

/* The value of the first line that begins with `word` ("\nsite "). NULL: there is none, or its end is not there. */
static const char *value_in(const char *head, const char *word, size_t *length)
{
    const char *line = strstr(head, word), *end = line ? strchr(line + 1, '\n') : NULL;
    if (!end)
        return NULL;
    line += strlen(word);
    *length = (size_t)(end - line);
    return line;
}

bool su_bundle_unverified_claims(const char *path, char site[17], uint64_t *sequence)
{
    char head[HEAD_BYTES];
    size_t length = 0, digits = 0;
    if (!read_head(path, head))
        return false;
    const char *code = value_in(head, "\nsite ", &length), *number = value_in(head, "\nsequence ", &digits);
    if (!code || !number || length == 0 || length > 16 || !su_u64_parse(sequence, number, digits, 999999))
        return false;
    (void)snprintf(site, 17, "%.*s", (int)length, code);
    return su_site_code_is_valid(site);
}

uint64_t su_bundle_unverified_urgent(const char *path)
{
    char head[HEAD_BYTES];
    uint64_t number;
    size_t digits = 0;
    const char *text = read_head(path, head) ? value_in(head, "\nurgent ", &digits) : NULL;
    return text && su_u64_parse(&number, text, digits, SU_MAX_URGENT_NUMBER) ? number : 0;
}

bool su_bundle_unverified_is_for(const char *path, const char *site)
{
    char head[HEAD_BYTES], line[32];
    if (!read_head(path, head))
        return false;
    (void)snprintf(line, sizeof line, "\nsite %.16s\n", site);
    if (strstr(head, line))
        return true;
    (void)snprintf(line, sizeof line, "\nalso %.16s\n", site);
    return strstr(head, line) != NULL;
}

int su_bundle_unverified_manifest(const struct su_bundle_raw *raw, struct su_manifest *out,
                                  struct su_err *err)
{
    return su_manifest_parse(out, raw->manifest.bytes, raw->manifest.length, err);
}

/* The latest date a bundle imported here has given, undone or not: knowledge of the date is not undone. */
static int latest_date(struct su_db *site, struct su_buf *out, struct su_err *err)
{
    return su_query_text(site, out, NULL, err,
                         "SELECT coalesce(max(substr(created,1,19)),'') FROM (SELECT created FROM import "
                         "UNION ALL SELECT created FROM urgent) WHERE created GLOB "
                         "'[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]*'");
}

/* Parsed, and still believed with what it says of itself. */
static int verify_parsed(struct su_bundle *out, const struct su_bundle_raw *raw, const struct su_trust *trust,
                         const struct su_policy *policy, struct su_db *site, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf latest = SU_BUF_INIT(64);
    if (su_manifest_parse(&out->manifest, raw->manifest.bytes, raw->manifest.length, err) < 0)
        return su_prefix(err, "bundle %s", raw->path);
    if (latest_date(site, &latest, err) < 0 ||
        su_signers_judge(&out->signing, &out->manifest, latest.bytes ? latest.bytes : "", err) < 0)
        return -1;
    return su_signers_demand(&out->signing, policy, trust, raw->signatures.count, raw->path, err);
}

int su_bundle_verify(struct su_bundle *out, const struct su_bundle_raw *raw, struct su_db *site,
                     struct su_err *err)
{
    SU_AUTO(su_trust) struct su_trust trust = {0};
    struct su_policy policy;
    if (su_policy_load(site, &policy, err) < 0 || su_trust_load(site, &trust, err) < 0 ||
        su_signers_collect(&out->signing, &raw->signatures, &raw->manifest, &trust, err) < 0 ||
        su_signers_demand(&out->signing, &policy, &trust, raw->signatures.count, raw->path, err) < 0)
        return -1;
    if (verify_parsed(out, raw, &trust, &policy, site, err) < 0 ||
        su_sha256(out->manifest_sha256, raw->manifest.bytes, raw->manifest.length, err) < 0) {
        su_manifest_cleanup(&out->manifest);
        return -1;
    }
    su_manifest_name(&out->manifest, out->name);
    out->dir = fcntl(raw->dir, F_DUPFD_CLOEXEC, 0);
    return out->dir < 0 ? su_fail_sys(err, "dup") : 0;
}

static bool is_declared(const struct su_manifest *m, const char *name)
{
    char volume[16];
    for (int i = 0; i < SU_PAPERS; i++)
        if (strcmp(name, su_paper_name((enum su_paper)i)) == 0)
            return true;
    if (strcmp(name, SU_MANIFEST_NAME) == 0 || su_bundle_is_signature(name))
        return true;
    for (size_t v = 1; v <= m->volumes.count; v++)
        if (strcmp(name, su_volume_name(m, (uint32_t)v, volume)) == 0)
            return true;
    return false;
}

static int check_paper(int dir, const struct su_manifest *m, enum su_paper paper, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_PAPER_BYTES);
    uint8_t digest[SU_SHA256_BYTES];
    if (su_file_read_all(dir, su_paper_name(paper), &text, err) < 0) {
        if (err->code != SU_MEMORY)
            err->code = SU_DAMAGED;
        return -1;
    }
    if (su_sha256(digest, text.bytes ? text.bytes : "", text.length, err) < 0)
        return -1;
    return memcmp(digest, m->papers[paper], sizeof digest) == 0
               ? 0
               : su_fail(err, SU_DAMAGED, "%s differs from the hash in the signed manifest",
                         su_paper_name(paper));
}

static int check_folder(int dir, const struct su_manifest *m, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    if (su_dir_list(dir, &names, SU_MAX_FOLDER_NAMES, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++)
        if (!is_declared(m, names.at[i]))
            return su_fail(err, SU_UNDECLARED,
                           "%s lies in the bundle's folder and the signed manifest does not name it",
                           names.at[i]);
    for (int i = 0; i < SU_PAPERS; i++)
        if (check_paper(dir, m, (enum su_paper)i, err) < 0)
            return -1;
    return 0;
}

int su_bundle_check_folder(const struct su_bundle *b, struct su_err *err)
{
    return check_folder(b->dir, &b->manifest, err);
}

int su_bundle_unverified_check_folder(const struct su_bundle_raw *raw, const struct su_manifest *m,
                                      struct su_err *err)
{
    return check_folder(raw->dir, m, err);
}

/* A folder that bears a bundle, finished. A link is no folder of the medium, wherever it leads. */
static int holds_bundle(bool *out, int medium, const char *name, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    struct su_err no_folder = SU_ERR_INIT;
    size_t n = strlen(name);
    *out = false;
    if (strcmp(name, SU_POOL_NAME) == 0 || (n > 8 && strcmp(name + n - 8, ".partial") == 0))
        return 0;
    if (su_dir_open_below(&dir, medium, name, &no_folder) == 0) {
        *out = su_file_exists(dir, SU_MANIFEST_NAME);
    } else if (no_folder.code == SU_MEMORY) { /* it may hold one */
        *err = no_folder;
        return -1;
    }
    return 0;
}

int su_bundle_find(const char *path, struct su_names *out, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    SU_AUTO(su_names) struct su_names names = {0};
    if (su_dir_open(&dir, AT_FDCWD, path, err) < 0) {
        if (err->code != SU_MEMORY)
            err->code = SU_NO_BUNDLE;
        return -1;
    }
    bool is_itself = su_file_exists(dir, SU_MANIFEST_NAME);
    if (!is_itself && su_dir_list(dir, &names, 100000, err) < 0)
        return -1;
    for (size_t i = 0; i < (is_itself ? 1 : names.count); i++) {
        SU_AUTO(su_buf) struct su_buf full = SU_BUF_INIT(4096);
        bool is_one = is_itself;
        if (!is_itself && holds_bundle(&is_one, dir, names.at[i], err) < 0)
            return -1;
        if (!is_one)
            continue;
        su_buf_addf(&full, "%s%s%s", path, is_itself ? "" : "/", is_itself ? "" : names.at[i]);
        char **slot = SU_PUSH(out, SU_MAX_BUNDLES_ON_MEDIUM);
        if (!slot)
            return su_fail_full(err, "more than %u bundles on one medium", SU_MAX_BUNDLES_ON_MEDIUM);
        if (su_buf_check(&full, "a path", err) < 0 || !(*slot = strdup(full.bytes)))
            return su_fail_memory(err);
    }
    return out->count > 0 ? 0
                          : su_fail(err, SU_NO_BUNDLE, "%s holds no %s, itself or one level below", path,
                                    SU_MANIFEST_NAME);
}
