# The table of bad inputs: each is refused with a message that has its place and says what is wrong, with exit status 2,
# at once, and leaves the database whole, with what was in it. `ctest -V -R bad_inputs` prints the table.
experiment kept 3 2 "$bowl"
status 0 dozan run kept.yaml -q
dozan get trials -o csv >trials.before
rows=0

whole() { # LABEL
    if [ -n "${busy:-}" ]; then
        still_busy "$1"
        return
    fi
    [ "$(sqlite3 "${db:-dozan.db}" 'PRAGMA integrity_check')" = ok ] || fail "$1: the database is damaged"
    dozan get experiments -o name --db "${db:-dozan.db}" >names.after || fail "$1: the database cannot be read"
    [ "$(cat names.after)" = kept ] || fail "$1: the experiments are now: $(cat names.after)"
    dozan get trials -o csv --db "${db:-dozan.db}" | cmp -s - trials.before || fail "$1: the trials have changed"
}

# While another process runs an experiment of busy.db: it still does, and has lost nothing.
still_busy() { # LABEL
    [ "$(sqlite3 busy.db 'PRAGMA integrity_check')" = ok ] || fail "$1: the database is damaged"
    [ "$(dozan get experiments -o name --db busy.db)" = busy ] || fail "$1: the experiments have changed"
    [ "$(running_now)" = "$busy" ] || fail "$1: the running trials have changed"
    kill -0 "$run" || fail "$1: the run has ended"
}
running_now() { dozan get trials busy --db busy.db -o csv | awk -F, '$4 == "Running" { printf "%s ", $1 }'; }

# refused LABEL TEXT ARGUMENT...: `dozan ARGUMENT...` ends with status 2 (or $wants) within ten seconds, TEXT is in the
# messages, the last of which begin with "error: ", and the database is as before.
refused() {
    label=$1
    text=$2
    shift 2
    got=0
    timeout 10 dozan "$@" >out 2>err </dev/null || got=$?
    [ "$got" = "${wants:-2}" ] || fail "$label: dozan $* ended with $got, not with ${wants:-2}"
    grep -q '^error: ' err || fail "$label: no line says error:"
    grep -F -- "$text" err | grep -q '^error: ' || fail "$label: no error has the text: $text"
    ! grep -q 'AddressSanitizer\|runtime error:' err || fail "$label: a sanitizer complains"
    whole "$label"
    rows=$((rows + 1))
    printf '%-34s %s  %s\n' "$label" "$got" "$(grep '^error: ' err | head -n 1 | cut -c 1-150)" >>table
}

# file LABEL TEXT: what is on standard input is the file.
file() {
    cat >bad.yaml
    refused "$1" "$2" run bad.yaml
}

# changed LABEL TEXT SED...: the good file, changed so.
changed() {
    label=$1
    text=$2
    shift 2
    sed "$@" good.yaml >bad.yaml
    ! cmp -s bad.yaml good.yaml || fail "$label: the change changes nothing"
    refused "$label" "$text" run bad.yaml
}

# given LABEL TEXT PATH=VALUE...: the good file with --set.
given() {
    label=$1
    text=$2
    shift 2
    options=
    for pair; do options="$options --set '$pair'"; done
    eval "refused \"\$label\" \"\$text\" run good.yaml $options"
}

experiment good 4 2 "$bowl"
P0='spec.parameters[0]'
S0="$P0.feasibleSpace"

# ---- the file itself
refused "missing file" "nowhere.yaml: cannot be read: No such file or directory" run nowhere.yaml
refused "a directory" ".: cannot be read: Is a directory" run .
printf '' | file "empty file" "bad.yaml"
printf '# nothing\n' | file "only a comment" "bad.yaml"
head -c 8192 "$DOZAN_BUILD/dozan" | file "a program" "bad.yaml:"
printf 'metadata: {name: "\377\376"}\n' | file "not UTF-8" "bad.yaml: "
printf 'a\000b: 1\n' | file "a NUL byte" "bad.yaml: "
printf 'Hello, world, this is no experiment.\n' | file "prose" "bad.yaml:1"
printf '[1, 2, 3]\n' | file "a list" "bad.yaml:1"
printf '{"kind": "Experiment", \n' | file "JSON cut off" "bad.yaml:2"
printf 'spec:\n\tparameters: []\n' | file "indented with a tab" "bad.yaml:2"
printf 'kind: Experiment\nkind: Experiment\n' | file "a field twice" "bad.yaml:2"
{ cat good.yaml; echo ---; cat good.yaml; } | file "several documents" "bad.yaml:"
head -c 5000000 /dev/zero | tr '\0' 'a' | file "more than 4 MiB" "bad.yaml: has more than 4 MiB"
awk 'BEGIN { for (i = 0; i < 1000; i++) printf "["; print "" }' | file "1000 lists deep" "bad.yaml:1"
awk 'BEGIN { print "a0: &a0 [x]"
    for (i = 1; i < 40; i++) printf "a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1, i - 1 }' |
    file "an alias bomb" "bad.yaml:"
printf 'a: &a [*a]\n' | file "an alias of itself" "bad.yaml:1"
awk 'BEGIN { for (i = 0; i < 300000; i++) print "- x" }' | file "300,000 entries" "bad.yaml"

# ---- what it says
changed "another kind" "kind" 's/^kind: .*/kind: Deployment/'
changed "another apiVersion" "apiVersion" 's|^apiVersion: .*|apiVersion: kubeflow.org/v1|'
changed "no name" "metadata.name" 's/^  name: .*/  labels: {}/'
changed "a name that is none" "metadata.name" 's/^  name: .*/  name: "Not A Name!"/'
given "no parameters" "spec.parameters" 'spec.parameters=[]'
given "min above max" "$S0.max" "$S0.min=\"5\""
given "min is no number" "$S0.min" "$S0.min=low"
given "max is infinite" "$S0.max" "$S0.max=inf"
given "max is NaN" "$S0.max" "$S0.max=\"nan\""
given "an int with a fraction" "spec.parameters[1].feasibleSpace.max" 'spec.parameters[1].feasibleSpace.max="2.5"'
given "an empty list" "$S0" "$P0.parameterType=categorical" "$S0={list: []}"
given "a value twice in a list" "$S0.list" "$P0.parameterType=categorical" "$S0={list: [a, b, a]}"
given "discrete, not a number" "$S0.list" "$P0.parameterType=discrete" "$S0={list: [\"1\", two]}"
given "the logarithm of zero" "$S0.min" "$S0.min=\"0\"" "$S0.distribution=logUniform"
given "step 0" "$S0.step" "$S0.step=\"0\""
given "step below 0" "$S0.step" "$S0.step=\"-0.5\""
given "unknown parameterType" "$P0.parameterType" "$P0.parameterType=complex"
given "unknown distribution" "$S0.distribution" "$S0.distribution=cauchy"
given "a parameter twice" "spec.parameters[1].name" 'spec.parameters[1].name=x'
given "maxTrialCount 0" "spec.maxTrialCount" 'spec.maxTrialCount=0'
given "maxTrialCount a text" "spec.maxTrialCount" 'spec.maxTrialCount=many'
given "maxTrialCount of 30 digits" "spec.maxTrialCount" 'spec.maxTrialCount=123456789012345678901234567890'
given "more failures than trials" "spec.maxFailedTrialCount" 'spec.maxFailedTrialCount=9'
given "no objective metric" "spec.objective.objectiveMetricName" 'spec.objective.objectiveMetricName=""'
given "unknown resumePolicy" "spec.resumePolicy" 'spec.resumePolicy=Sometimes'
given "bad trialTimeout" "spec.trialTimeout" 'spec.trialTimeout=soon'
given "negative maxRuntime" "spec.maxRuntime" 'spec.maxRuntime=-5m'
given "retries below 0" "spec.retries" 'spec.retries=-1'
given "a seed that is none" "spec.seed" 'spec.seed=lucky'
given "an initial point outside" "spec.initialPoints[0]" 'spec.initialPoints=[{x: 5, k: 1}]'
given "an initial point cut short" "spec.initialPoints[0]" 'spec.initialPoints=[{x: 0.5}]'
given "an initial point of none" "spec.initialPoints[0]" 'spec.initialPoints=[{x: 0.5, k: 1, z: 3}]'

# ---- algorithms
A=spec.algorithm.algorithmName
T=spec.algorithm.algorithmSettings
given "unknown algorithm" "$A" "$A=simulated-guessing"
given "unknown setting" "gama" "$A=tpe" "$T=[{name: gama, value: \"1\"}]"
given "a setting out of range" "--set $T[0]: " "$A=tpe" "$T=[{name: n_EI_candidates, value: \"-3\"}]"
given "a setting that is no number" "--set $T[0]: " "$A=tpe" "$T=[{name: n_EI_candidates, value: some}]"
given "a setting twice" "is given twice" "$A=tpe" "$T=[{name: gamma, value: \"0.2\"}, {name: gamma, value: \"0.3\"}]"
given "grid without step" "$S0" "$A=grid"
given "grid over too few points" "spec.maxTrialCount" "$A=grid" "$S0.step=\"1\"" 'spec.maxTrialCount=100'
given "unknown early stopping" "no early stopper" 'spec.earlyStopping={algorithmName: coinflip}'
given "early stopping as a search" "$A" "$A=medianstop"
given "a search as early stopping" "no early stopper" 'spec.earlyStopping={algorithmName: random}'
given "bad early stopping setting" "start_step" \
    'spec.earlyStopping={algorithmName: medianstop, algorithmSettings: [{name: start_step, value: "-1"}]}'

# ---- metrics and the template
M='spec.metricsCollectorSpec'
given "unknown collector" "$M.collector.kind" "$M={collector: {kind: Telepathy}}"
given "a bad metricsFormat" "$M.source.filter.metricsFormat[0]" "$M={source: {filter: {metricsFormat: [\"([a-z\"]}}}"
given "metricsFormat, one group" "$M.source.filter.metricsFormat[0]" "$M={source: {filter: {metricsFormat: [\"(loss)\"]}}}"
changed "no placeholder in the template" "spec.trialTemplate" 's/x=${trialParameters.x}/x=1/'
changed "placeholder without parameter" "trialParameters.lr" 's/x=${trialParameters.x}/x=${trialParameters.lr}/'
changed "reference to no parameter" "spec.trialTemplate.trialParameters[0].reference" 's/reference: x/reference: lr/'
changed "unknown container" "spec.trialTemplate.primaryContainerName" 's/primaryContainerName: .*/primaryContainerName: sidecar/'
given "trialSpec is a text" "spec.trialTemplate.trialSpec" 'spec.trialTemplate.trialSpec=run it'
given "no trialTemplate" "spec.trialTemplate" 'spec.trialTemplate=null'
C=spec.trialTemplate.trialSpec.spec.template.spec.containers[0]
sed -e 's/command:/args:/' good.yaml >args.yaml
refused "a container without a command" "args.yaml:27: $C.command: is not given" run args.yaml
given "a successCondition of nonsense" "--set spec.trialTemplate.successCondition: " \
    'spec.trialTemplate.successCondition="status.["'
given "a failureCondition of nonsense" "--set spec.trialTemplate.failureCondition: " \
    'spec.trialTemplate.failureCondition="status.conditions.#(type==Failed"'
sed -e 's|apiVersion: batch/v1|apiVersion: kubeflow.org/v1|' -e 's/kind: Job/kind: PyTorchJob/' good.yaml >cluster.yaml
refused "an object that needs a cluster" "kind PyTorchJob needs a cluster" run cluster.yaml

# ---- the command line
refused "no command" "no command is given"
refused "unknown command" 'unknown command "rum"; did you mean run?' rum good.yaml
refused "unknown option" "unknown option --paralell; did you mean --parallel?" run good.yaml --paralell 3
refused "an option without value" "--db: its value is missing" run good.yaml --db
refused "unknown format" "--output" run good.yaml -o xml
refused "--parallel 0" "--parallel" run good.yaml --parallel 0
refused "--parallel -1" "--parallel" run good.yaml --parallel -1
refused "--parallel abc" "--parallel" run good.yaml --parallel abc
refused "--set without =" "--set" run good.yaml --set spec.seed
refused "--set past a list's end" "spec.parameters[7]" run good.yaml --set 'spec.parameters[7].name=z'
refused "--set with a bad path" "--set" run good.yaml --set 'spec..seed=1'
refused "--set with bad YAML" "--set" run good.yaml --set 'spec.parameters=[{'
refused "--map without =" "--map" run good.yaml --map /opt
refused "--map of a relative path" "is no absolute path of the image" run good.yaml --map opt/trainer=/tmp
refused "--map to what is missing" "No such file or directory" run good.yaml --map /opt/trainer=absent/folder
refused "--set of an unknown field" "--set spec.maxTrialCuont: unknown field; did you mean maxTrialCount?" \
    run good.yaml --set spec.maxTrialCuont=3
refused "--set of a field nowhere" "--set spec.nothing: unknown field" run good.yaml --set spec.nothing.like.it=3
refused "--grace of no number" "--grace" run good.yaml --grace-period soon
refused "--durability of none" "--durability" run good.yaml --durability most
refused "two files" "unexpected argument" run good.yaml good.yaml
refused "--config of no file" "absent.yaml" run good.yaml --config absent.yaml
printf 'plugins: [a, b]\n' >config.yaml
refused "--config of another shape" "config.yaml:1" run good.yaml --config config.yaml

# ---- plugins
given_plugin() { refused "$1" "$2" run good.yaml --set $A=mine --plugin "mine=$3"; }
given_plugin "--plugin of no file" "absent/plugin" ./absent/plugin
given_plugin "--plugin of no program" "no-such-program-anywhere" no-such-program-anywhere
given_plugin "--plugin not executable" "chmod +x" ./good.yaml
given_plugin "--plugin a folder" "/tmp" /tmp
printf '\177ELF, but not really\n' >noexec
chmod +x noexec
given_plugin "--plugin of no format" "noexec" ./noexec
printf '#!/bin/sh\nexit 1\n' >exits
chmod +x exits
given_plugin "--plugin that ends at once" "plugin mine ended with exit status 1" ./exits
given_plugin "--plugin of an unknown scheme" "plugin mine cannot be reached" http://127.0.0.1/search
given_plugin "--plugin of no address" "write its URL as" tcp://nowhere
refused "--plugin without =" "--plugin" run good.yaml --plugin mine

# ---- names
refused "describe of no experiment" "absent" describe experiment absent
refused "describe of no trial" "absent" describe trial absent
refused "describe of no kind" "pods" describe pods kept
refused "logs of no trial" "absent" logs absent
refused "metrics of no trial" "absent" metrics absent
refused "stop of nothing" "absent" stop absent
refused "resume of nothing" "absent" resume absent
refused "resume of what has ended" "has ended" resume kept
refused "delete of nothing" "absent" delete absent
refused "get of nothing" "absent" get experiments absent
refused "algorithms of none" "absent" algorithms absent
refused "a name with SQL in it" "kept" delete "kept' OR '1'='1"
refused "a name with a path in it" "../../kept" delete "../../kept"
refused "an empty name" "" describe experiment ""
refused "another objective" "kept already: spec.objective.type: " run kept.yaml --set spec.objective.type=maximize
refused "another parameter" "kept already: $S0.max: " run kept.yaml --set "$S0.max=\"0.5\""
refused "another command" "kept already: $C.command[2]: " run kept.yaml --set "$C.command[2]=echo loss=\${trialParameters.x}\${trialParameters.k}"
refused "a smaller budget" "spec.maxTrialCount" run kept.yaml --set spec.maxTrialCount=2 --set spec.maxFailedTrialCount=1

# ---- databases
mkdir folder
refused "--db a folder" "folder" run good.yaml --db folder
refused "--db in no folder" "absent/x.db" run good.yaml --db absent/x.db
refused "--db below a file" "good.yaml/x.db" run good.yaml --db good.yaml/x.db
refused "--db of no path" "--db" run good.yaml --db ""
refused "get from no database" "absent.db" get experiments --db absent.db
cp good.yaml text.db
refused "--db a text file" "text.db" run good.yaml --db text.db
cmp -s good.yaml text.db || fail "a text file was changed"
: >empty.db
refused "get from an empty file" "empty.db" get experiments --db empty.db
sqlite3 other.db 'CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ("a")'
sqlite3 other.db .dump >other.before
refused "--db another program's" "other.db" run good.yaml --db other.db
refused "get from another program's" "other.db" get experiments --db other.db
sqlite3 other.db .dump | cmp -s - other.before || fail "another program's database was changed"
sqlite3 dozan.db 'VACUUM INTO "newer.db"'
sqlite3 newer.db "PRAGMA user_version = $(($(sqlite3 dozan.db 'PRAGMA user_version') + 1000))"
refused "--db of a newer version" "newer.db" run good.yaml --db newer.db
head -c 6000 dozan.db >cut.db
refused "--db cut off" "cut.db" get trials --db cut.db
if [ "$(id -u)" != 0 ]; then # root may write everywhere
    mkdir locked
    chmod a-w locked
    refused "--db in a read-only folder" "locked/x.db" run good.yaml --db locked/x.db
    refused "--db in a place not ours" "/proc" run good.yaml --db /proc/x.db
fi

# ---- conditions between parameters
W='spec.parameters[1].when'
given "a condition on no parameter" "$W.parameter" "$W={parameter: y, min: 0}"
given "a condition on a later one" "$W.parameter" "$W={parameter: k, min: 0}"
given "a condition that never holds" "$W.min" "$W={parameter: x, min: 7}"
given "a condition on a continuous one" "$W.in" "$W={parameter: x, in: [0.5]}"
given "a condition without values" "$W" "$W={parameter: x}"
given "otherwise without a condition" "spec.parameters[1].otherwise" 'spec.parameters[1].otherwise=none'
given "an inactive initial point" "spec.initialPoints[0].k" "$W={parameter: x, min: 0}" \
    'spec.initialPoints=[{x: -0.5, k: 1}]'

# ---- while another process runs it
experiment busy 4 2 "$bowl; while [ ! -e $PWD/gate ]; do sleep 0.05; done"
dozan run busy.yaml -q --db busy.db >run.out 2>run.err &
run=$!
two_run() { [ "$(running_now | wc -w)" = 2 ]; }
wait_until two_run
busy=$(running_now)
refused "run what is running" "pid $run" run busy.yaml --db busy.db
refused "run another one beside it" "pid $run" run good.yaml --db busy.db
refused "resume what is running" "pid $run" resume busy --db busy.db
refused "delete what is running" 'experiment busy is running: `dozan stop busy' delete busy --db busy.db
busy=
touch gate
got=0
wait $run || got=$?
[ "$got" = 0 ] || fail "the run that was not to be disturbed ended with $got: $(cat run.err)"
[ "$(dozan get trials busy --db busy.db -o csv | grep -c ',Succeeded,')" = 4 ] || fail "trials were lost"

# ---- objectives and constraints
O='spec.objectives'
given "no objectives" "$O" "$O=[]"
given "an objective of no direction" "$O[1].type" "$O=[{type: minimize, metric: loss}, {metric: size}]"
given "an objective twice" "$O[1].metric" "$O=[{type: minimize, metric: loss}, {type: maximize, metric: loss}]"
given "objectives that disagree" "$O[0].type" "$O=[{type: maximize, metric: loss}]"
given "a goal of the second objective" "$O[1].goal" \
    "$O=[{type: minimize, metric: loss}, {type: minimize, metric: size, goal: 1}]"
given "two objectives for tpe" "$O" "$O=[{type: minimize, metric: loss}, {type: minimize, metric: size}]" "$A=tpe"
given "early stopping by the first of two" "spec.earlyStopping" 'spec.earlyStopping={algorithmName: medianstop}' \
    "$O=[{type: minimize, metric: loss}, {type: minimize, metric: size}]"
given "a constraint without a bound" "spec.constraints[0]" 'spec.constraints=[{metric: size}]'
given "a constraint on nothing" "spec.constraints[0].metric" 'spec.constraints=[{max: 3}]'
given "a constraint that none can keep" "spec.constraints[0].max" 'spec.constraints=[{metric: size, min: 3, max: 2}]'
given "a constraint misspelt" "did you mean max" 'spec.constraints=[{metric: size, mx: 3, min: 0}]'

# ---- results from before
given "a warm start from nothing" "spec.warmStart.experiments" 'spec.warmStart={}'
given "a warm start from an unknown one" "there are: kept" 'spec.warmStart={experiments: [kept, lost]}'
given "a warm start from itself" "spec.warmStart.experiments[0]" 'spec.warmStart={experiments: [good]}'
given "a warm start of no trials" "spec.warmStart.maxTrials" 'spec.warmStart={experiments: [kept], maxTrials: 0}'

cat table
echo "$rows bad inputs refused, and the database is whole"
