# An experiment that begins with the results of an earlier one: what it takes, what it passes over, and that nothing of
# it depends on the earlier one later.
experiment old 8 2 "$bowl"
status 0 dozan run old.yaml -q
experiment new 4 1 "$bowl"
sed -i 's/^  seed:.*//; s/^  algorithm:.*/  algorithm: {algorithmName: tpe}\n  seed: 7/' new.yaml

status 2 dozan run new.yaml --set 'spec.warmStart={experiments: [old, older]}'
err "--set spec.warmStart.experiments[1]: there is no experiment \"older\" in the database; there are: old"
status 2 dozan validate new.yaml --set 'spec.warmStart={experiments: [older]}'
err "there are: old"
status 0 env DOZAN_DB=absent.db dozan validate new.yaml --set 'spec.warmStart={experiments: [older]}'
[ ! -e absent.db ] || fail "validate made a database"
status 0 dozan get experiments -o name
[ "$(cat out)" = old ] || fail "a refused experiment is there"

# All eight fit.
status 0 dozan run new.yaml --set 'spec.warmStart={experiments: [old]}'
err "warm start: 8 results of old; 0 passed over"
status 0 dozan describe experiment new
out "Warm start:      8 results of old; 0 passed over"
[ "$(sqlite3 dozan.db "SELECT count(*) FROM events e JOIN experiments x ON x.id = e.experiment
    WHERE x.name = 'new' AND e.kind = 'KNOWN' AND e.seq = -e.trial AND e.value IS NOT NULL")" = 8 ] ||
    fail "the log does not begin with eight known results"
status 0 dozan get trials new -o csv
cut -d , -f 10,11 out >told
[ "$(wc -l <told)" = 5 ] || fail "not four trials of its own"

# A smaller space, at most three, and another metric.
status 0 dozan run new.yaml --set metadata.name=few --set 'spec.warmStart={experiments: [old], maxTrials: 3}' -q
status 0 dozan describe experiment few
out "3 results of old; 5 passed over: 5 more than maxTrials"
status 0 dozan run new.yaml --set metadata.name=small --set 'spec.warmStart={experiments: [old]}' -q \
    --set 'spec.parameters[0].feasibleSpace={min: "5", max: "6"}'
status 0 dozan describe experiment small
out "0 results of old; 8 passed over: 8 outside the space (x)"
sed 's/print \\"loss=/print \\"cost=/; s/loss=/cost=/g; s/objectiveMetricName: loss/objectiveMetricName: cost/' new.yaml >cost.yaml
status 0 dozan run cost.yaml --set metadata.name=cost --set 'spec.warmStart={experiments: [old]}' -q
status 0 dozan describe experiment cost
out "8 without a value of a metric (cost)"

# The same seed, and the same results to begin with, give the same trials; the old experiment is not needed for it.
sed 's/^  name: new/  name: again/' new.yaml >again.yaml
status 0 dozan run again.yaml --set 'spec.warmStart={experiments: [old]}' --set spec.maxTrialCount=3 -q
status 0 dozan delete old
status 0 dozan run again.yaml --set 'spec.warmStart={experiments: [old]}' -q
status 0 dozan get trials again -o csv
cut -d , -f 10,11 out | cmp -s - told || fail "the trials are others after the old experiment was deleted"
status 0 dozan describe experiment again
out "8 results of old"
