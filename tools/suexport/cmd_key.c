#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/hub/rotation.h"
#include "common/point/ledger.h"
#include "tools/cli/passphrase.h"
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
    char passphrase[SU_MAX_PASSPHRASE_BYTES];
    bool is_protected;
    if (!su_given(c, "name"))
        return su_fail(err, SU_USAGE, "key generate needs --name");
    if (su_cli_new_passphrase(c, passphrase, &is_protected, err) < 0 || su_begin(&t, c->home.db, err) < 0)
        return -1;
    int result =
        su_keys_generate(&c->home, su_given(c, "name"), role, is_protected ? passphrase : NULL, &file, err);
    su_wipe(passphrase, sizeof passphrase);
    if (result < 0)
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

int cmd_key_rotate(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_key_file) struct su_key_file file = SU_KEY_FILE_INIT;
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    const char *name = su_given(c, "name"), *to = su_given(c, "to");
    char passphrase[SU_MAX_PASSPHRASE_BYTES];
    bool is_protected;
    if (!name || !to)
        return su_fail(err, SU_USAGE, "key rotate needs --name OLD and --to NEW");
    if (su_cli_new_passphrase(c, passphrase, &is_protected, err) < 0 || su_begin(&t, c->home.db, err) < 0)
        return -1;
    int result = su_key_rotate(&c->home, name, to, is_protected ? passphrase : NULL, &c->actor, &file, err);
    su_wipe(passphrase, sizeof passphrase);
    if (result < 0 || su_commit(&t, err) < 0)
        return su_after(err, "The keys are as they were.");
    answer(c, &file);
    su_json_text(&c->json, "follows", name);
    su_line(c, "From now on every bundle introduces %s, and both sign until %s is revoked.", to, name);
    su_line(c, "When every site has imported one: suexport key revoke --name %s", name);
    return 0;
}

int cmd_key_revoke(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_key_file) struct su_key_file file = SU_KEY_FILE_INIT;
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    const char *name = su_given(c, "name");
    uint64_t up_to = 0;
    if (!name)
        return su_fail(err, SU_USAGE, "key revoke needs --name, the name of a key");
    if (su_given_number(c, "up-to", 999999, &up_to, err) < 0 || su_begin(&t, c->home.db, err) < 0 ||
        su_key_revoke(&c->home, name, su_has(c, "up-to") ? &up_to : NULL, &c->actor, &file, err) < 0 ||
        su_commit(&t, err) < 0)
        return su_after(err, "The keys are as they were.");
    answer(c, &file);
    su_line(c, "It signs no more. From now on every bundle tells the sites that it is revoked.");
    su_line(c, "The file keys/%s.key is kept, and not used; a site that has no later bundle still trusts it:",
            name);
    su_line(c, "when the key was stolen, have each site run: suimport trust revoke %s --up-to N", name);
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
        struct su_key_state state;
        char path[80];
        (void)snprintf(path, sizeof path, "%.70s.pub", names.at[i]);
        if (su_keys_read_public(c->home.keys, path, &file, err) < 0)
            return -1;
        if (su_key_state_of(c->home.db, &file, &state, err) < 0)
            return -1;
        su_json_open(&c->json, NULL, '{');
        answer(c, &file);
        su_json_bool(&c->json, "is_revoked", state.is_revoked);
        su_json_text(&c->json, "follows", state.predecessor[0] ? state.predecessor : NULL);
        if (state.is_revoked)
            su_line(c, "  revoked: signs no more");
        if (state.predecessor[0])
            su_line(c, "  follows %s", state.predecessor);
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
