"""All benchmarks, one after another: ``python benchmarks [--quick] [--write]``.

A full run writes its figures into docs/explanation/performance.md, and exits with 1 if a bound is exceeded. A quick run
takes about two minutes and reports the bounds. It writes only with ``--write``, and exits with 1 only if a response is
an error.
"""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
import time
from pathlib import Path

from machine import describe_machine

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "explanation" / "performance.md"
BEGIN, END = "<!-- figures: written by `python3 dev.py bench` -->", "<!-- end of figures -->"
QUICK = ("inprocess", "intercept", "live", "start", "bodies", "loading", "instructions", "path", "state", "soak")
FULL = (*QUICK, "suites", "store", "lasting", "client_walk")


def main(arguments: list[str]) -> int:
    """Run every script; return the exit code."""
    if not {*arguments} <= {"--quick", "--write"}:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began, quick = time.monotonic(), "--quick" in arguments
    machine = describe_machine()
    print(machine, "\n", flush=True)
    parts, failed = [machine], []
    for name in QUICK if quick else FULL:
        code, text = run_script(name, ["--quick"] if quick else [])
        parts.append(text.strip())
        if code:
            failed.append(name)
    if not quick or "--write" in arguments:
        write_figures("\n\n".join(parts))
    print(f"{time.monotonic() - began:.0f} s;", f"failed: {', '.join(failed)}" if failed else "nothing failed")
    return 1 if failed else 0


def run_script(name: str, arguments: list[str]) -> tuple[int, str]:
    """Run a script, and show its output; return its exit code and its output as Markdown."""
    script = HERE / f"{name}.py"
    lines: list[str] = []
    with subprocess.Popen([sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line)
                print(line, end="", flush=True)
        except BaseException:  # interrupted or terminated: it stops its own servers
            process.terminate()
            raise
    text = "".join(lines)
    if not text.startswith("###"):  # a script that prints plain lines
        about = (ast.get_docstring(ast.parse(script.read_text())) or name).partition(":")[0].partition("\n")[0]
        text = f"### {about.rstrip('.')}\n\n```text\n{text}```\n"
    return process.returncode, text


def write_figures(figures: str) -> None:
    """Write *figures* between the two marks on the page."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n\n{figures}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
