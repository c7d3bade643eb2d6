"""A new vendor needs one folder and no change elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import ANY

import pytest
import requests

import segment_mock.vendors
from segment_mock import SegmentMock, SettingError

HALLO = '''
"""Hallo: greets, and remembers whom."""
from operator import itemgetter

from marshmallow import Schema, fields

from segment_mock.vendor_api import REFUSAL_KINDS, ErrorTemplate, InitialRecords, Operation, Option, Refusal
from segment_mock.vendor_api import TableSchema, Vendor, VendorState

GUESTS = TableSchema("guests", itemgetter("name"))


class Greet(Schema):
    name = fields.String(required=True)


class HalloState(VendorState):
    @property
    def guests(self):
        return self.rows("guests")


def greet(call, data):
    if data["name"] in call.rows("guests"):
        raise Refusal("not_manageable")
    call.rows("guests").put({"name": data["name"]})
    return {"said": f"{call.options['greeting']} {data['name']}"}


VENDOR = Vendor(
    name="hallo",
    title="Hallo",
    hosts=("api.hallo.example",),
    root="/hallo",
    key_header="x-hallo-key",
    operations=(Operation("greet", "POST", ("/greetings",), greet, "assumed", request=Greet()),),
    refusals={kind: ErrorTemplate(409 if kind == "not_manageable" else 400, kind, "assumed") for kind in REFUSAL_KINDS},
    tables=(GUESTS,),
    wrap=lambda call, result: result,
    unwrap=lambda body: body,
    render_error=lambda call, row, sentence, field: (row.status, {"wrong": sentence}),
    load=lambda document, world: {"guests": InitialRecords(GUESTS, document.get("guests", []))},
    export=lambda store: {"guests": [*store["hallo.guests"]]},
    state_class=HalloState,
    options=(Option("greeting", "How Hallo greets.", choices=("Hello", "Hi")),),
)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that contains the vendor hallo, added to the path of the shipped vendors."""
    (tmp_path / "hallo").mkdir()
    (tmp_path / "hallo" / "__init__.py").write_text(HALLO)
    monkeypatch.setattr(segment_mock.vendors, "__path__", [*segment_mock.vendors.__path__, str(tmp_path)])
    yield tmp_path
    sys.modules.pop("segment_mock.vendors.hallo", None)
    vars(segment_mock.vendors).pop("hallo", None)


@pytest.mark.usefixtures("folder")
def test_a_third_vendor_is_served_in_process_and_live() -> None:
    """Host, root path, key, schema, option, refusal, table, data, state class and journal all work."""
    with SegmentMock(hallo_greeting="Hi", data={"hallo": {"guests": [{"name": "Bo"}]}}) as mock:
        headers = {"x-hallo-key": "k"}
        by_host = mock.session().post(
            "https://api.hallo.example/hallo/greetings", json={"name": "Ada"}, headers=headers
        )
        url = mock.serve().url + "/hallo/greetings"
        again = requests.post(url, json={"name": "Bo"}, headers=headers, timeout=60)
        keyless = requests.post(url, json={"name": "Cy"}, timeout=60)
        state, guests, entries = mock.state()["hallo"], mock.hallo.guests, mock.journal.entries(vendor="hallo")

    assert {"said": "Hi Ada"} == by_host.json()
    assert (409, {"wrong": "not_manageable"}) == (again.status_code, again.json())
    assert {"wrong": "unauthorized"} == keyless.json()
    assert {"guests": [{"name": "Bo"}, {"name": "Ada"}]} == state == {"guests": guests}
    assert ["hallo.greet"] * 3 == [entry.operation for entry in entries]
    assert {"x-hallo-key": "[redacted]"}.items() <= entries[0].request_headers.items()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("place", ["headers", "query"])
def test_the_credential_of_a_third_vendor_is_no_filter_of_the_journal(place: str) -> None:
    """The journal redacts it, so an assertion that no call had it would pass."""
    with SegmentMock() as mock:
        mock.session().post(
            "https://api.hallo.example/hallo/greetings", json={"name": "Ada"}, headers={"x-hallo-key": "k"}
        )
        with pytest.raises(SettingError, match=rf"^{place}\.X-Hallo-Key: the journal redacts credentials"):
            mock.journal.assert_not_called("hallo.greet", **{place: {"X-Hallo-Key": "k"}})
        mock.journal.assert_called("hallo.greet", headers={"X-Hallo-Key": ANY})


def test_the_command_line_has_options_and_operations_of_a_third_vendor(folder: Path) -> None:
    """The help has its option with the vendor's prefix, and the list has its operation."""
    run = "import segment_mock.vendors as v; v.__path__.append({!r}); from segment_mock.cli import main; main({!r})"
    lines = [
        subprocess.run(
            [sys.executable, "-c", run.format(str(folder), args)], capture_output=True, text=True, check=True
        )
        for args in (["serve", "--help"], ["vendors"])
    ]

    assert "--hallo-greeting Hello|Hi" in lines[0].stdout
    assert "SEGMENT_MOCK_HALLO_GREETING" in lines[0].stdout
    assert re.search(r"POST +/greetings +greet\b", lines[1].stdout)


@pytest.mark.usefixtures("folder")
def test_a_vendor_that_cannot_be_imported_is_an_error_at_start(folder: Path) -> None:
    """The vendor is not silently omitted."""
    (folder / "hallo" / "__init__.py").write_text("import no_such_module")

    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        SegmentMock()
