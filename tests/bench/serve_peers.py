#!/usr/bin/env python3
"""Durable cycles a second (ask, report, tell) of `dozan serve` beside Optuna's, in one run on this machine: Optuna with its
SQLite storage, and with its gRPC proxy in front of the same. All use random search, and sync what they commit.

    serve_peers.py [--short] [--build build] [--venv build/peers]

Optuna is installed with pip into the virtual environment; without it one line says so, and that is all.
"""
import argparse
import importlib.util
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
import warnings

PEERS = ["optuna", "grpcio", "protobuf"]


def storage_of(kind, place):
    import optuna
    if kind == "grpc":
        return optuna.storages.GrpcStorageProxy(host="127.0.0.1", port=place)
    return optuna.storages.RDBStorage(place, engine_kwargs={"connect_args": {"timeout": 300}})


def serve_proxy(url, port):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    optuna.storages.run_grpc_proxy_server(optuna.storages.RDBStorage(url), host="127.0.0.1", port=port)


def cycle(kind, place, begin, end, done):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name="s", storage=storage_of(kind, place), sampler=optuna.samplers.RandomSampler())
    space = {"a": optuna.distributions.FloatDistribution(0, 1)}
    begin.wait()
    while time.monotonic() < end.value:
        trial = study.ask(space)
        trial.report(0.5, 1)
        study.tell(trial, 0.5)
        with done.get_lock():
            done.value += 1


def measure(kind, clients, seconds):
    """Cycles a second of that many processes."""
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="dozan-bench-") as folder:
        url = f"sqlite:///{folder}/o.db"
        optuna.create_study(study_name="s", storage=url)
        place, proxy = url, None
        if kind == "grpc":
            place = 13000 + os.getpid() % 2000
            proxy = context.Process(target=serve_proxy, args=(url, place), daemon=True)
            proxy.start()
            optuna.storages.GrpcStorageProxy(host="127.0.0.1", port=place).wait_server_ready(timeout=60)
        begin, end, done = context.Barrier(clients + 1), context.Value("d", 0), context.Value("l", 0)
        workers = [context.Process(target=cycle, args=(kind, place, begin, end, done), daemon=True) for _ in range(clients)]
        for worker in workers:
            worker.start()
        end.value = time.monotonic() + 1e6
        begin.wait()
        begun = time.monotonic()
        end.value = begun + seconds
        time.sleep(seconds)
        rate = done.value / (time.monotonic() - begun)
        for worker in workers + ([proxy] if proxy else []):
            worker.kill()
            worker.join()
        return rate


def ours(build, brief):
    """{clients: cycles a second}"""
    output = subprocess.run([f"{build}/bench_serve"] + (["--short"] if brief else []), check=True, capture_output=True, text=True,
                            env=os.environ | {"DOZAN_BUILD": build}).stdout
    return {int(clients): float(rate) for clients, rate in re.findall(r"REST, +(\d+) clients: +(\d+) cycles", output)}


def in_venv(args):
    """Runs this again where the peers are; False when they cannot be had."""
    python = os.path.join(args.venv, "bin", "python")
    if sys.prefix == os.path.abspath(args.venv) or all(importlib.util.find_spec(name) for name in ("optuna", "grpc")):
        return True
    if not os.path.exists(python):
        venv.create(args.venv, with_pip=True)
    if subprocess.run([python, "-c", "import optuna, grpc"], capture_output=True).returncode != 0 and \
       subprocess.run([python, "-m", "pip", "install", "-q", "--timeout", "15", "--retries", "1", *PEERS], capture_output=True).returncode != 0:
        return False
    os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="only to see that it works")
    parser.add_argument("--build", default="build")
    parser.add_argument("--venv", default="build/peers")
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # Optuna tells that its proxy is experimental, each time
    if not in_venv(args):
        print("skipped: Optuna cannot be installed here, and nothing is compared")
        return
    rates = ours(os.path.abspath(args.build), args.short)
    seconds = 1 if args.short else 15
    for clients, wanted in ((1, 10), (64, 50)):
        for kind in ("sqlite", "grpc"):
            if args.short and clients > 1:
                continue
            rate = measure(kind, clients, seconds)
            ratio = f"{rates[clients] / rate:.0f} times" if rate else "no cycle of Optuna's ended"
            print(f"{clients:3d} clients: dozan serve over REST {rates[clients]:6.0f} cycles/s, Optuna over {kind:6s} {rate:6.1f}: "
                  f"{ratio}  (wanted: at least {wanted})", flush=True)


if __name__ == "__main__":
    main()
