"""Kinds of fault are found by their files, and WireMock's names are aliases."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segment_mock import SegmentMock, faults
from segment_mock.faults import ALIASES, fault_from_json, kinds, registry

F: Any = faults
KIND = '''
from dataclasses import dataclass
from typing import ClassVar
from segment_mock.faults.base import Fault

@dataclass(frozen=True)
class {name}(Fault):
    """Do nothing."""
    kind: ClassVar[str] = "{kind}"

    async def __call__(self, call, proceed):
        return await proceed()
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Replace the folder of kinds with an empty one."""
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "registry.py"))
    monkeypatch.setattr(faults, "__path__", [str(tmp_path)])
    kinds.cache_clear()
    before = {*vars(faults)}
    yield tmp_path
    for name in {*vars(faults)} - before:
        delattr(faults, name)
        del sys.modules[f"{faults.__name__}.{name}"]
    kinds.cache_clear()


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("broken_at_import", "import no_such_library", ModuleNotFoundError, "no_such_library"),
        ("broken_by_itself", "raise RuntimeError('no')", RuntimeError, "no"),
        ("broken_in_form", "def", SyntaxError, "broken_in_form.py"),
        ("broken_empty", "", TypeError, r"faults/broken_empty.py must have one fault of the kind 'broken_empty'; it"),
        ("broken_name", KIND.format(name="A", kind="other"), TypeError, r"it has \['other'\]"),
        (
            "broken_two",
            KIND.format(name="A", kind="broken_two") + KIND.format(name="B", kind="b"),
            TypeError,
            r"it has \['broken_two', 'b'\]",
        ),
    ],
)  # fmt: skip
def test_a_file_without_a_valid_fault_stops_the_start(
    folder: Path, name: str, text: str, error: type[Exception], message: str
) -> None:
    """No mock can be created, even if no rule uses that kind."""
    (folder / f"{name}.py").write_text(text)
    with pytest.raises(error, match=message):
        SegmentMock()


def test_a_new_kind_needs_only_its_file(folder: Path) -> None:
    """Its JSON name and its class are available. Files whose names begin with an underscore are ignored."""
    (folder / "nothing_at_all.py").write_text(KIND.format(name="NothingAtAll", kind="nothing_at_all"))
    (folder / "_private.py").write_text("raise RuntimeError")
    mock = SegmentMock(faults=[{"kind": "nothing_at_all"}])

    assert ["nothing_at_all"] == [*kinds()]
    assert F.NothingAtAll() == next(iter(mock.faults)).fault


def test_each_kind_is_a_class_of_its_name_in_camel_case() -> None:
    for name, kind in kinds().items():
        assert name.title().replace("_", "") == kind.__name__
        assert kind is getattr(faults, kind.__name__)


def test_a_file_without_a_fault_class_is_refused() -> None:
    """The error names the classes of the file."""
    expected = r"unknown fault 'Disconect' \(did you mean 'Disconnect'\?\); expected one of Connect, Disconnect, "
    with pytest.raises(AttributeError, match=expected):
        _ = F.Disconect


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("EMPTY_RESPONSE", F.Disconnect()),
        ("MALFORMED_RESPONSE_CHUNK", F.Garble(how="chunk")),
        ("RANDOM_DATA_THEN_CLOSE", F.Garble(how="bytes")),
        ("CONNECTION_RESET_BY_PEER", F.Disconnect(reset=True)),
    ],
)
def test_the_names_of_wiremock_are_kinds(name: str, fault: Any) -> None:
    """JSON accepts each of them in place of a kind."""
    assert fault == fault_from_json({"kind": name})
    assert name in ALIASES
    mock = SegmentMock()
    (rule,) = mock.faults.load({"kind": name, "operation": "salsa.*", "when": {"times": 1}})

    assert (fault, "salsa.*", 1) == (rule.fault, rule.operation, rule.when.times)


def test_an_alias_takes_the_other_settings_of_its_kind() -> None:
    """EMPTY_RESPONSE with after=true loses the response to a write."""
    assert F.Disconnect(after=True) == fault_from_json({"kind": "EMPTY_RESPONSE", "after": True})
    assert 4 == len(ALIASES)
