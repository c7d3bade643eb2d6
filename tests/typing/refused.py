"""Incorrect use of the API: type checkers must report each line that ends in ``# error``, and no other."""

from __future__ import annotations

# ruff: noqa: I001
import segment_mock
from segment_mock import SegmentMock, create_app, faults
from segment_mock import NoSuchName  # error

_NAME = NoSuchName
SegmentMock(sede=7)  # error
SegmentMock(limits="of")  # error
SegmentMock(salsa_non_crm="item")  # error
create_app(dta="demo")  # error
segment_mock.SegmentMok()  # error
mock = SegmentMock()
_ = mock.jornal  # error
_ = mock.salza  # error
_ = mock.salsa.segmens  # error
mock.salsa.add_segmnt("A")  # error
mock.segmenter.add_segment()  # error
mock.faults.add(faults.Hnag())  # error
mock.faults.add(faults.Hang(aftr=True))  # error
mock.faults.add(faults.Error(status="503"))  # error
mock.faults.add("hang", tmes=1)  # error
mock.faults.add("hang", times="1")  # error
mock.faults.add("hang", connection="new")  # error
mock.faults.add(5)  # error
with mock.faults.injected("hang", chanse=1):  # error
    pass
mock.journal.assert_called("x", statsu=200)  # error
mock.journal.entries(after=[1])  # error
mock.intercept(transport="pigeon")  # error
mock.stub("GET", "/x", jsn={})  # error
mock.clock.advanse(1)  # error
