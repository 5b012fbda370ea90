/*
 * soap.h - SOAP 1.1 as the server-to-server synchronization speaks it (formats.md 4): envelopes are written in the
 * fixed order of elements, answers are read as they come, faults are told apart by what to do about them.
 */
#ifndef SU_SOAP_H
#define SU_SOAP_H

#include <stdbool.h>

#include "common/base/buf.h"

#define SU_SYNC_URI "http://www.microsoft.com/SoftwareDistribution"
#define SU_AUTH_URI "http://www.microsoft.com/SoftwareDistribution/Server/DssAuthWebService"

/* Writing: begin, elements (or any text of one's own), end. */
void su_soap_begin(struct su_buf *out, const char *operation, const char *uri);
void su_soap_end(struct su_buf *out, const char *operation);
void su_soap_element(struct su_buf *out, const char *name, const char *text); /* escapes */

enum su_fault {
    SU_FAULT_NONE,
    SU_FAULT_INVALID_PARAMETERS,
    SU_FAULT_INVALID_COOKIE, /* of either kind: begin again at GetAuthConfig */
    SU_FAULT_INTERNAL,
    SU_FAULT_PROTOCOL,
    SU_FAULT_SERVER_CHANGED,
    SU_FAULT_FILES_MISSING,
    SU_FAULT_BUSY,
    SU_FAULT_TOO_MANY,
    SU_FAULT_OTHER
};
enum su_fault su_fault_of(const char *code); /* an ErrorCode's */
struct su_soap_fault {
    enum su_fault kind;
    char code[64], message[512], id[64], text[256]; /* ErrorCode, Message, ID, faultstring; cut to fit */
};

/* What is expected in answer. */
struct su_soap_form {
    const char *operation, *uri;
    size_t most_text; /* of one element */
    /* An element below the answer's own has ended: a structure after its parts. `text` is what stood in it, "" when
     * it held others; it may be taken by swapping the buffer for another. */
    int (*end)(void *context, const char *name, const char *parent, struct su_buf *text, struct su_err *err);
};

struct su_soap_reader;
struct su_soap_reader *su_soap_reader_new(const struct su_soap_form *form, void *context, struct su_err *err);
int su_soap_feed(struct su_soap_reader *reader, const char *bytes, size_t length, struct su_err *err) SU_CHECKED;
/* 0: the answer is whole, or it is a fault, and `fault` says which. SU_DATA: cut, or no answer at all. */
int su_soap_finish(struct su_soap_reader *reader, struct su_soap_fault *fault, struct su_err *err) SU_CHECKED;
void su_soap_reader_cleanup(struct su_soap_reader **reader);

#endif
