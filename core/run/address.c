/* SPDX-License-Identifier: MIT */
/* Listening sockets and the health check. */
#include "run/address.h"

#include "base/mem.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { BACKLOG = 4096, HEALTH_TIMEOUT_S = 3 };

/* "host:port" or "[v6]:port"; *host is NULL for an empty host. */
static bool split(const char *listen, char **host, char **port)
{
    const char *colon = strrchr(listen, ':');
    size_t n = colon != NULL ? (size_t)(colon - listen) : 0;

    *host = *port = NULL;
    if (colon == NULL || colon[1] == '\0')
        return false;
    if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']')
        *host = mem_strndup(listen + 1, n - 2);
    else if (memchr(listen, ':', n) != NULL)
        return false; /* an IPv6 address without brackets */
    else if (n > 0)
        *host = mem_strndup(listen, n);
    *port = mem_strdup(colon + 1);
    return true;
}

/* getaddrinfo() takes 99999 for 34463. */
static bool is_port(const char *text)
{
    uint64_t port;

    return num_parse_u64(text, strlen(text), &port) && port <= UINT16_MAX;
}

bool address_check(const char *listen, char **error_out)
{
    char *host, *port;
    bool ok = split(listen, &host, &port) && is_port(port);

    if (!ok)
        *error_out = mem_printf("[chatd] listen = %s is not an address; write like 0.0.0.0:8080 or "
                                "[::]:8080",
                                listen);
    mem_free(host);
    mem_free(port);
    return ok;
}

static struct addrinfo *resolve(const char *listen, int flags, char **error_out)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found = NULL;
    char *host, *port;
    int rc;

    if (!address_check(listen, error_out))
        return NULL;
    split(listen, &host, &port);
    rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0)
        *error_out = mem_printf("[chatd] listen = %s: %s", listen, gai_strerror(rc));
    mem_free(host);
    mem_free(port);
    return rc == 0 ? found : NULL;
}

static char *name_of(int fd)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (getsockname(fd, (struct sockaddr *)&ss, &n) < 0 ||
        getnameinfo((struct sockaddr *)&ss, n, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return mem_strdup("?");
    return mem_printf(ss.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

int address_listen(const char *listen_text, char **where_out, char **error_out)
{
    struct addrinfo *ai = resolve(listen_text, AI_PASSIVE | AI_NUMERICSERV, error_out);
    int fd, one = 1, off = 0;

    if (ai == NULL)
        return -1;
    fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (ai->ai_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (fd < 0 || bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        *error_out = mem_printf("cannot listen on %s: %s%s", listen_text, strerror(errno),
                                errno == EADDRINUSE
                                    ? "; another server has it: stop that one or change listen in "
                                      "[chatd] (or CHATD_LISTEN)"
                                : errno == EACCES ? "; ports below 1024 need root"
                                                  : "");
        if (fd >= 0)
            close(fd);
        fd = -1;
    } else {
        *where_out = name_of(fd);
    }
    freeaddrinfo(ai);
    return fd;
}

static int ask(int fd)
{
    static const char request[] =
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char answer[64] = "";
    size_t have = 0;

    if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
        return -1;
    while (have < 12) {
        ssize_t n = recv(fd, answer + have, sizeof(answer) - 1 - have, 0);

        if (n <= 0)
            return -1;
        have += (size_t)n;
    }
    if (strncmp(answer, "HTTP/1.1 200", 12) == 0)
        return 0;
    errno = EPROTO;
    return -1;
}

/* Every address is every address of this machine; one to ask is its loopback. */
static void aim(struct sockaddr *sa)
{
    struct sockaddr_in *in = (void *)sa;
    struct sockaddr_in6 *in6 = (void *)sa;

    if (sa->sa_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_ANY))
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
        in6->sin6_addr = in6addr_loopback;
}

int address_health(const char *listen_text)
{
    struct timeval tv = {HEALTH_TIMEOUT_S, 0};
    char *error = NULL;
    struct addrinfo *ai = resolve(listen_text, AI_NUMERICSERV, &error);
    int fd, rc;

    if (ai == NULL) {
        fprintf(stderr, "%s\n", error);
        mem_free(error);
        return 1;
    }
    fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    aim(ai->ai_addr);
    rc = connect(fd, ai->ai_addr, ai->ai_addrlen) < 0 ? -1 : ask(fd);
    if (rc < 0)
        fprintf(stderr, "chatd at %s does not answer /livez: %s\n", listen_text, strerror(errno));
    else
        printf("chatd at %s is alive\n", listen_text);
    close(fd);
    freeaddrinfo(ai);
    return rc < 0 ? 1 : 0;
}
