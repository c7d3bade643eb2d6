"""The command ``segment-mock``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from .. import __version__

_HOMES: Mapping[str, str] = {
    "serve": "serve.serve",
    "exec": "exec.exec_",
    "env": "exec.env",
    "health": "remote.health",
    "vendors": "vendors.vendors",
    "openapi": "openapi.openapi",
    "schema": "openapi.schema",
    "faults": "faults.faults",
    "journal": "journal.journal",
    "rules": "rules.rules",
    "clock": "remote.clock",
    "state": "remote.state",
    "snapshot": "remote.snapshot",
    "reset": "remote.reset_server",
    "open": "remote.open_page",
    "replay": "replay.replay",
    "conform": "conform.conform_",
    "record": "record.record",
    "new-vendor": "new_vendor.new_vendor",
}


class _Lazy(click.Group):
    """Imports a command when it is asked for: the emulator takes long beside a question for a server's health."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_HOMES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _HOMES:
            return None
        module, _, name = _HOMES[cmd_name].partition(".")
        try:
            command: click.Command = getattr(import_module(f".{module}", __package__), name)
        except ValueError as error:  # a SettingError: a vendor of another package that can't be used
            raise click.ClickException(str(error)) from error
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _HOMES and not args[0].startswith("-"):
            from ..settings import suggestion  # twice as long as all else here

            ctx.fail(f"No such command {args[0]!r}{suggestion(args[0], _HOMES)}.")
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="segment-mock")
def main() -> None:
    """Emulate Salsa Engage Groups and Instaleap's Segmenter for tests."""
