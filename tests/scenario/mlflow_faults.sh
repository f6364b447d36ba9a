# MLflow's API to clients that may not, ask for what is not there, send too much or go away; and to a service that is killed.
. "$DOZAN_SOURCE/tests/scenario/lib/serve.sh"
status 0 python3 "$DOZAN_SOURCE/tests/scenario/lib/mlflow_kill.py" "$PWD/killed.db"
out "3 kills, none lost"

dozan token alice >token 2>alice
dozan token eve >eve.token 2>eve
{
    echo users:
    cat alice
    sed 's/role: editor/role: viewer/' eve
} >users.yaml
sed -i '/namespaces:/d' users.yaml # what MLflow's client tracks belongs to no namespace
serve --auth users.yaml
api=/api/2.0/mlflow
json='Content-Type: application/json'
http 401 GET "$api/experiments/get?experiment_id=0"
grep -q '"error_code":"UNAUTHENTICATED"' out || fail "$(cat out)"
http 401 GET "$api/experiments/get?experiment_id=0" -u "alice:wrong"
grep -q '"error_code":"UNAUTHENTICATED"' out || fail "$(cat out)"
http 200 GET "$api/experiments/get?experiment_id=0" -H "Authorization: Bearer $(cat token)"
http 200 GET "$api/experiments/get?experiment_id=0" -u "alice:$(cat token)"
http 403 POST "$api/runs/create" -u "eve:$(cat eve.token)" -H "$json" -d '{}'
grep -q '"error_code":"PERMISSION_DENIED"' out || fail "$(cat out)"
http 200 POST "$api/runs/create" -u "alice:$(cat token)" -H "$json" -d '{}'
http 404 GET "$api/experiments/get?experiment_id=99" -u "alice:$(cat token)"
grep -q '"error_code":"RESOURCE_DOES_NOT_EXIST"' out || fail "$(cat out)"
http 404 GET "/api/2.0/mlflow-artifacts/none/x" -u "alice:$(cat token)"
grep -q '"error_code":"ENDPOINT_NOT_FOUND"' out || fail "$(cat out)"
truncate -s 80M large
http 413 PUT "/api/2.0/mlflow-artifacts/artifacts/0/large" -u "alice:$(cat token)" --data-binary @large -H 'Expect: 100-continue'
grep -q '"error_code":"INVALID_PARAMETER_VALUE"' out || fail "$(cat out)"
http 400 GET "$api/runs/get?run_id=%zz" -u "alice:$(cat token)"
grep -q '"error_code":"BAD_REQUEST"' out || fail "$(cat out)"
http 200 GET /health
http 200 GET /version -A mlflow-python-client/3.17.2
grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+' out || fail "$(cat out)"
stop_serving
