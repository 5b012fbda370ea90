/*
 * soap_child.h - a server's answers are read in a confined process (confine.h): their bytes go in as they come, and what
 * comes back is the elements that ended, and the fault.
 *
 * Of these only that is believed which an answer of that many bytes can hold: no more elements and text than bytes
 * came, names and texts within their limits, UTF-8 without NUL; which fault it is, is decided outside by its code.
 *
 * One process for a session. Started on the main thread; then it belongs to one thread at a time.
 */
#ifndef SU_SOAP_CHILD_H
#define SU_SOAP_CHILD_H

#include "common/lib/confine.h"
#include "common/source/upstream/soap.h"

struct su_soap_child;
struct su_soap_child *su_soap_child_start(struct su_err *err);
void su_soap_child_cleanup(struct su_soap_child **child);

/* An answer begins; what is left of one before is forgotten. Then as su_soap_feed and su_soap_finish do. SU_CONFINED: the
 * process was stopped, or lied; so is every call after it. */
int su_soap_child_begin(struct su_soap_child *child, const struct su_soap_form *form, void *context,
                        struct su_err *err) SU_CHECKED;
int su_soap_child_feed(struct su_soap_child *child, const char *bytes, size_t length, struct su_err *err) SU_CHECKED;
int su_soap_child_finish(struct su_soap_child *child, struct su_soap_fault *fault, struct su_err *err) SU_CHECKED;

/* For tests that take the place of the process. */
enum {
    SU_SOAP_BEGIN = SU_FRAME_FIRST, /* operation, namespace, most bytes of a text */
    SU_SOAP_BYTES,
    SU_SOAP_FINISH,
    SU_SOAP_PIECE,   /* of the text of the next element */
    SU_SOAP_ELEMENT, /* name, parent, the rest of its text */
    SU_SOAP_READ,    /* all bytes that came */
    SU_SOAP_FAULT,   /* or none: code, message, id, text; each "" */
    SU_SOAP_REFUSED  /* an error */
};
struct su_soap_child *su_soap_child_start_as(int (*run)(void *, struct su_wire *, struct su_err *), struct su_err *err);

#endif
