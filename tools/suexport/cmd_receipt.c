#include <fcntl.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/core/receipt.h"
#include "tools/suexport/commands.h"

int cmd_receipt_add(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_RECEIPT_BYTES);
    struct su_receipt_result r = {.sequence = 0};
    if (su_file_read_all(AT_FDCWD, su_argument(c, 0), &text, err) < 0)
        return -1;
    if (!text.bytes || strlen(text.bytes) != text.length)
        return su_fail(err, SU_RECEIPT, "%s is not a receipt", su_argument(c, 0));
    if (su_receipt_add(&c->home, text.bytes, &c->actor, &r, err) < 0)
        return -1;
    su_json_text(&c->json, "site", r.site);
    su_json_int(&c->json, "sequence", (int64_t)r.sequence);
    su_json_int(&c->json, "content_owed", (int64_t)r.content_owed);
    su_json_bool(&c->json, "is_stale", r.is_stale);
    if (r.is_stale)
        su_line(c, "%s: a receipt at least as new as sequence %llu is held already; nothing changed", r.site,
                (unsigned long long)r.sequence);
    else
        su_line(c, "%s acknowledged sequence %llu; its state is ours%s. The next delta starts there.", r.site,
                (unsigned long long)r.sequence, r.content_owed ? ", but content is still owed" : "");
    return 0;
}
