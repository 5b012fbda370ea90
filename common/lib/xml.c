#include "common/lib/xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "common/base/limits.h"

struct su_xml {
    const struct su_xml_handler *handler;
    void *context;
    xmlParserCtxtPtr parser;
    unsigned depth;
    bool has_begun, has_failed;
    const xmlChar **declared; /* prefix, URI; of the element whose start callback runs */
    size_t declared_count;
    struct su_err error; /* the first failure, ours or libxml2's */
};

/* Stops the parser; the first error stays. */
static void stop(struct su_xml *xml)
{
    xml->has_failed = true;
    xmlStopParser(xml->parser);
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int namespaces, const xmlChar **namespace_list, int count, int defaulted,
                     const xmlChar **list)
{
    struct su_xml *xml = ((xmlParserCtxtPtr)ctx)->_private;
    (void)prefix, (void)defaulted;
    struct su_xml_attribute attributes[SU_MAX_XML_ATTRIBUTES];
    if (xml->has_failed)
        return;
    if (++xml->depth > SU_MAX_XML_DEPTH) {
        (void)su_fail(&xml->error, SU_LIMIT, "elements nest deeper than %d", SU_MAX_XML_DEPTH);
        stop(xml);
        return;
    }
    if (count > SU_MAX_XML_ATTRIBUTES || namespaces > SU_MAX_XML_ATTRIBUTES) {
        (void)su_fail(&xml->error, SU_LIMIT, "element %s has %d attributes, at most %d are accepted",
                      (const char *)name, count > namespaces ? count : namespaces, SU_MAX_XML_ATTRIBUTES);
        stop(xml);
        return;
    }
    for (int i = 0; i < count; i++) { /* local name, prefix, URI, value, end */
        attributes[i].name = (const char *)list[5 * i];
        attributes[i].value = (const char *)list[5 * i + 3];
        attributes[i].length = (size_t)(list[5 * i + 4] - list[5 * i + 3]);
    }
    xml->declared = namespace_list;
    xml->declared_count = (size_t)namespaces;
    if (xml->handler->start(xml->context, uri ? (const char *)uri : "", (const char *)name, attributes,
                            (size_t)count, &xml->error) < 0)
        stop(xml);
    xml->declared_count = 0;
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct su_xml *xml = ((xmlParserCtxtPtr)ctx)->_private;
    (void)prefix;
    xml->depth--;
    if (!xml->has_failed &&
        xml->handler->end(xml->context, uri ? (const char *)uri : "", (const char *)name, &xml->error) < 0)
        stop(xml);
}

static void on_text(void *ctx, const xmlChar *text, int length)
{
    struct su_xml *xml = ((xmlParserCtxtPtr)ctx)->_private;
    if (!xml->has_failed &&
        xml->handler->text(xml->context, (const char *)text, (size_t)length, &xml->error) < 0)
        stop(xml);
}

/* A DOCTYPE is the door to entities and external files: refused before anything in it is read. */
static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    struct su_xml *xml = ((xmlParserCtxtPtr)ctx)->_private;
    (void)name, (void)external, (void)system;
    if (!xml->has_failed)
        (void)su_fail(&xml->error, SU_DATA, "a document type declaration is not accepted");
    stop(xml);
}

static void on_error(void *ctx, xmlErrorPtr error)
{
    xmlParserCtxtPtr parser = ctx;
    struct su_xml *xml = parser ? parser->_private : NULL;
    if (!xml || xml->has_failed || error->level < XML_ERR_ERROR)
        return;
    char text[300];
    (void)snprintf(text, sizeof text, "%s", error->message ? error->message : "not well-formed");
    text[strcspn(text, "\n")] = 0;
    if (error->code == XML_ERR_NO_MEMORY) /* says nothing of the text */
        (void)su_fail_memory(&xml->error);
    else
        (void)su_fail(&xml->error, SU_DATA, "XML line %d: %s", error->line, text);
    stop(xml);
}

struct su_xml *su_xml_new(const struct su_xml_handler *handler, void *context, struct su_err *err)
{
    static once_flag is_ready = ONCE_FLAG_INIT; /* libxml2's own start looks at a flag without its lock */
    call_once(&is_ready, xmlInitParser);
    struct su_xml *xml = calloc(1, sizeof *xml);
    xmlSAXHandler sax = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .cdataBlock = on_text,
        .internalSubset = on_doctype,
        .serror = on_error,
    };
    if (xml)
        xml->parser = xmlCreatePushParserCtxt(&sax, NULL, NULL, 0, NULL);
    if (!xml || !xml->parser) {
        free(xml);
        (void)su_fail_memory(err);
        return NULL;
    }
    xml->handler = handler;
    xml->context = context;
    xml->parser->_private = xml;
    /* NOENT so that &amp; in attributes arrives decoded; no other entity can exist, see on_doctype.
     * IGNORE_ENC: the text is UTF-8 whatever it declares, see check_utf8. */
    (void)xmlCtxtUseOptions(xml->parser, XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_IGNORE_ENC);
    return xml;
}

static int result(struct su_xml *xml, int code, struct su_err *err)
{
    if (!xml->has_failed && (code != 0 || !xml->parser->wellFormed)) {
        if (code == XML_ERR_NO_MEMORY || xml->parser->errNo == XML_ERR_NO_MEMORY)
            (void)su_fail_memory(&xml->error);
        else
            (void)su_fail(&xml->error, SU_DATA, "XML is not well-formed");
        xml->has_failed = true;
    }
    if (!xml->has_failed)
        return 0;
    *err = xml->error;
    return -1;
}

/* Everyone else takes the same bytes for UTF-8. libxml2 checks that, unless it recognises UTF-16,
 * UCS-4 or EBCDIC by the first bytes: none of them starts so, or goes on without a NUL. */
static void check_utf8(struct su_xml *xml, const char *bytes, size_t length)
{
    bool starts_well = xml->has_begun || length == 0 || strchr("<\xef \t\r\n", bytes[0]);
    xml->has_begun = xml->has_begun || length > 0;
    if (xml->has_failed || (starts_well && !memchr(bytes, 0, length)))
        return;
    (void)su_fail(&xml->error, SU_DATA, "XML is not in UTF-8");
    stop(xml);
}

int su_xml_feed(struct su_xml *xml, const char *bytes, size_t length, struct su_err *err)
{
    check_utf8(xml, bytes, length);
    if (xml->has_failed)
        return result(xml, 0, err);
    /* In pieces: libxml2 refuses more than 10 MB of look-ahead in one go. */
    while (length > 0) {
        size_t piece = length < SU_MAX_XML_TAG_BYTES ? length : SU_MAX_XML_TAG_BYTES;
        int code = xmlParseChunk(xml->parser, bytes, (int)piece, 0);
        /* libxml2 is quadratic in the attributes of one tag, and sees none of our limits before it has
         * read the tag whole: what is left unparsed is an unfinished tag or comment. Of a CDATA section it
         * takes 300 bytes a call, so what is left of a long one piles up, and at 10 MB it gives up. */
        xmlParserInputPtr input = xml->parser->input;
        bool is_cdata = xml->parser->instate == XML_PARSER_CDATA_SECTION;
        size_t most = is_cdata ? SU_MAX_XML_CDATA_BYTES : SU_MAX_XML_TAG_BYTES;
        if (!xml->has_failed && input && (size_t)(input->end - input->cur) > most) {
            (void)su_fail(&xml->error, SU_LIMIT, "a %s is longer than %zu bytes",
                          is_cdata ? "CDATA section" : "tag or comment", most);
            stop(xml);
        }
        if (result(xml, code, err) < 0)
            return -1;
        bytes += piece;
        length -= piece;
    }
    return 0;
}

int su_xml_finish(struct su_xml *xml, struct su_err *err)
{
    return result(xml, xmlParseChunk(xml->parser, NULL, 0, 1), err);
}

uint64_t su_xml_offset(const struct su_xml *xml)
{
    long at = xmlByteConsumed(xml->parser);
    return at < 0 ? 0 : (uint64_t)at;
}

bool su_xml_declared(const struct su_xml *xml, size_t n, const char **prefix, const char **uri)
{
    if (n >= xml->declared_count)
        return false;
    *prefix = xml->declared[2 * n] ? (const char *)xml->declared[2 * n] : "";
    *uri = xml->declared[2 * n + 1] ? (const char *)xml->declared[2 * n + 1] : "";
    return true;
}

void su_xml_cleanup(struct su_xml **xml)
{
    if (*xml)
        xmlFreeParserCtxt((*xml)->parser);
    free(*xml);
    *xml = NULL;
}
