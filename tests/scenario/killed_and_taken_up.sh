# kill -9 of the run: its trials go on, are told as such, and are taken up or ended by the next process.
experiment slow 3 1 "echo run >>$PWD/starts; $bowl; while [ ! -e $PWD/gate ]; do sleep 0.05; done"

start_and_kill() {
    dozan run slow.yaml >run.out 2>run.err &
    run=$!
    wait_until some_trial Running
    kill -KILL $run
    wait $run 2>/dev/null || true
}

start_and_kill
status 0 dozan describe experiment slow
out "no process runs it now"
status 2 dozan delete slow
err 'is running: `dozan stop slow` first'
status 2 dozan stop "$(trials Running)"
err "no process runs experiment slow"
status 0 dozan stop slow
err "experiment slow is stopped"
[ -z "$(trials Running)" ] || fail "trials still run"

start_and_kill
touch gate
status 0 dozan resume slow -o json
json .status.trialsSucceeded 3
# the first trial was stopped once; what was cut off by the kill was taken up, not started again
[ "$(wc -l <starts)" = 4 ] || fail "$(wc -l <starts) starts, not 4"
