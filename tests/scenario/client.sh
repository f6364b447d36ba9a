# The command line against `dozan serve`: what the commands print and change, contexts, and what it says when the
# service is away.
. "$DOZAN_SOURCE/tests/scenario/lib/serve.sh"
unset DOZAN_SERVER DOZAN_TOKEN_FILE DOZAN_CERTIFICATE_AUTHORITY
experiment bowl 6 2 "echo begin; $bowl; echo end"
experiment slow 50 2 'for i in $(seq 300); do echo step $i; sleep 0.1; done; echo loss=1'
sed -i 's/name: slow$/name: slow\n  namespace: vision/' slow.yaml
serve
apply() { curl -sS -f -o out -X POST -H 'Content-Type: application/yaml' --data-binary "@$1" \
    "$url/apis/kubeflow.org/v1beta1/namespaces/$2/experiments" || fail "$1 was not taken"; }

# contexts
status 0 dozan context list
out local
status 2 dozan context set team
err "--server URL"
status 0 dozan context set team --server "$url" --namespace default
err "commands work on it"
status 0 dozan context set other --server http://127.0.0.1:1
err "dozan context use"
status 0 dozan context list
grep -Eq '^\* +team +http' out || fail "the first context is not the current one"
status 0 dozan context list -o name
[ "$(wc -l <out)" = 3 ] || fail "not three contexts"
status 2 dozan context use tean
err "did you mean team"
status 1 dozan get experiments --context other
err "does \`dozan serve\` run there? (named by context other)"
status 0 dozan context delete other
status 2 dozan get experiments --context other
status 2 dozan get experiments --db x.db --server "$url"
err "leave --db out"
status 2 dozan get experiments --server 127.0.0.1:7070
err "write https://HOST:PORT"

# what is printed is what the same command prints of the database itself
status 0 dozan get experiments
err "there are no experiments in namespace default"
apply bowl.yaml default
done_yet() { dozan get experiments bowl -o csv | grep -q ',Succeeded,'; }
wait_until done_yet
for words in "get experiments -o csv" "get trials bowl -o wide" "get trials -o json" "get experiment bowl -o yaml" \
    "get trials -o name"; do
    # shellcheck disable=SC2086
    status 0 dozan $words
    mv out remote
    # shellcheck disable=SC2086
    status 0 dozan $words --db dozan.db
    sed -i -E 's/ [0-9]+s / AGE /' remote out
    cmp -s remote out || { diff remote out >&2; fail "$words differs"; }
done
trial=$(dozan get trials bowl -o name | head -n 1)
status 0 dozan describe experiment bowl
out ExperimentMaxTrialsReached
status 0 dozan describe trial "default/$trial"
out "completed"
status 0 dozan metrics "$trial"
out loss
status 0 dozan logs "$trial"
out begin
out end
status 0 dozan algorithms tpe
out n_startup_trials

# changes, in another namespace
apply slow.yaml vision
status 0 dozan get experiments -A
out vision/slow
status 2 dozan describe experiment slow
status 0 dozan describe experiment vision/slow
runs() { dozan get trials -n vision -o csv | grep -q ',Running,'; }
wait_until runs
status 2 dozan delete slow -n vision
err "\`dozan stop slow\` first"
trial=$(dozan get trials -n vision -o csv | awk -F, '$4 == "Running" { print $1; exit }')
dozan logs -f "$trial" -n vision >followed 2>&1 &
follower=$!
wait_until grep -q 'step 2' followed
status 0 dozan stop "vision/$trial"
err "is stopped"
wait "$follower" || fail "logs -f ended badly"
status 0 dozan get trials "$trial" -n vision -o csv
out Killed
status 0 dozan stop slow -n vision
err "goes on"
status 0 dozan stop slow -n vision
err "not running: it is Suspended"
status 0 dozan resume slow -n vision
wait_until runs
status 0 dozan stop slow -n vision
status 0 dozan delete slow -n vision
status 2 dozan delete slow -n vision
err 'there is no experiment'

# a second service on this machine does without the port that nobody has asked for
dozan serve --db second.db --listen 127.0.0.1:0 2>second.log &
second=$!
wait_until grep -q 'message="serving second.db' second.log
grep -q 'event=start message="gRPC .*not served; choose another with --grpc' second.log || fail "gRPC twice at one port"
kill "$second"
wait "$second" || fail "the second service ended badly"

# without contexts
status 0 dozan context use local
status 0 env DOZAN_SERVER="$url" dozan get experiments
out bowl
stop_serving
status 1 dozan get experiments --server "$url"
err "the service cannot be reached"
