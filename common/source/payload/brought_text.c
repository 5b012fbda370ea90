#include "common/source/payload/brought_text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/limits.h"
#include "common/lib/xml.h"

/* What the name seemed to say gives way. */
static void keep(char *out, size_t room, const char *value, size_t length)
{
    char raw[256] = "";
    if (length == 0)
        return;
    memcpy(raw, value, length < sizeof raw ? length : sizeof raw - 1);
    su_escape_into(out, room, raw);
}

void su_brought_read_properties(struct su_brought *p, const char *text, size_t length)
{
    const char *end = text + length;
    for (const char *line = text; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        const char *next = stop ? stop + 1 : end, *equals = memchr(line, '=', (size_t)(next - line));
        const char *open = equals ? memchr(equals, '"', (size_t)(next - equals)) : NULL;
        const char *close = open ? memchr(open + 1, '"', (size_t)(next - open - 1)) : NULL;
        if (close && strncasecmp(line, "KB Article Number", 17) == 0)
            keep(p->kb, sizeof p->kb, open + 1, (size_t)(close - open - 1));
        else if (close && strncasecmp(line, "Processor Architecture", 22) == 0)
            keep(p->architecture, sizeof p->architecture, open + 1, (size_t)(close - open - 1));
        line = next;
    }
}

static int on_start(void *context, const char *uri, const char *name, const struct su_xml_attribute *a,
                    size_t count, struct su_err *err)
{
    struct su_brought *p = context;
    (void)uri;
    if (strcmp(name, "assemblyIdentity") != 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(a[i].name, "name") == 0)
            keep(p->package, sizeof p->package, a[i].value, a[i].length);
        else if (strcmp(a[i].name, "version") == 0)
            keep(p->version, sizeof p->version, a[i].value, a[i].length);
        else if (strcmp(a[i].name, "processorArchitecture") == 0)
            keep(p->architecture, sizeof p->architecture, a[i].value, a[i].length);
    }
    return su_fail(err, SU_DATA, "enough was read"); /* the first is the package's own */
}

static int on_end(void *context, const char *uri, const char *name, struct su_err *err)
{
    (void)context, (void)uri, (void)name, (void)err;
    return 0;
}

static int on_text(void *context, const char *text, size_t length, struct su_err *err)
{
    (void)context, (void)text, (void)length, (void)err;
    return 0;
}

void su_brought_read_identity(struct su_brought *p, const char *text, size_t length)
{
    static const struct su_xml_handler handler = {on_start, on_end, on_text};
    struct su_err ignored = SU_ERR_INIT;
    SU_AUTO(su_xml) struct su_xml *xml = su_xml_new(&handler, p, &ignored);
    if (xml)
        (void)!su_xml_feed(xml, text, length, &ignored);
}
