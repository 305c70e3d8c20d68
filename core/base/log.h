/* SPDX-License-Identifier: MIT */
/*
 * The log: one line an event, to stderr, as text or as JSON lines. Thread-safe. A line equal to the
 * one before is counted instead of written, and the count told with the next line or after 5 s.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_L_DEBUG, LOG_L_INFO, LOG_L_WARN, LOG_L_ERROR };

void log_setup(bool json, enum log_level least);
/* From here on lines say which worker of the server wrote them: "#2 core: ...", or "worker":2. */
void log_set_worker(int worker);
bool log_wants(enum log_level level);

/* `who`: the subject ("core", a plugin's name); `conn`: text that names a connection, or NULL. */
void log_vwrite(enum log_level level, const char *who, const char *conn, const char *fmt,
                va_list ap) __attribute__((format(printf, 4, 0)));
void log_write(enum log_level level, const char *who, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_flush(void); /* tells a count of repeats that has been pending for long */
void log_end(void);   /* tells it now: the process ends */

#define log_debug(...) log_write(LOG_L_DEBUG, "core", __VA_ARGS__)
#define log_info(...)  log_write(LOG_L_INFO, "core", __VA_ARGS__)
#define log_warn(...)  log_write(LOG_L_WARN, "core", __VA_ARGS__)
#define log_error(...) log_write(LOG_L_ERROR, "core", __VA_ARGS__)

#endif
