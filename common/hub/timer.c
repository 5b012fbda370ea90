#include "common/hub/timer.h"

#include <string.h>

#include "common/base/text.h"

#define MINUTES "5"
#define COMMAND " --quiet sync --if-due"

/* None of the formats can hold a line end, and what a terminal would obey has no place in them. */
static int check_path(const char *path, const char *never, const char *format, struct su_err *err)
{
    uint32_t character;
    const char *found = strpbrk(path, never);
    if (found) {
        (void)su_fail(err, SU_USAGE, "the path %s holds a '%c', which %s cannot take", path, *found, format);
        return su_remedy(err, "Use a path without it.");
    }
    for (size_t i = 0, left = strlen(path), n; left > 0; i += n, left -= n)
        if ((n = su_utf8_decode(path + i, left, &character)) == 0 || su_is_control(character)) {
            (void)su_fail(err, SU_USAGE, "the path %s is no plain text", path);
            return su_remedy(err, "Use a path of well-formed UTF-8 without control characters.");
        }
    return 0;
}

/* systemd.service(5): C escapes inside double quotes, %% for specifiers, $$ for variables. */
static void quote_systemd(struct su_buf *out, const char *text)
{
    su_buf_adds(out, "\"");
    for (; *text; text++)
        switch (*text) {
        case '"':
        case '\\': su_buf_addf(out, "\\%c", *text); break;
        case '%': su_buf_adds(out, "%%"); break;
        case '$': su_buf_adds(out, "$$"); break;
        default: su_buf_add(out, text, 1);
        }
    su_buf_adds(out, "\"");
}

/* For the shell in single quotes; and cron takes a bare % for the end of the line, even in quotes. Its
 * backslash has to follow something that is no backslash, so it stands outside the quotes, where the shell
 * drops what cron left. */
static void quote_cron(struct su_buf *out, const char *text)
{
    su_buf_adds(out, "'");
    for (; *text; text++)
        switch (*text) {
        case '\'': su_buf_adds(out, "'\\''"); break;
        case '%': su_buf_adds(out, "''\\%"); break;
        default: su_buf_add(out, text, 1);
        }
    su_buf_adds(out, "'");
}

static void add_xml(struct su_buf *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': su_buf_adds(out, "&amp;"); break;
        case '<': su_buf_adds(out, "&lt;"); break;
        case '>': su_buf_adds(out, "&gt;"); break;
        case '"': su_buf_adds(out, "&quot;"); break;
        default: su_buf_add(out, text, 1);
        }
}

/* CommandLineToArgvW: in quotes a backslash is one, but for those before the closing quote. */
static void quote_windows(struct su_buf *out, const char *text)
{
    size_t length = strlen(text), slashes = 0;
    while (slashes < length && text[length - 1 - slashes] == '\\')
        slashes++;
    su_buf_adds(out, "&quot;");
    add_xml(out, text);
    add_xml(out, text + length - slashes);
    su_buf_adds(out, "&quot;");
}

static int make_service(const struct su_timer_job *job, struct su_buf *out, struct su_err *err)
{
    if (check_path(job->program, "$\"'\\", "systemd as a program", err) < 0 ||
        check_path(job->home, "", "systemd", err) < 0)
        return -1;
    su_buf_addf(out,
                "[Unit]\n"
                "Description=Synchronize update point %s when that is due\n"
                "Documentation=man:suexport(1)\n"
                "Wants=network-online.target\n"
                "After=network-online.target\n"
                "\n"
                "[Service]\n"
                "Type=oneshot\n",
                job->hub);
    if (job->user[0] && strcmp(job->user, "root") != 0)
        su_buf_addf(out, "User=%s\n", job->user);
    su_buf_adds(out, "ExecStart=");
    quote_systemd(out, job->program);
    su_buf_adds(out, " --home ");
    quote_systemd(out, job->home);
    su_buf_adds(out, COMMAND "\n"
                             "# 7: another run is at work; this asks again in " MINUTES " minutes.\n"
                             "SuccessExitStatus=7\n"
                             "Nice=10\n"
                             "NoNewPrivileges=yes\n");
    return 0;
}

static int make_timer(const struct su_timer_job *job, struct su_buf *out)
{
    su_buf_addf(out,
                "[Unit]\n"
                "Description=Ask every " MINUTES " minutes whether update point %s is to be synchronized\n"
                "Documentation=man:suexport(1)\n"
                "\n"
                "[Timer]\n"
                "OnCalendar=*:0/" MINUTES "\n"
                "AccuracySec=1s\n"
                "Persistent=yes\n"
                "\n"
                "[Install]\n"
                "WantedBy=timers.target\n",
                job->hub);
    return 0;
}

static int make_cron(const struct su_timer_job *job, struct su_buf *out, struct su_err *err)
{
    if (check_path(job->program, "", "cron", err) < 0 || check_path(job->home, "", "cron", err) < 0)
        return -1;
    su_buf_adds(out, "*/" MINUTES " * * * * ");
    quote_cron(out, job->program);
    su_buf_adds(out, " --home ");
    quote_cron(out, job->home);
    su_buf_adds(out, COMMAND "\n");
    return 0;
}

/* The order of the elements is that of the schema's sequences. %NAME% would be replaced, and nothing hinders
 * that. */
static int make_windows(const struct su_timer_job *job, struct su_buf *out, struct su_err *err)
{
    if (check_path(job->program, "%\"", "the Task Scheduler", err) < 0 ||
        check_path(job->home, "%\"", "the Task Scheduler", err) < 0)
        return -1;
    su_buf_adds(out,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\n"
                "  <RegistrationInfo>\n"
                "    <Description>Asks every " MINUTES " minutes whether update point ");
    add_xml(out, job->hub);
    su_buf_adds(out, " is to be synchronized</Description>\n"
                     "  </RegistrationInfo>\n"
                     "  <Triggers>\n"
                     "    <TimeTrigger>\n"
                     "      <Enabled>true</Enabled>\n"
                     "      <StartBoundary>2026-01-01T00:00:00</StartBoundary>\n"
                     "      <Repetition>\n"
                     "        <Interval>PT" MINUTES "M</Interval>\n"
                     "        <StopAtDurationEnd>false</StopAtDurationEnd>\n"
                     "      </Repetition>\n"
                     "    </TimeTrigger>\n"
                     "  </Triggers>\n"
                     "  <Settings>\n"
                     "    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\n"
                     "    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\n"
                     "    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\n"
                     "    <StartWhenAvailable>true</StartWhenAvailable>\n"
                     "    <Enabled>true</Enabled>\n"
                     "    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>\n"
                     "  </Settings>\n"
                     "  <Actions>\n"
                     "    <Exec>\n"
                     "      <Command>");
    quote_windows(out, job->program);
    su_buf_adds(out, "</Command>\n      <Arguments>--home ");
    quote_windows(out, job->home);
    su_buf_adds(out, COMMAND "</Arguments>\n    </Exec>\n  </Actions>\n</Task>\n");
    return 0;
}

int su_timer_make(enum su_timer_format format, const struct su_timer_job *job, struct su_buf *out,
                  struct su_err *err)
{
    int result = format == SU_TIMER_SERVICE ? make_service(job, out, err)
                 : format == SU_TIMER_TIMER ? make_timer(job, out)
                 : format == SU_TIMER_CRON  ? make_cron(job, out, err)
                                            : make_windows(job, out, err);
    return result < 0 ? -1 : su_buf_check(out, "a timer", err);
}
