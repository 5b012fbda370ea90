/*
 * xml.h - streaming XML (libxml2 SAX2, push). No DTD, no entities beyond the five, no network,
 * depth and attribute caps. Anything else stops the parse with a position.
 */
#ifndef SU_XML_H
#define SU_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct su_xml_attribute {
    const char *name;  /* local name */
    const char *value; /* not terminated */
    size_t length;
};

/*
 * Callbacks return 0, or -1 with `err` set to stop. `uri` is the namespace or "" and
 * compared by content. Text comes in pieces. Pointers live for the call only.
 */
struct su_xml_handler {
    int (*start)(void *context, const char *uri, const char *name,
                 const struct su_xml_attribute *attributes, size_t count, struct su_err *err);
    int (*end)(void *context, const char *uri, const char *name, struct su_err *err);
    int (*text)(void *context, const char *text, size_t length, struct su_err *err);
};

struct su_xml; /* belongs to one thread at a time */
struct su_xml *su_xml_new(const struct su_xml_handler *handler, void *context, struct su_err *err);
int su_xml_feed(struct su_xml *xml, const char *bytes, size_t length, struct su_err *err) SU_CHECKED;
int su_xml_finish(struct su_xml *xml, struct su_err *err) SU_CHECKED;
void su_xml_cleanup(struct su_xml **xml);

/* Where in the bytes that were fed the parser stands: in a start callback before the '>' or '/>' of its tag, in an end
 * callback behind the '>' of its tag, after a feed before what could not be parsed yet. */
uint64_t su_xml_offset(const struct su_xml *xml);
/* In a start callback: the n-th namespace this very element declares ("" the default prefix); false past the last. */
bool su_xml_declared(const struct su_xml *xml, size_t n, const char **prefix, const char **uri);

#endif
