"""Logs batches from several threads until the service is killed with SIGKILL, starts it again, and looks for every batch
that was answered: mlflow_kill.py DATABASE. A batch is there wholly or not at all."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

ROUNDS, THREADS, POINTS, KILL_AFTER = 3, 4, 10, 60
API = "/api/2.0/mlflow/"


def serve(database):
    config = database + ".kubeconfig"
    if os.path.exists(config):
        os.unlink(config)
    process = subprocess.Popen(["dozan", "serve", "-q", "--db", database, "--listen", "127.0.0.1:0", "--grpc", "127.0.0.1:0",
                                "--write-kubeconfig", config])
    limit = time.monotonic() + 60
    while time.monotonic() < limit and process.poll() is None:
        text = open(config, encoding="utf-8").read() if os.path.exists(config) else ""
        found = re.search(r"http://127\.0\.0\.1:(\d+)", text)
        if found:
            return process, int(found.group(1))
        time.sleep(0.01)
    raise SystemExit("the service does not come up")


def call(link, method, path, body=None):
    link.request(method, API + path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
    reply = link.getresponse()
    text = reply.read()
    if reply.status != 200:
        raise SystemExit(f"{path}: {reply.status} {text!r}")
    return json.loads(text)


def load(port, run, first, answered, enough):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    batch = first
    try:
        while True:
            metrics = [{"key": "m", "value": i, "timestamp": batch, "step": i} for i in range(POINTS)]
            call(link, "POST", "runs/log-batch", {"run_id": run, "metrics": metrics})
            answered.append(batch)
            batch += 1
            if len(answered) >= KILL_AFTER:
                enough.set()
    except (OSError, http.client.HTTPException):
        enough.set()


def history(port, run):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    points, token = {}, ""
    while True:
        reply = call(link, "GET", f"metrics/get-history?run_id={run}&metric_key=m&max_results=5000&page_token={token}")
        for point in reply.get("metrics", []):
            points[point["timestamp"]] = points.get(point["timestamp"], 0) + 1
        token = reply.get("next_page_token", "")
        if not token:
            return points


def cut_upload(port, database):
    """Half of an upload, and the connection ends: there is no artifact, and no part of one."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        link.sendall(b"PUT /api/2.0/mlflow-artifacts/artifacts/0/cut/model.bin HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Length: 1000000\r\n\r\n" + b"x" * 500000)
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    link.request("GET", "/api/2.0/mlflow-artifacts/artifacts/0/cut/model.bin")
    assert link.getresponse().status == 404, "half an upload is an artifact"
    left = [name for _, _, names in os.walk(database + ".artifacts") for name in names]
    assert not left, f"an upload that was cut has left {left}"


def main():
    database = sys.argv[1]
    process, port = serve(database)
    cut_upload(port, database)
    runs, done = [], []
    for _ in range(THREADS):
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        runs.append(call(link, "POST", "runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"])
        done.append([])
    for lap in range(ROUNDS):
        enough = threading.Event()
        fresh = [[] for _ in runs]
        threads = [threading.Thread(target=load, args=(port, run, 1 + lap * 1000000, answered, enough))
                   for run, answered in zip(runs, fresh)]
        for thread in threads:
            thread.start()
        enough.wait(120)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for thread in threads:
            thread.join()
        process, port = serve(database)
        for run, old, answered in zip(runs, done, fresh):
            old.extend(answered)
            points = history(port, run)
            lost = [batch for batch in old if points.get(batch) != POINTS]
            assert not lost, f"answered and lost: {lost[:5]} of {len(old)}"
            assert all(count == POINTS for count in points.values()), "a batch is there in part"
            assert len(points) <= len(old) + lap + 1, "there is more than was sent"
    process.terminate()
    assert process.wait() == 0
    print(f"{sum(map(len, done))} batches answered, {ROUNDS} kills, none lost")


main()
