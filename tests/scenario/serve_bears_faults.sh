# `dozan serve` under what goes wrong around it: a full disk, a file system that becomes read-only, no descriptors left,
# and clients that are slow, huge, malformed or gone. Each is an error for that request, and the server goes on.
. "$DOZAN_SOURCE/tests/scenario/lib/serve.sh"
ours=/apis/kubeflow.org/v1beta1/namespaces/default/experiments
experiment before 3 2 "$bowl"
experiment later 3 2 "$bowl"
experiment last 4 2 "$bowl"
FAILING_DISK=$PWD/fault
LD_PRELOAD=$DOZAN_BUILD/failing_disk.so
export FAILING_DISK LD_PRELOAD
serve --grpc ''
unset LD_PRELOAD
create() { http "$1" POST "$ours" -H 'Content-Type: application/yaml' --data-binary "@$2.yaml"; }
succeeded() { curl -sS "$url$ours/$1" | jq -e '.status.conditions[-1].type == "Succeeded"'; }
goes_on() {
    kill -0 "$server" 2>/dev/null || fail "the server has ended: $(tail -n 5 log)"
    http 200 GET /healthz
    http 200 GET "$ours"
}
create 201 before
wait_until succeeded before

# the disk: 28 is ENOSPC, 30 EROFS
for error in 28 30; do
    echo "$error" >fault
    got=$(curl -sS -o out -w '%{http_code}' -H 'Content-Type: application/yaml' --data-binary @later.yaml "$url$ours")
    [ "$got" -ge 500 ] || [ "$got" = 429 ] || fail "with error $error of the disk, a new experiment gave $got"
    json .kind Status
    json .status Failure
    goes_on
    http 404 GET "$ours/later"
    rm fault
done
wait_until sh -c "curl -sS -f -o /dev/null -H 'Content-Type: application/yaml' --data-binary @later.yaml '$url$ours'"
wait_until succeeded later

# descriptors: watches take all that are left; who comes then is refused or waits, and all is well when they have gone
limit=$(ulimit -n)
prlimit --pid "$server" --nofile=$(($(ls "/proc/$server/fd" | wc -l) + 12)):
watches=
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    curl -sS -N --max-time 60 "$url$ours?watch=true" >/dev/null 2>&1 &
    watches="$watches $!"
done
full() { [ "$(ls "/proc/$server/fd" | wc -l)" -ge "$(prlimit --pid "$server" --nofile -o SOFT --noheadings)" ]; }
wait_until full
kill -0 "$server" || fail "the server has ended for want of descriptors: $(tail -n 5 log)"
kill $watches
goes_on
create 201 last # its trials need more descriptors than there are at first
prlimit --pid "$server" --nofile="$limit":
wait_until succeeded last

python3 "$DOZAN_SOURCE/tests/scenario/plugins/rude_clients.py" "${url##*:}" >out 2>err || fail "the server was rude, too"
goes_on
stop_serving
