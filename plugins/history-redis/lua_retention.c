/* SPDX-License-Identifier: MIT */
/* The scripts of retention: where a room stands, and the end of what is too old. */
#include "script.h"

/* KEYS[1] is the list of records, KEYS[2] the hash. Gives {seq, epoch, run, length of the list}. */
const char script_stand[] =
    "local stand = redis.call('HMGET', KEYS[2], 'seq', 'epoch', 'run')\n"
    "local len = redis.pcall('LLEN', KEYS[1])\n"
    "stand[4] = type(len) == 'number' and string.format('%d', len) or false\n"
    "return stand\n";

/*
 * The same keys; ARGV[1]: the time before which a record is old; ARGV[2]: how many are looked at. Gives how
 * many were deleted.
 *
 * Those in front are the oldest. What the seed left tells no time: such records go with an old one behind them. A
 * list without the hash is left alone, for its places would be counted anew; what is no list is
 * somebody else's, and the log's own calls complain of it.
 */
const char script_forget[] =
    "if redis.call('TYPE', KEYS[1]).ok ~= 'list' or redis.call('HEXISTS', KEYS[2], 'seq') == 0 then\n"
    "  return 0\n"
    "end\n"
    "local before, most, slice = tonumber(ARGV[1]), tonumber(ARGV[2]), 100\n"
    "local old, at, fresh = 0, 0, false\n"
    "while at < most and not fresh do\n"
    "  local part = redis.call('LRANGE', KEYS[1], at, at + slice - 1)\n"
    "  for i = 1, #part do\n"
    "    local ts = tonumber(string.match(part[i], '^{\"seq\":%d+,\"ts\":(%-?%d+)') or '')\n"
    "    if ts and ts >= before then fresh = true break end\n"
    "    if ts then old = at + i end\n"
    "  end\n"
    "  if #part < slice then break end\n"
    "  at = at + slice\n"
    "end\n"
    "if old > 0 then redis.call('LTRIM', KEYS[1], old, -1) end\n"
    "return old\n";
