"""A `dozan serve` with experiments for the browser to look at: one that has finished, one with two objectives, one with
failed trials, and one whose trials report a little and then wait until they are told to go on."""
import http.client
import json
import os
import re
import subprocess
import time

TRAIN = """
import math, os, sys, time
lr, units, optimizer, mode, folder = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
quality = math.exp(-(math.log10(lr) + 2) ** 2 / 2) * (0.6 + 0.4 * units / 256) * (1.0 if optimizer == 'adam' else 0.9)
if mode == 'failing' and optimizer == 'sgd':
    print('out of luck', file=sys.stderr)
    sys.exit(3)
for epoch in range(1, 9):
    accuracy = 100 * quality * (1 - math.exp(-epoch / 4))
    print(f'epoch={epoch}\\naccuracy={accuracy:.3f}\\nsize={units}', flush=True)
    while mode == 'waiting' and epoch == 4 and not os.path.exists(os.path.join(folder, 'go')):
        time.sleep(0.05)
"""

EXPERIMENT = """apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {{name: {name}}}
spec:
  {objective}
  algorithm: {{algorithmName: {algorithm}}}
  seed: 5
  parallelTrialCount: 3
  maxTrialCount: {trials}
  maxFailedTrialCount: {trials}
  parameters:
    - {{name: lr, parameterType: double, feasibleSpace: {{min: "0.0001", max: "1", distribution: logUniform}}}}
    - {{name: units, parameterType: int, feasibleSpace: {{min: "8", max: "256"}}}}
    - {{name: optimizer, parameterType: categorical, feasibleSpace: {{list: [sgd, adam, rmsprop]}}}}
  trialTemplate:
    primaryContainerName: main
    trialParameters:
      - {{name: lr, reference: lr}}
      - {{name: units, reference: units}}
      - {{name: optimizer, reference: optimizer}}
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
                command: [python3, {train}, "${{trialParameters.lr}}", "${{trialParameters.units}}", "${{trialParameters.optimizer}}", {mode}, {folder}]
"""

ONE = "objective: {type: maximize, goal: 101, objectiveMetricName: accuracy, additionalMetricNames: [size]}"
TWO = "objectives: [{type: maximize, metric: accuracy}, {type: minimize, metric: size}]"


class Server:
    def __init__(self, build, folder):
        self.folder = folder
        self.train = os.path.join(folder, "train.py")
        with open(self.train, "w") as file:
            file.write(TRAIN)
        self.log_path = os.path.join(folder, "serve.log")
        self.log = open(self.log_path, "w")
        self.process = subprocess.Popen([os.path.join(build, "dozan"), "serve", "--db", os.path.join(folder, "s.db"),
                                         "--listen", "127.0.0.1:0", "--durability", "off"], stderr=self.log)
        self.url = self.wait(lambda: re.search(r"serving .* at (http://[0-9.:]+)", open(self.log_path).read()),
                             "the server to serve").group(1)
        self.address = self.url.removeprefix("http://")

    def wait(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"waited in vain for {what}; the server says:\n{open(self.log_path).read()[-3000:]}")

    def call(self, method, path, body=None, kind="application/json"):
        link = http.client.HTTPConnection(self.address, timeout=30)
        try:
            link.request(method, path, body, {"Content-Type": kind} if body else {})
            answer = link.getresponse()
            text = answer.read()
        finally:
            link.close()
        if answer.status >= 400:
            raise AssertionError(f"{method} {path}: {answer.status} {text[:500]}")
        return json.loads(text)

    def view(self, name, part="", namespace="default"):
        return self.call("GET", f"/api/v1alpha1/namespaces/{namespace}/experiments/{name}{part}")

    def yaml(self, name, mode="plain", trials=24, algorithm="tpe", objective=ONE):
        return EXPERIMENT.format(name=name, mode=mode, trials=trials, algorithm=algorithm, objective=objective,
                                 train=self.train, folder=self.folder)

    def create(self, name, **options):
        self.call("POST", "/apis/kubeflow.org/v1beta1/namespaces/default/experiments", self.yaml(name, **options),
                  "application/yaml")

    def wait_ended(self, name, seconds=120):
        self.wait(lambda: self.view(name)["ended"], f"{name} to end", seconds)

    def close(self):
        open(os.path.join(self.folder, "go"), "w").close()
        self.process.terminate()
        self.process.wait(timeout=60)
        self.log.close()
