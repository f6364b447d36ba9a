"""A Suggestion and an EarlyStopping service as Katib's own are: on Google's grpcio, with its state in memory, and knowing
its trials again by nothing but the texts of their assignments.

usage: katib_service.py FOLDER suggestion|stopper    FOLDER holds api_pb2.py; prints the port, then each call
"""
import concurrent.futures
import random
import sys

sys.path.insert(0, sys.argv[1])
import api_pb2 as api
import grpc


def say(*words):
    print(*words, flush=True)


class Suggestion:
    """A line of points for the parameters x and k; whatever comes back must be what it said."""

    def __init__(self):
        self.known, self.rng = {}, random.Random(7)

    def validate(self, request, context):
        names = [s.name for s in request.experiment.spec.algorithm.algorithm_settings]
        if "bad" in names:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "unknown setting bad")
        return api.ValidateAlgorithmSettingsReply()

    def suggest(self, request, context):
        settings = {s.name: s.value for s in request.experiment.spec.algorithm.algorithm_settings}
        ended = 0
        for trial in request.trials:
            texts = tuple(sorted((a.name, a.value) for a in trial.spec.parameter_assignments.assignments))
            if self.known.get(trial.name) != texts:
                context.abort(grpc.StatusCode.INTERNAL, "unknown trial %s %s" % (trial.name, texts))
            if trial.status.condition == api.TrialStatus.SUCCEEDED:
                metric = trial.status.observation.metrics[0]
                assert metric.name == trial.spec.objective.objective_metric_name and float(metric.value) >= 0
                assert trial.status.start_time < trial.status.completion_time
                ended += 1
        if request.total_request_number != len(request.trials) + request.current_request_number:
            context.abort(grpc.StatusCode.INTERNAL, "%d in all, %d now, %d listed" % (
                request.total_request_number, request.current_request_number, len(request.trials)))
        if len(request.trials) > 0 and settings.get("calls") is None:
            context.abort(grpc.StatusCode.INTERNAL, "the setting that was made did not come back")
        reply = api.GetSuggestionsReply()
        for _ in range(request.current_request_number):
            row = reply.parameter_assignments.add(trial_name="line-%d" % len(self.known))
            row.assignments.add(name="x", value=repr(self.rng.uniform(-1, 1)))
            row.assignments.add(name="k", value="%d.0" % self.rng.randint(0, 10))
            row.labels["generation"] = str(ended)
            self.known[row.trial_name] = tuple(sorted((a.name, a.value) for a in row.assignments))
        reply.algorithm.algorithm_name = "line"
        reply.algorithm.algorithm_settings.add(name="calls", value=str(int(settings.get("calls", 0)) + 1))
        say("suggestions", request.current_request_number, "trials", len(request.trials), "succeeded", ended)
        return reply

    methods = {
        "/api.v1.beta1.Suggestion/GetSuggestions": ("suggest", api.GetSuggestionsRequest),
        "/api.v1.beta1.Suggestion/ValidateAlgorithmSettings": ("validate", api.ValidateAlgorithmSettingsRequest),
    }


class Stopper:
    """Once two trials have succeeded, those whose best loss is above the least of theirs after two reports are stopped."""

    def validate(self, request, context):
        if request.early_stopping.algorithm_name != "stopper":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "unknown algorithm " + request.early_stopping.algorithm_name)
        return api.ValidateEarlyStoppingSettingsReply()

    def rules(self, request, context):
        losses = [float(t.status.observation.metrics[0].value) for t in request.trials
                  if t.status.condition == api.TrialStatus.SUCCEEDED]
        reply = api.GetEarlyStoppingRulesReply()
        if len(losses) >= 2:
            reply.early_stopping_rules.add(name="loss", value=str(min(losses)), comparison=api.GREATER, start_step=2)
        say("rules after", len(losses))
        return reply

    def set_status(self, request, context):
        say("stopped", request.trial_name)
        return api.SetTrialStatusReply()

    methods = {
        "/api.v1.beta1.EarlyStopping/GetEarlyStoppingRules": ("rules", api.GetEarlyStoppingRulesRequest),
        "/api.v1.beta1.EarlyStopping/SetTrialStatus": ("set_status", api.SetTrialStatusRequest),
        "/api.v1.beta1.EarlyStopping/ValidateEarlyStoppingSettings": ("validate", api.ValidateEarlyStoppingSettingsRequest),
    }


def make_handler(service):
    class Generic(grpc.GenericRpcHandler):
        def service(self, details):
            if details.method not in service.methods:
                return None
            name, request = service.methods[details.method]
            return grpc.unary_unary_rpc_method_handler(getattr(service, name), request.FromString, lambda m: m.SerializeToString())
    return Generic()


server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers([make_handler({"suggestion": Suggestion, "stopper": Stopper}[sys.argv[2]]())])
say("port", server.add_insecure_port("127.0.0.1:0"))
server.start()
server.wait_for_termination()
