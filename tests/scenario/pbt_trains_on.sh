# Population based training through the programs: each trial loads its parent's checkpoint, trains on, and saves its own.
# The trainer's best learning rate falls as it learns, so a population that may change it beats random search, which
# trains each of its trials for as long as a member, with the same number of epochs in all.

# train.sh FOLDER RATE EPOCHS: loads and saves FOLDER/progress
cat >train.sh <<'SH'
[ -z "$DOZAN_CHECKPOINT_DIR" ] || [ "$1" = "$DOZAN_CHECKPOINT_DIR/" ] || exit 9
progress=0
if [ -e "$1/progress" ]; then
    progress=$(cat "$1/progress")
    echo "$DOZAN_TRIAL_NAME $(cat "$1/name")" >>parents
fi
[ ! -e hold ] || while [ ! -e gate ]; do sleep 0.05; done
progress=$(awk -v p="$progress" -v rate="$2" -v epochs="$3" 'BEGIN {
    for (i = 0; i < epochs; i++) { off = log(rate * (1 + p) / 0.5); p += 0.2 * exp(-4 * off * off) }
    printf "%.6f", p }')
if [ -n "$DOZAN_CHECKPOINT_DIR" ]; then
    mkdir -p "$1/deep/down"
    echo "$DOZAN_TRIAL_NAME" >>"$1/deep/down/lineage"
    echo "$DOZAN_TRIAL_NAME" >"$1/name"
    echo "$progress" >"$1/progress"
fi
echo "accuracy=$progress"
SH

# search NAME MAX SETTINGS EPOCHS: writes NAME.yaml
search() {
    cat >"$1.yaml" <<YAML
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: $1
spec:
  seed: 4
  objective: {type: maximize, objectiveMetricName: accuracy}
  algorithm: $3
  parallelTrialCount: 4
  maxTrialCount: $2
  maxFailedTrialCount: 0
  parameters:
    - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "1", distribution: logUniform}}
  trialTemplate:
    primaryContainerName: main
    trialParameters:
      - {name: lr, reference: lr}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: main
                image: example.org/trainer
                workingDir: $PWD
                command: [sh, train.sh, /var/log/katib/checkpoints/, "\${trialParameters.lr}", "$4"]
YAML
}
value() { dozan get experiments "$1" -o json | jq -r '.status.currentOptimalTrial.observation.metrics[0].max'; }

search population 96 '{algorithmName: pbt, algorithmSettings: [{name: suggestion_trial_dir,
    value: /var/log/katib/checkpoints/}, {name: n_population, value: "6"},
    {name: truncation_threshold, value: "0.2"}]}' 5
search random 6 '{algorithmName: random}' 80

# killed in the middle of a generation, and again while trials hold copies of their parents
touch hold
dozan run population.yaml >run.out 2>run.err &
run=$!
wait_until some_trial Running
kill -KILL $run
wait $run 2>/dev/null || true
touch gate
status 0 dozan run population.yaml
status 0 dozan get trials -o json
json '[.items[] | select(.metadata.labels["pbt.suggestion.katib.kubeflow.org/generation"] == "15")] | length' 6

# every trial after the first generation began with the checkpoint of the parent that its label names
jq -r '.items[] | select(.metadata.labels["pbt.suggestion.katib.kubeflow.org/parent"] != null)
    | .metadata.name + " " + .metadata.labels["pbt.suggestion.katib.kubeflow.org/parent"]' out | sort >wanted
sort -u parents >found
[ "$(wc -l <wanted)" = 90 ] || fail "$(wc -l <wanted) trials have a parent, not 90"
cmp -s wanted found || fail "trials began with other checkpoints than their labels say: $(diff wanted found | head -3)"
# and the whole tree came along: sixteen generations, one line each
lineage=$(find dozan.db.d -name lineage -exec wc -l {} + | awk '$2 != "total" && $1 == 16' | wc -l)
[ "$lineage" = 6 ] || fail "$lineage checkpoints went through all generations, not 6"

status 0 dozan run random.yaml
awk -v pbt="$(value population)" -v random="$(value random)" 'BEGIN { exit !(pbt > 1.2 * random) }' ||
    fail "pbt reached $(value population), random search $(value random)"

# a checkpoint that somebody removed is told with its parent's name
search again 12 '{algorithmName: pbt, algorithmSettings: [{name: suggestion_trial_dir,
    value: /var/log/katib/checkpoints/}, {name: n_population, value: "6"},
    {name: truncation_threshold, value: "0.2"}]}' 1
sed -i 's/sh, train.sh/sh, forget.sh/' again.yaml
cat >forget.sh <<'SH'
sh train.sh "$@"
rm -rf "$1"
SH
status 1 dozan run again.yaml
status 0 dozan describe experiment again
out "it begins with the checkpoint of trial again-"
