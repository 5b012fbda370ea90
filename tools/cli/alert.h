/*
 * alert.h - failures and successes of commands as alerts, and the commands about them, of both programs.
 */
#ifndef SU_CLI_ALERT_H
#define SU_CLI_ALERT_H

#include "tools/cli/cli.h"

/* After the work was rolled back or committed. What fails here is a warning: it changes nothing about the work. */
void su_alert_failed(struct su_context *c, enum su_alert_kind kind, const struct su_err *why);
void su_alert_succeeded(struct su_context *c, enum su_alert_kind kind);
/* Whether the alert about silence has to be opened or closed; asked without writing. */
bool su_alert_silence_moved(struct su_context *c);
/* Opens or closes it. */
void su_alert_review_silence(struct su_context *c);
/* At the very end: gives the lock back, then tells whom the settings name. */
void su_alerts_tell(struct su_context *c);

int su_cmd_alert_set(struct su_context *c, struct su_err *err);
int su_cmd_alert_list(struct su_context *c, struct su_err *err);
int su_cmd_alert_check(struct su_context *c, struct su_err *err);
int su_cmd_alert_test(struct su_context *c, struct su_err *err);

#define SU_ALERT_COMMANDS \
    {"alert set", "", "Shows or sets who is told of a failure", \
     SU_OPTIONS({"hook", "PROGRAM|none", "run when an alert opens or is canceled"}, \
                {"hook-seconds", "N", "what the hook may take (default 30)"}, \
                {"spool", "PATH|none", "a mailbox to be added to, or a folder for mails"}, \
                {"mail-to", "ADDRESS|none", "whom these mails are for (default root)"}, \
                {"silence", "DAYS|none", "alert when nothing has come for so many days"}), \
     0, 0, SU_NEEDS_WRITE, su_cmd_alert_set}, \
    {"alert list", "", "Lists alerts, the newest first", \
     SU_OPTIONS({"open", NULL, "only those that are open"}, {"limit", "N", "at most N (default 20)"}), 0, 0, \
     SU_NEEDS_READ, su_cmd_alert_list}, \
    {"alert check", "", "Opens or cancels the alert about silence; for a timer", SU_OPTIONS(), 0, 0, \
     SU_NEEDS_WRITE, su_cmd_alert_check}, \
    {"alert test", "", "Tells everybody who would be told, and says whether that worked", SU_OPTIONS(), 0, 0, \
     SU_NEEDS_READ, su_cmd_alert_test}

#endif
