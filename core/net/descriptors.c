/* SPDX-License-Identifier: MIT */
/* Raises the limit of descriptors. */
#include "net/descriptors.h"

#include "base/log.h"

#include <sys/resource.h>

enum { SPARE = 128 }; /* listeners, the store, plugins' files */

/* Descriptors are a hard fact: better said at the start than found out by clients. */
void descriptors_raise(int64_t max_connections, int64_t max_http_connections)
{
    rlim_t need = (rlim_t)(max_connections + max_http_connections + SPARE);
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
        return;
    if (lim.rlim_cur < need && lim.rlim_cur < lim.rlim_max) {
        lim.rlim_cur = need < lim.rlim_max ? need : lim.rlim_max;
        setrlimit(RLIMIT_NOFILE, &lim);
    }
    if (lim.rlim_cur < need)
        log_warn("the descriptor limit is %llu; max_connections = %lld and max_http_connections = "
                 "%lld need %llu: raise it (ulimit -n, LimitNOFILE) or lower them",
                 (unsigned long long)lim.rlim_cur, (long long)max_connections,
                 (long long)max_http_connections, (unsigned long long)need);
}
