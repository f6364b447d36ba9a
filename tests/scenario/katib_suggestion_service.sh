# dozan-suggest as Katib's Suggestion service, called by Google's grpcio as Katib's controller calls it.
python=/usr/bin/python3 # Debian's, for which python3-grpcio is
"$python" -c 'import grpc, google.protobuf' 2>/dev/null || { echo "skipped: no python3-grpcio"; exit 77; }
mkdir pb
protoc --python_out=pb -I"$DOZAN_SOURCE/proto" api.proto health.proto

service=''
trap '[ -z "$service" ] || kill $service 2>/dev/null || true' EXIT
begin() { # starts the service, and sets port
    rm -f said # what the one before has said is not its word
    dozan-suggest --listen grpc://127.0.0.1:0 --verbose 2>said &
    service=$!
    wait_until grep -q port said
    port=$(sed 's/.* port //' said)
}
end() { # on SIGTERM it ends well
    kill -TERM "$service"
    wait "$service" || fail "the service ended with $?"
    service=''
}

client=$DOZAN_SOURCE/tests/scenario/katib/katib_client.py
begin
status 0 "$python" "$client" "$port" pb
[ "$(grep -c passed out)" = 9 ] || fail "not all parts ran"
status 0 "$python" "$client" "$port" pb begin
end
begin
status 0 "$python" "$client" "$port" pb go-on
end

# from outside only with a token, or by the word of whoever starts it; a token is asked for
status 1 dozan-suggest --listen grpc://0.0.0.0:0
err "set a token"
DOZAN_PLUGIN_TOKEN=secret
export DOZAN_PLUGIN_TOKEN
begin
status 1 "$python" "$client" "$port" pb
err "must be"
end
unset DOZAN_PLUGIN_TOKEN
status 2 dozan-suggest --listen tcp://127.0.0.1:1 --open
