# Services as Katib's own are, on Google's grpcio, as plugins of dozan run by grpc:// addresses.
python=/usr/bin/python3 # Debian's, for which python3-grpcio is
"$python" -c 'import grpc, google.protobuf' 2>/dev/null || { echo "skipped: no python3-grpcio"; exit 77; }
mkdir pb
protoc --python_out=pb -I"$DOZAN_SOURCE/proto" api.proto

serve() { # KIND: starts a service, and sets port
    "$python" "$DOZAN_SOURCE/tests/scenario/katib/katib_service.py" pb "$1" >"$1.log" 2>&1 &
    eval "$1=\$!"
    wait_until grep -q port "$1.log"
    port=$(sed -n 's/^port //p' "$1.log")
}
trap 'kill $suggestion $stopper 2>/dev/null || true' EXIT
suggestion='' stopper=''

serve suggestion
experiment line 12 3 "$bowl"
status 0 dozan run line.yaml --set spec.algorithm.algorithmName=line --plugin "line=grpc://127.0.0.1:$port" -o json
json '.status.trialsSucceeded' 12
grep -q "trials \(9\|10\|11\) succeeded" suggestion.log || fail "the service did not see the history: $(cat suggestion.log)"
status 0 dozan describe experiment line
! grep -q "Plugin faults" out || fail "the service was faulty: $(cat out)"

# what it refuses is told, with its words
status 2 dozan run line.yaml --db other.db --set spec.algorithm.algorithmName=line --plugin "line=grpc://127.0.0.1:$port" \
    --set 'spec.algorithm.algorithmSettings=[{name: bad, value: "1"}]'
err "unknown setting bad"

# an experiment whose algorithm is elsewhere waits for it no longer than it is told to
status 2 dozan run line.yaml --db other.db --set spec.algorithm.algorithmName=line --plugin "line=grpc://127.0.0.1:1" \
    --plugin-timeout 1
err "does not answer at grpc://127.0.0.1:1"

# a stopper: half of the trials tell at once that they are bad
serve stopper
experiment stop 12 2 'i=0; while [ $i -lt 40 ]; do echo loss=$((k + 1)); i=$((i + 1)); sleep 0.05; done'
status 0 dozan run stop.yaml --db stop.db --set spec.seed=1 --plugin "stopper=grpc://127.0.0.1:$port" \
    --set 'spec.earlyStopping={algorithmName: stopper}' -o json
stopped=$(jq '.status.trialsEarlyStopped // 0' out)
[ "$stopped" -ge 1 ] || fail "no trial was stopped: $(cat stopper.log)"
[ "$(grep -c stopped stopper.log)" -ge "$stopped" ] || fail "the service was not told"
