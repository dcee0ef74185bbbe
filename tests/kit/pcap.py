"""Captures: written by hand (the classic format of libpcap), and read by tshark."""

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

from kit.peers import peer

ETHERNET, RAW_IP = 1, 101
"""LINKTYPE_: what a frame begins with."""
PATIENCE = 60.0


def write_capture(path: Path, frames: Sequence[bytes], link: int = ETHERNET) -> None:
    """A file of `frames`, a second apart from the epoch on."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, link)
    records = (struct.pack("<IIII", at, 0, len(frame), len(frame)) + frame for at, frame in enumerate(frames))
    path.write_bytes(head + b"".join(records))


def tshark(capture: Path, *options: str) -> str:
    """What it prints of a capture; it resolves no names."""
    command = [peer("tshark"), "-n", "-r", str(capture), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
