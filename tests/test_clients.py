"""docs/how-to/other-languages.md: its commands run, in an empty folder, and again where there is no network at all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "how-to" / "other-languages.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
PROGRAMS = ("curl", "python", "node")
SAID = {"curl": '"rateLimit":300', "python": "200\n", "node": "200 300\n"}
STRANGER = "https://api.example.org/"
ABROAD = {
    "curl": f"curl -sS {STRANGER}",
    "python": f"python -c 'from urllib.request import urlopen; urlopen(\"{STRANGER}\")'",
    "node": f"node -e 'fetch(\"{STRANGER}\").catch((e) => {{ console.error(e.cause.message); process.exit(1) }})'",
}


def program(recipe: str) -> str:
    """Return the program that *recipe* is for."""
    match = re.search(r"-- (\w+)", recipe)
    assert match
    return match[1]


def run(script: str, folder: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Run *script* in *folder* with our command on its path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [*before, "bash", "-euc", script]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False, timeout=60
    )


def has_namespaces() -> bool:
    """Return whether this machine lets us have a network of our own."""
    command = ["unshare", "-rn", "ip", "link", "set", "lo", "up"]
    return bool(shutil.which("unshare")) and not subprocess.run(command, capture_output=True, check=False).returncode


@pytest.mark.parametrize("recipe", RECIPES, ids=program)
def test_each_recipe_runs(recipe: str, tmp_path: Path) -> None:
    if not shutil.which(program(recipe)) and program(recipe) != "python":
        pytest.skip(f"no {program(recipe)} on this machine")
    done = run(recipe, tmp_path)

    assert 0 == done.returncode, done.stderr
    assert SAID[program(recipe)] in done.stdout
    assert "    1  200       salsa.get_metrics" in done.stderr


@pytest.mark.skipif(not has_namespaces(), reason="no network namespaces for us on this machine")
def test_without_a_network_all_pass_and_other_hosts_fail_at_once(tmp_path: Path) -> None:
    """In a network of lo alone each program gets its answer; another host is refused by name, not by a timeout."""
    able = [name for name in PROGRAMS if name == "python" or shutil.which(name)]
    for name in able:
        recipe = next(text for text in RECIPES if program(text) == name)
        own = re.sub(r"segment-mock exec .*?-- ", "", recipe)
        abroad = f"timeout 10 {ABROAD[name]} && exit 3 || test $? != 124"
        (tmp_path / f"{name}.sh").write_text(f"{own}\n{abroad}\n")
    each = " && ".join(f"bash -eu {name}.sh" for name in able)
    done = run(f"ip link set lo up; segment-mock exec --data demo -- sh -c '{each}'", tmp_path, "unshare", "-rn")

    assert 0 == done.returncode, done.stderr
    assert all(SAID[name] in done.stdout for name in able)
    assert f"{len(able):5}  200       salsa.get_metrics" in done.stderr
    assert re.search(r"[1-9]  refused   api.example.org: not a vendor's host", done.stderr)


def test_every_program_of_the_page_has_its_recipe() -> None:
    """curl, Python and Node: the suite runs what the page says that it runs."""
    assert {*PROGRAMS} == {program(text) for text in RECIPES}
