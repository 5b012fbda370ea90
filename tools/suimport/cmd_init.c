#include <string.h>

#include "common/base/text.h"
#include "common/receipt/receipt_code.h"
#include "common/trust/keys.h"
#include "tools/suimport/commands.h"

int cmd_init(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_home) struct su_home home = SU_HOME_INIT;
    SU_AUTO(su_key_file) struct su_key_file key = SU_KEY_FILE_INIT;
    const char *site = su_given(c, "site");
    char fingerprint[SU_FINGERPRINT_TEXT];
    char secret[SU_SECRET_TEXT];
    bool is_new, is_new_secret;
    if (!c->home_path)
        return su_fail(err, SU_USAGE, "no home given");
    if (!site || !su_site_code_is_valid(site))
        return su_fail(err, SU_USAGE, "init needs --site CODE of the form [A-Z0-9-]{1,16}");
    if (su_home_init(c->home_path, SU_SITE, site, &is_new, err) < 0 ||
        su_home_open(&home, c->home_path, SU_SITE, SU_WRITE, "init", err) < 0)
        return -1;
    if (!su_file_exists(home.keys, "site.pub")) {
        if (su_keys_generate(&home, "site", "receiver", NULL, &key, err) < 0)
            return -1;
    } else if (su_keys_read_public(home.keys, "site.pub", &key, err) < 0) {
        return -1;
    }
    if (su_spoken_secret(&home, secret, &is_new_secret, err) < 0)
        return -1;
    su_wipe(secret, sizeof secret);
    su_key_fingerprint(key.key.id, fingerprint);
    su_json_text(&c->json, "site", site);
    su_json_text(&c->json, "home", c->home_path);
    su_json_bool(&c->json, "is_new", is_new);
    su_json_text(&c->json, "fingerprint", fingerprint);
    su_line(c,
            is_new ? "site %s made in %s. It trusts no key yet and refuses every bundle: run 'suimport trust "
                     "add FILE'."
                   : "site %s was there already in %s; nothing changed.",
            site, c->home_path);
    su_line(c, "Its own key for receipts is %s/keys/site.pub, fingerprint %s.", c->home_path, fingerprint);
    return 0;
}
