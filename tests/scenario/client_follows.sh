# submit, watch, wait, top and why against `dozan serve`, also where it is killed and comes back.
. "$DOZAN_SOURCE/tests/scenario/lib/serve.sh"
unset DOZAN_SERVER DOZAN_TOKEN_FILE DOZAN_CERTIFICATE_AUTHORITY
experiment bowl 4 2 "$bowl"
experiment slow 3 1 'echo loss=3; while [ ! -e '"$PWD"'/go ]; do sleep 0.05; done; echo loss=2'
experiment bad 4 1 'echo no such file; exit 3'
status 2 dozan submit bowl.yaml
err "needs a service: --server URL"
serve
DOZAN_SERVER=$url
export DOZAN_SERVER

# submit
status 0 dozan submit bowl.yaml --wait -q
out "BEST TRIAL"
out "4 succeeded"
status 0 dozan submit bowl.yaml --wait --set spec.maxTrialCount=5
err "has the file's budget now"
status 0 dozan wait bowl --for=condition=Succeeded --timeout 60s
status 0 dozan result bowl
out "5 of 5"
status 2 dozan submit bowl.yaml --set spec.objective.type=maximize
err "error: --set spec.objective.type: "
sed 's/algorithmName: random/algorithmName: nothing/; s/name: bowl/name: other/; s/parallelTrialCount: 2/parallelTrialCount: 0/' bowl.yaml >wrong.yaml
status 2 dozan submit wrong.yaml
err "error: wrong.yaml:8: spec.parallelTrialCount"
status 1 dozan submit bad.yaml --watch
out "experiment bad Failed"
out "exit code 3"
status 0 dozan why bad
out "exit code 3"
out "dozan delete bad"
[ "$(wc -l <out)" = 1 ] || fail "more than one sentence"

# what runs, and what waits
status 0 dozan submit slow.yaml -o name
grep -qx slow out || fail "the name is not printed"
reports() { dozan top | grep -q 'loss=3'; }
wait_until reports
status 0 dozan top
grep -Eq '^slow +Running +1 +0 +0/3' out || fail "top does not show the experiment"
out "CPUs"
trial=$(dozan get trials slow -o name | head -n 1)
status 0 dozan why "$trial"
out "the latest loss is 3"
status 0 dozan why slow
out "1 trial runs"
status 1 dozan wait slow --timeout 100ms
err "dozan why slow"
status 1 dozan wait bowl --for=condition=Failed
err "will not be Failed"
status 2 dozan wait none
err '"none" not found'
status 2 dozan wait slow --for=jsonpath=x
err "condition=Succeeded"
status 0 dozan wait slow --for=condition=running

# a watch outlives the service
dozan watch slow >watched 2>notes &
watcher=$!
dozan wait slow --for condition=Succeeded 2>>waited &
waiter=$!
dozan watch "$trial" >one 2>/dev/null &
one=$!
wait_until grep -q 'experiment slow Running' watched
dozan logs -f "$trial" >logged 2>lost &
logger=$!
followed() { curl -sS "$url/metrics" | grep -q '^dozan_http_streams 5$'; } # two of the first, one of each other
wait_until followed
wait_until grep -q 'loss=3' logged
kill -KILL "$server"
wait "$server" || true
wait_until grep -q "the service is away" notes
port=${url##*:}
dozan serve --db dozan.db --listen "127.0.0.1:$port" 2>>log &
server=$!
touch go
got=0
wait "$logger" || got=$?
[ "$got" = 1 ] || fail "logs -f ended with $got"
grep -q 'loss=3' logged || fail "the log was not followed"
grep -q 'the connection to the service has failed' lost || fail "the end of the log was not told from that of the service"
wait "$watcher" || fail "watch ended badly"
wait "$waiter" || fail "wait ended badly"
wait "$one" || fail "watch of a trial ended badly"
[ "$(grep -c ' trial slow-.* Succeeded loss=2: ' watched)" = 3 ] || fail "not all trials were told"
grep -q 'experiment slow Succeeded' watched || fail "the end was not told"
grep -q 'best trial slow-.* loss=2' watched || fail "the best trial was not told"
grep -q "trial $trial Succeeded loss=2" one || fail "the trial's end was not told"

# the end of a watch: the experiment's, as JSON, an interrupt, a deletion
status 0 dozan watch slow -o json
json .kind Experiment
rm go
status 0 dozan submit slow.yaml --set metadata.name=again -q
dozan watch again >watched 2>&1 &
watcher=$!
wait_until grep -q Running watched
kill -INT "$watcher"
got=0
wait "$watcher" || got=$?
[ "$got" = 3 ] || fail "an interrupted watch ended with $got"
dozan wait again --for delete 2>deleted &
waiter=$!
status 0 dozan stop again
status 0 dozan delete again
wait "$waiter" || fail "wait --for delete ended badly"
stop_serving
status 1 dozan submit bowl.yaml
err "the service cannot be reached"
