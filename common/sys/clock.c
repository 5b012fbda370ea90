#include "common/sys/clock.h"

#include <stdio.h>
#include <time.h>

const char *su_time_now(char out[SU_TIME_TEXT])
{
    time_t now = time(NULL);
    struct tm utc;
    if (!gmtime_r(&now, &utc) || strftime(out, SU_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        (void)snprintf(out, SU_TIME_TEXT, "1970-01-01T00:00:00Z");
    return out;
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

void su_time_cmtrace(char time_text[24], char date_text[16])
{
    struct timespec ts = {0};
    struct tm utc = {.tm_mday = 1};
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    (void)gmtime_r(&ts.tv_sec, &utc);
    (void)snprintf(time_text, 24, "%02u:%02u:%02u.%03u+000", (unsigned)utc.tm_hour % 100,
                   (unsigned)utc.tm_min % 100, (unsigned)utc.tm_sec % 100,
                   (unsigned)(ts.tv_nsec / 1000000) % 1000);
    (void)snprintf(date_text, 16, "%02u-%02u-%04u", (unsigned)(utc.tm_mon + 1) % 100,
                   (unsigned)utc.tm_mday % 100, (unsigned)(utc.tm_year + 1900) % 10000);
}
