"""Invalid arguments and files of commands: exit code 2 and one sentence, without a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from segment_mock.cli import main

pytestmark = pytest.mark.usefixtures("no_collection")

DEEP, LONG = "[" * 100_000, "1" * 5000
NOWHERE = ("--url", "http://127.0.0.1:9")


def run(*args: str) -> Any:
    """Run ``segment-mock`` with *args* in this process and return Click's result."""
    return CliRunner().invoke(main, args)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("rules", "add", "error", "--match", DEEP, *NOWHERE), "is nested too deeply"),
        (("rules", "add", "error", f"body={DEEP}", *NOWHERE), "is nested too deeply"),
        (("journal", "--body", DEEP, *NOWHERE), "is not JSON"),
        (("journal", "--body", LONG, *NOWHERE), "is not JSON"),
        (("journal", "--header", "=x", *NOWHERE), "is not NAME=VALUE"),
        (("journal", "--url", "http://[::1"), "is not the base URL of a server"),
        (("journal", "--url", "http://[x]:1"), "is not the base URL of a server"),
        (("health", "--url", "http://127.0.0.1:99999"), "is not the base URL of a server"),
        (("env", "--url", "file:///etc/passwd"), "is not the base URL of a server"),
        (("conform", "--target", "http://[::1"), "expected a base URL"),
        (("replay", "/dev/null"), "it is not valid JSON"),
        (("serve", "--port", LONG), "is not a whole number"),
        (("serve", "--seed", LONG), "is not a whole number"),
        (("serve", "--data", "x" * 5000), "Error: xxxx"),
        (("serve", "--faults", "x" * 5000), "unknown fault kind"),
        (("serve", "--store", "mysql://x"), "store: "),
        (("exec", "--hosts", "a b", "--", "true"), "hosts: 'a b' is not a host"),
        (("vendors", "x" * 500), "unknown vendor or operation"),
        (("faults", "x" * 500), "unknown fault, condition or scenario"),
        (("completion", "tcsh"), "is not one of"),
    ],
)
def test_an_invalid_argument_exits_with_2_and_one_sentence(args: tuple[str, ...], message: str) -> None:
    result = run(*args)

    assert 2 == result.exit_code, result.output[:500]
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("flag", "name", "content", "message"),
    [
        ("--data", "a.yaml", b"salsa:\n  segments:\n    - name: A\n   bad: [\n", "line 4, column 4"),
        ("--data", "a.json", b'{"salsa": {\n "segments": [\n  {"name": "A",}\n]}}', "line 3, column 1"),
        ("--config", "a.toml", b"[tool.segment-mock]\nseed = 1\nport = \n", "at line 3, column 8"),
        ("--config", "b.toml", b"[tool.segment-mock]\nsede = 1\n", "did you mean 'seed'"),
        ("--data", "b.json", b'{"salsa": {\n"segments": [{"name": "\xff"}]}}', "byte 0xff in line 2 is not UTF-8"),
        ("--data", "b.yaml", b"salsa:\n  segments:\n  - name: \xc3\n", "byte 0xc3 in line 3 is not UTF-8"),
        ("--config", "c.yaml", b'a: 1\nseed: !!int "x"\n', "'x' is not a whole number, line 2"),
        ("--data", "d.yaml", b"salsa:\n  segments:\n  - name: .inf\n", "line 3"),
        ("--data", "e.yaml", b"salsa:\n  segments:\n  - name: " + LONG.encode(), "line 3"),
        ("--config", "f.yaml", b"\n\ntls: !!bool x\n", "line 3"),
        ("--faults", "g.yaml", b"- kind: error\n  when: {tmes: 1}\n", "[0]: when: unknown condition 'tmes'"),
        ("--stubs", "h.yaml", b"- {method: GET, path: /x, jsn: {}}\n", "[0]: unknown member 'jsn'"),
        ("--scenarios", "i.yaml", b"sync: {abuot: x}\n", "sync: unknown member 'abuot'"),
    ],
)
def test_an_invalid_file_exits_with_2_and_names_file_and_line(
    flag: str, name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    """The line is named for errors that have one."""
    file = tmp_path / name
    file.write_bytes(content)
    result = run("serve", "--port", "0", flag, str(file))

    assert 2 == result.exit_code, result.output[:500]
    assert f"Error: {file}: " in result.stderr
    assert message in result.stderr


@pytest.mark.parametrize(
    "headers", [{"a b": "c"}, {"a": "b\r\nEvil: 1"}, {"": "b"}, {"a": 1}, {"a": None}, ["a"], "a", {"\ud800": "b"}]
)
def test_invalid_headers_of_an_example_exit_with_2_and_name_its_file(headers: Any, tmp_path: Path) -> None:
    """``conform`` checks the headers before it sends a request."""
    request = {"method": "GET", "path": "/api/integration/ext/v1/metrics", "headers": headers}
    document = {"operation": "salsa.get_metrics", "request": request, "response": {"status": 200, "body": {}}}
    (tmp_path / "001-x.json").write_text(json.dumps(document))
    result = run("conform", "--fixtures", str(tmp_path))

    assert 2 == result.exit_code, result.output[:500]
    assert f"{tmp_path / '001-x.json'}: request.headers: " in result.stderr
