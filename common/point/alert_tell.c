/*
 * alert_tell.c - an alert as a mail in the spool, and to the hook.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/point/alert.h"
#include "common/sys/program.h"

#define MAIL_BYTES (16 * SU_KIB)

static const char *subject_of(const struct su_notice *n)
{
    return strcmp(n->event, "opened") == 0   ? "alert opened"
           : strcmp(n->event, "closed") == 0 ? "alert canceled"
                                             : "test of the alerts";
}

/* "Mon, 23 Nov 2026 10:57:00 +0000", and the form of a mailbox without comma and zone. */
static void mail_date(int64_t now, bool is_mailbox, char out[40])
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct su_wall w;
    su_days_date(now / 86400, &w);
    w.hour = (int)(now / 3600 % 24);
    w.minute = (int)(now / 60 % 60);
    w.second = (int)(now % 60);
    const char *day = days[now / 86400 % 7], *month = months[(w.month - 1) % 12];
    if (is_mailbox)
        (void)snprintf(out, 40, "%s %s %2d %02d:%02d:%02d %04d", day, month, w.day, w.hour, w.minute,
                       w.second, w.year);
    else
        (void)snprintf(out, 40, "%s, %d %s %04d %02d:%02d:%02d +0000", day, w.day, month, w.year, w.hour,
                       w.minute, w.second);
}

/* Everything in it is our own words, names of restricted letters, or text that was escaped: no line begins
 * with what came from outside, so none is "From " or a head line. */
static void make_mail(const struct su_alert_ways *ways, const struct su_notice *n, bool is_mailbox,
                      struct su_buf *out)
{
    const struct su_alert *a = &n->alert;
    char date[40], host[SU_HOST_TEXT], stamp[SU_TIME_TEXT];
    int64_t now = su_time_seconds();
    (void)su_host_name(host);
    if (is_mailbox) {
        mail_date(now, true, date);
        su_buf_addf(out, "From %s@%s %s\n", n->program, host, date);
    }
    mail_date(now, false, date);
    su_buf_addf(out,
                "Date: %s\n"
                "From: %s@%s\n"
                "To: %s\n"
                "Subject: [%s] %s: %s\n"
                "Message-ID: <%s.%lld.%s.%s@%s>\n"
                "Auto-Submitted: auto-generated\n"
                "MIME-Version: 1.0\n"
                "Content-Type: text/plain; charset=utf-8\n"
                "Content-Transfer-Encoding: 8bit\n"
                "\n",
                date, n->program, host, ways->mail_to[0] ? ways->mail_to : "root", n->name, subject_of(n),
                a->kind, n->name, (long long)a->alert_id, n->event, su_time_format(now, stamp), host);
    su_buf_addf(out, "%s %s: %s (%s)\n\n", n->role, n->name, subject_of(n), a->kind);
    su_buf_addf(out, "  message   %d %s\n", a->message, a->detail);
    su_buf_addf(out, "  opened    %s\n", a->opened);
    su_buf_addf(out, "  failures  %lld, the newest at %s\n", (long long)a->failures, a->last);
    if (a->closed[0])
        su_buf_addf(out, "  canceled  %s\n", a->closed);
    su_buf_adds(out, "\n");
}

/* Into a folder as a file that is there whole or not at all; to the end of a mailbox in one write. */
static int spool(const struct su_alert_ways *ways, const struct su_notice *n, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf mail = SU_BUF_INIT(MAIL_BYTES);
    SU_AUTO(su_fd) su_fd fd = -1;
    struct su_err ignored = SU_ERR_INIT;
    char name[96];
    bool is_folder = su_dir_open(&fd, AT_FDCWD, ways->spool, &ignored) == 0;
    make_mail(ways, n, !is_folder, &mail);
    if (su_buf_check(&mail, "a mail", err) < 0)
        return -1;
    if (is_folder) {
        (void)snprintf(name, sizeof name, "%s-%lld-%s-%lld.eml", n->program, (long long)n->alert.alert_id,
                       n->event, (long long)su_time_seconds());
        return su_file_save(fd, name, 0600, true, mail.bytes, mail.length, err);
    }
    return su_file_append(&fd, AT_FDCWD, ways->spool, err) < 0
               ? -1
               : su_file_write(fd, mail.bytes, mail.length, err);
}

static void make_json(const struct su_notice *n, struct su_buf *out)
{
    struct su_json json = {.out = out};
    const struct su_alert *a = &n->alert;
    su_json_open(&json, NULL, '{');
    su_json_text(&json, "event", n->event);
    su_json_text(&json, "program", n->program);
    su_json_text(&json, "role", n->role);
    su_json_text(&json, "name", n->name);
    su_json_int(&json, "alert_id", a->alert_id);
    su_json_text(&json, "kind", a->kind);
    su_json_int(&json, "message", a->message);
    su_json_text(&json, "detail", a->detail);
    su_json_text(&json, "opened", a->opened);
    su_json_text(&json, "last", a->last);
    su_json_int(&json, "failures", a->failures);
    su_json_text(&json, "closed", a->closed[0] ? a->closed : NULL);
    su_json_close(&json, '}');
    su_buf_adds(out, "\n");
}

#define PATHS "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* What the hook learns stands in variables and, complete, on its standard input; its one argument is ours. */
static int hook(const struct su_alert_ways *ways, const struct su_notice *n, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf json = SU_BUF_INIT(64 * SU_KIB);
    const struct su_alert *a = &n->alert;
    char event[32], kind[32], name[96], role[32], message[32], program[32], detail[SU_ALERT_DETAIL + 16];
    int status;
    make_json(n, &json);
    (void)snprintf(event, sizeof event, "SU_EVENT=%s", n->event);
    (void)snprintf(kind, sizeof kind, "SU_KIND=%s", a->kind);
    (void)snprintf(name, sizeof name, "SU_NAME=%s", n->name);
    (void)snprintf(role, sizeof role, "SU_ROLE=%s", n->role);
    (void)snprintf(message, sizeof message, "SU_MESSAGE=%d", a->message);
    (void)snprintf(program, sizeof program, "SU_PROGRAM=%s", n->program);
    (void)snprintf(detail, sizeof detail, "SU_DETAIL=%s", a->detail);
    char *const environment[] = {
        (char *)PATHS, (char *)"LANG=C.UTF-8", event, kind, name, role, message, program, detail, NULL};
    /* NOLINTNEXTLINE(cast-qual): as execve wants it; nothing is written there */
    char *const arguments[] = {(char *)ways->hook, (char *)n->event, NULL};
    if (su_buf_check(&json, "an alert", err) < 0 || su_program_check(ways->hook, err) < 0 ||
        su_program_run(ways->hook, arguments, environment, &json, (unsigned)ways->hook_seconds, &status,
                       err) < 0)
        return su_prefix(err, "the hook");
    if (status < 0)
        return su_fail(err, SU_ALERT_UNTOLD, "the hook %s was ended after %llu seconds", ways->hook,
                       (unsigned long long)ways->hook_seconds);
    return status == 0
               ? 0
               : su_fail(err, SU_ALERT_UNTOLD, "the hook %s ended with status %d", ways->hook, status);
}

int su_alert_tell(const struct su_alert_ways *ways, const struct su_notice *notice, struct su_err *err)
{
    struct su_err second = SU_ERR_INIT;
    int spooled = ways->spool[0] ? spool(ways, notice, err) : 0;
    if (spooled < 0)
        (void)su_prefix(err, "the spool");
    int hooked = ways->hook[0] ? hook(ways, notice, spooled < 0 ? &second : err) : 0;
    return spooled < 0 || hooked < 0 ? -1 : 0;
}
