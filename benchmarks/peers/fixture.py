"""segment-mock as its fixture ``segment_mock_server`` starts it, without a log of calls. PORT DATA-FILE."""

from __future__ import annotations

import signal
import sys

from segment_mock import SegmentMock

if __name__ == "__main__":
    SegmentMock(data=sys.argv[2], limits="off").serve(port=int(sys.argv[1]))
    signal.pause()
