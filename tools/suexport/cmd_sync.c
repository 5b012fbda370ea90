#include "common/source/sync.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

int cmd_sync(struct su_context *c, struct su_err *err)
{
    const char *from = su_given(c, "from");
    struct su_sync_result r;
    if (!from)
        return su_fail(err, SU_USAGE, "sync needs --from SOURCE");
    const struct su_sync_request request = {.from = from, .is_full = su_has(c, "full")};
    if (su_sync(&c->home, &request, &c->events, &r, err) < 0)
        return -1;
    su_json_text(&c->json, "source", r.source);
    su_json_text(&c->json, "kind", r.kind);
    su_line(c, "%s (%s)", r.source, r.kind);
    su_answer_changes(c, &r.changes, true);
    su_json_int(&c->json, "updates", (int64_t)r.state.updates);
    su_json_int(&c->json, "revisions", (int64_t)r.state.revisions);
    su_json_int(&c->json, "content_version", r.content_version);
    su_json_hex(&c->json, "state_digest", r.state.digest, SU_SHA256_BYTES);
    su_json_int(&c->json, "open_prerequisites", (int64_t)r.open_prerequisites);
    su_json_seconds(&c->json, "seconds", r.seconds);
    char digest[SU_SHA256_TEXT];
    su_hex_format(r.state.digest, SU_SHA256_BYTES, digest);
    su_line(c, "  catalogue    %s updates, %s revisions, content version %lld",
            su_count_text(r.state.updates), su_count_text(r.state.revisions), (long long)r.content_version);
    su_line(c, "  state        %s", digest);
    if (r.is_older)
        su_message(&c->events, SU_SYNC_DONE, SU_WARNING,
                   "%s is older than the package before it; what that one had brought since was removed",
                   r.source);
    if (r.open_prerequisites > 0)
        su_message(
            &c->events, SU_SYNC_DONE, SU_WARNING,
            "%llu prerequisite clauses name nothing this hub holds; exports that need them will be refused",
            (unsigned long long)r.open_prerequisites);
    su_message(&c->events, SU_SYNC_DONE, SU_INFO,
               "synchronization done: %llu new, %llu revised, %llu expired, %llu removed; content version "
               "%lld; %.2f s",
               (unsigned long long)r.changes.new, (unsigned long long)r.changes.revised,
               (unsigned long long)r.changes.expired, (unsigned long long)r.changes.removed,
               (long long)r.content_version, r.seconds);
    return 0;
}
