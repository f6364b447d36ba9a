#!/usr/bin/env python3
"""`dozan serve` beside MLflow's own server (one worker, its faster form; SQLite), in one run on this machine, by the same load.

    mlflow_peer.py [--short] [--build build] [--mlflow build/mlflow-3.17.2/bin/mlflow]

Both sync what they have answered. A call is a request that was made before on a connection that stays open. The bare limit is
that of one client whose calls each wait for the disk. Without MLflow's server one line says so, and our figures stand alone.
"""
import argparse
import json
import multiprocessing
import os
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time

API = "/api/2.0/mlflow/"


class Link:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, call, body):
        self.socket.sendall(b"POST %s%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                            % (API.encode(), call.encode(), len(body), body))
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.more()
        head, _, rest = data.partition(b"\r\n\r\n")
        size = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
        while len(rest) < size:
            rest += self.more()
        if b" 200 " not in head[:16]:
            raise SystemExit(f"{call}: {head[:40]!r} {rest[:300]!r}")
        return rest

    def more(self):
        part = self.socket.recv(1 << 16)
        if not part:
            raise SystemExit("the server has closed the connection")
        return part

    def ask(self, call, **fields):
        return json.loads(self.post(call, json.dumps(fields).encode()))


def rate(seconds, once):
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        once(count)
        count += 1
    return count / (time.perf_counter() - begun)


def new_run(link):
    return link.ask("runs/create", experiment_id="0", start_time=1, run_name="b")["run"]["info"]["run_id"]


def metric_load(port, seconds, barrier, rates):
    link = Link(port)
    run = new_run(link).encode()
    one = lambda i: link.post("runs/log-metric", b'{"run_id":"%s","key":"loss","value":0.5,"timestamp":%d,"step":%d}' % (run, i, i))
    barrier.wait()
    rates.put(rate(seconds, one))


def metrics(port, clients, seconds):
    context = multiprocessing.get_context("fork")
    barrier, rates = context.Barrier(clients), context.Queue()
    workers = [context.Process(target=metric_load, args=(port, seconds, barrier, rates)) for _ in range(clients)]
    for worker in workers:
        worker.start()
    total = sum(rates.get(timeout=seconds * 20 + 60) for _ in workers)
    for worker in workers:
        worker.join()
    return total


def batches(port, seconds):
    link = Link(port)
    run = new_run(link)
    def one(i):
        points = ",".join('{"key":"m%d","value":%d.5,"timestamp":%d,"step":%d}' % (k % 10, k, i, k // 10) for k in range(1000))
        link.post("runs/log-batch", b'{"run_id":"%s","metrics":[%s]}' % (run.encode(), points.encode()))
    return 1000 * rate(seconds, one)


def best(port, experiment, times):
    link, took = Link(port), []
    for _ in range(times):
        begun = time.perf_counter()
        reply = link.ask("runs/search", experiment_ids=[experiment], max_results=1, order_by=["metrics.loss ASC"])
        took.append(time.perf_counter() - begun)
        assert len(reply["runs"]) == 1
    return statistics.median(took)


def seed(link, runs):
    """Through the API: 5 metrics, 10 params and a tag each."""
    experiment = link.ask("experiments/create", name="many")["experiment_id"]
    for i in range(runs):
        run = link.ask("runs/create", experiment_id=experiment, start_time=i + 1, run_name=f"t{i}")["run"]["info"]["run_id"]
        link.ask("runs/log-batch", run_id=run, tags=[{"key": "algo", "value": "tpe"}],
                 metrics=[{"key": k, "value": (i * 7919) % 10007 / (j + 1), "timestamp": 1, "step": 0}
                          for j, k in enumerate(("loss", "acc", "auc", "f1", "time"))],
                 params=[{"key": f"p{j}", "value": str((i * (j + 3)) % 97)} for j in range(10)])
    return experiment


def seed_mlflow(link, runs, database):
    """The same rows into MLflow's tables: its server would take minutes for them. The first is made by it, as a pattern."""
    experiment = seed(link, 1)
    db = sqlite3.connect(database, timeout=60)
    first = db.execute("SELECT run_uuid FROM runs WHERE experiment_id = ?", (experiment,)).fetchone()[0]
    for table in ("runs", "metrics", "latest_metrics", "params", "tags"):
        columns = [c[1] for c in db.execute(f"PRAGMA table_info({table})")]
        for row in db.execute(f"SELECT * FROM {table} WHERE run_uuid = ?", (first,)).fetchall():
            pattern = dict(zip(columns, row))
            rows = []
            for i in range(1, runs):
                new = dict(pattern, run_uuid=f"{i:032x}")
                if table == "runs":
                    new.update(start_time=i + 1, name=f"t{i}", artifact_uri=pattern["artifact_uri"].replace(first, f"{i:032x}"))
                elif "metrics" in table:
                    new["value"] = (i * 7919) % 10007 / (1 + ("loss", "acc", "auc", "f1", "time").index(new["key"]))
                rows.append([new[c] for c in columns])
            db.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(columns))})", rows)
    db.commit()
    db.close()
    return experiment


def memory(pid):
    """MiB of a process and all below it, shared pages counted once (PSS)."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                    parents.setdefault(int(file.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
            except OSError:
                pass
    total, left = 0, [pid]
    while left:
        one = left.pop()
        left += parents.get(one, [])
        try:
            with open(f"/proc/{one}/smaps_rollup", encoding="utf-8") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            pass
    return total / 1024


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
            link.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return b" 200 " in link.recv(4096)[:20]
    except OSError:
        return False


def measure(command, port, database, peer, asked):
    seconds, found = asked.seconds, {}
    begun = time.perf_counter()
    with open(os.devnull, "wb") as null:
        server = subprocess.Popen(command, start_new_session=True, stdout=null, stderr=null, cwd=os.path.dirname(database))
    try:
        while not answers(port):
            if server.poll() is not None or time.perf_counter() - begun > 180:
                raise SystemExit(f"{command[0]} does not come up")
            time.sleep(0.002)
        found["start to the first answer, s"] = time.perf_counter() - begun
        link = Link(port)
        rate(1, lambda _: new_run(link))  # both are warm
        link.socket.close()
        found["memory after the start, MiB"] = memory(server.pid)
        found["log_metric a second, 1 client"] = metrics(port, 1, seconds)
        found["log_metric a second, 8 clients"] = metrics(port, 8, seconds)
        found["metrics a second, log-batch of 1,000"] = batches(port, seconds)
        link = Link(port)  # a server may end a connection on which nothing comes
        found["create_run a second, 1 client"] = rate(seconds, lambda _: new_run(link))
        experiment = seed_mlflow(link, asked.runs, database) if peer else seed(link, asked.runs)
        found[f"best of {asked.runs} runs by a metric, s"] = best(port, experiment, 5)
        found["memory after the load, MiB"] = memory(server.pid)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    return found


def synced_writes(folder, seconds):
    file = os.open(os.path.join(folder, "bare"), os.O_CREAT | os.O_WRONLY, 0o600)
    page = b"x" * 4096
    def one(i):
        os.pwrite(file, page, i % 1000 * 4096)
        os.fdatasync(file)
    found = rate(seconds, one)
    os.close(file)
    return found


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--build", default="build")
    parser.add_argument("--mlflow", default="build/mlflow-3.17.2/bin/mlflow")
    asked = parser.parse_args()
    asked.seconds, asked.runs = (0.3, 50) if asked.short else (8, 10000)
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true")
    theirs = {}
    with tempfile.TemporaryDirectory(prefix="dozan-bench-") as folder:
        bare = synced_writes(folder, asked.seconds / 4)
        port, database = free_port(), os.path.join(folder, "d.db")
        ours = measure([os.path.abspath(os.path.join(asked.build, "dozan")), "serve", "-q", "--db", database, "--listen",
                        f"127.0.0.1:{port}", "--grpc", ""], port, database, False, asked)
        if not os.path.exists(asked.mlflow):
            print(f"mlflow_peer: MLflow's server is left out: there is no {asked.mlflow} (sh tests/run.sh mlflow installs it)")
        elif not asked.short:
            port, database = free_port(), os.path.join(folder, "m.db")
            theirs = measure([os.path.abspath(asked.mlflow), "server", "--workers", "1", "--port", str(port), "--backend-store-uri",
                              f"sqlite:///{database}", "--artifacts-destination", folder + "/a"], port, database, True, asked)
    print(f"{bare:.0f} synced writes of a page a second (the bare limit of one client)")
    for name, value in ours.items():
        line = f"{name:40} {value:12.4g}"
        if name in theirs:
            more = theirs[name] / value if name.endswith((", s", "MiB")) else value / theirs[name]
            line += f"   MLflow {theirs[name]:10.4g}   {more:8.1f} times better"
        print(line)


if __name__ == "__main__":
    main()
