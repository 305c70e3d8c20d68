/* SPDX-License-Identifier: MIT */
/* Formats log lines and writes each with one write(). */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FOLD_MS = 5000 };

/* The log sink is one of the two mutable globals of the program (the other: signal flags). */
static struct {
    pthread_mutex_t lock;
    bool json;
    enum log_level least;
    struct buf last; /* level, who, conn and text of the last line */
    enum log_level last_level;
    char *last_who;
    unsigned repeats;
    int64_t first_repeat_ms;
    int worker; /* -1: not one of several processes */
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .least = LOG_L_INFO, .worker = -1};

static const char *const level_name[] = {"debug", "info", "warn", "error"};

void log_setup(bool json, enum log_level least)
{
    pthread_mutex_lock(&sink.lock);
    sink.json = json;
    sink.least = least;
    pthread_mutex_unlock(&sink.lock);
}

void log_set_worker(int worker)
{
    pthread_mutex_lock(&sink.lock);
    sink.worker = worker;
    pthread_mutex_unlock(&sink.lock);
}

bool log_wants(enum log_level level)
{
    return level >= sink.least;
}

static void put_time(struct buf *out)
{
    int64_t ms = clock_wall_ms();
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    char text[32];

    gmtime_r(&s, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    buf_printf(out, "%s.%03dZ", text, (int)(ms % 1000));
}

/* Control characters, those of U+0080 to U+009F too, would let a peer's bytes forge a line or drive a
 * terminal. */
static void put_clean(struct buf *out, const char *text)
{
    const unsigned char *p;

    for (p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f)
            buf_printf(out, "\\x%02x", *p);
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            buf_printf(out, "\\x%02x", *++p);
        else
            buf_add(out, p, 1);
    }
}

static void emit(enum log_level level, const char *who, const char *conn, const char *text)
{
    struct buf out = {0};
    ssize_t ignored;

    if (sink.json) {
        buf_puts(&out, "{\"time\":\"");
        put_time(&out);
        buf_printf(&out, "\",\"level\":\"%s\",\"who\":", level_name[level]);
        buf_json(&out, who, strlen(who));
        if (sink.worker >= 0)
            buf_printf(&out, ",\"worker\":%d", sink.worker);
        if (conn != NULL) {
            buf_puts(&out, ",\"conn\":");
            buf_json(&out, conn, strlen(conn));
        }
        buf_puts(&out, ",\"text\":");
        buf_json(&out, text, strlen(text));
        buf_puts(&out, "}\n");
    } else {
        put_time(&out);
        buf_printf(&out, " %-5s ", level_name[level]);
        if (sink.worker >= 0)
            buf_printf(&out, "#%d ", sink.worker);
        buf_printf(&out, "%s: ", who);
        if (conn != NULL) {
            buf_puts(&out, "[");
            put_clean(&out, conn);
            buf_puts(&out, "] ");
        }
        put_clean(&out, text);
        buf_puts(&out, "\n");
    }
    ignored = write(STDERR_FILENO, out.p, out.n);
    (void)ignored;
    buf_deinit(&out);
}

static void tell_repeats(void)
{
    char text[64];

    if (sink.repeats == 0)
        return;
    snprintf(text, sizeof(text), "(the line above came %u times more)", sink.repeats);
    sink.repeats = 0;
    emit(sink.last_level, sink.last_who, NULL, text);
}

void log_flush(void)
{
    pthread_mutex_lock(&sink.lock);
    if (sink.repeats > 0 && clock_mono_ms() - sink.first_repeat_ms >= FOLD_MS)
        tell_repeats();
    pthread_mutex_unlock(&sink.lock);
}

void log_end(void)
{
    pthread_mutex_lock(&sink.lock);
    tell_repeats();
    pthread_mutex_unlock(&sink.lock);
}

static void note_last(enum log_level level, const char *who, const char *key, size_t n)
{
    buf_clear(&sink.last);
    buf_add(&sink.last, key, n);
    mem_free(sink.last_who);
    sink.last_who = mem_strdup(who);
    sink.last_level = level;
}

void log_vwrite(enum log_level level, const char *who, const char *conn, const char *fmt,
                va_list ap)
{
    struct buf key = {0};
    size_t text_at;

    if (!log_wants(level))
        return;
    buf_printf(&key, "%d %s %s ", (int)level, who, conn ? conn : "");
    text_at = key.n;
    buf_vprintf(&key, fmt, ap);

    pthread_mutex_lock(&sink.lock);
    if (sink.last.n == key.n && memcmp(sink.last.p, key.p, key.n) == 0) {
        if (sink.repeats++ == 0)
            sink.first_repeat_ms = clock_mono_ms();
        else if (clock_mono_ms() - sink.first_repeat_ms >= FOLD_MS)
            tell_repeats();
    } else {
        tell_repeats();
        note_last(level, who, key.p, key.n);
        emit(level, who, conn, key.p + text_at);
    }
    pthread_mutex_unlock(&sink.lock);
    buf_deinit(&key);
}

void log_write(enum log_level level, const char *who, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vwrite(level, who, NULL, fmt, ap);
    va_end(ap);
}
