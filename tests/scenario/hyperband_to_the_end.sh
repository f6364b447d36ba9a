# Hyperband and asha through the programs: the counts of the paper, also when the run is killed in the middle of a rung.

# rungs NAME: how many trials each bracket and rung has
rungs() {
    dozan get trials "$1" -o json | jq -r '.items[].metadata.labels
        | .["hyperband-bracket"] + "." + .["hyperband-rung"]' | sort | uniq -c | awk '{ print $2 "=" $1 }' | xargs
}

search() {
    experiment "$1" 22 2 "echo run >>$PWD/$1.starts; while [ -e $PWD/hold ]; do sleep 0.05; done; $bowl"
    sed -i "s/algorithm: .*/algorithm: {algorithmName: $2, algorithmSettings: [{name: r_l, value: \"9\"}, {name: eta, value: \"3\"}, {name: resource_name, value: k}]}/
        s/^spec:/spec:\n  seed: 11/" "$1.yaml"
}

search whole hyperband
status 0 dozan run whole.yaml
[ "$(rungs whole)" = "0.0=9 0.1=3 0.2=1 1.0=5 1.1=1 2.0=3" ] || fail "the rungs are $(rungs whole)"

# killed twice, with trials of a rung running
search cut hyperband
for round in 1 2; do
    touch hold
    dozan run cut.yaml >run.out 2>run.err &
    run=$!
    wait_until some_trial Running
    kill -KILL $run
    wait $run 2>/dev/null || true
    rm hold
    if [ $round = 1 ]; then
        dozan run cut.yaml >run.out 2>run.err &
        run=$!
        wait_until grep -q . cut.starts
        kill -KILL $run
        wait $run 2>/dev/null || true
    fi
done
status 0 dozan run cut.yaml
[ "$(rungs cut)" = "0.0=9 0.1=3 0.2=1 1.0=5 1.1=1 2.0=3" ] || fail "after kills the rungs are $(rungs cut)"
[ "$(wc -l <cut.starts)" = 22 ] || fail "$(wc -l <cut.starts) starts, not 22"

# a promoted trial has its parent's values, but three times the resource; a label names the parent by its number, which is its
# place in the list
dozan get trials cut -o json | jq '[.items[] | {from: .metadata.labels["promoted-from"], values: (.spec.parameterAssignments | map({(.name): .value}) | add)}]' >out
[ "$(jq '[.[] | select(.from != null)] | length' out)" = 5 ] || fail "not 5 trials were promoted"
jq -e '. as $all | all(.[] | select(.from != null); . as $child |
    $all[($child.from | tonumber) - 1].values as $parent |
    $child.values.x == $parent.x and ($child.values.k | tonumber) == 3 * ($parent.k | tonumber))' out >/dev/null ||
    fail "a promoted trial is not its parent with more of the resource"

# asha waits for nothing: 22 trials, some of which go on
search promote asha
status 0 dozan run promote.yaml
dozan get trials promote -o json >out
json '[.items[] | select(.metadata.labels["asha-rung"] != null)] | length' 22
[ "$(jq '[.items[] | select(.metadata.labels["asha-rung"] == "1")] | length' out)" -ge 3 ] || fail "asha promoted too few"
