/* SPDX-License-Identifier: MIT */
/* The scripts of retention: where a room stands, and the end of what is too old. */
#include "script.h"

/* KEYS[1] is the list of records, KEYS[2] the hash. Gives {seq, epoch, run, length of the list}; of keys that are
 * something else nothing, for the log's own calls name them. */
const char script_stand[] =
    "local stand = redis.pcall('HMGET', KEYS[2], 'seq', 'epoch', 'run')\n"
    "if stand.err then return {} end\n"
    "local len = redis.pcall('LLEN', KEYS[1])\n"
    "stand[4] = type(len) == 'number' and string.format('%d', len) or false\n"
    "return stand\n";

/*
 * The same keys; ARGV[1]: the time before which a record is old, by the caller's clock; ARGV[2]: the age, ms, for
 * Redis' own clock: a record is old if both say so, lest one wrong clock delete what others still need.
 * ARGV[3]: how many records are looked at; ARGV[4]: about how many bytes of them. Gives how many were deleted.
 *
 * Those in front are the oldest. What the seed left tells no time and lies before everything else: it goes with the
 * first old record behind it. A list whose places are not the numbers of its hash is left alone, and what is no
 * list is somebody else's; the log's own calls complain of that. A time that is a day ahead was a wrong
 * clock's, and tells as little as none.
 */
const char script_forget[] =
    "local len, seq = redis.pcall('LLEN', KEYS[1]), redis.pcall('HGET', KEYS[2], 'seq')\n"
    "seq = type(seq) == 'string' and tonumber(seq)\n"
    "if type(len) ~= 'number' or not seq or len > seq then return 0 end\n"
    "local time = redis.call('TIME')\n"
    "local before = math.min(tonumber(ARGV[1]), time[1] * 1000 - tonumber(ARGV[2]))\n"
    "local ahead = (time[1] + 86400) * 1000\n"
    "local function ts(entry)\n"
    "  return tonumber(string.match(entry, '^{\"seq\":%d+,\"ts\":(%-?%d+)') or '')\n"
    "end\n"
    "local at, hi = 0, len\n" /* the first place, from 0, that tells a time */
    "while at < hi do\n"
    "  local mid = math.floor((at + hi) / 2)\n"
    "  if ts(redis.call('LINDEX', KEYS[1], mid)) then hi = mid else at = mid + 1 end\n"
    "end\n"
    "local first = ts(redis.call('LINDEX', KEYS[1], at) or '')\n"
    "if not first or (first >= before and first < ahead) then return 0 end\n"
    "local old, last, most, slice, fresh = 0, at + tonumber(ARGV[3]), tonumber(ARGV[4]), 32, false\n"
    "while at < last and most > 0 and not fresh do\n"
    "  local part = redis.call('LRANGE', KEYS[1], at, at + slice - 1)\n"
    "  for i = 1, #part do\n"
    "    local t = ts(part[i])\n"
    "    if t and t < before then old = at + i end\n"
    "    if t and t >= before and t < ahead then fresh = true break end\n"
    "    most = most - #part[i]\n"
    "  end\n"
    "  if #part < slice then break end\n"
    "  at = at + slice\n"
    "end\n"
    "if old > 0 then redis.call('LTRIM', KEYS[1], old, -1) end\n"
    "return old\n";
