# Several objectives, constraints and conditional parameters, from the example files to what every command says of them.
examples=$DOZAN_SOURCE/examples/objectives

# A grid over conditional parameters has each point once: 3 of adam, 6 of sgd.
status 0 dozan run "$examples/conditions.yaml" -q
out "ExperimentSuggestionEndReached"
status 0 dozan get trials conditions -o csv
[ "$(wc -l <out)" = 10 ] || fail "not nine trials"
[ "$(tail -n +2 out | cut -d , -f 10-12 | sort -u | wc -l)" = 9 ] || fail "a point came twice"
[ "$(grep -c ',adam,,' out)" = 3 ] || fail "adam has a momentum"
[ "$(grep -c '"no: seconds is 12' out)" = 3 ] || fail "not three infeasible trials"
head -n 1 out | grep -q ',feasible$' || fail "no column of feasibility"
adam=$(awk -F, '$10 == "adam" && $12 == 4 { print $1; exit }' out)
slow=$(awk -F, '/no: seconds/ { print $1; exit }' out)
status 0 dozan logs "$adam"
out "momentum: none"
status 0 dozan get trials "$adam" -o json
json '.spec.parameterAssignments | map(.name) | join(" ")' "optimizer layers"
json .status.feasible true
status 0 dozan get trials "$slow" -o json
json .status.feasible false
status 0 dozan describe trial "$slow"
out "no: seconds is 12, above 10 by 2"
status 0 dozan get trials conditions -o wide
grep -q ' FEASIBLE$' out || fail "no column of feasibility"
# 0.0667 is the least loss, but of an infeasible trial
status 0 dozan get experiments conditions -o json
json '.status.currentOptimalTrial.observation.metrics[0].latest' 0.1
json '.status | has("paretoFront")' false
status 0 dozan describe experiment conditions
out "optimizer is sgd"
out "seconds at most 10"

# Where no trial is feasible there is no best one.
status 0 dozan run "$examples/conditions.yaml" -q --set metadata.name=none --set 'spec.constraints[0].max=1'
out "No trial is feasible so far: none of the 9 that succeeded keeps the constraint."
status 0 dozan describe experiment none
out "no trial is feasible so far"
status 0 dozan get experiments none -o json
json '.status.currentOptimalTrial | has("bestTrialName")' false

# Two objectives: the front is what no other trial beats, in every command the same.
for algorithm in random nsga2 auto; do
    name=front-$algorithm
    status 0 dozan run "$examples/experiment.yaml" -q --set metadata.name=$name \
        --set spec.algorithm.algorithmName=$algorithm
    out "Pareto front: "
    dozan get trials $name -o csv | awk -F, '
        NR > 1 { n++; name[n] = $1; w[n] = $12 + 0; h[n] = $13 + 0; weight[n] = $14 + 0 }
        END {
            for (i = 1; i <= n; i++) {
                if (weight[i] > 6) continue
                beaten = 0
                for (k = 1; k <= n; k++)
                    if (weight[k] <= 6 && w[k] >= w[i] && h[k] <= h[i] && (w[k] > w[i] || h[k] < h[i])) beaten = 1
                if (!beaten) print name[i]
            }
        }' | sort >expected
    status 0 dozan get experiments $name -o json
    jq -r '.status.paretoFront[].bestTrialName' out | sort >found
    cmp -s expected found || fail "the front of $algorithm is another one: $(cat found), not $(cat expected)"
    [ -s found ] || fail "the front is empty"
    best=$(jq -r '.status.currentOptimalTrial.bestTrialName' out)
    grep -qx "$best" found || fail "the best trial is not in the front"
    status 0 dozan describe experiment $name
    out "Pareto front"
    out "$(head -n 1 found)"
    out "minimize height"
done
status 2 dozan run "$examples/experiment.yaml" --set metadata.name=one --set spec.algorithm.algorithmName=tpe
err "spec.objectives: tpe takes one objective"

# Without an algorithm, auto chooses one, and says which.
sed '/^  algorithm:/,/^    algorithmName:/d' "$examples/conditions.yaml" >auto.yaml
status 0 dozan run auto.yaml -q --set metadata.name=auto --set spec.maxTrialCount=6
status 0 dozan get experiments auto -o json
json .spec.algorithm.algorithmName auto
status 0 dozan describe experiment auto
grep -q '^Suggestions: *SuggestionReady: auto ' out || fail "describe does not tell what auto chose"

# A metric that is missing is named.
sed 's/print "height=.*; print "weight/print "weight/' "$examples/experiment.yaml" >missing.yaml
status 1 dozan run missing.yaml -q --set metadata.name=missing --set spec.maxTrialCount=4 --set spec.maxFailedTrialCount=3
status 0 dozan describe experiment missing
out "did not report its objective height"
