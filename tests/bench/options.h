/* SPDX-License-Identifier: MIT */
/* The command line of bench_load. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum bench_mode { BENCH_FANOUT, BENCH_OPEN, BENCH_IDLE, BENCH_CONNECT, BENCH_HOLD };
enum bench_dialect { BENCH_CLASSIC, BENCH_V1 };

#define OPTIONS_PIDS_MAX 8

struct options {
    enum bench_mode mode;
    const char *mode_name;
    const char *host;        /* an IPv4 address */
    const char *cookie;      /* the Cookie header's value, or NULL */
    const char *path_format; /* `%s` stands for the room */
    uint16_t port;
    enum bench_dialect dialect;
    const char *since;     /* chatd.v1: the position to join with, as JSON, or NULL */
    unsigned run;          /* what rooms are named by and messages marked with; 0: by chance */
    unsigned connect_rate; /* connections a second; 0: as fast as they are answered */
    bool no_cid;           /* chatd.v1: send without one */
    bool deflate;          /* offer permessage-deflate, and insist on it */
    struct {
        pid_t pid[OPTIONS_PIDS_MAX]; /* root processes whose trees are measured */
        unsigned count;
    } roots;
    unsigned rooms;
    unsigned members; /* of each room; made from conns and rooms where those are asked for */
    unsigned conns;
    unsigned inflight;
    unsigned seconds;  /* sending stops after this time ... */
    uint64_t messages; /* ... or after so many messages over all rooms; 0: no such bound */
    unsigned text_bytes;
    unsigned rate; /* messages a second over all rooms */
    unsigned settle_ms;
    unsigned sweep_ms; /* how often members that do not send are read; 0: at once */
    unsigned sources;  /* client addresses 127.0.0.1 ...; 0: one per 5,000 connections */
};

/* Prints the reason to stderr and returns false when the arguments cannot be used. The strings
 * belong to argv. */
bool options_parse(struct options *options_out, int argc, char **argv);

#endif
