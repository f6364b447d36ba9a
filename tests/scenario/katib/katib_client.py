"""What Katib's controller does with a Suggestion service, as a client on Google's grpcio: validates, asks for as many
suggestions as slots are free, and sends the whole history each time.

usage: katib_client.py PORT FOLDER [begin|go-on]    FOLDER holds api_pb2.py and health_pb2.py
begin and go-on: an experiment before and after a restart of the service; between them it is in the file state.pickle
"""
import pickle
import random
import sys

sys.path.insert(0, sys.argv[2])
import api_pb2 as api
import grpc
import health_pb2 as health

channel = grpc.insecure_channel("127.0.0.1:%s" % sys.argv[1])


def method(path, reply):
    return channel.unary_unary(path, request_serializer=lambda m: m.SerializeToString(), response_deserializer=reply.FromString)


get_suggestions = method("/api.v1.beta1.Suggestion/GetSuggestions", api.GetSuggestionsReply)
validate = method("/api.v1.beta1.Suggestion/ValidateAlgorithmSettings", api.ValidateAlgorithmSettingsReply)
check = method("/grpc.health.v1.Health/Check", health.HealthCheckResponse)


def check_equal(what, got, wanted):
    if got != wanted:
        sys.exit("%s: got %r, wanted %r" % (what, got, wanted))


def fails(call, request, code):
    try:
        call(request, timeout=20)
    except grpc.RpcError as error:
        check_equal("code of %s" % error.details(), error.code(), code)
        return error.details()
    sys.exit("a call did not fail with %s" % code)


def experiment(name, algorithm, settings=(), parallel=3, total=30):
    made = api.Experiment(name=name)
    spec = made.spec
    rate = spec.parameter_specs.parameters.add(name="lr", parameter_type=api.DOUBLE)
    rate.feasible_space.min, rate.feasible_space.max, rate.feasible_space.distribution = "0.001", "0.1", api.LOG_UNIFORM
    epochs = spec.parameter_specs.parameters.add(name="epochs", parameter_type=api.INT)
    epochs.feasible_space.min, epochs.feasible_space.max = "1", "9"
    kind = spec.parameter_specs.parameters.add(name="optimizer", parameter_type=api.CATEGORICAL)
    kind.feasible_space.list.extend(["sgd", "adam"])
    spec.objective.type, spec.objective.objective_metric_name = api.MINIMIZE, "loss"
    spec.objective.additional_metric_names.append("accuracy")
    spec.algorithm.algorithm_name = algorithm
    for key, value in settings:
        spec.algorithm.algorithm_settings.add(name=key, value=value)
    spec.parallel_trial_count, spec.max_trial_count = parallel, total
    return made


class Controller:
    """Katib's: trials by name, settings that were overwritten, and requests as it makes them."""

    def __init__(self, made):
        self.experiment, self.trials, self.asked, self.settings = made, {}, 0, {}
        self.rng = random.Random(1)

    def request(self, count):
        made = api.GetSuggestionsRequest(current_request_number=count, total_request_number=self.asked + count)
        made.experiment.CopyFrom(self.experiment)
        own = made.experiment.spec.algorithm.algorithm_settings
        for name, value in self.settings.items():
            own.add(name=name, value=value)
        listed = list(self.trials.values())
        self.rng.shuffle(listed)
        made.trials.extend(listed)
        return made

    def ask(self, count):
        reply = get_suggestions(self.request(count), timeout=30)
        check_equal("suggestions", len(reply.parameter_assignments), count)
        for setting in reply.algorithm.algorithm_settings:
            self.settings[setting.name] = setting.value
        for row in reply.parameter_assignments:
            trial = api.Trial(name=row.trial_name)
            trial.spec.objective.CopyFrom(self.experiment.spec.objective)
            trial.spec.parameter_assignments.assignments.extend(row.assignments)
            trial.status.start_time = "2026-01-01T00:00:%02dZ" % (self.asked % 60)
            trial.status.condition = api.TrialStatus.RUNNING
            check_equal("a new trial's name is not taken", row.trial_name in self.trials, False)
            self.trials[row.trial_name] = trial
            self.asked += 1
        return [self.trials[row.trial_name] for row in reply.parameter_assignments]

    def end(self, trial, condition=api.TrialStatus.SUCCEEDED, loss=None):
        values = {a.name: a.value for a in trial.spec.parameter_assignments.assignments}
        if loss is None:
            loss = (float(values["lr"]) - 0.01) ** 2 + 1 / float(values["epochs"])
        trial.status.condition = condition
        trial.status.completion_time = "2026-01-01T00:01:%02dZ" % (self.asked % 60)
        trial.status.observation.metrics.add(name="accuracy", value="0.5")
        trial.status.observation.metrics.add(name="loss", value=repr(loss) if isinstance(loss, float) else loss)

    def running(self):
        return [t for t in self.trials.values() if t.status.condition == api.TrialStatus.RUNNING]


def assignments(trials):
    return [tuple((a.name, a.value) for a in t.spec.parameter_assignments.assignments) for t in trials]


def run(controller, total, parallel):
    """Trials end one by one in an order of chance; slots are filled as they come free."""
    while controller.asked < total or controller.running():
        free = min(parallel - len(controller.running()), total - controller.asked)
        if free > 0:
            controller.ask(free)
        controller.end(controller.rng.choice(controller.running()))
    return assignments(controller.trials.values())


def probes():
    check_equal("health", check(health.HealthCheckRequest(service="manager.v1beta1.Suggestion"), timeout=20).status, 1)
    fails(check, health.HealthCheckRequest(service="nothing"), grpc.StatusCode.NOT_FOUND)
    other = method("/api.v1.beta1.DBManager/GetObservationLog", api.GetObservationLogReply)
    fails(other, api.GetObservationLogRequest(trial_name="t"), grpc.StatusCode.UNIMPLEMENTED)


def validates():
    validate(api.ValidateAlgorithmSettingsRequest(experiment=experiment("v", "tpe", [("n_EI_candidates", "24")])), timeout=20)
    for algorithm, settings in [("none", []), ("tpe", [("gamma", "2")]), ("tpe", [("surprise", "1")]), ("medianstop", [])]:
        made = experiment("v", algorithm, settings)
        fails(validate, api.ValidateAlgorithmSettingsRequest(experiment=made), grpc.StatusCode.INVALID_ARGUMENT)
    fails(validate, api.ValidateAlgorithmSettingsRequest(), grpc.StatusCode.INVALID_ARGUMENT)
    made = experiment("v", "random")
    made.spec.nas_config.graph_config.num_layers = 1
    fails(validate, api.ValidateAlgorithmSettingsRequest(experiment=made), grpc.StatusCode.INVALID_ARGUMENT)


def suggests():
    for algorithm in ["random", "tpe", "bayesianoptimization", "cmaes", "sobol", "asha"]:
        settings = [("resource_name", "epochs"), ("r_l", "9")] if algorithm == "asha" else []
        points = run(Controller(experiment("all-" + algorithm, algorithm, settings)), 24, 3)
        if algorithm != "asha":
            check_equal("%s: repeated points" % algorithm, len(set(points)), len(points))


def goes_on_with_what_it_is_told():
    """A history that another service, or one before a restart, has made."""
    c = Controller(experiment("elsewhere", "tpe"))
    c.ask(3)
    for name in list(c.trials):
        trial = c.trials.pop(name)
        trial.name = "elsewhere-x%s" % name[-3:]
        c.trials[trial.name] = trial
        c.end(trial)
    c.experiment.name = "elsewhere-again"
    points = run(c, 12, 2)
    check_equal("repeated points", len(set(points)), len(points))


def answers_a_repeated_request_alike():
    c = Controller(experiment("twice", "tpe"))
    first = get_suggestions(c.request(3), timeout=20)
    check_equal("the same request's answer", get_suggestions(c.request(3), timeout=20), first)
    larger = get_suggestions(c.request(4), timeout=20)
    check_equal("a larger request's beginning", list(larger.parameter_assignments)[:3], list(first.parameter_assignments))


def takes_every_end():
    c = Controller(experiment("ends", "tpe"))
    for condition, loss in [(api.TrialStatus.FAILED, "0.5"), (api.TrialStatus.KILLED, "0.5"), (api.TrialStatus.EARLYSTOPPED, "0.5"),
                            (api.TrialStatus.SUCCEEDED, ""), (api.TrialStatus.SUCCEEDED, "nan"), (api.TrialStatus.UNKNOWN, "1")]:
        c.end(c.ask(1)[0], condition, loss)
    gone = c.ask(1)[0]
    c.ask(1)
    del c.trials[gone.name]
    stranger = api.Trial(name="stranger")
    stranger.spec.parameter_assignments.assignments.add(name="other", value="1")
    c.trials["stranger"] = stranger
    c.ask(2)


def tells_of_the_end_of_a_grid():
    made = experiment("grid", "grid", total=4)
    del made.spec.parameter_specs.parameters[1:]
    space = made.spec.parameter_specs.parameters[0].feasible_space
    space.min, space.max, space.step, space.distribution = "1", "4", "1", api.UNIFORM
    made.spec.parameter_specs.parameters[0].parameter_type = api.INT
    c = Controller(made)
    for trial in c.ask(4):
        c.end(trial, loss=1.0)
    check_equal("the grid's points", len(set(assignments(c.trials.values()))), 4)
    fails(get_suggestions, c.request(1), grpc.StatusCode.OUT_OF_RANGE)


def hyperband():
    return Controller(experiment("hyperband", "hyperband", [("resource_name", "epochs"), ("r_l", "9"), ("eta", "3")], parallel=9))


def resources(trials):
    return sorted(int(dict(point)["epochs"]) for point in assignments(trials))


def runs_hyperband():
    """Each answer must have as many suggestions as were asked for, as Katib takes no other."""
    c = hyperband()
    rungs = []
    for _ in range(3):
        asked = c.ask(9)
        rungs.append([int(dict(p)["epochs"]) for p in assignments(asked)])
        for trial in asked:
            c.end(trial)
        check_equal("what comes back with the settings", sorted(c.settings), ["dozan-labels"])
    check_equal("resources of the first rung", rungs[0], [1] * 9)
    check_equal("resources of the second", rungs[1][:3], [3, 3, 3])
    check_equal("a third rung", 9 in rungs[2], True)


def goes_on_after_a_restart(part):
    """What Katib keeps of an experiment is all that is needed: the service knows nothing any more."""
    c = hyperband()
    if part == "begin":
        for trial in c.ask(9):
            c.end(trial)
        with open("state.pickle", "wb") as file:
            pickle.dump(({k: v.SerializeToString() for k, v in c.trials.items()}, c.asked, c.settings), file)
        return
    with open("state.pickle", "rb") as file:
        kept, c.asked, c.settings = pickle.load(file)
    c.trials = {k: api.Trial.FromString(v) for k, v in kept.items()}
    check_equal("resources after a restart", resources(c.ask(3)), [3, 3, 3])


def refuses_nonsense():
    c = Controller(experiment("nonsense", "random"))
    request = c.request(1)
    request.current_request_number = -1
    fails(get_suggestions, request, grpc.StatusCode.INVALID_ARGUMENT)
    request.current_request_number, request.total_request_number = 5, 2
    fails(get_suggestions, request, grpc.StatusCode.INVALID_ARGUMENT)
    request = c.request(1)
    request.experiment.spec.parameter_specs.parameters[0].feasible_space.min = "many"
    fails(get_suggestions, request, grpc.StatusCode.INVALID_ARGUMENT)
    raw = channel.unary_unary("/api.v1.beta1.Suggestion/GetSuggestions")
    fails(raw, b"\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT)


if len(sys.argv) > 3:
    goes_on_after_a_restart(sys.argv[3])
    sys.exit(0)
for test in [probes, validates, suggests, goes_on_with_what_it_is_told, answers_a_repeated_request_alike, takes_every_end,
             tells_of_the_end_of_a_grid, runs_hyperband, refuses_nonsense]:
    test()
    print("passed:", test.__name__)
