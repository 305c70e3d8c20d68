#!/bin/sh
# SPDX-License-Identifier: MIT
# Is Redis there, and has it loaded its file?
set -eu

if [ -f /run/secrets/redis_password ]; then
    IFS= read -r REDIS_PASSWORD </run/secrets/redis_password || [ -n "$REDIS_PASSWORD" ]
fi
[ -z "${REDIS_PASSWORD:-}" ] || export REDISCLI_AUTH="$REDIS_PASSWORD"
[ "$(redis-cli ping)" = PONG ]
