"""A description of the machine and the versions of a run, for comparing figures."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from process import NODE_MODULES

PYTHON = (
    "segment-mock", "httptools", "marshmallow", "requests", "urllib3", "responses", "respx", "httpx", "pytest",
    "pytest-httpserver", "Werkzeug", "moto",
)  # fmt: skip
NPM = ("wiremock", "mountebank", "@mockoon/cli")
COMMANDS = {"wrk": ("wrk", "-v"), "Java": ("java", "-version"), "Node": ("node", "--version")}


def describe_machine() -> str:
    """Return a paragraph: machine, versions, date."""
    day = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    kernel = ".".join(platform.release().split(".")[:2])
    machine = f"{os.cpu_count()} cores ({_processor()}), {_memory()}, {platform.system()} {kernel}"
    load = f"load average before the run {os.getloadavg()[0]:.1f}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{day}; {machine}; {load}; {python}; {', '.join([*_libraries(), *_tools()])}."


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def _libraries() -> Iterator[str]:
    for name in PYTHON:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"no {name}"


def _tools() -> Iterator[str]:
    for name in NPM:
        manifest = NODE_MODULES / name / "package.json"
        yield f"{name} {json.loads(manifest.read_text())['version']}" if manifest.exists() else f"no {name}"
    for name, command in COMMANDS.items():
        if not shutil.which(command[0]):
            yield f"no {name}"
            continue
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        words = (done.stdout + done.stderr).replace('"', "").split()
        number = next((word for word in words if re.match(r"v?\d+\.|debian/", word)), "")
        yield f"{name} {number}"
