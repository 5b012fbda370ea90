/*
 * passphrase.h - where a command gets the passphrase of a protected key: --passphrase-file FILE (its first
 * line), else the terminal, else a refusal. Never an option's value: that would show in the process list.
 */
#ifndef SU_PASSPHRASE_H
#define SU_PASSPHRASE_H

#include "common/trust/keys.h"
#include "tools/cli/cli.h"

#define SU_PASSPHRASE_OPTION {"passphrase-file", "FILE", "first line: the passphrase of a protected key (else asked for)"}
struct su_passphrase su_cli_passphrase(struct su_context *context);
/* For a new key: the first line of --passphrase-file; `*is_given` false without that option. */
int su_cli_new_passphrase(const struct su_context *context, char out[SU_MAX_PASSPHRASE_BYTES], bool *is_given,
                          struct su_err *err) SU_CHECKED;

#endif
