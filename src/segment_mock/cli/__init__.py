"""The command ``segment-mock``."""

from __future__ import annotations

import click

from .. import __version__
from ._conform import conform_
from ._exec import env, exec_
from ._faults import faults
from ._openapi import openapi
from ._remote import health, state
from ._replay import replay
from ._serve import serve
from ._vendors import vendors


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="segment-mock")
def main() -> None:
    """Emulate Salsa Engage Groups and Instaleap's Segmenter for tests."""


for command in (serve, exec_, env, health, vendors, openapi, faults, state, replay, conform_):
    main.add_command(command)
