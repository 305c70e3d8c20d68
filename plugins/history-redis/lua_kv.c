/* SPDX-License-Identifier: MIT */
/*
 * The scripts of chatd.kv. KEYS[1] is the hash of the namespace, KEYS[2] the string of the entry that
 * has a ttl; ARGV[1] is the field, the key within the namespace. The two kinds are kept apart: a
 * script looks at the one it is asked for, get and del at both.
 */
#include "script.h"

#define WANT                                                                      \
    "local function want(key, kind)\n"                                            \
    "  local is = redis.call('TYPE', key).ok\n"                                   \
    "  if is ~= 'none' and is ~= kind then\n"                                     \
    "    return redis.error_reply('WRONGTYPE key ' .. key .. ' is a ' .. is ..\n" \
    "      ', not a ' .. kind)\n"                                                 \
    "  end\n"                                                                     \
    "end\n"                                                                       \
    "local bad = want(KEYS[1], 'hash') or want(KEYS[2], 'string')\n"              \
    "if bad then return bad end\n"

/* Gives the value or nil. */
const char script_get[] =
    WANT "return redis.call('HGET', KEYS[1], ARGV[1]) or redis.call('GET', KEYS[2])\n";

/* ARGV[2]: value; ARGV[3]: ttl in ms, '0': none. Gives nil, or the value that is there. */
const char script_put_absent[] =
    WANT "local there\n"
         "if ARGV[3] == '0' then\n"
         "  there = redis.call('HGET', KEYS[1], ARGV[1])\n"
         "  if not there then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end\n"
         "else\n"
         "  there = redis.call('GET', KEYS[2])\n"
         "  if not there then redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end\n"
         "end\n"
         "return there\n";

/* ARGV[2]: expected; ARGV[3]: value. Gives nil if there is nothing, 1 if it is done, else what is there. */
const char script_cas[] = WANT "local there = redis.call('HGET', KEYS[1], ARGV[1])\n"
                               "if there ~= ARGV[2] then return there end\n"
                               "redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])\n"
                               "return 1\n";

/* ARGV[2]: what to add; ARGV[3]: ttl. Gives the sum as text (a number of Lua's has but 53 bits), or nil if what
 * is there is no number or the sum does not fit. */
const char script_add[] = WANT
    "local done\n"
    "if ARGV[3] == '0' then\n"
    "  done = redis.pcall('HINCRBY', KEYS[1], ARGV[1], ARGV[2])\n"
    "else\n"
    "  done = redis.pcall('INCRBY', KEYS[2], ARGV[2])\n"
    "end\n"
    "if type(done) == 'table' then\n"
    "  if string.find(done.err, 'integer', 1, true) or string.find(done.err, 'overflow', 1, true) then\n"
    "    return false\n"
    "  end\n"
    "  return done\n"
    "end\n"
    "if ARGV[3] == '0' then return redis.call('HGET', KEYS[1], ARGV[1]) end\n"
    "if redis.call('PTTL', KEYS[2]) == -1 then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end\n"
    "return redis.call('GET', KEYS[2])\n";

/* Gives how many entries there were. */
const char script_del[] =
    WANT "return redis.call('HDEL', KEYS[1], ARGV[1]) + redis.call('DEL', KEYS[2])\n";
