/* SPDX-License-Identifier: MIT */
/* Where chatd's own files lie. */
#include "base/prefix.h"

#include "base/mem.h"

#include <libgen.h>
#include <limits.h>
#include <unistd.h>

char *prefix_path(const char *rest)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

    if (n < 0)
        return mem_strdup(rest);
    exe[n] = '\0';
    return mem_printf("%s/../%s", dirname(exe), rest);
}
