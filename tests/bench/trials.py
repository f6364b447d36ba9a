#!/usr/bin/env python3
"""What a trial costs beyond its own work, as ratios and differences measured in one run:

  throughput  1,000 trials of a shell script at 4 in parallel, against the same 1,000 started by xargs -P4
  start       from `dozan run` to the first trial's start, against a bare start of the same script
  memory      peak resident memory of `dozan run` over 10,000 trials

    trials.py [--short] [--build build]
"""
import argparse
import os
import statistics
import subprocess
import tempfile
import time

TEMPLATE = """apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {{name: {name}}}
spec:
  objective: {{type: minimize, objectiveMetricName: loss}}
  algorithm: {{algorithmName: random}}
  seed: 1
  parallelTrialCount: 4
  maxTrialCount: {count}
  parameters:
    - {{name: x, parameterType: double, feasibleSpace: {{min: "0", max: "1"}}}}
  trialTemplate:
    primaryContainerName: main
    trialParameters: [{{name: x, reference: x}}]
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec: {{template: {{spec: {{restartPolicy: Never, containers: [
        {{name: main, image: none, command: [sh, {script}, "${{trialParameters.x}}"]}}]}}}}}}
"""


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def experiment(folder, name, count, script):
    return write(os.path.join(folder, name + ".yaml"), TEMPLATE.format(name=name, count=count, script=script))


def dozan_run(build, folder, name, count, script, *options):
    """Runs to the end; returns (seconds, peak resident KiB of the dozan process)."""
    yaml = experiment(folder, name, count, script)
    begin = time.monotonic()
    with open(os.path.join(folder, "stderr"), "w") as log:
        run = subprocess.Popen([f"{build}/dozan", "run", yaml, "--db", os.path.join(folder, name + ".db"), *options],
                               stdout=subprocess.DEVNULL, stderr=log)
    peak = 0
    while True:
        try:
            run.wait(timeout=0.1)
            break
        except subprocess.TimeoutExpired:
            try:
                with open(f"/proc/{run.pid}/status") as f:
                    for line in f:
                        if line.startswith("VmHWM:"):
                            peak = max(peak, int(line.split()[1]))
            except OSError:
                pass
    seconds = time.monotonic() - begin
    if run.returncode != 0:
        with open(os.path.join(folder, "stderr")) as f:
            raise SystemExit(f"dozan run ended with {run.returncode}: {f.read()[-2000:]}")
    return seconds, peak


def throughput(build, folder, count):
    script = write(os.path.join(folder, "metric.sh"), 'echo "loss=$1"\n')
    numbers = "\n".join(f"0.{i}" for i in range(count))
    bare = []
    for _ in range(2):
        begin = time.monotonic()
        subprocess.run(["xargs", "-P4", "-n1", "sh", script], input=numbers, text=True, stdout=subprocess.DEVNULL, check=True)
        bare.append(time.monotonic() - begin)
    bare = min(bare)
    print(f"throughput: xargs -P4           {count / bare:8.0f} trials/s  (the bare limit)")
    for durability in ("full", "normal", "off"):
        seconds = min(dozan_run(build, folder, f"t-{durability}-{k}", count, script, "--durability", durability)[0]
                      for k in range(2))
        print(f"throughput: dozan run {durability:8s}  {count / seconds:8.0f} trials/s  ratio {bare / seconds:.2f}"
              f"{'  (wanted: at least 0.50)' if durability == 'full' else ''}")


def start(build, folder, times):
    stamp = os.path.join(folder, "stamp")
    script = write(os.path.join(folder, "stamp.sh"), f'date +%s%N > {stamp}\necho "loss=$1"\n')
    bare, ours = [], []
    for i in range(times):
        begin = time.time_ns()
        subprocess.run(["sh", script, "1"], stdout=subprocess.DEVNULL, check=True)
        bare.append((int(open(stamp).read()) - begin) / 1e6)
        yaml = experiment(folder, f"start-{i}", 1, script)
        begin = time.time_ns()
        subprocess.run([f"{build}/dozan", "run", yaml, "--db", os.path.join(folder, f"start-{i}.db"), "--set",
                        "spec.parallelTrialCount=1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        ours.append((int(open(stamp).read()) - begin) / 1e6)
    bare, ours = statistics.median(bare), statistics.median(ours)
    print(f"start: bare script {bare:.1f} ms, first trial of dozan run {ours:.1f} ms: "
          f"{ours - bare:.1f} ms above  (wanted: at most 50; median of {times})")


def memory(build, folder, count):
    script = write(os.path.join(folder, "metric.sh"), 'echo "loss=$1"\n')
    seconds, peak = dozan_run(build, folder, "memory", count, script, "--durability", "normal")
    print(f"memory: peak of dozan run over {count} trials {peak / 1024:.1f} MiB  (wanted: at most 30)  in {seconds:.0f} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="few trials: only to see that it works")
    parser.add_argument("--build", default="build")
    args = parser.parse_args()
    build = os.path.abspath(args.build)
    with tempfile.TemporaryDirectory(prefix="dozan-bench-") as folder:
        throughput(build, folder, 100 if args.short else 1000)
        start(build, folder, 3 if args.short else 15)
        memory(build, folder, 300 if args.short else 10000)


if __name__ == "__main__":
    main()
