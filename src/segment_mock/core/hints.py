"""Hints for the developer about mistakes. They go into a header and the journal; the vendor's body stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from marshmallow import Schema, validate

from ..settings import suggestion
from .call import Call
from .schemas import members, unknown_fields

_NAMED, _LONGEST, _MOST = 3, 200, 1000
"""How many unknown fields a hint names, how many characters of each, and how many the journal lists."""


def advise(call: Call, schema: Schema, data: Any, *, refused: bool = False) -> None:
    """Record in *call* the fields of *data* that the API ignores, and the names that were probably meant.

    *refused*: *data* is not valid by *schema*, so look for misspelt values too.
    """
    unknown = [*islice(unknown_fields(schema, data), _MOST)]
    call.unread = tuple(path for path, _ in unknown)
    if unknown:
        paths = [
            f"{_cut(path)}{_nearest_name(_cut(path.rpartition('.')[2]), names)}" for path, names in unknown[:_NAMED]
        ]
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        plural = "s" if len(unknown) > 1 else ""
        call.hints.append(f"the API ignores the unknown field{plural} {', '.join(paths)}{more}")
    if refused:
        call.hints += choice_hints(schema, data)


def choice_hints(schema: Schema, data: Any) -> Iterator[str]:
    """Yield a hint for each member of *data* whose value is not one of the choices of its field."""
    for item, name, row in members(schema, data):
        for check in row.validators:
            if isinstance(check, validate.OneOf) and isinstance(item[name], str) and item[name] not in check.choices:
                value = _cut(item[name])
                nearest = _nearest_name(value.upper(), tuple(map(str, check.choices)))
                yield f"{name}: unknown value {value!r}{nearest or f'; expected one of {check.choices_text}'}"


def credential_hint(header: str, headers: Mapping[str, str], others: Iterable[str] = ()) -> str:
    """Return how to send the missing credential, and which of *headers* was probably meant to carry it.

    *headers* have lower-case names; *others* are the headers for other vendors' credentials.
    """
    from difflib import get_close_matches  # slow to import

    advice, plain = f"send your credential in the header {header}", _letters_of(header)
    plain_headers = {_letters_of(name): name for name in headers if name != header.lower()}
    usual = [plain, f"x{plain}", *map(_letters_of, others), "authorization", "token", "xtoken"]
    near = [name for name in usual if name in plain_headers] or get_close_matches(plain, plain_headers, n=1, cutoff=0.6)
    return f"{advice}, not in {plain_headers[near[0]]}" if near else advice


def _letters_of(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


@lru_cache(maxsize=1024)
def _nearest_name(name: str, names: tuple[str, ...]) -> str:
    # Cached, because a client sends an unknown field in every call: it saves 555,000 instructions, more than the call.
    return suggestion(name, names)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
