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
new=
said=$(mktemp)

if docker compose version >/dev/null 2>&1; then
    compose() { docker compose "$@"; }
else
    compose() { docker-compose "$@"; }
fi

fail() {
    echo "roll: $*" >&2
    exit 1
}

# However it ends: one that was on probation goes.
end() {
    [ -z "$new" ] || docker rm -f "$new" >/dev/null 2>&1 || true
    rm -f "$said"
}
trap end EXIT
trap 'exit 130' INT TERM

of() { # of FORMAT CONTAINER
    docker inspect -f "$1" "$2" 2>/dev/null || echo gone
}

name() {
    of '{{.Name}}' "$1" | sed 's|^/||'
}

first=$(compose ps -q chat | head -n 1)
[ -n "$first" ] || fail "no chat container runs here; docker compose up starts some"
project=$(of '{{index .Config.Labels "com.docker.compose.project"}}' "$first")

# containers OPTION...: of this chat, by their whole ids.
containers() {
    docker ps -q --no-trunc --filter "label=com.docker.compose.project=$project" \
        --filter label=com.docker.compose.service=chat --filter label=com.docker.compose.oneoff=False "$@" | sort
}

# One that has ended would be started again in place of a new one.
for container in $(containers -a --filter status=exited --filter status=created); do
    docker rm "$container" >/dev/null
done
old=$(containers)
[ -n "$old" ] || fail "no chat container runs here; docker compose up starts some"
count=$(echo "$old" | wc -l)

for container in $old; do
    before=$(containers)
    compose up -d --no-build --no-deps --no-recreate --scale chat=$((count + 1)) chat >"$said" 2>&1 || {
        cat "$said" >&2
        fail "no further container could be started; see above"
    }
    new=$(containers | while read -r id; do
        case $before in *"$id"*) ;; *) echo "$id" ;; esac
    done)
    [ "$(echo "$new" | wc -w)" -eq 1 ] || fail "one new container was to start, there are: ${new:-none}"
    image=$(of '{{.Config.Image}}' "$new")
    [ "$(of '{{.Image}}' "$new")" = "$(docker image inspect -f '{{.Id}}' "$image")" ] ||
        fail "$(name "$new") does not run $image as it is now"

    waited=0
    while [ "$(of '{{.State.Health.Status}}' "$new")" != healthy ]; do
        if [ "$waited" -ge "$deadline" ] || [ "$(of '{{.Name}}' "$new")" = gone ]; then
            docker logs --tail 20 "$new" >&2 || true
            fail "the new container was not healthy after $waited s; its last lines are above. The others go on"
        fi
        sleep 1
        waited=$((waited + 1))
    done
    was=$(name "$container")
    now=$(name "$new")
    new=
    docker stop "$container" >/dev/null
    docker rm "$container" >/dev/null
    echo "roll: $now took the place of $was"
done
echo "roll: all run $image, $(docker image inspect -f '{{.Id}}' "$image" | cut -c 8-19)"
echo "roll: done"
