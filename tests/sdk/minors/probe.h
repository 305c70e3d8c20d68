/* SPDX-License-Identifier: MIT */
/*
 * A plugin that does all that the SDK of its minor offers, so that a test can look whether today's chatd still does
 * its part. One source for all minors: each is built with the headers of its own minor alone.
 */
#ifndef MINORS_PROBE_H
#define MINORS_PROBE_H

#include <chatd/chatd.h>

#define TEXT_OF(x)  #x
#define TEXT(macro) TEXT_OF(macro)

/* "probe-0-1": the plugin's name, its INI section, and what its routes, verbs, rooms and words begin with. */
#define NAME "probe-" TEXT(CHATD_ABI_MAJOR) "-" TEXT(CHATD_ABI_MINOR)

/* The probe of the minor before: what it offers and defines is used here. */
#if CHATD_ABI_MINOR == 1
#define PREVIOUS "probe-0-0" /* there is none */
#elif CHATD_ABI_MINOR == 2
#define PREVIOUS "probe-0-1"
#elif CHATD_ABI_MINOR == 3
#define PREVIOUS "probe-0-2"
#elif CHATD_ABI_MINOR == 4
#define PREVIOUS "probe-0-3"
#else
#error "a new minor: name the one before"
#endif

struct probe_config {
    const char *word;
    int64_t number;
    int32_t is_on;
    int64_t bytes;
    int64_t span_ms;
    int32_t colour;
    const char *const *list;
    const char *path;
    const char *secret;
#if CHATD_ABI_MINOR >= 2
    const char *from_env;
#endif
};

/* An answer on its way: JSON, of ASCII without quotes alone. */
struct text {
    size_t n;
    char p[4000];
};

void text_add(struct text *text, const char *fmt, ...) CHATD_PRINTF(2, 3);
void text_reply(chatd_plugin *self, chatd_req req, const struct text *text);

/* For texts of clients: what JSON would have to escape becomes '?'. Good until the fourth call after. */
const char *text_plain(chatd_str s);

int is_text(chatd_str s, const char *text);
int begins(chatd_str s, const char *text);

/* Counts one more `what`, a literal; GET /NAME/seen tells how many. */
void seen(const char *what);

/* Adds a GET route below /NAME. */
int probe_get(chatd_plugin *self, const char *pattern, uint32_t flags,
              void (*handle)(chatd_plugin *self, chatd_req req));

/* A connection or request that waits for 20 ms, then goes on with `verdict`. */
enum chatd_verdict probe_wait(chatd_plugin *self, struct chatd_ev *ev, enum chatd_verdict verdict);

/* What the parts register. */
int http_init(chatd_plugin *self);
int ws_init(chatd_plugin *self);
int events_init(chatd_plugin *self);
int tasks_init(chatd_plugin *self);
int services_init(chatd_plugin *self);
int rooms_init(chatd_plugin *self);

/* What is opened in start(). */
int ws_start(chatd_plugin *self);

extern const struct chatd_need probe_needs[];

/* Metrics: registered by probe.c. */
extern int probe_counter, probe_gauge, probe_histogram;

#endif
