#!/bin/sh
# Sets up what the tests need, builds, and runs them.
#   sh tests/run.sh             everything that takes less than 5 minutes: unit, conformance, integration, fault,
#                               simulation and scenario tests, in build/
#   sh tests/run.sh PART...     big parts: lint asan tsan fuzz kill bench coverage
#   DOZAN_SEED=N                replays the random tests of a printed seed
set -eu
cd "$(dirname "$0")/.."
root=$PWD
: "${CMAKE_BUILD_PARALLEL_LEVEL:=$(nproc)}"
export CMAKE_BUILD_PARALLEL_LEVEL
if command -v ccache >/dev/null; then export CMAKE_C_COMPILER_LAUNCHER=ccache; fi

quietly() { # runs a command; shows what it printed only when it fails
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log"
        rm -f "$log"
        echo "run.sh: failed: $*" >&2
        exit 1
    fi
    rm -f "$log"
}

build() { # PRESET
    quietly cmake --preset "$1" -DDZ_WERROR=ON -DDZ_TESTS=ON
    quietly cmake --build --preset "$1"
}

part_plain() {
    sh .ci/install-packages.sh build quickstart test plugins
    build release
    ctest --test-dir build --output-on-failure --timeout 240 -j "$CMAKE_BUILD_PARALLEL_LEVEL"
}

part_asan() {
    sh .ci/install-packages.sh build test plugins
    build asan
    ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 \
        ctest --test-dir build-asan --output-on-failure --timeout 600 -LE 'scenario' -j "$CMAKE_BUILD_PARALLEL_LEVEL"
}

part_tsan() {
    sh .ci/install-packages.sh build test plugins
    build tsan
    TSAN_OPTIONS="halt_on_error=1 suppressions=$root/tests/tsan.suppressions" \
        ctest --test-dir build-tsan --output-on-failure --timeout 600 -R 'integration|mailbox|run_to_the_end|interrupt|stop_from_outside|killed' -j "$CMAKE_BUILD_PARALLEL_LEVEL"
}

part_fuzz() {
    sh .ci/install-packages.sh build test fuzz
    quietly cmake --preset fuzz -DDZ_WERROR=ON -DDZ_TESTS=ON
    quietly cmake --build --preset fuzz --target fuzz_targets
    ctest --test-dir build-fuzz --output-on-failure --timeout 600 -L fuzz -j "$CMAKE_BUILD_PARALLEL_LEVEL"
}

part_lint() {
    sh .ci/install-packages.sh build test lint
    build release
    sh tests/lint.sh
}

part_kill() {
    sh .ci/install-packages.sh build test plugins
    build release
    python3 tests/fault/kill.py --kills 20
}

part_bench() {
    sh .ci/install-packages.sh build test plugins
    build release
    sh tests/bench/run.sh --short
}

part_coverage() {
    sh .ci/install-packages.sh build test plugins
    build coverage
    ctest --test-dir build-coverage --output-on-failure -j "$CMAKE_BUILD_PARALLEL_LEVEL"
}

[ $# -gt 0 ] || set -- plain
for part in "$@"; do
    case $part in
    plain | asan | tsan | fuzz | lint | kill | bench | coverage) ;;
    *) echo "run.sh: no part \"$part\"; there are: lint asan tsan fuzz kill bench coverage" >&2; exit 2 ;;
    esac
done
for part in "$@"; do
    echo "== $part"
    "part_$part"
done
