/*
 * xml_plain.h - a quick parser for plain XML documents that lie in memory whole: it takes less than libxml2
 * does, and says no to the rest, for which there is xml.h.
 *
 * Plain is: UTF-8 without a byte order mark or an XML declaration; elements, attributes, text and the five
 * entities, comments inside; names in ASCII; no tag above 16 KiB. No CDATA, processing instruction, reference by
 * number, no white space but blanks in a value. Whatever it accepts libxml2 accepts too, with the same events;
 * what is wrong with a document is never said here.
 */
#ifndef SU_XML_PLAIN_H
#define SU_XML_PLAIN_H

#include <stdbool.h>

#include "common/lib/xml.h"

/* True: the document was read to its end, and the handler took it. False, after any number of events: it is not
 * plain, or not well-formed, or not to the handler's liking; whoever wants to know asks su_xml_feed, from the
 * beginning. */
bool su_xml_plain(const char *document, size_t length, const struct su_xml_handler *handler, void *context);

#endif
