"""Faults by the command: ``serve --faults FILE --scenario NAME`` and ``segment-mock faults``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from segment_mock import faults
from segment_mock.cli import main
from segment_mock.faults import ALIASES, WHEN, kinds
from segment_mock.settings import scenarios
from tests.faults.fault_world import SALSA

SEGMENTS = f"{SALSA}/segments"
KEY = {"authToken": "t"}
RULE = {"kind": "disconnect", "after": True, "operation": "salsa.*", "when": {"skip": 1, "times": 2}}


def test_serve_arms_files_and_scenarios(tmp_path: Path) -> None:
    """--faults FILE and --scenario NAME, each more than once; the first call meets them."""
    rules, more, ready = tmp_path / "rules.yaml", tmp_path / "more.json", tmp_path / "ready.json"
    rules.write_text("- {kind: error, status: 503, operation: 'salsa.*', when: {times: 1}}\n")
    more.write_text(json.dumps(RULE))
    files = [
        "--faults",
        str(rules),
        "--faults",
        str(more),
        "--scenario",
        "segmenter.down",
        "--scenario",
        "lost-replies",
    ]
    command = [sys.executable, "-m", "segment_mock", "serve", "--port", "0", "--ready-file", str(ready), *files]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert any(line.startswith("Ctrl-C") for line in process.stderr)
        url = json.loads(ready.read_text())["url"]
        armed = requests.get(f"{url}/_mock/faults", timeout=5).json()["faults"]
        first = requests.put(url + SEGMENTS, json={}, headers=KEY, timeout=5)
        process.send_signal(signal.SIGTERM)
        process.stderr.read()

    assert ["error", "disconnect", "disconnect", "error", "disconnect"] == [rule["kind"] for rule in armed]
    assert (503, 0) == (first.status_code, process.returncode)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {kind: hang}\n- {kind: hang, aftr: true}", "faults[1]: fault hang: unknown setting 'aftr' (did you mean"),
        ("{kind: hang, operation: 'salsa.upsert_segment'}", "unknown operation 'salsa.upsert_segment' (did you mean"),
        ("{kind: hang, 5: 5}", "fault hang: unknown setting 5"),
        ("{kind: hang, match: {json: {5: 5}, heders: {}}}", "match: unknown key 'heders' (did you mean 'headers'?)"),
        ("", "fault: null can't be armed; expected the name of a kind"),
        ("hnag", "unknown fault kind 'hnag' (did you mean 'hang'?)"),
        ("{", "rules.yaml: "),
    ],
)  # fmt: skip
def test_a_bad_file_refuses_to_start(tmp_path: Path, text: str, message: str) -> None:
    """It exits with 2 and names the rule, the field and the fix."""
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    result = CliRunner().invoke(main, ["serve", "--faults", str(file)])

    assert 2 == result.exit_code
    assert message in result.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--scenario", "segmenter.dwn"], "unknown scenario 'segmenter.dwn' (did you mean 'segmenter.down'?)"),
        (["--faults", "nowhere.yaml"], "nowhere.yaml: "),
    ],
)  # fmt: skip
def test_an_unknown_scenario_or_file_refuses_to_start(args: list[str], message: str) -> None:
    """Exit code 2, with the nearest name."""
    result = CliRunner().invoke(main, ["serve", *args])

    assert 2 == result.exit_code
    assert message in result.stderr


def test_the_command_lists_everything() -> None:
    """Each kind, setting, choice, condition, alias and scenario, with its sentence."""
    text = CliRunner().invoke(main, ["faults"]).stdout
    rows = [faults.option(row) for kind in kinds().values() for row in fields(kind)]

    assert [] == [name for name in [*kinds(), *ALIASES, *scenarios()] if name not in text]
    assert [] == [row.name for row in [*rows, *WHEN] if f"    {row.name} (" not in text or row.help not in text]
    assert [] == [choice for row in rows for choice in row.choices if choice not in text]
    assert [] == [name for name, scenario in scenarios().items() if scenario["about"] not in text]
