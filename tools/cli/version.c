/*
 * version.c - the version; and how what is not trusted is confined on this machine, tried at once.
 */
#include <stdio.h>

#include "common/lib/confine.h"
#include "tools/cli/cli.h"

#ifndef SU_VERSION
#define SU_VERSION "0"
#endif

static void print_text(const struct su_confine_probe *p, bool is_complete)
{
    char landlock[32] = "no";
    if (p->has_landlock)
        (void)snprintf(landlock, sizeof landlock, "yes, ABI %d", p->landlock_abi);
    (void)printf("confinement of what is not trusted: %s\n", is_complete ? "yes" : "no");
    (void)printf("  no new privileges  %s\n", p->has_no_new_privileges ? "yes" : "no");
    (void)printf("  Landlock           %s\n", landlock);
    (void)printf("  seccomp            %s\n", p->has_seccomp ? "yes" : "no");
    (void)printf("  limits             %s\n", p->has_limits ? "yes" : "no");
}

static void print_json(const struct su_program *program, const struct su_confine_probe *p, bool is_complete)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(4096);
    struct su_json json = {.out = &text};
    su_json_open(&json, NULL, '{');
    su_json_text(&json, "program", program->name);
    su_json_text(&json, "version", SU_VERSION);
    if (p) {
        su_json_open(&json, "confinement", '{');
        su_json_bool(&json, "complete", is_complete);
        su_json_bool(&json, "no_new_privileges", p->has_no_new_privileges);
        su_json_bool(&json, "landlock", p->has_landlock);
        su_json_int(&json, "landlock_abi", p->landlock_abi);
        su_json_bool(&json, "seccomp", p->has_seccomp);
        su_json_bool(&json, "limits", p->has_limits);
        su_json_close(&json, '}');
    }
    su_json_close(&json, '}');
    (void)printf("%s\n", text.bytes ? text.bytes : "");
}

int su_print_version(const struct su_program *program, bool is_verbose, bool is_json)
{
    struct su_err err = SU_ERR_INIT;
    struct su_confine_probe p;
    if (is_verbose && su_confine_probe(&p, &err) < 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return su_code_exit_status(err.code);
    }
    bool is_complete =
        is_verbose && p.has_no_new_privileges && p.has_landlock && p.has_seccomp && p.has_limits;
    if (is_json) {
        print_json(program, is_verbose ? &p : NULL, is_complete);
        return 0;
    }
    (void)printf("%s %s\n", program->name, SU_VERSION);
    if (is_verbose)
        print_text(&p, is_complete);
    return 0;
}
