"""The program ``segment-mock``, also as ``python -m segment_mock``."""

from __future__ import annotations

import gc


def run() -> None:
    """Run the command line.

    Garbage collection stays off until the command is imported. Imported objects live as long as the program, and
    searching them again and again would take a tenth of the time to start.
    """
    gc.disable()
    from .cli import main

    main(prog_name="segment-mock")


if __name__ == "__main__":
    run()
