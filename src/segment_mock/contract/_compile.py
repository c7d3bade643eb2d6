"""A schema written out as one Python function, for data that is plainly valid.

Lists and objects stand in line: to call a function for each takes longer than to look at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeAlias

from marshmallow import EXCLUDE, Schema, fields, missing

from ._shape import Batch, Lenient, unread

Surplus: TypeAlias = list[None]
Check: TypeAlias = Callable[[Any, Surplus], Any]


class Unclear(Exception):
    """Not plainly valid: let marshmallow say what is wrong, if anything is."""


def compiled(schema: Schema) -> Check:
    """Return a function that loads data as *schema* does, or raises `Unclear` or marshmallow's ValidationError.

    What need not change is not copied. It adds to its second argument if some object has a member that nobody reads.
    """
    code = _Code()
    code.object("data", schema)
    lines = "\n    ".join(code.lines)
    try:
        exec(f"def check(data, surplus):\n    {lines}\n    return data", code.names)  # noqa: S102 - a schema's own names, quoted
    except SyntaxError:  # nested deeper than Python takes
        return _unclear
    check: Check = code.names["check"]
    return check


class _Code:
    """The lines of a function, and what its names stand for; each part checks a variable, and may set it anew."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"Unclear": Unclear}
        self._margin = ""
        self._variables = 0

    def object(self, value: str, schema: Schema) -> None:
        """Check that *value* holds an object of *schema*."""
        if not _is_plain(schema):
            self._say("raise Unclear")
            return
        get, known, loaded = self._variable("get"), self._variable("known"), self._variable("loaded")
        self._say(f"if type({value}) is not dict: raise Unclear")
        self._say(f"{get}, {known}, {loaded} = {value}.get, 0, {value}")
        for name, field in schema.load_fields.items():
            if type(field) is fields.String:
                self._text(value, repr(name), field, get, known)
            else:
                self._member(value, repr(name), field, known, loaded)
        with self._block(f"if {known} != len({value}):"):
            self._say("surplus.append(None)")
            names = self._constant(tuple(schema.load_fields))
            self._say(f"{loaded} = {{name: {loaded}[name] for name in {names} if name in {loaded}}}")
        for rule in getattr(schema, "rules", ()):
            self._say(f"{self._constant(rule)}({loaded})")
        for shape in getattr(schema, "shapes", ()):
            self._say(f"{loaded} = {self._constant(shape)}({loaded})")
        self._say(f"{value} = {loaded}")

    def _text(self, value: str, name: str, field: fields.String, get: str, known: str) -> None:
        member = self._variable("text")
        self._say(f"{member} = {get}({name})")
        with self._block(f"if type({member}) is str:"):
            self._say(f"{known} += 1")
            self._judge(member, field)
        if field.allow_none:
            with self._block(f"elif {member} is None and {name} in {value}:"):
                self._say(f"{known} += 1")
        self._say("else: raise Unclear" if field.required else f"elif {name} in {value}: raise Unclear")

    def _member(self, value: str, name: str, field: fields.Field[Any], known: str, loaded: str) -> None:
        member = self._variable("member")
        with self._block(f"if {name} in {value}:"):
            self._say(f"{known} += 1")
            self._say(f"{member} = {value}[{name}]")
            self._field(member, field)
            self._say(f"if {member} is not {value}[{name}]: {loaded} = {{**{loaded}, {name}: {member}}}")
        if field.required:
            self._say("else: raise Unclear")

    def _field(self, value: str, field: fields.Field[Any]) -> None:
        if _is_inline(field):
            with self._block(f"if {value} is not None:") if field.allow_none else nullcontext():
                self._inside(value, field)
                self._judge(value, field)
        elif isinstance(field, fields.Nested):
            self._say("raise Unclear")
        elif isinstance(field, fields.Integer) or (isinstance(field, fields.Boolean) and _is_usual(field)):
            kind = "int" if isinstance(field, fields.Integer) else "bool"
            self._say(f"if type({value}) is not {kind}: {value} = {self._constant(field.deserialize)}({value})")
            if field.validators:
                with self._block("else:"):
                    self._judge(value, field)
        elif isinstance(field, Batch):
            self._say(f"{value} = {self._constant(_batch(field))}({value}, surplus)")
        else:
            self._say(f"{value} = {self._constant(field.deserialize)}({value})")

    def _inside(self, value: str, field: fields.Field[Any]) -> None:
        if isinstance(field, fields.Nested):
            self.object(value, field.schema)
        elif isinstance(field, fields.List):
            self._list(value, field.inner)
        else:
            self._say(f"if type({value}) is not str: raise Unclear")

    def _list(self, value: str, inner: fields.Field[Any]) -> None:
        number, item, made = self._variable("number"), self._variable("item"), self._variable("made")
        self._say(f"if type({value}) is not list: raise Unclear")
        self._say(f"{made} = {value}")
        with self._block(f"for {number}, {item} in enumerate({value}):"):
            self._field(item, inner)
            with self._block(f"if {item} is not {value}[{number}]:"):
                self._say(f"if {made} is {value}: {made} = [*{value}]")
                self._say(f"{made}[{number}] = {item}")
        self._say(f"{value} = {made}")

    def _judge(self, value: str, field: fields.Field[Any]) -> None:
        for judge in field.validators:
            holds = getattr(judge, "holds", None)
            asked = f"{self._constant(holds or judge)}({value})"
            self._say(f"if not {asked}: raise Unclear" if holds else asked)

    def _say(self, line: str) -> None:
        self.lines.append(self._margin + line)

    @contextmanager
    def _block(self, head: str) -> Iterator[None]:
        self._say(head)
        outer, self._margin = self._margin, f"{self._margin}    "
        yield
        self._margin = outer

    def _variable(self, kind: str) -> str:
        self._variables += 1
        return f"{kind}{self._variables}"

    def _constant(self, thing: Any) -> str:
        name = f"constant{len(self.names)}"
        self.names[name] = thing
        return name


def _is_plain(schema: Schema) -> bool:
    # marshmallow 3.13 lists hooks by name, later versions as tuples that begin with the name.
    listed = [hook for hooks in type(schema).resolve_hooks().values() for hook in hooks]
    hooks = {hook if isinstance(hook, str) else hook[0] for hook in listed}
    rows = schema.load_fields.values()
    moved = any(row.data_key or row.attribute or row.load_default is not missing for row in rows)
    return schema.unknown == EXCLUDE and not moved and hooks <= Lenient.HOOKS


def _is_inline(field: fields.Field[Any]) -> bool:
    if type(field) is fields.Nested:
        return not (field.many or field.schema.many) and field.unknown in (None, EXCLUDE)
    return type(field) in (fields.List, fields.String)


def _is_usual(field: fields.Boolean) -> bool:
    return True in field.truthy and False in field.falsy


def _unclear(*_: Any) -> Any:
    raise Unclear


def _batch(field: Batch) -> Check:
    rows = field.schema.load_fields
    knows = frozenset(rows).issuperset
    flat = all(type(row) is fields.String for row in rows.values())

    def check(value: Any, surplus: Surplus) -> Any:
        items = field.deserialize(value)
        if not (flat and all(map(knows, items))) and next(unread(field.schema, items), None):
            surplus.append(None)
        return items

    return check
