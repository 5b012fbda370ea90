#include "common/hub/resend.h"
#include "tools/suexport/commands.h"

static void answer(struct su_context *c, const struct su_resend_options *o, const struct su_resend_result *r)
{
    char name[16];
    su_json_text(&c->json, "site", o->site);
    su_json_int(&c->json, "sequence", (int64_t)r->manifest.sequence);
    su_json_text(&c->json, "bundle", r->bundle);
    su_json_open(&c->json, "volumes", '[');
    for (size_t v = 1; v <= r->manifest.volumes.count; v++)
        if (r->wanted[v]) {
            su_volume_name(&r->manifest, (uint32_t)v, name);
            su_json_text(&c->json, NULL, name);
            su_line(c, "  volume %zu of %zu   %s  %s", v, r->manifest.volumes.count, name,
                    su_bytes_text(r->manifest.volumes.at[v - 1].bytes));
        }
    su_json_close(&c->json, ']');
    su_json_int(&c->json, "bytes", (int64_t)r->bytes);
    su_json_bool(&c->json, "read_back", o->is_read_back);
    su_line(c, "bundle %s/%s: %zu of %zu volumes, %s", o->out, r->bundle, r->volumes,
            r->manifest.volumes.count, su_bytes_text(r->bytes));
}

int cmd_resend(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_resend_result) struct su_resend_result r = SU_RESEND_RESULT_INIT;
    const char *volumes[sizeof c->given / sizeof *c->given];
    struct su_resend_options o = {.actor = &c->actor,
                                  .site = su_given(c, "site"),
                                  .out = su_given(c, "out"),
                                  .volumes = volumes,
                                  .is_read_back = su_has(c, "read-back")};
    if (!o.site)
        return su_fail(err, SU_USAGE, "which site? Give --site CODE");
    if (!o.out)
        return su_fail(err, SU_USAGE, "where to? Give --out DIR");
    if (su_given_number(c, "sequence", 999999, &o.sequence, err) < 0)
        return -1;
    for (const char *v; (v = su_given_at(c, "volume", o.volume_count)) != NULL; o.volume_count++)
        volumes[o.volume_count] = v;
    if (su_resend(&c->home, &o, &c->events, &r, err) < 0)
        return -1;
    answer(c, &o, &r);
    su_message(&c->events, SU_RESEND_DONE, SU_INFO, "resend done: %zu volumes of %s, %llu bytes", r.volumes,
               r.bundle, (unsigned long long)r.bytes);
    return 0;
}
