#!/usr/bin/env python3
"""Everything a developer runs, with nothing installed but Python: ``python3 dev.py serve|test|wheel|bench...``."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("SEGMENT_MOCK_VENV", ROOT / ".venv"))
PYTHON = VENV / "bin" / "python"
# Bytecode is kept, and not in the checkout, whatever the shell says: without it each of the many processes of a run
# compiles all of it anew, and how long a start takes would be nobody's figure.
KEPT = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(VENV / "pycache")}


def run(*command: str | Path, **options: object) -> None:
    """Run *command*; end with its exit code if it fails."""
    print("+", *command, file=sys.stderr, flush=True)
    words = [str(part) for part in command]
    done = subprocess.run(words, check=False, env=KEPT, **options)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(done.returncode)


def make_venv(place: Path) -> Path:
    """Make a virtual environment at *place* and return its Python."""
    command = [sys.executable, "-m", "venv", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        # Debian keeps venv's half in a package of its own.
        shutil.rmtree(place, ignore_errors=True)
        if os.getuid() or not shutil.which("apt-get"):
            sys.exit("This Python can't make virtual environments: install python3-venv, then run this again.")
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "python3-venv")
        run(*command)
    return place / "bin" / "python"


def installed(extra: str) -> None:
    """Install the checkout with *extra* once, and again whenever pyproject.toml changes."""
    stamp = VENV / f"installed-{extra or 'plain'}"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    if not PYTHON.is_file():
        make_venv(VENV)
    run(PYTHON, "-m", "pip", "install", "-q", "-e", f"{ROOT}[{extra}]" if extra else ROOT)
    stamp.write_text(wanted)


def serve(arguments: list[str]) -> None:
    """Start the server on the demo data, or with the flags given."""
    installed("")
    os.execv(PYTHON, [str(PYTHON), "-m", "segment_mock", "serve", *(arguments or ["--data", "demo"])])


def test(arguments: list[str]) -> None:
    """Install what is needed, then format, lint, types and all tests with branch coverage."""
    installed("dev")
    run(PYTHON, "-m", "ruff", "format", "--check", ".", cwd=ROOT)
    run(PYTHON, "-m", "ruff", "check", ".", cwd=ROOT)
    run(PYTHON, "-m", "mypy", cwd=ROOT)
    run(PYTHON, "-m", "pytest", "-n", "2", "--cov", "--cov-report=term", *arguments, cwd=ROOT)


def wheel(arguments: list[str]) -> None:
    """Build the wheel and use it as a stranger would: a clean environment, another folder, one small suite."""
    installed("dev")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        run(PYTHON, "-m", "build", "--wheel", "--outdir", place / "dist", ROOT, stdout=subprocess.DEVNULL)
        (built,) = (place / "dist").glob("*.whl")
        python = make_venv(place / "venv")
        run(python, "-m", "pip", "install", "-q", f"{built}[pytest]")
        shutil.copytree(ROOT / "tests" / "stranger", place / "stranger")
        run(python, "-m", "pytest", "-q", *arguments, cwd=place / "stranger")


def contract(arguments: list[str]) -> None:
    """Hold every promise of the OpenAPI documents against a live server, in about a minute."""
    installed("dev")
    run(PYTHON, ROOT / "tests" / "openapi" / "contract.py", *arguments, cwd=ROOT)


def fuzz(arguments: list[str]) -> None:
    """Attack a live server with hostile bytes and sizes for 20 seconds, or ``--seconds N``."""
    installed("dev")
    run(PYTHON, ROOT / "tests" / "fuzz" / "fuzz.py", *arguments, cwd=ROOT)


def endurance(arguments: list[str]) -> None:
    """Let 32 clients call through faults for 30 seconds, or ``--seconds N``: no write lost, memory flat."""
    installed("dev")
    run(PYTHON, ROOT / "benchmarks" / "endurance.py", *arguments, cwd=ROOT)


def bench(arguments: list[str]) -> None:
    """Measure everything beside its peers, and write docs/performance.md; takes about ten minutes."""
    installed("bench-full")
    peers()
    run(PYTHON, ROOT / "benchmarks", *arguments, cwd=ROOT)


def bench_quick(arguments: list[str]) -> None:
    """Measure what has a bound, beside Python peers, in under two minutes."""
    installed("bench")
    run(PYTHON, ROOT / "benchmarks", "--quick", *arguments, cwd=ROOT)


def peers() -> None:
    """Install what benchmarks compare with beyond Python, as far as this machine can; they name what they miss."""
    packages = {"wrk": "wrk", "java": "default-jre-headless"}
    missing = [package for command, package in packages.items() if not shutil.which(command)]
    commands = []
    if missing and shutil.which("apt-get") and not os.getuid():
        commands += [["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *missing]]
    if shutil.which("npm"):
        options = ["--prefix", str(VENV / "peers"), "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        commands += [["npm", "install", *options, "wiremock@3", "mountebank@2", "@mockoon/cli@9"]]
    for command in commands:
        print("+", *command, file=sys.stderr, flush=True)
        subprocess.run(command, check=False)


DEEDS = {
    deed.__name__.replace("_", "-"): deed
    for deed in (serve, test, wheel, contract, fuzz, endurance, bench, bench_quick)
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in DEEDS:
        sys.exit(f"{__doc__}\n\n" + "\n".join(f"  {name:11} {deed.__doc__}" for name, deed in DEEDS.items()))
    DEEDS[sys.argv[1]](sys.argv[2:])
