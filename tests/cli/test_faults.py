"""``serve --faults FILE --scenario NAME``, and the list that ``segment-mock faults`` prints."""

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
from tests.waiting import PATIENCE

SEGMENTS = f"{SALSA}/segments"
KEY = {"authToken": "t"}
RULE = {"kind": "disconnect", "after": True, "operation": "salsa.*", "when": {"skip": 1, "times": 2}}


def test_serve_arms_faults_of_files_and_scenarios_before_the_first_call(tmp_path: Path) -> None:
    """Both options may be repeated."""
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
        rules_on_server = requests.get(f"{url}/_mock/faults", timeout=PATIENCE).json()["faults"]
        first = requests.put(url + SEGMENTS, json={}, headers=KEY, timeout=PATIENCE)
        process.send_signal(signal.SIGTERM)
        process.stderr.read()

    assert ["error", "disconnect", "disconnect", "error", "disconnect"] == [rule["kind"] for rule in rules_on_server]
    assert (503, 0) == (first.status_code, process.returncode)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {kind: hang}\n- {kind: hang, aftr: true}", "rules.yaml: [1]: fault hang: unknown setting 'aftr'"),
        ("{kind: hang, operation: 'salsa.upsert_segment'}", "unknown operation 'salsa.upsert_segment' (did you mean"),
        ("{kind: hang, 5: 5}", "fault hang: unknown setting 5"),
        ("{kind: hang, match: {json: {5: 5}, heders: {}}}", "match: unknown key 'heders' (did you mean 'headers'?)"),
        ("", "fault: null can't be armed; expected the name of a kind"),
        ("hnag", "unknown fault kind 'hnag' (did you mean 'hang'?)"),
        ("{", "rules.yaml: "),
    ],
)  # fmt: skip
def test_an_invalid_fault_file_exits_with_2_and_names_rule_and_field(tmp_path: Path, text: str, message: str) -> None:
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
def test_an_unknown_scenario_or_file_exits_with_2_and_names_it(args: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["serve", *args])

    assert 2 == result.exit_code
    assert message in result.stderr


def test_faults_lists_each_kind_setting_condition_alias_and_scenario() -> None:
    """Settings, conditions and scenarios come with their description, and settings with their choices."""
    text = CliRunner().invoke(main, ["faults"]).stdout
    rows = [faults.option(row) for kind in kinds().values() for row in fields(kind)]

    assert [] == [name for name in [*kinds(), *ALIASES, *scenarios()] if name not in text]
    assert [] == [row.name for row in [*rows, *WHEN] if f"    {row.name} (" not in text or row.help not in text]
    assert [] == [choice for row in rows for choice in row.choices if choice not in text]
    assert [] == [name for name, scenario in scenarios().items() if scenario["about"] not in text]
