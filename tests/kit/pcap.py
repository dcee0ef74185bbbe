"""Captures written by hand, for programs that decode them (the classic format of libpcap)."""

import struct
from collections.abc import Sequence
from pathlib import Path

ETHERNET = 1


def write_capture(path: Path, frames: Sequence[bytes], link: int = ETHERNET) -> None:
    """A file of `frames`, a second apart from the epoch on."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, link)
    records = (struct.pack("<IIII", at, 0, len(frame), len(frame)) + frame for at, frame in enumerate(frames))
    path.write_bytes(head + b"".join(records))
