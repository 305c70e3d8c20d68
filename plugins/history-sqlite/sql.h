/* SPDX-License-Identifier: MIT */
/* Every statement the store runs after it is open; each is compiled once, at its first use. */
#ifndef HISTORY_SQLITE_SQL_H
#define HISTORY_SQLITE_SQL_H

/* Rows past their time are removed in portions: a long list must not hold up a commit. */
#define STORE_SQL(X)                                                                             \
    X(SQL_BEGIN_READ, "BEGIN")                                                                   \
    X(SQL_BEGIN_WRITE, "BEGIN IMMEDIATE")                                                        \
    X(SQL_COMMIT, "COMMIT")                                                                      \
    X(SQL_ROLLBACK, "ROLLBACK")                                                                  \
    X(SQL_SAVEPOINT, "SAVEPOINT operation")                                                      \
    X(SQL_RELEASE, "RELEASE operation")                                                          \
    X(SQL_ROLLBACK_TO, "ROLLBACK TO operation")                                                  \
    X(SQL_GENERATION_NEXT, "UPDATE meta SET value = value + 1 WHERE key = 'generation'")         \
    X(SQL_GENERATION, "SELECT value FROM meta WHERE key = 'generation'")                         \
    X(SQL_META_GET, "SELECT value FROM meta WHERE key = ?1")                                     \
    X(SQL_META_PUT, "INSERT INTO meta VALUES (?1, ?2) "                                          \
                    "ON CONFLICT DO UPDATE SET value = excluded.value")                          \
    X(SQL_CANARY, "INSERT INTO meta VALUES ('canary', 1) "                                       \
                  "ON CONFLICT DO UPDATE SET value = value + 1")                                 \
    X(SQL_TOUCH, "INSERT INTO meta VALUES ('room', zeroblob(8192))")                             \
    X(SQL_UNTOUCH, "DELETE FROM meta WHERE key = 'room'")                                        \
                                                                                                 \
    X(SQL_ROOMS_COMMON, "UPDATE rooms SET common = top")                                         \
    X(SQL_ROOM_GET, "SELECT id, top, first, common, ts FROM rooms WHERE name = ?1")              \
    X(SQL_ROOM_NEW, "INSERT INTO rooms (name, top, first, common, ts) VALUES (?1, 0, 1, 0, 0)")  \
    X(SQL_ROOM_TOP, "UPDATE rooms SET top = ?2, ts = ?3 WHERE id = ?1")                          \
    X(SQL_ROOM_FIRST, "UPDATE rooms SET first = ?2 WHERE id = ?1")                               \
    X(SQL_ROOMS_SINCE, "SELECT name, top FROM rooms WHERE ts >= ?1")                             \
    X(SQL_DATA_VERSION, "PRAGMA data_version")                                                   \
    X(SQL_RECORD_ADD, "INSERT INTO records VALUES (?1, ?2, ?3, ?4)")                             \
    X(SQL_RECORDS_TRIM, "DELETE FROM records WHERE room = ?1 AND seq < ?2")                      \
    X(SQL_RECORDS_AFTER, "SELECT seq, ts, record FROM records WHERE room = ?1 AND seq > ?2 "     \
                         "ORDER BY seq LIMIT ?3")                                                \
    X(SQL_RECORDS_BEFORE, "SELECT seq, ts, record FROM records WHERE room = ?1 AND seq < ?2 "    \
                          "ORDER BY seq DESC LIMIT ?3")                                          \
    /* CROSS: the rooms first, or all records would be walked over. */                           \
    X(SQL_ROOMS_OLD, "SELECT rooms.id, rooms.first, rooms.top FROM rooms CROSS JOIN records "    \
                     "ON records.room = rooms.id AND records.seq = rooms.first "                 \
                     "WHERE records.ts < ?1 LIMIT ?2")                                           \
    X(SQL_RECORD_FRESH, "SELECT seq FROM records WHERE room = ?1 AND seq >= ?2 AND seq < ?3 "    \
                        "AND ts >= ?4 ORDER BY seq LIMIT 1")                                     \
    X(SQL_CID_GET, "SELECT seq, ts FROM cids WHERE room = ?1 AND user = ?2 AND cid = ?3")        \
    X(SQL_CID_PUT, "INSERT INTO cids VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE "     \
                   "SET seq = excluded.seq, ts = excluded.ts, expires = excluded.expires")       \
    X(SQL_CIDS_PRUNE, "DELETE FROM cids WHERE (room, user, cid) IN (SELECT room, user, cid "     \
                      "FROM cids WHERE expires <= ?1 ORDER BY expires LIMIT ?2)")                \
                                                                                                 \
    X(SQL_KV_GET, "SELECT value FROM kv WHERE ns = ?1 AND key = ?2")                             \
    X(SQL_KV_PUT, "INSERT INTO kv VALUES (?1, ?2, ?3) "                                          \
                  "ON CONFLICT DO UPDATE SET value = excluded.value")                            \
    X(SQL_KV_DEL, "DELETE FROM kv WHERE ns = ?1 AND key = ?2")                                   \
    X(SQL_KV_SCAN, "SELECT key, value FROM kv WHERE ns = ?1 AND key > ?2 ORDER BY key LIMIT ?3") \
    X(SQL_TTL_GET, "SELECT value FROM kv_ttl WHERE ns = ?1 AND key = ?2 AND expires > ?3")       \
    X(SQL_TTL_PUT, "INSERT INTO kv_ttl VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE "           \
                   "SET value = excluded.value, expires = excluded.expires")                     \
    X(SQL_TTL_SET, "UPDATE kv_ttl SET value = ?3 WHERE ns = ?1 AND key = ?2")                    \
    X(SQL_TTL_DEL, "DELETE FROM kv_ttl WHERE ns = ?1 AND key = ?2")                              \
    X(SQL_TTL_PRUNE, "DELETE FROM kv_ttl WHERE (ns, key) IN (SELECT ns, key FROM kv_ttl "        \
                     "WHERE expires <= ?1 ORDER BY expires LIMIT ?2)")

#define STORE_SQL_ID(id, text) id,
enum store_sql { STORE_SQL(STORE_SQL_ID) SQL_COUNT };
#undef STORE_SQL_ID

#endif
