"""Run the command ``segment-mock`` as ``python -m segment_mock``."""

from .cli import main

main(prog_name="segment-mock")
