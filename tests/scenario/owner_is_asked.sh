# While one process runs an experiment, it is asked to delete another one of its database; what it cannot do is refused at
# once, and nothing is left for a later owner. A wish to stop counts from the beginning of a run.
experiment other 3 2 "$bowl"
experiment left 4 2 "$bowl; while [ ! -e $PWD/gate ]; do sleep 0.05; done"
experiment slow 4 2 "$bowl; while [ ! -e $PWD/gate ]; do sleep 0.05; done"
status 0 dozan run other.yaml -q

# left: its owner is killed, and its trials run on
dozan run left.yaml -q >/dev/null 2>&1 &
run=$!
wait_until some_trial Running
kill -9 $run
wait $run || :

dozan run slow.yaml --quiet >run.out 2>run.err &
run=$!
running_slow() { dozan get trials slow -o csv | awk -F, '$4 == "Running" { found = 1 } END { exit !found }'; }
wait_until running_slow
[ -d dozan.db.d/other ] || fail "other has no folder"
status 0 dozan delete other
err "experiment other is deleted"
[ ! -e dozan.db.d/other ] || fail "the files of other are still there"
status 2 dozan describe experiment other
status 2 dozan delete slow
err 'experiment slow is running: `dozan stop slow` first'
status 2 dozan delete left
err 'experiment left is running: `dozan stop left` first'
status 2 dozan stop left
err "experiment left is not being run: process $run runs another one"
left=$(dozan get trials left -o name | head -n 1)
status 2 dozan stop "$left"
err 'no process runs experiment left'
running_slow || fail "slow no longer runs"
[ "$(sqlite3 dozan.db 'SELECT count(*) FROM commands')" = 0 ] || fail "commands are left behind"

# a command for an owner that is gone is not for the next one
kill -9 $run
wait $run || :
sqlite3 dozan.db "INSERT INTO commands (kind, experiment, trial, posted_ms) VALUES ('STOP', 'slow', 0, 0), ('DELETE', 'left', 0, 0)"
status 0 dozan stop left
err 'experiment left is stopped; `dozan resume left` goes on'
touch gate
status 0 dozan run slow.yaml -o json
json '.status.trialsSucceeded' 4
status 0 dozan stop slow
err "is not running: it is Succeeded"
status 0 dozan describe experiment left
status 0 dozan delete left

# An interruption while the plugin of a new experiment is still coming up: nothing was begun
printf '#!/bin/sh\necho up >%s/up\nexec sleep 600\n' "$PWD" >plugin
chmod +x plugin
experiment new 3 2 "$bowl"
dozan run new.yaml --set spec.algorithm.algorithmName=mine --plugin mine=./plugin >run.out 2>run.err &
run=$!
wait_until [ -e up ]
kill -TERM $run
got=0
wait $run || got=$?
[ "$got" = 3 ] || fail "the interrupted start ended with $got: $(cat run.err)"
grep -q "interrupted before anything was begun" run.err || fail "no word on the interruption: $(cat run.err)"
status 2 dozan describe experiment new
