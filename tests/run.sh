#!/bin/sh
# Sets up what the tests need, builds, and runs them.
#   sh tests/run.sh             everything that takes less than 5 minutes: unit, conformance, integration, fault,
#                               simulation and scenario tests, in build/
#   sh tests/run.sh PART...     big parts: lint asan tsan fuzz kill browser bench sdk mlflow coverage
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

# Runs the tests; those that fail get one more run, alone, and the end says which: a machine that is busy with other
# things must not hide what a change has broken, nor break what it has not.
run_tests() { # BUILD-FOLDER CTEST-ARGUMENT...
    folder=$1
    shift
    rm -f "$folder/Testing/Temporary/LastTestsFailed.log"
    if ctest --test-dir "$folder" --output-on-failure -j "$CMAKE_BUILD_PARALLEL_LEVEL" "$@"; then return; fi
    [ -s "$folder/Testing/Temporary/LastTestsFailed.log" ] || return 1
    [ "$(wc -l <"$folder/Testing/Temporary/LastTestsFailed.log")" -le 3 ] || return 1
    failed=$(cut -d: -f2 "$folder/Testing/Temporary/LastTestsFailed.log" | tr '\n' ' ')
    echo "run.sh: failed beside others, and run again alone: $failed"
    ctest --test-dir "$folder" --output-on-failure --rerun-failed --timeout 600
    echo "run.sh: passed alone, and only alone: $failed"
}

part_plain() {
    sh .ci/install-packages.sh build quickstart test plugins
    build release
    run_tests build --timeout 240
}

part_asan() {
    sh .ci/install-packages.sh build test plugins
    build asan
    ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 \
        run_tests build-asan --timeout 600 -LE 'scenario'
}

part_tsan() {
    sh .ci/install-packages.sh build test plugins
    build tsan
    TSAN_OPTIONS="halt_on_error=1 suppressions=$root/tests/tsan.suppressions" \
        run_tests build-tsan --timeout 600 -R 'integration|mailbox|run_to_the_end|interrupt|stop_from_outside|killed'
}

part_fuzz() {
    sh .ci/install-packages.sh build test fuzz
    quietly cmake --preset fuzz -DDZ_WERROR=ON -DDZ_TESTS=ON
    quietly cmake --build --preset fuzz --target fuzz_targets
    run_tests build-fuzz --timeout 600 -L fuzz
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

part_browser() {
    sh .ci/install-packages.sh build plugins
    sh .ci/install-packages.sh browser || { echo "run.sh: skipped: no Chromium can be installed here"; return 0; }
    build release
    axe=build/axe/axe_playwright_python/axe.min.js # a package that carries axe-core
    [ -f "$axe" ] || python3 -m pip install -q --no-deps --timeout 15 --retries 1 --target build/axe axe-playwright-python==0.1.8 ||
        { echo "run.sh: axe-core cannot be fetched, so the page's accessibility is not checked"; axe=; }
    /usr/bin/python3 tests/browser/page.py --build build --pictures build/pictures ${axe:+--axe "$axe"}
    echo "run.sh: a picture of each view is in build/pictures"
}

part_bench() {
    sh .ci/install-packages.sh build test plugins
    build release
    sh tests/bench/run.sh --short
}

# Katib's SDK from PyPI, unmodified, in a virtual environment of its own. Its last release takes any later client of
# Kubernetes, but those from 36 on refuse the objects that it hands them.
part_sdk() {
    sh .ci/install-packages.sh build test plugins
    build release
    venv=build/sdk-venv
    log=build/sdk.log
    [ -x $venv/bin/pip ] || quietly /usr/bin/python3 -m venv $venv
    if ! $venv/bin/pip install --quiet --disable-pip-version-check 'kubeflow-katib==0.19.0' 'kubernetes<36' >$log 2>&1; then
        if grep -Eq 'Retrying|Connection|Temporary failure|timed out' $log; then
            echo "sdk: skipped: PyPI cannot be reached, and kubeflow-katib is not here"
            return
        fi
        cat $log >&2
        exit 1
    fi
    $venv/bin/pip list --disable-pip-version-check 2>/dev/null | grep -E '^(kubeflow-katib|kubernetes) '
    if ! DOZAN_KATIB_PYTHON=$root/$venv/bin/python DOZAN_BUILD=$root/build DOZAN_SOURCE=$root \
        sh tests/scenario/lib/run.sh "$root/tests/scenario/katib_sdk.sh" >$log 2>&1; then
        cat $log >&2
        exit 1
    fi
    sed -n '/^method of KatibClient/,$p' $log
}

# MLflow's client from PyPI, unmodified, in a virtual environment for each version: our flows; the sessions of a client
# that DOZAN_MLFLOW_SCENARIOS names; and MLflow's own REST tests, which no package has, from the checkout of its source
# that DOZAN_MLFLOW_SOURCE names. DOZAN_MLFLOW_CLIENTS="2.22.5 3.0.0 3.17.2" runs the flows with other versions.
part_mlflow() {
    sh .ci/install-packages.sh build test plugins
    build release
    : "${DOZAN_MLFLOW_SCENARIOS:=$root/../shared/bench/mlflow/scenarios.py}" "${DOZAN_MLFLOW_SOURCE:=}"
    newest=3.17.2
    for version in ${DOZAN_MLFLOW_CLIENTS:-$newest}; do
        venv=build/mlflow-$version log=build/mlflow-$version.log
        [ -x "$venv/bin/pip" ] || quietly /usr/bin/python3 -m venv "$venv"
        if ! "$venv/bin/pip" install --quiet --disable-pip-version-check "mlflow==$version" scikit-learn pillow pytest >"$log" 2>&1; then
            if grep -Eq 'Retrying|Connection|Temporary failure|timed out' "$log"; then
                echo "mlflow: skipped: PyPI cannot be reached, and mlflow $version is not here"
                continue
            fi
            cat "$log" >&2
            exit 1
        fi
        "$venv/bin/python" tests/mlflow/flows.py --build build 2>"$log" || { cat "$log" >&2; exit 1; }
        [ "$version" = "$newest" ] || continue # what follows is written for it
        "$venv/bin/python" tests/mlflow/trials.py --build build 2>"$log" || { cat "$log" >&2; exit 1; }
        mlflow_scenarios
        mlflow_upstream
    done
}

mlflow_scenarios() { # traces are for generative models, and not served
    [ -f "$DOZAN_MLFLOW_SCENARIOS" ] || { echo "mlflow: sessions skipped: there is no $DOZAN_MLFLOW_SCENARIOS"; return; }
    "$venv/bin/python" tests/mlflow/serve.py --build build -- "$venv/bin/python" "$DOZAN_MLFLOW_SCENARIOS" --url '{url}' \
        --only "${DOZAN_MLFLOW_SESSIONS:-quickstart,nested_resume,search_client,datasets,autolog_sklearn,autolog_gridsearch,registry,logged_models,images_figures,async_system,injected_run,errors}" >"$log" 2>&1 ||
        { cat "$log" >&2; exit 1; }
    grep -E '^ok ' "$log"
    tail -n 1 "$log"
}

mlflow_upstream() {
    if [ ! -f "$DOZAN_MLFLOW_SOURCE/tests/tracking/test_rest_tracking.py" ]; then
        echo "mlflow: its own tests skipped: DOZAN_MLFLOW_SOURCE names no checkout of github.com/mlflow/mlflow"
        return
    fi
    for name in rest_tracking model_registry mlflow_artifacts; do # --noconftest: its fixtures are for MLflow's server
        if ! (cd "$DOZAN_MLFLOW_SOURCE" && PYTHONPATH=$DOZAN_MLFLOW_SOURCE:$root/tests/mlflow DOZAN_BUILD=$root/build \
            PYTHONDONTWRITEBYTECODE=1 MLFLOW_DISABLE_TELEMETRY=true MLFLOW_HTTP_REQUEST_MAX_RETRIES=1 GIT_PYTHON_REFRESH=quiet \
            "$root/$venv/bin/python" -m pytest -q -p upstream -c /dev/null --rootdir . --noconftest -p no:cacheprovider -W ignore \
            "tests/tracking/test_$name.py") >"$log" 2>&1; then
            cat "$log" >&2
            exit 1
        fi
        sed -n '/ left out /,$p' "$log"
    done
}

part_coverage() {
    sh .ci/install-packages.sh build test plugins
    build coverage
    run_tests build-coverage
}

[ $# -gt 0 ] || set -- plain
for part in "$@"; do
    case $part in
    plain | asan | tsan | fuzz | lint | kill | browser | bench | sdk | mlflow | coverage) ;;
    *) echo "run.sh: no part \"$part\"; there are: lint asan tsan fuzz kill browser bench sdk mlflow coverage" >&2; exit 2 ;;
    esac
done
for part in "$@"; do
    echo "== $part"
    "part_$part"
done
