# Another process stops a trial and an experiment, follows a trial's output, and cannot delete what runs.
experiment slow 4 2 "echo started; $bowl; while [ ! -e $PWD/gate ]; do sleep 0.05; done; echo through the gate"

dozan run slow.yaml --quiet >run.out 2>run.err &
run=$!
wait_until some_trial Running
first=$(trials Running | head -n 1)
dozan logs -f "$first" >follow.out 2>follow.err &
follow=$!
wait_until grep -q started follow.out

status 2 dozan delete slow
err 'is running: `dozan stop slow` first'
status 2 dozan resume slow
err "pid $run"
status 2 dozan run slow.yaml
err "pid $run"
status 0 dozan describe experiment slow
out "Run by:          process $run"

status 0 dozan stop "$first"
err "trial $first is stopped"
status 0 dozan describe trial "$first"
out "Killed (TrialKilled)"
wait $follow || fail "logs -f does not end with its trial"
status 0 dozan stop "$first"
err "has ended already: it is Killed"

wait_until some_trial Running
status 0 dozan stop slow
err 'experiment slow is stopped; `dozan resume slow` goes on'
got=0
wait $run || got=$?
[ "$got" = 3 ] || fail "the stopped run ended with $got"
[ -z "$(trials Running)" ] || fail "trials still run"
[ ! -s run.err ] || fail "--quiet is not quiet"
status 0 dozan stop slow
err "is not running: it is Suspended"

touch gate
status 0 dozan resume slow -o yaml
out "trialsKilled: 1"
out "trialsSucceeded: 3"
last=$(trials Succeeded | tail -n 1)
status 0 dozan logs "$last"
out "through the gate"
status 0 dozan delete slow
