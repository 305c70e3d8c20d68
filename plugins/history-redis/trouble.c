/* SPDX-License-Identifier: MIT */
/* The table of Redis' errors. */
#include "trouble.h"

#include <stdio.h>
#include <string.h>

#define ERROR_MAX 200 /* bytes shown of an error */

/* A text matches if it begins with the code or, before Redis 7, which wrapped what a script ran into in an
 * ERR of the script's, has "-CODE" in it. Codes that begin another come after it. */
static const struct row {
    const char *code;
    struct trouble trouble;
} rows[] = {
    {"NOSCRIPT", {TROUBLE_NO_SCRIPT, true, "its scripts were flushed; they are sent again"}},
    {"WRONGTYPE",
     {TROUBLE_TYPE, false,
      "something else wrote this key: rename or delete it, or use another database"}},
    {"OOM", {TROUBLE_STORE, false, "raise maxmemory in redis.conf, or delete what is not needed"}},
    {"MISCONF", {TROUBLE_STORE, false, "Redis cannot write to its disk: see its log"}},
    {"NOREPLICAS",
     {TROUBLE_STORE, false, "fewer replicas are connected than min-replicas-to-write asks for"}},
    {"READONLY",
     {TROUBLE_PLACE, true,
      "this is a read-only replica: let [history-redis] address name the master"}},
    {"MASTERDOWN", {TROUBLE_PLACE, true, "this is a replica that lost its master"}},
    {"LOADING", {TROUBLE_PLACE, true, "Redis still reads its data from disk: wait"}},
    {"BUSY ",
     {TROUBLE_STORE, true, "a script of somebody's runs and runs there: SCRIPT KILL ends it"}},
    {"MOVED",
     {TROUBLE_PLACE, true, "a Redis Cluster is not supported: use a master with replicas"}},
    {"CROSSSLOT",
     {TROUBLE_PLACE, true, "a Redis Cluster is not supported: use a master with replicas"}},
    {"CLUSTERDOWN",
     {TROUBLE_PLACE, true, "a Redis Cluster is not supported: use a master with replicas"}},
    {"WRONGPASS", {TROUBLE_ACCESS, true, "correct user and password in [history-redis]"}},
    {"NOAUTH", {TROUBLE_ACCESS, true, "write its password into [history-redis] password"}},
    {"NOPERM",
     {TROUBLE_ACCESS, false, "give the user of [history-redis] this right (ACL SETUSER)"}},
    {"ERR The user executing the script can't",
     {TROUBLE_ACCESS, false, "give the user of [history-redis] this right (ACL SETUSER)"}},
    {"DENIED",
     {TROUBLE_ACCESS, true,
      "Redis takes only its own host: set bind and requirepass in redis.conf"}},
    {"ERR AUTH",
     {TROUBLE_ACCESS, true,
      "it asks for no password: empty [history-redis] password, or set requirepass"}},
    {"ERR Client sent AUTH",
     {TROUBLE_ACCESS, true,
      "it asks for no password: empty [history-redis] password, or set requirepass"}},
    {"ERR invalid password", {TROUBLE_ACCESS, true, "correct password in [history-redis]"}},
    {"ERR max number of clients",
     {TROUBLE_PLACE, true, "raise maxclients in redis.conf, or close other clients"}},
    {"ERR DB index",
     {TROUBLE_ACCESS, true, "correct [history-redis] database, or raise databases in redis.conf"}},
    {"ERR unknown command", {TROUBLE_OTHER, true, "chatd needs Redis 5 or later"}},
};

static bool matches(const char *error, const char *code)
{
    static const char wrapped[] = "ERR Error running script";
    const char *inner;

    if (strncmp(error, code, strlen(code)) == 0)
        return true;
    if (strncmp(error, wrapped, sizeof(wrapped) - 1) != 0)
        return false; /* a key may be called anything */
    for (inner = strchr(error, '-'); inner != NULL; inner = strchr(inner + 1, '-'))
        if (strncmp(inner + 1, code, strlen(code)) == 0)
            return true;
    return false;
}

const struct trouble *trouble_of(const char *error)
{
    static const struct trouble other = {TROUBLE_OTHER, false, "see its log"};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (matches(error, rows[i].code))
            return &rows[i].trouble;
    return &other;
}

void trouble_text(const char *where, const char *error, char *buf, size_t size)
{
    static const char *const ends[] = {", with args", " script: ", "\r", "\n"};
    char head[ERROR_MAX + 1];
    size_t n;

    snprintf(head, sizeof(head), "%s", error);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char *end = strstr(head, ends[i]);

        if (end != NULL)
            *end = '\0';
    }
    for (n = strlen(head); n > 0 && head[n - 1] == '.'; n--)
        head[n - 1] = '\0';
    snprintf(buf, size, "%s: %s: %s", where, head, trouble_of(error)->advice);
}
