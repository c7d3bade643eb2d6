"""All phases and checks of Schemathesis on each document, over a live server: ``python tests/openapi/contract.py``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from segment_mock import SegmentMock

HERE = Path(__file__).parent
TOKENS = [f"token-{number}" for number in range(100)]
MOCK = "openapi.json"
EXAMPLES = {"openapi/salsa.json": 8, "openapi/segmenter.json": 15, MOCK: 2}
"""How many cases an operation of each document gets in a random phase: about a quarter of a minute each."""
PHASES = "examples,coverage,fuzzing,stateful"


def passes(document: str, examples: int, arguments: list[str]) -> bool:
    """Return whether a new server passes Schemathesis' checks of *document*; *arguments* go to Schemathesis.

    The seed is fixed, so that a build does not fail by chance; ``--seed N`` tries others.
    """
    with SegmentMock(credentials="listed", salsa_token=TOKENS, segmenter_key=TOKENS) as mock:
        url = f"{mock.serve().url}/_mock/{document}"
        config = ["--config-file", str(HERE / "schemathesis.toml")] if document == MOCK else []
        command = [sys.executable, "-m", "schemathesis.cli", *config, "run", url, "--phases", PHASES, "--checks", "all"]
        environment = {"SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"), "CONTRACT_TOKENS": ",".join(TOKENS)}
        bounds = ["--max-examples", str(examples), "--request-timeout", "5", "--no-color", "--seed", "1", *arguments]
        bounds += ["--exclude-path", "/_mock/events"]  # a stream of events has no end to wait for
        with tempfile.TemporaryDirectory() as place:  # it stores cases to replay here
            done = subprocess.run([*command, *bounds], env={**os.environ, **environment}, cwd=place, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    RESULTS = [passes(document, examples, sys.argv[1:]) for document, examples in EXAMPLES.items()]
    sys.exit(not all(RESULTS))
