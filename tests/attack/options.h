/* SPDX-License-Identifier: MIT */
/* What one hose is told on its command line. */
#ifndef ATTACK_OPTIONS_H
#define ATTACK_OPTIONS_H

#include <stdint.h>

struct options {
    unsigned port;
    unsigned conns;        /* held at one time */
    unsigned seconds;      /* then it ends, whatever happened */
    unsigned sources;      /* client addresses, 127.0.0.2 and on */
    unsigned first_source; /* so that several hoses have different ones */
    unsigned connect_rate; /* new connections a second */
    unsigned chunk;        /* bytes of one send(); 0: the whole record */
    unsigned rate;       /* sends a second of one connection; 0: as fast as the socket takes them */
    unsigned rcvbuf;     /* 0: the system's */
    unsigned upgrade;    /* 1: the head is an upgrade, and records follow its 101 */
    unsigned lockstep;   /* 1: the next record when something was answered */
    unsigned once;       /* 1: the records once, then silence; else around and around */
    unsigned deaf;       /* 1: nothing is read after the upgrade */
    const char *heads;   /* sent first; connection i begins with record i, modulo */
    const char *first;   /* sent once behind the head: a join */
    const char *records; /* sent then; connection i begins with record i, modulo */
};

/* Negative, with the usage on stderr, when something is wrong. */
int options_parse(struct options *options, int argc, char **argv);

#endif
