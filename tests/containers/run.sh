#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the image, brings the compose file up with three instances, and tries it from outside NGINX:
#
#   sh tests/containers/run.sh [PYTEST ARGUMENT...]
#
# The engine is the machine's, where it has the public images or gets them from a registry. Otherwise one of its own,
# as engine.sh says. Where neither can be, the last line is `skipped: WHY` and the exit code 77.
set -u

cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/containers/engine.sh
. tests/containers/engine.sh

[ $# -gt 0 ] || set -- tests/containers
trap engine_stop EXIT
trap 'exit 130' INT TERM
engine_find || exit 77

/usr/bin/python3 -m pytest -q -ra -p no:cacheprovider "$@"
