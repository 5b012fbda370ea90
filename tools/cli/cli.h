/*
 * cli.h - commands as tables: name, options, what they need open, what they do.
 *
 * Options are parsed before anything is opened; state lives in the context given to `run`, never in
 * file-scope variables. Results go to stdout (text, or one JSON document with --json), everything
 * else to stderr.
 */
#ifndef SU_CLI_H
#define SU_CLI_H

#include "common/base/json.h"
#include "common/point/alert.h"
#include "common/point/event.h"
#include "common/point/home.h"
#include "common/point/ledger.h"
#include "tools/cli/log.h"

struct su_option {
    const char *name;     /* without dashes */
    const char *argument; /* what it takes, for the help; NULL: a flag */
    const char *help;
};
#define SU_OPTIONS(...) ((const struct su_option[]){__VA_ARGS__ __VA_OPT__(,) {NULL, NULL, NULL}})

struct su_context;
struct su_command {
    const char *name;      /* "export" or "site add" */
    const char *arguments; /* for the help, e.g. "DIR" */
    const char *summary;
    const struct su_option *options;
    int least_arguments, most_arguments;
    enum { SU_NEEDS_NOTHING, SU_NEEDS_READ, SU_NEEDS_WRITE } needs;
    int (*run)(struct su_context *context, struct su_err *err);
};

struct su_program {
    const char *name;    /* suexport, suimport */
    const char *purpose; /* one line */
    enum su_role role;
    const struct su_command *commands; /* ends with a NULL name */
};

enum su_log_format { SU_LOG_TEXT, SU_LOG_JSON, SU_LOG_CMTRACE };

struct su_context {
    const struct su_program *program;
    const struct su_command *command;
    const char *home_path;
    struct su_home home; /* open as the command needs */
    bool is_json, is_quiet;
    enum su_log_format log_format;
    struct su_actor actor;
    struct su_events events;
    struct su_names arguments; /* borrowed texts, not owned */
    struct { const struct su_option *option; const char *value; } given[256];
    size_t given_count;
    struct su_buf json_text;
    struct su_json json;
    bool has_answered; /* the JSON document holds the failure already */
    enum su_code note; /* a success that has an exit status of its own, e.g. content owed */
    bool is_muted;     /* no lines of the answer */
    int plugin_status; /* of a monitoring plug-in, which is then the exit status; -1: none */
    struct su_log log;
    /* alerts that were opened or closed, to be told when all else is done */
    struct su_alert_ways alert_ways;
    struct su_notice notices[4];
    size_t notice_count;
    /* progress of what goes on at once; one of it on a terminal */
    bool is_terminal, has_line;
    struct su_phase { const char *name; double started, seen, shown; bool is_over; } phases[4], *on_line;
};

int su_cli_main(const struct su_program *program, int argc, char **argv);

/* For a command that goes on: shows the answer so far, tells of alerts, ends the log and closes the home; the next
 * answer begins empty. */
void su_cli_pause(struct su_context *context);
/* Opens the home for a command that needs NOTHING by the table and decides itself; closes it first where it is open. */
int su_open_home(struct su_context *context, enum su_access access, struct su_err *err) SU_CHECKED;

/* What was given on the command line. */
const char *su_given(const struct su_context *context, const char *option); /* the last, or NULL */
bool su_has(const struct su_context *context, const char *option);
/* The n-th value of a repeatable option, NULL past the last. */
const char *su_given_at(const struct su_context *context, const char *option, size_t n);
const char *su_argument(const struct su_context *context, size_t n); /* NULL past the last */
int su_given_number(const struct su_context *context, const char *option, uint64_t max, uint64_t *out, struct su_err *err) SU_CHECKED;

/* "90m", "36h", "7d": seconds. */
int su_given_duration(const struct su_context *context, const char *option, int64_t max, int64_t *out, struct su_err *err) SU_CHECKED;
/* "3 d 4 h", "5 h 10 min", "12 min", "40 s". */
const char *su_duration_text(int64_t seconds, char out[32]);

/* One line of the answer on stdout; nothing with --json. Control characters never get out. */
void su_line(const struct su_context *context, const char *fmt, ...) SU_PRINTF(2, 3);
/* "1,234,567" and "12.3 MiB" into a rotating store of texts, one for each thread. */
const char *su_count_text(uint64_t count);
const char *su_bytes_text(uint64_t bytes);
void su_short_digest(const uint8_t *digest, char out[20]); /* 9c1e-44a0-1234-5678 */

/* version.c, used by cli.c; returns the exit status */
int su_print_version(const struct su_program *program, bool is_verbose, bool is_json);

/* out.c, used by cli.c */
void su_out_begin(struct su_context *context);
void su_out_failure(struct su_context *context, const struct su_err *err);
int su_out_end(struct su_context *context);

#endif
