/* SPDX-License-Identifier: MIT */
/* The connections of one attacker: opens them, pours records into them, counts what became of it. */
#ifndef ATTACK_HOSE_H
#define ATTACK_HOSE_H

#include "options.h"
#include "records.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stage {
    STAGE_NONE,
    STAGE_CONNECTING,
    STAGE_HEAD,
    STAGE_ANSWER,
    STAGE_FIRST,
    STAGE_POUR,
    STAGE_DONE
};

struct victim {
    int fd;
    enum stage stage;
    size_t record, at; /* the record being sent, and how much of it is */
    size_t left;       /* records still to send, with --once */
    uint64_t due_ns;   /* of its next send, with --rate */
    uint32_t watched;  /* what epoll looks for */
    bool waits;        /* for an answer, with --lockstep */
};

enum { STATUS_MAX = 600 };

struct tally {
    uint64_t opened, failed, upgraded, ended, records, bytes, answers_bytes;
    unsigned held, held_max; /* connections that the server has not ended */
    uint64_t status[STATUS_MAX];
};

struct hose {
    const struct options *options;
    struct records heads, first, records;
    struct victim *victim;
    int epoll_fd;
    uint64_t begin_ns, now_ns, tokens_ns;
    unsigned next; /* where the search for one to connect goes on */
    struct tally tally;
};

uint64_t hose_now_ns(void);
/* Runs until its seconds are over. Negative, with the reason on stderr, when it cannot. */
int hose_run(struct hose *hose);

/* victim.c */
void victim_open(struct hose *hose, unsigned index);
void victim_event(struct hose *hose, unsigned index, uint32_t events);
void victim_due(struct hose *hose, unsigned index);
void victim_close(struct hose *hose, struct victim *v);

#endif
