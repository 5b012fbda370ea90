/*
 * look_content.c - what the content commands report, file by file, and content verify.
 */
#include <string.h>

#include "common/base/text.h"
#include "common/site/position.h"
#include "tools/cli/look.h"

static const char *verdict_text(enum su_content_verdict verdict)
{
    static const char *const texts[] = {"adopted", "held", "missing", "wrong", "unknown"};
    return texts[verdict];
}

static void on_finding(void *context, const struct su_content_finding *f)
{
    struct su_context *c = context;
    char sha1[2 * SU_SHA1_BYTES + 1] = "";
    bool is_fine = f->verdict == SU_FILE_ADOPTED || f->verdict == SU_FILE_HELD;
    if (is_fine && !su_has(c, "all"))
        return;
    if (f->sha1)
        su_hex_format(f->sha1, SU_SHA1_BYTES, sha1);
    su_line(c, "%-8s %s%s  %s  %s%s%s%s%s", verdict_text(f->verdict), f->is_licence ? "(licence) " : "",
            f->name, su_bytes_text(f->bytes), sha1, f->detail[0] ? "  " : "", f->detail,
            f->update[0] ? "  needed by: " : "", f->update);
    su_json_open(&c->json, NULL, '{');
    su_json_text(&c->json, "verdict", verdict_text(f->verdict));
    su_json_text(&c->json, "name", f->name);
    su_json_text(&c->json, "sha1", sha1);
    su_json_int(&c->json, "bytes", (int64_t)f->bytes);
    su_json_bool(&c->json, "is_licence", f->is_licence);
    su_json_text(&c->json, "detail", f->detail);
    su_json_text(&c->json, "update", f->update);
    su_json_close(&c->json, '}');
}

void su_report_content(struct su_context *c, struct su_content_report *report)
{
    report->finding = on_finding;
    report->context = c;
    su_json_open(&c->json, "files", '[');
}

void su_answer_content(struct su_context *c, const struct su_content_report *r)
{
    su_json_close(&c->json, ']');
    su_json_int(&c->json, "adopted", (int64_t)r->adopted);
    su_json_int(&c->json, "linked", (int64_t)r->linked);
    su_json_int(&c->json, "held", (int64_t)r->held);
    su_json_int(&c->json, "missing", (int64_t)r->missing);
    su_json_int(&c->json, "licence_missing", (int64_t)r->licence_missing);
    su_json_int(&c->json, "wrong", (int64_t)r->wrong);
    su_json_int(&c->json, "unknown", (int64_t)r->unknown);
    su_json_int(&c->json, "bytes_adopted", (int64_t)r->bytes_adopted);
    su_json_int(&c->json, "bytes_missing", (int64_t)r->bytes_missing);
    su_line(c,
            "content: %s adopted (%s, %s linked), %s held, %s missing (%s, %s licence), %s wrong, %s unknown",
            su_count_text(r->adopted), su_bytes_text(r->bytes_adopted), su_count_text(r->linked),
            su_count_text(r->held), su_count_text(r->missing), su_bytes_text(r->bytes_missing),
            su_count_text(r->licence_missing), su_count_text(r->wrong), su_count_text(r->unknown));
}

int su_cmd_content_verify(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_profile) struct su_profile pinned = {0};
    struct su_content_report report = {0};
    bool is_site = c->home.role == SU_SITE; /* a hub keeps content for every profile */
    if (is_site && su_position_profile(c->home.db, &pinned, err) < 0)
        return -1;
    su_report_content(c, &report);
    if (su_content_verify(&c->home, is_site ? &pinned : NULL, &c->events, &report, err) < 0)
        return -1;
    su_answer_content(c, &report);
    if (report.wrong > 0)
        return su_fail(err, SU_CONTENT_WRONG, "%llu stored files are not what they were",
                       (unsigned long long)report.wrong);
    if (report.missing > 0)
        c->note = SU_CONTENT_MISSING;
    return 0;
}
