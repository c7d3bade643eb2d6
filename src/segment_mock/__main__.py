"""The program ``segment-mock``, also as ``python -m segment_mock``."""

from __future__ import annotations

import gc


def run() -> None:
    """Run the command line.

    What is imported lasts as long as the program. Searching it for garbage again and again would take a tenth of the
    time to start, so that begins once the command is imported.
    """
    gc.disable()
    from .cli import main

    main(prog_name="segment-mock")


if __name__ == "__main__":
    run()
