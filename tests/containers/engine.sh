# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# A container engine for the tests, for run.sh to read in.
#
#   engine_find    sets DOCKER_HOST, CHATD_TEST_COMPOSE and CHATD_TEST_OVERRIDE; else says why not, and is false
#   engine_stop    ends what engine_find started, and leaves nothing of it
#
# An engine that was there before is only used: images get their public names from a registry, and never here. One that is
# started here lives in a folder of its own, has its own address range, and touches neither firewall nor forwarding of
# the machine. Where no registry answers it gets images that stand in for the public ones, from Debian's packages
# (images/).

images='debian:bookworm-slim redis:7 nginx:stable'
engine_folder=

say() {
    echo "containers: $*"
}

skip() {
    echo "skipped: $*"
    return 1
}

# Compose v2, or what Debian has.
find_compose() {
    if docker compose version >/dev/null 2>&1; then
        CHATD_TEST_COMPOSE='docker compose'
    elif command -v docker-compose >/dev/null; then
        CHATD_TEST_COMPOSE=docker-compose
    else
        return 1
    fi
    export CHATD_TEST_COMPOSE
}

# Each of the public images is there, or comes from a registry.
has_images() {
    for image in $images; do
        docker image inspect "$image" >/dev/null 2>&1 || timeout 300 docker pull -q "$image" >/dev/null 2>&1 ||
            return 1
    done
}

engine_find() {
    if docker info >/dev/null 2>&1 && find_compose; then
        if has_images; then
            say "the engine that is here"
            return 0
        fi
        say "the engine that is here has not all of $images, and no registry answers"
    fi
    may_start && start_own && find_compose || return 1
    has_images || stand_in
}

# Whether an engine may be started here. With systemd installing one would start it for good.
may_start() {
    if [ "$(id -u)" -ne 0 ]; then
        skip "no engine with the public images answers, and only root can start one"
    elif [ -S /run/containerd/containerd.sock ]; then
        skip "the engine here has not the public images, and a second one would use its containerd"
    elif command -v dockerd >/dev/null && command -v mmdebstrap >/dev/null && find_compose; then
        :
    elif [ -d /run/systemd/system ]; then
        skip "docker.io, docker-compose or mmdebstrap is not installed, and installing would start a service"
    elif ! sh etc/packages.sh containers-test; then
        skip "docker.io, docker-compose and mmdebstrap could not be installed"
    fi
}

start_own() {
    engine_folder=$(mktemp -d /var/tmp/chatd-engine.XXXXXX) || return 1
    export DOCKER_HOST="unix://$engine_folder/docker.sock" DOCKER_CONFIG="$engine_folder/config"
    export CHATD_TEST_OVERRIDE=tests/containers/own-engine.yml CHATD_TEST_BUILD=--network=host
    # So that a signal for this script's group is not for the engine: engine_stop is.
    setsid dockerd -H "$DOCKER_HOST" --data-root "$engine_folder/data" --exec-root "$engine_folder/exec" \
        -p "$engine_folder/pid" --bridge=none --default-address-pool base=172.31.240.0/21,size=27 \
        --iptables=false --ip-forward=false --ip-masq=false \
        </dev/null >"$engine_folder/log" 2>&1 &
    tries=0
    until docker info >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 150 ] || { [ $tries -gt 10 ] && ! kill -0 $! 2>/dev/null; }; then
            skip "dockerd does not start here: $(tail -n 1 "$engine_folder/log")"
            return 1
        fi
        sleep 0.2
    done
    say "an engine of its own"
}

stand_in() {
    say "no registry answers: images from Debian's packages stand in for $images"
    for sources in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
        [ ! -f "$sources" ] || break
    done
    # A failed mmdebstrap gives an empty archive, in which nothing can be built.
    mmdebstrap --variant=minbase bookworm - "$sources" 2>"$engine_folder/mmdebstrap.log" |
        docker import -c 'CMD ["bash"]' - debian:bookworm-slim >/dev/null &&
        stand_in_for redis:7 redis && stand_in_for nginx:stable nginx && return 0
    tail -n 20 "$engine_folder/mmdebstrap.log"
    skip "the images that stand in could not be made; see above"
}

# stand_in_for IMAGE NAME
stand_in_for() {
    docker build -q --network=host -t "$1" -f "tests/containers/images/$2.Dockerfile" tests/containers/images \
        >"$engine_folder/$2.log" 2>&1 || {
        tail -n 20 "$engine_folder/$2.log"
        return 1
    }
}

engine_stop() {
    [ -n "$engine_folder" ] || return 0
    if [ -f "$engine_folder/pid" ]; then
        engine=$(cat "$engine_folder/pid")
        kill "$engine" 2>/dev/null
        tries=0
        while kill -0 "$engine" 2>/dev/null && [ $tries -lt 120 ]; do
            tries=$((tries + 1))
            sleep 0.25
        done
    fi
    # Of containers that did not end in time.
    sed -n "s|^[^ ]* \($engine_folder/[^ ]*\) .*|\1|p" /proc/mounts | sort -r | while read -r mount; do
        umount -l "$mount"
    done
    rm -rf "$engine_folder"
    engine_folder=
}
