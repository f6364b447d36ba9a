#!/bin/sh
# Runs one scenario in a folder of its own, which goes away when it passes: sh run.sh SCENARIO.sh
# DOZAN_BUILD and DOZAN_SOURCE name the folders of the build and of the sources.
set -u
scenario=$1
: "${DOZAN_BUILD:?}" "${DOZAN_SOURCE:?}"
folder=$(mktemp -d "${TMPDIR:-/tmp}/dozan-scenario-XXXXXX")
cd "$folder" || exit 1
unset DOZAN_DB DOZAN_CONFIG
HOME=$folder XDG_CONFIG_HOME=$folder/config TERM=dumb PATH=$DOZAN_BUILD:$PATH
export DOZAN_BUILD DOZAN_SOURCE HOME XDG_CONFIG_HOME TERM PATH
result=0
# In a process group of its own: what a scenario that fails has left running would hold its output open.
setsid sh -eu -c '. "$DOZAN_SOURCE/tests/scenario/lib/helpers.sh"; . "$1"' scenario "$scenario" &
group=$!
wait "$group" || result=$?
kill -KILL -- "-$group" 2>/dev/null
if [ "$result" = 0 ] || [ "$result" = 77 ]; then # 77: it says why it cannot run here
    rm -rf "$folder"
    exit "$result"
fi
echo "failed: $scenario; what it left is in $folder" >&2
exit 1
