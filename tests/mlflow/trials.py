#!/usr/bin/env python3
"""Trials as MLflow's unmodified client sees them: runs the example in examples/mlflow on a service with users, whose trials
write with the tokens of their runs, and looks at experiment, runs, histories and statuses.

    trials.py [--build build]          # with a Python that has mlflow; prints one line for each check
"""
import argparse
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOKEN = "dz_test-token-of-the-only-user"
passed = 0


def check(what, holds):
    global passed
    print(("ok      " if holds else "FAILED  ") + what, flush=True)
    if not holds:
        sys.exit(1)
    passed += 1


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def serve(build, folder, port):
    users = os.path.join(folder, "users.yaml")
    with open(users, "w") as f:
        f.write("users:\n  - name: tester\n    tokenSha256: %s\n    grants: [{role: admin}]\n"
                % hashlib.sha256(TOKEN.encode()).hexdigest())
    os.chmod(users, 0o600)
    server = subprocess.Popen(
        [build + "/dozan", "serve", "--listen", "127.0.0.1:%d" % port, "--grpc", "", "--auth", users,
         "--db", os.path.join(folder, "t.db")], cwd=ROOT, stderr=open(os.path.join(folder, "log"), "w"))
    for _ in range(600):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.1)
    raise SystemExit("the service does not come up: " + open(os.path.join(folder, "log")).read())


def look_at_runs(client):
    experiment = client.get_experiment_by_name("mlflow-loss")
    parents = client.search_runs([experiment.experiment_id], "params.algorithm = 'tpe'")
    check("the experiment has one parent run, which has finished",
          len(parents) == 1 and parents[0].info.status == "FINISHED")
    parent = parents[0]
    runs = client.search_runs([experiment.experiment_id], "tags.mlflow.parentRunId = '%s'" % parent.info.run_id,
                              order_by=["metrics.loss ASC"])
    check("each of the 8 trials is a child run with its parameters",
          len(runs) == 8 and all(set(r.data.params) == {"rate", "width"} for r in runs))
    check("the best run is the parent's tag dozan.best, and its metric the best so far",
          parent.data.tags["dozan.best"] == runs[0].info.run_id and
          parent.data.metrics["loss"] == runs[0].data.metrics["loss"])
    histories = [client.get_metric_history(r.info.run_id, "loss") for r in runs]
    check("what finished has its 20 points, each once",
          all([m.step for m in h] == list(range(20)) for h, r in zip(histories, runs) if r.info.status == "FINISHED"))
    stopped = [(r, h) for r, h in zip(runs, histories) if r.data.tags["dozan.state"] == "EARLY_STOPPED"]
    check("%d trials were stopped early by what they logged, and are killed runs" % len(stopped),
          len(stopped) > 0 and all(r.info.status == "KILLED" and 4 <= len(h) < 20 for r, h in stopped))
    check("every run has its times", all(r.info.start_time <= r.info.end_time for r in runs))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    build = os.path.abspath(parser.parse_args().build)
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        uri = "http://127.0.0.1:%d" % port
        os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
        server = serve(build, folder, port)
        try:
            token = os.path.join(folder, "token")
            with open(token, "w") as f:
                f.write(TOKEN)
            os.chmod(token, 0o600)
            done = subprocess.run([build + "/dozan", "submit", "examples/mlflow/experiment.yaml", "--server", uri,
                                   "--token-file", token, "--wait"], cwd=ROOT, timeout=300,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            check("the experiment succeeds, on what its code logs",
                  done.returncode == 0)
            mlflow.set_tracking_uri(uri)
            try:
                MlflowClient().search_experiments()
                check("nobody is let in without a token", False)
            except MlflowException:
                check("nobody is let in without a token", True)
            os.environ["MLFLOW_TRACKING_TOKEN"] = TOKEN
            look_at_runs(MlflowClient())
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
    print("%d passed, 0 failed" % passed)


main()
