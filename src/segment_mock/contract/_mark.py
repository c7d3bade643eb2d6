"""On whose word a rule is known: the vendor's document's, a recording's, or nobody's."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from marshmallow import fields

Mark: TypeAlias = Literal["documented", "recorded", "assumed"]
ASSUMED = "assumed"


def known(source: str) -> dict[str, Any]:
    """Return what a marshmallow field is given besides when its rule is known from *source*.

    *source* is ``DOCUMENT, SECTION``, or begins with ``recorded`` or ``assumed``; after a ``;`` stands
    what of it is assumed all the same.
    """
    return {"metadata": {"source": source}}


def source_of(field: fields.Field[Any]) -> str:
    """Return the source of *field*'s rule; whoever names none has assumed it."""
    return str(field.metadata.get("source", ASSUMED))


def mark(source: str) -> Mark:
    """Return the mark of what *source* tells first."""
    if source.startswith("assumed"):
        return "assumed"
    return "recorded" if source.startswith("recorded") else "documented"


def doubt(source: str) -> str:
    """Return the parts of *source* that are assumed, without that word; ``""`` if there are none."""
    parts = [part.strip() for part in source.split(";")]
    told = [
        part.removesuffix("is assumed").removesuffix("assumed").strip() or "all" for part in parts if "assumed" in part
    ]
    return ", ".join(told)


def rule_of(field: Any) -> str:
    """Return what *field* takes in a few words: its kind, whether it must be there, its bounds and choices."""
    words = [type(field).__name__.lower()]
    words += ["required"] if field.required else []
    words += ["may be null"] if field.allow_none else []
    for check in field.validators:
        least, most, choices = (getattr(check, name, None) for name in ("min", "max", "choices"))
        words += [f"at least {least}"] if least is not None else []
        words += [f"at most {most}"] if most is not None else []
        words += [f"one of {', '.join(map(str, choices))}"] if choices else []
    return ", ".join(words)
