/* SPDX-License-Identifier: MIT */
/* Turns counts into rates and writes them out. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

static double quantile_us(const struct swarm *swarm, double q)
{
    return (double)hist_quantile(&swarm->hist, q) / 1000;
}

void report_traffic(const struct swarm *swarm, const struct report *report)
{
    const struct options *options = swarm->options;
    const struct tally *tally = &swarm->tally;
    double millions = (double)tally->delivered / 1e6;

    printf("{\"mode\":\"%s\",\"rooms\":%u,\"members\":%u,", options->mode_name, options->rooms,
           options->members);
    if (options->mode == BENCH_OPEN)
        printf("\"inflight\":null,\"rate\":%u,", options->rate);
    else
        printf("\"inflight\":%u,\"rate\":null,", options->inflight);
    printf("\"sweep_ms\":%u,\"text_bytes\":%u,\"messages\":%" PRIu64 ",\"deliveries\":%" PRIu64
           ",\"seconds\":%.3f,\"deliveries_per_s\":%.0f,",
           options->sweep_ms, options->text_bytes, swarm->sent, tally->delivered, report->seconds,
           (double)tally->delivered / report->seconds);
    if (options->pid)
        printf("\"server_cpu_s_per_million\":%.3f,", report->server_cpu_s / millions);
    else
        printf("\"server_cpu_s_per_million\":null,");
    printf("\"client_cpu_s_per_million\":%.3f,\"lost\":%" PRIu64 ",\"doubled\":%" PRIu64
           ",\"reordered\":%" PRIu64 ",\"closed\":%u,",
           report->client_cpu_s / millions, swarm->expected - tally->delivered, tally->doubled,
           tally->reordered, swarm->closed);
    printf("\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f}\n", quantile_us(swarm, 0.5),
           quantile_us(swarm, 0.99), quantile_us(swarm, 0.999));
}

static double per_connection(uint64_t before, uint64_t after, unsigned conns)
{
    return ((double)after - (double)before) / conns;
}

void report_idle(const struct swarm *swarm, const struct proc_memory memory[3])
{
    unsigned conns = swarm->options->conns, half = conns / 2;

    printf("{\"mode\":\"idle\",\"rooms\":%u,\"members\":%u,\"conns\":%u,", swarm->options->rooms,
           swarm->options->members, conns);
    printf("\"pss_before\":%" PRIu64 ",\"pss_after\":%" PRIu64 ",\"private_before\":%" PRIu64
           ",\"private_after\":%" PRIu64 ",",
           memory[0].pss_bytes, memory[2].pss_bytes, memory[0].private_bytes,
           memory[2].private_bytes);
    printf("\"pss_bytes_per_conn\":%.1f,\"private_bytes_per_conn\":%.1f,",
           per_connection(memory[0].pss_bytes, memory[2].pss_bytes, conns),
           per_connection(memory[0].private_bytes, memory[2].private_bytes, conns));
    printf("\"private_bytes_per_conn_second_half\":%.1f,\"closed\":%u}\n",
           per_connection(memory[1].private_bytes, memory[2].private_bytes, conns - half),
           swarm->closed);
}
