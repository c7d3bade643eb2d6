"""What the developer is told of a slip, by a header and by the journal, while the answer stays the vendor's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Any

from marshmallow import Schema, validate

from ..settings import suggestion
from .call import Call
from .schemas import members, unknown_fields

_TOLD, _LONG, _MOST = 3, 200, 1000
"""So many members that nobody reads are told by name, so many characters of each, and so many are remembered."""


def advise(call: Call, schema: Schema, data: Any, *, refused: bool = False) -> None:
    """Note in *call* which members of *data* nobody reads, and tell the names that were probably meant.

    *refused*: it does not fit *schema*, so tell of misspelt words too.
    """
    found = [*islice(unknown_fields(schema, data), _MOST)]
    call.unread = tuple(path for path, _ in found)
    if found:
        told = [f"{_cut(path)}{_meant(_cut(path.rpartition('.')[2]), known)}" for path, known in found[:_TOLD]]
        more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
        call.hints.append(f"nobody reads {', '.join(told)}{more}")
    if refused:
        call.hints += choice_hints(schema, data)


def choice_hints(schema: Schema, data: Any) -> Iterator[str]:
    """Yield a hint for each member of *data* that *schema* wants to be one of a few words, and that is none."""
    for item, name, row in members(schema, data):
        for check in row.validators:
            if isinstance(check, validate.OneOf) and isinstance(item[name], str) and item[name] not in check.choices:
                sent = _cut(item[name])
                meant = _meant(sent.upper(), tuple(map(str, check.choices)))
                yield f"{name}: {sent!r} is none{meant or f'; there are {check.choices_text}'}"


def credential_hint(header: str, headers: Mapping[str, str], others: Iterable[str] = ()) -> str:
    """Return how to send the credential that is missing; tells a header (lower case) that looks as if it were meant.

    *others* are the headers of other vendors' credentials.
    """
    wanted, plain = f"send your credential in the header {header}", _plain(header)
    sent = {_plain(name): name for name in headers if name != header.lower()}
    usual = [plain, f"x{plain}", *map(_plain, others), "authorization", "token", "xtoken"]
    near = [name for name in usual if name in sent] or get_close_matches(plain, sent, n=1, cutoff=0.6)
    return f"{wanted}, not in {sent[near[0]]}" if near else wanted


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


@lru_cache(maxsize=1024)
def _meant(name: str, known: tuple[str, ...]) -> str:
    # A client that sends what nobody reads does so in every call, and to look for the nearest takes long.
    return suggestion(name, known)


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."
