"""The commands of docs/how-to/other-languages.md run in an empty folder, and on a machine without a network."""

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
EXPECTED_OUTPUT = {"curl": '"rateLimit":300', "python": "200\n", "node": "200 300\n"}
OTHER_URL = "https://api.example.org/"
CALLS_OF_OTHER_HOST = {
    "curl": f"curl -sS {OTHER_URL}",
    "python": f"python -c 'from urllib.request import urlopen; urlopen(\"{OTHER_URL}\")'",
    "node": f"node -e 'fetch(\"{OTHER_URL}\").catch((e) => {{ console.error(e.cause.message); process.exit(1) }})'",
}


def program(recipe: str) -> str:
    """Return the program that a *recipe* runs."""
    match = re.search(r"-- (\w+)", recipe)
    assert match
    return match[1]


def run(script: str, folder: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Run *script* in *folder* with our command in PATH, prefixed by the command *before*."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [*before, "bash", "-euc", script]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False, timeout=60
    )


def has_namespaces() -> bool:
    """Return whether this machine allows a network namespace without root rights."""
    command = ["unshare", "-rn", "ip", "link", "set", "lo", "up"]
    return bool(shutil.which("unshare")) and not subprocess.run(command, capture_output=True, check=False).returncode


@pytest.mark.parametrize("recipe", RECIPES, ids=program)
def test_each_recipe_prints_its_result(recipe: str, tmp_path: Path) -> None:
    if not shutil.which(program(recipe)) and program(recipe) != "python":
        pytest.skip(f"no {program(recipe)} on this machine")
    result = run(recipe, tmp_path)

    assert 0 == result.returncode, result.stderr
    assert EXPECTED_OUTPUT[program(recipe)] in result.stdout
    assert "    1  200       salsa.get_metrics" in result.stderr


@pytest.mark.skipif(not has_namespaces(), reason="this machine allows no network namespaces")
def test_recipes_work_without_a_network_and_other_hosts_fail_immediately(tmp_path: Path) -> None:
    """Only the loopback interface exists; the error names the other host and is not a timeout."""
    available = [name for name in PROGRAMS if name == "python" or shutil.which(name)]
    for name in available:
        recipe = next(text for text in RECIPES if program(text) == name)
        vendor_call = re.sub(r"segment-mock exec .*?-- ", "", recipe)
        other_call = f"timeout 10 {CALLS_OF_OTHER_HOST[name]} && exit 3 || test $? != 124"
        (tmp_path / f"{name}.sh").write_text(f"{vendor_call}\n{other_call}\n")
    each = " && ".join(f"bash -eu {name}.sh" for name in available)
    result = run(f"ip link set lo up; segment-mock exec --data demo -- sh -c '{each}'", tmp_path, "unshare", "-rn")

    assert 0 == result.returncode, result.stderr
    assert all(EXPECTED_OUTPUT[name] in result.stdout for name in available)
    assert f"{len(available):5}  200       salsa.get_metrics" in result.stderr
    assert re.search(r"[1-9]  refused   api.example.org: not a vendor's host", result.stderr)


def test_each_program_has_a_recipe() -> None:
    assert {*PROGRAMS} == {program(text) for text in RECIPES}
