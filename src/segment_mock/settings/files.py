"""The user's files: settings, initial data, faults, stubs and scenarios."""

from __future__ import annotations

import json
import marshal
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from functools import cache
from math import inf, isfinite
from pathlib import Path
from typing import Any

import msgspec

from ..json_match import MAX_DEPTH, MAX_DIGITS, brief, is_deep, is_json_in_force, json_words
from ..wording import comma_list, json_reason, system_reason
from .options import RowError, SettingError, Value, suggestion

_NAMES = ("segment-mock.yaml", "pyproject.toml")
_TABLE = "tool.segment-mock"
_SCENARIO = ("about", "faults")
_CONFIG_FORM = '{"seed": 1, "data": ["data.yaml"]}'
_SCENARIO_FORM = '{"outage": {"about": "Salsa fails", "faults": [{"kind": "error"}]}}'
_ONE_SCENARIO_FORM = '{"about": "Salsa fails", "faults": [{"kind": "error"}]}'
STUBS = "stubs"
"""The part of a data file with stubs, beside the parts of the vendors."""
_LARGEST = 256 * 2**20
_MOST_VALUES = 10_000_000
"""How many values a YAML file may have when its aliases are expanded."""
_TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep"
_NUMBER = re.compile(r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
_BASES = {"b": 2, "o": 8, "x": 16}
_PLACE = re.compile(
    r"(?:data\.)?(?P<part>[^.:\[\]]+)(?:\.(?P<collection>[^.:\[\]]+))?(?:\[(?P<index>[0-9]+)\])?(?=[.:\[]|$)"
)
DATA_FORM = '{"salsa": {"segments": [{"name": "Donors"}]}}'
"""A data file as an example for messages, in a notation that is JSON, YAML and Python."""
_TAG = re.compile("could not determine a constructor for the tag '(?P<name>[^']*)'")
_BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def fixtures() -> Path:
    """Return the folder of the shipped examples, in a checkout or in an installed wheel."""
    package = Path(__file__).parents[1]
    shipped = package / "fixtures"
    return shipped if shipped.is_dir() else package.parents[1] / "fixtures"


class ConfigFile(dict[str, Value]):
    """The settings of a file, its *path*, and the *table* of the file that has them, ``""`` for the whole file."""

    def __init__(self, settings: Mapping[str, Value], path: Path) -> None:
        super().__init__(settings)
        self.path, self.table = str(path), _TABLE if path.suffix == ".toml" else ""


class InlineValue(dict[str, Value]):
    """A dictionary in a file of settings, and its place there: *origin*, such as ``segment-mock.yaml: data[1]``."""

    def __init__(self, value: Mapping[str, Value], origin: str) -> None:
        super().__init__(value)
        self.origin = origin


def with_origin(value: Value, origin: str) -> Value:
    """Return *value* with its dictionaries as `InlineValue`; *origin* is its place in a settings file."""
    if isinstance(value, list):
        return [with_origin(item, f"{origin}[{index}]") for index, item in enumerate(value)]
    return InlineValue(value, origin) if isinstance(value, Mapping) else value


@contextmanager
def naming(source: Any, *roots: str) -> Iterator[None]:
    """Prefix a `SettingError` of the ``with`` block with *source*, if *source* is the name of a file or is in one.

    *roots* are names of the whole document at the beginning of an error. A file has no such name, so it is removed.
    """
    origin = getattr(source, "origin", "") if isinstance(source, Mapping) else source if isinstance(source, str) else ""
    try:
        with json_words(is_json_in_force() or bool(origin)):
            yield
    except SettingError as error:
        if not origin or str(error).startswith(origin):
            raise
        text = str(error)
        for root in roots:
            text = text.removeprefix(root)
        raise SettingError(f"{origin}: {text}") from None


def is_from_file(source: Any) -> bool:
    """Return whether *source*, a value of a setting, is the name of a file or is in one."""
    return isinstance(source, (str, InlineValue))


def located(error: SettingError, sources: Iterable[Value], argument: str = "") -> SettingError:
    """Return *error*, which is about a row of the document from `merged`, with each place as in *sources*.

    *argument* is the name of the argument that has the dictionaries among *sources* (default: none).
    """
    sources = [*sources]
    labels = _labels(sources, argument)
    place, other = (error.place, error.other) if isinstance(error, RowError) else (str(error), "")
    number, place = _place_in(sources, place)
    if number is None:
        return SettingError(f"{labels[0]}: {error}") if len(labels) == 1 and labels[0] else error
    place = _join(sources[number], labels[number], place)
    if not isinstance(error, RowError):
        return SettingError(place)
    other_number, other = _place_in(sources, other)
    if other_number is not None and (other_number != number or not isinstance(sources[number], str)):
        other = _join(sources[other_number], labels[other_number], other)
    return RowError(place, error.problem, other)


def _labels(sources: list[Value], argument: str) -> list[str]:
    """Return the beginning of places in each of *sources*: its file, its place in a file, or *argument*."""
    return [
        source
        if isinstance(source, str)
        else getattr(source, "origin", f"{argument}[{index}]" if argument and len(sources) > 1 else argument)
        for index, source in enumerate(sources)
    ]


def _join(source: Value, label: str, place: str) -> str:
    if not label:
        return place
    return f"{label}: {place}" if isinstance(source, str) else f"{label}.{place}"


def _place_in(sources: list[Value], text: str) -> tuple[int | None, str]:
    """Return the index of the source that has the place with which *text* begins, and *text* with that source's place.

    *text* begins with a place in the document of all *sources*. If no source has it, return None and *text*.
    """
    match = _PLACE.match(text)
    if match is None:
        return None, text
    name, collection, number = match["part"], match["collection"], match["index"]
    index = int(number) if number else 0
    for position, source in enumerate(sources):
        document = (source if isinstance(source, Mapping) else _load(_path_of(source))) or {}
        rows = document.get(name)
        if collection:
            rows = rows.get(collection) if isinstance(rows, Mapping) else None
        if number is None:
            if rows is None:
                continue
        else:
            count = len(rows) if isinstance(rows, list) else 1 if rows and not collection else 0
            if index >= count:
                index -= count
                continue
        place = match[0].removeprefix("data.").partition("[")[0] + (f"[{index}]" if number else "")
        return position, f"{place}{text[match.end() :]}"
    return None, text


def read_config(path: str | None = None) -> Mapping[str, Value]:
    """Return the settings of the file *path*.

    The default is ``segment-mock.yaml``, or the table ``[tool.segment-mock]`` of ``pyproject.toml``, in the working
    directory. Raises `SettingError` if the file is missing, invalid or not a dictionary.
    """
    if path is not None:
        settings = _table(Path(path))
        if settings is None:
            raise SettingError(f"{path}: it has no table [{_TABLE}]")
        return ConfigFile(settings, Path(path))
    for file in filter(Path.is_file, map(Path, _NAMES)):
        if settings := _table(file):
            return ConfigFile(settings, file)
    return {}


def read_data(source: str) -> Any:
    """Return the content of a data file, or of the shipped file for ``demo``; raises `SettingError`."""
    return _load(_path_of(source))


def read_rules(path: str) -> Any:
    """Return the rules of a fault file (YAML or JSON); raises `SettingError` if it can't be read."""
    return _load(Path(path))


def scenarios() -> dict[str, dict[str, Any]]:
    """Return the shipped scenarios by name, with ``about`` (a sentence) and ``faults``."""
    shipped: dict[str, dict[str, Any]] = _load(fixtures() / "scenarios.yaml")
    return shipped


def scenarios_of(sources: Iterable[Value]) -> dict[str, dict[str, Any]]:
    """Return the user's own scenarios, from files and dictionaries, by name.

    The form is ``{name: {about: sentence, faults: [rule, ...]}}``. Raises `SettingError` with file and place.
    """
    sources = [*sources]
    shipped_scenarios, own = scenarios() if sources else {}, dict[str, dict[str, Any]]()
    for source, label in zip(sources, _labels(sources, "scenarios"), strict=True):
        read = source if isinstance(source, Mapping) else _load(Path(source))
        for name, scenario in _mapping(read, label, "scenarios", _SCENARIO_FORM).items():
            place = _join(source, label, name)
            if name in shipped_scenarios or name in own:
                raise SettingError(f"{place}: another scenario already has this name")
            for member in _mapping(scenario, place, "about and faults", _ONE_SCENARIO_FORM):
                if member not in _SCENARIO:
                    near = suggestion(member, _SCENARIO)
                    raise SettingError(
                        f"{place}: unknown member {member!r}{near}; expected one of {comma_list(_SCENARIO)}"
                    )
            own[name] = _scenario(place, scenario or {})
    return own


def place_of_scenario(name: str, sources: Iterable[Value]) -> str:
    """Return the place of the scenario *name* in one of *sources*."""
    sources = [*sources]
    labels = zip(sources, _labels(sources, "scenarios"), strict=True)
    return next(_join(source, label, name) for source, label in labels if name in scenarios_of([source]))


def _scenario(place: str, scenario: Mapping[str, Any]) -> dict[str, Any]:
    about, faults = scenario.get("about"), scenario.get("faults")
    if about is not None and not isinstance(about, str):
        raise SettingError(f"{place}.about: {brief(about)} is not text")
    if not isinstance(faults, list) or not faults:
        raise SettingError(f"{place}.faults: expected a list of rules, got {brief(faults)}")
    return {"about": about or "", "faults": faults}


def merged(sources: Iterable[Value], argument: str = "") -> dict[str, dict[str, Any]]:
    """Return data files and copies of dictionaries as one document; their lists are joined in order.

    *argument* is the name of the argument that has the dictionaries, for errors (default: none).

    The form is ``{vendor: {collection: [row, ...]}}``. Stubs are beside the vendors, as ``{"stubs": [stub, ...]}``, and
    are returned as ``{"stubs": {"stubs": [...]}}``. Raises `SettingError` with file and place.
    """
    document: dict[str, dict[str, Any]] = {}
    sources = [*sources]
    for source, label in zip(sources, _labels(sources, argument), strict=True):
        with json_words(is_json_in_force() or is_from_file(source)):
            _merge(source, label, document)
    return document


def _merge(source: Value, label: str, document: dict[str, dict[str, Any]]) -> None:
    read = source if isinstance(source, Mapping) else _load(_path_of(source))
    for vendor, collections in _mapping(read, label or "data", "vendors", DATA_FORM).items():
        if vendor == "$schema":  # by which an editor completes the file
            continue
        if vendor == STUBS:
            stubs = collections if isinstance(collections, list) else [collections]
            document.setdefault(STUBS, {}).setdefault(STUBS, []).extend(stubs)
            continue
        merged_collections = document.setdefault(vendor, {})
        part = _mapping(collections, _join(source, label, vendor), "collections", DATA_FORM)
        for name, rows in part.items():
            if rows is not None and not isinstance(rows, list):
                place = _join(source, label, f"{vendor}.{name}")
                raise SettingError(f"{place}: expected a list of records, got {brief(rows)}; the form is {DATA_FORM}")
            merged_collections.setdefault(name, []).extend(
                _copied(rows or [], label or "data") if source is read else rows or []
            )


def _copied(rows: list[Any], place: str) -> list[Any]:
    """Return a deep copy of *rows*, at *place*, so that the user may change the originals."""
    try:
        copy: list[Any] = marshal.loads(marshal.dumps(rows))  # noqa: S302 - own bytes; 30 times as fast as deepcopy
    except ValueError:  # values of types that JSON does not have
        try:
            return deepcopy(rows)
        except Exception as error:  # whatever objects of the user's raise
            raise SettingError(f"{place}: a record has a value that can't be copied: {brief(str(error))}") from None
    return copy


def _path_of(source: str) -> Path:
    return fixtures() / "demo.yaml" if source == "demo" else Path(source)


def _mapping(value: Any, place: str, members: str = "names and values", form: str = "") -> Mapping[str, Any]:
    """Return *value*, which has to be a dictionary of *members*; *form* is an example for the error."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        example = form and f"; the form is {form}"
        raise SettingError(f"{place}: expected a dictionary of {members}, got {_noun(value)}{example}")
    for name in value:
        if not isinstance(name, str):
            raise SettingError(f"{place}: {brief(name)} is not a name; if it is meant as a name, quote it")
    return value


def _noun(value: Any) -> str:
    """Return a description of *value* of a file: ``a list`` or the value itself."""
    return "a list" if isinstance(value, (list, tuple)) else brief(value)


def _table(path: Path) -> Mapping[str, Value] | None:
    if path.suffix != ".toml":
        return _mapping(_load(path), str(path), "settings", _CONFIG_FORM)
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document = tomllib.loads(_read(path))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from None
    table = _mapping(document.get("tool"), f"{path}: [tool]").get("segment-mock")
    return None if table is None else _mapping(table, f"{path}: [{_TABLE}]")


def _load(path: Path) -> Any:
    try:
        text = _read(path)
        document = _parse_json(text) if path.suffix == ".json" else _parse_yaml(text)
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from None
    if is_deep(document):
        raise SettingError(f"{path}: {_TOO_DEEP}")
    return document


def _unreadable(path: Path, error: Exception) -> SettingError:
    """Return the error for the file *path*, which can't be read because of *error*."""
    if isinstance(error, json.JSONDecodeError):
        return SettingError(f"{path}: it is not valid JSON: {json_reason(error)}")
    if isinstance(error, FileNotFoundError):
        near = suggestion(str(path), ["demo"])
        try:
            folder = str(Path.cwd())
        except FileNotFoundError:
            folder = "no longer there"
        return SettingError(f"{path}: {system_reason(error)}{near}; the current folder is {folder}")
    return SettingError(f"{path}: {' '.join(system_reason(error).split())}")


def _parse_json(text: str) -> Any:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError):  # the standard library accepts more, and its errors are better
        document = json.loads(
            text, parse_int=_whole_number, parse_float=_finite, parse_constant=_finite, object_pairs_hook=_Members
        )
        _refuse_repeated_names(document)
        return document
    # Most files have each name directly before its colon, and these two characters nowhere else.
    if any(f"{space}:" in text for space in " \t\r\n") or text.count('":') != _count_members(document):
        members = None
        with suppress(RecursionError, ValueError):  # what is too deep or too long is refused elsewhere
            members = json.loads(text, object_pairs_hook=_Members)
        _refuse_repeated_names(members)
    return document  # plain dictionaries, which load several times as fast as others


class _Members(dict[str, Any]):
    """An object of JSON; *repeated* is a name that it has twice."""

    repeated: str | None = None

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        if len(self) != len(pairs):
            names = [name for name, _ in pairs]
            self.repeated = next(name for name in names if names.count(name) > 1)


def _count_members(document: Any) -> int:
    """Return how many members all objects in *document* have."""
    count, rest = 0, [document]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            count += len(value)
            value = value.values()
        elif not isinstance(value, list):
            continue
        rest.extend(each for each in value if isinstance(each, (dict, list)))
    return count


def _refuse_repeated_names(document: Any) -> None:
    """Raise ValueError with the place of the first object that has a name twice."""
    rest: list[tuple[str, Any]] = [("", document)]
    while rest:
        place, value = rest.pop()
        if isinstance(value, _Members):
            if value.repeated is not None:
                raise ValueError(f"{place and f'{place[1:]}: '}the name {brief(value.repeated)} occurs twice")
            parts: Iterable[tuple[str, Any]] = ((f"{place}.{name}", each) for name, each in value.items())
        elif isinstance(value, list):
            parts = ((f"{place}[{index}]", each) for index, each in enumerate(value))
        else:
            continue
        rest += reversed([part for part in parts if isinstance(part[1], (dict, list))])


def _read(path: Path) -> str:
    with path.open("rb") as file:
        text = file.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise ValueError(f"the file is larger than {_LARGEST // 2**20} MiB")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(f"byte {error.object[error.start]:#04x} in line {line} is not UTF-8") from None


def _parse_yaml(text: str) -> Any:
    """Return *text* as plain data: dates stay text, and no Python object is constructed.

    Raises ValueError for invalid YAML, a tag that names a Python type, nesting that is too deep, and aliases
    that expand to too many values.
    """
    import yaml  # slow to import, and most mocks need no file

    loader = _loader(yaml)
    try:
        if _may_be_deep(text):
            _measure(yaml.parse(text, loader))
        value = yaml.load(text, loader)  # noqa: S506 - a safe one
    except yaml.YAMLError as error:
        too_deep = "maximum nesting depth" in str(error)  # libyaml's own limit, since PyYAML 6.0.4
        raise ValueError(_TOO_DEEP if too_deep else _yaml_reason(error)) from None
    if "&" in text and _weight(value, {}) > _MOST_VALUES:
        raise ValueError(f"its aliases expand to more than {_MOST_VALUES:,} values")
    return value


def _yaml_reason(error: Any) -> str:
    """Return the message of *error*, of PyYAML, with its place in the file."""
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
    if tag := _TAG.match(problem or ""):
        name = tag["name"].replace("tag:yaml.org,2002:", "!!")
        return f"its tag {name!r} is not supported; expected only plain data, as in JSON{place}"
    context, start = getattr(error, "context", None), getattr(error, "context_mark", None)
    around = f" {context} that begins in line {start.line + 1}" if context and start is not None else ""
    return f"it is not valid YAML: {problem or str(error)}{place}{around}"


@cache
def _loader(yaml: Any) -> Any:
    """Return a safe loader for the types of JSON only: no dates, sets, bytes or numbers in base 60."""
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    prefix = "tag:yaml.org,2002:"

    def scalar(convert: Callable[[str], Any]) -> Callable[[Any, Any], Any]:
        def construct(loader: Any, node: Any) -> Any:
            try:
                return convert(loader.construct_scalar(node))
            except ValueError as error:
                raise ValueError(f"{error}, line {node.start_mark.line + 1}") from None

        return construct

    def flatten_mapping(self: Any, node: Any) -> None:
        if not hasattr(node, "is_checked"):  # a merge repeats names, and what is merged comes here again
            node.is_checked = True
            names: set[tuple[str, str]] = set()
            for key, _ in node.value:
                if isinstance(key.value, str) and (key.tag, key.value) in names:
                    line = key.start_mark.line + 1
                    raise ValueError(
                        f"the name {brief(key.value)} occurs twice in one dictionary, again in line {line}"
                    )
                if isinstance(key.value, str):
                    names.add((key.tag, key.value))
        # A merge (<<) copies pairs, and a merge of merges copies them again; keep each name once.
        base.flatten_mapping(self, node)
        if len(node.value) > _MANY_PAIRS:
            pairs = {(key.tag, key.value if isinstance(key.value, str) else id(key)): (key, value)
                     for key, value in node.value}  # fmt: skip
            node.value = [*pairs.values()]

    # A date is a string in JSON, so it stays text even without quotes. So does 1:30, which is 90 in YAML 1.1.
    resolvers = {
        first: [(tag, _plain_number(tag, pattern)) for tag, pattern in rows if tag != f"{prefix}timestamp"]
        for first, rows in base.yaml_implicit_resolvers.items()
    }
    constructors = {
        tag: construct
        for tag, construct in base.yaml_constructors.items()
        if tag is None or tag.removeprefix(prefix) in ("null", "str", "seq", "map")
    }
    constructors |= {
        f"{prefix}int": scalar(_whole_number),
        f"{prefix}float": scalar(_finite),
        f"{prefix}bool": scalar(_boolean),
    }
    members = {
        "yaml_implicit_resolvers": resolvers,
        "yaml_constructors": constructors,
        "flatten_mapping": flatten_mapping,
    }
    return type("Loader", (base,), members)


_MANY_PAIRS = 100


def _plain_number(tag: str, pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Return *pattern* without the numbers of base 60."""
    kind = tag.rpartition(":")[2]
    return re.compile(rf"(?!.*:)(?:{pattern.pattern})", pattern.flags) if kind in ("int", "float") else pattern


def _whole_number(text: str) -> int:
    """Return *text*, a whole number of YAML 1.1 in base 2, 8, 10 or 16."""
    if len(text) > MAX_DIGITS:
        raise ValueError(f"{text[:20]}... has more than {MAX_DIGITS} digits")
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{brief(text, 50)} is not a whole number")
    digits = text.replace("_", "").lstrip("+-")
    base = _BASES.get(digits[1:2], 8 if digits[:1] == "0" and digits != "0" else 10)
    number = int(digits[2:] if digits[1:2] in _BASES else digits, base)
    return -number if text.startswith("-") else number


def _finite(text: str) -> float:
    number = (
        float(text.replace("_", "")) if len(text) <= MAX_DIGITS and not text.lower().endswith(("inf", "nan")) else inf
    )
    if isfinite(number):
        return number
    raise ValueError(f"{brief(text, 50)} is not a number that JSON can carry")


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError(f"{brief(text, 50)} is neither true nor false")
    return _BOOLEANS[text.lower()]


def _may_be_deep(text: str) -> bool:
    """Return whether *text* has enough brackets or indentation for more levels than are allowed."""
    brackets = text.count("[") + text.count("{")
    return brackets > MAX_DEPTH or max(map(len, text.splitlines()), default=0) > MAX_DEPTH


def _measure(events: Any) -> None:
    # The loader recurses on C's stack, which Python does not guard; nesting that is too deep would end the process.
    depth = 0
    for event in events:
        name = type(event).__name__
        depth += name in ("MappingStartEvent", "SequenceStartEvent")
        depth -= name in ("MappingEndEvent", "SequenceEndEvent")
        if depth > MAX_DEPTH:
            raise ValueError(_TOO_DEEP)


def _weight(value: Any, weights: dict[int, int]) -> int:
    """Return the number of values in *value* with aliases expanded; too many if *value* contains itself."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in weights:
        weights[id(value)] = _MOST_VALUES + 1
        inner = value.values() if isinstance(value, dict) else value
        weights[id(value)] = 1 + sum(_weight(item, weights) for item in inner)
    return weights[id(value)]
