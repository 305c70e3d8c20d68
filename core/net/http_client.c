/* SPDX-License-Identifier: MIT */
/* Whom a request comes from: the other end of its connection or, where that is a trusted proxy, the one
 * that the proxy names. */
#include "net/http_client.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/forwarded.h"
#include "net/http_filter.h"

#include <arpa/inet.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

const char *http_req_peer(struct http_req *r)
{
    char *address = NULL;
    ev_uint16_t port;

    evhttp_connection_get_peer(evhttp_request_get_connection(r->ev), &address, &port);
    return address != NULL ? address : "";
}

const char *http_req_address(struct http_req *r)
{
    return r->address;
}

void http_trust(struct http *h, const char *const *words)
{
    cidr_list_deinit(&h->trusted);
    /* What is no network was refused with the configuration. */
    for (; words != NULL && *words != NULL; words++)
        mem_free(cidr_list_add(&h->trusted, *words));
}

/* All lines of a header as one list (RFC 9110, 5.3). NULL: there is none. */
static const char *header_list(struct http_req *r, const char *name)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(r->ev);
    const struct evkeyval *kv;
    const char *first = NULL;
    size_t lines = 0, bytes = 0, at = 0;
    char *all;

    for (kv = headers->tqh_first; kv != NULL; kv = kv->next.tqe_next) {
        if (strcasecmp(kv->key, name) != 0)
            continue;
        first = lines++ == 0 ? kv->value : first;
        bytes += strlen(kv->value) + 1;
    }
    if (lines < 2)
        return first;
    all = http_req_alloc(r, bytes);
    for (kv = headers->tqh_first; kv != NULL; kv = kv->next.tqe_next) {
        if (strcasecmp(kv->key, name) == 0)
            at += (size_t)snprintf(all + at, bytes - at, "%s%s", at > 0 ? "," : "", kv->value);
    }
    return all;
}

/* A peer from the Internet that sends the header makes it up. One of our own networks is a proxy whose
 * clients are all counted as one, and nothing else would show it. */
static void tell_untrusted(struct http *h, const struct ip *peer)
{
    char text[IP_TEXT_BYTES];

    if (h->has_told_untrusted || !ip_is_private(peer))
        return;
    h->has_told_untrusted = true;
    ip_text(peer, text);
    log_warn(
        "%s sends X-Forwarded-For as a proxy does, and is not believed: its clients all count as "
        "one; if it is your proxy, write trusted_proxies = %s in [chatd]",
        text, text);
}

void http_client_find(struct http_req *r)
{
    struct http *h = r->http;
    const char *peer = http_req_peer(r), *list = header_list(r, "X-Forwarded-For"), *proto;
    struct ip ip;

    /* A link-local peer comes with its interface, fe80::1%eth0. */
    if (!ip_parse(peer, strcspn(peer, "%"), &ip)) {
        snprintf(r->address, sizeof(r->address), "%s", peer);
        return;
    }
    if (cidr_list_has(&h->trusted, &ip)) {
        r->is_proxied = true;
        proto = header_list(r, "X-Forwarded-Proto");
        r->is_secure = proto != NULL && forwarded_is_https(proto, strlen(proto));
        if (list != NULL)
            forwarded_client(list, strlen(list), &h->trusted, &ip);
    } else if (list != NULL) {
        tell_untrusted(h, &ip);
    }
    ip_text(&ip, r->address);
}

/* The address of the other end; empty: it has none. */
static void peer_text(int fd, char out[INET6_ADDRSTRLEN])
{
    struct sockaddr_storage address = {0};
    socklen_t n = sizeof(address);

    out[0] = '\0';
    if (getpeername(fd, (struct sockaddr *)&address, &n) != 0)
        return;
    if (address.ss_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)&address)->sin_addr, out, INET6_ADDRSTRLEN);
    else if (address.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&address)->sin6_addr, out, INET6_ADDRSTRLEN);
}

bool http_client_admit_peer(struct http_peer *peer)
{
    struct http *h = peer->http;
    char text[INET6_ADDRSTRLEN];
    struct ip ip;

    peer_text(bufferevent_getfd(peer->under), text);
    if ((ip_parse(text, strlen(text), &ip) && cidr_list_has(&h->trusted, &ip)) ||
        crowd_enter(&h->crowd, text, h->opt.max_per_address, &peer->place))
        return true;
    h->count->refused_address++;
    return false;
}

bool http_client_admit(struct http_req *r)
{
    struct http *h = r->http;

    if (!r->is_proxied || crowd_enter(&h->crowd, r->address, h->opt.max_per_address, &r->place))
        return true;
    h->count->refused_address++;
    return false;
}
