#!/usr/bin/env python3
"""A search plugin in one file: hill climbing with restarts, on pynng and protobuf.

    dozan run experiment.yaml --plugin my-search=examples/plugins/python/my_search.py      (algorithmName: my-search)

Dozan starts it with --listen URL and DOZAN_PLUGIN_TOKEN. It keeps nothing on disk: all it knows is folded from the
experiment's events, so after a restart Dozan tells the log again, and the answers are the same.
"""
import argparse
import importlib
import math
import os
import random
import sys
import tempfile

import pynng
from grpc_tools import protoc

NAME, OK, INVALID_ARGUMENT, UNIMPLEMENTED, UNAUTHENTICATED = "my-search", 0, 3, 12, 16


def load_messages():
    """Makes the Python messages from Dozan's .proto files."""
    here = os.path.dirname(os.path.abspath(__file__))
    places = [os.environ.get("DOZAN_PROTO", ""), f"{here}/../../../proto", "/usr/share/dozan/proto", "/usr/local/share/dozan/proto"]
    source = next(p for p in places if os.path.exists(f"{p}/dozan.proto"))
    with tempfile.TemporaryDirectory() as out:
        names = ["api", "dozan", "rpc"]
        if protoc.main(["protoc", f"-I{source}", f"--python_out={out}", *(f"{name}.proto" for name in names)]):
            sys.exit("my_search: the .proto files cannot be compiled")
        sys.path.insert(0, out)
        return [importlib.import_module(f"{name}_pb2") for name in names]


api, dz, rpc = load_messages()


class Parameter:
    """One parameter: a position in [0, 1] to the text of a value, and back."""

    def __init__(self, spec):
        space = spec.feasible_space
        self.name, self.list = spec.name, list(space.list)
        if self.list:
            return
        self.log = space.distribution in (api.LOG_UNIFORM, api.LOG_NORMAL)
        self.min, self.max = float(space.min), float(space.max)
        step = space.step or ("1" if spec.parameter_type == api.INT else "")
        self.step = float(step) if step else None
        self.decimals = max(len(t.partition(".")[2]) for t in (space.min, step)) if step else None

    def text(self, u):
        if self.list:
            return self.list[min(int(u * len(self.list)), len(self.list) - 1)]
        if self.log:
            value = math.exp(math.log(self.min) + u * (math.log(self.max) - math.log(self.min)))
        else:
            value = self.min + u * (self.max - self.min)
        if self.step is None:
            return repr(min(max(value, self.min), self.max))
        levels = math.floor((self.max - self.min) / self.step + 1e-9)
        value = self.min + min(max(round((value - self.min) / self.step), 0), levels) * self.step
        return f"{value:.{self.decimals}f}"

    def position(self, text):
        if self.list:
            return (self.list.index(text) + 0.5) / len(self.list)
        if self.max == self.min:
            return 0.5
        if self.log:
            return math.log(float(text) / self.min) / math.log(self.max / self.min)
        return (float(text) - self.min) / (self.max - self.min)


class Search:
    """The fold: only `tell` changes it; `ask` depends on it, the seed and the trial's number alone."""

    def __init__(self, problem):
        spec = problem.experiment.spec
        self.parameters = [Parameter(p) for p in spec.parameter_specs.parameters]
        self.sign = -1 if spec.objective.type == api.MAXIMIZE else 1
        self.seed, self.applied = problem.seed, 0
        self.points, self.best, self.ended = {}, None, 0

    def tell(self, event):
        if event.kind == dz.ASKED:
            self.points[event.trial] = {pair.name: pair.value for pair in event.assignments}
        elif event.kind in (dz.COMPLETED, dz.STOPPED) and event.has_value:
            self.ended += 1
            loss = self.sign * event.value
            if not math.isnan(loss) and (self.best is None or loss < self.best[0]):
                self.best = (loss, event.trial)

    def ask(self, trial, batch):
        rng = random.Random(f"{self.seed}/{trial}")
        taken = [*self.points.values(), *batch]
        for _ in range(200):
            point = self.climb(rng) if self.best and rng.random() < 0.7 else self.draw(rng)
            if point not in taken:
                break
        return point

    def draw(self, rng):
        return {p.name: p.text(rng.random()) for p in self.parameters}

    def climb(self, rng):
        center = self.points[self.best[1]]
        radius = max(0.02, 0.3 / math.sqrt(1 + self.ended / 5))
        return {p.name: p.text(min(max(rng.gauss(p.position(center[p.name]), radius), 0.0), 1.0)) for p in self.parameters}


class Plugin:
    def __init__(self):
        self.searches = {}

    def take_log(self, log):
        """Folds the new events in; None when our cursor is not where the events begin."""
        if log.HasField("problem") and log.since_seq == 0:
            self.searches[log.uid] = Search(log.problem)
        search = self.searches.get(log.uid)
        if search is None or search.applied != log.since_seq:
            return None
        for event in log.events:
            search.tell(event)
        search.applied = log.to_seq
        return search

    def describe(self, _):
        return dz.DescribeReply(algorithms=[dz.AlgorithmDescription(
            name=NAME, kind=dz.SEARCH, summary="Hill climbing with random restarts, as an example of a plugin.",
            reference="none", limits="Looks only at the best trial.")])

    def validate(self, _):
        return dz.ValidateReply()

    def ask(self, request):
        search = self.take_log(request.log)
        if search is None:
            known = self.searches.get(request.log.uid)
            return dz.AskReply(stale=True, unknown_experiment=known is None, applied_seq=known.applied if known else 0)
        reply, batch = dz.AskReply(applied_seq=search.applied), []
        for i in range(request.count):
            batch.append(search.ask(request.first_trial + i, batch))
            reply.suggestions.add(assignments=[dz.Pair(name=n, value=v) for n, v in batch[-1].items()])
        return reply

    def release(self, request):
        self.searches.pop(request.uid, None)
        return dz.ReleaseReply()

    def handle(self, message, token):
        request = rpc.Request.FromString(message)
        methods = {"Describe": (dz.DescribeRequest, self.describe), "Validate": (dz.ValidateRequest, self.validate),
                   "Ask": (dz.AskRequest, self.ask), "Release": (dz.ReleaseRequest, self.release)}
        if token and ("authorization", f"Bearer {token}") not in [(m.key, m.value) for m in request.metadata]:
            return rpc.Reply(request_id=request.request_id, code=UNAUTHENTICATED, message="wrong or no token")
        service, _, name = request.method.rpartition("/")
        if service != "/dozan.v1.Algorithm" or name not in methods:
            return rpc.Reply(request_id=request.request_id, code=UNIMPLEMENTED, message=f"no method {request.method}")
        kind, function = methods[name]
        body = function(kind.FromString(request.body)).SerializeToString()
        return rpc.Reply(request_id=request.request_id, code=OK, body=body)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True, help="nng address, for example ipc:///tmp/my-search.sock")
    args = parser.parse_args()
    plugin, token = Plugin(), os.environ.get("DOZAN_PLUGIN_TOKEN")
    with pynng.Rep0(listen=args.listen, recv_max_size=64 << 20) as socket:
        while True:
            message = socket.recv()
            try:
                reply = plugin.handle(message, token)
            except Exception as error:  # one bad message must not end the service
                reply = rpc.Reply(code=INVALID_ARGUMENT, message=f"{type(error).__name__}: {error}")
            socket.send(reply.SerializeToString())


if __name__ == "__main__":
    main()
