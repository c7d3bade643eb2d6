"""Check SQLite's write-ahead log: SQLite silently drops every commit after a damaged place."""

from __future__ import annotations

import struct
from pathlib import Path

_HEADER = 32  # bytes of the log's header,
_FRAME_HEADER = 24  # and of that of a frame, which is followed by a page
_INDEX_HEADER = 24  # bytes of the index that are needed here


def has_lost_commits(file: Path) -> bool:
    """Return whether the log of the database *file* has commits that SQLite ignores; call this after a first read.

    The last commit alone does not count: a power failure may leave half of it.
    """
    log, index = (Path(f"{file}{suffix}") for suffix in ("-wal", "-shm"))
    try:
        size, index_header = log.stat().st_size, index.read_bytes()[:_INDEX_HEADER]
    except FileNotFoundError:
        return False
    if size <= _HEADER:
        return False
    with log.open("rb") as stream:
        header = stream.read(_HEADER)
        magic, _, page = struct.unpack(">3I", header[:12])
        if not _is_sound(header, magic):
            return True
        (read,) = struct.unpack_from("=I", index_header, 16)
        lost_count = 0
        for at in range(_HEADER + read * (_FRAME_HEADER + page), size - _FRAME_HEADER - page + 1, _FRAME_HEADER + page):
            stream.seek(at)
            frame = stream.read(16)
            # Frames of an earlier round, which the present one has not overwritten yet, have another salt.
            lost_count += frame[8:16] == header[16:24] and frame[4:8] != bytes(4)
    return lost_count > 1


def _is_sound(header: bytes, magic: int) -> bool:
    if magic not in (0x377F0682, 0x377F0683):
        return False
    words = struct.unpack(f"{'>' if magic & 1 else '<'}6I", header[:24])
    first = second = 0
    for word, next_word in zip(words[::2], words[1::2], strict=True):
        first = (first + word + second) % 2**32
        second = (second + next_word + first) % 2**32
    return struct.pack(">2I", first, second) == header[24:]
