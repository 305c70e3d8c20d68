/* SPDX-License-Identifier: MIT */
/* The scripts that run inside Redis. Each says in lua_log.c or lua_kv.c what it takes and gives. */
#ifndef HISTORY_REDIS_SCRIPT_H
#define HISTORY_REDIS_SCRIPT_H

enum script {
    SCRIPT_APPEND,
    SCRIPT_RANGE,
    SCRIPT_STAND,
    SCRIPT_FORGET,
    SCRIPT_GET,
    SCRIPT_PUT_ABSENT,
    SCRIPT_CAS,
    SCRIPT_ADD,
    SCRIPT_DEL,
    SCRIPTS,
    SCRIPT_NONE /* a plain command */
};

extern const char script_append[], script_range[], script_stand[], script_forget[];
extern const char script_get[], script_put_absent[], script_cas[], script_add[], script_del[];

static inline const char *script_text(enum script script)
{
    switch (script) {
    case SCRIPT_APPEND:
        return script_append;
    case SCRIPT_RANGE:
        return script_range;
    case SCRIPT_STAND:
        return script_stand;
    case SCRIPT_FORGET:
        return script_forget;
    case SCRIPT_GET:
        return script_get;
    case SCRIPT_PUT_ABSENT:
        return script_put_absent;
    case SCRIPT_CAS:
        return script_cas;
    case SCRIPT_ADD:
        return script_add;
    case SCRIPT_DEL:
        return script_del;
    default:
        return "";
    }
}

struct queue;

/* Makes those known to Redis that it has not told the hash of. Until then, and where it may not be
 * done, a script's text goes with each call. */
void scripts_load(struct queue *queue);

#endif
