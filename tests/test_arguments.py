"""Arguments and settings in Python that are refused: the words of the error."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
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
        (lambda mock: mock.serve(port=b"0"), "port: b'0' is not a whole number"),
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


def test_an_error_names_what_a_caller_in_python_can_write(tmp_path: Path) -> None:
    """The flag of the command is in brackets, or left out."""
    store = f"sqlite:///{tmp_path / 'state.db'}"
    calls: list[Callable[[], object]] = [
        lambda: SegmentMock().serve(host="0.0.0.0"),
        lambda: SegmentMock(max_organizations=1),
        lambda: SegmentMock(store=store),
        lambda: SegmentMock(store="memory", standby=True),
    ]
    with SegmentMock(store=store, seed=3) as mock:
        calls.append(lambda: mock.faults.add("hang", match=lambda call: True))
        texts = [_error_of(call) for call in calls]
    texts.append(_error_of(lambda: SegmentMock(store=store, seed=4)))

    assert texts == [
        "refusing to listen on 0.0.0.0 without an admin_token (--admin-token); listen on 127.0.0.1 or set a token",
        "max_organizations: it needs credentials='isolated' (--credentials isolated); otherwise all calls share one "
        "organization",
        f"store: {str(tmp_path / 'state.db')!r} can't be used: process {os.getpid()} writes to it; standby (--standby) "
        "waits until that process ends",
        "standby: there is nothing to wait for without a store (--store)",
        "match: a Python function can't be armed with a store; expected a dictionary",
        "seed: the store was created with the seed 3, which can't change; use seed=3 (--seed 3), or another store",
    ]


def _error_of(call: Callable[[], object]) -> str:
    with pytest.raises(SettingError) as error:
        call()
    return str(error.value)
