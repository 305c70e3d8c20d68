/* SPDX-License-Identifier: MIT */
/* Walks /proc once per reading, keeps the descendants of one process and adds up their numbers. */
#include "proc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct proc_entry {
    pid_t pid;
    pid_t parent;
    uint64_t ticks;
    bool in_tree;
};

struct proc_table {
    struct proc_entry *entry;
    size_t count;
    size_t room;
};

/* The command name stands in parentheses and may hold spaces and parentheses itself, so the fields
 * are counted from the last `)`. After it: 3 state, 4 ppid, ... 14 utime, 15 stime, 16 cutime,
 * 17 cstime (proc(5)). */
static int read_stat(pid_t pid, struct proc_entry *entry_out)
{
    char path[64], line[1024];
    unsigned long user, system;
    long child_user, child_system;
    int parent;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    size_t length = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[length] = '\0';
    const char *rest = strrchr(line, ')');
    if (!rest || sscanf(rest + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
                        &parent, &user, &system, &child_user, &child_system) != 5)
        return -1;
    entry_out->pid = pid;
    entry_out->parent = (pid_t)parent;
    entry_out->ticks = user + system + (uint64_t)child_user + (uint64_t)child_system;
    entry_out->in_tree = false;
    return 0;
}

static void table_add(struct proc_table *table, const struct proc_entry *entry)
{
    if (table->count == table->room) {
        table->room = table->room ? table->room * 2 : 256;
        table->entry = realloc(table->entry, table->room * sizeof(*table->entry));
        if (!table->entry)
            abort();
    }
    table->entry[table->count++] = *entry;
}

static bool parent_in_tree(const struct proc_table *table, pid_t parent)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->entry[i].pid == parent)
            return table->entry[i].in_tree;
    return false;
}

/* Marks the root, then children of marked ones until a pass finds none: a parent may have a higher
 * number than its child. */
static int mark_tree(struct proc_table *table, pid_t root)
{
    bool found = false, again = true;

    for (size_t i = 0; i < table->count; i++)
        if (table->entry[i].pid == root)
            found = table->entry[i].in_tree = true;
    while (found && again) {
        again = false;
        for (size_t i = 0; i < table->count; i++) {
            struct proc_entry *entry = &table->entry[i];
            if (!entry->in_tree && parent_in_tree(table, entry->parent))
                again = entry->in_tree = true;
        }
    }
    return found ? 0 : -1;
}

static int table_read(struct proc_table *table, pid_t root)
{
    DIR *dir = opendir("/proc");
    struct dirent *item;
    struct proc_entry entry;

    if (!dir)
        return -1;
    while ((item = readdir(dir))) {
        long pid = strtol(item->d_name, NULL, 10);
        if (pid > 0 && read_stat((pid_t)pid, &entry) == 0)
            table_add(table, &entry);
    }
    closedir(dir);
    return mark_tree(table, root);
}

int proc_tree_cpu(pid_t pid, double *seconds_out)
{
    struct proc_table table = {0};
    uint64_t ticks = 0;
    int result = table_read(&table, pid);

    for (size_t i = 0; i < table.count; i++)
        if (table.entry[i].in_tree)
            ticks += table.entry[i].ticks;
    free(table.entry);
    *seconds_out = (double)ticks / (double)sysconf(_SC_CLK_TCK);
    return result;
}

static int read_memory(pid_t pid, struct proc_memory *sum)
{
    char path[64], line[256];
    uint64_t kib;
    bool seen = false;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, "Pss: %" SCNu64, &kib) == 1) {
            sum->pss_bytes += kib * 1024;
            seen = true;
        } else if (sscanf(line, "Private_Clean: %" SCNu64, &kib) == 1 ||
                   sscanf(line, "Private_Dirty: %" SCNu64, &kib) == 1) {
            sum->private_bytes += kib * 1024;
        }
    }
    fclose(file);
    return seen ? 0 : -1;
}

int proc_tree_memory(pid_t pid, struct proc_memory *memory_out)
{
    struct proc_table table = {0};
    int result = table_read(&table, pid);

    memset(memory_out, 0, sizeof(*memory_out));
    for (size_t i = 0; i < table.count && result == 0; i++)
        if (table.entry[i].in_tree)
            result = read_memory(table.entry[i].pid, memory_out);
    free(table.entry);
    return result;
}
