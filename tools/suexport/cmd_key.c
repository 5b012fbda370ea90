#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/core/keys.h"
#include "common/core/ledger.h"
#include "tools/suexport/commands.h"

static void answer(struct su_context *c, const struct su_key_file *file)
{
    char fingerprint[SU_FINGERPRINT_TEXT];
    su_key_fingerprint(file->key.id, fingerprint);
    su_json_text(&c->json, "name", file->name);
    su_json_text(&c->json, "role", file->role);
    su_json_text(&c->json, "fingerprint", fingerprint);
    su_json_hex(&c->json, "key_id", file->key.id, SU_SHA256_BYTES);
    su_line(c, "%-20s %-9s %s", file->name, file->role, fingerprint);
}

int cmd_key_generate(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_key_file) struct su_key_file file = SU_KEY_FILE_INIT;
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    const char *role = su_given(c, "role") ? su_given(c, "role") : "exporter";
    if (!su_given(c, "name"))
        return su_fail(err, SU_USAGE, "key generate needs --name");
    if (strcmp(role, "exporter") != 0 && strcmp(role, "reviewer") != 0)
        return su_fail(err, SU_USAGE, "role '%s' is neither exporter nor reviewer", role);
    if (su_begin(&t, c->home.db, err) < 0 ||
        su_keys_generate(&c->home, su_given(c, "name"), role, &file, err) < 0)
        return -1;
    struct su_ledger_entry entry = {.actor = &c->actor, .kind = "key", .site = "", .detail = file.name};
    memcpy(entry.subject, file.key.id, SU_SHA256_BYTES);
    if (su_ledger_add(c->home.db, &entry, err) < 0 || su_commit(&t, err) < 0)
        return -1;
    answer(c, &file);
    su_line(c,
            "Carry the public key to each site (suexport key export --name %s) and read the fingerprint out "
            "to it.",
            file.name);
    return 0;
}

int cmd_key_list(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    if (su_keys_list(&c->home, &names, err) < 0)
        return -1;
    su_json_open(&c->json, "keys", '[');
    for (size_t i = 0; i < names.count; i++) {
        SU_AUTO(su_key_file) struct su_key_file file = SU_KEY_FILE_INIT;
        char path[80];
        (void)snprintf(path, sizeof path, "%.70s.pub", names.at[i]);
        if (su_keys_read_public(c->home.keys, path, &file, err) < 0)
            return -1;
        su_json_open(&c->json, NULL, '{');
        answer(c, &file);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return 0;
}

int cmd_key_export(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_key_file) struct su_key_file file = SU_KEY_FILE_INIT;
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES);
    const char *name = su_given(c, "name"), *out = su_given(c, "out");
    char path[80];
    if (!name || !su_name_is_valid(name))
        return su_fail(err, SU_USAGE, "key export needs --name, the name of a key");
    (void)snprintf(path, sizeof path, "%s.pub", name);
    if (!su_file_exists(c->home.keys, path))
        return su_fail(err, SU_NO_KEY, "there is no key called %s", name);
    if (su_keys_read_public(c->home.keys, path, &file, err) < 0 ||
        su_file_read_all(c->home.keys, path, &text, err) < 0)
        return -1;
    if (out && su_path_save(out, 0644, false, text.bytes, text.length, err) < 0)
        return -1;
    if (c->is_json)
        su_json_text(&c->json, "pem", text.bytes);
    else if (!out)
        (void)fputs(text.bytes, stdout);
    return 0;
}
