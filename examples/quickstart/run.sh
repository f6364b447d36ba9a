#!/bin/sh
# Installs what is needed, builds Dozan into build/, and tunes svm-train to its best trial.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
sh .ci/install-packages.sh build quickstart

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Building into build/ ..."
if ! { cmake --preset release -DDZ_TESTS=OFF && cmake --build --preset release; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
exec build/dozan run examples/quickstart/experiment.yaml --db build/quickstart.db --map "/data=$here" "$@"
