/* SPDX-License-Identifier: MIT */
/* The reference server's messages: what a client sent in, ready bodies out. Pure. */
#ifndef BENCH_FLOOR_MESSAGE_H
#define BENCH_FLOOR_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct floor_message {
    bool is_v1;
    const char *room;
    unsigned user;
    uint64_t seq, ts;
    const char *json; /* what the client sent */
    size_t json_bytes;
};

/* True if the message has a text, which is all that is looked at. */
bool floor_message_has_text(const char *json, size_t bytes);

/* Writes what all members get, and returns its length; 0 when `size` is too small. */
size_t floor_message_body(const struct floor_message *message, char *out, size_t size);

/* chatd.v1: writes the answer to a message, or with `seq` 0 to any other request. */
size_t floor_message_ack(const struct floor_message *message, char *out, size_t size);

#endif
