#include "common/point/event.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/base/text.h"

/* One sink at work at a time, whoever listens: a command line has one terminal and one log. */
static pthread_mutex_t at_sink = PTHREAD_MUTEX_INITIALIZER;

static void emit(const struct su_events *events, const struct su_event *event)
{
    if (!events || !events->emit)
        return;
    (void)pthread_mutex_lock(&at_sink);
    events->emit(events->context, event);
    (void)pthread_mutex_unlock(&at_sink);
}

static void SU_PRINTF(5, 0) say(const struct su_events *events, enum su_code code, enum su_severity severity,
                                bool is_note, const char *fmt, va_list args)
{
    char raw[1536], text[1536];
    (void)vsnprintf(raw, sizeof raw, fmt, args);
    su_escape_into(text, sizeof text, raw);
    emit(events, &(struct su_event){.code = code, .severity = severity, .text = text, .is_note = is_note});
}

void su_message(const struct su_events *events, enum su_code code, enum su_severity severity, const char *fmt,
                ...)
{
    va_list args;
    va_start(args, fmt);
    say(events, code, severity, false, fmt, args);
    va_end(args);
}

void su_note(const struct su_events *events, enum su_code code, enum su_severity severity, const char *fmt,
             ...)
{
    va_list args;
    va_start(args, fmt);
    say(events, code, severity, true, fmt, args);
    va_end(args);
}

void su_progress(const struct su_events *events, enum su_code code, const char *phase, uint64_t done,
                 uint64_t total, const char *unit)
{
    emit(events,
         &(struct su_event){
             .code = code, .severity = SU_INFO, .phase = phase, .done = done, .total = total, .unit = unit});
}
