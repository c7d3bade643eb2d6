"""Linters accept the container and the CI examples; commands that do not need Docker are run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.ports import free_port
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
WORKFLOWS = re.findall(
    r"^```yaml\n(.*?)^```", (ROOT / "docs" / "how-to" / "ci.md").read_text(), re.DOTALL | re.MULTILINE
)


def tool(name: str) -> str:
    """Return the path of a linter; skip the test if it is not installed."""
    command = shutil.which(name, path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    return command or pytest.skip(f"{name} is not installed")


def lint(*command: str | Path, text: str | None = None) -> tuple[int, str]:
    """Run a linter and return its exit code and output."""
    result = subprocess.run([str(part) for part in command], input=text, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def instruction(name: str) -> str:
    """Return the arguments of the last instruction *name* of the Dockerfile."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)[-1]


def test_hadolint_reports_nothing_in_the_dockerfile() -> None:
    """Hadolint does report a Dockerfile without versions."""
    hadolint = tool("hadolint")

    assert (0, "") == lint(hadolint, ROOT / "Dockerfile")
    assert 1 == lint(hadolint, "-", text="FROM python\nRUN pip install x\n")[0]


def test_the_compose_file_fits_the_specification(tmp_path: Path) -> None:
    """The schema reports a misspelt key."""
    check = (tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec")
    text = (ROOT / "compose.yaml").read_text()
    (tmp_path / "compose.yaml").write_text(text.replace("depends_on", "depend_on"))

    assert 0 == lint(*check, ROOT / "compose.yaml")[0]
    assert 1 == lint(*check, tmp_path / "compose.yaml")[0]


def test_the_workflows_are_valid(tmp_path: Path) -> None:
    """GitHub's schema accepts the workflows of docs/how-to/ci.md, and reports a misspelt key."""
    check = (tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows")
    files = [tmp_path / f"{number}.yaml" for number in range(len(WORKFLOWS))]
    for file, text in zip(files, WORKFLOWS, strict=True):
        file.write_text(text)
    broken = tmp_path / "broken.yaml"
    broken.write_text(WORKFLOWS[0].replace("runs-on:", "run-on:"))

    assert 3 == len(files)
    assert (0, "ok -- validation done\n") == lint(*check, *files)
    assert 1 == lint(*check, broken)[0]


def test_the_gitlab_jobs_are_valid(tmp_path: Path) -> None:
    """GitLab's schema accepts the jobs of docs/how-to/ci.md, and reports a misspelt key."""
    check = (tool("check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    page = (ROOT / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")
    (text,) = re.findall(r'^```yaml title=".gitlab-ci.yml"\n(.*?)^```', page, re.DOTALL | re.MULTILINE)
    for name, content in (("jobs.yaml", text), ("broken.yaml", text.replace("script:", "scripts:"))):
        (tmp_path / name).write_text(content)

    assert (0, "ok -- validation done\n") == lint(*check, tmp_path / "jobs.yaml")
    assert 1 == lint(*check, tmp_path / "broken.yaml")[0]


def test_the_command_of_the_image_serves_and_its_health_check_works(tmp_path: Path) -> None:
    entry, command = (json.loads(instruction(name)) for name in ("ENTRYPOINT", "CMD"))
    check = json.loads(instruction("HEALTHCHECK").rpartition("CMD ")[2])
    name, _, host = instruction("ENV").partition("=")
    ready = tmp_path / "ready.json"
    env = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", name: host, "SEGMENT_MOCK_PORT": str(free_port()),
        "SEGMENT_MOCK_READY_FILE": str(ready), "SEGMENT_MOCK_ADMIN_TOKEN": "a-token",
    }  # fmt: skip
    with subprocess.Popen([*entry, *command], env=env, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        next(line for line in server.stderr if line.startswith("Ctrl-C"))
        url = f"http://127.0.0.1:{json.loads(ready.read_text())['port']}"
        healthy = subprocess.run(check, env={**env, "SEGMENT_MOCK_PORT": url.rpartition(":")[2]}, check=False)
        from_other_host = requests.get(f"{url}/_mock/state", headers={"Host": "segment-mock:7357"}, timeout=PATIENCE)
        server.terminate()
        server.communicate(timeout=PATIENCE)
    after_stop = subprocess.run(check, env={**env, "SEGMENT_MOCK_PORT": url.rpartition(":")[2]}, check=False)

    assert ("SEGMENT_MOCK_HOST", "0.0.0.0") == (name, host)
    assert (0, 1, 0) == (healthy.returncode, after_stop.returncode, server.returncode)
    assert 401 == from_other_host.status_code


def test_the_image_does_not_start_without_an_admin_token() -> None:
    """The error names the option, and the Dockerfile sets no token."""
    env = {"PATH": os.environ["PATH"], "SEGMENT_MOCK_HOST": "0.0.0.0"}
    result = subprocess.run([BIN / "segment-mock", "serve"], env=env, capture_output=True, text=True, check=False)

    assert 2 == result.returncode
    assert "--admin-token" in result.stderr
    assert "ADMIN_TOKEN" not in re.sub(r"#.*", "", DOCKERFILE)


def test_the_image_runs_without_root_and_its_build_gets_only_the_files_of_the_wheel() -> None:
    """.dockerignore lists the files from which the wheel is built."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", instruction("USER"))
    assert allowed == {"pyproject.toml", "README.md", "LICENSE", "src", "conftest_plugin", "fixtures"}
