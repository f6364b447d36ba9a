#!/usr/bin/env python3
"""A worker in one file, on Python's own library: asks `dozan serve` for trials, runs them, and tells the results.

    worker.py [--server http://127.0.0.1:7070] [--namespace default] [--token-file FILE] EXPERIMENT

Start as many as you like, on any machines; each runs one trial at a time until the experiment has ended. One that dies loses
its trial to another when its lease has run out. Put your own training in place of `train`.
"""
import argparse
import json
import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request


class Dropped(Exception):
    """The trial is not this worker's any more, or is not wanted any more."""


class Client:
    def __init__(self, server, namespace, token):
        self.base = f"{server.rstrip('/')}/api/v1alpha1/namespaces/{namespace}"
        self.headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def call(self, path, **body):
        """Asks until there is an answer: what is said twice counts once."""
        pause = 0.1
        while True:
            try:
                request = urllib.request.Request(f"{self.base}/{path}", json.dumps(body).encode(), self.headers)
                with urllib.request.urlopen(request, timeout=120) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                text = error.read().decode(errors="replace")
                if error.code == 409:
                    raise Dropped(text) from None
                if error.code < 500 and error.code != 429:
                    sys.exit(f"worker: {path}: {error.code} {text}")
            except OSError:
                pass  # the server is away: it may come back
            time.sleep(pause)
            pause = min(2 * pause, 5)


class Trial:
    """A trial on a lease, which a thread renews."""

    def __init__(self, client, given):
        self.client, self.name, self.attempt = client, given["name"], given["attempt"]
        self.assignments = given["assignments"]
        self.reports = 0
        self.dropped = threading.Event()
        self.over = threading.Event()
        threading.Thread(target=self._renew, args=(given["leaseSeconds"] / 3,), daemon=True).start()

    def _renew(self, seconds):
        while not self.over.wait(seconds):
            try:
                if not self._say("heartbeat")["continue"]:
                    self.dropped.set()
            except Dropped:
                self.dropped.set()

    def _say(self, what, **more):
        return self.client.call(f"trials/{self.name}/{what}", attempt=self.attempt, **more)

    def report(self, **metrics):
        """Tells values on the way; an early stopper may end the trial by them."""
        self.reports += 1
        if self.dropped.is_set() or not self._say("report", metrics=metrics, request=f"report-{self.reports}")["continue"]:
            raise Dropped(f"trial {self.name} is not wanted any more")

    def tell(self, outcome="Succeeded", message="", **metrics):
        self._say("tell", outcome=outcome, message=message, metrics=metrics, request="end")


def train(trial):
    """Your training: the assignments are texts, as the experiment's parameters have them."""
    x1, x2 = float(trial.assignments["x1"]), float(trial.assignments["x2"])
    for epoch in range(1, 6):
        loss = (x1 - 1) ** 2 + (x2 + 2) ** 2 + 1 / epoch
        trial.report(loss=loss)
        time.sleep(float(os.environ.get("EPOCH_SECONDS", "0.02")))
    return {"loss": loss}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=os.environ.get("DOZAN_SERVER", "http://127.0.0.1:7070"))
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--token-file")
    parser.add_argument("experiment")
    args = parser.parse_args()
    token = open(args.token_file).read().strip() if args.token_file else ""
    client = Client(args.server, args.namespace, token)
    me = f"{socket.gethostname()}:{os.getpid()}"
    while True:
        answer = client.call(f"experiments/{args.experiment}/ask", worker=me, waitSeconds=30)
        if not answer["continue"]:
            print(f"worker: {args.experiment} has ended: {answer['state']}")
            return
        if answer["trial"] is None:
            continue
        trial = Trial(client, answer["trial"])
        try:
            result = train(trial)
            trial.tell(**result)
            print(f"worker: {trial.name} {result}", flush=True)
        except Dropped as why:
            print(f"worker: dropped {trial.name}: {why}", flush=True)
        except Exception as error:  # the assignment's fault, as far as anyone knows here
            try:
                trial.tell("Failed", message=f"{type(error).__name__}: {error}")
            except Dropped:
                pass
        finally:
            trial.over.set()


if __name__ == "__main__":
    main()
