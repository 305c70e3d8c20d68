/* SPDX-License-Identifier: MIT */
/* Random bytes from the kernel. */
#include "base/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void rng_bytes(void *buf, size_t n)
{
    unsigned char *p = buf;

    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);

        if (got < 0) {
            if (errno == EINTR)
                continue;
            abort();
        }
        p += got;
        n -= (size_t)got;
    }
}

uint64_t rng_u64(void)
{
    uint64_t v;

    rng_bytes(&v, sizeof(v));
    return v;
}
