#!/usr/bin/env python3
"""Early stopping in the search-quality rig: its tasks and its accounting, with our stoppers in place of its tuner.

    early_stopping.py --rig DIR --peers project:none:tpe,project:medianstop:tpe [--seeds 20] --out FILE.jsonl.gz

A peer is project:STOPPER:ALGORITHM; settings follow either name: project:medianstop;min_trials_required=5:random.
"""
import argparse
import gzip
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from adapter import describe, value  # noqa: E402
from client import Experiment, dz  # noqa: E402

MOST_TRIALS = 27 * 40  # each has an epoch at least


class Tuner:
    """What the rig asks of a tuner: start, step and end."""

    def __init__(self, name, space, seed):
        _, stopper, algorithm = name.split(":")
        self.stops = stopper != "none"
        self.space, self.best = space, {}
        self.experiment = Experiment(describe(algorithm, space, 1, MOST_TRIALS, 1, stopper if self.stops else None), seed)

    def start(self):
        asked, message = self.experiment.ask(1)
        if not asked:
            raise RuntimeError(f"no suggestion: {message}")
        number, point, _ = asked[0]
        return number, {p.name: value(p, point[p.name]) for p in self.space}

    def step(self, trial, epoch, loss):
        self.experiment.report(trial, epoch, loss)
        self.best[trial] = min(loss, self.best.get(trial, loss))
        return self.stops and self.experiment.judge(trial) is not None

    def end(self, trial, loss, stopped):
        """With the best of its losses, as Katib's metric strategy for a minimum has it."""
        best = min(loss, self.best.pop(trial, loss))
        self.experiment.end(trial, best, dz.STOPPED if stopped else dz.COMPLETED)

    def __del__(self):
        self.experiment.release()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rig", required=True)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    sys.path.insert(0, options.rig)
    import fidelity as rig
    rig.tuner = Tuner
    with gzip.open(options.out, "at") as out:
        for peer in options.peers.split(","):
            for seed in range(options.seeds):
                out.write(json.dumps(rig.one(peer, seed)) + "\n")


if __name__ == "__main__":
    main()
