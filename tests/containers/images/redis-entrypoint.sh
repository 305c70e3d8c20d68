#!/bin/sh
# SPDX-License-Identifier: MIT
# Options and a configuration are redis-server's; anything else is a program of its own.
set -eu

case ${1:-} in
-* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
    set -- "$@" --protected-mode no
    [ "$(id -u)" != 0 ] || exec setpriv --reuid redis --regid redis --clear-groups "$@"
fi
exec "$@"
