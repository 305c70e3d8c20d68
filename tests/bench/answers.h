/* SPDX-License-Identifier: MIT */
/* Counts the answers that chatd.v1 gives to messages: acknowledgements, and errors by code. */
#ifndef BENCH_ANSWERS_H
#define BENCH_ANSWERS_H

#include "hist.h"
#include "tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWERS_CODES_MAX 16
#define ANSWERS_CODE_MAX  31

struct answers {
    struct tally tally; /* of both kinds: what was answered, and what twice */
    uint64_t acks, reordered;
    struct hist hist; /* of acknowledgements alone, so that quick refusals make nothing look fast */
    struct {
        char code[ANSWERS_CODE_MAX + 1];
        uint64_t count;
    } error[ANSWERS_CODES_MAX]; /* the last one also counts what finds no place */
    unsigned codes;
};

void answers_add_ack(struct answers *answers, uint64_t latency_ns);

/* True for the first error with this code. What would break a line of JSON is replaced. */
bool answers_add_error(struct answers *answers, const char *code, size_t code_bytes);

#endif
