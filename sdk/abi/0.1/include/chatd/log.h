/* SPDX-License-Identifier: MIT */
/* Log lines: one event, one line, for the person who must act. The core adds time, plugin and
 * connection, and folds repeats. Never log message text, tokens or passwords. */
#ifndef CHATD_LOG_H
#define CHATD_LOG_H

#include <chatd/plugin.h>

enum chatd_log_level {
    CHATD_LOG_DEBUG = 0, /* for whoever debugs this plugin */
    CHATD_LOG_INFO = 1,  /* a step in the server's life */
    CHATD_LOG_WARN = 2,  /* works, but somebody should look */
    CHATD_LOG_ERROR = 3  /* something was lost or refused that should not have been */
};

/* [any] Writes a printf-style line. */
#define chatd_log(self, level, ...) ((self)->core->log((self), (level), CHATD_NO_CONN, __VA_ARGS__))

/* [loop] The same, with the connection's id and user in the line. */
#define chatd_log_conn(self, level, conn, ...) \
    ((self)->core->log((self), (level), (conn), __VA_ARGS__))

#ifdef __cplusplus
#define CHATD_NO_CONN (chatd_conn{0})
#else
#define CHATD_NO_CONN ((chatd_conn){0})
#endif

#endif
