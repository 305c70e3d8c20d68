/* SPDX-License-Identifier: MIT */
/* Listening sockets and the health check. */
#include "net/address.h"

#include "base/hostport.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, HEALTH_TIMEOUT_S = 3 };

static struct addrinfo *resolve(const char *listen, int flags, char **error_out)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found = NULL;
    char *host, *port;
    int rc;

    if (!hostport_split(listen, &host, &port)) {
        *error_out = mem_printf("%s is not host:port", listen);
        return NULL;
    }
    rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0)
        *error_out = mem_printf("[chatd] listen = %s: %s", listen, gai_strerror(rc));
    mem_free(host);
    mem_free(port);
    return rc == 0 ? found : NULL;
}

static char *name_of(int fd)
{
    struct sockaddr_storage ss = {0};
    socklen_t n = sizeof(ss);
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (getsockname(fd, (struct sockaddr *)&ss, &n) < 0 ||
        getnameinfo((struct sockaddr *)&ss, n, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return mem_strdup("?");
    return mem_printf(ss.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* What bind() and listen() refuse, as a sentence for whoever chose the address. */
static char *refusal(const char *listen_text, int error)
{
    return mem_printf("cannot listen on %s: %s%s", listen_text, strerror(error),
                      error == EADDRINUSE ? "; another server has it: stop that one or change "
                                            "listen in [chatd] (or CHATD_LISTEN)"
                      : error == EACCES   ? "; ports below 1024 need root"
                                          : "");
}

/* A socket that is bound. SO_REUSEADDR: connections of the time before may linger. */
static int bound(const struct addrinfo *ai, bool share)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, off = 0;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (share)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0)
        return fd;
    int error = errno;

    close(fd);
    errno = error;
    return -1;
}

bool address_open(int fd)
{
    return listen(fd, BACKLOG) == 0;
}

static int bind_shared(const struct addrinfo *ai, unsigned n, int *fd_out)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        fd_out[i] = bound(ai, true);
        if (fd_out[i] >= 0)
            continue;
        int error = errno;

        while (i-- > 0)
            close(fd_out[i]);
        errno = error;
        return -1;
    }
    return 0;
}

/* Tries the address alone: sockets that share one would bind beside another chatd of this user. What it
 * was bound to is written to `at`: where any free port was asked for, the others bind to that one by
 * its number, since a port that the kernel chose is lost when its socket is shut down. */
static int probe(const struct addrinfo *ai, struct sockaddr_storage *at)
{
    socklen_t bytes = sizeof(*at);
    int fd = bound(ai, false);
    int rc = fd < 0 ? -1 : getsockname(fd, (struct sockaddr *)at, &bytes);
    int error = errno;

    if (fd >= 0)
        close(fd);
    errno = error;
    return rc;
}

/* A name in the kernel, gone with its socket: who has it has the address. A socket that is bound and does
 * not listen yet, or for a while, keeps nobody else from binding there, too. -1 with errno. */
static int lock_address(const char *where)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int n = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "chatd/%s", where);

    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&name,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0)
        return fd;
    int error = errno;

    close(fd);
    errno = error;
    return -1;
}

/* The end of both: names what was bound and locks it. `rc` < 0: errno says what went wrong before. */
static int settle(int rc, const char *listen_text, int fd, int *lock_out, char **where_out,
                  char **error_out)
{
    char *where;

    *lock_out = -1;
    if (rc >= 0) {
        where = name_of(fd);
        *lock_out = lock_address(where);
        if (*lock_out >= 0) {
            *where_out = where;
            return 0;
        }
        mem_free(where);
    }
    *error_out = refusal(listen_text, errno);
    return -1;
}

int address_bind(const char *listen_text, unsigned n, int *fd_out, int *lock_out, char **where_out,
                 char **error_out)
{
    struct addrinfo *ai = resolve(listen_text, AI_PASSIVE | AI_NUMERICSERV, error_out);
    struct sockaddr_storage at;
    struct addrinfo same;
    bool is_bound;
    int rc;

    if (ai == NULL)
        return -1;
    same = *ai;
    same.ai_addr = (struct sockaddr *)&at;
    is_bound = probe(ai, &at) == 0 && bind_shared(&same, n, fd_out) == 0;
    rc = settle(is_bound ? 0 : -1, listen_text, is_bound ? fd_out[0] : -1, lock_out, where_out,
                error_out);
    while (rc < 0 && is_bound && n-- > 0)
        close(fd_out[n]);
    freeaddrinfo(ai);
    return rc;
}

int address_listen(const char *listen_text, int *lock_out, char **where_out, char **error_out)
{
    struct addrinfo *ai = resolve(listen_text, AI_PASSIVE | AI_NUMERICSERV, error_out);
    int fd, rc;

    if (ai == NULL)
        return -1;
    fd = bound(ai, false);
    rc = settle(fd >= 0 && address_open(fd) ? 0 : -1, listen_text, fd, lock_out, where_out,
                error_out);
    freeaddrinfo(ai);
    if (rc < 0 && fd >= 0)
        close(fd);
    return rc < 0 ? -1 : fd;
}

int address_bind_beside(int fd)
{
    struct sockaddr_storage at;
    struct addrinfo ai = {.ai_addr = (struct sockaddr *)&at, .ai_addrlen = sizeof(at)};

    if (getsockname(fd, ai.ai_addr, &ai.ai_addrlen) < 0)
        return -1;
    ai.ai_family = at.ss_family;
    return bound(&ai, true);
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
