"""Recorded exchanges: redact them, write them in the form of fixtures/, and replay them in order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from ..core import Vendor
from ..json_match import brief, json_or_text, json_words
from ..messages import Request, Response, check_header, header_value
from ..redaction import REDACTED, redacted, without
from ..settings import SettingError
from ..wording import json_reason, plural, system_reason
from .example import TIME, UUID, by_form
from .sandbox import setup_plan

TOKEN = "TOKEN"  # noqa: S105 - what stands in the place of one
_FRESH = re.compile(f"{UUID.pattern}|{TIME.pattern}", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{\{(id|time) \d+\}\}")
_FORMS = {"id": UUID.pattern, "time": TIME.pattern}
_SHORTEST = 8
"""Minimum length of a credential that is replaced in bodies; a shorter one could be any word."""


@dataclass(frozen=True)
class Exchange:
    """A forwarded request, with the full name of its operation, and the target's response."""

    operation: str
    request: Request
    response: Response


class Placeholders:
    """Replaces each id and time of the target with a placeholder, such as ``{{id 1}}`` or ``{{time 1}}``."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._literal: set[str] = set()

    def learn(self, request: str, response: str) -> None:
        """Learn the ids and times in a *response* that no *request* had before."""
        self._literal |= {match[0].lower() for match in _FRESH.finditer(request)} - self._names.keys()
        for match in _FRESH.finditer(response):
            value = match[0].lower()
            if value not in self._names and value not in self._literal:
                kind = "id" if UUID.fullmatch(match[0]) else "time"
                count = sum(name.startswith(f"{{{{{kind} ") for name in self._names.values())
                self._names[value] = f"{{{{{kind} {count + 1}}}}}"

    def fill(self, text: str) -> str:
        """Return *text* with the known ids and times replaced by their placeholders."""
        return _FRESH.sub(lambda match: self._names.get(match[0].lower(), match[0]), text)


def documents(
    vendor: Vendor, exchanges: Sequence[Exchange], source: str
) -> tuple[list[dict[str, Any]], Callable[[str], str]]:
    """Return the *exchanges* in the form of fixtures/, and a function that redacts other strings in the same way."""
    secrets = sorted({*_secrets(vendor, exchanges)}, key=len, reverse=True)
    placeholders = Placeholders()

    def clean(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, REDACTED)
        return placeholders.fill(text)

    fresh = setup_plan(vendor.name).fresh
    return [_document(vendor, exchange, source, clean, placeholders, fresh) for exchange in exchanges], clean


def _secrets(vendor: Vendor, exchanges: Iterable[Exchange]) -> Iterator[str]:
    """Yield the credentials in headers, and in members of bodies with the name of a credential."""
    for exchange in exchanges:
        bodies = [_leaves(json_or_text(body)) for body in (exchange.request.body, exchange.response.body)]
        for name, value in (*exchange.request.headers.items(), *exchange.response.headers.items(), *chain(*bodies)):
            if len(value) >= _SHORTEST and redacted(vendor.key_header.lower(), {name: value})[name] != value:
                yield value


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from _leaves(inner, member)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)
    elif isinstance(value, str):
        yield name, value


def _document(
    vendor: Vendor,
    exchange: Exchange,
    source: str,
    clean: Callable[[str], str],
    placeholders: Placeholders,
    fresh: Collection[str],
) -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    response_body = json_or_text(response.body)
    sent_text = request.target + request.body.decode("utf-8", "replace")
    placeholders.learn(sent_text, response.body.decode("utf-8", "replace"))
    has_key = any(name.lower() == vendor.key_header.lower() for name in request.headers)
    request_document: dict[str, Any] = {
        "method": request.method,
        "path": clean(without(vendor.key_header.lower(), request.target)),
    }
    request_document["headers"] = {vendor.key_header: TOKEN} if has_key else {}
    if request.body:
        request_document["body"] = _cleaned(json_or_text(request.body), clean)
    return {
        "title": f"{request.method} {clean(request.target.partition('?')[0])} answers {response.status}.",
        "source": source,
        "mark": "recorded",
        "operation": exchange.operation,
        "state": {},
        "request": request_document,
        "response": {
            "status": response.status,
            "body": _cleaned(response_body, clean),
            "any": [path for path in _paths(response_body) if path.rpartition(".")[2].partition("[")[0] in fresh],
        },
    }


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {name: _cleaned(member, clean) for name, member in value.items()}
    if isinstance(value, list):
        return [_cleaned(item, clean) for item in value]
    return clean(value) if isinstance(value, str) else value


def _paths(value: Any, place: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            path = f"{place}.{name}" if place else name
            yield path
            yield from _paths(member, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths(item, f"{place}[{index}]")


@dataclass(frozen=True)
class Recording:
    """One recorded file: its *name* and its *document*."""

    name: str
    document: Mapping[str, Any]


def read_recordings(folder: Path) -> list[Recording]:
    """Return the recordings in *folder*, sorted by name; raises `SettingError` that names a bad file or member."""
    files = sorted(folder.glob("*.json"))
    if not files:
        raise SettingError(f"{folder}: it has no recordings; expected files that end in .json")
    return [Recording(file.stem, _read(file)) for file in files]


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, RecursionError) as error:
        raise SettingError(f"{file}: {system_reason(error)}") from None
    except ValueError as error:
        raise SettingError(f"{file}: it is not valid JSON: {json_reason(error)}") from None
    for place, members in (("request", ("method", "path", "headers")), ("response", ("status", "body"))):
        part = document.get(place) if isinstance(document, dict) else None
        if not isinstance(part, dict) or not part.keys() >= {*members}:
            raise SettingError(f"{file}: {place}: expected an object with {', '.join(members)}")
    try:
        for name, value in dict(document["request"]["headers"]).items():
            check_header(name, header_value(value) if isinstance(value, str) else value)
    except (TypeError, ValueError) as error:
        raise SettingError(f"{file}: request.headers: {error}") from None
    return {**document}


Send: TypeAlias = "Callable[[str, str, Mapping[str, str], bytes], tuple[int, Any]]"
"""Sends method, path, headers and body, and returns status and body, the latter as JSON or text."""


def replay(recordings: Sequence[Recording], send: Send) -> Iterator[tuple[str, list[str]]]:
    """Send each of *recordings* in order; yield its name, and how its response differs from the recorded one.

    A placeholder of an id or a time gets its value from the first response that has it.
    """
    bound: dict[str, str] = {}
    for recording in recordings:
        request_document = recording.document["request"]
        request = json.dumps([request_document["path"], request_document.get("body")])
        if unbound := sorted({match[0] for match in _PLACEHOLDER.finditer(request)} - bound.keys()):
            yield recording.name, [f"request: no earlier response had {', '.join(unbound)}"]
            continue
        path, content = json.loads(_PLACEHOLDER.sub(lambda match: bound[match[0]], request))
        text = content if isinstance(content, str) else json.dumps(content)
        status, body = send(
            request_document["method"],
            path,
            request_document["headers"],
            text.encode() if "body" in request_document else b"",
        )
        response = recording.document["response"]
        lines = [] if status == response["status"] else [f"status: expected {response['status']}, got {status}"]
        with json_words():
            lines += _differences(response["body"], body, bound, {*response.get("any", ())})
        yield recording.name, lines


def _differences(
    expected: Any, actual: Any, bound: dict[str, str], loose: Collection[str], place: str = ""
) -> Iterator[str]:
    here = place or "body"
    if place in loose and place:
        if by_form(expected) != actual:
            yield f"{here}: expected {by_form(expected)!r}, got {brief(actual)}"
    elif isinstance(expected, dict) and isinstance(actual, dict):
        for name in {**expected, **actual}:
            path = f"{place}.{name}" if place else name
            if name not in actual:
                yield f"{path}: missing, recorded as {brief(expected[name])}"
            elif name not in expected:
                yield f"{path}: was not recorded, got {brief(actual[name])}"
            else:
                yield from _differences(expected[name], actual[name], bound, loose, path)
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{here}: expected {plural(len(expected), 'item')}, got {len(actual)}"
        for index, (item, other) in enumerate(zip(expected, actual, strict=False)):
            yield from _differences(item, other, bound, loose, f"{place}[{index}]")
    elif isinstance(expected, str) and isinstance(actual, str) and _PLACEHOLDER.search(expected):
        if not _bind(expected, actual, bound):
            with_values = _PLACEHOLDER.sub(lambda match: bound.get(match[0], match[0]), expected)
            yield f"{here}: expected {brief(with_values)}, got {brief(actual)}"
    elif type(expected) is not type(actual) or expected != actual:
        yield f"{here}: expected {brief(expected)}, got {brief(actual)}"


def _bind(expected: str, actual: str, bound: dict[str, str]) -> bool:
    """Return whether *actual* matches *expected*, and store the values of unknown placeholders in *bound*."""
    names: list[str] = []
    pattern, position = "", 0
    for match in _PLACEHOLDER.finditer(expected):
        pattern += re.escape(expected[position : match.start()])
        if match[0] in bound and match[1] == "id":
            pattern += f"(?:{re.escape(bound[match[0]])})"
        else:
            pattern += f"(?P<p{len(names)}>{_FORMS[match[1]]})"
            names.append(match[0])
        position = match.end()
    fit = re.fullmatch(pattern + re.escape(expected[position:]), actual, re.IGNORECASE)
    for index, name in enumerate(names if fit else ()):
        bound.setdefault(name, fit[f"p{index}"])  # type: ignore[index]
    return fit is not None
