/*
 * interrupt.h - Ctrl-C and SIGTERM as an ordinary error: the handler sets a flag, long loops ask.
 */
#ifndef SU_INTERRUPT_H
#define SU_INTERRUPT_H

#include "common/base/err.h"

void su_interrupt_install(void);
/* 0, or -1 with SU_INTERRUPTED once a signal has come. */
int su_interrupt_check(struct su_err *err) SU_CHECKED;
/* Waits; -1 with SU_INTERRUPTED as soon as a signal comes. */
int su_wait(double seconds, struct su_err *err) SU_CHECKED;

#endif
