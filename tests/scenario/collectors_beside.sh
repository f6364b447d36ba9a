# The collectors that run beside a trial: event files, an HTTP server's metrics, a container of the user's.
command -v python3 >/dev/null || { echo "there is no python3"; exit 77; }
lib=$DOZAN_SOURCE/tests/scenario/lib

# spec NAME COLLECTOR: puts a metricsCollectorSpec into an experiment that `experiment` wrote.
spec() {
    COLLECTOR="  metricsCollectorSpec: $2" awk '/^  algorithm:/ { print ENVIRON["COLLECTOR"] } { print }' "$1.yaml" >"$1.new"
    sed 's/maxFailedTrialCount: 3/maxFailedTrialCount: 0/' "$1.new" >"$1.yaml"
}
metric() { sed -i "s|objectiveMetricName: loss|objectiveMetricName: '$2'|" "$1.yaml"; }
best() { jq -r '.status.currentOptimalTrial.bestTrialName' out; }

# Event files in folders below the one that the collector reads, and the trial is given the folder above.
experiment events 4 2 "python3 $lib/event_trial.py /no/logs \$x"
spec events '{collector: {kind: TensorFlowEvent}, source: {fileSystemPath: {path: /no/logs/run/, kind: Directory}}}'
sed -i 's|/no/logs \$x|/no/logs/run $x|' events.yaml
metric events test/loss
status 0 dozan validate events.yaml
status 0 dozan run events.yaml -o json
json '.status.trialsSucceeded' 4
trial=$(best)
dozan metrics "$trial" -o csv >points
[ "$(grep -c test/loss points)" = 4 ] || { cat points; fail "four points were written"; }
grep -q 2023-11-14T22:13:23 points || { cat points; fail "the time of the event is not that of the point"; }
x=$(jq -r '.status.currentOptimalTrial.parameterAssignments[] | select(.name == "x").value' out)
awk -F, -v x="$x" '/test\/loss/ { last = $3 } END { d = last - x * x; exit d < -1e-5 || d > 1e-5 }' points ||
    { cat points; fail "the last value is not that of the test folder"; }
dozan describe trial "$trial" >told
grep -q "ends within a record" told || { cat told; fail "the half record is not told of"; }

# The folder above the one that is read.
experiment above 1 1 "python3 $lib/event_trial.py /no-such-logs \$x"
spec above '{collector: {kind: TensorFlowEvent}, source: {fileSystemPath: {path: /no-such-logs/test, kind: Directory}}}'
status 0 dozan run above.yaml -o json
json '.status.trialsSucceeded' 1
[ ! -e /no-such-logs ] || fail "the trial wrote outside of its directory"

# Trials at the same time, each with a port of its own.
http='{path: "/own/metrics?all=1", port: 8080, httpHeaders: [{name: X-Key, value: secret}]'
experiment scraped 3 3 "exec python3 $lib/scraped_trial.py \$x"
spec scraped "{collector: {kind: PrometheusMetric}, source: {httpGet: $http}}}"
metric scraped 'loss{split="test"}'
status 0 dozan validate scraped.yaml
err "DOZAN_METRICS_PORT"
status 0 dozan run scraped.yaml -o json
json '.status.trialsSucceeded' 3
trial=$(best)
dozan metrics "$trial" -o csv >points
[ "$(grep -c 'split' points)" = 3 ] || { cat points; fail "three values were served"; }
dozan describe trial "$trial" >told
grep -q "not in Prometheus" told || { cat told; fail "the broken line is not told of"; }

# TLS: a certificate that nobody has signed is refused, and one that is trusted is not.
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 2>/dev/null
experiment refused 1 1 "timeout 2 python3 $lib/scraped_trial.py \$x $PWD/cert.pem $PWD/key.pem || true"
spec refused "{collector: {kind: PrometheusMetric}, source: {httpGet: $http, scheme: HTTPS}}}"
metric refused 'loss{split="test"}'
sed -i 's/port: 8080/port: 18473/' refused.yaml
status 1 dozan run refused.yaml -o json
json '.status.trialMetricsUnavailable' 1
dozan describe trial "$(dozan get trials -o csv | awk -F, '/refused/ { print $1 }')" >told
grep -q "certificate" told || { cat told; fail "the certificate is not told of"; }
sed 's/name: refused/name: trusted/' refused.yaml >trusted.yaml
SSL_CERT_FILE=$PWD/cert.pem status 0 dozan run trusted.yaml -o json
json '.status.trialsSucceeded' 1

# A container beside the trial, with the trial's file, its own environment, and its output as the metrics.
cat >reader.sh <<'SH'
echo "reads $1" >&2
ended=
trap 'ended=1' TERM
: >"$1.ready"
until [ "$ended" ]; do
    sleep 60 &
    wait $!
done
while read -r _ epoch x; do echo "$WORD=$(awk -v a="$epoch" -v b="$x" 'BEGIN { print a + b }')"; done <"$1"
SH
experiment custom 3 3 'until [ -e /no/shared/log.ready ]; do sleep 0.01; done
                    for i in 3 2 1; do echo "epoch $i $x" >>/no/shared/log; done'
spec custom "{source: {fileSystemPath: {path: /no/shared/log, kind: File}}, collector: {kind: Custom, customCollector:
      {name: reader, image: example.org/reader, env: [{name: WORD, value: loss}],
      command: [sh, $PWD/reader.sh, /no/shared/log]}}}"
status 0 dozan run custom.yaml -o json
json '.status.trialsSucceeded' 3
dozan metrics "$(best)" -o csv >points
[ "$(grep -c loss points)" = 3 ] || { cat points; fail "the trial wrote three lines"; }
[ -s "dozan.db.d/custom/$(best).1/collected" ] || fail "the collector's output is not kept"
grep -q "reads $PWD" "dozan.db.d/custom/$(best).1/collector.log" || fail "the collector's messages are not kept"

# What a collector needs is told before anything runs.
experiment silent 1 1 "$bowl"
spec silent '{collector: {kind: Custom, customCollector: {name: reader, image: example.org/reader}}}'
status 2 dozan run silent.yaml
err "customCollector"
experiment lacking 1 1 "$bowl"
spec lacking '{collector: {kind: Custom, customCollector: {name: reader, image: example.org/r, command: [no-such-reader]}}}'
status 1 dozan run lacking.yaml
dozan describe trial "$(dozan get trials -o csv | awk -F, '/lacking/ { print $1 }')" >told
grep -q "no command no-such-reader" told || { cat told; fail "the missing collector is not told of"; }
