#!/bin/sh
# Installs the build into an empty prefix, moves that, and builds the example plugin against it, with CMake and with
# pkg-config; each must serve. usage: install_kit.sh [BUILD_DIR]
set -eu

build=${1:-${DOZAN_BUILD:-build}}
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "install_kit.sh: $*" >&2
    exit 1
}

quietly() {
    "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "$*"; }
}

serves() { # PROGRAM: listens until SIGTERM, and ends well
    [ "$("$1" --help | grep -c 'my-search')" -ge 1 ] || fail "$1 --help does not name its algorithm"
    mkfifo "$work/said"
    "$1" --listen "ipc://$work/plugin.sock" --verbose 2>"$work/said" &
    pid=$!
    read -r said <"$work/said" || fail "$1 ended without a word"
    rm "$work/said"
    case $said in "listening on ipc://"*) ;; *) fail "$1 said: $said" ;; esac
    kill -TERM $pid
    wait $pid || fail "$1 did not end well on SIGTERM"
}

tunes() { # PROGRAM: the example's experiment runs to its end with it, by the installed dozan
    quietly "$work/prefix/bin/dozan" run "$source/examples/plugins/experiment.yaml" --db "$work/tunes.db" \
        --map "/data=$source/examples/quickstart" --plugin "my-search=$1"
    "$work/prefix/bin/dozan" describe experiment plugin --db "$work/tunes.db" >"$work/log"
    grep -q "30 succeeded" "$work/log" || { cat "$work/log" >&2; fail "$1 did not bring 30 trials to their end"; }
    ! grep -q "Plugin faults" "$work/log" || { cat "$work/log" >&2; fail "$1 was faulty"; }
}

quietly cmake --install "$build" --prefix "$work/staged"
mv "$work/staged" "$work/prefix"
for header in algorithm buf client host message rng space status; do
    [ -f "$work/prefix/include/dozan/$header.h" ] || fail "dozan/$header.h is not installed"
done
[ -f "$work/prefix/share/dozan/proto/dozan.proto" ] || fail "dozan.proto is not installed"

quietly cmake -G Ninja -S "$source/examples/plugins/c" -B "$work/by_cmake" -DCMAKE_PREFIX_PATH="$work/prefix"
quietly cmake --build "$work/by_cmake"
serves "$work/by_cmake/my_search"
tunes "$work/by_cmake/my_search"

pc=$(dirname "$(find "$work/prefix" -name dozan.pc)")
flags=$(PKG_CONFIG_PATH="$pc" pkg-config --cflags --libs dozan)
# shellcheck disable=SC2086
quietly cc "$source/examples/plugins/c/my_search.c" $flags -o "$work/by_pkg_config"
serves "$work/by_pkg_config"
echo "install_kit.sh: the installed kit builds, serves and tunes"
