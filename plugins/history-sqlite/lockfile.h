/* SPDX-License-Identifier: MIT */
/*
 * The side file `<database>.lock`: who may use the database, whose turn it is to write, and what
 * was committed last.
 *
 * Its text is for people and for the checks below:
 *     instance <id> pid <pid>              the chatd that uses the database, and what ends it
 *     epoch <id> generation <number>       the last commit ("the note")
 * Behind them is nothing, but for the moment in which lockfile_room() asks for room.
 * Its first bytes carry open file description locks, which end with the process:
 *     byte 0   write: a process is opening the database; starters queue here
 *     byte 1   read: a process of the instance named in the text has it open
 *     byte 2   write: a process is in a write transaction
 *     byte 3   write: a process is the next to have byte 2; the other writers queue here
 * The file is never removed: a lock on a removed file excludes nobody.
 */
#ifndef HISTORY_SQLITE_LOCKFILE_H
#define HISTORY_SQLITE_LOCKFILE_H

#include <chatd/abi.h>
#include <stdbool.h>

#define LOCKFILE_INSTANCE_MAX 32u
#define LOCKFILE_POLL_MS      50u
#define LOCKFILE_EPOCH_SIZE   17u /* 16 hex digits and NUL */

struct lockfile {
    int fd;
    char *path;
    char instance[LOCKFILE_INSTANCE_MAX + 1];
    long server_pid;
    bool alone; /* no other process has the database open, until lockfile_settle() */
};

struct lockfile_note {
    char epoch[LOCKFILE_EPOCH_SIZE];
    uint64_t generation;
};

struct lockfile_options {
    const char *database;
    chatd_str instance;   /* 1 to LOCKFILE_INSTANCE_MAX bytes of hex digits */
    long server_pid;      /* the process to stop: what another instance is told; 0: this one */
    uint32_t patience_ms; /* for the workers of a server whose own process is gone */
    void (*notice)(void *arg, const char *text); /* before that wait; may be NULL */
    void *arg;
};

/* Opens the side file of a database for a process of an instance and waits for its turn to start.
 * CHATD_E_BUSY: another instance uses the database; CHATD_E_BACKEND: the file cannot be used.
 * *err_out is then one sentence, to be freed. */
int lockfile_join(struct lockfile *lock, const struct lockfile_options *options, char **err_out);

/* The database is open and in order: writes down who uses it and lets the next starter in. A
 * process that ends before this point leaves the text as it was, so the next one checks anew. */
int lockfile_settle(struct lockfile *lock, char **err_out);

/* Waits until it is this process's turn to write. CHATD_E_BACKEND. */
int lockfile_turn_begin(struct lockfile *lock);
void lockfile_turn_end(struct lockfile *lock);

/* Reads the note; false: there is none, or it makes no sense. */
bool lockfile_note_read(const struct lockfile *lock, struct lockfile_note *note_out);

/* Writes the note: a few bytes over the old ones, not synced. False: it failed. */
bool lockfile_note_write(struct lockfile *lock, const struct lockfile_note *note);

/* Asks the disk for a few kilobytes, behind the text of the file, and gives them back. 0 or an
 * errno. Call it in one's turn to write. */
int lockfile_room(struct lockfile *lock);

void lockfile_close(struct lockfile *lock);

#endif
