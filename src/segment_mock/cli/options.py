"""Settings as Click options, generated from `Option`, so that every flag is declared once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from ..settings import BOOL, Option, SettingError, Value, check_variables, read_config, resolve
from .completion import completer_of, files

_Command = TypeVar("_Command", bound=Callable[..., Any])


def flags(options: Iterable[Option]) -> Callable[[_Command], _Command]:
    """Return a decorator that gives a command a flag for each of *options*."""

    def decorate(command: _Command) -> _Command:
        for option in reversed([*options]):
            names = [option.flag, option.name] + ([f"-{option.short}"] if option.short else [])
            metavar = "|".join(option.choices) or None
            help_text = f"{option.help} [{option.variable}{_default(option)}]"
            form: dict[str, Any] = {"is_flag": True}
            if option.kind is not BOOL:
                form = {"multiple": option.many, "metavar": metavar, "shell_complete": completer_of(option)}
            command = click.option(*names, **form, help=help_text, default=None)(command)
        return command

    return decorate


def resolve_settings(options: Iterable[Option], flags: dict[str, Value], config: str | None) -> dict[str, Value]:
    """Return all settings from flags, environment and file; exits with 2 for an invalid one."""
    options = [*options]
    try:
        check_variables(options, os.environ)
        return resolve(options, flags, os.environ, read_config(config))
    except SettingError as error:
        raise click.UsageError(str(error)) from None


config_option = click.option(
    "--config",
    envvar="SEGMENT_MOCK_CONFIG",
    shell_complete=files,
    help="File of settings. [SEGMENT_MOCK_CONFIG]",
)


class AddressInUse(click.ClickException):
    """Another server listens at the address."""

    exit_code = 3


def _default(option: Option) -> str:
    return "" if option.initial in (None, ()) else f", default {option.initial}"
