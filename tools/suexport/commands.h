/*
 * commands.h - the hub's commands; one file each, listed in main.c.
 */
#ifndef SUEXPORT_COMMANDS_H
#define SUEXPORT_COMMANDS_H

#include "tools/cli/cli.h"

int cmd_init(struct su_context *c, struct su_err *err);
int cmd_key_generate(struct su_context *c, struct su_err *err);
int cmd_key_list(struct su_context *c, struct su_err *err);
int cmd_key_export(struct su_context *c, struct su_err *err);
int cmd_key_rotate(struct su_context *c, struct su_err *err);
int cmd_key_revoke(struct su_context *c, struct su_err *err);
int cmd_sync(struct su_context *c, struct su_err *err);
int cmd_catalog_import_ids(struct su_context *c, struct su_err *err);
int cmd_schedule_set(struct su_context *c, struct su_err *err);
int cmd_schedule_show(struct su_context *c, struct su_err *err);
int cmd_schedule_next(struct su_context *c, struct su_err *err);
int cmd_schedule_install(struct su_context *c, struct su_err *err);
int cmd_catalog_subscribe(struct su_context *c, struct su_err *err);
int cmd_catalog_refresh(struct su_context *c, struct su_err *err);
int cmd_catalog_list(struct su_context *c, struct su_err *err);
int cmd_catalog_show(struct su_context *c, struct su_err *err);
int cmd_catalog_trust(struct su_context *c, struct su_err *err);
int cmd_catalog_publish(struct su_context *c, struct su_err *err);
int cmd_catalog_unpublish(struct su_context *c, struct su_err *err);
int cmd_catalog_unsubscribe(struct su_context *c, struct su_err *err);
int cmd_source_add(struct su_context *c, struct su_err *err);
int cmd_source_list(struct su_context *c, struct su_err *err);
int cmd_source_show(struct su_context *c, struct su_err *err);
int cmd_source_remove(struct su_context *c, struct su_err *err);
int cmd_products_add(struct su_context *c, struct su_err *err);
int cmd_products_remove(struct su_context *c, struct su_err *err);
int cmd_classifications_add(struct su_context *c, struct su_err *err);
int cmd_classifications_remove(struct su_context *c, struct su_err *err);
int cmd_languages(struct su_context *c, struct su_err *err);
int cmd_languages_add(struct su_context *c, struct su_err *err);
int cmd_languages_remove(struct su_context *c, struct su_err *err);
int cmd_products(struct su_context *c, struct su_err *err);
int cmd_classifications(struct su_context *c, struct su_err *err);
int cmd_content_add(struct su_context *c, struct su_err *err);
int cmd_content_fetch(struct su_context *c, struct su_err *err);
int cmd_content_list(struct su_context *c, struct su_err *err);
int cmd_site_add(struct su_context *c, struct su_err *err);
int cmd_site_set(struct su_context *c, struct su_err *err);
int cmd_site_list(struct su_context *c, struct su_err *err);
int cmd_site_show(struct su_context *c, struct su_err *err);
int cmd_pin_add(struct su_context *c, struct su_err *err);
int cmd_pin_remove(struct su_context *c, struct su_err *err);
int cmd_pin_list(struct su_context *c, struct su_err *err);
int cmd_catalog_import(struct su_context *c, struct su_err *err);
int cmd_lifecycle_set(struct su_context *c, struct su_err *err);
int cmd_lifecycle_show(struct su_context *c, struct su_err *err);
int cmd_lifecycle_restore(struct su_context *c, struct su_err *err);
int cmd_maintain(struct su_context *c, struct su_err *err);
int cmd_plan(struct su_context *c, struct su_err *err);
int cmd_export(struct su_context *c, struct su_err *err);
int cmd_resend(struct su_context *c, struct su_err *err);
int cmd_sign(struct su_context *c, struct su_err *err);
int cmd_receipt_add(struct su_context *c, struct su_err *err);
int cmd_audit_excluded(struct su_context *c, struct su_err *err);
int cmd_audit_receipts(struct su_context *c, struct su_err *err);
int cmd_status(struct su_context *c, struct su_err *err);
int cmd_explain(struct su_context *c, struct su_err *err);
int cmd_report(struct su_context *c, struct su_err *err);

#endif
