"""The wheel contains the shipped examples, and the installed mock conforms to them."""

import json
import subprocess
import sys

from segment_mock import SegmentMock


def test_the_wheel_conforms_to_its_own_examples():
    """`segment-mock conform` finds the examples, and none of them fails."""
    with SegmentMock(data="demo") as mock:
        command = [sys.executable, "-m", "segment_mock", "conform", "--target", mock.serve().url]
        result = subprocess.run([*command, "--allow-writes", "--json"], capture_output=True, text=True, check=True)
    document = json.loads(result.stdout)

    assert document["failed"] == 0
    assert document["passed"] > 40
