#include "helpers.h"

#include "common/hub/recurrence.h"
#include "common/hub/schedule.h"
#include "common/hub/timer.h"

static int64_t seconds(const char *utc)
{
    int64_t out = -1;
    assert_true(su_time_parse(utc, &out));
    return out;
}

static struct su_recurrence rule_of(const char *text, const char *zone, const char *start)
{
    struct su_recurrence r = {.start = seconds(start)};
    (void)snprintf(r.zone, sizeof r.zone, "%s", zone);
    GOOD(su_recurrence_parse(&r, text, &e));
    return r;
}

/* The times after `after`, in order, must be these; the list ends with NULL. */
static void gives(const struct su_recurrence *r, const char *after, const char *const *times)
{
    int64_t at = seconds(after);
    char text[SU_TIME_TEXT];
    for (; *times; times++) {
        assert_true(su_recurrence_next(r, at, &at));
        assert_string_equal(su_time_format(at, text), *times);
    }
}
#define GIVES(r, after, ...) gives(r, after, (const char *const[]){__VA_ARGS__, NULL})

static void full_form_of_rules(void **state)
{
    (void)state;
    static const struct { const char *text, *full; } rules[] = {
        {"none", "none"},
        {"hourly", "every 1 hour"},
        {"Every 23 Hours", "every 23 hours"},
        {"daily at 02:00", "every 1 day at 02:00"},
        {"every day at 23:59", "every 1 day at 23:59"},
        {"every 31 days at 00:00", "every 31 days at 00:00"},
        {"daily", "every 1 day at 09:30"},
        {"weekly on sat, sunday at 02:00", "every 1 week on saturday,sunday at 02:00"},
        {"every 4 weeks on mo and fr at 08:05", "every 4 weeks on monday,friday at 08:05"},
        {"weekly", "every 1 week on thursday at 09:30"},
        {"monthly on 31 at 02:00", "every 1 month on 31 at 02:00"},
        {"every 12 months on day 1 at 02:00", "every 12 months on 1 at 02:00"},
        {"monthly", "every 1 month on 1 at 09:30"},
        {"second tuesday at 14:00", "second tuesday at 14:00"},
        {"SECOND Tue+1 day at 14:00", "second tuesday + 1 day at 14:00"},
        {"last friday plus 27 days at 14:00", "last friday + 27 days at 14:00"},
        {"first monday + 0 days", "first monday at 09:30"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        SU_AUTO(su_buf) struct su_buf full = SU_BUF_INIT(256), again = SU_BUF_INIT(256);
        struct su_recurrence r = rule_of(rules[i].text, "UTC", "2026-10-01T09:30:00Z");
        su_recurrence_format(&r, &full);
        assert_string_equal(full.bytes, rules[i].full);
        r = rule_of(full.bytes, "UTC", "2001-01-01T00:00:00Z");
        su_recurrence_format(&r, &again);
        assert_string_equal(again.bytes, full.bytes);
    }
}

static void refuses_what_is_no_rule(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",                        "every",                    "every 0 hours",           "every 24 hours",
        "every 32 days at 02:00",  "every 5 weeks on monday",  "every 13 months on 1",    "monthly on 32 at 02:00",
        "monthly on 0 at 02:00",   "weekly on at 02:00",       "weekly on t at 02:00",    "weekly on someday at 02:00",
        "daily at 24:00",          "daily at 2:00",            "daily at 02:60",          "daily at 02-00",
        "daily at",                "fifth monday at 02:00",    "second tuesday + 28 days at 02:00", "second at 02:00",
        "second tuesday + 1 at 02:00", "every 6 hours at 02:00", "none at 02:00",         "daily at 02:00 please",
        "every -1 days at 02:00",  "every 1 fortnight",        "second tuesday + day at 02:00", "every 6 hourss",
        "a b c d e f g h i j k l m n o p q r s t u v w x y z", "every 99999999999999999999 hours",
    };
    struct su_recurrence r = {.zone = "UTC"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        REFUSED(su_recurrence_parse(&r, bad[i], &e), SU_USAGE);
        assert_non_null(strstr(e.remedy, "monthly on D at HH:MM"));
    }
    char huge[2000];
    memset(huge, 'x', sizeof huge);
    huge[sizeof huge - 1] = 0;
    REFUSED(su_recurrence_parse(&r, huge, &e), SU_USAGE);
}

static void zones_are_known_or_refused(void **state)
{
    (void)state;
    GOOD(su_zone_check("UTC", &e));
    GOOD(su_zone_check("Europe/Berlin", &e));
    GOOD(su_zone_check("America/Argentina/Buenos_Aires", &e));
    static const char *const bad[] = {"",       "Mars/Base", "../etc/passwd", "/etc/localtime", "Europe/",  "Europe//Berlin",
                                      "CET-1x", "Europe",    "Europe/../UTC", ".",              "UTC\nX",   "zone.tab",
                                      "A/.hidden", "posixrules x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        REFUSED(su_zone_check(bad[i], &e), SU_CONFIG);
}

/* Berlin skips 02:00 to 03:00 on 2026-03-29 and shows it twice on 2026-10-25. */
static void times_that_clocks_skip_or_show_twice(void **state)
{
    (void)state;
    struct su_recurrence r = rule_of("daily at 02:30", "Europe/Berlin", "2026-01-01T00:00:00Z");
    GIVES(&r, "2026-03-27T12:00:00Z", "2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z");
    GIVES(&r, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z");
    /* The second 02:30 of that night is no time of the rule. */
    GIVES(&r, "2026-10-25T01:29:59Z", "2026-10-26T01:30:00Z");
    /* Hours pass whatever the clocks show. */
    r = rule_of("every 6 hours", "Europe/Berlin", "2026-03-28T18:00:00Z");
    GIVES(&r, "2026-03-28T20:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T06:00:00Z");
    /* Samoa had no 30 December 2011 at all. */
    r = rule_of("daily at 12:00", "Pacific/Apia", "2011-01-01T00:00:00Z");
    GIVES(&r, "2011-12-29T12:00:00Z", "2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z");
    /* Half an hour, in the south. */
    r = rule_of("daily at 02:15", "Australia/Lord_Howe", "2026-01-01T00:00:00Z");
    GIVES(&r, "2026-10-02T20:00:00Z", "2026-10-03T15:45:00Z", "2026-10-04T15:15:00Z");
}

static void ends_of_months(void **state)
{
    (void)state;
    struct su_recurrence r = rule_of("monthly on 31 at 02:00", "UTC", "2027-12-01T00:00:00Z");
    GIVES(&r, "2027-12-31T02:00:00Z", "2028-01-31T02:00:00Z", "2028-02-29T02:00:00Z", "2028-03-31T02:00:00Z",
          "2028-04-30T02:00:00Z");
    r = rule_of("every 2 months on 30 at 02:00", "UTC", "2026-12-31T00:00:00Z"); /* the first lies before the start */
    GIVES(&r, "2026-01-01T00:00:00Z", "2027-02-28T02:00:00Z", "2027-04-30T02:00:00Z");
    r = rule_of("last friday at 02:00", "UTC", "2026-01-01T00:00:00Z");
    GIVES(&r, "2026-02-01T00:00:00Z", "2026-02-27T02:00:00Z", "2026-03-27T02:00:00Z", "2026-04-24T02:00:00Z",
          "2026-05-29T02:00:00Z");
    r = rule_of("second tuesday + 27 days at 02:00", "UTC", "2026-01-01T00:00:00Z"); /* reaches the next month */
    GIVES(&r, "2025-12-01T00:00:00Z", "2026-01-05T02:00:00Z", "2026-02-09T02:00:00Z", "2026-03-09T02:00:00Z");
}

static void counts_from_its_start(void **state)
{
    (void)state;
    struct su_recurrence r = rule_of("every 3 weeks on monday,sunday at 01:00", "UTC", "2026-11-05T00:00:00Z"); /* Thursday */
    GIVES(&r, "2000-01-01T00:00:00Z", "2026-11-08T01:00:00Z", "2026-11-23T01:00:00Z", "2026-11-29T01:00:00Z",
          "2026-12-14T01:00:00Z");
    r = rule_of("every 5 hours", "UTC", "2026-11-05T00:00:00Z");
    GIVES(&r, "2000-01-01T00:00:00Z", "2026-11-05T00:00:00Z", "2026-11-05T05:00:00Z");
    GIVES(&r, "2026-11-05T04:59:59Z", "2026-11-05T05:00:00Z", "2026-11-05T10:00:00Z");
    r = rule_of("none", "UTC", "2026-11-05T00:00:00Z");
    int64_t at;
    assert_false(su_recurrence_next(&r, 0, &at));
    r = rule_of("daily at 01:00", "UTC", "2026-11-05T00:00:00Z");
    assert_false(su_recurrence_next(&r, seconds("9000-01-01T00:00:00Z"), &at)); /* a clock far off ends no loop */
}

/* Whatever the rule, its times rise, and asking from between two of them gives the later. */
static void times_rise(void **state)
{
    (void)state;
    static const char *const zones[] = {"UTC", "Europe/London", "America/New_York", "Asia/Tehran", "Pacific/Chatham"};
    static const char *const days[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
    static const char *const nths[] = {"first", "second", "third", "fourth", "last"};
    srandom(7);
    for (int round = 0; round < 400; round++) {
        char text[128];
        int hour = (int)(random() % 24), minute = (int)(random() % 60);
        switch (random() % 4) {
        case 0: (void)snprintf(text, sizeof text, "every %ld days at %02d:%02d", random() % 31 + 1, hour, minute); break;
        case 1:
            (void)snprintf(text, sizeof text, "every %ld weeks on %s,%s at %02d:%02d", random() % 4 + 1, days[random() % 7],
                           days[random() % 7], hour, minute);
            break;
        case 2:
            (void)snprintf(text, sizeof text, "every %ld months on %ld at %02d:%02d", random() % 12 + 1, random() % 31 + 1, hour,
                           minute);
            break;
        default:
            (void)snprintf(text, sizeof text, "%s %s + %ld days at %02d:%02d", nths[random() % 5], days[random() % 7], random() % 28,
                           hour, minute);
        }
        struct su_recurrence r = {.start = 946684800 + random() % 946684800 / 60 * 60};
        (void)snprintf(r.zone, sizeof r.zone, "%s", zones[random() % 5]);
        GOOD(su_recurrence_parse(&r, text, &e));
        int64_t at = r.start - 1, next, between;
        for (int i = 0; i < 20; i++, at = next) {
            assert_true(su_recurrence_next(&r, at, &next));
            assert_true(next > at && next >= r.start && next % 60 == 0);
            assert_true(next - at <= (int64_t)366 * 86400 + 7200);
            assert_true(su_recurrence_next(&r, at + random() % (next - at), &between));
            assert_int_equal(between, next);
        }
    }
}

static struct su_due due_at(struct su_schedule *s, const char *now)
{
    return su_schedule_due(s, seconds(now));
}

static void what_is_due(void **state)
{
    (void)state;
    struct su_schedule s = {.is_set = true, .retry_minutes = 60};
    s.rule = rule_of("daily at 02:00", "UTC", "2026-11-01T00:00:00Z");
    struct su_due due = due_at(&s, "2026-11-01T01:59:59Z");
    assert_true(!due.is_due && due.has_next && due.at == seconds("2026-11-01T02:00:00Z") && due.overdue == 0);
    due = due_at(&s, "2026-11-01T02:00:00Z");
    assert_true(due.is_due && due.overdue == 0);
    due = due_at(&s, "2026-11-03T02:00:00Z");
    assert_true(due.is_due && due.overdue == 2 * 86400); /* since the first that was missed */
    s.has_success = true;
    s.success = seconds("2026-11-03T02:00:00Z");
    due = due_at(&s, "2026-11-03T03:00:00Z");
    assert_true(!due.is_due && due.at == seconds("2026-11-04T02:00:00Z"));
    /* A failure is tried again an hour after its end, neither sooner nor at the next time only. */
    s.has_failed = true;
    s.failed = seconds("2026-11-04T02:10:00Z");
    due = due_at(&s, "2026-11-04T03:09:59Z");
    assert_true(!due.is_due && due.is_retry && due.at == seconds("2026-11-04T03:10:00Z") && due.overdue == 4199);
    assert_true(due_at(&s, "2026-11-04T03:10:00Z").is_due);
    /* A failure in the future is a clock that was wrong: the rule holds. */
    /* NOLINTNEXTLINE(analyzer-use-of-uninitialized-value): what a function of another file returns is set */
    due = due_at(&s, "2026-11-04T02:05:00Z");
    assert_true(due.is_due && !due.is_retry);
    /* A success in the future: nothing can be told, so it is due, once. */
    s.has_failed = false;
    s.success = seconds("2038-01-01T00:00:00Z");
    due = due_at(&s, "2026-11-04T02:05:00Z");
    assert_true(due.is_due && due.is_clock_behind);
    s.rule.kind = SU_NEVER;
    /* NOLINTNEXTLINE(analyzer-use-of-uninitialized-value): as above */
    due = due_at(&s, "2026-11-04T02:05:00Z");
    assert_true(!due.is_due && !due.has_next);
    s.is_set = false;
    assert_false(due_at(&s, "2026-11-04T02:05:00Z").is_due);
}

static void paths_that_no_format_holds(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(64 * 1024);
    struct su_timer_job job = {.program = "/usr/bin/suexport", .home = "/srv/a\nb", .hub = "HUB", .user = ""};
    REFUSED(su_timer_make(SU_TIMER_SERVICE, &job, &out, &e), SU_USAGE);
    REFUSED(su_timer_make(SU_TIMER_CRON, &job, &out, &e), SU_USAGE);
    REFUSED(su_timer_make(SU_TIMER_WINDOWS, &job, &out, &e), SU_USAGE);
    job.home = "/srv/\xff";
    REFUSED(su_timer_make(SU_TIMER_CRON, &job, &out, &e), SU_USAGE);
    job.home = "C:\\%USERPROFILE%";
    REFUSED(su_timer_make(SU_TIMER_WINDOWS, &job, &out, &e), SU_USAGE);
    NAMES("'%'");
    job.home = "/srv/hub";
    job.program = "/opt/$x/suexport";
    REFUSED(su_timer_make(SU_TIMER_SERVICE, &job, &out, &e), SU_USAGE);
    GOOD(su_timer_make(SU_TIMER_CRON, &job, &out, &e));
    job.program = "/opt/it's/suexport";
    REFUSED(su_timer_make(SU_TIMER_SERVICE, &job, &out, &e), SU_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_form_of_rules),
        cmocka_unit_test(refuses_what_is_no_rule),
        cmocka_unit_test(zones_are_known_or_refused),
        cmocka_unit_test(times_that_clocks_skip_or_show_twice),
        cmocka_unit_test(ends_of_months),
        cmocka_unit_test(counts_from_its_start),
        cmocka_unit_test(times_rise),
        cmocka_unit_test(what_is_due),
        cmocka_unit_test(paths_that_no_format_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
