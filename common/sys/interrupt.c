#include "common/sys/interrupt.h"

#include <signal.h>
#include <stdatomic.h>

static atomic_int caught; /* set by the main thread, asked by all */

static void on_signal(int signal_number)
{
    caught = signal_number;
}

void su_interrupt_install(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file size limit is then an ordinary failed write */
}

int su_interrupt_check(struct su_err *err)
{
    int signal_number = atomic_load_explicit(&caught, memory_order_relaxed);
    return signal_number ? su_fail(err, SU_INTERRUPTED, "interrupted by signal %d", signal_number) : 0;
}
