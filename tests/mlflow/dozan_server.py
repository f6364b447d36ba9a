"""`dozan serve` for a test: on a new database, which goes away with it."""
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Dozan:
    """`dozan serve` on this port, until it is stopped."""

    def __init__(self, build, port, artifacts=None):
        self.url = f"http://127.0.0.1:{port}"
        self.folder = tempfile.TemporaryDirectory(prefix="dozan-mlflow-")
        if artifacts:  # where a test looks for the files
            os.makedirs(artifacts, exist_ok=True)
            os.symlink(artifacts, os.path.join(self.folder.name, "s.db.artifacts"))
        program = os.path.join(build, "dozan")
        self.process = subprocess.Popen([program, "serve", "-q", "--db", os.path.join(self.folder.name, "s.db"), "--listen",
                                         f"127.0.0.1:{port}", "--grpc", "127.0.0.1:0", "--durability", "off"])
        limit = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(self.url + "/health", timeout=10):
                    return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > limit:
                    raise RuntimeError("dozan serve does not come up") from None
                time.sleep(0.01)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.folder.cleanup()

    terminate = kill
