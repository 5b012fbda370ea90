/*
 * export_plan.h - the planning half of an export: fills the manifest's head and, inside the
 * caller's transaction, the temporary tables the writing half reads:
 *
 *   temp.send, temp.gone, temp.stale   see difference.h
 *   temp.need, temp.deliver (sha1, sha256, bytes, licence)   files needed; files to carry
 */
#ifndef SU_EXPORT_PLAN_H
#define SU_EXPORT_PLAN_H

#include "common/hub/export.h"

int su_export_plan(struct su_home *home, struct su_site *site, const struct su_export_options *options,
                   struct su_export_result *result, struct su_err *err) SU_CHECKED;

#endif
