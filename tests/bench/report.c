/* SPDX-License-Identifier: MIT */
/* Turns counts into rates and writes them out. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

static void put_quantiles(const char *prefix, const struct hist *hist)
{
    static const struct {
        const char *name;
        double q;
    } rows[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}};

    for (unsigned i = 0; i < 3; i++)
        printf(",\"%s%s_us\":%.1f", prefix, rows[i].name,
               (double)hist_quantile(hist, rows[i].q) / 1000);
}

/* Seconds per million are microseconds for each. */
static void put_server_cpu(const struct options *options, const struct report *report,
                           const char *unit, double millions)
{
    double sum = 0;

    if (options->roots.count == 0) {
        printf("\"server_cpu_%s\":null,", unit);
        return;
    }
    printf("\"server_cpu_%s_each\":[", unit);
    for (unsigned i = 0; i < options->roots.count; i++) {
        sum += report->server_cpu_s[i];
        printf("%s%.3f", i ? "," : "", report->server_cpu_s[i] / millions);
    }
    printf("],\"server_cpu_%s\":%.3f,", unit, sum / millions);
}

static void put_answers(const struct swarm *swarm)
{
    const struct answers *answers = &swarm->answers;

    printf(",\"acks\":%" PRIu64 ",\"unanswered\":%" PRIu64 ",\"answers_doubled\":%" PRIu64
           ",\"acks_reordered\":%" PRIu64 ",\"errors\":{",
           answers->acks, swarm->sent - answers->tally.delivered, answers->tally.doubled,
           answers->reordered);
    for (unsigned i = 0; i < answers->codes; i++)
        printf("%s\"%s\":%" PRIu64, i ? "," : "", answers->error[i].code, answers->error[i].count);
    printf("}");
    put_quantiles("ack_", &answers->hist);
}

void report_traffic(const struct swarm *swarm, const struct report *report)
{
    const struct options *options = swarm->options;
    const struct tally *tally = &swarm->tally;
    double millions = (double)tally->delivered / 1e6;

    printf("{\"mode\":\"%s\",\"dialect\":\"%s\",\"rooms\":%u,\"members\":%u,", options->mode_name,
           options->dialect == BENCH_V1 ? "v1" : "classic", options->rooms, options->members);
    if (options->mode == BENCH_OPEN)
        printf("\"inflight\":null,\"rate\":%u,", options->rate);
    else
        printf("\"inflight\":%u,\"rate\":null,", options->inflight);
    printf("\"sweep_ms\":%u,\"text_bytes\":%u,\"messages\":%" PRIu64 ",\"deliveries\":%" PRIu64
           ",\"seconds\":%.3f,\"deliveries_per_s\":%.0f,",
           options->sweep_ms, options->text_bytes, swarm->sent, tally->delivered, report->seconds,
           (double)tally->delivered / report->seconds);
    put_server_cpu(options, report, "s_per_million", millions);
    printf("\"client_cpu_s_per_million\":%.3f,\"lost\":%" PRId64 ",\"doubled\":%" PRIu64
           ",\"reordered\":%" PRIu64 ",\"closed\":%u",
           report->client_cpu_s / millions, (int64_t)(swarm->expected - tally->delivered),
           tally->doubled, tally->reordered, swarm->closed);
    if (options->deflate)
        printf(",\"deflated\":%" PRIu64, swarm->deflated);
    put_quantiles("", &swarm->hist);
    if (options->dialect == BENCH_V1)
        put_answers(swarm);
    printf("}\n");
}

void report_connect(const struct swarm *swarm, const struct report *report)
{
    const struct options *options = swarm->options;
    double millions = (double)swarm->shaken / 1e6;

    printf("{\"mode\":\"connect\",\"dialect\":\"%s\",\"rooms\":%u,\"conns\":%u,\"handshakes\":%u,"
           "\"refused\":%u,\"seconds\":%.3f,\"handshakes_per_s\":%.0f,",
           options->dialect == BENCH_V1 ? "v1" : "classic", options->rooms, options->conns,
           swarm->shaken, swarm->refusals, report->seconds, swarm->shaken / report->seconds);
    put_server_cpu(options, report, "us_per_handshake", millions);
    printf("\"client_cpu_us_per_handshake\":%.3f}\n", report->client_cpu_s / millions);
}

void report_hold(const struct swarm *swarm)
{
    const struct tally *tally = &swarm->tally;

    printf("{\"mode\":\"hold\",\"rooms\":%u,\"conns\":%u,\"seconds\":%.3f,\"closed\":%u,",
           swarm->options->rooms, swarm->options->conns, (double)swarm->joined_ns / 1e9,
           swarm->closed);
    printf("\"deliveries\":%" PRIu64 ",\"doubled\":%" PRIu64 ",\"reordered\":%" PRIu64
           ",\"pings\":%" PRIu64 "}\n",
           tally->delivered, tally->doubled, tally->reordered, swarm->pings);
    fflush(stdout);
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
