"""Dozan in the search-quality rig: class Adapter for its `project:NAME`, which $PROJECT_ADAPTER names.

NAME is an algorithm, and settings may follow: `project:cmaes;restart_strategy=ipop`. The rig's budget is the
experiment's maxTrialCount, and the size of the first batch its parallelTrialCount. A loss of None is a failed trial.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client import Experiment, api, dz  # noqa: E402

Peer = globals().get("Peer", object)  # the rig puts its base class here before it runs this file


def text(number):
    return repr(float(number)) if isinstance(number, float) else str(number)


def parameter(p):
    """The rig's Param as Katib's parameter."""
    if p.kind == "cat":
        space = api.FeasibleSpace(list=[str(choice) for choice in p.choices])
        return api.ParameterSpec(name=p.name, parameter_type=api.CATEGORICAL, feasible_space=space)
    space = api.FeasibleSpace(min=text(p.lo), max=text(p.hi), step=text(p.step) if p.step else "",
                              distribution=api.LOG_UNIFORM if p.log else api.UNIFORM)
    kind = api.INT if p.kind == "int" else api.DOUBLE
    return api.ParameterSpec(name=p.name, parameter_type=kind, feasible_space=space)


def value(p, assigned):
    """The rig's value of an assignment's text."""
    if p.kind == "cat":
        return next(choice for choice in p.choices if str(choice) == assigned)
    return int(assigned) if p.kind == "int" else float(assigned)


def describe(name, space, objectives, budget, parallel, early_stopping=None):
    """Katib's Experiment for a space of the rig."""
    algorithm, *settings = name.split(";")
    pairs = [setting.partition("=")[::2] for setting in settings]
    metrics = ["loss"] + [f"loss{i}" for i in range(2, objectives + 1)]
    spec = api.ExperimentSpec(
        parameter_specs=api.ExperimentSpec.ParameterSpecs(parameters=[parameter(p) for p in space]),
        objective=api.ObjectiveSpec(type=api.MINIMIZE, objective_metric_name=metrics[0], additional_metric_names=metrics[1:]),
        algorithm=api.AlgorithmSpec(algorithm_name=algorithm,
                                    algorithm_settings=[api.AlgorithmSetting(name=n, value=v) for n, v in pairs]),
        parallel_trial_count=parallel, max_trial_count=budget)
    if early_stopping:
        rule, *settings = early_stopping.split(";")
        pairs = [setting.partition("=")[::2] for setting in settings]
        spec.early_stopping.CopyFrom(api.EarlyStoppingSpec(
            algorithm_name=rule, algorithm_settings=[api.EarlyStoppingSetting(name=n, value=v) for n, v in pairs]))
    return api.Experiment(name="bench", spec=spec)


class Adapter(Peer):
    algorithm, mo = "auto", True

    def setup(self):
        self.experiment = None

    def ask(self, k=1):
        if self.experiment is None:
            spec = describe(self.algorithm, self.space, self.n_obj, self.budget, k)
            others = [dz.Objective(metric=name) for name in spec.spec.objective.additional_metric_names]
            self.experiment = Experiment(spec, self.seed, others)
        asked, message = self.experiment.ask(k)
        if not asked:
            raise RuntimeError(f"{self.algorithm} has no suggestion: {message}")
        return [(number, {p.name: value(p, point[p.name]) for p in self.space}) for number, point, _ in asked]

    def tell(self, token, y):
        losses = y if isinstance(y, (list, tuple)) else [y]
        if any(loss is None for loss in losses):
            self.experiment.end(token)
            return
        self.experiment.end(token, float(losses[0]), others=[float(loss) for loss in losses[1:]])

    def __del__(self):
        experiment = getattr(self, "experiment", None)
        if experiment is not None:
            experiment.release()
