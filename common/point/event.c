#include "common/point/event.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/text.h"

void su_message(const struct su_events *events, enum su_code code, enum su_severity severity, const char *fmt,
                ...)
{
    char raw[1536], text[1536];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    su_escape_into(text, sizeof text, raw);
    if (events && events->emit)
        events->emit(events->context, &(struct su_event){.code = code, .severity = severity, .text = text});
}

void su_progress(const struct su_events *events, enum su_code code, const char *phase, uint64_t done,
                 uint64_t total, const char *unit)
{
    if (events && events->emit)
        events->emit(events->context, &(struct su_event){.code = code,
                                                         .severity = SU_INFO,
                                                         .phase = phase,
                                                         .done = done,
                                                         .total = total,
                                                         .unit = unit});
}
