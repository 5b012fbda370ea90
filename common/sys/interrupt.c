#include "common/sys/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "common/sys/clock.h"

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

int su_wait(double seconds, struct su_err *err)
{
    const struct timespec piece = {.tv_nsec = 50 * 1000 * 1000};
    double end = su_time_monotonic() + seconds;
    while (su_interrupt_check(err) == 0) {
        if (su_time_monotonic() >= end)
            return 0;
        (void)nanosleep(&piece, NULL);
    }
    return -1;
}
