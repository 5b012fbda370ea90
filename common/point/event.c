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

void su_message(const struct su_events *events, enum su_code code, enum su_severity severity, const char *fmt,
                ...)
{
    char raw[1536], text[1536];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    su_escape_into(text, sizeof text, raw);
    emit(events, &(struct su_event){.code = code, .severity = severity, .text = text});
}

void su_progress(const struct su_events *events, enum su_code code, const char *phase, uint64_t done,
                 uint64_t total, const char *unit)
{
    emit(events,
         &(struct su_event){
             .code = code, .severity = SU_INFO, .phase = phase, .done = done, .total = total, .unit = unit});
}
