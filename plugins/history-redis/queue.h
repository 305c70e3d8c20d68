/* SPDX-License-Identifier: MIT */
/*
 * The requests between the services and the link for commands: sent in the order they were made,
 * answered once, within their deadline, through disconnects.
 *
 * Not up: they wait here. Under way when the link goes down: what may be done twice (`repeats`) is
 * sent again, the others are told CHATD_E_TIMEOUT, for nobody knows. Never sent by its deadline, or
 * made while the link has been away for longer than that: CHATD_E_BACKEND.
 */
#ifndef HISTORY_REDIS_QUEUE_H
#define HISTORY_REDIS_QUEUE_H

#include "script.h"

#include <chatd/task.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/queue.h>

#define QUEUE_DEADLINE_MS 5000u
#define QUEUE_STUCK_TICKS 5u /* seconds without a byte while something is under way: give it up */
#define QUEUE_ARGS_MAX    12

struct request;

struct request_class {
    /* [loop] Tells the caller, exactly once. For CHATD_OK `reply` is what Redis said, never an error;
     * borrowed, but its strings may be written into. */
    void (*answer)(struct request *request, int err, redisReply *reply);
    /* [loop] The last call. */
    void (*destroy)(struct request *request);
};

/* The kinds of requests embed it as their first member. request_new() makes it. */
struct request {
    TAILQ_ENTRY(request) link;
    const struct request_class *class;
    enum script script;
    bool repeats;    /* to do it twice is to do it once */
    bool patient;    /* the plugin's own: no deadline and no cap */
    bool answered;   /* an answer that comes now is for nobody */
    bool was_sent;   /* it may have been done */
    bool as_text;    /* the script's text, not its hash */
    bool unexecuted; /* Redis said that it did nothing */
    int64_t deadline_ms;
    size_t bytes;
    uint32_t sends;
    int keys, argc; /* argc with the keys */
    int run_id_at;  /* the argument that is the server's run_id when it is sent; 0: none */
    const char *argv[QUEUE_ARGS_MAX];
    size_t argn[QUEUE_ARGS_MAX];
};

TAILQ_HEAD(request_list, request);

/* What the queue needs of the world around it. */
struct queue_events {
    /* Sends; false: not now. */
    bool (*send)(void *arg, int argc, const char **argv, const size_t *bytes);
    bool (*is_up)(void *arg);
    int64_t (*away_ms)(void *arg);
    /* Bytes that came in and went out so far. */
    uint64_t (*moved)(void *arg);
    /* Redis refused with this error; the request's answer follows. `key` is what it was about. */
    void (*refused)(void *arg, const char *error, chatd_str key);
    /* This connection is of no use: make a new one. `error` is Redis', or NULL: it fell silent. */
    void (*drop)(void *arg, const char *error);
};

struct queue {
    chatd_plugin *self;
    const struct queue_events *events;
    void *arg;
    struct request_list waiting; /* not sent */
    struct request_list redo;    /* to be sent again when those under way are answered */
    struct request_list flight;  /* sent, in the order their replies come */
    uint32_t count, count_max;
    size_t bytes, bytes_max;
    uint32_t quiet_ticks; /* seconds with something under way and no byte either way */
    uint64_t seen;
    chatd_timer deadline, tick;
    bool closed;
    const char *run_id;     /* of the server that is connected; owned by the link */
    char hash[SCRIPTS][41]; /* of the scripts Redis knows; empty: not known */
};

void queue_init(struct queue *queue, chatd_plugin *self, const struct queue_events *events,
                void *arg, uint32_t count_max, size_t bytes_max);

/* [start] Begins to look after those under way. */
int queue_start(struct queue *queue);

/* Room for a request of `size` bytes with copies of its arguments: for a script its `keys` keys, then
 * the rest; else the words of a command. NULL: no memory. */
void *request_new(size_t size, const struct request_class *class, enum script script, int keys,
                  int argc, const chatd_str *argv);

/* Takes the request over; on an error it is destroyed, without an answer. CHATD_E_BUSY: a cap is
 * reached; CHATD_E_BACKEND: Redis is away; CHATD_E_STATE: the server stops. */
int queue_submit(struct queue *queue, struct request *request);

/* The link came up, went down, or brought a reply. */
void queue_up(struct queue *queue);
void queue_down(struct queue *queue);
void queue_reply(struct queue *queue, redisReply *reply);

/* [loop] Tells everybody CHATD_E_CANCELLED and takes nothing new. */
void queue_cancel(struct queue *queue);

/* Frees what is left; its callers were told by queue_cancel(). */
void queue_deinit(struct queue *queue);

#endif
