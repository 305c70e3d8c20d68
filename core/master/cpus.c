/* SPDX-License-Identifier: MIT */
/* How many workers `auto` is: the processors this process may run on, or the quota of its cgroup where
 * that is less. */
#include "base/num.h"
#include "master/master.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

static unsigned by_affinity(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

/* A started processor counts: a quota of 1.5 is two workers. 0: no quota. */
static unsigned rounded(uint64_t quota, uint64_t period)
{
    return quota == 0 || period == 0 ? 0 : (unsigned)((quota + period - 1) / period);
}

static bool read_line(const char *path, char *line, int size)
{
    FILE *f = fopen(path, "re");
    bool good = f != NULL && fgets(line, size, f) != NULL;

    if (f != NULL)
        fclose(f);
    if (good)
        line[strcspn(line, "\n")] = '\0';
    return good;
}

static bool read_number(const char *path, uint64_t *out)
{
    char line[64];

    return read_line(path, line, sizeof(line)) && num_parse_u64(line, strlen(line), out);
}

/* cgroup v2: "QUOTA PERIOD", or "max PERIOD". */
static unsigned by_v2(const char *folder)
{
    char path[512], line[64];
    const char *blank;
    uint64_t quota, period;

    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.max", folder);
    if (!read_line(path, line, sizeof(line)) || (blank = strchr(line, ' ')) == NULL ||
        !num_parse_u64(line, (size_t)(blank - line), &quota) ||
        !num_parse_u64(blank + 1, strlen(blank + 1), &period))
        return 0;
    return rounded(quota, period);
}

static unsigned less(unsigned a, unsigned b)
{
    return b > 0 && b < a ? b : a;
}

/* The group's own quota and those of the groups around it. Inside a container its group is the root. */
static unsigned by_groups(unsigned n)
{
    char line[512];
    FILE *f = fopen("/proc/self/cgroup", "re");
    uint64_t quota, period;
    char *slash;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        for (; (slash = strrchr(line + 3, '/')) != NULL; *slash = '\0')
            n = less(n, by_v2(slash[1] != '\0' ? line + 3 : ""));
    }
    if (f != NULL)
        fclose(f);
    n = less(n, by_v2(""));
    if (read_number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &quota) &&
        read_number("/sys/fs/cgroup/cpu/cpu.cfs_period_us", &period))
        n = less(n, rounded(quota, period));
    return n;
}

unsigned cpus_available(void)
{
    unsigned n = by_groups(by_affinity());

    return n < 1 ? 1 : n > CORE_WORKERS_MAX ? CORE_WORKERS_MAX : n;
}
