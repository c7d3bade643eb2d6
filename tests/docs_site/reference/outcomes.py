"""The pages of hints, headers and exit codes. The hints come from calls of a mock."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from segment_mock import SegmentMock
from segment_mock.vendors import find_vendors
from segment_mock.web.openapi import vendor_document
from tests.docs_site.reference.commands import commands
from tests.docs_site.reference.markdown import code, page, prose, table

SALSA = "/api/integration/ext/v1"
TOKEN = {"authToken": "any"}
KEY = {"x-api-key": "any"}


class HintCase(NamedTuple):
    """A call that gets a hint, and the condition under which the hint is given."""

    when: str
    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = TOKEN
    settings: Mapping[str, Any] = MappingProxyType({})
    before: int = 0
    """The number of calls to send before the call that gets the hint."""


HINT_CASES = (
    HintCase("the credential is missing", "GET", f"{SALSA}/metrics", headers={}),
    HintCase("the credential is in another header", "GET", f"{SALSA}/metrics", headers={"Authorization": "Bearer any"}),
    HintCase(
        "the credential is not one of the setting `salsa_token`",
        "GET",
        f"{SALSA}/metrics",
        settings={"credentials": "listed", "salsa_token": "other"},
    ),
    HintCase("a member anywhere in the body is unknown", "POST", f"{SALSA}/segments/search",
         {"payload": {"offset": 0, "cuont": 20}}),
    HintCase("a value is not one of the few that the vendor knows", "POST", f"{SALSA}/segments/search",
         {"payload": {"identifierType": "EXTERNAL", "identifiers": ["1"]}}),
    HintCase("a value is like none of the few that the vendor knows", "POST", f"{SALSA}/segments/search",
         {"payload": {"identifierType": "X", "identifiers": ["1"]}}),
    HintCase("the body is not JSON, and has a `Content-Encoding`", "POST", f"{SALSA}/segments/search", b"...",
         {**TOKEN, "Content-Encoding": "gzip"}),
    HintCase("the path belongs to no operation", "POST", f"{SALSA}/segment/search", {"payload": {}}),
    HintCase("the path belongs to no operation of a vendor with a path option", "GET", "/segments/a/b", headers=KEY),
    HintCase("the path takes another method", "PATCH", f"{SALSA}/segments", {"payload": {}}),
    HintCase("the window of the rate limit is full", "GET", f"{SALSA}/metrics", before=300),
    HintCase("a batch has too many items", "PUT", f"{SALSA}/segments", {"payload": {"segments": [{"name": "A"}] * 21}}),
    HintCase("a group is not a CRM group", "DELETE", f"{SALSA}/segments",
         {"payload": {"segments": [{"segmentId": "a630b7c9-c2b7-4130-a47f-46754c425b84"}]}}, settings={"data": "demo"}),
    HintCase("an update names an id never seen", "PUT", f"{SALSA}/segments",
         {"payload": {"segments": [{"segmentId": "00000000-0000-4000-8000-000000000000", "name": "A"}]}}),
    HintCase("the Segmenter refuses a body", "POST", "/segments", {"name": 1}, KEY),
    HintCase("the Segmenter does not know an id", "PUT", "/segments", {"id": "none"}, KEY),
)  # fmt: skip
BESIDE = (
    ("this is a defect of segment-mock; its log has the traceback", "the emulator itself failed; please report it"),
    (
        "this is a defect of the vendor ...: ...; the log has the traceback",
        "a vendor of another package failed with the error that is named",
    ),
    ("the target did not answer", "`segment-mock record` could not reach the vendor"),
)


def hint_of(case: HintCase) -> str:
    """Send the call of *case* to a mock and return the hint of the response."""
    body = case.body if isinstance(case.body, bytes) or case.body is None else json.dumps(case.body).encode()
    with SegmentMock(**case.settings) as mock, mock.session() as session:
        mock.clock.freeze("2026-01-01T00:00:00Z")
        for _ in range(case.before + 1):
            response = session.request(case.method, case.path, data=body, headers=case.headers)
    return response.headers["X-Segment-Mock-Hint"]


def hints_page() -> str:
    """Return the page of hints."""
    rows = [(case.when, code(f"{case.method} {case.path}"), code(hint_of(case))) for case in HINT_CASES]
    return page(
        "Hints",
        """\
A hint says what a call probably got wrong, or which setting would change the response. The body of a response stays the
vendor's. A hint is in the header `X-Segment-Mock-Hint` and in `hint` of the journal's entry. It is also in the report
of a failed test, where settings are named as keywords. A refusal of the control plane, and a path of no vendor, have
it in `hint` of their problem+json. Several are joined by `; `.

Each hint below is what a mock answers to a call of that kind. Names and values vary with the call.
""",
        table(("when", "such as", "hint"), rows),
        "Other hints:",
        table(("hint", "when"), [(code(hint), when) for hint, when in BESIDE]),
    )


def headers_page() -> str:
    """Return the page of headers."""
    document = vendor_document(find_vendors()[0], {})
    path_item = next(iter(document["paths"].values()))
    ((_, operation),) = [(method, row) for method, row in path_item.items() if method != "parameters"][:1]
    own = operation["responses"]["200"]["headers"]
    response_rows = [(code(name), prose(row["description"])) for name, row in own.items()]
    request_rows = [
        *((code(vendor.key_header), f"the credential for {vendor.title}") for vendor in find_vendors()),
        ("`Authorization: Bearer TOKEN`", "the admin token, for the control plane only"),
        ("`Last-Event-ID`", "`GET /_mock/events`: the last event that the client has read"),
        ("`Host`", "selects the vendor if it is one of the vendors' hosts; otherwise the path does"),
        ("`X-Segment-Mock-Ask`", "internal: the helper of `segment-mock exec` marks its `CONNECT` with it"),
    ]
    return page(
        "Headers",
        "## In responses\n\nA vendor sends none of these. `Content-Type`, `Allow` and the rest are the vendor's own.",
        table(("header", "description"), response_rows),
        "Line breaks and characters beyond ASCII are escaped. A value above 1,000 characters is cut and ends in `...`.",
        "## In requests",
        table(("header", "description"), request_rows),
        "Journal and log redact every credential ([Security model](../explanation/security.md#what-is-redacted)).",
    )


EXIT_CODES = (
    (0, "The command succeeded."),
    (1, "The command failed: no server answers, the server refuses, a response differs, nothing was compared."),
    (2, "The command line, a setting or a file can't be used. The message names it."),
    (3, "The address is in use (`serve`, `exec`). `--port 0` picks a free one."),
    (126, "`exec`, `record`: the command can't be run."),
    (127, "`exec`, `record`: there is no such command."),
    (128, "`exec`, `record`: 128 and the number of the signal that ended the command."),
)


def exit_codes_page() -> str:
    """Return the page of exit codes."""
    own = [(f"[`{name}`](cli.md#{name.replace(' ', '-')})", text) for name, text in _sentences()]
    return page(
        "Exit codes",
        "Every command ends with one of these. `exec` and `record` end with that of the command they run.",
        table(("code", "means"), [(f"{number}" + " + N" * (number == 128), about) for number, about in EXIT_CODES]),
        "An error is one line on stderr. `serve` ends with 0 after Ctrl-C or SIGTERM.",
        "## By command",
        "What the help of a command says in addition:",
        table(("command", "says"), own),
    )


def _sentences() -> Iterator[tuple[str, str]]:
    """Yield each command whose help mentions exit codes, with the sentences that mention them."""
    for name, command in commands():
        text = prose(command.help).replace("\n\n", " ")
        sentences = re.findall(r"(?:^|(?<=\. ))Exits? with [^.]*\.", text)
        if sentences:
            yield name, " ".join(sentences)
