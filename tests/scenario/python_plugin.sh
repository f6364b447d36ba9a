# The example plugin in Python, as its README says; skipped where its two packages cannot be had from PyPI.
venv=$DOZAN_BUILD/venv
if ! "$venv/bin/python" -c 'import pynng, grpc_tools' 2>/dev/null; then
    python3 -m venv "$venv" && "$venv/bin/pip" install -q --timeout 15 --retries 1 pynng grpcio-tools >pip.log 2>&1 || {
        echo "skipped: pynng and grpcio-tools cannot be installed: $(tail -n 1 pip.log)"
        exit 77
    }
fi
PATH=$venv/bin:$PATH
status 0 dozan run "$DOZAN_SOURCE/examples/plugins/experiment.yaml" --map "/data=$DOZAN_SOURCE/examples/quickstart" \
    --plugin "my-search=$DOZAN_SOURCE/examples/plugins/python/my_search.py" --set spec.seed=1 -o json
json '.status.trialsSucceeded' 30
json '.status.conditions[-1].type' Succeeded
best=$(jq -r '.status.currentOptimalTrial.observation.metrics[0].max' out)
status 0 dozan describe experiment plugin
! grep -q "Plugin faults" out || fail "the plugin was faulty"

# as many random trials, of the median of their seeds, find no better
for seed in 1 2 3; do
    status 0 dozan run "$DOZAN_SOURCE/examples/plugins/experiment.yaml" --map "/data=$DOZAN_SOURCE/examples/quickstart" \
        --db "random$seed.db" --set spec.algorithm.algorithmName=random --set "spec.seed=$seed" -o json
    jq -r '.status.currentOptimalTrial.observation.metrics[0].max' out >>random
done
median=$(sort -g random | sed -n 2p)
awk -v best="$best" -v random="$median" 'BEGIN { exit !(best >= random) }' ||
    fail "its best, $best, is below $median, that of random search"
