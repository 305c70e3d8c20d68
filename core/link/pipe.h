/* SPDX-License-Identifier: MIT */
/*
 * One end of the local bus: a stream of frames between a worker and the master, with a bounded queue on
 * the way out. Frames put during a turn of the loop leave together in pipe_flush().
 *
 *     length u32 (of what follows) | kind u8 | 0 u8 | topic length u16 | topic | data      host order
 *
 * A frame that finds the queue full is dropped. From then on nothing more is taken until half of the
 * queue has left; then one LOST without a topic tells the other side that something is missing.
 */
#ifndef LINK_PIPE_H
#define LINK_PIPE_H

#include <event2/event.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pipe_kind {
    PIPE_PUBLISH = 1,
    PIPE_SUBSCRIBE,   /* no data */
    PIPE_UNSUBSCRIBE, /* no data */
    PIPE_LOST         /* no data; without a topic: all of them */
};

enum { PIPE_TOPIC_MAX = 256, PIPE_DATA_MAX = 65536, PIPE_HEAD = 8 };

/* A frame taken apart; borrowed. */
struct pipe_frame {
    int kind;
    const char *topic, *data; /* each followed by what comes next, not by NUL */
    size_t topic_n, data_n;
};

/* Reads one frame from the `n` bytes at `p`: its whole length, 0 if it is not all there, -1 if it is none. */
long pipe_parse(const unsigned char *p, size_t n, struct pipe_frame *f);

struct pipe;

struct pipe_calls {
    void (*frame)(void *arg, const struct pipe_frame *f);
    /* The other side is gone, or what it says is no frame. May free the pipe. */
    void (*ended)(void *arg);
    void *arg;
};

/* `fd` is the pipe's from here on. */
struct pipe *pipe_new(struct event_base *base, int fd, size_t max_bytes,
                      const struct pipe_calls *calls);
void pipe_free(struct pipe *p);

/* False: dropped, the queue is full. Subscriptions always go. */
bool pipe_put(struct pipe *p, const struct pipe_frame *f);
void pipe_flush(struct pipe *p); /* writes what can be written; later the rest */
uint64_t pipe_dropped(const struct pipe *p);
bool pipe_is_broken(const struct pipe *p); /* for ended(): it was no frame */

#endif
