"""Arguments and settings in Python that are refused: the words of the error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from segment_mock import SegmentMock, SettingError
from segment_mock.web import create_app

pytestmark = pytest.mark.memory_only("the settings are part of the tests")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda mock: mock.serve(tls=1), "tls: 1 is not True or False"),
        (lambda mock: mock.serve(tls="no"), "tls: 'no' is not True or False"),
        (lambda mock: mock.serve(proxy=0), "proxy: 0 is not True or False"),
        (lambda mock: mock.serve(port="0"), "port: '0' is not a whole number"),
        (lambda mock: mock.serve(host=5), "host: 5 is not text"),
        (lambda mock: mock.serve(host=b"127.0.0.1"), "host: b'127.0.0.1' is not text"),
        (lambda mock: mock.intercept(block_network=1), "block_network: 1 is not True or False"),
        (lambda mock: mock.session(max_retries="3"), "max_retries: '3' is not a whole number or a urllib3.util.Retry"),
        (lambda mock: mock.session(max_retries=True), "max_retries: True is not a whole number or"),
        (lambda mock: create_app(mock), "emulator: <SegmentMock of salsa, segmenter> is not the core of a mock"),
    ],
)
def test_an_argument_of_the_wrong_type_is_refused(call: Callable[[Any], object], message: str) -> None:
    with SegmentMock() as mock, pytest.raises(SettingError) as error:
        call(mock)

    assert str(error.value).startswith(message)
