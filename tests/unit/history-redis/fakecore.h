/* SPDX-License-Identifier: MIT */
/* A core for the parts of history-redis that only know time: a clock and timers, moved by the test. */
#ifndef FAKECORE_H
#define FAKECORE_H

#include <chatd/chatd.h>
#include <stdbool.h>

#define FAKE_TIMERS 16

struct fakecore {
    struct chatd_plugin plugin; /* first: the functions get a pointer to it */
    struct chatd_core table;
    int64_t now_ms;
    uint64_t random, last_timer;
    struct {
        uint64_t id; /* 0: free */
        int64_t at_ms;
        uint32_t every_ms;
        void (*cb)(chatd_plugin *self, void *arg);
        void *arg;
    } timers[FAKE_TIMERS];
    char story[4096]; /* what callbacks told, in order, separated by blanks */
};

void fakecore_init(struct fakecore *core);

/* Moves the clock from timer to timer. */
void fakecore_advance(struct fakecore *core, int64_t ms);

/* Adds a word to the story. */
void fakecore_tell(struct fakecore *core, const char *format, ...) CHATD_PRINTF(2, 3);

/* Compares the story and begins a new one. */
#define fakecore_expect(core, text)               \
    do {                                          \
        assert_string_equal((core)->story, text); \
        (core)->story[0] = '\0';                  \
    } while (0)

#endif
