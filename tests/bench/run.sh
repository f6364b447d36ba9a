#!/bin/sh
# Runs every benchmark and prints its ratios: sh tests/bench/run.sh [--short] [NAME...]. --short: only to see that they work.
set -eu
cd "$(dirname "$0")/../.."
short=
[ "${1-}" != --short ] || { short=--short; shift; }
for bench in tests/bench/bench_*.c; do
    name=$(basename "$bench" .c)
    [ $# = 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
    echo "== $name"
    # shellcheck disable=SC2086
    "build/$name" $short
done
for bench in tests/bench/*.py; do
    name=$(basename "$bench" .py)
    [ $# = 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
    echo "== $name"
    # shellcheck disable=SC2086
    python3 "$bench" $short
done
