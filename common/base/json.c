#include "common/base/json.h"

#include <string.h>

#include "common/base/text.h"

static void quote(struct su_buf *out, const char *text)
{
    size_t length = strlen(text);
    bool is_utf8 = su_utf8_is_valid(text, length);
    su_buf_adds(out, "\"");
    for (size_t i = 0, n; i < length; i += n) {
        uint32_t c = (unsigned char)text[i];
        n = is_utf8 ? su_utf8_decode(text + i, length - i, &c) : 1;
        if (c == '"' || c == '\\')
            su_buf_addf(out, "\\%c", (char)c);
        else if (su_is_control(c) || (c >= 0x80 && !is_utf8)) /* all of them below U+10000 */
            su_buf_addf(out, "\\u%04x", c);
        else
            su_buf_add(out, &text[i], n);
    }
    su_buf_adds(out, "\"");
}

static void begin(struct su_json *json, const char *key)
{
    if (json->needs_comma)
        su_buf_adds(json->out, ",");
    json->needs_comma = true;
    if (key) {
        quote(json->out, key);
        su_buf_adds(json->out, ":");
    }
}

void su_json_open(struct su_json *json, const char *key, char bracket)
{
    begin(json, key);
    su_buf_add(json->out, &bracket, 1);
    json->needs_comma = false;
    if (json->depth < sizeof json->open)
        json->open[json->depth++] = bracket;
}

void su_json_close(struct su_json *json, char bracket)
{
    su_buf_add(json->out, &bracket, 1);
    json->needs_comma = true;
    if (json->depth > 0)
        json->depth--;
}

void su_json_close_to(struct su_json *json, size_t depth)
{
    while (json->depth > depth)
        su_json_close(json, json->open[json->depth - 1] == '{' ? '}' : ']');
}

void su_json_text(struct su_json *json, const char *key, const char *value)
{
    begin(json, key);
    if (value)
        quote(json->out, value);
    else
        su_buf_adds(json->out, "null");
}

void su_json_int(struct su_json *json, const char *key, int64_t value)
{
    begin(json, key);
    su_buf_addf(json->out, "%lld", (long long)value);
}

void su_json_bool(struct su_json *json, const char *key, bool value)
{
    begin(json, key);
    su_buf_adds(json->out, value ? "true" : "false");
}

void su_json_seconds(struct su_json *json, const char *key, double value)
{
    begin(json, key);
    su_buf_addf(json->out, "%.3f", value);
}

void su_json_hex(struct su_json *json, const char *key, const uint8_t *bytes, size_t count)
{
    begin(json, key);
    su_buf_adds(json->out, "\"");
    su_buf_addhex(json->out, bytes, count);
    su_buf_adds(json->out, "\"");
}
