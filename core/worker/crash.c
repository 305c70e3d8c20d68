/* SPDX-License-Identifier: MIT */
/* What a dying worker leaves in its seat: the signal, and whose code ran. The master reads it there. */
#include "board/seat.h"
#include "host/work.h"
#include "worker/worker.h"

#include <signal.h>
#include <string.h>

enum { STACK_BYTES = 65536 };

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};

enum { N_FATAL = sizeof(fatal) / sizeof(fatal[0]) };

/* A handler has no argument of ours. Set once, before any plugin's code runs. */
static struct {
    struct seat *seat;
    struct sigaction before[N_FATAL];
    unsigned char stack[STACK_BYTES];
} crash;

/* Only stores: no lock, no memory, nothing that could crash again. Then whoever was there before us has
 * it, a sanitizer or the system with its core file: returning runs the instruction again. */
static void on_fatal(int sig, siginfo_t *info, void *context)
{
    struct board_crash *c = &crash.seat->crash;
    uint32_t of_thread = work_thread();
    int i;

    (void)context;
    if (c->signal == 0) {
        c->code = info->si_code;
        c->address = (uint64_t)(uintptr_t)info->si_addr;
        c->work = of_thread != 0 ? of_thread : crash.seat->work;
        c->conn = of_thread != 0 ? 0 : crash.seat->conn;
        c->signal = (uint32_t)sig;
    }
    for (i = 0; i < N_FATAL; i++) {
        if (fatal[i] == sig)
            sigaction(sig, &crash.before[i], NULL);
    }
    /* Sent by somebody, as abort() and kill() do, it does not come again by itself. */
    if (info->si_code <= 0)
        raise(sig);
}

void crash_watch(struct host *h)
{
    stack_t stack = {.ss_sp = crash.stack, .ss_size = sizeof(crash.stack)};
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int i;

    crash.seat = board_own(h->board);
    sigaltstack(&stack, NULL); /* a stack that ran over has no room for a handler */
    sigemptyset(&action.sa_mask);
    for (i = 0; i < N_FATAL; i++)
        sigaction(fatal[i], &action, &crash.before[i]);
}
