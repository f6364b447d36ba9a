# From a file to the best trial, and everything that can be asked about it afterwards.
experiment bowl 6 2 "$bowl"

status 0 dozan run bowl.yaml
out "Experiment bowl: Succeeded (ExperimentMaxTrialsReached)"
out "6 of 6: 6 succeeded"
out "BEST TRIAL"
out "The best loss so far, by trial:"
err "the image example.org/bowl is not used"
[ "$(grep -c '^trial [1-6]/6 bowl-' err)" = 6 ] || fail "not one line for each trial"
if grep -q "$(printf '\033')" out err; then fail "escape sequences outside of a terminal"; fi

status 0 dozan run bowl.yaml -o json
err "has ended already"
json .kind Experiment
json .status.trialsSucceeded 6
json '.status.succeededTrialList | length' 6
json '.status.conditions[-1].type' Succeeded
json '.status.conditions[-1].reason' ExperimentMaxTrialsReached
json '.spec.resumePolicy' Never
json '.spec.parameters[0].feasibleSpace.distribution' uniform
json '.status.currentOptimalTrial.parameterAssignments | length' 2
best=$(jq -r .status.currentOptimalTrial.bestTrialName out)
loss=$(jq -r '.status.currentOptimalTrial.observation.metrics[0].latest' out)

status 0 dozan get experiments
out "NAME"
grep -Eq '^bowl +Succeeded +True +[0-9]+s +6/6 +[0-9.]+$' out || fail "no such row"
status 0 dozan get experiments bowl -o json
json .metadata.name bowl
status 0 dozan get experiments -o json
json '.items[0].metadata.name' bowl
status 0 dozan get experiments -o csv
out "name,type,status,created,trials,best,"
status 0 dozan get experiments -o yaml
out "currentOptimalTrial:"
status 0 dozan get trials bowl
[ "$(wc -l <out)" = 7 ] || fail "not one row for each trial"
status 0 dozan get trials bowl -o wide
grep -Eq '^NAME +TYPE +STATUS +AGE +x +k +loss$' out || fail "no columns of parameters and metrics"
status 0 dozan get trials -o csv
out "name,experiment,number,type,reason,attempt,created,started,ended,x,k,loss,loss.min,loss.max,loss.latest"
out "$loss"
status 0 dozan get trials "$best" -o json
json .kind Trial
json '.metadata.labels["katib.kubeflow.org/experiment"]' bowl
json '.spec.runSpec.metadata.name' "$best"
json '.status.observation.metrics[0].latest' "$loss"
status 0 dozan get trials -o name
out "$best"

status 0 dozan describe experiment bowl
out "Succeeded (ExperimentMaxTrialsReached)"
out "What to do:"
out "Best trial:      $best, loss="
status 0 dozan describe trial "$best"
out "State:           Succeeded (TrialSucceeded)"
out "Command:         sh -c 'x="
path=$(awk '$1 == 1 && /output/ { print $2 }' out)
[ -f "$path" ] || fail "describe names no output file"

status 0 dozan logs "$best"
out "loss=$loss"
no_err
status 0 dozan logs -f "$best"
out "loss=$loss"
status 0 dozan metrics "$best"
out "$loss"
status 0 dozan metrics "$best" -o csv
[ "$(head -n 1 out)" = "metric,step,value,time" ] || fail "no titles"
out "loss,1,$loss,"

status 0 dozan delete bowl
err "experiment bowl is deleted"
[ ! -e dozan.db.d/bowl ] || fail "the output is still there"
status 2 dozan describe experiment bowl
status 0 dozan get experiments
no_out
