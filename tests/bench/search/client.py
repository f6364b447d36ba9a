"""A client of dozan-suggest, as any could be written: nng over ipc, and the messages of proto/*.proto.

A Host is one dozan-suggest process, kept for the life of this one. An Experiment is one event log: it is told what
happened, and sends only what is new with its next ask or judge. DOZAN_BUILD names the build folder (build/ of this tree).
"""
import atexit
import importlib
import itertools
import multiprocessing.util
import os
import shutil
import subprocess
import sys
import tempfile

import pynng
from grpc_tools import protoc

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
TIMEOUT_MS = 600_000
START_TIMEOUT_MS = 30_000


def load_messages():
    """Makes the Python messages from Dozan's .proto files."""
    source = os.path.join(ROOT, "proto")
    names = ["api", "dozan", "rpc"]
    with tempfile.TemporaryDirectory() as out:
        if protoc.main(["protoc", f"-I{source}", f"--python_out={out}", *(f"{name}.proto" for name in names)]):
            raise RuntimeError(f"the .proto files in {source} cannot be compiled")
        sys.path.insert(0, out)
        try:
            return [importlib.import_module(f"{name}_pb2") for name in names]
        finally:
            sys.path.remove(out)


api, dz, rpc = load_messages()


class CallFailed(RuntimeError):
    """The host answered with an error: its code, place and message."""


class Host:
    """One dozan-suggest, and the socket to it."""

    shared = None

    @classmethod
    def get(cls):
        """The process's own host; a forked child starts another."""
        if cls.shared is None or cls.shared.owner != os.getpid():
            cls.shared = Host(os.path.join(os.environ.get("DOZAN_BUILD", os.path.join(ROOT, "build")), "dozan-suggest"))
        return cls.shared

    def __init__(self, program):
        self.owner, self.numbers = os.getpid(), itertools.count(1)
        self.folder = tempfile.mkdtemp(prefix="dozan-bench-")
        url = f"ipc://{self.folder}/suggest.sock"
        env = {k: v for k, v in os.environ.items() if k != "DOZAN_PLUGIN_TOKEN"}
        self.process = subprocess.Popen([program, "--listen", url, "--workers", "1"],
                                        env=dict(env, DOZAN_PLUGIN_PARENT=str(os.getpid())))
        atexit.register(self.close)
        multiprocessing.util.Finalize(self, self.close, exitpriority=1)  # a worker of a pool does not run atexit
        # block_on_dial=False: nng itself dials again until the host listens.
        self.socket = pynng.Req0(dial=url, block_on_dial=False, recv_max_size=64 << 20, recv_timeout=START_TIMEOUT_MS,
                                 send_timeout=START_TIMEOUT_MS, reconnect_time_min=5, reconnect_time_max=50)
        self.describe()
        self.socket.recv_timeout = self.socket.send_timeout = TIMEOUT_MS

    def describe(self):
        return self.call("Describe", dz.DescribeRequest(), dz.DescribeReply)

    def call(self, method, body, reply_type):
        request = rpc.Request(method=f"/dozan.v1.Algorithm/{method}", request_id=f"{self.owner}-{next(self.numbers)}",
                              timeout_ms=TIMEOUT_MS, body=body.SerializeToString())
        self.socket.send(request.SerializeToString())
        reply = rpc.Reply.FromString(self.socket.recv())
        if reply.code != 0:
            raise CallFailed(f"{method}: code {reply.code}: {reply.place}: {reply.message}")
        return reply_type.FromString(reply.body)

    def close(self):
        if self.process is None or self.owner != os.getpid():
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)


class Experiment:
    """One experiment's log. Each kind of call (ask, judge) has its own session, and so its own cursor, in the host."""

    numbers = itertools.count(1)

    def __init__(self, experiment, seed, other_objectives=()):
        self.host = Host.get()
        self.uid = f"bench-{os.getpid()}-{next(self.numbers)}"
        self.problem = dz.Problem(uid=self.uid, experiment=experiment, seed=seed, other_objectives=other_objectives)
        self.cursor = {"Ask": 0, "Judge": 0}
        self.events, self.dropped, self.trials = [], 0, 0

    def ask(self, count):
        """[(number, {parameter: text})], already logged as asked; fewer, with the reason, at the end of a space."""
        reply = self.send("Ask", dz.AskRequest(first_trial=self.trials + 1, count=count), dz.AskReply)
        asked = []
        for item in reply.suggestions:
            self.trials += 1
            self.add(dz.ASKED, self.trials, assignments=item.assignments, labels=item.labels)
            asked.append((self.trials, {pair.name: pair.value for pair in item.assignments},
                          {pair.name: pair.value for pair in item.labels}))
        return asked, reply.message

    def judge(self, trial):
        """Why the trial is to stop, or None."""
        reply = self.send("Judge", dz.JudgeRequest(trials=[trial]), dz.JudgeReply)
        return next((v.message for v in reply.verdicts if v.stop), None)

    def report(self, trial, step, value, metric=0):
        self.add(dz.REPORT, trial, step=step, metric=metric, has_value=True, value=value)

    def end(self, trial, value=None, kind=None, others=()):
        """value None: the trial failed. others: the values of the additional metrics."""
        if value is None:
            self.add(dz.FAILED if kind is None else kind, trial)
        else:
            self.add(dz.COMPLETED if kind is None else kind, trial, has_value=True, value=value, other_values=others)

    def add(self, kind, trial, **fields):
        seq = self.dropped + len(self.events) + 1
        self.events.append(dz.Event(seq=seq, kind=kind, trial=trial, **fields))

    def send(self, method, request, reply_type):
        since = self.cursor[method]
        log = dz.LogPart(uid=self.uid, problem=self.problem if since == 0 else None, since_seq=since,
                         to_seq=self.dropped + len(self.events), events=self.events[since - self.dropped:])
        request.log.CopyFrom(log)
        reply = self.host.call(method, request, reply_type)
        if reply.stale:
            raise RuntimeError(f"the host lost {self.uid}: it is at event {reply.applied_seq}, not {since}")
        self.cursor[method] = log.to_seq
        self.forget()
        return reply

    def forget(self):
        """Drops what both sessions have, so that a log of 100,000 trials does not stay in memory here."""
        spec = self.problem.experiment.spec
        kinds = ["Ask"] + (["Judge"] if spec.HasField("early_stopping") else [])
        told = min(self.cursor[kind] for kind in kinds)
        del self.events[:told - self.dropped]
        self.dropped = told

    def release(self):
        if self.host.process is not None:
            self.host.call("Release", dz.ReleaseRequest(uid=self.uid), dz.ReleaseReply)
