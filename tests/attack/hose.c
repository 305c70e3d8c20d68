/* SPDX-License-Identifier: MIT */
/* One process of an attack: many connections for a bounded time, and what became of them as JSON. */
#include "hose.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { TURN_MS = 10, EVENTS = 256 };

static const uint64_t second_ns = 1000000000;

uint64_t hose_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * second_ns + (uint64_t)now.tv_nsec;
}

/* New connections, at the rate that is allowed: what could not be opened is not made up for later. */
static void open_some(struct hose *hose)
{
    uint64_t each_ns = second_ns / hose->options->connect_rate;
    unsigned looked = 0;

    if (hose->tokens_ns + second_ns / 10 < hose->now_ns)
        hose->tokens_ns = hose->now_ns - second_ns / 10;
    while (looked < hose->options->conns && hose->tokens_ns + each_ns <= hose->now_ns) {
        unsigned index = hose->next;

        hose->next = (hose->next + 1) % hose->options->conns;
        looked++;
        if (hose->victim[index].stage == STAGE_NONE) {
            victim_open(hose, index);
            hose->tokens_ns += each_ns;
        }
    }
}

static void send_due(struct hose *hose)
{
    if (hose->options->rate == 0)
        return;
    for (unsigned i = 0; i < hose->options->conns; i++)
        victim_due(hose, i);
}

int hose_run(struct hose *hose)
{
    struct epoll_event event[EVENTS];
    uint64_t end_ns, swept_ns = 0;

    hose->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    hose->victim = calloc(hose->options->conns, sizeof(*hose->victim));
    if (hose->epoll_fd < 0 || hose->victim == NULL) {
        fprintf(stderr, "attack_hose: %s\n", strerror(errno));
        return -1;
    }
    hose->begin_ns = hose->now_ns = hose->tokens_ns = hose_now_ns();
    end_ns = hose->begin_ns + hose->options->seconds * second_ns;
    while (hose->now_ns < end_ns) {
        int n = epoll_wait(hose->epoll_fd, event, EVENTS, TURN_MS);

        hose->now_ns = hose_now_ns();
        for (int i = 0; i < n; i++)
            victim_event(hose, event[i].data.u32, event[i].events);
        if (hose->now_ns - swept_ns >= TURN_MS * UINT64_C(1000000)) {
            swept_ns = hose->now_ns;
            open_some(hose);
            send_due(hose);
        }
    }
    return 0;
}

static void hose_free(struct hose *hose)
{
    for (unsigned i = 0; hose->victim != NULL && i < hose->options->conns; i++)
        victim_close(hose, &hose->victim[i]);
    free(hose->victim);
    if (hose->epoll_fd >= 0)
        close(hose->epoll_fd);
    records_free(&hose->heads);
    records_free(&hose->first);
    records_free(&hose->records);
}

static void report(const struct hose *hose)
{
    const struct tally *t = &hose->tally;
    const char *comma = "";

    printf("{\"seconds\":%.3f,\"opened\":%llu,\"failed\":%llu,\"upgraded\":%llu,\"ended\":%llu,"
           "\"held_max\":%u,\"records\":%llu,\"bytes\":%llu,\"answers_bytes\":%llu,\"status\":{",
           (double)(hose->now_ns - hose->begin_ns) / 1e9, (unsigned long long)t->opened,
           (unsigned long long)t->failed, (unsigned long long)t->upgraded,
           (unsigned long long)t->ended, t->held_max, (unsigned long long)t->records,
           (unsigned long long)t->bytes, (unsigned long long)t->answers_bytes);
    for (int i = 0; i < STATUS_MAX; i++) {
        if (t->status[i] > 0) {
            printf("%s\"%d\":%llu", comma, i, (unsigned long long)t->status[i]);
            comma = ",";
        }
    }
    puts("}}");
}

int main(int argc, char **argv)
{
    struct options options;
    struct hose hose = {.options = &options, .epoll_fd = -1};
    int result = 1;

    if (options_parse(&options, argc, argv) == 0 && records_load(options.heads, &hose.heads) == 0 &&
        records_load(options.first, &hose.first) == 0 &&
        records_load(options.records, &hose.records) == 0 && hose_run(&hose) == 0) {
        report(&hose);
        result = 0;
    }
    hose_free(&hose);
    return result;
}
