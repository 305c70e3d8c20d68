/* SPDX-License-Identifier: MIT */
/* The reference server's side of the WebSocket upgrade: request in, answer out. */
#ifndef BENCH_FLOOR_UPGRADE_H
#define BENCH_FLOOR_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOOR_ROOM_MAX   64
#define FLOOR_ANSWER_MAX 256

struct floor_upgrade {
    size_t head_bytes; /* of the request: frames may follow at once */
    char room[FLOOR_ROOM_MAX + 1];
    char answer[FLOOR_ANSWER_MAX];
    size_t answer_bytes;
    bool is_v1; /* the client offered chatd.v1 and gets it */
};

/* 1 with the answer, 0 when the head is not complete, -1 when it is no upgrade. Any path will do;
 * the room is taken from `room=` of its query, as it stands there. */
int floor_upgrade(const uint8_t *data, size_t bytes, struct floor_upgrade *upgrade_out);

#endif
