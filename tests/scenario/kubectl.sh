# A real kubectl against `dozan serve`, with the kubeconfig that it writes.
. "$DOZAN_SOURCE/tests/scenario/lib/serve.sh"
command -v kubectl >/dev/null || { echo "there is no kubectl here (Debian: kubernetes-client)"; exit 77; }
kubectl version --client
experiment bowl 4 2 'echo begin; sleep 0.3; echo loss=$(echo $x | tr -d -); echo end'
sed -i 's/^  name: bowl$/  name: bowl\n  labels: {team: blue}/; s/^  algorithm:/  resumePolicy: LongRunning\n  algorithm:/' bowl.yaml
serve

status 0 kubectl api-resources
out experiments
status 0 kubectl get experiments
err "No resources found"
status 0 kubectl apply -f bowl.yaml
out "experiment.kubeflow.org/bowl created"
kubectl get trials --watch >watch 2>&1 &
watch=$!
status 0 kubectl wait --for=condition=Succeeded experiment/bowl --timeout=60s
out "condition met"
status 0 kubectl get experiment bowl
grep -Eq '^NAME +TYPE +STATUS +AGE$' out || fail "not Katib's columns"
grep -Eq '^bowl +Succeeded +True +[0-9]+s$' out || fail "not Katib's row"
status 0 kubectl get experiment bowl -o wide
grep -Eq '^bowl .* random +4 +0 +4 +ExperimentMaxTrialsReached$' out || fail "not the wide row"
status 0 kubectl get suggestion bowl
grep -Eq '^NAME +TYPE +STATUS +REQUESTED +ASSIGNED +AGE$' out || fail "not Katib's columns"
status 0 kubectl get trials -l katib.kubeflow.org/experiment=bowl -o name
[ "$(wc -l <out)" = 4 ] || fail "not four trials"
trial=$(sed -n '1s#.*/##p' out)
status 0 kubectl get trials --chunk-size=3
[ "$(wc -l <out)" = 5 ] || fail "not four trials, in parts"
wait_until test "$(grep -c Succeeded watch)" -ge 4
kill "$watch"
status 0 kubectl get experiment bowl -o json
json .status.trialsSucceeded 4
json .metadata.labels.team blue
json '.spec.parameters[0].feasibleSpace.distribution' uniform
status 0 kubectl describe experiment bowl
out ExperimentMaxTrialsReached
status 0 kubectl describe trial "$trial"
out JobSucceeded
status 0 kubectl explain experiment
out "Experiment is a search"
status 0 kubectl logs "$trial"
out begin
out loss=
status 0 kubectl logs "$trial" -c metrics-logger-and-collector --tail=1
out end
[ "$(wc -l <out)" = 1 ] || fail "more than the last line"
status 1 kubectl logs "$trial" -c other
status 0 kubectl logs -f "$trial"
out end
status 0 kubectl get pods -l "katib.kubeflow.org/trial=$trial" -o jsonpath='{.items[*].status.phase}'
out Succeeded
status 0 kubectl get events --field-selector "involvedObject.name=$trial"
out jobsucceeded

# changes
status 0 kubectl patch experiment bowl --type merge -p '{"metadata":{"annotations":{"a":"b"}}}'
status 0 kubectl patch experiment bowl --type json -p '[{"op":"replace","path":"/spec/maxTrialCount","value":5}]'
status 0 kubectl wait --for=condition=Restarting experiment/bowl --timeout=30s
status 1 kubectl patch experiment bowl -p '{}'
err "in an unknown format"
status 1 kubectl patch experiment bowl --type merge -p '{"spec":{"objective":{"type":"maximize"}}}'
err spec.objective.type
status 1 kubectl patch experiment bowl --type merge -p '{"metadata":{"resourceVersion":"1"}}'
err Conflict
status 0 kubectl label experiment bowl colour=red
status 0 kubectl get experiments -l 'colour in (red,green),team!=red' -o name
out bowl
EDITOR='sed -i s/colour:.red/colour:\ green/' status 0 kubectl edit experiment bowl
status 0 kubectl get experiments -l colour=green -o name
out bowl
wait_until sh -c 'kubectl get experiment bowl -o jsonpath={.status.trialsSucceeded} | grep -q 5'
status 0 kubectl get experiment bowl -o jsonpath='{.metadata.generation}'
out 2

# a log that is followed while it is written
experiment slow 3 1 'for i in 1 2 3 4; do echo line $i; sleep 0.2; done; echo loss=1'
status 0 kubectl apply --server-side -f slow.yaml
out serverside-applied
wait_until sh -c 'kubectl get pods -l katib.kubeflow.org/experiment=slow -o name | grep -q .'
trial=$(kubectl get trials -l katib.kubeflow.org/experiment=slow -o jsonpath='{.items[0].metadata.name}')
status 0 kubectl logs -f "$trial"
out "line 4"
out loss=1

# errors
status 1 kubectl get experiment none
err '(NotFound): experiments.kubeflow.org "none" not found'
status 1 kubectl create -f bowl.yaml
err AlreadyExists
sed 's/name: bowl$/name: bad/; s/algorithmName: random/algorithmName: nothing/' bowl.yaml >bad.yaml
status 1 kubectl create -f bad.yaml
err nothing
status 0 kubectl create -f slow.yaml --dry-run=server -n other
status 1 kubectl get experiment slow -n other
status 1 kubectl delete trial "$trial"
err MethodNotAllowed

# namespaces and ConfigMaps
status 0 kubectl create namespace vision
status 0 kubectl get namespaces -o name
out namespace/vision
status 0 kubectl create configmap templates -n vision --from-literal=job.yaml='{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: example.org/bowl, command: [sh, -c, "echo loss=${trialParameters.x} k=${trialParameters.k}"]}]}}}}'
sed '/trialSpec:/,$d; s/name: bowl$/name: mapped\n  namespace: vision/' bowl.yaml >mapped.yaml
cat >>mapped.yaml <<'YAML'
    successCondition: status.conditions.#(type=="Complete")#|#(status=="True")#
    failureCondition: status.conditions.#(type=="Failed")#|#(status=="True")#
    configMap: {configMapName: templates, configMapNamespace: vision, templatePath: job.yaml}
YAML
status 0 kubectl apply -f mapped.yaml
status 0 kubectl wait -n vision --for=condition=Succeeded experiment/mapped --timeout=60s
status 0 kubectl get experiments --all-namespaces
[ "$(wc -l <out)" = 4 ] || fail "not three experiments"
status 0 kubectl delete configmap templates -n vision
status 1 kubectl get configmap templates -n vision

# the end
status 0 kubectl delete experiment mapped -n vision --wait
status 0 kubectl delete -f bowl.yaml
out deleted
status 0 kubectl delete experiments --all
status 0 kubectl get experiments
err "No resources found"
stop_serving
