"""An example told with other names: a target that others use too must not meet the names of the print."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ._compare import by_form
from ._example import Example


def unique_names(example: Example, unique: Collection[str], mark: str) -> dict[str, str]:
    """Return a name of its own, ending in *mark*, for each that *example* has or sends; e-mails get a tag."""
    told = [example.told["state"], example.told["request"].get("body", {})]
    names: dict[str, str] = {}
    for member, text in _texts(told):
        before, at, host = text.partition("@")
        if at:
            names[text] = f"{before}+{mark}@{host}"
        elif member in unique:
            names[text] = _marked(text, mark)
    return names


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return *value* with every text that *names* has replaced, in upper case where it stood so."""
    if isinstance(value, Mapping):
        return {name: renamed(member, names) for name, member in value.items()}
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    if isinstance(value, str) and value not in names and value.lower() in names:
        return names[value.lower()].upper()
    return names.get(value, value) if isinstance(value, str) else value


def rewritten(example: Example, names: Mapping[str, str]) -> Example:
    """Return *example* with other names in all that it tells, but for its headers."""
    told = dict(example.told)
    parts = {name: renamed(told[name], names) for name in ("state", "response")}
    body = {"body": renamed(told["request"]["body"], names)} if "body" in told["request"] else {}
    return Example(example.name, {**told, **parts, "request": {**told["request"], **body}})


def loosened(value: Any, fresh: Collection[str]) -> Any:
    """Return *value* with the members called as in *fresh* compared by their form."""
    if isinstance(value, Mapping):
        return {k: by_form(v) if k in fresh else loosened(v, fresh) for k, v in value.items()}
    return [loosened(item, fresh) for item in value] if isinstance(value, list) else value


def references(row: Any) -> Iterator[str]:
    """Yield every text in *row*, by one of which another row may refer to it."""
    return (text for _, text in _texts(row))


def _marked(text: str, mark: str) -> str:
    """Return *text* ending in *mark*; a long one stays as long as it was, for it may fill a limit."""
    long = len(text) > 2 * len(mark)
    return f"{text[: -len(mark) - 1] if long else text}-{mark}"


def _texts(value: Any, member: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, name)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, member)
    elif isinstance(value, str):
        yield member, value
