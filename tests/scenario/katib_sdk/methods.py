"""Every public method of the unmodified KatibClient against `dozan serve`.

    python methods.py KUBECONFIG DB_MANAGER    (HOST:PORT of the gRPC server)

Prints a table of methods and results, and ends with 1 when one of them failed, or when the client has a public method
that no row calls.
"""

import inspect
import subprocess
import sys
import traceback

import kubeflow.katib as katib
from kubernetes import client as k8s

kubeconfig, db_manager = sys.argv[1:3]
client = katib.KatibClient(config_file=kubeconfig, namespace="default")
rows = []
covered = set()


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def row(*names):
    """Marks a function as the test of these methods, and runs it."""

    def run(function):
        covered.update(names)
        try:
            result = function()
            rows.append((", ".join(names), "ok", str(result)))
        except Exception as error:  # every failure is a row of the table
            traceback.print_exc()
            rows.append((", ".join(names), "FAILED", f"{type(error).__name__}: {error}".splitlines()[0][:100]))
        return function

    return run


def experiment(name, count, command, collector="StdOut", resume="LongRunning"):
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "random"},
            "parallelTrialCount": 2,
            "maxTrialCount": count,
            "maxFailedTrialCount": 1,
            "resumePolicy": resume,
            "metricsCollectorSpec": {"collector": {"kind": collector}},
            "parameters": [
                {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "-1", "max": "1"}}
            ],
            "trialTemplate": {
                "primaryContainerName": "main",
                "trialParameters": [{"name": "x", "reference": "x"}],
                "trialSpec": {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "spec": {
                        "template": {
                            "spec": {
                                "restartPolicy": "Never",
                                "containers": [
                                    {"name": "main", "image": "example.org/bowl", "command": command}
                                ],
                            }
                        }
                    },
                },
            },
        },
    }


def objective(parameters):
    import time

    x, k = float(parameters["x"]), int(parameters["k"])
    for step in range(3):
        print(f"loss={(x - 0.3) ** 2 + k + 1.0 / (step + 1)}", flush=True)
        time.sleep(0.05)


SHELL = ["sh", "-c", "echo begin; echo loss=${trialParameters.x}; echo end"]


@row("create_experiment")
def create():
    client.create_experiment(experiment("dict", 2, SHELL), namespace="default")
    try:
        client.create_experiment(experiment("dict", 2, SHELL), namespace="default")
    except Exception as error:
        check("already exists" in str(error) or "exist" in str(error), error)
    else:
        raise AssertionError("a second one of the same name was accepted")
    typed = katib.V1beta1Experiment(
        api_version="kubeflow.org/v1beta1",
        kind="Experiment",
        metadata=k8s.V1ObjectMeta(generate_name="typed-", namespace="default"),
        spec=katib.V1beta1ExperimentSpec(
            algorithm=katib.V1beta1AlgorithmSpec("random"),
            objective=katib.V1beta1ObjectiveSpec(type="minimize", objective_metric_name="loss"),
            parameters=[
                katib.V1beta1ParameterSpec(
                    name="x",
                    parameter_type="double",
                    feasible_space=katib.V1beta1FeasibleSpace(min="0", max="1"),
                )
            ],
            max_trial_count=1,
            parallel_trial_count=1,
            trial_template=katib.V1beta1TrialTemplate(
                primary_container_name="main",
                trial_parameters=[katib.V1beta1TrialParameterSpec(name="x", reference="x")],
                trial_spec=experiment("n", 1, SHELL)["spec"]["trialTemplate"]["trialSpec"],
            ),
        ),
    )
    before = {e.metadata.name for e in client.list_experiments()}
    client.create_experiment(typed, namespace="default")
    made = {e.metadata.name for e in client.list_experiments()} - before
    check(len(made) == 1 and made.pop().startswith("typed-"), made)
    return "from a dict, and typed with generateName; a second one is refused"


@row("wait_for_experiment_condition")
def wait():
    found = client.wait_for_experiment_condition("dict", timeout=60, polling_interval=1)
    check(found.status.trials_succeeded == 2, found.status)
    return "Succeeded"


@row("get_experiment", "get_experiment_conditions")
def get():
    found = client.get_experiment("dict")
    check(found.metadata.name == "dict" and found.spec.parallel_trial_count == 2, found)
    check(found.spec.parameters[0].feasible_space.distribution == "uniform", "no defaults")
    types = [c.type for c in client.get_experiment_conditions("dict")]
    check(types[0] == "Created" and types[-1] == "Succeeded", types)
    return ", ".join(types)


@row("is_experiment_created", "is_experiment_running", "is_experiment_restarting", "is_experiment_succeeded",
     "is_experiment_failed")
def states():
    found = (client.is_experiment_created("dict"), client.is_experiment_running("dict"),
             client.is_experiment_restarting("dict"), client.is_experiment_succeeded("dict"),
             client.is_experiment_failed("dict"))
    check(found == (True, False, False, True, False), found)
    return found


@row("list_experiments")
def list_all():
    names = [e.metadata.name for e in client.list_experiments()]
    check("dict" in names and len(names) == 2, names)
    return f"{len(names)} experiments"


@row("get_optimal_hyperparameters")
def best():
    found = client.get_optimal_hyperparameters("dict")
    check(found.best_trial_name.startswith("dict-"), found)
    check(found.observation.metrics[0].latest == found.parameter_assignments[0].value, found)
    return f"{found.parameter_assignments[0].name} = {found.parameter_assignments[0].value}"


@row("edit_experiment_budget")
def budget():
    client.edit_experiment_budget("dict", max_trial_count=4)
    client.wait_for_experiment_condition("dict", timeout=60, polling_interval=1)
    client.wait_for_experiment_condition("dict", expected_condition="Restarting", timeout=5, polling_interval=1)
    found = client.get_experiment("dict")
    check(found.status.trials == 4 and found.spec.max_trial_count == 4, found.status)
    return "2 trials more"


@row("get_suggestion", "list_suggestions")
def suggestions():
    found = client.get_suggestion("dict")
    check(found.status.suggestion_count == 4 and len(found.status.suggestions) == 4, found.status)
    check(len(client.list_suggestions()) == 2, "list_suggestions")
    return f"{found.status.suggestion_count} suggestions"


@row("list_trials", "get_trial", "get_success_trial_details")
def trials():
    found = client.list_trials("dict")
    check(len(found) == 4, len(found))
    one = client.get_trial(found[0].metadata.name)
    check(one.status.conditions[-1].type == "Succeeded", one.status)
    check(one.metadata.labels["katib.kubeflow.org/experiment"] == "dict", one.metadata.labels)
    details = client.get_success_trial_details("dict")
    check(len(details) == 4 and details[0]["metrics"], details)
    return f"{len(details)} trials"


@row("get_job_logs")
def logs():
    name = client.list_trials("dict")[0].metadata.name
    out = subprocess.run(
        [sys.executable, "-c",
         "import sys, kubeflow.katib as katib\n"
         "c = katib.KatibClient(config_file=sys.argv[1], namespace='default')\n"
         "for follow in False, True:\n"
         "    for line in c.get_job_logs('dict', sys.argv[2], follow=follow):\n"
         "        print(line)\n", kubeconfig, name],
        capture_output=True, text=True, timeout=60)
    check(out.returncode == 0, out.stderr[-500:])
    text = out.stdout + out.stderr
    check(text.count("begin") >= 2 and text.count("end") >= 2, text)
    return "printed, and followed"


@row("tune")
def tune():
    client.tune(
        name="tuned",
        objective=objective,
        parameters={"x": katib.search.double(min=-1, max=1), "k": katib.search.int(min=0, max=3)},
        objective_metric_name="loss",
        objective_type="minimize",
        algorithm_name="random",
        max_trial_count=3,
        parallel_trial_count=2,
        max_failed_trial_count=1,
        resources_per_trial={"cpu": "1"},
        base_image="docker.io/python:3.11",
    )
    found = client.wait_for_experiment_condition("tuned", timeout=120, polling_interval=1)
    check(found.status.trials_succeeded == 3, found.status)
    value = client.get_optimal_hyperparameters("tuned")
    got = {a.name: float(a.value) for a in value.parameter_assignments}
    want = (got["x"] - 0.3) ** 2 + got["k"] + 1 / 3
    check(abs(float(value.observation.metrics[0].latest) - want) < 1e-9, (value, want))
    return f"a Python function, {found.status.trials_succeeded} trials"


@row("get_trial_metrics", "report_metrics")
def metrics():
    name = client.list_trials("tuned")[0].metadata.name
    found = client.get_trial_metrics(name, db_manager_address=db_manager)
    check(len(found) == 3 and found[0].metric.name == "loss", found)
    program = (
        "import os, kubeflow.katib as katib\n"
        f"katib.report_metrics({{'loss': ${{trialParameters.x}}}}, db_manager_address='{db_manager}')\n"
    )
    pushed = experiment(
        "pushed", 2,
        [sys.executable, "-c", program], collector="Push")
    client.create_experiment(pushed, namespace="default")
    done = client.wait_for_experiment_condition("pushed", timeout=120, polling_interval=1)
    check(done.status.trials_succeeded == 2, done.status)
    trial = client.list_trials("pushed")[0]
    value = client.get_trial_metrics(trial.metadata.name, db_manager_address=db_manager)
    check(float(value[0].metric.value) == float(trial.spec.parameter_assignments[0].value), value)
    return "3 values of a trial; reported from inside of trials"


@row("delete_experiment")
def delete():
    client.delete_experiment("dict")
    try:
        client.get_experiment("dict")
    except Exception as error:
        check("dict" in str(error), error)
    else:
        raise AssertionError("it is still there")
    check(client.list_trials("dict") == [], "its trials are still there")
    return "with its trials"


public = {name for name, _ in inspect.getmembers(katib.KatibClient, inspect.isfunction) if not name.startswith("_")}
for name in sorted(public - covered):
    rows.append((name, "FAILED", "no row of the table calls it"))
width = max(len(r[0]) for r in rows)
print(f"\n{'method of KatibClient':{width}}  result  note")
for names, result, note in rows:
    print(f"{names:{width}}  {result:6}  {note}")
failed = sum(len(r[0].split(",")) for r in rows if r[1] != "ok")
print(f"{sum(len(r[0].split(',')) for r in rows) - failed} passed, {failed} failed")
sys.exit(failed > 0)
