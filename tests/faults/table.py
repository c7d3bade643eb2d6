"""The generated parts of docs/reference/faults.md; ``python -m tests.faults.table`` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import requests

from segment_mock import SegmentMock, faults
from segment_mock.clock import Clock
from segment_mock.faults import ALIASES, WHEN, Fault, kinds, option
from segment_mock.settings import Option
from tests.faults.fault_clients import IN_PROCESS, LIVE, FaultRequest, in_session
from tests.waiting import PATIENCE

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "faults.md"
SEGMENTS = "/api/integration/ext/v1/segments"
UPSERT = FaultRequest("PUT", SEGMENTS, {"payload": {"segments": [{"name": "A"}, {"name": "B"}]}})
SEARCH = FaultRequest("POST", f"{SEGMENTS}/search", {"payload": {"offset": 0, "count": 20}})
VENDOR = "https://api.salsalabs.org"
SHORT = 0.2
"""Seconds for the timeout of a client over real sockets. It is what is tested, so it has to pass. The fault waits for a
minute, so that the client gives up first on a busy machine too."""
SHORT_AFTER_HEAD = 1.0
"""The same where the client has to have read the head of the response before, also on a busy machine."""
PERFORMED = {0: "no", 1: "in part", 2: "yes"}
LATE = 60.0


class Row(NamedTuple):
    """A fault, and whether its clients have a short read timeout."""

    fault: Fault
    hasty: bool = False

    @property
    def label(self) -> str:
        """The label of the row in the table."""
        settings = {name: value for name, value in self.fault.as_dict().items() if name != "kind"}
        return ", ".join([f"`{self.fault.kind}`", *(f"{name} {json.dumps(value)}" for name, value in settings.items())])

    @property
    def timeout(self) -> float:
        """Seconds for which the client waits for a read."""
        if not self.hasty:
            return PATIENCE
        return SHORT_AFTER_HEAD if self.fault.kind == "drip" else SHORT


F: Any = faults
ROWS = (
    *[Row(F.Connect(how=how)) for how in ("refused", "timeout", "dns", "tls")],
    *[Row(F.Error(status=status)) for status in (500, 401, 504)],
    Row(F.Error(status=429, retry_after=30)),
    Row(F.Error(status=504, after=True)),
    Row(F.Refuse()),
    Row(F.Refuse(refusal="not_manageable", after=True)),
    Row(F.Item(index=1)),
    Row(F.Latency()),
    Row(F.Latency(after=True)),
    Row(F.Latency(seconds=LATE), hasty=True),
    Row(F.Latency(seconds=LATE, after=True), hasty=True),
    Row(F.Hang(), hasty=True),
    Row(F.Hang(after=True), hasty=True),
    *[Row(F.Disconnect(reset=reset, after=after)) for after in (False, True) for reset in (False, True)],
    *[Row(F.Truncate(at=at, reset=reset)) for at in (0.5, 0) for reset in (False, True)],
    Row(F.Drip()),
    Row(F.Drip(bytes_per_second=1, chunk=60), hasty=True),
    *[Row(F.Garble(how=how)) for how in ("json", "html", "bytes", "chunk", "encoding", "empty")],
    Row(F.Embedded()),
    Row(F.Stale()),
    *[Row(F.Drift(how=how)) for how in ("new_field", "null", "number_as_string", "unknown_enum", "reorder")],
)


def wait_for_call(mock: SegmentMock) -> None:
    """Wait until *mock*'s server has begun a call, and has come to the first wait of its faults or to its end."""
    is_begun, end = False, Clock.monotonic() + PATIENCE
    while not is_begun:
        assert Clock.monotonic() < end, "no call arrived"
        is_begun = bool([*mock.journal])
        requests.get(f"{mock.serve().url}/_mock/health", timeout=PATIENCE)  # the server does one thing after another


COLUMNS = (*LIVE, IN_PROCESS, "performed")


@contextmanager
def stage() -> Iterator[Mapping[bool, tuple[SegmentMock, str]]]:
    """Yield two mocks with the URLs of their servers; waits take real time only in the one called True."""
    with SegmentMock(time_scale=0) as quick, SegmentMock() as real:
        yield {False: (quick, quick.serve().url), True: (real, real.serve().url)}


def measure_row(
    row: Row, scene: Mapping[bool, tuple[SegmentMock, str]], timeout: float | None = None
) -> dict[str, str]:
    """Return the effect of *row*'s fault on each client, by column. *timeout* is that of the clients in seconds."""
    mock, url = scene[row.hasty]
    request = (SEARCH if row.fault.kind == "stale" else UPSERT)._replace(timeout=timeout or row.timeout)
    in_process = ""
    if row.fault.at_connect:  # a server has already accepted the connection, so it can only reset it
        url = in_process = VENDOR
    fetches = {name: (lambda client=client: client(url, request)) for name, client in LIVE.items()}
    fetches[IN_PROCESS] = lambda: in_session(mock.session(), in_process, request)
    cells, performed = {}, set()
    for name, act in fetches.items():
        mock.reset()
        if row.fault.kind == "stale":  # it needs a write to hide
            in_session(mock.session(), "", UPSERT)
        rule = mock.faults.add(row.fault)
        with mock.intercept() if row.fault.at_connect else nullcontext():
            cells[name] = act()
        if not row.fault.at_connect:  # the client may have given up before the server has begun the call
            wait_for_call(mock)
        assert 0 < rule.seen == rule.fired, rule.explain()
        if rule.fired > 1:  # the library repeated the call by itself
            cells[name] += f", asked {rule.fired} times"
        performed.add(PERFORMED[len(mock.salsa.segments)] if request.path == SEGMENTS else "read")
    (cells["performed"],) = performed
    return cells


def lines(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    header = [*header]
    table = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table)


def clients() -> str:
    """Return the table of what each client sees, by making the calls."""
    with stage() as scene:
        rows = [[row.label, *measure_row(row, scene).values()] for row in ROWS]
    return lines(("fault", *COLUMNS), rows)


def cells_of(page: str) -> dict[str, dict[str, str]]:
    """Return the cells of that table in *page*, by row and column."""
    part = re.search("<!-- clients -->(.*?)<!-- end -->", page, re.DOTALL)
    rows = [line.strip("| ").split(" | ") for line in part[1].strip().splitlines()[2:]] if part else []
    return {label: dict(zip(COLUMNS, cells, strict=True)) for label, *cells in rows}


def settings() -> str:
    """Return a heading for each kind, with its description and a row for each setting."""
    return "\n\n".join(
        f"### `{name}`\n\n{' '.join((kind.__doc__ or '').split())}" + _settings([option(row) for row in fields(kind)])
        for name, kind in kinds().items()
    )


def _settings(rows: list[Option]) -> str:
    table = [[f"`{row.name}`", _takes(row), _default(row), row.help] for row in rows]
    return "\n\n" + lines(("setting", "takes", "default", "description"), table) if rows else ""


def _takes(row: Option) -> str:
    bounds = {"from": row.min, "to": row.max}
    limits = [f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None]
    return " ".join([", ".join(row.choices) or row.kind.title, *limits])


def _default(row: Option) -> str:
    return "" if row.default in (None, "") else f"`{json.dumps(row.default)}`"


def conditions() -> str:
    """Return a row for each condition of a rule."""
    return _settings(list(WHEN)).strip()


def aliases() -> str:
    """Return a table of WireMock's names and the fault that each stands for."""
    return lines(
        ("WireMock's name", "description"),
        [[f"`{name}`", f"`{json.dumps(definition)}`"] for name, definition in ALIASES.items()],
    )


PARTS = {"clients": clients, "settings": settings, "conditions": conditions, "aliases": aliases}

DECLARED = [name for name in PARTS if name != "clients"]
"""The parts that need no call to be made."""


def renew_parts(page: str, names: Iterable[str] = PARTS) -> str:
    """Return *page* with the generated parts *names* written again."""
    for name in names:
        begin = f"<!-- {name} -->"
        part = f"{begin}\n\n{PARTS[name]()}\n\n<!-- end -->"
        page, count = re.subn(f"{begin}.*?<!-- end -->", lambda _, part=part: part, page, flags=re.DOTALL)
        assert count == 1, f"{PAGE.name} must have one {begin} ... <!-- end -->"
    return page


if __name__ == "__main__":
    PAGE.write_text(renew_parts(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
