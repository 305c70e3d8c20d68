/* SPDX-License-Identifier: MIT */
/* Name look-ups. getaddrinfo() blocks for as long as a name server pleases: it runs in an io job. */
#include "resolve.h"

#include <chatd/task.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

struct look_up {
    struct address address;
    struct resolved found;
    int error; /* of getaddrinfo() */
    resolve_done done;
    void *arg;
};

static int look(const struct address *address, int flags, struct resolved *out)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(address->host, address->port, &hints, &list);

    out->n = 0;
    if (error != 0)
        return error;
    for (const struct addrinfo *a = list; a != NULL && out->n < RESOLVED_MAX; a = a->ai_next) {
        memcpy(&out->at[out->n].address, a->ai_addr, a->ai_addrlen);
        out->at[out->n++].bytes = a->ai_addrlen;
    }
    freeaddrinfo(list);
    return 0;
}

bool resolve_now(const struct address *address, struct resolved *out)
{
    if (!address->is_unix)
        return look(address, AI_NUMERICHOST, out) == 0;
    struct sockaddr_un *at = (struct sockaddr_un *)&out->at[0].address;

    *at = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(at->sun_path, address->path, strlen(address->path) + 1);
    out->at[0].bytes = sizeof(*at);
    out->n = 1;
    return true;
}

static int job_run(void *arg)
{
    struct look_up *look_up = arg;

    look_up->error = look(&look_up->address, AI_ADDRCONFIG, &look_up->found);
    /* Where only the loopback is configured the flag hides even its names. */
    if (look_up->error != 0)
        look_up->error = look(&look_up->address, 0, &look_up->found);
    return CHATD_OK;
}

static void job_done(chatd_plugin *self, int rc, void *arg)
{
    const struct look_up *look_up = arg;

    (void)self;
    if (rc == CHATD_E_CANCELLED)
        return;
    if (rc != CHATD_OK) /* run may still be writing into the rest */
        look_up->done(look_up->arg, NULL, "the name server does not answer");
    else if (look_up->error != 0)
        look_up->done(look_up->arg, NULL, gai_strerror(look_up->error));
    else
        look_up->done(look_up->arg, &look_up->found, NULL);
}

int resolve_start(chatd_plugin *self, const struct address *address, uint32_t deadline_ms,
                  resolve_done done, void *arg)
{
    struct look_up *look_up = calloc(1, sizeof(*look_up));

    if (look_up == NULL)
        return CHATD_E_BUSY;
    look_up->address = *address;
    look_up->done = done;
    look_up->arg = arg;
    const struct chatd_job job = {.size = sizeof(job),
                                  .queue = CHATD_JOB_IO,
                                  .deadline_ms = deadline_ms,
                                  .run = job_run,
                                  .done = job_done,
                                  .release = free,
                                  .arg = look_up};
    int err = chatd_job(self, &job);

    if (err != CHATD_OK)
        free(look_up);
    return err;
}
