/*
 * commands.h - the site's commands, listed in main.c.
 */
#ifndef SUIMPORT_COMMANDS_H
#define SUIMPORT_COMMANDS_H

#include "tools/cli/cli.h"

int cmd_init(struct su_context *c, struct su_err *err);
int cmd_trust_add(struct su_context *c, struct su_err *err);
int cmd_trust_list(struct su_context *c, struct su_err *err);
int cmd_trust_policy(struct su_context *c, struct su_err *err);
int cmd_trust_revoke(struct su_context *c, struct su_err *err);
int cmd_inspect(struct su_context *c, struct su_err *err);
int cmd_verify(struct su_context *c, struct su_err *err);
int cmd_plan(struct su_context *c, struct su_err *err);
int cmd_import(struct su_context *c, struct su_err *err);
int cmd_watch(struct su_context *c, struct su_err *err);
int cmd_repair(struct su_context *c, struct su_err *err);
int cmd_relay(struct su_context *c, struct su_err *err);
int cmd_undo(struct su_context *c, struct su_err *err);
int cmd_rebuild(struct su_context *c, struct su_err *err);
int cmd_receipt(struct su_context *c, struct su_err *err);
int cmd_status(struct su_context *c, struct su_err *err);
int cmd_explain(struct su_context *c, struct su_err *err);
int cmd_report(struct su_context *c, struct su_err *err);

#endif
