/*
 * json.h - writes one JSON document into a buffer; commas and escapes are its business.
 *
 * Text is escaped so that control characters and broken UTF-8 can never reach the output raw.
 * Errors are the buffer's: ask su_buf_check() once at the end.
 */
#ifndef SU_JSON_H
#define SU_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"

struct su_json {
    struct su_buf *out;
    bool needs_comma;
    char open[32]; /* brackets not closed yet */
    size_t depth;
};

/* `key` is NULL inside arrays and for the outermost value. */
void su_json_open(struct su_json *json, const char *key, char bracket); /* '{' or '[' */
void su_json_close(struct su_json *json, char bracket);                 /* '}' or ']' */
/* Closes what a failure left open, down to `depth` brackets. */
void su_json_close_to(struct su_json *json, size_t depth);
void su_json_text(struct su_json *json, const char *key, const char *value); /* NULL gives null */
void su_json_int(struct su_json *json, const char *key, int64_t value);
void su_json_bool(struct su_json *json, const char *key, bool value);
void su_json_seconds(struct su_json *json, const char *key, double value);
void su_json_hex(struct su_json *json, const char *key, const uint8_t *bytes, size_t count);

#endif
