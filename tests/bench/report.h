/* SPDX-License-Identifier: MIT */
/* Prints the result of a run as one line of JSON on standard output. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "proc.h"
#include "swarm.h"

struct report {
    double seconds; /* from the first send to the last delivery, or the last handshake */
    double server_cpu_s[OPTIONS_PIDS_MAX]; /* one for each --pid */
    double client_cpu_s;
};

void report_traffic(const struct swarm *swarm, const struct report *report);

void report_connect(const struct swarm *swarm, const struct report *report);

void report_hold(const struct swarm *swarm);

/* `memory` before, with half of the connections, with all. */
void report_idle(const struct swarm *swarm, const struct proc_memory memory[3]);

#endif
