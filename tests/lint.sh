#!/bin/sh
# Checks what a compiler does not: which part may use which (the arrows), the format, and clang-tidy's findings.
set -eu
cd "$(dirname "$0")/.."
failed=0

forbid() { # WHAT PATTERN FILES... : no line of the files may match
    what=$1 pattern=$2
    shift 2
    found=$(git grep -nE "$pattern" -- "$@" || true)
    if [ -n "$found" ]; then
        printf 'lint: %s\n%s\n' "$what" "$found" >&2
        failed=1
    fi
}

forbid "only controller/ and tests/ may include the controller's headers" \
    '#include "(core|spec|loop|store|runners|collectors|api|cli|kubernetes)/' suggest algorithms proto examples
forbid "suggest/ and controller/ may not include the algorithms' headers" \
    '#include "(\.\./)*(algorithms/|numerics/|table\.h)' suggest controller proto examples
forbid "the controller may use only the installed headers of suggest" \
    '#include "(suggest/|session\.h|history\.h|settings\.h|wire\.h)' controller
forbid "GSL belongs to algorithms/" '#include <gsl/' suggest controller proto examples
forbid "nng belongs to suggest/" '#include <nng/' algorithms controller proto
forbid "HTTP/2 belongs to suggest/grpc_*" '#include <nghttp2/' algorithms controller proto 'suggest/*' ':!suggest/grpc_*'
forbid "SQL belongs to controller/store/" '#include <sqlite3.h>|\bsqlite3_[a-z]+\(' \
    suggest algorithms proto 'controller/*' ':!controller/store'
forbid "protobuf-c types belong to suggest/, and to the reader of event files" 'pb-c\.h|protobuf_c_' \
    algorithms examples 'controller/*' ':!controller/collectors/tf_event.c'
forbid "HTTP as a client belongs to controller/kubernetes/, the collector of Prometheus' format and cli/client.c" '#include <curl/' \
    suggest algorithms proto 'controller/*' ':!controller/collectors/beside/prometheus.c' ':!controller/cli/client.c' \
    ':!controller/kubernetes'
forbid "processes belong to controller/runners/ (plugins to loop/plugin_process.c, credentials to kubernetes/)" \
    '\b(fork|vfork|posix_spawn|posix_spawnp|execve|execvp)\(' \
    'controller/*.c' suggest algorithms ':!controller/runners' ':!controller/loop/plugin_process.c' \
    ':!controller/kubernetes/exec_plugin.c'
forbid "not in this project: unbounded or unchecked functions" \
    '\b(system|sprintf|vsprintf|strcpy|strcat|gets|atoi|atol|atof|strtok|popen|alloca)\(' '*.c' '*.h'

files=$(git ls-files '*.c' '*.h')
# shellcheck disable=SC2086
if ! clang-format --dry-run -Werror $files; then
    echo "lint: format with: clang-format -i FILE" >&2
    failed=1
fi

sources=$(git ls-files 'suggest/*.c' 'algorithms/*.c' 'controller/*.c')
# shellcheck disable=SC2086
if ! printf '%s\n' $sources | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build >build/tidy.log 2>build/tidy.err; then
    grep -E 'error:|warning:' build/tidy.log | sort -u >&2 || cat build/tidy.err >&2
    failed=1
fi
[ "$failed" = 0 ] || { echo "lint: failed" >&2; exit 1; }
echo "lint: all clean"
