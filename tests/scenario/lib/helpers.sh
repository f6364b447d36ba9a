# What scenarios share. Every word fails the scenario when what it says does not hold.

fail() {
    echo "scenario: $*" >&2
    for file in out err; do
        [ ! -s "$file" ] || { echo "--- $file"; tail -n 40 "$file"; } >&2
    done
    exit 1
}

# status N COMMAND...: the command ends with status N; its output is in the files out and err.
status() {
    wanted=$1
    shift
    got=0
    "$@" >out 2>err || got=$?
    [ "$got" = "$wanted" ] || fail "$* ended with $got, not with $wanted"
}

# out TEXT, err TEXT: the last command's output has a line with that text.
out() { grep -qF -- "$1" out || fail "the output lacks: $1"; }
err() { grep -qF -- "$1" err || fail "the messages lack: $1"; }
no_out() { [ ! -s out ] || fail "there is output"; }
no_err() { [ ! -s err ] || fail "there are messages"; }

# json FILTER VALUE: what jq finds in the output.
json() {
    found=$(jq -r "$1" out) || fail "the output is no JSON"
    [ "$found" = "$2" ] || fail "$1 is $found, not $2"
}

# wait_until COMMAND...: until it succeeds, for at most 30 seconds.
wait_until() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || fail "never came true: $*"
        sleep 0.05
    done
}

# trials STATE: the names of the trials in that state.
trials() { dozan get trials -o csv | awk -F, -v state="$1" '$4 == state { print $1 }'; }
some_trial() { [ -n "$(trials "$1")" ]; }

# experiment NAME MAX PARALLEL COMMAND: writes NAME.yaml; the command is a line of shell in which $x and $k
# are the parameters.
experiment() {
    cat >"$1.yaml" <<YAML
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: $1
spec:
  objective: {type: minimize, objectiveMetricName: loss}
  algorithm: {algorithmName: random}
  parallelTrialCount: $3
  maxTrialCount: $2
  maxFailedTrialCount: 3
  parameters:
    - {name: x, parameterType: double, feasibleSpace: {min: "-1", max: "1"}}
    - {name: k, parameterType: int, feasibleSpace: {min: "0", max: "10"}}
  trialTemplate:
    primaryContainerName: main
    trialParameters:
      - {name: x, reference: x}
      - {name: k, reference: k}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: main
                image: example.org/bowl
                command:
                  - sh
                  - -c
                  - |-
                    x=\${trialParameters.x}; k=\${trialParameters.k}; $4
YAML
}

bowl='awk -v x=$x -v k=$k "BEGIN { print \"loss=\" x * x + (k - 3) * (k - 3) }"'
