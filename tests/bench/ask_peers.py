#!/usr/bin/env python3
"""The time of one ask beside the peers', on the same history and machine, in one run: Dozan's algorithms (bench_ask)
against Optuna's TPE and scikit-optimize's Gaussian process, in 10 dimensions after 1,000, 10,000 and 100,000 trials.

    ask_peers.py [--short] [--build build] [--venv build/peers]

The peers are installed with pip into the virtual environment; without them one line says so, and that is all.
An ask of a peer is what it does between a result and the next suggestion. scikit-optimize fits its process when it is
told a result, so that counts. Its cost grows with the cube of the history; beyond 1,000 trials it is left out.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import venv

DIMENSIONS = 10
PEERS = ["optuna", "scikit-optimize"]


def history(trials):
    """The same points and losses as bench_ask's."""
    points = [[math.floor(math.fmod(n * math.sqrt(d + 2), 1.0) * 10000) / 10000 for d in range(DIMENSIONS)]
              for n in range(1, trials + 1)]
    return points, [loss_of(point) for point in points]


def loss_of(point):
    return sum((value - 0.3) ** 2 * (d + 1) for d, value in enumerate(point))


def time_optuna(trials):
    import time

    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = "abcdefghij"
    space = {name: optuna.distributions.FloatDistribution(0, 1) for name in names}
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    points, losses = history(trials)
    study.add_trials([optuna.trial.create_trial(params=dict(zip(names, point)), distributions=space, value=loss)
                      for point, loss in zip(points, losses)])
    times = []
    for _ in range(7):
        start = time.perf_counter()
        trial = study.ask(space)
        times.append(time.perf_counter() - start)
        study.tell(trial, loss_of([trial.params[name] for name in names]))
    return statistics.median(times) * 1e3


def time_skopt(trials):
    import time

    import skopt
    optimizer = skopt.Optimizer([(0.0, 1.0)] * DIMENSIONS, "GP", n_initial_points=1, random_state=1)
    points, losses = history(trials)
    optimizer.tell(points[:-1], losses[:-1], fit=False)
    start = time.perf_counter()
    optimizer.tell(points[-1], losses[-1])
    optimizer.ask()
    return (time.perf_counter() - start) * 1e3


MEASURES = {"optuna": time_optuna, "skopt": time_skopt}


def install(path):
    """The environment's python, with the peers in it; None when they cannot be had."""
    python = os.path.join(path, "bin", "python")
    probe = [python, "-c", "import optuna, skopt"]
    if os.path.exists(python) and subprocess.run(probe, capture_output=True).returncode == 0:
        return python
    try:
        venv.create(path, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True, capture_output=True)
        subprocess.run(probe, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"skipped: the peers {', '.join(PEERS)} cannot be installed into {path} ({error})")
        return None
    return python


def measure_peer(python, peer, trials):
    """One thread, as Dozan has."""
    env = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1",
               PYTHONWARNINGS="ignore")
    out = subprocess.run([python, os.path.abspath(__file__), "--measure", peer, str(trials)], env=env,
                         capture_output=True, text=True)
    if out.returncode != 0:
        last = (out.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"skipped: {peer} at {trials} trials failed: {last}")
        return None
    return float(out.stdout)


def report(build, python, short):
    command = [os.path.join(build, "bench_ask"), "--json"] + (["--short"] if short else [])
    ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for row in ours:
        print(f"{row['algorithm']:22s} {row['trials']:6d} trials: {row['ask_ms']:9.3f} ms in process, "
              f"{row['ipc_ms']:9.3f} ms over ipc, first ask {row['first_ms']:9.3f} ms", flush=True)
    for peer, names in (("optuna", ("tpe", "multivariate-tpe")), ("skopt", ("bayesianoptimization",))):
        for trials in sorted({row["trials"] for row in ours}):
            if peer == "skopt" and trials > 1000:
                print(f"{peer:22s} {trials:6d} trials: left out, its cost grows with the cube of the trials")
                continue
            took = measure_peer(python, peer, trials)
            if took is None:
                continue
            print(f"{peer:22s} {trials:6d} trials: {took:9.3f} ms", flush=True)
            for row in ours:
                if row["trials"] == trials and row["algorithm"] in names:
                    print(f"  ratio {peer} / {row['algorithm']}: {took / row['ask_ms']:.1f} in process, "
                          f"{took / row['ipc_ms']:.1f} over ipc, {took / row['first_ms']:.1f} at the first ask")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="small histories, to see that it works")
    parser.add_argument("--build", default="build")
    parser.add_argument("--venv", default="build/peers")
    parser.add_argument("--measure", nargs=2, metavar=("PEER", "TRIALS"), help="measures one peer, in its environment")
    options = parser.parse_args()
    if options.measure:
        print(MEASURES[options.measure[0]](int(options.measure[1])))
        return 0
    python = install(options.venv)
    if python is not None:
        report(options.build, python, options.short)
    return 0


if __name__ == "__main__":
    sys.exit(main())
