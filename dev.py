#!/usr/bin/env python3
"""Run a command of this repository with nothing installed but Python 3.10 or newer.

  serve [OPTION...]    start the server, with the demo data unless options name other data
  test                 check format, lint and types, then run the tests
  SESSION [ARGUMENT]   run a session of noxfile.py, such as prose or wheel; CONTRIBUTING.md describes them

Everything is installed into .venv, in the versions of constraints.txt.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
INSTALLED = ("pyproject.toml", "constraints.txt", "src/segment_mock/__init__.py")  # the last one has the version
# Keep bytecode even if the shell says otherwise: a run starts many processes, and each would compile all of it again.
ENVIRONMENT = {
    **os.environ,
    "PYTHONDONTWRITEBYTECODE": "",
    "PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}",
}


def run(*command: str | Path) -> None:
    """Print *command* and run it in the root of the checkout; exit with its code if it fails."""
    print("+", *command, file=sys.stderr, flush=True)
    done = subprocess.run([str(part) for part in command], check=False, cwd=ROOT, env=ENVIRONMENT)
    if done.returncode:
        sys.exit(done.returncode)


def make_venv() -> None:
    """Make the virtual environment; on Debian as root, install the package that it needs."""
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if not hasattr(os, "getuid") or os.getuid() or not shutil.which("apt-get"):
        sys.exit("dev.py: this Python can't make virtual environments; install python3-venv, then run this again")
    run("apt-get", "update", "-qq")
    run("apt-get", "install", "-y", "-qq", "python3-venv")
    run(*command)


def install(extra: str, duration: str) -> None:
    """Install the checkout with *extra*, unless that was done for the same files in the same place before."""
    stamp = VENV / f"installed{extra}"
    files = b"".join((ROOT / name).read_bytes() for name in INSTALLED)
    wanted = hashlib.sha256(f"{ROOT} {sys.version}".encode() + files).hexdigest()
    if PYTHON.is_file() and stamp.is_file() and stamp.read_text() == wanted:
        return
    print(f"dev.py: installing into {VENV}; the first time this takes {duration}", file=sys.stderr, flush=True)
    start = time.monotonic()
    if not PYTHON.is_file() or not any(VENV.glob("installed*")):
        make_venv()
    pip = (PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-c", "constraints.txt")
    # In three steps, so that constraints.txt applies to what builds this project too.
    run(*pip, "hatchling", "editables")
    run(*pip, "--no-build-isolation", "--no-deps", "-e", ".")
    run(*pip, f"segment-mock{extra}")
    stamp.write_text(wanted)
    print(f"dev.py: installed in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def serve(arguments: list[str]) -> None:
    """Start the server, with the demo data unless *arguments* or the environment name other data."""
    install("", "less than a minute")
    names_data = any(word.startswith(("--data", "--config")) for word in arguments)
    data = [] if names_data or "SEGMENT_MOCK_DATA" in os.environ else ["--data", "demo"]
    command = [str(PYTHON), "-m", "segment_mock", "serve", *data, *arguments]
    if os.name == "nt":
        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(PYTHON, command)


def test(arguments: list[str]) -> None:
    """Check format, lint and types, then run the tests; *arguments* go to pytest."""
    install("[dev]", "about a minute")
    run(
        PYTHON,
        "-m",
        "nox",
        "--no-venv",
        "--no-install",
        "-s",
        "lint",
        "types",
        "tests",
        *(["--", *arguments] if arguments else []),
    )


def session(name: str, arguments: list[str]) -> None:
    """Run the session *name* of noxfile.py, in an environment of its own."""
    install("[dev]", "about a minute")
    run(PYTHON, "-m", "nox", "-s", name, *(["--", *arguments] if arguments else []))


def main(arguments: list[str]) -> None:
    """Run the command that *arguments* begin with."""
    if sys.version_info < (3, 10):  # noqa: UP036 - whoever has an older one shall read why it fails
        sys.exit(f"dev.py: Python 3.10 or newer is needed, this is {sys.version.split()[0]}")
    if arguments[:1] in (["-h"], ["--help"]):
        sys.stdout.write(__doc__ or "")
        return
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__)
    name, *rest = arguments
    if name == "serve":
        serve(rest)
    elif name == "test":
        test(rest)
    else:
        session(name, rest)


if __name__ == "__main__":
    main(sys.argv[1:])
