"""Errors of commands: as text, coloured in a terminal, or as a line of a JSON log."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

import click

from .terminal import has_colours

_LOGGING = ("serve", "exec")
"""The commands whose stderr is a log."""
_HELP: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""The exception for a call without a command, since Click 8.2; its text is the help."""


_TYPE = re.compile(r"is not a valid (integer|float)(?: range)?\.$")
_TYPES = {"integer": "a whole number", "float": "a number"}
_CHOICE = re.compile(r"('(.*)' is not one of .*)\.$", re.DOTALL)


class Report(click.ClickException):
    """*error* as it is printed; with *as_json*, on one line."""

    def __init__(self, error: click.ClickException, *, as_json: bool) -> None:
        if isinstance(error, click.NoSuchOption):
            from difflib import get_close_matches  # slow to import

            error.possibilities = get_close_matches(error.option_name, error.possibilities or (), n=1)  # type: ignore[misc]
        if isinstance(error, click.BadParameter):
            error.message = _plain_message(error)  # type: ignore[misc]  # the only text that Click formats
        super().__init__(error.message)
        self.exit_code = error.exit_code  # type: ignore[misc]  # Click reads it of the error
        self._error, self._as_json = error, as_json

    def format_message(self) -> str:
        """Return the message without its prefix."""
        return self._error.format_message()

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it on stderr, or to *file*."""
        if self._as_json:
            click.echo(log_line("ERROR", self.format_message()), file=file, err=True)
        elif isinstance(self._error, _HELP) or not has_colours(sys.stderr):
            self._error.show(file)
        else:
            context = getattr(self._error, "ctx", None)
            if context is not None:
                click.echo(
                    f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n", file=file, err=True
                )
            label = click.style("Error:", fg="red", bold=True)
            click.echo(f"{label} {self.format_message()}", file=file, err=True, color=True)


def _plain_message(error: click.BadParameter) -> str:
    """Return the message of *error* without Click's names of types, and with the nearest of the choices."""
    message = _TYPE.sub(lambda match: f"is not {_TYPES[match[1]]}.", error.message)
    choices = getattr(getattr(error.param, "type", None), "choices", ())
    match = _CHOICE.match(message)
    if match is None or not choices:
        return message
    from ..settings import suggestion  # most commands need no import of the settings

    return f"{match[1]}{suggestion(match[2], choices)}."


def log_line(level: str, message: str, **more: object) -> str:
    """Return a line of the JSON log."""
    return json.dumps({"level": level, "message": message, **more})


def is_json_log(words: Sequence[str]) -> bool:
    """Return whether the command line *words* selects a JSON log, by flag, variable or file."""
    if not words or words[0] not in _LOGGING:
        return False
    flags = _flags(words[1:])
    log_format = (
        flags.get("--log-format") or os.environ.get("SEGMENT_MOCK_LOG_FORMAT") or _from_file(flags.get("--config"))
    )
    return log_format == "json"


def _flags(words: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    rest = iter(words)
    for argument in rest:
        if argument == "--":
            break
        name, equals, value = argument.partition("=")
        name = name.replace("_", "-")
        if name in ("--log-format", "--config"):
            values[name] = value if equals else next(rest, "")
    return values


def _from_file(config: str | None) -> Any:
    from ..settings import SettingError, read_config

    settings: dict[str, Any] = {}
    with suppress(SettingError):
        settings = {name.replace("-", "_"): value for name, value in
                    read_config(config or os.environ.get("SEGMENT_MOCK_CONFIG") or None).items()}  # fmt: skip
    return settings.get("log_format")
