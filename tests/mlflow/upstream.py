"""MLflow's own REST tests, unmodified, with `dozan serve` in the place of its server.

A pytest plugin. The tests start their server through one class and one function; both are replaced here before the tests
are imported, so that each test gets a dozan of its own on a new database. What is left out, and why, stands in LEFT_OUT
and is printed at the end.
"""
import os
import re

import pytest

from dozan_server import Dozan

# What is not run: a pattern for the test's name, and the reason.
LEFT_OUT = [
    ("workspace", "workspaces"),
    ("trace|span|assessment", "tracing"),
    ("dataset_experiment|add_dataset|remove_dataset|add_multiple_exp|evaluation_dataset|_add_remove_exp|idempotent_",
     "data sets of generative models"),
    ("scorer|promptlab|gateway|issue|secret|endpoint|prompt", "generative models"),
    ("^test_graphql|_graphql", "the queries of MLflow's own page"),
    ("calls_optimized_impl", "calls Python functions of MLflow's server in the test's own process"),
    ("with_validation_regex", "starts MLflow's server by itself, with an option of its own"),
    ("_cli$", "MLflow's command line, which would open the test's database file itself"),
    ("create_get_search_experiment$|^test_artifacts$|model_version_with_path_source|model_version_with_file_uri",
     "wants artifacts at a file: path that the client writes to itself"),
    ("artifacts_example", "runs a script of MLflow's examples, which no package has"),
    ("get_model_version_artifact_api_proxied", "writes into the database file of MLflow's server itself"),
    ("get_artifact_api_log_image", "expects the file names of an older client's log_image"),
    ("suppress_url_printing", "needs no server"),
]
OTHER_STORE = "MLflow's other kind of store"


class ServerThread:
    """As MLflow's tests use it: `with ServerThread(app, port) as url`."""

    def __init__(self, app, port):
        self.port = port

    def __enter__(self):
        self.dozan = Dozan(os.environ["DOZAN_BUILD"], self.port)
        return self.dozan.url

    def __exit__(self, *_):
        self.dozan.kill()


def launch_server(_host, port, _store, _root, artifacts, *_args, **_kwargs):
    return Dozan(os.environ["DOZAN_BUILD"], port, artifacts)


@pytest.fixture(autouse=True)
def nothing_is_left():
    """What MLflow's own conftest.py resets between tests."""
    yield
    import mlflow
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)
    mlflow.tracking.fluent._active_experiment_id = None


def pytest_configure(config):
    import tests.tracking.integration_test_utils as utils
    from mlflow.server import handlers
    config.left_out = {}
    utils.ServerThread = ServerThread
    handlers.initialize_backend_stores = lambda *_args, **_kwargs: None


def pytest_collection_modifyitems(config, items):
    taken, left = [], []
    for item in items:
        if hasattr(item.module, "_launch_server"):
            item.module._launch_server = launch_server
        why = reason(item)
        (left if why else taken).append(item)
        if why and why != OTHER_STORE:
            config.left_out.setdefault(why, set()).add(item.originalname)
    items[:] = taken
    config.hook.pytest_deselected(items=left)


def reason(item):
    params = getattr(item, "callspec", None)
    if params and "file" in (params.params.get("store_type"), params.params.get("client")):
        return OTHER_STORE
    return next((why for pattern, why in LEFT_OUT if re.search(pattern, item.originalname)), None)


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.section("left out")
    for why, names in config.left_out.items():
        terminalreporter.line(f"{why}: {', '.join(sorted(names))}")
