/* SPDX-License-Identifier: MIT */
/* bench_load: puts one kind of load on a chat server and prints one line of JSON about it. */
#include "options.h"
#include "proc.h"
#include "report.h"
#include "swarm.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define SECOND_NS      UINT64_C(1000000000)
#define IDLE_TURN_NS   (SECOND_NS / 20)
#define DRAIN_STALL_NS (3 * SECOND_NS)

static double own_cpu_s(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

struct cpu {
    double server_s[OPTIONS_PIDS_MAX];
    double client_s;
};

static bool read_cpu(const struct swarm *swarm, struct cpu *cpu_out)
{
    const struct options *options = swarm->options;

    cpu_out->client_s = own_cpu_s();
    for (unsigned i = 0; i < options->roots.count; i++) {
        if (proc_tree_cpu(options->roots.pid[i], &cpu_out->server_s[i]) != 0) {
            fprintf(stderr, "bench_load: process %d is gone\n", (int)options->roots.pid[i]);
            return false;
        }
    }
    return true;
}

/* Closed loop: each room starts with `inflight` messages; swarm_next() adds one whenever
 * a sender has its own back. */
static void run_closed(struct swarm *swarm, uint64_t end_ns)
{
    const struct options *options = swarm->options;

    swarm->sending = true;
    for (unsigned round = 0; round < options->inflight; round++) {
        for (unsigned i = 0; i < options->rooms && swarm->budget > 0; i++) {
            swarm->budget--;
            swarm->room[i].due++;
            swarm_pump(swarm, i);
        }
    }
    while (swarm_now_ns() < end_ns &&
           (swarm->budget > 0 || swarm->tally.delivered < swarm->expected))
        swarm_turn(swarm, IDLE_TURN_NS);
    swarm->sending = false;
}

/* Open loop: message number n goes to room n modulo rooms at n / rate, whatever the server does. */
static void run_open(struct swarm *swarm, uint64_t end_ns)
{
    const struct options *options = swarm->options;
    uint64_t placed = 0, now_ns = swarm->start_ns;

    while (now_ns < end_ns && placed < swarm->budget) {
        uint64_t next_ns = swarm->start_ns + (uint64_t)((double)placed * 1e9 / options->rate);
        if (next_ns <= now_ns) {
            uint32_t room = (uint32_t)(placed++ % options->rooms);
            swarm->room[room].due++;
            swarm_pump(swarm, room);
        } else {
            swarm_turn(swarm, next_ns - now_ns < IDLE_TURN_NS ? next_ns - now_ns : IDLE_TURN_NS);
        }
        now_ns = swarm_now_ns();
    }
}

/* Until everything sent has come to everyone and is answered, or nothing has come for a while. */
static void drain(struct swarm *swarm)
{
    uint64_t seen = 0, moved_ns = swarm_now_ns(), waiting = 1;

    while (waiting > 0) {
        uint64_t now_ns = swarm_now_ns();
        uint64_t came = swarm->tally.delivered + swarm->answers.tally.delivered;
        if (came != seen)
            moved_ns = now_ns;
        seen = came;
        waiting = 0;
        for (unsigned i = 0; i < swarm->options->rooms; i++)
            waiting += swarm->room[i].due - swarm->room[i].sent;
        if (swarm->expected > swarm->tally.delivered)
            waiting += swarm->expected - swarm->tally.delivered;
        if (swarm->options->dialect == BENCH_V1)
            waiting += swarm->sent - swarm->answers.tally.delivered;
        if (now_ns - moved_ns > DRAIN_STALL_NS)
            return;
        swarm->sweep_at_sent = 0; /* the end of the window must not wait for a sweep */
        if (waiting > 0)
            swarm_turn(swarm, SECOND_NS / 1000);
    }
}

/* What comes twice may come late: look a moment longer, outside the measured window. */
static void linger(struct swarm *swarm)
{
    uint64_t end_ns = swarm_now_ns() + SECOND_NS / 5;

    while (swarm_now_ns() < end_ns)
        swarm_turn(swarm, IDLE_TURN_NS);
}

static void report_cpu(const struct swarm *swarm, const struct cpu *begin, const struct cpu *end,
                       struct report *report)
{
    for (unsigned i = 0; i < swarm->options->roots.count; i++)
        report->server_cpu_s[i] = end->server_s[i] - begin->server_s[i];
    report->client_cpu_s = end->client_s - begin->client_s;
}

static int run_traffic(struct swarm *swarm)
{
    struct report report = {0};
    struct cpu begin, end;

    if (!swarm_join(swarm, swarm->options->conns) || !read_cpu(swarm, &begin))
        return EXIT_FAILURE;
    swarm->start_ns = swarm_now_ns();
    uint64_t end_ns = swarm->start_ns + swarm->options->seconds * SECOND_NS;
    if (swarm->options->mode == BENCH_OPEN)
        run_open(swarm, end_ns);
    else
        run_closed(swarm, end_ns);
    drain(swarm);
    if (!read_cpu(swarm, &end))
        return EXIT_FAILURE;
    linger(swarm);
    report.seconds = (double)(swarm->last_ns - swarm->start_ns) / 1e9;
    report_cpu(swarm, &begin, &end, &report);
    if (swarm->last_ns == 0) {
        fputs("bench_load: no message came back\n", stderr);
        return EXIT_FAILURE;
    }
    report_traffic(swarm, &report);
    return EXIT_SUCCESS;
}

/* The server is to have seen all connections end before its time is read. */
static int run_connect(struct swarm *swarm)
{
    struct report report = {0};
    struct cpu begin, end;

    if (!read_cpu(swarm, &begin))
        return EXIT_FAILURE;
    swarm->start_ns = swarm_now_ns();
    if (!swarm_shake(swarm))
        return EXIT_FAILURE;
    report.seconds = (double)(swarm_now_ns() - swarm->start_ns) / 1e9;
    linger(swarm);
    if (!read_cpu(swarm, &end))
        return EXIT_FAILURE;
    if (swarm->shaken == 0) {
        fputs("bench_load: every connection was refused\n", stderr);
        return EXIT_FAILURE;
    }
    report_cpu(swarm, &begin, &end, &report);
    report_connect(swarm, &report);
    return EXIT_SUCCESS;
}

/* Reports for each read of stdin that brings something; false at its end. */
static bool asked(const struct swarm *swarm)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char line[64];

    if (poll(&input, 1, 0) <= 0)
        return true;
    if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
        return false;
    report_hold(swarm);
    return true;
}

/* Joins, says so, and stays until stdin ends: somebody else measures meanwhile. */
static int run_hold(struct swarm *swarm)
{

    swarm->start_ns = swarm_now_ns();
    if (!swarm_join(swarm, swarm->options->conns))
        return EXIT_FAILURE;
    swarm->joined_ns = swarm_now_ns() - swarm->start_ns;
    report_hold(swarm);
    while (asked(swarm))
        swarm_turn(swarm, IDLE_TURN_NS);
    return swarm->closed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static bool settle_and_read(struct swarm *swarm, struct proc_memory *memory_out)
{
    uint64_t end_ns = swarm_now_ns() + swarm->options->settle_ms * (SECOND_NS / 1000);

    while (swarm_now_ns() < end_ns)
        swarm_turn(swarm, IDLE_TURN_NS);
    if (swarm->closed > 0)
        return false;
    *memory_out = (struct proc_memory){0};
    for (unsigned i = 0; i < swarm->options->roots.count; i++) {
        pid_t pid = swarm->options->roots.pid[i];
        struct proc_memory one;

        if (proc_tree_memory(pid, &one) != 0) {
            fprintf(stderr, "bench_load: cannot read the memory of process %d\n", (int)pid);
            return false;
        }
        memory_out->pss_bytes += one.pss_bytes;
        memory_out->private_bytes += one.private_bytes;
    }
    return true;
}

/* Reads in the middle, too: the second half shows what a connection costs without what any server
 * touches once. */
static int run_idle(struct swarm *swarm)
{
    struct proc_memory memory[3];
    unsigned half = swarm->options->conns / 2;

    if (swarm->options->roots.count == 0) {
        fputs("bench_load: idle needs --pid\n", stderr);
        return EXIT_FAILURE;
    }
    if (!settle_and_read(swarm, &memory[0]) || !swarm_join(swarm, half) ||
        !settle_and_read(swarm, &memory[1]) || !swarm_join(swarm, swarm->options->conns) ||
        !settle_and_read(swarm, &memory[2]))
        return EXIT_FAILURE;
    report_idle(swarm, memory);
    return EXIT_SUCCESS;
}

static bool allow_descriptors(unsigned conns)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= (rlim_t)conns + 16)
        return true;
    fprintf(stderr, "bench_load: %u connections, but the limit is %llu descriptors\n", conns,
            (unsigned long long)limit.rlim_cur);
    return false;
}

static int run(struct swarm *swarm)
{
    switch (swarm->options->mode) {
    case BENCH_IDLE:
        return run_idle(swarm);
    case BENCH_CONNECT:
        return run_connect(swarm);
    case BENCH_HOLD:
        return run_hold(swarm);
    case BENCH_FANOUT:
    case BENCH_OPEN:
        break;
    }
    return run_traffic(swarm);
}

int main(int argc, char **argv)
{
    struct options options;

    if (!options_parse(&options, argc, argv))
        return 2;
    if (!allow_descriptors(options.mode == BENCH_CONNECT ? SWARM_HANDSHAKES : options.conns))
        return EXIT_FAILURE;
    /* Timer slack would send the open loop's messages up to 50 us late. */
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    struct swarm *swarm = swarm_new(&options);
    int status = run(swarm);
    swarm_free(swarm);
    return status;
}
