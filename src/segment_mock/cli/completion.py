"""``segment-mock completion``: the scripts for shells, and the completions that they offer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import TypeAlias

import click
from click.shell_completion import CompletionItem, get_completion_class

from ..settings import BOOL, FLOAT, INT, RULES, SCENARIOS, SOURCE, STUBS, Option, SettingError

Completer: TypeAlias = "Callable[[click.Context, click.Parameter, str], list[CompletionItem]]"
VARIABLE = "_SEGMENT_MOCK_COMPLETE"
_SHELLS = {
    "bash": 'eval "$(segment-mock completion bash)"  # in ~/.bashrc',
    "zsh": 'eval "$(segment-mock completion zsh)"  # in ~/.zshrc, after compinit',
    "fish": "segment-mock completion fish > ~/.config/fish/completions/segment-mock.fish",
}
_DATA_FILES = (".yaml", ".yml", ".json")


@click.command(
    "completion",
    epilog="\b\n" + "\n".join(_SHELLS.values()),
)
@click.argument("shell", type=click.Choice([*_SHELLS]))
def completion(shell: str) -> None:
    """Print a completion script for SHELL.

    It completes commands, flags and their values, such as operations. Bash has to be 4.4 or newer. Running the command
    with _SEGMENT_MOCK_COMPLETE=bash_source prints the same script.
    """
    root = click.get_current_context().find_root()
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(root.command, {}, root.info_name or "segment-mock", VARIABLE).source())


# The completers. They raise nothing, because a traceback would disturb the user's command line.


def of(names: Callable[[], Iterable[str] | Mapping[str, str]]) -> Completer:
    """Return a completer of *names*; shells that can do so show the values of a mapping as descriptions."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        offered: Iterable[str] | Mapping[str, str] = ()
        with suppress(SettingError, OSError):
            offered = names()
        texts = offered if isinstance(offered, Mapping) else {}
        return [CompletionItem(name, help=texts.get(name)) for name in offered if name.startswith(incomplete)]

    return complete


def files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Make the shell complete the name of a file."""
    return [CompletionItem(incomplete, type="file")]


def names_or_files(names: Callable[[], Iterable[str] | Mapping[str, str]]) -> Completer:
    """Return a completer of *names* and data files, or of all files by the shell if no name matches."""
    of_names = of(names)

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        items = of_names(context, parameter, incomplete)
        # A shell completes files itself only if it gets no other completions.
        return [*items, *_data_files(incomplete)] if items else files(context, parameter, incomplete)

    return complete


def _data_files(incomplete: str) -> list[CompletionItem]:
    entries: list[CompletionItem] = []
    with suppress(OSError):
        for entry in sorted(Path.cwd().iterdir()):
            if entry.name.startswith(incomplete) and not (entry.name.startswith(".") and not incomplete):
                if entry.is_dir():
                    entries.append(CompletionItem(f"{entry.name}/"))
                elif entry.suffix in _DATA_FILES:
                    entries.append(CompletionItem(entry.name))
    return entries


def operations() -> dict[str, str]:
    """Return the name of each operation, with its method and path.

    Globs such as ``salsa.*`` are not offered, because bash would expand them to names of files.
    """
    from ..vendors import find_vendors

    return {
        f"{vendor.name}.{row.name}": f"{row.method} {vendor.root}{row.paths[0]}"
        for vendor in find_vendors()
        for row in vendor.operations
    }


def vendors() -> dict[str, str]:
    """Return the name of each vendor, with its title."""
    from ..vendors import find_vendors

    return {vendor.name: vendor.title for vendor in find_vendors()}


def fault_kinds() -> dict[str, str]:
    """Return each kind of fault with its description, and the aliases."""
    from ..faults import ALIASES, kinds

    descriptions = {name: " ".join((kind.__doc__ or "").split()) for name, kind in kinds().items()}
    return {**descriptions, **{alias: str(definition["kind"]) for alias, definition in ALIASES.items()}}


def scenarios(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete scenarios: the shipped ones, and those of the files of --scenarios."""
    from ..settings import scenarios as shipped
    from ..settings import scenarios_of

    descriptions = {name: row["about"] for name, row in shipped().items()}
    with suppress(SettingError):
        sources = context.params.get("scenarios") or context.params.get("own") or ()
        descriptions |= {name: row["about"] for name, row in scenarios_of(sources).items()}
    return of(lambda: descriptions)(context, parameter, incomplete)


def fault_settings(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete NAME=VALUE for the preceding kind of fault: its settings, and the conditions of a rule."""
    from ..faults import ALIASES, WHEN, kinds, option

    kind = str(context.params.get("fault"))
    kind = ALIASES.get(kind, {"kind": kind})["kind"]
    rows = {row.name: row for row in WHEN}
    if kind in kinds():
        rows |= {row.name: row for row in map(option, fields(kinds()[kind]))}
    name, equals, value = incomplete.partition("=")
    before = [*(context.params.get("settings") or ())]
    if not equals and before and before[-1].rstrip("=") in rows and "=" not in before[-1][:-1]:
        # bash splits NAME=VALUE into three words, and completes the last one
        return [CompletionItem(item) for item in _values(rows[before[-1].rstrip("=")]) if item.startswith(name)]
    if equals:
        values = _values(rows[name]) if name in rows else ()
        return [CompletionItem(f"{name}={item}") for item in values if item.startswith(value)]
    items: list[CompletionItem] = []
    for row in rows.values():
        if row.name.startswith(name):
            items += [CompletionItem(f"{row.name}={item}", help=row.help) for item in ("", *_values(row))]
    return items


def _values(row: Option) -> tuple[str, ...]:
    """Return values of *row* to offer: its choices, or a value of the right type."""
    if row.choices:
        return row.choices
    if row.kind is BOOL:
        return ("true", "false")
    if row.default not in (None, "", ()) and isinstance(row.default, (int, float, str)):
        return (str(row.default),)
    return ("1",) if row.kind in (INT, FLOAT) else ()


def programs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the command of ``exec`` and ``record``: first a program, then files."""
    if context.params.get("command") or os.sep in incomplete:
        return files(context, parameter, incomplete)
    from shutil import which  # slow to import

    names = set()
    for folder in os.get_exec_path():
        with suppress(OSError):
            names |= {name for name in os.listdir(folder) if name.startswith(incomplete)}  # noqa: PTH208 - names only
    return [CompletionItem(name) for name in sorted(names) if which(name)]


def completer_of(option: Option) -> Completer | None:
    """Return the completer of values of *option*, or None if there is none."""
    if option.choices:
        return of(lambda: option.choices)
    if option.name == "scenario":
        return scenarios
    if option.kind is SOURCE:
        return names_or_files(lambda: {"demo": "data of the shipped examples"})
    if option.kind in (RULES, SCENARIOS, STUBS) or option.name.endswith("_file"):
        return files
    if option.name == "host":
        return of(lambda: {"127.0.0.1": "this machine", "localhost": "this machine, by IPv4 and IPv6"})
    return None
