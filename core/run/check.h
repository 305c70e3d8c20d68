/* SPDX-License-Identifier: MIT */
/* Reads a configuration and loads its plugins without starting anything. */
#ifndef RUN_CHECK_H
#define RUN_CHECK_H

#include "config/config.h"

#include <stdbool.h>

/* A config_report.line that writes "error: ..." to stderr. */
void check_to_stderr(void *arg, int severity, const char *text);

/* Warns when REDIS_ADDR is set, as the compose file of earlier chats does, and no plugin reads it. */
void check_redis_addr(const struct config *config, struct config_report *rep);

/* What is printed besides the mistakes: who handles which event, or which plugins there are. */
enum check_print { CHECK_RESULT, CHECK_HOOKS, CHECK_PLUGINS };

/* Tells all mistakes; the exit code. `copy`: a descriptor with the file's text, or -1. `is_masters`: on
 * behalf of a master, which wants them in its log and nothing else. */
int check(const char *file, int copy, enum check_print print, bool is_masters);

#endif
