#include "common/trust/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"

void su_key_file_cleanup(struct su_key_file *file)
{
    su_key_cleanup(&file->key);
}

bool su_key_role_is_valid(const char *role)
{
    return strcmp(role, "exporter") == 0 || strcmp(role, "reviewer") == 0 || strcmp(role, "receiver") == 0;
}

/* A key is there when its public half is. That waits as NAME.pub.new for the private one: if a run ends
 * between the two, the next one knows that nobody has seen this key, and makes another in its place. */
static int save_halves(int keys, const char *name, const struct su_buf *private, const struct su_buf *public,
                       struct su_err *err)
{
    char secret[80], final[80], waiting[80];
    (void)snprintf(secret, sizeof secret, "%s.key", name);
    (void)snprintf(final, sizeof final, "%s.pub", name);
    (void)snprintf(waiting, sizeof waiting, "%s.pub.new", name);
    if (su_file_exists(keys, final))
        return su_fail(err, SU_EXISTS, "%s exists already", final);
    if (su_file_exists(keys, waiting) && su_file_remove(keys, secret, err) < 0)
        return -1;
    if (su_file_exists(keys, secret))
        return su_fail(err, SU_EXISTS, "%s exists already", secret);
    if (su_file_save(keys, waiting, 0644, true, public->bytes, public->length, err) < 0)
        return -1;
    if (su_file_save_new(keys, secret, 0600, private->bytes, private->length, err) == 0)
        return su_file_rename(keys, waiting, keys, final, err);
    struct su_err ignored = SU_ERR_INIT; /* told is why the first failed */
    (void)!su_file_remove(keys, waiting, &ignored);
    return -1;
}

struct given {
    const char *passphrase;
    bool was_asked;
};

static int give_passphrase(void *context, const char *key, char *out, size_t room, struct su_err *err)
{
    struct given *given = context;
    (void)key;
    (void)err;
    given->was_asked = true;
    (void)snprintf(out, room, "%s", given->passphrase);
    return 0;
}

/* A whole key that no entry of the ledger speaks of was made by a run that ended before its books: it is
 * taken for the one that is asked for, when role and passphrase are those. */
static int take_unrecorded(const struct su_home *home, const char *name, const char *role,
                           const char *passphrase, struct su_key_file *out, bool *is_taken,
                           struct su_err *err)
{
    SU_AUTO(su_key_file) struct su_key_file found = SU_KEY_FILE_INIT;
    struct given given = {.passphrase = passphrase};
    const struct su_passphrase source = {give_passphrase, &given};
    struct su_err why = SU_ERR_INIT; /* then the name is taken, and is refused as that */
    int64_t entries;
    bool opens = su_keys_open_private(home, name, passphrase ? &source : NULL, &found, &why) == 0;
    if (!opens || given.was_asked != (passphrase != NULL) || strcmp(found.role, role) != 0)
        return 0;
    if (su_query_int(home->db, &entries, NULL, err, "SELECT count(*) FROM ledger WHERE subject=?1",
                     SU_B(found.key.id, SU_SHA256_BYTES)) < 0)
        return -1;
    if (entries > 0)
        return 0;
    *is_taken = true;
    *out = found;
    found = (struct su_key_file)SU_KEY_FILE_INIT;
    return 0;
}

int su_keys_generate(const struct su_home *home, const char *name, const char *role, const char *passphrase,
                     struct su_key_file *out, struct su_err *err)
{
    SU_AUTO(su_buf)
    struct su_buf private = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES), public = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES);
    char fingerprint[SU_FINGERPRINT_TEXT];
    if (!su_name_is_valid(name))
        return su_fail(err, SU_USAGE, "key name '%s' is not of the form [A-Za-z0-9._-]{1,64}", name);
    if (!su_key_role_is_valid(role))
        return su_fail(err, SU_USAGE, "role '%s' is none of exporter, reviewer, receiver", role);
    bool is_there = false;
    if (take_unrecorded(home, name, role, passphrase, out, &is_there, err) < 0)
        return -1;
    if (is_there)
        return 0;
    if (su_key_generate(&out->key, err) < 0)
        return -1;
    su_key_fingerprint(out->key.id, fingerprint);
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    (void)snprintf(out->role, sizeof out->role, "%s", role);
    su_buf_addf(&public, "SU-KEY 1\nname %s\nrole %s\nfingerprint %s\n", name, role, fingerprint);
    if (su_key_save_private(&out->key, passphrase, &private, err) < 0 ||
        su_key_save_public(&out->key, &public, err) < 0)
        return -1;
    int result = save_halves(home->keys, name, &private, &public, err);
    su_wipe(private.bytes, private.length);
    return result;
}

/* The value of a hint line, if the text before the PEM has it. */
static void hint(const char *text, const char *name, char *out, size_t room, const char *otherwise)
{
    char line[32];
    (void)snprintf(line, sizeof line, "\n%s ", name);
    const char *pem = strstr(text, "-----BEGIN"), *at = strstr(text, line);
    size_t n = at && pem && at < pem ? strcspn(at + strlen(line), "\r\n") : 0;
    if (n > 0 && n < room)
        (void)snprintf(out, room, "%.*s", (int)n, at + strlen(line));
    else
        (void)snprintf(out, room, "%s", otherwise);
}

int su_keys_read_public(int dir, const char *path, struct su_key_file *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES);
    if (su_file_read_all(dir, path, &text, err) < 0)
        return -1;
    if (!text.bytes || memchr(text.bytes, 0, text.length) ||
        su_key_load_public(&out->key, text.bytes, text.length, err) < 0)
        return err->code == SU_MEMORY
                   ? -1
                   : su_fail(err, SU_KEY, "%s is not a public Ed25519 key in PEM form", path);
    hint(text.bytes, "name", out->name, sizeof out->name, "unnamed"); /* a plain PEM has no hints */
    hint(text.bytes, "role", out->role, sizeof out->role, "exporter");
    if (!su_name_is_valid(out->name) || !su_key_role_is_valid(out->role))
        return su_fail(err, SU_KEY, "%s: its name or role line is not valid", path);
    return 0;
}

int su_keys_list(const struct su_home *home, struct su_names *out, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names all = {0};
    if (su_dir_list(home->keys, &all, 10000, err) < 0)
        return -1;
    for (size_t i = 0; i < all.count; i++) {
        size_t n = strlen(all.at[i]);
        if (n <= 4 || strcmp(all.at[i] + n - 4, ".pub") != 0)
            continue;
        all.at[i][n - 4] = 0;
        if (!su_name_is_valid(all.at[i])) /* a file that no key command made */
            continue;
        char **slot = SU_PUSH(out, 10000);
        if (!slot || !(*slot = strdup(all.at[i])))
            return su_fail_memory(err);
    }
    return 0;
}

int su_keys_find(const struct su_home *home, const char *name, struct su_key_file *out, struct su_err *err)
{
    char path[80];
    if (!su_name_is_valid(name))
        return su_fail(err, SU_USAGE, "key name '%s' is not valid", name);
    (void)snprintf(path, sizeof path, "%s.pub", name);
    if (!su_file_exists(home->keys, path))
        return su_fail(err, SU_NO_KEY, "there is no key called %s in this home", name);
    return su_keys_read_public(home->keys, path, out, err);
}

int su_passphrase_for(const struct su_passphrase *source, const struct su_buf *pem, const char *key,
                      char out[SU_MAX_PASSPHRASE_BYTES], bool *is_needed, struct su_err *err)
{
    out[0] = 0;
    *is_needed = pem->bytes && su_key_is_protected(pem->bytes, pem->length);
    if (!*is_needed)
        return 0;
    if (!source)
        return su_fail(err, SU_PASSPHRASE, "key %s is protected by a passphrase", key);
    return source->get(source->context, key, out, SU_MAX_PASSPHRASE_BYTES, err);
}

int su_keys_unlock(const struct su_buf *pem, const char *name, const struct su_passphrase *source,
                   struct su_key *out, struct su_err *err)
{
    char passphrase[SU_MAX_PASSPHRASE_BYTES];
    bool is_protected;
    if (su_passphrase_for(source, pem, name, passphrase, &is_protected, err) < 0)
        return -1;
    int result = is_protected ? su_key_load_protected(out, pem->bytes, pem->length, passphrase, err)
                              : su_key_load_private(out, pem->bytes ? pem->bytes : "", pem->length, err);
    su_wipe(passphrase, sizeof passphrase);
    return result < 0 ? su_prefix(err, "key %s", name) : 0;
}

int su_keys_open_private(const struct su_home *home, const char *name, const struct su_passphrase *passphrase,
                         struct su_key_file *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES);
    SU_AUTO(su_key_file) struct su_key_file public = SU_KEY_FILE_INIT;
    char path[80];
    if (su_keys_find(home, name, &public, err) < 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s.key", name);
    if (!su_file_exists(home->keys, path))
        return su_fail(err, SU_NO_KEY, "there is no private key called %s in this home", name);
    if (su_file_read_all(home->keys, path, &text, err) < 0)
        return -1;
    int result = su_keys_unlock(&text, name, passphrase, &out->key, err);
    if (text.bytes)
        su_wipe(text.bytes, text.length);
    if (result == 0 && memcmp(out->key.id, public.key.id, SU_SHA256_BYTES) != 0)
        return su_fail(err, SU_KEY, "key %s: %s.key and %s.pub are not halves of one key", name, name, name);
    memcpy(out->role, public.role, sizeof out->role);
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    return result;
}
