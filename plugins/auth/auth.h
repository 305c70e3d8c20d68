/* SPDX-License-Identifier: MIT */
/* What the parts of the plugin share: its options, its counters, and one instance per worker. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "folded.h"
#include "key.h"
#include "limit.h"
#include "revoked.h"
#include "since.h"
#include "sockets.h"

#include <chatd/chatd.h>

#include <stdbool.h>

struct service_call;

/* The options, as plugin.c's table fills them. Read through auth_config() at every use: a reload
 * replaces the struct. */
struct auth_config {
    const char *jwt_secret, *jwt_old_secret;     /* NULL or empty: not set */
    const char *jwt_key_file, *jwt_old_key_file; /* likewise */
    int64_t token_ttl_ms, clock_leeway_ms;
    int64_t session_max_ms; /* 0: nothing is renewed */
    int64_t bcrypt_cost;
    int64_t login_rate, register_rate; /* a minute and address; 0: off */
    int64_t login_rate_total, register_rate_total;
    int64_t account_rate;              /* wrong passwords */
    int32_t cookie_secure;             /* enum cookie_secure */
    int32_t registration;              /* enum registration */
    const char *const *reserved_names; /* ends with NULL; may be NULL */
    int32_t password_check;            /* 0 or 1 */
    const char *password_dictionary;   /* NULL: libcrack2's own */
};

enum cookie_secure { COOKIE_SECURE_AUTO = 0, COOKIE_SECURE_ON = 1, COOKIE_SECURE_OFF = 2 };
enum registration { REGISTRATION_OPEN = 0, REGISTRATION_CLOSED = 1 };

/* The label values of logins_total, registrations_total and password_changes_total. */
enum auth_result { RESULT_OK = 0, RESULT_BAD = 1, RESULT_LIMITED = 2, RESULT_ERROR = 3 };

/* The label values of limited_total. */
enum auth_limit { LIMIT_ADDRESS = 0, LIMIT_ACCOUNT = 1, LIMIT_SERVER = 2, LIMIT_QUEUE = 3 };

struct auth_metrics {
    int limited, logins, registrations, changes, revoked, revoked_users, renewed, hash_seconds;
};

struct auth {
    chatd_plugin *self;
    const struct chatd_service *kv;  /* NULL: nobody offers it */
    const struct chatd_service *bus; /* NULL: likewise */
    struct auth_metrics metric;
    struct key key;
    struct folded folded;
    chatd_sub news;       /* of revoked tokens */
    chatd_sub since_news; /* of users who signed out everywhere */
    chatd_sub tries;
    char tries_sender[17];                    /* what this worker is called there */
    struct limit login_limit, register_limit; /* by network */
    struct limit login_total, register_total; /* one row, "" */
    struct limit account_limit;               /* by guess.h's buckets */
    struct revoked revoked;
    struct since since;
    struct sockets sockets;
    struct service_call *posted; /* calls of chatd.auth to be answered in the next turn */
    uint32_t calls;     /* store calls not called back yet: they keep this struct alive (store.c) */
    bool no_dictionary; /* the last job found none (weak.c) */
    bool store_away;    /* the last call failed */
    bool stopped;       /* stop() ran: touch nothing of the core */
};

static inline const struct auth_config *auth_config(const struct auth *a)
{
    return (const struct auth_config *)a->self->config;
}

/* Zeroed memory for something small and fixed; ends the process when there is none, as the core
 * does, and the master starts another. */
void *auth_alloc(size_t bytes);

/* Counts one outcome of `metric`, which has the label values of enum auth_result. */
void auth_count(struct auth *a, int metric, enum auth_result result);

/* Counts somebody whom a limit turned away. */
void auth_limited(struct auth *a, enum auth_limit limit);

/* Tells the operator how the plugin is, from the states of its parts. */
void auth_report(struct auth *a);

/* The store answers again after a time away. */
void auth_store_back(struct auth *a);

/* Frees everything. Called by stop(), or by the last store call that was under way then. */
void auth_free(struct auth *a);

#endif
