"""The settings: their options, and how flags, environment and files set them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from ..json_match import brief
from ..messages import BODY_LIMIT
from .files import fixtures, merged, naming, read_config, read_data, read_rules, scenarios, scenarios_of, with_origin
from .options import (
    BOOL,
    CREDENTIAL,
    FLOAT,
    HOST,
    INT,
    PREFIX,
    RULES,
    SCENARIOS,
    SOURCE,
    STORE,
    STUBS,
    TEXT,
    Option,
    OptionType,
    RowError,
    SettingError,
    Value,
    alternatives,
    is_name,
    several,
    suggestion,
    unknown_name,
)

__all__ = [
    "BOOL",
    "CREDENTIAL",
    "FLOAT",
    "HOST",
    "INT",
    "OPTIONS",
    "RESERVED",
    "RULES",
    "SCENARIOS",
    "SOURCE",
    "STUBS",
    "TEXT",
    "Option",
    "OptionType",
    "RowError",
    "SettingError",
    "Value",
    "alternatives",
    "check_variables",
    "fixtures",
    "is_name",
    "merged",
    "naming",
    "read_config",
    "read_data",
    "read_rules",
    "resolve",
    "scenarios",
    "scenarios_of",
    "several",
    "suggestion",
    "unknown_name",
    "within",
]  # fmt: skip

RESERVED = ("ca_file", "config", "upstream", "url", "venv")
"""Variables ``SEGMENT_MOCK_...`` that are not settings, but used by other commands and the project's scripts."""

OPTIONS = (
    Option("host", "Address to listen on.", "127.0.0.1", short="H"),
    Option("port", "Port to listen on; 0 picks a free one.", 7357, INT, min=0, max=65535, short="p"),
    Option("data", "Data file (YAML or JSON) to start with, or 'demo'; may be repeated.", kind=SOURCE, many=True),
    Option("faults", "File of faults to arm (YAML or JSON, a list); may be repeated.", kind=RULES, many=True),
    Option("scenario", "Named faults to arm; 'segment-mock faults' lists them; may be repeated.", many=True),
    Option(
        "scenarios",
        "File of your own scenarios (YAML or JSON), which --scenario can then name; may be repeated.",
        kind=SCENARIOS,
        many=True,
    ),
    Option(
        "stubs",
        "File of stubs: fixed responses to calls that match no operation (YAML or JSON, a list); may be repeated.",
        kind=STUBS,
        many=True,
    ),
    Option("seed", "Random seed of ids and of faults.", 0, INT),
    Option("tls", "Serve HTTPS, with a certificate authority that the server creates.", False, BOOL),
    Option("proxy", "Answer CONNECT requests for the vendors' hosts; others are refused.", False, BOOL),
    Option(
        "credentials",
        "any: all credentials share one organization; isolated: each credential gets its own copy of the initial data; "
        "listed: only the given credentials are accepted.",
        choices=("any", "isolated", "listed"),
    ),
    Option(
        "max_organizations",
        "With --credentials isolated: how many organizations to keep; the least recently used is dropped.",
        kind=INT,
        min=1,
    ),
    Option("limits", "vendor: the vendors' limits of calls and items; off: no limits.", choices=("vendor", "off")),
    Option(
        "body_limit",
        "Longest body of a call in bytes; the control plane accepts 16 times as much.",
        BODY_LIMIT,
        INT,
        min=1,
    ),
    Option(
        "hosts",
        "Further host to treat as a vendor's, such as your gateway; with ! before it, a host to exclude; may be "
        "repeated.",
        kind=HOST,
        many=True,
    ),
    Option(
        "cors",
        "Let web pages of any site call the vendors' operations: answer CORS preflight requests.",
        False,
        BOOL,
    ),
    Option(
        "store",
        "Where to keep the state: memory, sqlite:///FILE, or redis://[:PASSWORD@]HOST:PORT/DB.",
        "memory",
        STORE,
    ),
    Option("standby", "Wait until no other process writes to the store, and take over then.", False, BOOL),
    Option("journal_size", "How many exchanges the journal keeps.", 1000, INT, min=1),
    Option("journal_bytes", "How many bytes of bodies the journal keeps.", 64 * 2**20, INT, min=1),
    Option(
        "admin_token",
        "Token that the control plane requires; needed to listen on an address that other machines reach.",
        kind=CREDENTIAL,
    ),
    Option("ready_file", "JSON file to write once the server answers: url, pid and port."),
    Option("log_format", "Format of the log of calls on stderr.", choices=("text", "json")),
    Option("time_scale", "Live server: real seconds for each second that a fault waits.", 1.0, FLOAT, min=0),
)


_OF_A_TEST = {
    "block_network": "mock.intercept(block_network=True)",
    "children": "mock.child_environment()",
    "sleep": "mock.clock.patch_sleep()",
    "transport": "mock.intercept(transport=...)",
}
"""What does in Python what the pytest plugin does for a test that has the setting."""


def resolve(
    options: Iterable[Option],
    explicit: Mapping[str, Value],
    environment: Mapping[str, str] | None = None,
    file: Mapping[str, Value] | None = None,
) -> dict[str, Value]:
    """Return the value of every option: from *explicit*, else *environment*, else *file*, else its default.

    A value of None counts as absent. Raises `SettingError` for an invalid value or an unknown name.
    """
    rows = {option.name: option for option in options}
    path, table = getattr(file, "path", ""), getattr(file, "table", "")
    from_file = {name.replace("-", "_"): value for name, value in (file or {}).items()}
    for name in explicit:
        if name in _OF_A_TEST and name not in rows:
            raise SettingError(
                f"unknown setting {name!r}: only tests have it, in the marker or in segment_mock_config; "
                f"in Python, use {_OF_A_TEST[name]}"
            )
        if name not in rows:
            raise SettingError(f"unknown setting {brief(name)}{suggestion(name, rows)}")
    with naming(path), within(f"[{table}]: " if table else ""):
        for name in file or {}:
            if name.replace("-", "_") not in rows:  # the error spells names as the file does
                names = rows if "_" in name else [row.replace("_", "-") for row in rows]
                raise SettingError(f"unknown setting {brief(name)}{suggestion(name, names)}")
    values: dict[str, Value] = {}
    for name, option in rows.items():
        # By identity and type: what a user hands over may compare in its own way, or not at all.
        if not (explicit.get(name) is None or (isinstance(explicit[name], tuple) and not explicit[name])):
            with _origin("" if environment is None else option.flag):
                values[name] = option.read(explicit[name])
        elif environment and _is_given(option, text := environment.get(option.variable)):
            with _origin(option.variable):
                values[name] = option.split(text or "")
        elif from_file.get(name) is None:
            values[name] = option.read(None)
        else:
            place = f"{table}." if table else ""
            with naming(path), within(place):
                values[name] = option.read(with_origin(from_file[name], f"{path}: {place}{name}"))
    return values


@contextmanager
def _origin(place: str) -> Iterator[None]:
    """Add *place*, a flag or a variable, to a `SettingError` of the block."""
    try:
        yield
    except SettingError as error:
        raise SettingError(f"{error} ({place})" if place else str(error)) from None


@contextmanager
def within(place: str) -> Iterator[None]:
    """Put *place*, such as ``[table]: `` of a file, before a `SettingError` of the block."""
    try:
        yield
    except SettingError as error:
        raise SettingError(f"{place}{error}") from None


def _is_given(option: Option, text: str | None) -> bool:
    """Return whether a variable with *text* sets *option*; an empty variable sets only an option that is one token."""
    # A script that meant to set a token must not get a server without one.
    return bool(text) or (text == "" and option.kind is CREDENTIAL and not option.many)


def check_variables(options: Iterable[Option], environment: Mapping[str, str]) -> None:
    """Raise `SettingError` for an unknown variable of *environment* with the prefix of the variables of *options*."""
    variables = [*(option.variable for option in options), *(PREFIX + name.upper() for name in RESERVED)]
    for name in environment:
        if name.startswith(PREFIX) and name not in variables:
            raise SettingError(f"unknown variable {brief(name)}{suggestion(name, variables)}")
