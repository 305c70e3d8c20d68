/* SPDX-License-Identifier: MIT */
/*
 * Who sent much lately waits in line, so that who sends little does not wait for them: a turn of the loop works off so
 * much of the line, however long it is, and each in it goes on a piece at a time. What counts are bytes of
 * messages as handlers get them: a compressed message of 60 bytes may be 64 KiB of work. Where it inflates to less
 * than came, what came counts; and each frame counts as some bytes more, since the smallest is work too.
 */
#ifndef NET_LINE_H
#define NET_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct conn;
struct net;

enum {
    LINE_MESSAGE_BYTES = 256,
    LINE_FREE_BYTES = 32768, /* of one connection at once, without the line; ... */
    LINE_FREE_RATE = 65536,  /* ... so many come back in a second */
    LINE_PIECE_BYTES =
        65536, /* of one connection, when it is its turn; a message more if that is longer */
    LINE_TURN_BYTES = 262144 /* of all in line, in one turn of the loop */
};

void line_charge(struct conn *c, size_t bytes); /* of a message that was handled */
bool line_allows(struct conn *c);               /* its next message may be handled now */
void line_join(struct conn *c);                 /* with what it holds; fine when it is there */
void line_leave(struct conn *c);                /* fine when it is not there */
void line_run(struct net *net);                 /* once a turn, while there is one */

#endif
