#include "tools/cli/cli.h"

#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/lib/confine.h"
#include "common/sys/belt.h"
#include "common/sys/interrupt.h"
#include "tools/cli/alert.h"

static const struct su_option common_options[] = {
    {"home", "DIR", "the update point's home (else $SU_HOME)"},
    {"json", NULL, "answer as one JSON document"},
    {"quiet", NULL, "no messages and no progress"},
    {"jobs", "N", "threads that work at the same time (else one for each processor)"},
    {"log-format", "text|json|cmtrace", "form of the messages on stderr"},
    {"operator", "NAME", "who does this, for the ledger (else the login name)"},
    {"witness", "NAME", "who watches it, for the ledger"},
    {"change", "TEXT", "the change or order it belongs to, for the ledger"},
    {"scan-report", "FILE", "the malware scan of the medium; its digest goes into the ledger"},
    {"unconfined", NULL, "read what is not trusted without confinement, at your risk (also SU_UNCONFINED=1)"},
    {"help", NULL, "this help"},
    {"version", NULL, "the version"},
    {"verbose", NULL, "with --version: how what is not trusted is confined here, tried now"},
    {NULL, NULL, NULL},
};

static void print_options(const struct su_option *options)
{
    for (; options->name; options++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", options->name, options->argument ? " " : "",
                       options->argument ? options->argument : "");
        (void)printf("  %-34s %s\n", left, options->help);
    }
}

static void print_help(const struct su_program *program, const struct su_command *command)
{
    if (command) {
        (void)printf("Usage: %s [options] %s%s%s\n%s.\n\n", program->name, command->name,
                     command->arguments[0] ? " " : "", command->arguments, command->summary);
        if (command->options->name) {
            (void)printf("Options of %s:\n", command->name);
            print_options(command->options);
            (void)printf("\n");
        }
    } else {
        (void)printf("Usage: %s [options] COMMAND ...\n%s\n\nCommands:\n", program->name, program->purpose);
        for (const struct su_command *c = program->commands; c->name; c++) {
            char left[64];
            (void)snprintf(left, sizeof left, "%s%s%s", c->name, c->arguments[0] ? " " : "", c->arguments);
            (void)printf("  %-34s %s\n", left, c->summary);
        }
        (void)printf("\n");
    }
    (void)printf("Options of every command:\n");
    print_options(common_options);
    (void)printf("\nExit status: 0 the asked state is true; 1 failed; 2 usage or configuration; 3 damaged "
                 "data; 4 signature\n"
                 "or trust; 5 chain gap; 6 space or medium; 7 locked; 8 interrupted; 9 content owed; 10 "
                 "refused by policy;\n"
                 "11 incomplete. An unknown code must be treated as a failure. See %s(1).\n",
                 program->name);
}

static const struct su_option *find_option(const struct su_command *command, const char *name, size_t length)
{
    const struct su_option *tables[] = {command ? command->options : NULL, common_options};
    for (size_t t = 0; t < 2; t++)
        for (const struct su_option *o = tables[t]; o && o->name; o++)
            if (strlen(o->name) == length && memcmp(o->name, name, length) == 0)
                return o;
    return NULL;
}

/* The command is the first one or two words that are no option nor an option's value. */
static const struct su_command *find_command(const struct su_program *program, int argc, char **argv,
                                             int *words)
{
    const char *first = NULL, *second = NULL;
    for (int i = 1; i < argc && !second; i++) {
        if (strncmp(argv[i], "--", 2) == 0 && argv[i][2]) {
            const struct su_option *o = find_option(NULL, argv[i] + 2, strlen(argv[i] + 2));
            i += o && o->argument; /* only options of every command may stand before it */
        } else if (!first) {
            first = argv[i];
        } else {
            second = argv[i];
        }
    }
    for (const struct su_command *c = program->commands; first && c->name; c++) {
        size_t n = strlen(first);
        bool has_sub = strchr(c->name, ' ') != NULL;
        if (!has_sub && strcmp(c->name, first) == 0) {
            *words = 1;
            return c;
        }
        if (has_sub && second && strncmp(c->name, first, n) == 0 && c->name[n] == ' ' &&
            strcmp(c->name + n + 1, second) == 0) {
            *words = 2;
            return c;
        }
    }
    return NULL;
}

static int take_option(struct su_context *c, int argc, char **argv, int *i, struct su_err *err)
{
    const char *text = argv[*i] + 2, *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    const struct su_option *o = find_option(c->command, text, length);
    if (!o)
        return su_fail(err, SU_USAGE, "unknown option --%.*s", (int)length, text);
    if (!o->argument && equals)
        return su_fail(err, SU_USAGE, "option --%s takes no value", o->name);
    const char *value = equals ? equals + 1 : "";
    if (o->argument && !equals) {
        if (*i + 1 >= argc)
            return su_fail(err, SU_USAGE, "option --%s needs a value: %s", o->name, o->argument);
        value = argv[++*i];
    }
    if (c->given_count >= sizeof c->given / sizeof *c->given)
        return su_fail(err, SU_USAGE, "too many options");
    c->given[c->given_count].option = o;
    c->given[c->given_count++].value = value;
    return 0;
}

static int parse(struct su_context *c, int argc, char **argv, int words, struct su_err *err)
{
    bool only_arguments = false;
    int seen = 0;
    for (int i = 1; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && strncmp(argv[i], "--", 2) == 0) {
            if (take_option(c, argc, argv, &i, err) < 0)
                return -1;
        } else if (!only_arguments && argv[i][0] == '-' && argv[i][1]) {
            return su_fail(err, SU_USAGE, "unknown option %s", argv[i]);
        } else if (seen++ >= words) {
            char **slot = SU_PUSH(&c->arguments, 10000);
            if (!slot)
                return su_fail_memory(err);
            *slot = argv[i];
        }
    }
    return 0;
}

const char *su_given_at(const struct su_context *c, const char *option, size_t n)
{
    for (size_t i = 0; i < c->given_count; i++)
        if (strcmp(c->given[i].option->name, option) == 0 && n-- == 0)
            return c->given[i].value;
    return NULL;
}

const char *su_given(const struct su_context *c, const char *option)
{
    const char *value = NULL, *next;
    for (size_t n = 0; (next = su_given_at(c, option, n)); n++)
        value = next;
    return value;
}

bool su_has(const struct su_context *c, const char *option)
{
    return su_given_at(c, option, 0) != NULL;
}

const char *su_argument(const struct su_context *c, size_t n)
{
    return n < c->arguments.count ? c->arguments.at[n] : NULL;
}

int su_given_number(const struct su_context *c, const char *option, uint64_t max, uint64_t *out,
                    struct su_err *err)
{
    const char *text = su_given(c, option);
    if (text && !su_u64_parse(out, text, strlen(text), max))
        return su_fail(err, SU_USAGE, "--%s %s is not a number up to %llu", option, text,
                       (unsigned long long)max);
    return 0;
}

int su_given_duration(const struct su_context *c, const char *option, int64_t max, int64_t *out,
                      struct su_err *err)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'m', 60}, {'h', 3600}, {'d', 86400}};
    const char *text = su_given(c, option);
    size_t length = text ? strlen(text) : 0;
    uint64_t count;
    for (size_t i = 0; text && length > 1 && i < sizeof units / sizeof *units; i++)
        if (text[length - 1] == units[i].unit &&
            su_u64_parse(&count, text, length - 1, (uint64_t)(max / units[i].seconds))) {
            *out = (int64_t)count * units[i].seconds;
            return 0;
        }
    return text ? su_fail(err, SU_USAGE, "--%s %s is not a time like 90m, 36h or 7d, at most %lldd", option,
                          text, (long long)(max / 86400))
                : 0;
}

const char *su_duration_text(int64_t seconds, char out[32])
{
    long long days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
    if (days > 0)
        (void)snprintf(out, 32, "%lld d %lld h", days, hours);
    else if (hours > 0)
        (void)snprintf(out, 32, "%lld h %lld min", hours, minutes);
    else if (minutes > 0)
        (void)snprintf(out, 32, "%lld min", minutes);
    else
        (void)snprintf(out, 32, "%lld s", (long long)seconds);
    return out;
}

static const char *login_name(void)
{
    static char text[64];
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread is started */
    struct passwd *user = getpwuid(getuid());
    (void)snprintf(text, sizeof text, "%s", user && user->pw_name ? user->pw_name : "unknown");
    return text;
}

/* The report itself stays where it is; its name and digest go into the ledger. */
static int read_scan_report(struct su_context *c, const char *path, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    SU_AUTO(su_digest) struct su_digest digest = SU_DIGEST_INIT;
    static char chunk[64 * 1024];
    uint64_t bytes;
    ssize_t n;
    if (su_file_open(&fd, AT_FDCWD, path, &bytes, err) < 0 || su_digest_open(&digest, SU_SHA256, err) < 0)
        return -1;
    if (bytes > SU_MAX_SCAN_REPORT_BYTES)
        return su_fail(err, SU_LIMIT, "%s has %llu bytes, a scan report has at most %zu", path,
                       (unsigned long long)bytes, SU_MAX_SCAN_REPORT_BYTES);
    while ((n = su_file_read(fd, chunk, sizeof chunk, err)) > 0)
        if (su_digest_add(&digest, chunk, (size_t)n, err) < 0)
            return -1;
    const char *slash = strrchr(path, '/');
    c->actor.scan_name = slash ? slash + 1 : path;
    return n < 0 ? -1 : su_digest_end(&digest, c->actor.scan_sha256, err);
}

static int settle_actor(struct su_context *c, struct su_err *err)
{
    const char *scan = su_given(c, "scan-report");
    c->actor = (struct su_actor){.is_named = su_has(c, "operator"),
                                 .witness = su_given(c, "witness"),
                                 .change = su_given(c, "change")};
    c->actor.operator= c->actor.is_named ? su_given(c, "operator") : login_name();
    if (scan && read_scan_report(c, scan, err) < 0) {
        err->code = SU_USAGE;
        (void)su_prefix(err, "--scan-report");
        return su_remedy(err, "Name a report that can be read, or leave the option out.");
    }
    return 0;
}

static int settle(struct su_context *c, struct su_err *err)
{
    const char *format = su_given(c, "log-format");
    uint64_t jobs = su_threads();
    c->is_quiet = su_has(c, "quiet");
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread is started */
    c->home_path = su_given(c, "home") ? su_given(c, "home") : getenv("SU_HOME");
    if (format && strcmp(format, "json") == 0)
        c->log_format = SU_LOG_JSON;
    else if (format && strcmp(format, "cmtrace") == 0)
        c->log_format = SU_LOG_CMTRACE;
    else if (format && strcmp(format, "text") != 0)
        return su_fail(err, SU_USAGE, "--log-format %s is none of text, json, cmtrace", format);
    if (su_given_number(c, "jobs", SU_MAX_THREADS, &jobs, err) < 0)
        return -1;
    if (jobs == 0)
        return su_fail(err, SU_USAGE, "--jobs 0: nothing can be done by no thread");
    su_threads_set((unsigned)jobs);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread is started */
    const char *unconfined = getenv("SU_UNCONFINED");
    if (su_has(c, "unconfined") || (unconfined && strcmp(unconfined, "1") == 0))
        su_confine_off();
    if (c->arguments.count < (size_t)c->command->least_arguments ||
        c->arguments.count > (size_t)c->command->most_arguments)
        return su_fail(err, SU_USAGE, "usage: %s %s %s", c->program->name, c->command->name,
                       c->command->arguments);
    return settle_actor(c, err);
}

int su_open_home(struct su_context *c, enum su_access access, struct su_err *err)
{
    su_home_cleanup(&c->home);
    if (!c->home_path) {
        (void)su_fail(err, SU_USAGE, "no home given");
        return su_remedy(err, "Give --home DIR or set SU_HOME.");
    }
    return su_home_open(&c->home, c->home_path, c->program->role, access, c->command->name, err);
}

static int run(struct su_context *c, struct su_err *err)
{
    if (su_digest_start(err) < 0 || settle(c, err) < 0)
        return -1;
    su_out_begin(c);
    if (c->command->needs != SU_NEEDS_NOTHING &&
        su_open_home(c, c->command->needs == SU_NEEDS_WRITE ? SU_WRITE : SU_READ, err) < 0)
        return su_after(err, "Nothing was written.");
    return c->command->run(c, err);
}

/* What may follow a word that begins several commands: "site" alone. */
static int unknown_command(const struct su_program *program, int argc, char **argv, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf follows = SU_BUF_INIT(1024);
    const char *word = NULL;
    for (int i = 1; i < argc && !word; i++)
        if (argv[i][0] != '-')
            word = argv[i];
    for (const struct su_command *c = program->commands; word && c->name; c++) {
        size_t n = strlen(word);
        if (strncmp(c->name, word, n) == 0 && c->name[n] == ' ')
            su_buf_addf(&follows, "%s%s", follows.length ? ", " : "", c->name + n + 1);
    }
    if (follows.length > 0)
        (void)su_fail(err, SU_USAGE, "'%s' needs one of: %s", word, follows.bytes);
    else
        (void)su_fail(err, SU_USAGE, "%s%s", word ? "unknown command " : "no command given",
                      word ? word : "");
    return su_remedy(err, "Run: %s --help", program->name);
}

void su_cli_pause(struct su_context *c)
{
    (void)su_out_end(c);
    su_buf_clear(&c->json_text);
    su_out_begin(c);
    su_alerts_tell(c);
    c->notice_count = 0;
    c->note = SU_OK;
    su_log_close(c);
    su_home_cleanup(&c->home);
}

/* NOLINTNEXTLINE(readability-function-cognitive-complexity): 26: from parsing to the exit status, top down */
int su_cli_main(const struct su_program *program, int argc, char **argv)
{
    static struct su_context c; /* large; one process runs one command */
    struct su_err err = SU_ERR_INIT;
    int words = 0;
    bool is_version = false, is_verbose = false;
    c = (struct su_context){.program = program,
                            .home = SU_HOME_INIT,
                            .json_text = SU_BUF_INIT(SU_MAX_JSON_BYTES),
                            .note = SU_OK,
                            .plugin_status = -1};
    (void)umask(022); /* a bundle is for others to read; homes and keys say 0700 and 0600 themselves */
    su_interrupt_install();
    /* The same on every machine, whatever the user's is: in no locale libarchive refuses whole archives for
     * one member whose name is not ASCII. */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread is started */
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    /* Blocks of 1 MiB and more go back to the system when they are freed. glibc by itself lets that bound
     * rise to 32 MiB, and each thread then keeps what one large document needed: 265 MiB, not 157, for six
     * documents of 47 MB that hardly compress. */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread is started */
    (void)mallopt(M_MMAP_THRESHOLD, (int)SU_MIB);
    /* The bound set, glibc gives back all above 128 KiB at the end of a thread's heap, for a first
     * synchronization 100,000 pages that are asked for again at once: 0.3 of 1.9 seconds of the kernel. */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread is started */
    (void)mallopt(M_TRIM_THRESHOLD, (int)(2 * SU_MIB));
    c.command = find_command(program, argc, argv, &words);
    for (int i = 1; i < argc; i++) {
        c.is_json |= strcmp(argv[i], "--json") == 0; /* a wrong command line is answered in JSON too */
        if (strcmp(argv[i], "--help") == 0) {
            print_help(program, c.command);
            return 0;
        }
        is_version |= strcmp(argv[i], "--version") == 0;
        is_verbose |= strcmp(argv[i], "--verbose") == 0;
    }
    if (is_version)
        return su_print_version(program, is_verbose, c.is_json);
    int result = !c.command                               ? unknown_command(program, argc, argv, &err)
                 : parse(&c, argc, argv, words, &err) < 0 ? -1
                                                          : run(&c, &err);
    if (su_confinement() == SU_READ_UNCONFINED)
        su_message(&c.events, SU_UNCONFINED, SU_WARNING,
                   "what is not trusted was read without confinement, as asked for");
    if (result < 0)
        su_out_failure(&c, &err);
    int status = su_out_end(&c);
    if (result < 0)
        status = su_code_exit_status(err.code);
    else if (status == 0)
        status = su_code_exit_status(c.note);
    if (su_has(&c, "check")) { /* a monitoring system takes 0 to 3 only */
        if (result < 0)
            (void)printf("%s%s%s", c.is_json ? "" : "SU UNKNOWN - ", c.is_json ? "" : err.text,
                         c.is_json ? "" : "\n");
        status = result < 0 || c.plugin_status < 0 ? 3 : c.plugin_status;
    }
    su_alerts_tell(&c);
    su_log_close(&c);
    su_home_cleanup(&c.home);
    su_buf_cleanup(&c.json_text);
    free(c.arguments.at);
    return status;
}
