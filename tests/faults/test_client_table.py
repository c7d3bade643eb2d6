"""The table of clients in docs/reference/faults.md: what each client library sees of each fault over a real socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from segment_mock.faults import kinds
from tests.docs_site.reference.pages import COMMAND
from tests.faults.fault_clients import IN_PROCESS
from tests.faults.table import PAGE, ROWS, Row, cells_of, measure_row, stage
from tests.waiting import growing_timeouts

CELLS = cells_of(PAGE.read_text(encoding="utf-8"))
NAMED_BY_DOCUMENTATION = ("requests", "urllib3", "httpx", "aiohttp")
"""The columns of `WIRE`. A further library needs one if its documentation names the classes of its exceptions."""
WIRE = {  # by hand, from the classes that the documentation of the libraries names
    "`connect`": ("ConnectionError", "NewConnectionError", "ConnectError", "ClientConnectorError"),
    '`connect`, how "timeout"': ("ConnectTimeout", "ConnectTimeoutError", "ConnectTimeout", "ConnectionTimeoutError"),
    '`connect`, how "dns"': ("ConnectionError", "NameResolutionError", "ConnectError", "ClientConnectorDNSError"),
    '`connect`, how "tls"': ("SSLError", "SSLError", "ConnectError", "ClientConnectorCertificateError"),
    "`disconnect`": ("ConnectionError", "ProtocolError", "RemoteProtocolError", "ServerDisconnectedError"),
    "`disconnect`, reset true": ("ConnectionError", "ProtocolError", "ReadError", "ClientOSError"),
    "`truncate`": ("ChunkedEncodingError", "ProtocolError", "RemoteProtocolError", "ClientPayloadError"),
    "`truncate`, reset true": ("ChunkedEncodingError", "ProtocolError", "ReadError", "ClientPayloadError"),
    '`garble`, how "bytes"': ("ConnectionError", "ProtocolError", "RemoteProtocolError", "ClientResponseError"),
    '`garble`, how "chunk"': ("ChunkedEncodingError", "ProtocolError", "RemoteProtocolError", "ClientResponseError"),
    '`garble`, how "encoding"': ("ContentDecodingError", "DecodeError", "DecodingError", "ClientPayloadError"),
    "`hang`": ("ReadTimeout", "ReadTimeoutError", "ReadTimeout", "SocketTimeoutError"),
    "`drip`": ("200", "200", "200", "200"),
}


@pytest.fixture(scope="module")
def scene() -> Iterator[Mapping[bool, Any]]:
    """The live servers to which the rows make their calls."""
    with stage() as mocks:
        yield mocks


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_each_cell_is_what_the_client_sees(row: Row, scene: Mapping[bool, Any]) -> None:
    """A cell has the status or the exceptions, and whether the call was performed."""
    is_read_in_part = row.hasty and row.fault.kind == "drip"
    # The client has to read the head of a slow body within its timeout, also on a busy machine.
    for timeout in growing_timeouts(0.25) if is_read_in_part else [row.timeout]:
        cells = measure_row(row, scene, timeout)
        if cells == CELLS.get(row.label):
            break

    assert CELLS.get(row.label) == cells, f"run `{COMMAND}`"


def test_the_table_has_every_row_once() -> None:
    assert [row.label for row in ROWS] == [*CELLS], f"run `{COMMAND}`"


def test_every_kind_has_a_row() -> None:
    assert set() == {*kinds()} - {row.fault.kind for row in ROWS}, "add a row to ROWS in tests/faults/table.py"


@pytest.mark.parametrize("label", CELLS)
def test_in_process_calls_see_the_same_as_live_calls(label: str) -> None:
    """For requests, every cell is the same in process as over a socket."""
    assert CELLS[label]["requests"] == CELLS[label][IN_PROCESS]


@pytest.mark.parametrize("label", WIRE)
def test_the_table_has_the_documented_exceptions(label: str) -> None:
    cells = [CELLS[label][name].partition("(")[0].partition(",")[0] for name in NAMED_BY_DOCUMENTATION]

    assert [*WIRE[label]] == cells
