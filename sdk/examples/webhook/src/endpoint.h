/* SPDX-License-Identifier: MIT */
/*
 * One URL of the configuration, and the addresses its name leads to.
 *
 * Names are looked up here, in a job, and libcurl is told the addresses: it would start a thread for each request that has to
 * ask, and while a name server hangs there would be hundreds. What was found serves until something newer is known, so that
 * nobody waits for a look-up but at the start.
 */
#ifndef WEBHOOK_ENDPOINT_H
#define WEBHOOK_ENDPOINT_H

#include <chatd/chatd.h>
#include <curl/curl.h>
#include <stdbool.h>

struct lookup;
struct endpoint;

/* A look-up has ended; `is_news`: with the first addresses that are known. */
typedef void (*endpoint_told)(chatd_plugin *self, struct endpoint *endpoint, bool is_news);

struct endpoint {
    chatd_plugin *self;
    const char *option; /* "verdict_url" */
    char *url, *host;   /* url NULL: not configured */
    char *where;        /* https://host:port, for people: what follows may hold a token */
    unsigned port;
    bool is_literal;       /* the host is an address */
    char *addresses;       /* "192.0.2.1,[2001:db8::1]"; NULL: none are known yet */
    char why[160];         /* there are none */
    struct lookup *lookup; /* under way */
    int64_t looked_ms;
    chatd_timer again;
    endpoint_told told;
};

/* [init] `url` may be NULL. An error is logged; either way endpoint_deinit() ends it. */
int endpoint_init(struct endpoint *endpoint, chatd_plugin *self, const char *option,
                  const char *url);
void endpoint_deinit(struct endpoint *endpoint);

/* [start] Looks the name up for the first time. */
void endpoint_start(struct endpoint *endpoint, endpoint_told told);

/* Whether requests can be made; if not, `why` says why. */
bool endpoint_is_known(struct endpoint *endpoint);

/* For CURLOPT_RESOLVE; the caller's to curl_slist_free_all(). NULL: none is needed, or there is no memory. */
struct curl_slist *endpoint_resolved(const struct endpoint *endpoint);

#endif
