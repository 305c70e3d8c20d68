/* SPDX-License-Identifier: MIT */
/* Core files, traces, the mode of new files, and memory that is wiped. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "base/secrecy.h"

#include <event2/event.h>

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* The buffers of HTTP have passwords and cookies in them, in pieces that move about. */
static void wipe_and_free(void *p)
{
    if (p != NULL)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

/* realloc() would leave what it moves. */
static void *move_and_wipe(void *p, size_t n)
{
    size_t had = p != NULL ? malloc_usable_size(p) : 0;
    void *fresh;

    if (p != NULL && had >= n)
        return p;
    fresh = malloc(n > 0 ? n : 1);
    if (fresh == NULL || p == NULL)
        return fresh;
    memcpy(fresh, p, had < n ? had : n);
    wipe_and_free(p);
    return fresh;
}

void secrecy_begin(void)
{
    /* More than a limit: it holds for core files that a pipe takes, and closes /proc/PID/mem and environ. */
    prctl(PR_SET_DUMPABLE, 0);
    umask(077);
    event_set_mem_functions(malloc, move_and_wipe, wipe_and_free);
}

void secrecy_cores(bool are_wanted)
{
    struct rlimit lim;

    prctl(PR_SET_DUMPABLE, are_wanted);
    if (getrlimit(RLIMIT_CORE, &lim) < 0)
        return;
    /* The soft one alone: workers inherit it, and a restart of them may want them again. */
    lim.rlim_cur = are_wanted ? lim.rlim_max : 0;
    setrlimit(RLIMIT_CORE, &lim);
}
