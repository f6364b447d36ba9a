# Experiments of Katib's shapes run to their end: each collector, early stopping, strategies; the trainer is stood in for by
# one of the same output, which --map puts where the image would have it.
shape() { # NAME
    name=$(sed -n 's/^  name: //p' "$DOZAN_SOURCE/tests/data/katib/$1.yaml" | head -n 1)
    status 0 dozan run "$DOZAN_SOURCE/tests/data/katib/$1.yaml" --map /opt/digits="$DOZAN_SOURCE/tests/data/katib" -o json
    json '.metadata.name' "$name"
    json '.status.conditions[-1].type' Succeeded
    json '.status.trialsFailed // 0' 0
    json '.status.trialMetricsUnavailable // 0' 0
    json '.status.currentOptimalTrial.observation.metrics | length > 0' true
}

for each in random file-text file-json strategies median-stop; do
    shape $each
done
shape median-stop-json
[ "$(jq -r '.status.trialsEarlyStopped // 0' out)" -gt 0 ] || fail "no trial was stopped early"
stopped=$(jq -r '.status.earlyStoppedTrialList[0]' out)
status 0 dozan metrics "$stopped" -o csv
[ "$(grep -c accuracy out)" -lt 4 ] || fail "$stopped was not stopped before its last epoch"
