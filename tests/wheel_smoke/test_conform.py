"""The shipped examples are in the wheel, and the wheel answers as printed."""

import json
import subprocess
import sys

from segment_mock import SegmentMock


def test_the_wheel_conforms_to_its_own_examples():
    """`segment-mock conform` finds its fixtures and passes all that the settings allow."""
    with SegmentMock(data="demo") as mock:
        command = [sys.executable, "-m", "segment_mock", "conform", "--target", mock.serve().url]
        done = subprocess.run([*command, "--allow-writes", "--json"], capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)

    assert document["failed"] == 0
    assert document["passed"] > 40
