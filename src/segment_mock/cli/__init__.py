"""The command ``segment-mock``."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from .. import __version__

_WORDS = "segment_mock.words"
"""The key under which a context has the words of the command line."""

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
    "completion": "completion.completion",
}


class _Lazy(click.Group):
    """Imports a command on first use, because importing the emulator takes much longer than a health check."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_HOMES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _HOMES:
            return None
        module, _, name = _HOMES[cmd_name].partition(".")
        try:
            command: click.Command = getattr(import_module(f".{module}", __package__), name)
        except ValueError as error:  # a SettingError: a vendor of another package that can't be used
            if ctx.resilient_parsing:  # print no error into the line that a shell completes
                return None
            raise click.ClickException(str(error)) from error
        finally:
            if not gc.isenabled():  # see `segment_mock.__main__`
                gc.freeze()
                gc.enable()
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        words = [*args]
        with _reporting(words):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[_WORDS] = words
        return context

    def invoke(self, ctx: click.Context) -> Any:
        with _reporting(ctx.meta[_WORDS]):
            return super().invoke(ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command, without importing it, or a flag."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [CompletionItem(name) for name in _HOMES if name.startswith(incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _HOMES and not args[0].startswith("-") and not ctx.resilient_parsing:
            from ..settings import suggestion  # takes twice as long to import as everything else here

            ctx.fail(f"No such command {args[0]!r}{suggestion(args[0], _HOMES)}.")
        return super().resolve_command(ctx, args)


@contextmanager
def _reporting(words: list[str]) -> Iterator[None]:
    """Print an error of the ``with`` block in the format that the command line *words* selects."""
    try:
        yield
    except click.ClickException as error:
        from .errors import Report, is_json_log

        raise Report(error, as_json=is_json_log(words)) from error
    except OSError as error:
        from ..wording import file_reason
        from .errors import Report, is_json_log

        if not (reason := file_reason(error)):
            raise
        raise Report(click.ClickException(reason), as_json=is_json_log(words)) from error
    except (KeyboardInterrupt, EOFError) as error:
        from .errors import Report, is_json_log

        if not is_json_log(words):
            raise
        raise Report(click.ClickException("interrupted"), as_json=True) from error


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="segment-mock")
def main() -> None:
    """Emulate Salsa Engage Groups and Instaleap's Segmenter for tests."""
