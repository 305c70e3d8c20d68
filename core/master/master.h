/* SPDX-License-Identifier: MIT */
/*
 * The master: starts the workers and keeps them. It binds the address, hands each slot its listening
 * socket, carries the local bus, and acts on signals and on the death of workers. It loads no plugin and
 * reads no byte of a client.
 *
 * A slot is a place for one worker with a listening socket of its own; the kernel deals connections out
 * to the sockets. A child is one process. In a roll a slot has two: `current`, and `next`, which is to
 * take its place.
 *
 *     STARTING --READY--> READY --SERVING--> SERVING --told to go--> LEAVING --exit-->
 *
 * One thread, one loop; nothing here is called from anywhere else. Each file has one subject:
 *     master.c    start, signals, stop        slot.c    who serves where, respawn, lending
 *     child.c     processes and their orders  blame.c   what a worker died of
 *     relay.c     the bus between workers     roll.c    new workers for old
 *     program.c   what is started: exec       reload.c  a new configuration for running workers
 *     cpus.c      workers = auto
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include "board/board.h"
#include "config/core_options.h"
#include "worker/place.h"

#include <event2/event.h>

#include <stdbool.h>
#include <sys/types.h>

struct child;
struct control;
struct relay;

enum phase { PHASE_START, PHASE_RUN, PHASE_STOP };

enum child_state { CHILD_STARTING, CHILD_READY, CHILD_SERVING, CHILD_LEAVING };

/* Why the master killed a child; what it dies of by itself is CAUSE_OWN. */
enum cause {
    CAUSE_OWN,
    CAUSE_HANG,
    CAUSE_NOT_READY,
    CAUSE_REFUSED,
    CAUSE_TOO_LONG,
    CAUSE_CALLED_OFF,
    CAUSE_BUS
};

struct child {
    struct master *master;
    struct child *next;
    pid_t pid;
    unsigned slot, seat;
    enum child_state state;
    enum cause cause;
    int control; /* our end */
    struct event *control_event, *deadline;
    struct relay_member *bus; /* NULL once it is gone */
    int64_t started_ms;
    unsigned n_lent; /* listeners of other slots it accepts from */
    bool is_dead;    /* reaped: its pid may be somebody else's */
    bool is_stuck;   /* its loop has not turned for a while */
    bool is_away;    /* a plugin of it was away when it became ready */
    bool owes_reload;
    char away[256];
};

struct slot {
    struct master *master;
    unsigned index;
    int listener;
    bool is_shared;  /* the listener is another slot's */
    bool is_open;    /* it listens */
    bool is_surplus; /* a roll has left it without a worker of its own */
    struct child *current, *next;
    struct child *lent_to;
    unsigned failures; /* deaths in a row, each soon after its start */
    struct event *respawn;
};

enum { BLAMES_MAX = 16, LEFT_OUT_BYTES = 384, CHECK_CRASHED = 100 };

/* A plugin that was to blame for the death of a worker. */
struct blame {
    char plugin[BOARD_NAME_BYTES];
    int64_t at_ms;
};

enum roll_stage { ROLL_NONE, ROLL_CHECK, ROLL_START, ROLL_HAND, ROLL_LEAVE };

struct roll {
    enum roll_stage stage;
    unsigned n_slots; /* there will be so many */
    struct config *config;
    struct core_options opt;
    int copy; /* as the master's */
};

/* What the master took from the options at its start, and a restart alone can change. */
struct boot {
    char *listen, *user, *runtime_dir;
};

struct master {
    struct event_base *base;
    const char *file; /* of the configuration; NULL: none */
    char *program;    /* absolute, as it was started: a roll runs what lies there then */
    struct config *config;
    struct core_options opt;
    int copy; /* of the file as it was accepted: a worker that is replaced reads no half-written one; -1 */
    struct board *board;
    char instance[17], *where;
    struct boot boot;
    int lock; /* on the address */
    enum phase phase;
    bool is_over;
    int code;

    struct slot slot[BOARD_SLOTS_MAX];
    unsigned n_slots;  /* that have a worker */
    unsigned n_places; /* that have a listener; more after a roll to fewer workers */
    struct child *children;
    uint64_t generation;
    struct relay *relay;

    struct event *signals[5], *tick;
    int64_t ticked_ms, watched_ms;
    int64_t watchdog_ms;  /* systemd wants to hear from us so often; 0: it does not */
    int64_t calm_from_ms; /* the machine stood still: hangs are not judged before */

    pid_t check_pid; /* 0: none is under way */
    void (*check_done)(struct master *m, unsigned mistakes);
    unsigned reloads_owed;
    int reload_copy; /* while it is checked */
    struct event *reload_deadline;
    struct roll roll;

    struct blame blame[BLAMES_MAX];
    unsigned n_blames;
    char left_out[LEFT_OUT_BYTES]; /* names of plugins, a blank between them */
    struct place place;
};

/* Runs until it is told to stop; the exit code. `program` is argv[0]. Takes the configuration over. */
int master_run(const char *file, const char *program, struct config *config,
               const struct core_options *opt);
void master_end(struct master *m, int code); /* leaves the loop */
void master_started(struct master *m);       /* all slots serve for the first time */
void master_fail(struct master *m);          /* the start has failed, and somebody has said why */

/* The roles it starts; the copy of the configuration is descriptor CHECK_COPY_FD of a check. */
#define ROLE_WORKER     "--worker"
#define ROLE_CHECK      "--checking"
#define ROLE_CHECK_COPY "--checking=copy"
enum { CHECK_COPY_FD = 3 };

/* program.c */
char *program_path(const char *argv0); /* absolute; mem_free() it */
/* Starts it as a worker, whose end of a socket pair is descriptor 3; ours is *fd_out. Returns its pid, or -1:
 * logged. */
pid_t program_worker(const struct master *m, int *fd_out);
/* Starts the child that checks the configuration, of which `copy` (or -1) is a copy. */
pid_t program_check(const struct master *m, int copy);

/* child.c */
struct child *child_start(struct master *m, unsigned slot, bool is_next); /* NULL: logged */
int child_order(struct child *c, uint32_t kind, uint32_t a, int64_t ms, int fd);
void child_leave(struct child *c, uint32_t how, int64_t ms); /* then it is killed if it stays */
void child_kill(struct child *c, int sig, enum cause cause);
/* What the child of this member says on the bus is no frame: it is killed. */
void child_bus_broken(struct master *m, const struct relay_member *bus);
void child_reap(struct master *m, pid_t pid, int status);
void child_free(struct child *c);

/* slot.c */
void slot_fill(struct master *m, unsigned slot); /* starts a worker there */
void slot_ready(struct child *c);                /* it has started its plugins */
void slot_serving(struct child *c);              /* it accepts */
void slot_lost(struct child *c, int status);     /* it is dead; called before it is freed */
void slot_lend(struct master *m, unsigned slot);
void slot_lend_all(struct master *m); /* those without a worker and without a lender */
bool slot_extend(struct master *m); /* one more place with a listener of its own, or a shared one */
void slot_publish(struct master *m); /* on the board */
void slot_listen(struct child *c);   /* lets it accept */
void slot_refill(struct master *m);  /* those without a worker, and without one to come */
void slot_leave(struct master *m, unsigned slot, bool is_surplus); /* its worker is to go */
void slot_stuck(struct child *c, bool is_stuck);
void slot_clear(struct master *m); /* closes the listeners: the server stops */

/* relay.c */
void relay_init(struct master *m);
void relay_deinit(struct master *m);
struct relay_member *relay_join(struct master *m, int fd);
void relay_leave(struct master *m, struct relay_member *member);
void relay_flush(struct master *m); /* at the end of a turn */

/* blame.c */
/* Logs why a child died, counts it, and leaves out a plugin that is to blame too often. */
void blame_death(struct child *c, int status, const char *what_next);
void blame_forget(struct master *m); /* a roll tries all plugins again */
void blame_hangs(struct master *m);  /* kills whoever hangs; once a second */

/* roll.c, reload.c */
/* Starts the checking child; done() gets how many mistakes there are, or CHECK_CRASHED and more. */
void check_start(struct master *m, int copy, void (*done)(struct master *m, unsigned mistakes));
unsigned check_result(int status); /* of its exit */
void check_ended(struct master *m, int status);
void roll_begin(struct master *m);
void roll_ready(struct child *c);
void roll_lost(struct child *c); /* a `next` died before it served */
void roll_progress(struct master *m);
bool roll_is_on(const struct master *m);
void reload_begin(struct master *m);
void reload_answered(struct child *c); /* or died */

/* cpus.c: processors that this process may use; at least 1. */
unsigned cpus_available(void);

#endif
