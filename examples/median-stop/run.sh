#!/bin/sh
# Builds the trainer and tunes it with median stop. Needs build/dozan: run examples/quickstart/run.sh first.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
[ -x build/dozan ] || { echo "build/dozan is missing: run sh examples/quickstart/run.sh first" >&2; exit 2; }
mkdir -p build/trainer
cc -O2 -o build/trainer/digits-train "$here/train.c" -lm
exec build/dozan run "$here/experiment.yaml" --db build/median-stop.db \
    --map "/opt/trainer=$PWD/build/trainer" --map "/data=$here" "$@"
