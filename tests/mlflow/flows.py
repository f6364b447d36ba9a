#!/usr/bin/env python3
"""What people do with MLflow's unmodified client, against `dozan serve`: flows.py [--build build] [NAME...]

Each flow has a service of its own on a new database. The client's version decides what there is to do: flows of MLflow 3
are left out for a client that has no logged models.
"""
import argparse
import math
import os
import sys
import tempfile
import traceback

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet", MLFLOW_HTTP_REQUEST_MAX_RETRIES="1",
                  MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true")

import mlflow  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Param, RunTag, ViewType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dozan_server import Dozan, free_port  # noqa: E402

FLOWS = []
MODELS = hasattr(MlflowClient, "create_logged_model")


def flow(function):
    FLOWS.append(function)
    return function


def refused(code, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except MlflowException as error:
        assert error.error_code == code, (error.error_code, str(error))
        return str(error)
    raise AssertionError(f"{call.__name__}{arguments} was not refused")


@flow
def experiments(c):
    one = c.create_experiment("one", tags={"team": "a"})
    assert c.get_experiment(one).name == "one" and c.get_experiment_by_name("one").tags["team"] == "a"
    assert c.get_experiment("0").name == "Default" and c.get_experiment_by_name("none") is None
    refused("RESOURCE_ALREADY_EXISTS", c.create_experiment, "one")
    refused("INVALID_PARAMETER_VALUE", c.create_experiment, "x" * 501)
    refused("RESOURCE_DOES_NOT_EXIST", c.get_experiment, "77777")
    c.rename_experiment(one, "two")
    c.set_experiment_tag(one, "k", "v" * 5000)
    c.set_experiment_tag(one, "empty", "")
    assert c.get_experiment(one).tags["empty"] == "" and len(c.get_experiment(one).tags["k"]) == 5000
    run = c.create_run(one).info.run_id
    c.delete_experiment(one)
    assert c.get_experiment(one).lifecycle_stage == "deleted" and c.get_run(run).info.lifecycle_stage == "deleted"
    assert one not in [e.experiment_id for e in c.search_experiments()]
    assert one in [e.experiment_id for e in c.search_experiments(view_type=ViewType.DELETED_ONLY)]
    refused("INVALID_PARAMETER_VALUE", c.create_run, one)
    c.restore_experiment(one)
    assert c.get_run(run).info.lifecycle_stage == "active"
    names = [c.create_experiment(f"e{i}") and f"e{i}" for i in range(7)]
    page, found = c.search_experiments(max_results=3, order_by=["name ASC"]), []
    while True:
        found += [e.name for e in page]
        if not page.token:
            break
        page = c.search_experiments(max_results=3, order_by=["name ASC"], page_token=page.token)
    assert found == sorted(["Default", "two"] + names), found
    assert [e.name for e in c.search_experiments(filter_string="name LIKE 'e%' AND name != 'e1'", order_by=["name DESC"])][:2] == ["e6", "e5"]
    assert [e.name for e in c.search_experiments(filter_string="tags.team = 'a'")] == ["two"]


@flow
def runs(c):
    parent = c.create_run("0", start_time=123, tags={"mlflow.user": "me", "x": "y"}, run_name="named")
    assert parent.info.run_name == "named" and parent.info.start_time == 123 and parent.data.tags["x"] == "y"
    child = c.create_run("0", tags={"mlflow.parentRunId": parent.info.run_id})
    assert child.info.run_name and child.data.tags["mlflow.runName"] == child.info.run_name
    assert child.info.status == "RUNNING" and child.info.end_time is None
    refused("INVALID_PARAMETER_VALUE", c.create_run, "0", run_name="a", tags={"mlflow.runName": "b"})
    for state in ("FINISHED", "FAILED", "KILLED"):
        run = c.create_run("0").info.run_id
        c.set_terminated(run, state, end_time=987654321)
        assert (c.get_run(run).info.status, c.get_run(run).info.end_time) == (state, 987654321)
    c.update_run(child.info.run_id, name="renamed")
    got = c.get_run(child.info.run_id)
    assert got.info.run_name == got.data.tags["mlflow.runName"] == "renamed" and got.info.status == "RUNNING"
    c.delete_run(child.info.run_id)
    refused("INVALID_PARAMETER_VALUE", c.log_metric, child.info.run_id, "m", 1)
    c.restore_run(child.info.run_id)
    found = c.search_runs(["0"], f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert [r.info.run_id for r in found] == [child.info.run_id]
    refused("RESOURCE_DOES_NOT_EXIST", c.get_run, "f" * 32)


@flow
def metrics(c):
    run = c.create_run("0").info.run_id
    for value, at, step in ((1.0, 5, 1), (2.0, 6, 0), (3.0, 7, 1), (3.0, 7, 1)):
        c.log_metric(run, "m", value, at, step)
    assert c.get_run(run).data.metrics["m"] == 3.0
    assert [(m.value, m.timestamp, m.step) for m in c.get_metric_history(run, "m")] == [(1, 5, 1), (2, 6, 0), (3, 7, 1)]
    c.log_metric(run, "nan", math.nan)
    c.log_metric(run, "inf", math.inf)
    c.log_metric(run, "-inf", -math.inf)
    got = c.get_run(run).data.metrics
    assert math.isnan(got["nan"]) and got["inf"] == sys.float_info.max and got["-inf"] == -sys.float_info.max
    c.log_metric(run, "exact", 1, timestamp=2**53 + 1, step=2**62 + 1)
    point = c.get_metric_history(run, "exact")[0]
    assert (point.timestamp, point.step) == (2**53 + 1, 2**62 + 1), point
    c.log_batch(run, metrics=[Metric("long", i, i, i) for i in range(1000)])
    assert len(c.get_metric_history(run, "long")) == 1000
    assert c.get_metric_history(run, "none") == []
    for name in ("../x", "a\\b", "/a", "a//b", "x" * 251):
        refused("INVALID_PARAMETER_VALUE", c.log_metric, run, name, 1)
    refused("RESOURCE_DOES_NOT_EXIST", c.log_metric, "f" * 32, "m", 1)


@flow
def params_and_tags(c):
    run = c.create_run("0").info.run_id
    c.log_param(run, "p", "1")
    c.log_param(run, "p", "1")
    refused("INVALID_PARAMETER_VALUE", c.log_param, run, "p", "2")
    c.log_param(run, "empty", "")
    c.set_tag(run, "t", "1")
    c.set_tag(run, "t", "2")
    c.set_tag(run, "empty", "")
    got = c.get_run(run).data
    assert got.params == {"p": "1", "empty": ""} and got.tags["t"] == "2" and got.tags["empty"] == ""
    c.delete_tag(run, "t")
    assert "t" not in c.get_run(run).data.tags
    assert "No tag with name" in refused("RESOURCE_DOES_NOT_EXIST", c.delete_tag, run, "t")
    c.log_batch(run, params=[Param(f"b{i}", str(i)) for i in range(100)], tags=[RunTag(f"g{i}", "") for i in range(100)])
    assert len(c.get_run(run).data.params) == 102
    refused("INVALID_PARAMETER_VALUE", c.log_batch, run, params=[Param("p", "3"), Param("other", "1")])
    assert "other" not in c.get_run(run).data.params


@flow
def searches(c):
    e = c.create_experiment("s")
    ids = []
    for i in range(10):
        run = c.create_run(e, start_time=i + 1, run_name=f"r{i}", tags={"odd": str(i % 2)}).info.run_id
        ids.append(run)
        c.log_param(run, "lr", str(i / 10))
        if i < 8:
            c.log_metric(run, "loss", 10.0 - i)
    def names(text, **more):
        return [r.info.run_name for r in c.search_runs([e], text, **more)]
    assert names("metrics.loss < 5") == ["r7", "r6"]
    assert names("metrics.loss >= 9 and tags.odd = '1'") == ["r1"]
    assert names("params.lr = '0.3'") == ["r3"] and names("params.lr LIKE '0.%' and run_name ILIKE 'R9'") == ["r9"]
    assert names(f"run_id IN ('{ids[0]}', '{ids[4]}')") == ["r4", "r0"]
    assert names("start_time < 3 and status = 'RUNNING'") == ["r1", "r0"]
    assert names("", order_by=["metrics.loss ASC"], max_results=2) == ["r7", "r6"]
    assert names("", order_by=["metrics.loss DESC"])[-2:] == ["r9", "r8"]
    assert names("attributes.run_name = 'r5'") == names("tags.`mlflow.runName` = 'r5'") == ["r5"]
    for bad in ("metrics.loss < 'x'", "metrics.loss < 1 OR 1 = 1", "params.lr IN ('1')", "a.b.c = '1'", "tags.x = 'y"):
        refused("INVALID_PARAMETER_VALUE", c.search_runs, [e], bad)
    page, found = c.search_runs([e], max_results=3), []
    while page.token:
        found += [r.info.run_name for r in page]
        page = c.search_runs([e], max_results=3, page_token=page.token)
    assert found + [r.info.run_name for r in page] == [f"r{i}" for i in reversed(range(10))]
    refused("INVALID_PARAMETER_VALUE", c.search_runs, [e], max_results=50001)
    refused("INVALID_PARAMETER_VALUE", c.search_runs, [e], page_token="none")


@flow
def artifacts(c):
    run = c.create_run("0").info.run_id
    data = os.urandom(200000)
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "d", "e"))
        for name in ("f.bin", "d/g h.txt", "d/e/ü.txt"):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        c.log_artifact(run, os.path.join(folder, "f.bin"), "one")
        c.log_artifacts(run, folder, "all")
    assert [f.path for f in c.list_artifacts(run)] == ["all", "one"]
    assert sorted(f.path for f in c.list_artifacts(run, "all")) == ["all/d", "all/f.bin"]
    assert c.list_artifacts(run, "one")[0].file_size == len(data)
    with tempfile.TemporaryDirectory() as folder:
        where = c.download_artifacts(run, "all", folder)
        for name in ("f.bin", "d/g h.txt", "d/e/ü.txt"):
            with open(os.path.join(where, name), "rb") as file:
                assert file.read() == data
    c.log_text(run, "again", "one/f.bin")
    c.log_dict(run, {"a": [1]}, "x.json")
    assert mlflow.artifacts.load_text(f"runs:/{run}/one/f.bin") == "again"
    assert mlflow.artifacts.load_dict(f"runs:/{run}/x.json") == {"a": [1]}
    assert c.list_artifacts(run, "none") == []


@flow
def registry(c):
    run = c.create_run("0").info.run_id
    c.create_registered_model("m", {"a": "b"}, "text")
    refused("RESOURCE_ALREADY_EXISTS", c.create_registered_model, "m")
    refused("INVALID_PARAMETER_VALUE", c.create_registered_model, "")
    refused("RESOURCE_DOES_NOT_EXIST", c.get_registered_model, "none")
    for _ in range(3):
        c.create_model_version("m", f"runs:/{run}/model", run, tags={"k": "v"})
    assert sorted(int(v.version) for v in c.search_model_versions("name = 'm'")) == [1, 2, 3]
    c.transition_model_version_stage("m", "1", "Staging")
    c.transition_model_version_stage("m", "2", "staging", archive_existing_versions=True)
    assert c.get_model_version("m", "1").current_stage == "Archived"
    assert {(v.current_stage, int(v.version)) for v in c.get_latest_versions("m")} == {("None", 3), ("Staging", 2), ("Archived", 1)}
    c.update_model_version("m", "1", "words")
    c.set_model_version_tag("m", "1", "k", "w")
    c.delete_model_version_tag("m", "2", "k")
    assert c.get_model_version("m", "1").description == "words" and c.get_model_version("m", "1").tags == {"k": "w"}
    assert c.get_model_version("m", "2").tags == {}
    if hasattr(c, "set_registered_model_alias"):
        c.set_registered_model_alias("m", "champion", "2")
        assert int(c.get_model_version_by_alias("m", "champion").version) == 2
        refused("INVALID_PARAMETER_VALUE", c.set_registered_model_alias, "m", "latest", "1")
        c.delete_registered_model_alias("m", "champion")
        refused("INVALID_PARAMETER_VALUE", c.get_model_version_by_alias, "m", "champion")
    if hasattr(c, "copy_model_version"):
        copied = c.copy_model_version("models:/m/2", "copy")
        assert int(copied.version) == 1 and copied.source == "models:/m/2"
        assert c.get_model_version_download_uri("copy", "1") == f"runs:/{run}/model"
    c.delete_model_version("m", "3")
    assert int(c.create_model_version("m", f"runs:/{run}/model", run).version) == 4
    refused("INVALID_PARAMETER_VALUE", c.create_model_version, "m", "/etc")
    refused("INVALID_PARAMETER_VALUE", c.create_model_version, "m", "mlflow-artifacts:/a/../../b")
    c.rename_registered_model("m", "n")
    c.update_registered_model("n", "other")
    assert [m.name for m in c.search_registered_models("name ILIKE 'N'")] == ["n"]
    c.delete_registered_model("n")
    refused("RESOURCE_DOES_NOT_EXIST", c.get_model_version, "n", "1")


@flow
def inputs(c):
    import pandas
    if not hasattr(mlflow, "log_input"):
        return
    mlflow.set_experiment("inputs")
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_pandas(pandas.DataFrame({"a": [1, 2]}), name="d"), context="train")
    got = c.get_run(run.info.run_id).inputs.dataset_inputs
    assert [(i.dataset.name, i.tags[0].value) for i in got] == [("d", "train")]
    assert len(c.search_runs([run.info.experiment_id], "dataset.name = 'd'")) == 1


@flow
def models(c):
    """The seed's quick start: a scikit-learn model, registered, loaded by its stage and its alias."""
    import numpy
    from sklearn.linear_model import LinearRegression
    x = numpy.arange(6.0).reshape(-1, 1)
    model = LinearRegression().fit(x, 2 * x[:, 0] + 1)
    mlflow.set_experiment("quick")
    with mlflow.start_run():
        mlflow.log_param("lr", 0.01)
        mlflow.log_metric("mse", 0.25)
        info = mlflow.sklearn.log_model(model, "model", registered_model_name="quick")
    c.transition_model_version_stage("quick", "1", "Production")
    places = ["models:/quick/Production", "models:/quick/1", "models:/quick/latest", info.model_uri]
    if hasattr(c, "set_registered_model_alias"):
        c.set_registered_model_alias("quick", "champion", "1")
        places.append("models:/quick@champion")
    for place in places:
        numpy.testing.assert_array_equal(mlflow.pyfunc.load_model(place).predict(x), model.predict(x))


@flow
def logged_models(c):
    if not MODELS:
        return
    run = c.create_run("0").info.run_id
    one, two = (c.create_logged_model("0", name=n, params={"p": n}, tags={"t": n}, source_run_id=run) for n in ("a", "b"))
    c.log_metric(run, "acc", 0.5, model_id=one.model_id, dataset_name="d", dataset_digest="1")
    got = c.get_logged_model(one.model_id)
    assert got.params == {"p": "a"} and got.metrics[0].model_id == one.model_id and got.metrics[0].run_id == run
    c.finalize_logged_model(one.model_id, "READY")
    c.set_logged_model_tags(one.model_id, {"x/y": "z"})
    c.delete_logged_model_tag(one.model_id, "x/y")
    assert [m.name for m in c.search_logged_models(["0"], "metrics.acc > 0.4")] == ["a"]
    assert [m.name for m in c.search_logged_models(["0"], order_by=[{"field_name": "name", "ascending": False}])] == ["b", "a"]
    assert [m.name for m in c.search_logged_models(["0"], datasets=[{"dataset_name": "d"}])] == ["a"]
    c.create_registered_model("r")
    c.create_model_version("r", one.model_uri, model_id=one.model_id)
    assert c.get_logged_model(one.model_id).tags["mlflow.modelVersions"] == '[{"name": "r", "version": 1}]'
    assert c.get_model_version("r", "1").run_id == run
    c.delete_logged_model(two.model_id)
    refused("RESOURCE_DOES_NOT_EXIST", c.get_logged_model, two.model_id)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    failed = []
    chosen = [f for f in FLOWS if not asked.names or f.__name__ in asked.names]
    for function in chosen:
        server = Dozan(asked.build, free_port())
        mlflow.set_tracking_uri(server.url)
        try:
            function(MlflowClient())
            print(f"ok   {function.__name__}", flush=True)
        except Exception:
            failed.append(function.__name__)
            traceback.print_exc()
            print(f"FAIL {function.__name__}", flush=True)
        finally:
            server.kill()
    print(f"{len(chosen) - len(failed)} of {len(chosen)} flows with MLflow {mlflow.__version__}")
    sys.exit(bool(failed))


main()
