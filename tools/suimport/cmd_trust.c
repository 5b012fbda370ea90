#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/core/trust.h"
#include "tools/suimport/commands.h"

int cmd_trust_add(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_key_file) struct su_key_file file = SU_KEY_FILE_INIT;
    const char *name = su_given(c, "name"), *role = su_given(c, "role"),
               *fingerprint = su_given(c, "fingerprint");
    char have[SU_FINGERPRINT_TEXT];
    bool is_new = false;
    if (su_keys_read_public(AT_FDCWD, su_argument(c, 0), &file, err) < 0)
        return -1;
    if (name && !su_name_is_valid(name))
        return su_fail(err, SU_USAGE, "key name '%s' is not of the form [A-Za-z0-9._-]{1,64}", name);
    if (name)
        (void)snprintf(file.name, sizeof file.name, "%s", name);
    if (role)
        (void)snprintf(file.role, sizeof file.role, "%s", role);
    if (su_trust_add(&c->home, &file, fingerprint, &c->actor, &is_new, err) < 0)
        return -1;
    su_key_fingerprint(file.key.id, have);
    su_json_text(&c->json, "name", file.name);
    su_json_text(&c->json, "role", file.role);
    su_json_text(&c->json, "fingerprint", have);
    su_json_bool(&c->json, "is_new", is_new);
    su_line(c, "%s: %s (%s) %s", is_new ? "trusted" : "was trusted already", file.name, file.role, have);
    if (!fingerprint)
        su_line(c, "Compare this fingerprint with the hub by telephone before you import anything.");
    return 0;
}

int cmd_trust_list(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_trust) struct su_trust trust = {0};
    char fingerprint[SU_FINGERPRINT_TEXT];
    if (su_trust_load(c->home.db, &trust, err) < 0)
        return -1;
    su_json_open(&c->json, "keys", '[');
    for (size_t i = 0; i < trust.keys.count; i++) {
        const struct su_trusted *t = &trust.keys.at[i];
        su_key_fingerprint(t->key.id, fingerprint);
        su_line(c, "%-20s %-9s %s", t->name, t->role, fingerprint);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "name", t->name);
        su_json_text(&c->json, "role", t->role);
        su_json_text(&c->json, "fingerprint", fingerprint);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return 0;
}
