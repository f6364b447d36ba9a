#!/usr/bin/env python3
"""Kills `dozan run`, its plugin, its shims and its trials with SIGKILL at random instants, and checks what must hold:

  grid   of n points: exactly n trials succeed, each point once; a trial runs again only if it was itself killed
  tpe    one trial at a time: the suggestions are those of an undisturbed run with the same seed

    kill.py [--kills 20] [--seed N] [--build build]     prints the seed; the same seed kills at the same planned delays
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

TEMPLATE = """apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {{name: {name}}}
spec:
  objective: {{type: minimize, objectiveMetricName: loss}}
  algorithm: {{algorithmName: {algorithm}}}
  seed: 11
  parallelTrialCount: {parallel}
  maxTrialCount: {count}
  parameters:
    - {{name: x, parameterType: double, feasibleSpace: {{min: "0", max: "{xmax}", step: "1"}}}}
    - {{name: k, parameterType: int, feasibleSpace: {{min: "1", max: "5"}}}}
  trialTemplate:
    primaryContainerName: main
    trialParameters: [{{name: x, reference: x}}, {{name: k, reference: k}}]
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: main
                image: none
                command: [sh, {script}, "${{trialParameters.x}}", "${{trialParameters.k}}", {ledger}]
"""

# The ledger tells what really ran: a line at the start and a line at the end of each run.
SCRIPT = """echo "start $DOZAN_TRIAL_NAME $$" >> "$3"
sleep 0.0$2
echo "loss=$(( ($1 - 3) * ($1 - 3) + $2 ))"
echo "end $DOZAN_TRIAL_NAME" >> "$3"
"""


class World:
    """One experiment in a folder of its own, and what was killed in it."""

    def __init__(self, build, folder, name, algorithm, count, parallel, xmax):
        self.build, self.folder, self.name, self.count = build, folder, name, count
        self.db = os.path.join(folder, "k.db")
        self.ledger = os.path.join(folder, "ledger")
        self.yaml = os.path.join(folder, "experiment.yaml")
        script = os.path.join(folder, "trial.sh")
        with open(script, "w") as f:
            f.write(SCRIPT)
        with open(self.yaml, "w") as f:
            f.write(TEMPLATE.format(name=name, algorithm=algorithm, count=count, parallel=parallel, xmax=xmax,
                                    script=script, ledger=self.ledger))
        open(self.ledger, "w").close()
        self.killed_trials = {}
        self.run = None

    def start(self):
        log = open(os.path.join(self.folder, "run.log"), "a")
        self.run = subprocess.Popen([f"{self.build}/dozan", "run", self.yaml, "--db", self.db], stdout=log, stderr=log,
                                    stdin=subprocess.DEVNULL, cwd=self.folder)
        log.close()

    def ended(self):
        if self.run.poll() is None:
            return False
        if self.run.returncode == 0:
            return True
        if self.run.returncode == -signal.SIGKILL:
            self.start()
            return False
        raise SystemExit(f"dozan run ended with {self.run.returncode}:\n{open(self.folder + '/run.log').read()[-4000:]}")

    def ledger_lines(self):
        with open(self.ledger) as f:
            return [line.split() for line in f if line.endswith("\n")]

    def processes(self, program):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if os.path.basename(words[0]) == program and any(self.folder in w or "k.db.d" in w for w in words):
                found.append((int(pid), words))
        return found

    def kill_one(self, rng):
        """Kills one victim; returns what it was, or None when there was none of its kind."""
        kind = rng.choices(["controller", "plugin", "trial", "shim"], [5, 2, 2, 1])[0]
        try:
            if kind == "controller":
                self.run.kill()
                self.run.wait()
                return kind
            if kind == "plugin":
                pids = self.processes("dozan-suggest")
                if not pids:
                    return None
                os.kill(pids[0][0], signal.SIGKILL)
                return kind
            lines = self.ledger_lines()
            done = {}
            for line in lines:
                if line[0] == "end":
                    done[line[1]] = done.get(line[1], 0) + 1
            running = [line for line in lines if line[0] == "start" and not done.get(line[1])]
            running = [line for line in running if os.path.exists(f"/proc/{line[2]}")]
            if not running:
                return None
            victim = rng.choice(running)
            pid = int(victim[2])
            if kind == "shim":
                with open(f"/proc/{pid}/stat") as f:
                    pid = int(f.read().rsplit(")", 1)[1].split()[1])
                with open(f"/proc/{pid}/comm") as f:
                    if not f.read().startswith("dozan-shim"):
                        return None
            self.killed_trials[victim[1]] = self.killed_trials.get(victim[1], 0) + 1
            os.kill(pid, signal.SIGKILL)
            return kind
        except (ProcessLookupError, FileNotFoundError):
            return None

    def trials(self):
        out = subprocess.run([f"{self.build}/dozan", "get", "trials", self.name, "--db", self.db, "-o", "json"],
                             check=True, capture_output=True, text=True).stdout
        items = json.loads(out)["items"]
        rows = []
        for item in items:
            assignments = tuple((a["name"], a["value"]) for a in item["spec"]["parameterAssignments"])
            rows.append((item["metadata"]["name"], item["status"]["conditions"][-1]["type"], assignments))
        return rows

    def check(self, expect_points):
        rows = self.trials()
        failures = []
        if len(rows) != self.count:
            failures.append(f"{len(rows)} trials, expected {self.count}")
        bad = [row for row in rows if row[1] != "Succeeded"]
        if bad:
            failures.append(f"not succeeded: {bad[:3]}")
        if expect_points and len({row[2] for row in rows}) != self.count:
            failures.append("a point was tried twice")
        starts, ends = {}, {}
        for line in self.ledger_lines():
            table = starts if line[0] == "start" else ends
            table[line[1]] = table.get(line[1], 0) + 1
        for name, _, _ in rows:
            if not ends.get(name):
                failures.append(f"{name} succeeded and never ended")
            if starts.get(name, 0) > 1 + self.killed_trials.get(name, 0):
                failures.append(f"{name} ran {starts[name]} times and was killed {self.killed_trials.get(name, 0)} times")
        return failures


def disturb(world, rng, kills_left, tally):
    """Runs one experiment to its end; kills as often as the run's length allows."""
    world.start()
    kills = 0
    next_kill = time.monotonic() + rng.uniform(0.0, 0.35)
    deadline = time.monotonic() + 180
    while not world.ended():
        if time.monotonic() > deadline:
            raise SystemExit(f"the run does not end:\n{open(world.folder + '/run.log').read()[-4000:]}")
        if kills < kills_left and time.monotonic() >= next_kill:
            victim = world.kill_one(rng)
            if victim:
                kills += 1
                tally[victim] = tally.get(victim, 0) + 1
            next_kill = time.monotonic() + rng.uniform(0.0, 0.35)
        try:
            world.run.wait(timeout=0.005)
        except subprocess.TimeoutExpired:
            pass
    return kills


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("DOZAN_SEED", "20261123")))
    parser.add_argument("--build", default="build")
    args = parser.parse_args()
    build = os.path.abspath(args.build)
    rng = random.Random(args.seed)
    print(f"kill: seed {args.seed}")
    kills, rounds, tally, failures = 0, 0, {}, []
    with tempfile.TemporaryDirectory(prefix="dozan-kill-") as top:
        def world(name, *rest):
            folder = os.path.join(top, name)
            os.mkdir(folder)
            return World(build, folder, name, *rest)

        plain = world("undisturbed", "tpe", 25, 1, 30)
        plain.start()
        plain.run.wait(timeout=120)
        expected = [row[2] for row in plain.trials()]
        failures += plain.check(False)
        while kills < args.kills:
            rounds += 1
            grid = world(f"grid{rounds}", "grid", 40, 3, 7)
            kills += disturb(grid, rng, args.kills - kills, tally)
            failures += [f"grid{rounds}: {f}" for f in grid.check(True)]
            if kills >= args.kills:
                break
            tpe = world(f"tpe{rounds}", "tpe", 25, 1, 30)
            kills += disturb(tpe, rng, args.kills - kills, tally)
            failures += [f"tpe{rounds}: {f}" for f in tpe.check(False)]
            if [row[2] for row in tpe.trials()] != expected:
                failures.append(f"tpe{rounds}: other suggestions than in the undisturbed run")
    for failure in failures:
        print(f"kill: FAILED: {failure}")
    print(f"kill: {kills} kills in {2 * rounds} runs ({', '.join(f'{n} {k}' for k, n in sorted(tally.items()))}): "
          f"{'FAILED' if failures else 'no trial lost, none run twice, same suggestions'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
