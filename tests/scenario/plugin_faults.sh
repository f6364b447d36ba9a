# A plugin that hangs, crashes or answers nonsense is started again after a back-off and told its log; its fault is
# named, no trial is lost, and one that stays broken ends the experiment with a reason.
plugin() { # NAME [MAX]: an experiment e-NAME of 6 trials, and the plugin that is faulty in that way
    ln -s "$DOZAN_BUILD/faulty_plugin" "$1"
    experiment "e-$1" "${2:-6}" 2 "$bowl"
    sed -i 's/algorithmName: random/algorithmName: faulty/' "e-$1.yaml"
}

starts() { wc -c <"$1.starts"; }

tune() { dozan run "e-$1.yaml" --plugin "faulty=./$1" --plugin-timeout "${2:-5}" --plugin-faults "${3:-8}"; }

# passes NAME TEXT [TIMEOUT]: the fault passes with a restart, and its name stays
passes() {
    plugin "$1"
    status 0 tune "$1" "${3:-5}"
    out "6 of 6: 6 succeeded"
    err "$2"
    err "asked again after 250 ms"
    err "the plugin answers again"
    [ "$(starts "$1")" = 2 ] || fail "$1 was started $(starts "$1") times, not twice"
    status 0 dozan describe experiment "e-$1"
    out "Plugin faults:   1 so far"
    grep "^Last fault:" out | grep -qF "$2" || fail "the last fault is not: $2"
    out "dozan.db.d/.plugins/faulty.log"
    status 0 dozan get trials "e-$1" -o csv
    [ "$(grep -c ",Succeeded," out)" = 6 ] || fail "not 6 trials have succeeded"
}

passes hang-once "did not answer within 1 s and was stopped; if it needs longer, raise --plugin-timeout" 1
passes crash-once "plugin faulty was killed by signal 6; what it printed is in"
passes few-once "the plugin answered only"
passes range-once "\"x\" = \"1e9\""
passes wrong-name-once "names what the space does not have: parameter \"no-such-parameter\""
passes other-experiment-once "answers STALE whatever it is told"
passes other-request-once "the host answered another request than this one"
passes malformed-once "PluginFault: "
passes garbage-once "the host's reply cannot be read"
passes large-once "its answer is larger than the limit" 2
grep -q "crashes, as it is told to" dozan.db.d/.plugins/faulty.log || fail "the plugin's words are not kept"

# a crash every few asks: each restart gets on, and the back-off begins anew
plugin crash-often 9
status 0 tune crash-often
out "9 of 9: 9 succeeded"
[ "$(starts crash-often)" -ge 3 ] || fail "started only $(starts crash-often) times"

# it ends by itself between two asks
plugin leaves 9
status 0 tune leaves
out "9 of 9: 9 succeeded"

# for good: after the trials have ended, the experiment fails, and says how to go on
for how in crash silent exits garbage; do
    plugin "$how" 9
    status 1 tune "$how" 1 3
    out "Failed (SuggestionFailed): Suggestion has failed; mend the plugin and run again: nothing is lost."
    err "fault 1 of at most 3 in a row; asked again after 250 ms"
    err "fault 2 of at most 3 in a row; asked again after 500 ms"
    [ "$(starts "$how")" = 3 ] || fail "$how was started $(starts "$how") times, not 3"
    status 0 dozan describe experiment "e-$how"
    out "Plugin faults:   3 so far"
    out "What to do:      mend the plugin, and run the file again or \`dozan resume e-$how\`"
done
status 0 dozan describe experiment e-silent
out "PluginUnavailable: plugin faulty does not answer at ipc://"
out "within 1 s: what it printed is in"
status 0 dozan describe experiment e-exits
out "PluginUnavailable: plugin faulty ended with exit status 3"

# mended, it goes on with the trials that there are
before=$(dozan get trials e-crash -o name | sort)
ln -s "$DOZAN_BUILD/faulty_plugin" good
status 0 dozan run e-crash.yaml --plugin faulty=./good
out "9 of 9: 9 succeeded"
dozan get trials e-crash -o name | sort >after
echo "$before" | comm -23 - after | grep -q . && fail "trials were lost"

# a plugin that is broken from the start is refused before anything is stored
printf '#!/bin/sh\necho "no such module" >&2\nexit 4\n' >broken
printf '#!/bin/sh\nexec sleep 60\n' >mute
chmod +x broken mute
plugin refused
status 2 dozan run e-refused.yaml --plugin faulty=./broken
err "plugin faulty ended with exit status 4; what it printed is in"
status 2 dozan run e-refused.yaml --plugin faulty=./mute --plugin-timeout 1
err "does not answer at ipc://"
status 0 dozan get experiments -o name
! grep -q refused out || fail "the refused experiment is stored"
