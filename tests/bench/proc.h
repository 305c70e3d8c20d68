/* SPDX-License-Identifier: MIT */
/* Reads what a process and all its descendants have used of CPU and memory, from /proc. */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stdint.h>
#include <sys/types.h>

struct proc_memory {
    uint64_t pss_bytes;
    uint64_t private_bytes; /* Private_Clean + Private_Dirty */
};

/* User and system seconds of the tree under `pid`, with those of descendants that have ended and
 * were waited for. Negative when `pid` does not exist. */
int proc_tree_cpu(pid_t pid, double *seconds_out);

/* Sum over the tree. Negative when a member of the tree cannot be read (it needs the same user). */
int proc_tree_memory(pid_t pid, struct proc_memory *memory_out);

#endif
