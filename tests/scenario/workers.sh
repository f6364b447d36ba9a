# Workers run the trials of an experiment with leases: one is killed, and so is the server, and nothing is lost.
. "$DOZAN_SOURCE/tests/scenario/lib/serve.sh"
command -v python3 >/dev/null || { echo "there is no python3 here"; exit 77; }
worker=$DOZAN_SOURCE/examples/workers/worker.py
sed 's/duration: 30s/duration: 2s/; s/maxTrialCount: 40/maxTrialCount: 24/' "$DOZAN_SOURCE/examples/workers/experiment.yaml" >workers.yaml
ended() { dozan get trials workers --db dozan.db -o json | jq -e "[.items[] | select(.status.completionTime)] | length >= $1"; }
runs_one_of() { dozan get trials workers --db dozan.db -o json | jq -e "[.items[].status.conditions[-1] | select(.type == \"Running\" and (.message | contains(\":$1 \")))] | length > 0"; }

serve
port=${url##*:}
http 201 POST /apis/kubeflow.org/v1beta1/namespaces/default/experiments -H 'Content-Type: application/yaml' --data-binary @workers.yaml
DOZAN_SERVER=$url
EPOCH_SECONDS=0.05
export DOZAN_SERVER EPOCH_SECONDS
for i in 1 2 3; do
    python3 -u "$worker" workers >"worker$i" 2>&1 &
    eval "worker$i=\$!"
done
EPOCH_SECONDS=1000 python3 -u "$worker" workers >hung 2>&1 & # takes a trial, and is killed with it
hung=$!
wait_until runs_one_of "$hung"
kill -KILL "$hung"
wait_until ended 6

# The server is killed in the middle, and comes back at its place.
kill -KILL "$server"
wait "$server" || true
serve --listen "127.0.0.1:$port"
wait_until ended 24
for i in 1 2 3; do
    eval "wait \$worker$i" || fail "worker $i ended badly: $(cat "worker$i")"
    grep -q "has ended: Succeeded" "worker$i" || fail "worker $i did not hear of the end: $(cat "worker$i")"
done
status 0 dozan get experiments workers --db dozan.db -o json
json .status.trialsSucceeded 24
json .status.trials 24
status 0 dozan get trials workers --db dozan.db -o json
json '[.items[] | select(.status.observation.metrics[0].latest != null)] | length' 24
[ "$(cat worker1 worker2 worker3 | grep -c "^worker: workers-")" = 24 ] || fail "not each trial was told by one worker"

# What a trial's page says of it.
lost=$(jq -r '[.items[] | .metadata.name] | .[0]' out)
status 0 dozan describe trial "$lost" --db dozan.db
out "its worker's own"

# Refusals.
post() { http "$1" POST "/api/v1alpha1/namespaces/default/$2" -H 'Content-Type: application/json' -d "$3"; }
post 404 experiments/nothing/ask '{}'
post 200 experiments/workers/ask '{}'
json .continue false
post 409 "trials/$lost/report" '{"attempt":77,"metrics":{"loss":1}}'
post 404 trials/nothing/heartbeat '{"attempt":1}'
post 400 "trials/$lost/report" '{"metrics":{"loss":1}}'
post 400 "trials/$lost/tell" '{"attempt":1,"outcome":"Perhaps"}'
post 400 "trials/$lost/report" '{"attempt":1,"metrics":[{"value":1}]}'
post 400 "trials/$lost/report" '{"attempt":1,"metrics":{"loss":[1]}}'
post 400 experiments/workers/ask '{"waitSeconds":-1}'
post 400 experiments/workers/ask '[1]'
post 400 experiments/workers/ask '{'
http 415 POST /api/v1alpha1/namespaces/default/experiments/workers/ask -d '{}'
stop_serving
