#!/bin/sh
# SPDX-License-Identifier: MIT
# Renews the running chatd containers one after another, with the image as it is now:
#
#   docker compose build chat && sh docker/roll.sh
#
# A new one is started and has to be healthy, then an old one stops: it tells its clients to come back, and
# they resume on the others. A new one that does not become healthy is taken away again, and the rest stays
# as it is. Nothing that was acknowledged is lost either way.
set -eu

cd "$(dirname "$0")/.."
deadline=${ROLL_DEADLINE:-120} # seconds, for each new container

if docker compose version >/dev/null 2>&1; then
    compose() { docker compose "$@"; }
else
    compose() { docker-compose "$@"; }
fi

fail() {
    echo "roll: $*" >&2
    exit 1
}

health() {
    docker inspect -f '{{.State.Health.Status}}' "$1" 2>/dev/null || echo gone
}

name() {
    docker inspect -f '{{.Name}}' "$1" | sed 's|^/||'
}

ids() {
    compose ps -q chat | sort
}

old=$(ids)
[ -n "$old" ] || fail "no chat container runs here; docker compose up starts some"
count=$(echo "$old" | wc -l)

for container in $old; do
    before=$(ids)
    compose up -d --no-build --no-deps --no-recreate --scale chat=$((count + 1)) chat >/dev/null 2>&1 ||
        fail "no further container could be started; docker compose logs chat"
    new=$(ids | while read -r id; do
        case $before in *"$id"*) ;; *) echo "$id" ;; esac
    done)
    [ "$(echo "$new" | wc -w)" -eq 1 ] || fail "one new container was to start, there are: ${new:-none}"

    waited=0
    while [ "$(health "$new")" != healthy ]; do
        if [ "$waited" -ge "$deadline" ] || [ "$(health "$new")" = gone ]; then
            docker logs --tail 20 "$new" >&2 || true
            docker rm -f "$new" >/dev/null || true
            fail "the new container was not healthy after $waited s; its last lines are above. The others go on"
        fi
        sleep 1
        waited=$((waited + 1))
    done
    was=$(name "$container")
    docker stop "$container" >/dev/null
    docker rm "$container" >/dev/null
    echo "roll: $(name "$new") took the place of $was"
done
echo "roll: done"
