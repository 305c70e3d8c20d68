/* SPDX-License-Identifier: MIT */
/* Reads bench_load's arguments from one table of names, bounds and help. */
#include "options.h"

#include "v1.h"
#include "wsclient.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_U16, KIND_PIDS, KIND_DIALECT, KIND_FLAG, KIND_UINT, KIND_U64 };

struct option_row {
    const char *name;
    enum kind kind;
    size_t offset;
    uint64_t min, max;
    const char *help;
};

#define ROW(name, kind, field, min, max, help)                      \
    {                                                               \
        name, kind, offsetof(struct options, field), min, max, help \
    }

static const struct option_row rows[] = {
    ROW("--host", KIND_TEXT, host, 0, 0, "IPv4 address of the server (127.0.0.1)"),
    ROW("--port", KIND_U16, port, 1, 65535, "its port (required)"),
    ROW("--pid", KIND_PIDS, roots, 1, 1u << 30, "root processes P[,P...] for CPU and memory"),
    ROW("--dialect", KIND_DIALECT, dialect, 0, 0, "classic or v1 (classic)"),
    ROW("--no-cid", KIND_FLAG, no_cid, 0, 0, "v1: send without cid; takes no value"),
    ROW("--since", KIND_TEXT, since, 0, 0, "v1: join with this position, as JSON"),
    ROW("--run", KIND_UINT, run, 1, UINT32_MAX, "the run's number, to come back to its rooms"),
    ROW("--connect-rate", KIND_UINT, connect_rate, 1, 1000000, "connections a second at most"),
    ROW("--deflate", KIND_FLAG, deflate, 0, 0, "all offer permessage-deflate; takes no value"),
    ROW("--rooms", KIND_UINT, rooms, 1, 100000, "rooms (1)"),
    ROW("--members", KIND_UINT, members, 1, 100000, "members of each room (100)"),
    ROW("--conns", KIND_UINT, conns, 1, 1000000,
        "idle, connect, hold: connections over all rooms (10000)"),
    ROW("--inflight", KIND_UINT, inflight, 1, 64, "fanout: messages under way per room (1)"),
    ROW("--seconds", KIND_UINT, seconds, 1, 86400, "how long to send (5)"),
    ROW("--messages", KIND_U64, messages, 1, 1ull << 36, "stop after so many messages"),
    ROW("--text-bytes", KIND_UINT, text_bytes, WS_TEXT_MIN, WS_TEXT_MAX, "length of a text (128)"),
    ROW("--rate", KIND_UINT, rate, 1, 1000000, "open: messages a second over all rooms (100)"),
    ROW("--settle-ms", KIND_UINT, settle_ms, 0, 600000, "idle: wait before reading (2000)"),
    ROW("--sweep-ms", KIND_UINT, sweep_ms, 0, 1000,
        "fanout: read members so often, 0: at once (50)"),
    ROW("--sources", KIND_UINT, sources, 1, 250, "client addresses (one per 5000 connections)"),
    ROW("--cookie", KIND_TEXT, cookie, 0, 0, "Cookie header, e.g. token=..."),
    ROW("--path-format", KIND_TEXT, path_format, 0, 0, "path, %s is the room (/ws?room=%s)"),
};

static void usage(void)
{
    fputs("usage: bench_load fanout|open|idle|connect|hold --port N [--name value]...\n", stderr);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        fprintf(stderr, "  %-14s %s\n", rows[i].name, rows[i].help);
}

static bool parse_number(const struct option_row *row, const char *text, uint64_t *value_out)
{
    char *end;

    errno = 0;
    *value_out = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || *value_out < row->min ||
        *value_out > row->max) {
        fprintf(stderr, "bench_load: %s %s: wants a number from %llu to %llu\n", row->name, text,
                (unsigned long long)row->min, (unsigned long long)row->max);
        return false;
    }
    return true;
}

static bool store_pids(struct options *options, const struct option_row *row, const char *text)
{
    options->roots.count = 0;
    for (const char *at = text; at; at = strchr(at, ',')) {
        char one[16];
        uint64_t number;

        at += *at == ',';
        snprintf(one, sizeof(one), "%.*s", (int)strcspn(at, ","), at);
        if (options->roots.count == OPTIONS_PIDS_MAX || !parse_number(row, one, &number))
            return false;
        options->roots.pid[options->roots.count++] = (pid_t)number;
    }
    return true;
}

static bool store_dialect(struct options *options, const char *text)
{
    options->dialect = strcmp(text, "v1") == 0 ? BENCH_V1 : BENCH_CLASSIC;
    return options->dialect == BENCH_V1 || strcmp(text, "classic") == 0;
}

/* memcpy, since a field is reached by its offset and not by its type. */
static bool store(struct options *options, const struct option_row *row, const char *text)
{
    char *field = (char *)options + row->offset;
    uint64_t number = 0;

    if (row->kind == KIND_TEXT) {
        memcpy(field, &text, sizeof(text));
        return true;
    }
    if (row->kind == KIND_PIDS)
        return store_pids(options, row, text);
    if (row->kind == KIND_DIALECT)
        return store_dialect(options, text);
    if (!parse_number(row, text, &number))
        return false;
    unsigned as_uint = (unsigned)number;
    uint16_t as_u16 = (uint16_t)number;
    if (row->kind == KIND_U64)
        memcpy(field, &number, sizeof(number));
    else if (row->kind == KIND_U16)
        memcpy(field, &as_u16, sizeof(as_u16));
    else
        memcpy(field, &as_uint, sizeof(as_uint));
    return true;
}

static bool parse_mode(struct options *options, const char *name)
{
    static const char *const names[] = {"fanout", "open", "idle", "connect", "hold"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            options->mode = (enum bench_mode)i;
            options->mode_name = names[i];
            return true;
        }
    }
    return false;
}

/* Reads one option and returns how many arguments it took, 0 when it is wrong. */
static int parse_option(struct options *options, const char *name, const char *value)
{
    const bool on = true;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        if (rows[i].kind == KIND_FLAG) {
            memcpy((char *)options + rows[i].offset, &on, sizeof(on));
            return 1;
        }
        return value && store(options, &rows[i], value) ? 2 : 0;
    }
    return 0;
}

static bool check(struct options *options)
{
    if (options->port == 0)
        return false;
    if (options->mode != BENCH_FANOUT)
        options->sweep_ms = 0;
    if (options->mode != BENCH_FANOUT && options->mode != BENCH_OPEN) {
        options->members = options->conns / options->rooms;
        if (options->members == 0) {
            fputs("bench_load: --conns is smaller than --rooms\n", stderr);
            return false;
        }
    }
    if (options->since && strlen(options->since) > V1_SINCE_MAX) {
        fputs("bench_load: --since is too long\n", stderr);
        return false;
    }
    if ((uint64_t)options->members * options->rooms > 1000000) {
        fputs("bench_load: --rooms times --members is over 1000000\n", stderr);
        return false;
    }
    options->conns = options->rooms * options->members;
    if (options->sources == 0)
        options->sources = 1 + (options->conns - 1) / 5000;
    return true;
}

bool options_parse(struct options *options_out, int argc, char **argv)
{
    *options_out = (struct options){.host = "127.0.0.1",
                                    .path_format = "/ws?room=%s",
                                    .rooms = 1,
                                    .members = 100,
                                    .conns = 10000,
                                    .inflight = 1,
                                    .seconds = 5,
                                    .text_bytes = 128,
                                    .rate = 100,
                                    .settle_ms = 2000,
                                    .sweep_ms = 50};
    bool good = argc > 1 && parse_mode(options_out, argv[1]);
    for (int i = 2, taken; good && i < argc; i += taken) {
        taken = parse_option(options_out, argv[i], argv[i + 1]);
        good = taken > 0;
    }
    good = good && check(options_out);
    if (!good)
        usage();
    return good;
}
