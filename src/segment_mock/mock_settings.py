"""The keyword arguments of `SegmentMock`, for type checkers and completion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypedDict

from .faults import FaultSource

Data: TypeAlias = "str | Path | Mapping[str, Any]"
"""A data file, ``"demo"``, or a dictionary in the form of one."""


class MockSettings(TypedDict, total=False):
    """Every setting; `settings.OPTIONS` and the options of the vendors describe them.

    Settings of vendors from other packages are given as ``**{"acme_token": "t"}``.
    """

    host: str | None
    port: int | None
    data: Data | Sequence[Data] | None
    faults: FaultSource | Sequence[FaultSource] | None
    scenario: str | Sequence[str] | None
    scenarios: str | Path | Mapping[str, Any] | Sequence[str | Path | Mapping[str, Any]] | None
    stubs: str | Path | Mapping[str, Any] | Sequence[str | Path | Mapping[str, Any]] | None
    seed: int | str | None
    tls: bool | None
    proxy: bool | None
    hosts: str | Sequence[str] | None
    cors: bool | None
    credentials: Literal["any", "isolated", "listed"] | None
    max_organizations: int | None
    limits: Literal["vendor", "off"] | None
    body_limit: int | None
    store: str | None
    standby: bool | None
    journal_size: int | None
    journal_bytes: int | None
    admin_token: str | None
    ready_file: str | Path | None
    log_format: Literal["text", "json"] | None
    time_scale: float | None
    salsa_token: str | Sequence[str] | None
    salsa_non_crm: Literal["http-405", "result"] | None
    salsa_unknown_id: Literal["not-found", "create"] | None
    salsa_address: Literal["replace", "merge"] | None
    segmenter_key: str | Sequence[str] | None
    segmenter_path: str | None
    segmenter_failures: Literal["success-false", "is-updated-false"] | None
