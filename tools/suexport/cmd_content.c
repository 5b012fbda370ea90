#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

int cmd_content_add(struct su_context *c, struct su_err *err)
{
    struct su_content_report report = {0};
    su_report_content(c, &report);
    if (su_content_add(&c->home, su_argument(c, 0), &c->events, &report, err) < 0)
        return -1;
    su_answer_content(c, &report);
    su_message(&c->events, SU_CONTENT_DONE, SU_INFO,
               "content: %llu adopted, %llu missing, %llu wrong, %llu unknown",
               (unsigned long long)report.adopted, (unsigned long long)report.missing,
               (unsigned long long)report.wrong, (unsigned long long)report.unknown);
    if (report.wrong == 0)
        return 0;
    (void)su_fail(err, SU_CONTENT_WRONG,
                  "%llu files are not what the metadata says; they were left out, the others are adopted",
                  (unsigned long long)report.wrong);
    return -1;
}

int cmd_content_list(struct su_context *c, struct su_err *err)
{
    struct su_content_report report = {0};
    su_report_content(c, &report);
    if (su_content_list(&c->home, NULL, &report, err) < 0)
        return -1;
    su_answer_content(c, &report);
    return 0;
}
