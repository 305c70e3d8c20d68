/* SPDX-License-Identifier: MIT */
/*
 * Versions, error codes, strings and ids: what every other SDK header stands on.
 *
 * Rules for everything that crosses the border between the core and a plugin:
 *   - a struct starts with `uint32_t size`, filled in by whoever allocates it; members are only
 *     ever appended, and zero in a new member means "as before";
 *   - the core reads a smaller record as if its missing tail were zero, takes a larger one only if
 *     the tail it does not know is all zero, and refuses anything above CHATD_RECORD_MAX bytes;
 *   - nobody writes beyond the size the other side stated;
 *   - rows of arrays have no size of their own: the array's stride is stated once, by a macro.
 *
 * Thread tags used in all headers: [init] only inside init() · [loop] on the loop's thread ·
 * [pool] inside a job's run() · [any] everywhere.
 */
#ifndef CHATD_ABI_H
#define CHATD_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Major: equal or refused. Minor: grows with every addition. One line each in doc/abi-changes.md. */
#define CHATD_ABI_MAJOR 0
#define CHATD_ABI_MINOR 1

/* The oldest core minor this plugin can live with; define it before the first include to lower it. */
#ifndef CHATD_ABI_MIN_MINOR
#define CHATD_ABI_MIN_MINOR CHATD_ABI_MINOR
#endif

/* Records larger than this are refused unread. */
#define CHATD_RECORD_MAX 4096u

/* True if `record` (a pointer to a struct with `size`) is long enough to hold `member`. */
#define CHATD_HAS(record, member) \
    ((record)->size >= (size_t)((const char *)(&(record)->member + 1) - (const char *)(record)))

#if defined(__GNUC__)
#define CHATD_EXPORT       __attribute__((visibility("default")))
#define CHATD_PRINTF(a, b) __attribute__((format(printf, a, b)))
#define CHATD_MUST_CHECK   __attribute__((warn_unused_result))
#else
#define CHATD_EXPORT
#define CHATD_PRINTF(a, b)
#define CHATD_MUST_CHECK
#endif

/* What a function returns when it does not return CHATD_OK or a count. Values are never reused. */
enum chatd_err {
    CHATD_OK = 0,
    CHATD_E_INVAL = -1,     /* an argument or record is not what the header asks for */
    CHATD_E_EXISTS = -2,    /* somebody has that name already */
    CHATD_E_NOTFOUND = -3,  /* no such thing */
    CHATD_E_GONE = -4,      /* the id was good once: its object has ended since */
    CHATD_E_BUSY = -5,      /* a cap is reached; again later */
    CHATD_E_STATE = -6,     /* not now: registration after init, a call while stopping */
    CHATD_E_ABI = -7,       /* version or record size does not fit */
    CHATD_E_TIMEOUT = -8,   /* no answer by the deadline; the outcome is unknown */
    CHATD_E_CANCELLED = -9, /* the server or the plugin is stopping */
    CHATD_E_BACKEND = -10   /* the store or peer behind a service is away or failed */
};

/* Text or bytes that somebody else owns, good for the call it is passed in. UTF-8 where it is
 * text; p[n] is '\0' always, and p may hold further NULs only where a header says "bytes". */
typedef struct {
    const char *p;
    size_t n;
} chatd_str;

/* A chatd_str of a string literal. */
#ifdef __cplusplus
#define CHATD_STR(literal) (chatd_str{literal, sizeof(literal) - 1})
#else
#define CHATD_STR(literal) ((chatd_str){literal, sizeof(literal) - 1})
#endif

/*
 * Ids: what a plugin keeps instead of pointers. An id names an object by worker, generation and
 * index; zero is "none". One whose object has ended is answered with CHATD_E_GONE, never a crash.
 */
typedef struct {
    uint64_t v;
} chatd_conn; /* a WebSocket connection */
typedef struct {
    uint64_t v;
} chatd_req; /* an HTTP request that is not answered yet */
typedef struct {
    uint64_t v;
} chatd_channel; /* a named set of local connections */
typedef struct {
    uint64_t v;
} chatd_frame; /* an encoded frame, shared by reference */
typedef struct {
    uint64_t v;
} chatd_wait; /* an event that waits for resume() */
typedef struct {
    uint64_t v;
} chatd_timer;
typedef struct {
    uint64_t v;
} chatd_watch;
typedef struct {
    uint64_t v;
} chatd_sub; /* a subscription at a service */

/* One instance of a plugin in one worker; see plugin.h. */
typedef struct chatd_plugin chatd_plugin;

#ifdef __cplusplus
}
#endif
#endif
