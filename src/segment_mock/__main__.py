"""``python -m segment_mock`` is the command ``segment-mock``."""

from .cli import main

main(prog_name="segment-mock")
