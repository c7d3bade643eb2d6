"""Misspelt variables, keywords and parameters are refused with the nearest name; errors in files name the file."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import segment_mock
from segment_mock import SegmentMock, SettingError, create_app, faults
from segment_mock.cli import main
from segment_mock.mock import _warn_of_unknown_variables


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SEGMENT_MOCK_SEDE", "SEGMENT_MOCK_SEED"),
        ("SEGMENT_MOCK_SALSA_TOKN", "SEGMENT_MOCK_SALSA_TOKEN"),
        ("SEGMENT_MOCK_URLS", "SEGMENT_MOCK_URL"),
    ],
)
@pytest.mark.parametrize("command", [["serve"], ["exec", "--", "true"], ["vendors"]])
def test_unknown_variable_ends_a_command_with_2_and_suggests_the_nearest_name(
    command: list[str], name: str, nearest: str
) -> None:
    result = CliRunner().invoke(main, command, env={name: "1"})

    assert (2, True) == (result.exit_code, f"unknown variable {name!r} (did you mean '{nearest}'?)" in result.stderr)


@pytest.mark.parametrize("name", ["URL", "CA_FILE", "CONFIG", "VENV", "SEED", "SEGMENTER_KEY"])
def test_known_variables_cause_no_warning_in_process(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the variables of settings, and those that commands and scripts use."""
    monkeypatch.setenv(f"SEGMENT_MOCK_{name}", "1")
    _warn_of_unknown_variables.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SegmentMock().close()


def test_unknown_variable_causes_one_warning_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMENT_MOCK_SEDE", "1")
    _warn_of_unknown_variables.cache_clear()
    with pytest.warns(UserWarning, match="unknown variable 'SEGMENT_MOCK_SEDE' .did you mean 'SEGMENT_MOCK_SEED'"):
        SegmentMock().close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SegmentMock().close()


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/_mock/state?organisation=k", "did you mean 'organization'?"),
        ("PUT", "/_mock/state?organizaton=k", "did you mean 'organization'?"),
        ("GET", "/_mock/journal?statsu=200", "did you mean 'status'?"),
        ("GET", "/_mock/journal.har?sinse=1", "did you mean 'since'?"),
        ("POST", "/_mock/reset?all=1", "expected no parameters"),
        ("DELETE", "/_mock/faults?id=1", "expected no parameters"),
        ("GET", "/_mock/vendors?json=1&x=2", "expected no parameters"),
    ],
)
def test_unknown_query_parameter_gets_400_and_changes_nothing(method: str, path: str, message: str) -> None:
    with SegmentMock(data="demo") as mock, mock.session() as client:
        mock.faults.add("hang", times=0)
        response = client.request(method, path, json={} if method == "PUT" else None)

        assert (400, True) == (response.status_code, message in response.json()["detail"])
        assert (1, True) == (len(mock.faults), bool(mock.salsa.segments))


@pytest.mark.parametrize(
    ("flag", "document", "message"),
    [
        ("data", {"salsa": {"segments": [{"name": "a"}, {"nam": "b"}]}}, "salsa.segments[1].nam"),
        ("data", {"salsa": {"segmnts": []}}, "salsa.segmnts: unknown collection"),
        ("data", {"slasa": {}}, "slasa: unknown vendor"),
        ("data", 5, "expected a dictionary of vendors"),
        ("faults", [{"kind": "error", "statsu": 1}], "[0]: fault error: unknown setting 'statsu'"),
        ("faults", {"kind": "erorr"}, "unknown fault kind"),
        ("faults", 5, "fault: 5 can't be armed"),
        ("scenarios", {"x": {"abuot": ""}}, "x: unknown member 'abuot'"),
        ("scenarios", {"x": {"faults": [{"kind": "erorr"}]}}, "x.faults[0]: unknown"),
        ("stubs", [{"method": "GET", "path": "x"}], "[0]: path"),
        ("config", {"sede": 1}, "unknown setting 'sede'"),
        ("config", {"port": "x"}, "port: 'x' is not a whole number"),
    ],
    ids=range(12),
)
def test_error_in_a_file_begins_with_the_file_name_and_names_it_once(
    flag: str, document: Any, message: str, tmp_path: Path
) -> None:
    """The command line names a valid file before it."""
    path, other = tmp_path / "bad.json", tmp_path / "good.json"
    path.write_text(json.dumps(document))
    other.write_text({"faults": "[]", "stubs": "[]"}.get(flag, '{"salsa": {"segments": [{"name": "x"}]}}'))
    before = [f"--{flag}", str(other)] if flag in ("data", "faults", "stubs") else []
    result = CliRunner().invoke(main, ["serve", *before, f"--{flag}", str(path)])

    assert (2, 1) == (result.exit_code, result.stderr.count(f"{path}: "))
    assert f"Error: {path}: {message}" in result.stderr


def test_unknown_keyword_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SettingError, match=r"unknown setting 'sede' .did you mean 'seed'"):
        SegmentMock(sede=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "nearest"),
    [
        (lambda: create_app(admin_tokn="t"), "admin_token"),  # type: ignore[call-arg]
        (lambda: create_app(upstream="http://127.0.0.1:9", admin_tokn="t"), "admin_token"),  # type: ignore[call-arg]
        (lambda: faults.Error(staus=404), "status"),  # type: ignore[call-arg]
        (lambda: faults.Latency(secnds=1), "seconds"),  # type: ignore[call-arg]
        (lambda: faults.Item(were={}), "where"),  # type: ignore[call-arg]
        (lambda: SegmentMock().faults.add("error", tmes=1), "times"),
        (lambda: SegmentMock().faults.add("error", oepration="*"), "operation"),
        (lambda: SegmentMock().faults.add({"kind": "error", "staus": 404}), "status"),
        (lambda: SegmentMock().journal.assert_called("salsa.*", tmes=1), "times"),
        (lambda: SegmentMock().journal.assert_not_called("salsa.*", jsn={}), "json"),
        (lambda: SegmentMock().journal.entries(opration="*"), "operation"),
        (lambda: SegmentMock().expect_changes(slsa={}), "salsa"),
        (lambda: SegmentMock().salsa.add_segment("n", desciption="d"), "description"),
        (lambda: SegmentMock().segmenter.add_segment("n", prsons=[]), "persons"),
        (lambda: SegmentMock().vendor("slsa"), "salsa"),
        (lambda: SegmentMock().slasa, "salsa"),  # type: ignore[attr-defined]
        (lambda: SegmentMock().jurnal, "journal"),  # type: ignore[attr-defined]
        (lambda: segment_mock.SegmentMok, "SegmentMock"),  # type: ignore[attr-defined]
        (lambda: faults.Eror, "Error"),  # type: ignore[attr-defined]
    ],
)
def test_unknown_name_in_python_is_refused_with_the_nearest_name(call: Callable[[], object], nearest: str) -> None:
    """The names are keywords, filters, conditions, members, vendors and attributes."""
    with pytest.raises((SettingError, AttributeError), match=f"did you mean '{nearest}'"):
        call()
