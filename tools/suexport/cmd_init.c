#include "common/base/text.h"
#include "tools/suexport/commands.h"

int cmd_init(struct su_context *c, struct su_err *err)
{
    const char *name = su_given(c, "name");
    bool is_new;
    if (!c->home_path)
        return su_fail(err, SU_USAGE, "no home given");
    if (name && !su_name_is_valid(name))
        return su_fail(err, SU_USAGE, "hub name '%s' is not of the form [A-Za-z0-9._-]{1,64}", name);
    if (su_home_init(c->home_path, SU_HUB, name, &is_new, err) < 0 ||
        su_home_open(&c->home, c->home_path, SU_HUB, SU_READ, "init", err) < 0)
        return -1;
    name = c->home.name;
    su_json_text(&c->json, "name", name);
    su_json_text(&c->json, "home", c->home_path);
    su_json_bool(&c->json, "is_new", is_new);
    su_line(c,
            is_new ? "hub %s made in %s. No signing key yet: run 'suexport key generate --name NAME'."
                   : "hub %s was there already in %s; nothing changed.",
            name, c->home_path);
    return 0;
}
