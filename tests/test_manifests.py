"""Linters accept the Compose and Kubernetes examples, whose commands run here without Docker and without a cluster."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from segment_mock import connect
from segment_mock.cli import main
from tests.ports import free_port
from tests.waiting import PATIENCE, Output

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
COMPOSE = ROOT / "examples" / "compose" / "compose.yaml"
KUBERNETES = sorted((ROOT / "examples" / "kubernetes").glob("*.yaml"))
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
OBJECTS = [document for file in KUBERNETES for document in yaml.safe_load_all(file.read_text())]
WORKLOADS = [document for document in OBJECTS if document["kind"] != "Service"]
PODS = {document["metadata"]["name"]: document["spec"]["template"] for document in WORKLOADS}
TOKEN = {"Authorization": "Bearer t0ken"}


def lint(tool: str, *arguments: str | Path) -> int:
    """Run a linter and return its exit code; skip the test if it is not installed."""
    command = shutil.which(tool, path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    if command is None:
        pytest.skip(f"{tool} is not installed")
    words = [command, *(str(argument) for argument in arguments)]
    return subprocess.run(words, capture_output=True, check=False).returncode


def container(name: str) -> dict[str, Any]:
    """Return the only container of the workload *name*."""
    (only,) = PODS[name]["spec"]["containers"]
    return only


def test_the_compose_example_fits_the_specification(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE.read_text().replace("tmpfs:", "tempfs:"))
    check = ("check-jsonschema", "--builtin-schema", "vendor.compose-spec")

    assert (0, 1) == (lint(*check, COMPOSE), lint(*check, tmp_path / "compose.yaml"))


def test_the_kubernetes_objects_fit_their_schemas(tmp_path: Path) -> None:
    assert KUBERNETES
    for number, file in enumerate(KUBERNETES):
        broken = tmp_path / f"{number}.yaml"
        broken.write_text(file.read_text().replace("readOnlyRootFilesystem", "readOnlyRootFileSystem"))

        assert (0, 1) == tuple(lint("kubernetes-validate", "--strict", each) for each in (file, broken))


def test_each_container_runs_the_image_without_privileges() -> None:
    assert {"segment-mock"} == {service["image"] for service in SERVICES.values()}
    for service in SERVICES.values():
        assert (True, ["ALL"], ["no-new-privileges:true"]) == (
            service["read_only"],
            service["cap_drop"],
            service["security_opt"],
        )
    (user,) = re.findall(r"^USER (\d+):\d+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for name, pod in PODS.items():
        rights = container(name)["securityContext"]
        assert "segment-mock" == container(name)["image"]
        assert (True, int(user)) == tuple(pod["spec"]["securityContext"][key] for key in ("runAsNonRoot", "runAsUser"))
        assert {"drop": ["ALL"]} == rights["capabilities"]
        assert (True, False) == (rights["readOnlyRootFilesystem"], rights["allowPrivilegeEscalation"])
        assert not pod["spec"]["automountServiceAccountToken"]
        assert not pod["spec"]["enableServiceLinks"]


def test_each_service_selects_the_pods_of_one_workload() -> None:
    """The service refers to a named port, and the readiness probe requests the health of the mock."""
    for service in (document for document in OBJECTS if document["kind"] == "Service"):
        spec = service["spec"]
        (workload,) = [one for one in WORKLOADS if one["spec"]["selector"]["matchLabels"] == spec["selector"]]
        name = workload["metadata"]["name"]
        ports = {port["name"]: port["containerPort"] for port in container(name)["ports"]}

        assert PODS[name]["metadata"]["labels"] == spec["selector"]
        assert {port["targetPort"] for port in spec["ports"]} <= {*ports}
        assert {"path": "/_mock/health", "port": "http"} == container(name)["readinessProbe"]["httpGet"]
        assert (
            "segment-mock" != service["metadata"]["name"]
        )  # otherwise Kubernetes sets SEGMENT_MOCK_PORT in other Pods


def test_the_mock_has_one_replica_and_its_store_is_on_a_volume() -> None:
    (stateful,) = [one for one in WORKLOADS if one["kind"] == "StatefulSet"]
    claims = [claim["metadata"]["name"] for claim in stateful["spec"]["volumeClaimTemplates"]]
    mounts = container(stateful["metadata"]["name"])["volumeMounts"]

    assert 1 == stateful["spec"]["replicas"]
    assert [{"name": "store", "mountPath": "/store"}] == [mount for mount in mounts if mount["name"] in claims]
    assert ["store:/store"] == SERVICES["mock"]["volumes"]
    assert "-o 10001 -g 10001 /store" in (ROOT / "Dockerfile").read_text()


def test_both_examples_run_the_same_commands() -> None:
    front = container("vendors-front")

    assert SERVICES["mock"]["command"] == container("vendors")["args"]
    assert (SERVICES["front"]["entrypoint"], SERVICES["front"]["command"]) == (front["command"], front["args"])
    assert "command" not in container("vendors")  # the entry point of the image is segment-mock


def test_the_options_of_the_commands_exist() -> None:
    name, *arguments = SERVICES["mock"]["command"]
    command = main.get_command(None, name)
    check = SERVICES["front"]["healthcheck"]["test"]

    assert "isolated" == command.make_context(name, arguments).params["credentials"]
    assert ["CMD", "segment-mock"] == check[:2]
    health = main.get_command(None, check[2])
    assert "http://127.0.0.1:8000" == health.make_context(check[2], check[3:]).params["url"]


@contextmanager
def run_in_background(*command: str, **variables: str) -> Iterator[None]:
    """Start *command*, wait until it reports that it listens, run the block, and terminate the command."""
    env = {**os.environ, **variables, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    output = Output(process.stderr)
    try:
        output.wait_for("Listening at" if "gunicorn" in command[0] else "Ctrl-C")
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)
        output.close()


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn is not installed")
def test_records_written_through_the_front_survive_a_restart_of_the_mock(tmp_path: Path) -> None:
    """The front returns 502 while the mock is stopped."""
    mock_port, front_port = free_port(), free_port()
    replacements = {"/store/": f"{tmp_path}/", "0.0.0.0:8000": f"127.0.0.1:{front_port}"}
    commands = {}
    for name, service in SERVICES.items():
        words = [*service.get("entrypoint", ["segment-mock"]), *service["command"]]
        for old, new in replacements.items():
            words = [word.replace(old, new) for word in words]
        commands[name] = words
    url, upstream = f"http://127.0.0.1:{front_port}", f"http://127.0.0.1:{mock_port}"
    environment = {"SEGMENT_MOCK_ADMIN_TOKEN": "t0ken"}
    mock = {**environment, "SEGMENT_MOCK_PORT": str(mock_port), "SEGMENT_MOCK_HOST": "0.0.0.0"}
    key = {"x-api-key": "ci-1"}
    with run_in_background(*commands["front"], SEGMENT_MOCK_UPSTREAM=upstream, HOME=str(tmp_path), **environment):
        with run_in_background(*commands["mock"], **mock):
            put = requests.put(f"{url}/segments", json={"id": "vip", "name": "Ours"}, headers=key, timeout=PATIENCE)
        while_stopped = requests.put(f"{url}/segments", json={"id": "vip"}, headers=key, timeout=PATIENCE)
        with run_in_background(*commands["mock"], **mock), connect(url, "t0ken") as remote:
            state = remote.state("ci-1")

    assert (200, 502) == (put.status_code, while_stopped.status_code)
    assert "application/problem+json" == while_stopped.headers["Content-Type"]
    assert "Ours" in json.dumps(state)
