#!/bin/sh
# SPDX-License-Identifier: MIT
# Starts Redis with redis.conf and what the compose file decides. The password is the first line of
# /run/secrets/redis_password, or REDIS_PASSWORD; it goes into a file that only Redis reads, since a command line is
# everybody's to read.
set -eu

here=$(dirname "$0")
password=${REDIS_PASSWORD:-}
if [ -f /run/secrets/redis_password ]; then
    IFS= read -r password </run/secrets/redis_password || [ -n "$password" ]
fi
unset REDIS_PASSWORD

umask 077
{
    cat "$here/redis.conf"
    echo "maxmemory ${REDIS_MAXMEMORY:-384mb}"
    echo "appendfsync ${REDIS_APPENDFSYNC:-always}"
    if [ -n "$password" ]; then
        # In quotes, for redis.conf: a backslash before what would end or change them.
        printf 'requirepass "%s"\n' "$(printf '%s' "$password" | sed 's/[\\"]/\\&/g')"
    fi
} >/tmp/redis.conf
exec redis-server /tmp/redis.conf
