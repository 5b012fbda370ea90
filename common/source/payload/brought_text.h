/*
 * brought_text.h - the small texts inside an MSU: its properties and its package identity. Information for people;
 * what is not understood is left out.
 */
#ifndef SU_BROUGHT_TEXT_H
#define SU_BROUGHT_TEXT_H

#include "common/source/payload/brought.h"

/* <Name>-pkgProperties.txt: lines Key="Value". */
void su_brought_read_properties(struct su_brought *brought, const char *text, size_t length);
/* <Name>.xml or update.mum: the first assemblyIdentity. */
void su_brought_read_identity(struct su_brought *brought, const char *text, size_t length);

#endif
