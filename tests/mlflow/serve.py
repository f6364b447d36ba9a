#!/usr/bin/env python3
"""Runs a command beside a service on a new database: serve.py [--build build] -- COMMAND...; {url} in it is the service's."""
import argparse
import subprocess
import sys

from dozan_server import Dozan, free_port

parser = argparse.ArgumentParser()
parser.add_argument("--build", default="build")
parser.add_argument("command", nargs="+")
asked = parser.parse_args()
server = Dozan(asked.build, free_port())
try:
    sys.exit(subprocess.run([part.replace("{url}", server.url) for part in asked.command], check=False).returncode)
finally:
    server.kill()
