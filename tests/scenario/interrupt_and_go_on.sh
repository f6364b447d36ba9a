# SIGTERM (as Ctrl-C) stops the trials and the run; a second run goes on, and no finished trial runs again.
experiment slow 6 2 "$bowl; while [ ! -e $PWD/gate ] && [ ! -e $PWD/one ]; do sleep 0.05; done; rm -f $PWD/one"

dozan run slow.yaml >run.out 2>run.err &
run=$!
wait_until some_trial Running
touch one # lets one trial end
wait_until some_trial Succeeded
kill -TERM $run
got=0
wait $run || got=$?
[ "$got" = 3 ] || fail "the interrupted run ended with $got"
grep -q "stopping the running trials" run.err || fail "nothing was said of the stop"
grep -q "To go on:    dozan resume slow" run.out || fail "nothing was said of going on"
[ -z "$(trials Running)" ] || fail "trials still run"
done_before=$(trials Succeeded | sort)

status 0 dozan describe experiment slow
out "State:           Suspended (Interrupted)"
out '`dozan resume slow` goes on'
out "TrialInterrupted"
waiting=$(trials Created | head -n 1)
status 0 dozan describe trial "$waiting"
out "runs again when the experiment goes on"

touch gate
status 0 dozan run slow.yaml -o json
err "going on with experiment slow"
json .status.trialsSucceeded 6
json .status.trials 6
for trial in $done_before; do
    status 0 dozan describe trial "$trial"
    out "Attempts:        1, of which 0 failed and 0 were lost"
done
status 0 dozan describe trial "$waiting"
out "Succeeded"

# and on again with a larger budget, but not with another search space
status 0 dozan run slow.yaml --set spec.maxTrialCount=8
out "8 of 8: 8 succeeded"
status 2 dozan run slow.yaml --set spec.maxTrialCount=7
err "spec.maxTrialCount: 7 is less than the 8 trials"
status 2 dozan run slow.yaml --set 'spec.parameters[0].feasibleSpace.max="2"'
err "spec.parameters[0]"
status 2 dozan resume slow
err "has ended"
