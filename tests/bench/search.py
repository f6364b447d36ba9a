#!/usr/bin/env python3
"""The search-quality rig: our algorithms on its problems, and its report of them beside the peers' recorded results.

    search.py [--short] [--rig DIR] [--algorithms random,tpe] [--groups hpo,mixed] [--seeds 10] [--batch 8] [--at N]

The rig is no part of this tree: --rig, or $DOZAN_SEARCH_RIG, or ../shared/bench/search beside the tree names it;
without it one line says so, and that is all. An algorithm may have settings (cmaes;restart_strategy=ipop). In the group
`fidelity` a name is STOPPER:ALGORITHM. --out keeps the runs, and a run that is kept there is not made again.
"""
import argparse
import glob
import os
import subprocess
import sys
import tempfile
import venv

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PARTS = os.path.join(ROOT, "tests", "bench", "search")
NEEDS = ["numpy", "coco-experiment", "pynng", "protobuf", "grpcio-tools"]
PROBE = "import numpy, cocoex, pynng, google.protobuf, grpc_tools"
SHORT_TRIALS = 12


def find_python(path):
    """An interpreter with what the rig and the client need; None when there is none to be had."""
    def has_all(python):
        return subprocess.run([python, "-c", PROBE], capture_output=True).returncode == 0
    python = os.path.join(path, "bin", "python")
    for candidate in (sys.executable, python):
        if os.path.exists(candidate) and has_all(candidate):
            return candidate
    try:
        venv.create(path, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *NEEDS], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"skipped: {', '.join(NEEDS)} cannot be installed into {path} ({error})")
        return None
    return python if has_all(python) else None


def run(python, options, out):
    env = dict(os.environ, PROJECT_ADAPTER=os.path.join(PARTS, "adapter.py"), DOZAN_BUILD=os.path.abspath(options.build))
    groups = options.groups.split(",")
    names = options.algorithms.split(",")
    search = [f"project:{name}" for name in names if ":" not in name]
    stop = [f"project:{name}" for name in names if ":" in name]
    others = [group for group in groups if group != "fidelity"]
    if others and search:
        command = [python, os.path.join(options.rig, "run.py"), "--peers", ",".join(search), "--groups", ",".join(others),
                   "--seeds", str(options.seeds), "--batch", str(options.batch), "--workers", str(options.workers), "--out", out]
        subprocess.run(command + (["--trials", str(SHORT_TRIALS)] if options.short else []), check=True, env=env)
    if "fidelity" in groups and stop:
        subprocess.run([python, os.path.join(PARTS, "early_stopping.py"), "--rig", options.rig, "--peers", ",".join(stop),
                        "--seeds", str(options.seeds), "--out", out], check=True, env=env)


def report(python, options, out):
    command = [python, os.path.join(options.rig, "report.py"), *sorted(glob.glob(os.path.join(options.rig, "baseline", "*.jsonl.gz"))),
               out, "--groups", options.groups, "--batch", str(options.batch)]
    at = SHORT_TRIALS if options.short else options.at
    if at:
        command += ["--at", str(at)]
    if options.vs:
        command += ["--vs", options.vs]
    subprocess.run(command, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="few trials of few problems, to see that it works")
    parser.add_argument("--rig", default=os.environ.get("DOZAN_SEARCH_RIG", os.path.join(ROOT, "..", "shared", "bench", "search")))
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--venv", default=os.path.join(ROOT, "build", "rig"))
    parser.add_argument("--algorithms", default="")
    parser.add_argument("--groups", default="")
    parser.add_argument("--seeds", type=int, default=0, help="how many; 10 unless given")
    parser.add_argument("--batch", type=int, default=1, help="trials asked for at once")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--at", type=int, help="compare after so many trials: some peers were run to 60 or 40 only")
    parser.add_argument("--vs", help="A,B: the difference of two peers by group, instead of the tables")
    parser.add_argument("--out", help="FILE.jsonl.gz with the runs; a temporary file unless given")
    options = parser.parse_args()
    options.algorithms = options.algorithms or ("random,tpe" if options.short else "random,tpe,multivariate-tpe,bayesianoptimization")
    options.groups = options.groups or ("hpo" if options.short else "bbob2,bbob5,bbob10,mixed,hpo")
    options.seeds = options.seeds or (1 if options.short else 10)
    if not os.path.exists(os.path.join(options.rig, "run.py")):
        print(f"skipped: no search-quality rig in {options.rig} (--rig or $DOZAN_SEARCH_RIG names its folder)")
        return 0
    python = find_python(options.venv)
    if python is None:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or os.path.join(folder, "ours.jsonl.gz")
        run(python, options, out)
        report(python, options, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
