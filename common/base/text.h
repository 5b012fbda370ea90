/*
 * text.h - small values to and from text: hex, base64, GUIDs, integers, names, and text from
 * outside made safe for a terminal. Strict: what is not exactly the form is refused.
 */
#ifndef SU_TEXT_H
#define SU_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct su_guid {
    uint8_t bytes[16]; /* in the order of the text, so memcmp orders like the text */
};
#define SU_GUID_TEXT 37 /* 36 characters and NUL */

/* 8-4-4-4-12 hex digits of either case, nothing else. */
bool su_guid_parse(struct su_guid *out, const char *text, size_t length);
const char *su_guid_format(const struct su_guid *guid, char out[SU_GUID_TEXT]); /* lower case */

void su_hex_format(const uint8_t *bytes, size_t count, char *out); /* out: 2*count+1 bytes */
/* Exactly 2*count digits; `lower_only` refuses capitals (canonical texts). */
bool su_hex_parse(uint8_t *out, size_t count, const char *text, size_t length, bool lower_only);
/* Exactly `count` bytes in base64 with padding (digests in metadata). */
bool su_base64_parse(uint8_t *out, size_t count, const char *text, size_t length);
/* Any number of bytes, with blanks and line ends between the digits (xsd:base64Binary); `out` has room for
 * 3 bytes to each 4 of `length`. False for anything else. */
bool su_base64_decode(uint8_t *out, size_t *count, const char *text, size_t length);
void su_base64_format(const uint8_t *bytes, size_t count, char *out); /* out: 4*((n+2)/3)+1 */

/* Decimal without sign, blank or leading zero (except "0" itself), at most `max`. */
bool su_u64_parse(uint64_t *out, const char *text, size_t length, uint64_t max);

/*
 * Copies text that came from outside so that a terminal shows it and nothing else: control
 * characters, DEL, C1 controls, bidirectional overrides and broken UTF-8 become \xNN or \u{N}.
 * Always terminates; cuts at a character when the room ends.
 */
void su_escape_into(char *out, size_t room, const char *text);

/* Names people choose (hub, key): [A-Za-z0-9._-]{1,64}, not starting with '.' or '-'. */
bool su_name_is_valid(const char *name);
/* Site codes: [A-Z0-9-]{1,16}, not starting or ending with '-'. */
bool su_site_code_is_valid(const char *code);
/* True when the bytes are well-formed UTF-8 without NUL. */
bool su_utf8_is_valid(const char *text, size_t length);
/*
 * The bytes of the longest start of `text` that is whole well-formed characters other than NUL and takes at
 * most `units` UTF-16 units; those it takes in *used. It ends early at what is no UTF-8, at a character cut
 * by the end of the bytes, and before a character of two units where one is left.
 */
size_t su_utf8_span(const char *text, size_t length, size_t units, size_t *used);
/* The first of `left` bytes' characters; returns its length in bytes, 0 when it is not UTF-8. */
size_t su_utf8_decode(const char *text, size_t left, uint32_t *out);
/*
 * The whole characters at the start of UTF-16LE, as UTF-8; `out` has room for 3 bytes to each 2 of `length`. What is
 * no UTF-16 or is NUL: SIZE_MAX. *used is less than `length` where a character is cut by the end.
 */
size_t su_utf16le_to_utf8(char *out, const uint8_t *bytes, size_t length, size_t *used);
/* What a terminal would obey instead of show: controls (C0, DEL, C1) and bidirectional formatting. */
bool su_is_control(uint32_t character);

#endif
