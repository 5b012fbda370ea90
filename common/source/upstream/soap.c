#include "common/source/upstream/soap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/lib/xml.h"

#define SOAP_URI "http://schemas.xmlsoap.org/soap/envelope/"

void su_soap_begin(struct su_buf *out, const char *operation, const char *uri)
{
    su_buf_addf(out,
                "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"" SOAP_URI
                "\"><soap:Body><%s xmlns=\"%s\">",
                operation, uri);
}

void su_soap_end(struct su_buf *out, const char *operation)
{
    su_buf_addf(out, "</%s></soap:Body></soap:Envelope>", operation);
}

void su_soap_element(struct su_buf *out, const char *name, const char *text)
{
    su_buf_addf(out, "<%s>", name);
    for (; *text; text++)
        switch (*text) {
        case '&': su_buf_adds(out, "&amp;"); break;
        case '<': su_buf_adds(out, "&lt;"); break;
        case '>': su_buf_adds(out, "&gt;"); break;
        default: su_buf_add(out, text, 1);
        }
    su_buf_addf(out, "</%s>", name);
}

#define MOST_DEPTH SU_MAX_SOAP_DEPTH
#define NAME_BYTES 48                 /* the longest name of the protocol has 44 */
enum { ENVELOPE = 1, BODY, PAYLOAD }; /* depths */

struct su_soap_reader {
    const struct su_soap_form *form;
    void *context;
    struct su_xml *xml;
    char names[MOST_DEPTH + 1][NAME_BYTES];
    unsigned depth;
    bool is_leaf; /* the innermost element has held none so far */
    bool is_body, has_payload, is_fault;
    unsigned foreign; /* depth of an element that is not ours to read; 0: none */
    struct su_buf text;
    struct su_soap_fault fault;
};

enum su_fault su_fault_of(const char *code)
{
    static const struct {
        const char *code;
        enum su_fault kind;
    } known[] = {
        {"InvalidParameters", SU_FAULT_INVALID_PARAMETERS},
        {"InvalidCookie", SU_FAULT_INVALID_COOKIE},
        {"InvalidAuthorizationCookie", SU_FAULT_INVALID_COOKIE},
        {"InternalServerError", SU_FAULT_INTERNAL},
        {"IncompatibleProtocolVersion", SU_FAULT_PROTOCOL},
        {"ServerChanged", SU_FAULT_SERVER_CHANGED},
        {"FileDigestsMissing", SU_FAULT_FILES_MISSING},
        {"ServerBusy", SU_FAULT_BUSY},
        {"TooManyIds", SU_FAULT_TOO_MANY},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(code, known[i].code) == 0)
            return known[i].kind;
    return SU_FAULT_OTHER;
}

/* The three outer elements: what has others is no answer to what was asked. */
static int on_outer(struct su_soap_reader *r, const char *uri, const char *name, struct su_err *err)
{
    if (r->depth == ENVELOPE)
        return strcmp(name, "Envelope") == 0 && strcmp(uri, SOAP_URI) == 0
                   ? 0
                   : su_fail(err, SU_DATA, "the answer is not SOAP: it begins with <%s>", name);
    if (r->depth == BODY) {
        r->is_body = strcmp(name, "Body") == 0 && strcmp(uri, SOAP_URI) == 0;
        if (!r->is_body)
            r->foreign = r->depth; /* a Header */
        return 0;
    }
    char wanted[96];
    (void)snprintf(wanted, sizeof wanted, "%sResponse", r->form->operation);
    if (r->has_payload)
        return su_fail(err, SU_DATA, "the answer to %s holds more than one element: <%s>", r->form->operation,
                       name);
    r->has_payload = true;
    r->is_fault = strcmp(name, "Fault") == 0 && strcmp(uri, SOAP_URI) == 0;
    if (!r->is_fault && (strcmp(name, wanted) != 0 || strcmp(uri, r->form->uri) != 0))
        return su_fail(err, SU_DATA, "the answer to %s is <%s>", r->form->operation, name);
    return 0;
}

static int on_start(void *context, const char *uri, const char *name,
                    const struct su_xml_attribute *attributes, size_t count, struct su_err *err)
{
    struct su_soap_reader *r = context;
    (void)attributes, (void)count;
    if (++r->depth > MOST_DEPTH)
        return su_fail(err, SU_LIMIT, "elements of an answer nest deeper than %d", MOST_DEPTH);
    if (r->foreign)
        return 0;
    r->is_leaf = true;
    su_buf_clear(&r->text);
    size_t length = strlen(name);
    if (length >= NAME_BYTES || (r->depth > PAYLOAD && !r->is_fault && strcmp(uri, r->form->uri) != 0)) {
        r->foreign = r->depth;
        return 0;
    }
    memcpy(r->names[r->depth], name, length + 1);
    return r->depth <= PAYLOAD ? on_outer(r, uri, name, err) : 0;
}

static void keep(char *out, size_t room, const char *text)
{
    su_escape_into(out, room, text); /* cut between characters */
}

static void note_fault(struct su_soap_fault *fault, const char *name, const char *parent, const char *text)
{
    if (strcmp(name, "faultstring") == 0)
        keep(fault->text, sizeof fault->text, text);
    if (strcmp(parent, "detail") != 0)
        return;
    if (strcmp(name, "ErrorCode") == 0)
        keep(fault->code, sizeof fault->code, text);
    else if (strcmp(name, "Message") == 0)
        keep(fault->message, sizeof fault->message, text);
    else if (strcmp(name, "ID") == 0)
        keep(fault->id, sizeof fault->id, text);
}

static int on_end(void *context, const char *uri, const char *name, struct su_err *err)
{
    struct su_soap_reader *r = context;
    unsigned depth = r->depth--;
    int result = 0;
    (void)uri, (void)name;
    if (r->foreign) {
        r->foreign = r->foreign == depth ? 0 : r->foreign;
        r->is_leaf = false;
        return 0;
    }
    if (!r->is_leaf)
        su_buf_clear(&r->text);
    if (depth > PAYLOAD) {
        su_buf_adds(&r->text, ""); /* so that there are bytes */
        if (su_buf_check(&r->text, r->names[depth], err) < 0)
            return -1;
        if (r->is_fault)
            note_fault(&r->fault, r->names[depth], r->names[depth - 1], r->text.bytes);
        else
            result = r->form->end(r->context, r->names[depth], r->names[depth - 1], &r->text, err);
    }
    su_buf_clear(&r->text);
    r->is_leaf = false;
    return result;
}

static int on_text(void *context, const char *text, size_t length, struct su_err *err)
{
    struct su_soap_reader *r = context;
    if (r->depth <= PAYLOAD || r->foreign || !r->is_leaf)
        return 0;
    su_buf_add(&r->text, text, length);
    return su_buf_check(&r->text, r->names[r->depth], err);
}

struct su_soap_reader *su_soap_reader_new(const struct su_soap_form *form, void *context, struct su_err *err)
{
    static const struct su_xml_handler handler = {on_start, on_end, on_text};
    struct su_soap_reader *r = calloc(1, sizeof *r);
    if (!r) {
        (void)su_fail_memory(err);
        return NULL;
    }
    r->form = form;
    r->context = context;
    r->text = (struct su_buf)SU_BUF_INIT(form->most_text);
    if (!(r->xml = su_xml_new(&handler, r, err)))
        su_soap_reader_cleanup(&r);
    return r;
}

int su_soap_feed(struct su_soap_reader *r, const char *bytes, size_t length, struct su_err *err)
{
    return su_xml_feed(r->xml, bytes, length, err);
}

int su_soap_finish(struct su_soap_reader *r, struct su_soap_fault *fault, struct su_err *err)
{
    if (su_xml_finish(r->xml, err) < 0)
        return -1;
    if (!r->has_payload)
        return su_fail(err, SU_DATA, "the answer to %s is empty", r->form->operation);
    *fault = r->fault;
    fault->kind = r->is_fault ? su_fault_of(fault->code) : SU_FAULT_NONE;
    return 0;
}

void su_soap_reader_cleanup(struct su_soap_reader **reader)
{
    if (*reader) {
        su_xml_cleanup(&(*reader)->xml);
        su_buf_cleanup(&(*reader)->text);
    }
    free(*reader);
    *reader = NULL;
}
