/* SPDX-License-Identifier: MIT */
/* URLs are taken apart by libcurl, names are looked up by getaddrinfo() in a job. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* getaddrinfo, strdup */
#endif
#include "endpoint.h"

#include "text.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKUP_MS     10000u /* for one look-up */
#define FRESH_MS      30000  /* after that the name is looked up again */
#define AGAIN_MS      5000u  /* after one that failed */
#define ADDRESSES_MAX 8

struct lookup {
    struct endpoint *endpoint; /* loop only; NULL: it has ended */
    char *host;
    struct text addresses;
    int rc; /* of getaddrinfo() */
};

/* --- the URL ---------------------------------------------------------------------------------- */

/* A part of the URL, the caller's to curl_free(); NULL: it has none. */
static char *part(CURLU *url, CURLUPart what, unsigned flags)
{
    char *value = NULL;

    return curl_url_get(url, what, &value, flags) == CURLUE_OK ? value : NULL;
}

static bool is_ascii(const char *text)
{
    while (*text != '\0' && (unsigned char)*text < 0x80)
        text++;
    return *text == '\0';
}

static bool is_address(const char *host)
{
    struct in6_addr ip;

    return host[0] == '[' || inet_pton(AF_INET, host, &ip) == 1;
}

/* NULL: it is good; else what is wrong. */
static const char *read_parts(struct endpoint *e, CURLU *url, const char *text)
{
    char *scheme, *host, *port, *user;
    const char *fault = NULL;

    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
        return "is not a URL; write http://host/path or https://host/path";
    scheme = part(url, CURLUPART_SCHEME, 0);
    host = part(url, CURLUPART_HOST, 0);
    port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    user = part(url, CURLUPART_USER, 0);
    if (scheme == NULL || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        fault = "must begin with http:// or https://";
    else if (host == NULL || port == NULL)
        fault = "names no host";
    else if (user != NULL)
        fault = "has a user in it; requests are signed with `secret` instead";
    else if (!is_ascii(host))
        fault = "has a host that is not ASCII; write it as xn--...";
    if (fault == NULL) {
        struct text where = {0};

        text_puts(&where, scheme);
        text_puts(&where, "://");
        text_puts(&where, host);
        text_puts(&where, ":");
        text_puts(&where, port);
        e->where = where.p;
        e->host = strdup(host);
        e->port = (unsigned)strtoul(port, NULL, 10); /* libcurl has checked it */
        e->is_literal = is_address(host);
        fault = where.has_failed || e->host == NULL ? "there is no memory" : NULL;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(user);
    return fault;
}

int endpoint_init(struct endpoint *e, chatd_plugin *self, const char *option, const char *url)
{
    const char *fault = "there is no memory";
    CURLU *parts;

    *e = (struct endpoint){.self = self, .option = option};
    if (url == NULL)
        return CHATD_OK;
    parts = curl_url();
    e->url = strdup(url);
    if (parts != NULL && e->url != NULL)
        fault = read_parts(e, parts, url);
    curl_url_cleanup(parts);
    if (fault == NULL)
        return CHATD_OK;
    chatd_log(self, CHATD_LOG_ERROR, "[webhook] %s %s", option, fault);
    return CHATD_E_INVAL;
}

void endpoint_deinit(struct endpoint *e)
{
    if (e->lookup != NULL)
        e->lookup->endpoint = NULL; /* the core keeps it until its thread has returned */
    free(e->url);
    free(e->host);
    free(e->where);
    free(e->addresses);
    *e = (struct endpoint){0};
}

/* --- looking up ------------------------------------------------------------------------------- */

static void add_address(struct text *out, const struct sockaddr *address, socklen_t n)
{
    char host[INET6_ADDRSTRLEN];

    /* A link-local one comes with its interface: nobody means it. */
    if (getnameinfo(address, n, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0 ||
        strchr(host, '%') != NULL)
        return;
    if (out->n > 0)
        text_puts(out, ",");
    text_puts(out, address->sa_family == AF_INET6 ? "[" : "");
    text_puts(out, host);
    text_puts(out, address->sa_family == AF_INET6 ? "]" : "");
}

/* [pool] */
static int look_up(void *arg)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct lookup *l = arg;
    struct addrinfo *found = NULL, *at;
    int n = 0;

    l->rc = getaddrinfo(l->host, NULL, &hints, &found);
    if (l->rc != 0)
        return CHATD_OK;
    for (at = found; at != NULL && n < ADDRESSES_MAX; at = at->ai_next, n++)
        add_address(&l->addresses, at->ai_addr, at->ai_addrlen);
    freeaddrinfo(found);
    return CHATD_OK;
}

static void start(struct endpoint *e);

static void on_again(chatd_plugin *self, void *arg)
{
    struct endpoint *e = arg;

    if (e->lookup != NULL) /* it was given up, but its thread has not returned yet */
        chatd_timer_start(self, AGAIN_MS, 0, on_again, e, &e->again);
    else
        start(e);
}

/* What was known before stays good. */
static void failed(struct endpoint *e, const char *why)
{
    snprintf(e->why, sizeof(e->why), "its name cannot be looked up: %s", why);
    chatd_timer_cancel(e->self, e->again);
    chatd_timer_start(e->self, AGAIN_MS, 0, on_again, e, &e->again);
}

static void looked_up(chatd_plugin *self, int rc, void *arg)
{
    struct lookup *l = arg;
    struct endpoint *e = l->endpoint;
    bool was_known;

    if (e == NULL || rc == CHATD_E_CANCELLED)
        return;
    was_known = e->addresses != NULL;
    if (rc == CHATD_E_TIMEOUT) { /* the thread may be at work in `l` */
        failed(e, "the name server does not answer");
    } else if (l->rc != 0) {
        failed(e, gai_strerror(l->rc));
    } else if (l->addresses.n == 0) {
        failed(e, "it has no address");
    } else {
        free(e->addresses);
        e->addresses = l->addresses.p;
        l->addresses = (struct text){0};
    }
    e->told(self, e, !was_known && e->addresses != NULL);
}

static void release(void *arg)
{
    struct lookup *l = arg;

    if (l->endpoint != NULL)
        l->endpoint->lookup = NULL;
    text_free(&l->addresses);
    free(l->host);
    free(l);
}

/* One at a time: while one hangs, another would wait behind it. */
static void start(struct endpoint *e)
{
    struct lookup *l = e->lookup == NULL ? calloc(1, sizeof(*l)) : NULL;
    const struct chatd_job job = {.size = sizeof(job),
                                  .queue = CHATD_JOB_IO,
                                  .deadline_ms = LOOKUP_MS,
                                  .run = look_up,
                                  .done = looked_up,
                                  .release = release,
                                  .arg = l};

    if (l == NULL)
        return;
    e->looked_ms = chatd_mono_ms(e->self);
    l->host = strdup(e->host);
    if (l->host != NULL && chatd_job(e->self, &job) == CHATD_OK) {
        l->endpoint = e;
        e->lookup = l;
        return;
    }
    free(l->host);
    free(l);
}

void endpoint_start(struct endpoint *e, endpoint_told told)
{
    e->told = told;
    if (e->url == NULL || e->is_literal)
        return;
    snprintf(e->why, sizeof(e->why), "its name is being looked up");
    start(e);
}

bool endpoint_is_known(struct endpoint *e)
{
    if (e->is_literal)
        return true;
    if (chatd_mono_ms(e->self) - e->looked_ms > FRESH_MS)
        start(e);
    return e->addresses != NULL;
}

struct curl_slist *endpoint_resolved(const struct endpoint *e)
{
    struct text entry = {0};
    struct curl_slist *list = NULL;

    if (e->is_literal)
        return NULL;
    text_puts(&entry, e->host);
    text_puts(&entry, ":");
    text_number(&entry, e->port);
    text_puts(&entry, ":");
    text_puts(&entry, e->addresses);
    if (!entry.has_failed)
        list = curl_slist_append(NULL, entry.p);
    text_free(&entry);
    return list;
}
