/* SPDX-License-Identifier: MIT */
/* The scripts of a room's log. */
#include "script.h"

/* How long an epoch is kept ready for a room that has nothing. */
#define EPOCH_READY_MS "600000"

/*
 * The state of a room, for both scripts. KEYS[1] is the list of records, KEYS[2] the hash with seq, epoch,
 * run, first, prev, KEYS[3] an epoch that is kept ready; ARGV[1] the server's run_id, ARGV[2] a fresh
 * epoch.
 *
 * Places count: the last entry is number `seq`, the first seq - LLEN + 1. So whatever trims the list
 * from its beginning does no harm.
 *
 * A server that was started anew may have forgotten its last records, and a replica that was
 * promoted may never have had them: another run_id begins a new epoch. Its name follows from the old
 * one and the run_id, so that all readers find the same, also where it cannot be written. A list
 * without the hash was left by the seed; its epoch's name follows from what is in it. A room that has
 * neither has an epoch that is kept ready for a while, with the run_id it was made under, so that all who look
 * in know the one that its first record will have; the rest of it costs Redis nothing until somebody writes
 * there. Under another run_id it is the one before: records that had it may have been forgotten, all of them.
 *
 * An append is one transaction in Redis' append-only file. Where a power cut tore the file within one, Redis
 * (seen with 7.0.15) cuts off the torn command, leaves the beginning of the transaction, and runs it with the next
 * one when it is started again: a record that was lost comes back before others that have its number by then, and
 * all before it would count one less. So a new server is looked at for it: entries know their number, and those that
 * carry more than their place says end with the one that is too many. It goes, as it had gone.
 *
 * All is read before anything is written: an error leaves nothing half done. What a key is, is asked only
 * when a command did not find what it wanted; the error names the key then.
 */
#define STATE                                                                                    \
    "local function want(key, kind)\n"                                                           \
    "  local is = redis.call('TYPE', key).ok\n"                                                  \
    "  if is ~= 'none' and is ~= kind then\n"                                                    \
    "    return redis.error_reply('WRONGTYPE key ' .. key .. ' is a ' .. is ..\n"                \
    "      ', not a ' .. kind)\n"                                                                \
    "  end\n"                                                                                    \
    "end\n"                                                                                      \
    "local run, fresh = ARGV[1], ARGV[2]\n"                                                      \
    "local len = redis.pcall('LLEN', KEYS[1])\n"                                                 \
    "if type(len) == 'table' then return want(KEYS[1], 'list') or len end\n"                     \
    "local meta = redis.pcall('HMGET', KEYS[2], 'seq', 'epoch', 'run', 'first', 'prev')\n"       \
    "if meta.err then return want(KEYS[2], 'hash') or meta end\n"                                \
    "local seq, epoch = tonumber(meta[1] or ''), meta[2]\n"                                      \
    "local first, prev = tonumber(meta[4] or '') or 1, meta[5] or ''\n"                          \
    "local changed, is_new = false, false\n"                                                     \
    "if not seq or not epoch then\n"                                                             \
    "  seq, first, prev, changed = len, 1, '', true\n"                                           \
    "  if len > 0 then\n"                                                                        \
    "    local last = redis.call('LINDEX', KEYS[1], -1)\n"                                       \
    "    epoch = string.sub(redis.sha1hex(run .. len .. last), 1, 16)\n"                         \
    "  else\n"                                                                                   \
    "    local ready = redis.pcall('GET', KEYS[3])\n"                                            \
    "    local was, name = '', nil\n"                                                            \
    "    if type(ready) == 'string' then was, name = string.match(ready, '^(%S*) (%S+)$') end\n" \
    "    is_new, epoch = true, name or fresh\n"                                                  \
    "    if name and was ~= run then\n"                                                          \
    "      prev, epoch = name, string.sub(redis.sha1hex(name .. run), 1, 16)\n"                  \
    "    end\n"                                                                                  \
    "  end\n"                                                                                    \
    "elseif meta[3] ~= run then\n"                                                               \
    "  local function number(place)\n"                                                           \
    "    local entry = redis.call('LINDEX', KEYS[1], place - 1) or ''\n"                         \
    "    return tonumber(string.match(entry, '^{\"seq\":(%d+)') or ''), entry\n"                 \
    "  end\n"                                                                                    \
    "  while len > 0 and number(len) == seq do\n"                                                \
    "    local lo, hi = 1, len\n"                                                                \
    "    while lo < hi do\n"                                                                     \
    "      local mid = math.floor((lo + hi) / 2)\n"                                              \
    "      local n = number(mid)\n"                                                              \
    "      if n and n <= seq - len + mid then hi = mid else lo = mid + 1 end\n"                  \
    "    end\n"                                                                                  \
    "    local n, entry = number(lo - 1)\n"                                                      \
    "    if lo == 1 or not n or n <= seq - len + lo - 1 then break end\n"                        \
    "    local gone = redis.pcall('LREM', KEYS[1], 1, entry)\n"                                  \
    "    if type(gone) == 'table' then return gone end\n"                                        \
    "    len = len - gone\n"                                                                     \
    "    if gone == 0 then break end\n"                                                          \
    "  end\n"                                                                                    \
    "  prev, first, changed = epoch, seq + 1, true\n"                                            \
    "  epoch = string.sub(redis.sha1hex(epoch .. run), 1, 16)\n"                                 \
    "end\n"                                                                                      \
    "if len > seq then seq = len end\n"                                                          \
    "local function text(n) return string.format('%d', n) end\n"

/*
 * Appends a record. KEYS[4]: how the hashes of cids begin. ARGV[3]: the record without its opening
 * brace; ARGV[4]: ts; ARGV[5]: history_max; ARGV[6]: user NUL cid, empty: never a double; ARGV[7]: how
 * long doubles are known, ms; ARGV[8]: the channel.
 * Gives {0, epoch, seq}, or {1, epoch, seq, ts} of the first one if it is a double.
 *
 * Doubles are looked for by the server's clock, which all hosts share, in the two newest windows. The ts kept
 * beside seq tells a caller whose first try was cut off that the first one was its own.
 * The list is written first: where Redis refuses writes, it refuses this one, and nothing is done. When the
 * record and its number are there, the message is stored: what a user's rights do not allow after that
 * must not make an error of it, or it would be sent again. A cid whose record is gone, since somebody
 * deleted the room, is no double.
 */
#ifdef CHATD_WITHOUT_DEDUP /* tests/broken */
#define IS_REPEATABLE "false"
#else
#define IS_REPEATABLE "ARGV[6] ~= ''"
#endif
const char script_append[] = STATE
    "local cids, window\n"
    "if " IS_REPEATABLE " then\n"
    "  local time = redis.call('TIME')\n"
    "  window = tonumber(ARGV[7])\n"
    "  local n = math.floor((time[1] * 1000 + math.floor(time[2] / 1000)) / window)\n"
    "  cids = KEYS[4] .. text(n)\n"
    "  for _, key in ipairs({cids, KEYS[4] .. text(n - 1)}) do\n"
    "    local there = redis.pcall('HGET', key, ARGV[6])\n"
    "    if type(there) == 'table' then return want(key, 'hash') or there end\n"
    "    local s, t = string.match(there or '', '^(%d+) ?(%d*)')\n"
    "    if s and tonumber(s) <= seq then return {1, epoch, s, t} end\n"
    "  end\n"
    "end\n"
    "seq = seq + 1\n"
    "local n, body = text(seq), ARGV[3]\n"
    "local head = '{\"seq\":' .. n .. ',\"ts\":' .. ARGV[4]\n"
    "if not string.find(body, '^%s*}') then head = head .. ',' end\n"
    "redis.call('RPUSH', KEYS[1], head .. body)\n"
    "if changed then\n"
    "  redis.call('HSET', KEYS[2], 'seq', n, 'epoch', epoch, 'run', run, 'first', text(first),\n"
    "    'prev', prev)\n"
    "else\n"
    "  redis.call('HSET', KEYS[2], 'seq', n)\n"
    "end\n"
    "if is_new then redis.pcall('DEL', KEYS[3]) end\n"
    "if cids then\n"
    "  redis.call('HSET', cids, ARGV[6], n .. ' ' .. ARGV[4])\n"
    "  if redis.call('HLEN', cids) == 1 then redis.pcall('PEXPIRE', cids, text(2 * window)) end\n"
    "end\n"
    "if len >= tonumber(ARGV[5]) then redis.pcall('LTRIM', KEYS[1], -tonumber(ARGV[5]), -1) end\n"
    "redis.pcall('PUBLISH', ARGV[8],\n"
    "  'r ' .. epoch .. ' ' .. n .. ' ' .. ARGV[4] .. ' {' .. body)\n"
    "return {0, epoch, n}\n";

/*
 * Reads a page. ARGV[3]: seq; ARGV[4]: limit; ARGV[5]: 'before' or 'after'; ARGV[6]: bytes after which a page
 * ends. Gives {epoch, prev, common, top, more, seq of the first entry, entry...}, rising.
 *
 * A new epoch is noted, so that the next one knows it for its predecessor, and one for a room that has
 * nothing is kept ready; where it cannot be (a full memory) the page is good all the same.
 */
const char script_range[] = STATE
    "if is_new and seq == 0 and epoch == fresh then\n"
    "  redis.pcall('SET', KEYS[3], run .. ' ' .. epoch, 'PX', '" EPOCH_READY_MS "')\n"
    "end\n"
    "if changed and len + seq > 0 then\n"
    "  redis.pcall('HSET', KEYS[2], 'seq', text(seq), 'epoch', epoch, 'run', run,\n"
    "    'first', text(first), 'prev', prev)\n"
    "end\n"
    "local at, limit, most = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[6])\n"
    "local head = seq - len\n" /* number of the last one that is trimmed */
    "local lo, hi\n"           /* places in the list, from 1, that are asked for */
    "if ARGV[5] == 'before' then\n"
    "  hi = (at == 0 or at > seq) and len or math.max(at - 1 - head, 0)\n"
    "  lo = math.max(hi - limit + 1, 1)\n"
    "else\n"
    "  lo = math.max(at - head, 0) + 1\n"
    "  hi = math.min(lo + limit - 1, len)\n"
    "end\n"
    /* In slices: a page of a thousand large records must not be read whole to be thrown away. */
    "local slice, got, bytes = 32, {}, 0\n"
    "local first_place, full = lo, false\n"
    "if ARGV[5] == 'before' then\n"
    "  local place = hi\n"
    "  first_place = hi + 1\n"
    "  while place >= lo and not full do\n"
    "    local from = math.max(place - slice + 1, lo)\n"
    "    local part = redis.call('LRANGE', KEYS[1], from - 1, place - 1)\n"
    "    for i = #part, 1, -1 do\n"
    "      bytes = bytes + #part[i]\n"
    "      if #got > 0 and bytes > most then full = true break end\n"
    "      got[#got + 1] = part[i]\n"
    "      first_place = from + i - 1\n"
    "    end\n"
    "    place = from - 1\n"
    "  end\n"
    "  for i = 1, math.floor(#got / 2) do got[i], got[#got + 1 - i] = got[#got + 1 - i], got[i] end\n"
    "else\n"
    "  local place = lo\n"
    "  while place <= hi and not full do\n"
    "    local to = math.min(place + slice - 1, hi)\n"
    "    local part = redis.call('LRANGE', KEYS[1], place - 1, to - 1)\n"
    "    for i = 1, #part do\n"
    "      bytes = bytes + #part[i]\n"
    "      if #got > 0 and bytes > most then full = true break end\n"
    "      got[#got + 1] = part[i]\n"
    "    end\n"
    "    place = to + 1\n"
    "  end\n"
    "end\n"
    "local more\n"
    "if limit == 0 then more = false\n"
    "elseif ARGV[5] == 'before' then more = first_place > 1 and #got > 0\n"
    "else more = #got > 0 and first_place + #got - 1 < len end\n"
    "local page = {epoch, prev, prev ~= '' and text(first - 1) or '0', text(seq),\n"
    "  more and 1 or 0, text(head + first_place)}\n"
    "for i = 1, #got do page[#page + 1] = got[i] end\n"
    "return page\n";
