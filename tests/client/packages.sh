#!/bin/sh
# SPDX-License-Identifier: MIT
# Puts the npm packages that package-lock.json beside this names into build/client/node_modules: exactly
# those, and nothing of them runs while they are installed. Silent and offline when they are there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
place=$here/../../build/client
stamp=$place/node_modules/package-lock.installed

if cmp -s "$here/package-lock.json" "$stamp"; then
    exit 0
fi
echo "Installing with npm what tests/client/package-lock.json names"
mkdir -p "$place"
cp "$here/package.json" "$here/package-lock.json" "$place"
cd "$place"
if ! npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier >npm.log 2>&1; then
    cat npm.log >&2
    echo "npm could not install the packages; see above." >&2
    exit 1
fi
cp package-lock.json "$stamp"
