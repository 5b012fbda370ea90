#include "common/sys/clock.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400
#define ZONES "/usr/share/zoneinfo"

int64_t su_time_seconds(void)
{
    return (int64_t)time(NULL);
}

const char *su_time_format(int64_t seconds, char out[SU_TIME_TEXT])
{
    time_t when = (time_t)seconds;
    struct tm utc;
    if (!gmtime_r(&when, &utc) || strftime(out, SU_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        (void)snprintf(out, SU_TIME_TEXT, "1970-01-01T00:00:00Z");
    return out;
}

const char *su_time_now(char out[SU_TIME_TEXT])
{
    return su_time_format(su_time_seconds(), out);
}

bool su_time_parse(const char *text, int64_t *out)
{
    struct tm utc = {.tm_mday = 1};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (!end || *end)
        return false;
    *out = timegm(&utc);
    return true;
}

double su_time_monotonic(void)
{
    struct timespec ts = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int64_t su_time_exact(long *milliseconds)
{
    struct timespec ts = {0};
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    *milliseconds = ts.tv_nsec / 1000000;
    return (int64_t)ts.tv_sec;
}

void su_time_cmtrace(int64_t second, long milliseconds, char time_text[24], char date_text[16])
{
    time_t when = (time_t)second;
    struct tm utc = {.tm_mday = 1};
    (void)gmtime_r(&when, &utc);
    (void)snprintf(time_text, 24, "%02u:%02u:%02u.%03u+000", (unsigned)utc.tm_hour % 100,
                   (unsigned)utc.tm_min % 100, (unsigned)utc.tm_sec % 100, (unsigned)milliseconds % 1000);
    (void)snprintf(date_text, 16, "%02u-%02u-%04u", (unsigned)(utc.tm_mon + 1) % 100,
                   (unsigned)utc.tm_mday % 100, (unsigned)(utc.tm_year + 1900) % 10000);
}

/* A name of the data base and no path: "Area/Place" of these characters, no part empty or beginning with '.'.
 */
static bool is_zone_name(const char *zone)
{
    size_t length = strlen(zone);
    if (length == 0 || length >= SU_ZONE_TEXT || zone[length - 1] == '/' ||
        strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/.") != length)
        return false;
    for (const char *p = zone; *p; p++)
        if ((p == zone || p[-1] == '/') && (*p == '.' || *p == '/'))
            return false;
    return true;
}

/* The library takes an unknown zone for UTC without a word, so the file is looked at. */
static bool is_known_zone(const char *zone)
{
    char path[sizeof ZONES + 1 + SU_ZONE_TEXT], start[4] = "";
    if (strcmp(zone, "UTC") == 0)
        return true;
    (void)snprintf(path, sizeof path, ZONES "/%s", zone);
    FILE *file = fopen(path, "rbe");
    bool is_good = file && fread(start, 1, sizeof start, file) == sizeof start &&
                   memcmp(start, "TZif", sizeof start) == 0;
    if (file)
        (void)fclose(file);
    return is_good;
}

int su_zone_check(const char *zone, struct su_err *err)
{
    if (is_zone_name(zone) && is_known_zone(zone))
        return 0;
    (void)su_fail(err, SU_CONFIG, "'%s' is no time zone that this machine knows", zone);
    return su_remedy(err, "Give a name of the IANA data base, like Europe/Berlin or UTC; 'timedatectl "
                          "list-timezones' lists them. They come with the package tzdata.");
}

/* Looked up once: afterwards TZ is what offset_at made it. */
static const char *zone_of_machine(void)
{
    static char zone[SU_ZONE_TEXT];
    char link[PATH_MAX] = "";
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): only the main thread asks for the zone */
    const char *named = getenv("TZ"), *found = NULL;
    if (zone[0])
        return zone;
    if (named && named[0])
        found = named[0] == ':' ? named + 1 : named;
    else if (readlink("/etc/localtime", link, sizeof link - 1) > 0 && (found = strstr(link, "/zoneinfo/")))
        found += strlen("/zoneinfo/");
    bool is_good = found && is_zone_name(found) && is_known_zone(found);
    (void)snprintf(zone, sizeof zone, "%s", is_good ? found : "UTC");
    return zone;
}

const char *su_zone_here(char out[SU_ZONE_TEXT])
{
    (void)snprintf(out, SU_ZONE_TEXT, "%s", zone_of_machine());
    return out;
}

/* Seconds that the zone is before UTC at an instant. */
static int64_t offset_at(const char *zone, int64_t seconds)
{
    static char in_use[SU_ZONE_TEXT + 1];
    char wanted[SU_ZONE_TEXT + 1];
    time_t when = (time_t)seconds;
    struct tm local = {.tm_gmtoff = 0};
    (void)snprintf(wanted, sizeof wanted, ":%.*s", SU_ZONE_TEXT - 1, zone);
    if (strcmp(wanted, in_use) != 0) {
        (void)zone_of_machine();
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): only the main thread asks for the zone */
        (void)setenv("TZ", wanted, 1);
        tzset();
        memcpy(in_use, wanted, sizeof in_use);
    }
    return localtime_r(&when, &local) ? (int64_t)local.tm_gmtoff : 0;
}

int64_t su_days_of(int year, int month, int day)
{
    struct tm date = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return (int64_t)timegm(&date) / DAY - (timegm(&date) % DAY < 0);
}

static void wall_of(int64_t seconds, struct su_wall *out)
{
    time_t when = (time_t)seconds;
    struct tm utc = {.tm_mday = 1};
    (void)gmtime_r(&when, &utc);
    *out = (struct su_wall){.year = utc.tm_year + 1900,
                            .month = utc.tm_mon + 1,
                            .day = utc.tm_mday,
                            .hour = utc.tm_hour,
                            .minute = utc.tm_min,
                            .second = utc.tm_sec};
}

void su_days_date(int64_t days, struct su_wall *out)
{
    wall_of(days * DAY, out);
}

void su_zone_wall(const char *zone, int64_t seconds, struct su_wall *out)
{
    wall_of(seconds + offset_at(zone, seconds), out);
}

/* Offsets are between -12 and +14 hours, so a day before and a day after what the clocks show the zone is
 * before and after any jump that is near. The earlier of the two readings comes from the offset before it.
 * Where neither is what the clocks show, they skip it; the old offset then leads beyond the jump, by as much
 * as it is. */
int64_t su_zone_seconds(const char *zone, const struct su_wall *wall)
{
    int64_t shown = su_days_of(wall->year, wall->month, wall->day) * DAY + wall->hour * 3600 +
                    wall->minute * 60 + wall->second;
    int64_t first = shown - offset_at(zone, shown - DAY), second = shown - offset_at(zone, shown + DAY);
    bool is_first = first + offset_at(zone, first) == shown;
    bool is_second = second + offset_at(zone, second) == shown;
    if (is_first && is_second)
        return first < second ? first : second;
    return is_second ? second : first;
}
