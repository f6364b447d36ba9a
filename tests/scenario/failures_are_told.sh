# Why trials failed, by cause, with what to do; exit status 1 for an experiment that Failed.
experiment broken 9 1 'if [ $k -ge 0 ]; then echo "no such data" >&2; exit 4; fi'
status 1 dozan run broken.yaml
out "Experiment broken: Failed (ExperimentFailed)"
out "No trial has reported a number for loss yet."
out "Why trials failed:  dozan describe experiment broken"
err " Failed in "
status 0 dozan describe experiment broken
out "Failed trials, by cause:"
grep -Eq '^ +3 +TrialFailed +broken-[a-z0-9]+ +exit code 4' out || fail "the three failures are not one cause"
out 'see `dozan logs TRIAL`'
out "What to do:"
status 0 dozan logs "$(trials Failed | head -n 1)"
out "no such data"

experiment silent 9 1 'echo "accuracy=1"'
status 1 dozan run silent.yaml -o json
json '.status.trialMetricsUnavailable' 3
json '.status.conditions[-1].type' Failed
status 0 dozan describe experiment silent
out "did not report its objective loss"
trial=$(trials MetricsUnavailable | head -n 1)
status 0 dozan metrics "$trial"
err "has reported nothing yet"

experiment absent 9 1 true
sed -e '/- |-/,$d' -e 's|- sh$|- /opt/absent/train|' -e '/^ *- -c$/d' absent.yaml >mapped.yaml
cat >>mapped.yaml <<'YAML'
                  - "--x=${trialParameters.x}"
                  - "--k=${trialParameters.k}"
YAML
status 1 dozan run mapped.yaml
err "--map"
status 0 dozan delete absent
mkdir -p here/absent
printf '#!/bin/sh\necho "loss=0.5"\n' >here/absent/train
chmod +x here/absent/train
status 0 dozan run mapped.yaml --set spec.maxTrialCount=3 --map "/opt=$PWD/here"
out "3 of 3: 3 succeeded"
status 0 dozan describe trial "$(trials Succeeded | head -n 1)" --map "/opt=$PWD/here"
out "$PWD/here/absent/train"

# an experiment that waits for what the machine does not have
experiment large 2 1 "$bowl"
sed -i 's|^\( *\)image: example.org/bowl|\1image: example.org/bowl\n\1resources: {requests: {cpu: "100000"}}|' large.yaml
status 1 dozan run large.yaml --set spec.maxFailedTrialCount=1
status 0 dozan describe experiment large
out "Unschedulable"
out "ask for less"

# an exit code is said once
experiment code 3 2 'exit 126'
status 1 dozan run code.yaml
[ "$(grep -c 'exit code 126' err)" = 3 ] || fail "not three failures are told"
! grep -q 'exit code 126.*exit code' err || fail "the exit code is said twice"
