"""Run Schemathesis on each OpenAPI document, with all phases and checks, against a live server.

Usage: ``python tests/openapi/contract.py [ARGUMENT ...]``; the arguments go to Schemathesis.
"""

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
"""Cases of each operation in a random phase, by document; each document takes about 15 s."""
PHASES = "examples,coverage,fuzzing,stateful"


def passes(document: str, examples: int, arguments: list[str]) -> bool:
    """Return whether a new server passes Schemathesis' checks of *document*; *arguments* go to Schemathesis.

    The seed is fixed, so that builds are reproducible; ``--seed N`` uses another seed.
    """
    with SegmentMock(credentials="listed", salsa_token=TOKENS, segmenter_key=TOKENS) as mock:
        url = f"{mock.serve().url}/_mock/{document}"
        config = ["--config-file", str(HERE / "schemathesis.toml")] if document == MOCK else []
        command = [sys.executable, "-m", "schemathesis.cli", *config, "run", url, "--phases", PHASES, "--checks", "all"]
        environment = {"SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"), "CONTRACT_TOKENS": ",".join(TOKENS)}
        bounds = ["--max-examples", str(examples), "--request-timeout", "60", "--no-color", "--seed", "1", *arguments]
        bounds += ["--suppress-health-check", "too_slow"]  # independent of the speed of the machine
        bounds += ["--exclude-path", "/_mock/events"]  # the stream of events does not end
        with tempfile.TemporaryDirectory() as place:  # for the cases that Schemathesis stores
            result = subprocess.run([*command, *bounds], env={**os.environ, **environment}, cwd=place, check=False)
    return result.returncode == 0


if __name__ == "__main__":
    RESULTS = [passes(document, examples, sys.argv[1:]) for document, examples in EXAMPLES.items()]
    sys.exit(not all(RESULTS))
