"""The pages of the Python API: each public name with its signature, docstring and members.

Readers of the repository see the text between the comments. On the site, mkdocstrings replaces it and adds the source.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib import import_module
from itertools import pairwise
from types import GenericAlias
from typing import Any, ForwardRef, NamedTuple

import segment_mock
from segment_mock import faults, vendor_api, vendor_testing
from tests.docs_site.reference.markdown import block, page, prose, table

_INTRO = """\
Every name here can be imported from `segment_mock`, unless its heading has another module. Everything else in the
package is internal and may change at any time. Times are epoch seconds and durations are seconds, unless a name says
otherwise; sizes are in bytes. Each entry lists its types and what it raises; the site also shows its source.
"""
_VENDOR_INTRO = """\
What a [vendor in a package of your own](../how-to/writing-a-vendor.md) may import. `segment_mock.vendor_api` has what
the vendor needs, and `segment_mock.vendor_testing` what its tests need. Each change that would break existing vendors
increases `VERSION`.
"""
_CLOCK = ("monotonic", "setting", "turn", "move_to", "skip", "wait", "restore")
_RULES = ("connect_failure", "apply", "check", "definitions", "restore", "restore_tallies")
_RULE = ("counters", "position", "tally", "restore", "begin", "note_unreached", "strikes", "strikes_connection")
_STUBS = ("keep", "is_initial", "forget", "operation_for", "rows", "initial_rows", "restore_initial", "restore")
"""Members that only stores and the core use."""


class ApiName(NamedTuple):
    """A public name: its module, and those of its members that are internal.

    *is_given*: users get such an object from another one and do not create it.
    """

    name: str
    home: str = "segment_mock"
    internal: tuple[str, ...] = ()
    is_given: bool = False

    @property
    def path(self) -> str:
        """The name with its module."""
        return f"{self.home}.{self.name}"

    @property
    def heading(self) -> str:
        """The name, with its module unless that is the package itself."""
        return (
            self.name if self.home == "segment_mock" or "._" in self.home else self.path.removeprefix("segment_mock.")
        )

    @property
    def value(self) -> Any:
        """The object of that name."""
        return getattr(import_module(self.home), self.name)

    @property
    def anchors(self) -> str:
        """The paths by which other entries refer to this entry."""
        value = self.value
        own = f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else self.path
        return " ".join(dict.fromkeys((self.path, own)))

    def members(self) -> Iterator[tuple[str, Any]]:
        """Yield the public members of a class of this project: its own first, in the order of the source."""
        seen = {*self.internal, *getattr(self.value, "__dataclass_fields__", ())}
        for cls in self.value.__mro__ if inspect.isclass(self.value) else ():
            if not cls.__module__.startswith(("segment_mock", "pytest_segment_mock")):
                continue
            for name, member in vars(cls).items():
                if not name.startswith("_") and name not in seen and _is_member(member):
                    seen.add(name)
                    yield name, member


GROUPS: dict[str, tuple[str, Sequence[ApiName]]] = {
    "Mocks": (
        "In this process, or in a running server.",
        (
            ApiName("SegmentMock"),
            ApiName("RemoteMock", is_given=True),
            ApiName("connect"),
            ApiName("create_app"),
        ),
    ),
    "What a mock has": (
        "Behind `mock.clock`, `mock.journal`, `mock.faults`, `mock.stubs`, `mock.salsa` and `mock.segmenter`.",
        (
            ApiName("Clock", internal=_CLOCK, is_given=True),
            ApiName("Journal", internal=("hint",), is_given=True),
            ApiName("Entry", internal=("answer", "weight", "mark", "written", "end", "is_dropped"), is_given=True),
            ApiName("FaultRules", "segment_mock.faults", _RULES, is_given=True),
            ApiName("FaultRule", internal=_RULE, is_given=True),
            ApiName("Stubs", "segment_mock.stubs", _STUBS, is_given=True),
            ApiName("Stub", "segment_mock.stubs", ("perform", "response"), is_given=True),
            ApiName("SalsaState", "segment_mock.vendors.salsa.data", ("store", "world"), is_given=True),
            ApiName("SegmenterState", "segment_mock.vendors.segmenter.data", ("store", "world"), is_given=True),
            ApiName("Snapshot", is_given=True),
            ApiName("LiveServer", internal=("start", "after_fork"), is_given=True),
        ),
    ),
    "Expected changes": (
        'What `mock.expect_changes` takes: `mock.expect_changes(salsa={"segments": added(2) + removed()})`.',
        (ApiName("added"), ApiName("removed"), ApiName("updated"), ApiName("unchanged"), ApiName("anything")),
    ),
    "Errors": ("", (ApiName("SettingError"), ApiName("NetworkBlocked"), ApiName("WouldHangForever"))),
    "pytest": (
        "Names of the plugin, for annotations. [pytest](pytest.md) has its fixtures, markers, options and keys.",
        (
            ApiName("LiveMock", "pytest_segment_mock"),
            ApiName("MockFactory", "pytest_segment_mock", ("open",), is_given=True),
            ApiName("CredentialWarning", "pytest_segment_mock"),
            ApiName("IgnoredFieldWarning", "pytest_segment_mock"),
            ApiName("RefusedCallWarning", "pytest_segment_mock"),
        ),
    ),
}
_ELSEWHERE = {row.name for _, rows in GROUPS.values() for row in rows}
FAULT_ROWS = (ApiName("Fault", "segment_mock.faults", ("as_dict",)),)


def python_page() -> str:
    """Return the page of `segment_mock` as Markdown."""
    parts = []
    for title, (about, rows) in GROUPS.items():
        parts += [f"## {title}", about, *(part for row in rows for part in entry(row))]
        if title == "What a mock has":
            parts += [*_faults()]
    parts += [
        "## Version",
        f"`segment_mock.__version__` is the version as text, such as `{segment_mock.__version__!r}`.",
    ]
    return page("Python", _INTRO, *parts)


def vendor_page() -> str:
    """Return the page of `segment_mock.vendor_api` and `segment_mock.vendor_testing` as Markdown."""
    parts = []
    for module in (vendor_api, vendor_testing):
        names = sorted(module.__all__, key=str.lower)
        plain = [name for name in names if not _is_documented(getattr(module, name))]
        parts.append(f"## `{module.__name__}`")
        if plain:
            parts.append(table(("name", "description"), [(f"`{name}`", _PLAIN[name]) for name in plain]))
        for name in names:
            if name in _ELSEWHERE:
                parts += [f"### `{name}`", f"[`segment_mock.{name}`](python.md#{name.lower()})."]
            elif name not in plain:
                parts += entry(ApiName(name, module.__name__), name)
    return page("Vendor API", _VENDOR_INTRO, *parts)


_TYPES = ("BOOL", "FLOAT", "INT", "TEXT")
_PLAIN = {
    "Json": "a JSON object: `dict[str, Any]`",
    "Key": "the key of a record in its table",
    "Record": "a record with the names of the API: `dict[str, Any]`",
    "REFUSAL_KINDS": "every kind of refusal, in order",
    "RefusalKind": "the type of a kind of refusal",
    "Transport": "the type of the names of the transports",
    "TRANSPORTS": "every transport: an intercepted client, the session of a mock, a live server, the WSGI application",
    "VERSION": "the version of this module, a whole number",
    **{name: f"the type of an `Option` that takes {getattr(vendor_api, name).title}" for name in _TYPES},
}


def _faults() -> Iterator[str]:
    yield "## Faults"
    yield (
        "`from segment_mock import faults`: each kind is a class with keyword arguments, and [Faults](faults.md) lists "
        "what they take. `faults.kinds()` returns them by name."
    )
    rows = [
        (
            f"[`faults.{kind.__name__}`](faults.md#{name})",
            f"`{_short(kind)}`",
            re.split(r"\.(?:\s|$)", prose(kind.__doc__))[0] + ".",
        )
        for name, kind in faults.kinds().items()
    ]
    yield table(("class", "arguments and defaults", "does"), rows)
    for row in FAULT_ROWS:
        yield from entry(row)


def _short(kind: Any) -> str:
    return ", ".join(f"{name}={row.default!r}" for name, row in inspect.signature(kind).parameters.items()) or "none"


def entry(row: ApiName, heading: str = "") -> Iterator[str]:
    """Yield the heading of *row* and its text, in the form for the repository and in that for the site."""
    yield f"### `{heading or row.heading}`"
    options = _options(row)
    yield "\n\n".join([f"<!-- api: {row.anchors}\n{options}-->", *_plain(row), "<!-- end api -->"])


def _options(row: ApiName) -> str:
    lines = []
    if row.internal:
        names = ", ".join(f'"!^{name}$"' for name in row.internal)
        lines.append(f'filters: ["!^_", "!^Meta$", {names}]')
    if row.is_given:
        lines.append("merge_init_into_class: false")
    value = row.value
    if inspect.isclass(value) and any(base.__module__.startswith("segment_mock") for base in value.__mro__[1:]):
        lines.append("inherited_members: true")
    return "".join(f"{line}\n" for line in lines)


def _plain(row: ApiName) -> Iterator[str]:
    value = row.value
    if inspect.isclass(value):
        yield block(f"class {row.name}" + ("" if row.is_given else _signature(value)), "py")
        yield prose(_own_docstring(value))
        for name, member in row.members():
            yield f"#### `{row.name}.{name}`"
            function = member.func if isinstance(member, cached_property) else getattr(member, "fget", member)
            function = getattr(function, "__func__", function)
            if callable(function) and not isinstance(member, (property, cached_property)):
                yield block(f"{name}{_signature(function, bound=not isinstance(member, staticmethod))}", "py")
            else:
                result = getattr(function, "__annotations__", {}).get("return")
                yield block(f"{name}: {result}" if result else name, "py")
            yield prose(inspect.getdoc(function))
    elif not callable(value):
        yield prose(_docstring_of_name(row))
    else:
        yield block(f"{row.name}{_signature(value)}", "py")
        yield prose(inspect.getdoc(value))


def _docstring_of_name(row: ApiName) -> str:
    """Return the string below the assignment of a name, in the module of the type of its value."""
    module = import_module(type(row.value).__module__)
    body = ast.parse(inspect.getsource(module)).body
    for statement, after in pairwise(body):
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if row.name in names and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return str(after.value.value)
    raise LookupError(f"{row.path} has no docstring below it")


def _own_docstring(cls: Any) -> str:
    text = cls.__doc__ or ""
    return "" if text.startswith(f"{cls.__name__}(") else text


def _signature(function: Any, *, bound: bool = False) -> str:
    """Return the signature of *function* as written in the code, on one line if it is short."""
    if inspect.isclass(function) and issubclass(function, Exception) and "__init__" not in vars(function):
        return "(message)"
    signature = inspect.signature(function)
    rows = [*signature.parameters.values()]
    arguments = [*_arguments(rows[1:] if bound and rows and rows[0].name in ("self", "cls") else rows)]
    result = signature.return_annotation
    end = f" -> {_text(result)}" if result is not signature.empty and not inspect.isclass(function) else ""
    line = f"({', '.join(arguments)}){end}"
    if len(line) <= 90:
        return line
    return "(\n" + "".join(f"    {argument},\n" for argument in arguments) + f"){end}"


def _arguments(rows: Sequence[inspect.Parameter]) -> Iterator[str]:
    has_star = False
    for row in rows:
        if row.kind is row.KEYWORD_ONLY and not has_star:
            yield "*"
        has_star = has_star or row.kind in (row.VAR_POSITIONAL, row.KEYWORD_ONLY)
        star = {row.VAR_POSITIONAL: "*", row.VAR_KEYWORD: "**"}.get(row.kind, "")
        kind = f": {_text(row.annotation)}" if row.annotation is not row.empty else ""
        equals = " = " if kind else "="
        yield f"{star}{row.name}{kind}" + ("" if row.default is row.empty else f"{equals}{_default(row.default)}")


def _text(annotation: Any) -> str:
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    return annotation if isinstance(annotation, str) else str(getattr(annotation, "__name__", annotation))


def _default(value: Any) -> str:
    """Return the source of a default value; ``...`` for values whose representation varies from run to run."""
    return "..." if callable(value) or " at 0x" in repr(value) or repr(value).startswith("<") else repr(value)


def _is_documented(member: Any) -> bool:
    kinds = (property, cached_property, staticmethod, classmethod)
    if isinstance(member, GenericAlias):
        return False
    return inspect.isclass(member) or inspect.isroutine(inspect.unwrap(member)) or isinstance(member, kinds)


def _is_member(member: Any) -> bool:
    function = getattr(member, "__func__", member)
    return _is_documented(member) and not inspect.isclass(member) and not inspect.isbuiltin(function)
