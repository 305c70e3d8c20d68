/* SPDX-License-Identifier: MIT */
/*
 * The board: one piece of shared memory in which the processes of a server show one another what they
 * count, how their plugins are, and whose code runs.
 *
 * The master makes it (a memfd), every worker maps all of it for reading and its own seat for writing.
 * A process that is gone left its seat behind as it was: the master reads there what it died in, adds
 * its counters to the retired row, and clears the seat. With one process the board is its own memory.
 *
 *     head            the master's: which seat serves in which slot, notes for /readyz
 *     seat 0..n-1     one a worker; two for each slot, since a roll has an old and a new one
 *     seat n          the retired row: counters of those that are gone, and the master's own
 *
 * There is one writer for each part. Numbers are stored whole, so a reader sees an old or a new one.
 * What is longer, or belongs together, has a sequence number beside it that is odd while it changes
 * (a seqlock). A reader trusts nothing of a seat: a wild pointer of a plugin may have hit it.
 */
#ifndef BOARD_BOARD_H
#define BOARD_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BOARD_LAYOUT = 1, /* any change of what lies in shared memory is a new number */
    BOARD_SLOTS_MAX = 64,
    BOARD_SEATS_MAX = 128, /* an old and a new one for each slot */
    BOARD_NO_SEAT = 255,
    BOARD_PLUGINS_MAX = 66, /* 64 and the core */
    BOARD_EVENTS_MAX = 96,
    BOARD_NOTES_MAX = 8,
    BOARD_NAME_BYTES = 40,
    BOARD_TEXT_BYTES = 256
};

/* Whose code runs: packed into one number, so that it is stored in one step. */
enum work_kind {
    WORK_NOTHING,
    WORK_LOAD,
    WORK_INIT,
    WORK_START,
    WORK_RELOAD,
    WORK_DRAIN,
    WORK_CANCEL,
    WORK_STOP,
    WORK_HOOK, /* the event's number is beside it */
    WORK_ROUTE,
    WORK_VERB,
    WORK_SOCKET, /* a message of a claimed socket */
    WORK_TIMER,
    WORK_WATCH,
    WORK_POST,
    WORK_JOB,      /* run(), in a thread */
    WORK_JOB_DONE, /* done() or release(), on the loop */
    WORK_BUS,
    WORK_DRAINED,
    WORK_VERDICT, /* done() of what it raised; the event's number is beside it */
    WORK_GONE,    /* gone() of its wait */
    WORK_BEHIND,
    WORK_SLOT, /* destroy() of its block */
    WORK_KINDS
};

struct board_plugin {
    char name[BOARD_NAME_BYTES], version[BOARD_NAME_BYTES];
    uint32_t seq;   /* of state and text */
    uint32_t state; /* enum chatd_ready */
    char text[BOARD_TEXT_BYTES];
};

/* What a dying process leaves; written by its signal handler. */
struct board_crash {
    uint32_t signal; /* 0: it did not come so far */
    int32_t code;    /* si_code */
    uint32_t work;   /* of the thread that crashed */
    uint32_t reserved;
    uint64_t address, conn;
};

struct buf;
struct seat;  /* layout: seat.h */
struct board; /* a process's view of it */

struct board_slot {
    uint32_t seat;     /* of the worker that serves, or BOARD_NO_SEAT */
    uint32_t restarts; /* of this slot since the start */
};

struct board_head {
    uint32_t layout, n_seats, seat_bytes;
    uint32_t seq; /* of all that follows, of the retired row, and of which seats are in use */
    uint32_t n_slots, is_stopping, n_notes;
    struct board_slot slot[BOARD_SLOTS_MAX];
    char note[BOARD_NOTES_MAX][BOARD_TEXT_BYTES]; /* reasons for degraded that are the master's */
    uint64_t generation[BOARD_SEATS_MAX];         /* of who has the seat; 0: it is free */
};

/* For `n_seats` workers at one time. Shared: a memfd that may be sent to others. Ends the process when
 * there is no memory. */
struct board *board_new(unsigned n_seats, bool shared);
int board_fd(const struct board *b); /* -1: not shared. The board's own. */

/* Maps the board behind `fd`, which stays the caller's, with `seat` for writing. NULL: it is none, or
 * one of another layout. */
struct board *board_attach(int fd, unsigned seat);
void board_free(struct board *b);

struct board_head *board_head(struct board *b); /* writable for the master alone */
/* What this process may write: a worker's seat; the master's own is the retired row; seat 0 of a board
 * that is not shared. */
struct seat *board_own(struct board *b);
unsigned board_own_index(const struct board *b);
struct seat *board_seat(struct board *b, unsigned index); /* n_seats: the retired row */

/* The master. begin and end stand around what readers must see together; a pair may hold another. */
void board_change_begin(struct board *b);
void board_change_end(struct board *b);
/* A seat that is free, those longest free first; or BOARD_NO_SEAT. Marks it as used by `generation`,
 * which is not 0. */
unsigned board_take_seat(struct board *b, uint64_t generation);
/* Adds the counters of a seat to the retired row and frees it, in one step for readers. */
void board_retire(struct board *b, unsigned seat);

/* The value of a counter of one's own (board_own), registered at the first call. `labels` is as in the
 * text: "" or `reason="crash"`. NULL: there is no room. */
int64_t *board_counter(struct board *b, const char *name, const char *labels, const char *help);
int64_t *board_gauge(struct board *b, const char *name, const char *labels, const char *help);

/* --- readers -------------------------------------------------------------------------------------- */

/* Prometheus text of all seats in use and of the retired row, added up by name and labels. */
void board_text(struct board *b, struct buf *out);

/* WebSocket connections of the other seats that serve. */
int64_t board_connections_elsewhere(struct board *b);

/* Why the server is not simply ready, equal reasons of several workers told once. */
struct board_reason {
    char plugin[BOARD_NAME_BYTES];
    uint32_t state; /* enum chatd_ready; never CHATD_READY */
    char text[BOARD_TEXT_BYTES];
};
struct board_reason *board_reasons(struct board *b, size_t *n_out); /* mem_free() it */

/* "rooms 1.0 in message", "rogue 0.1 in its timer"; "" for WORK_NOTHING. Names come from the seat, which
 * may be anything. Returns `out`. */
const char *board_work_text(const struct seat *s, uint32_t work, char *out, size_t out_bytes);
/* The plugin's name alone; "" for WORK_NOTHING and for the core. */
const char *board_work_plugin(const struct seat *s, uint32_t work, char *out, size_t out_bytes);

#endif
