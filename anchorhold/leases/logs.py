"""Log files as an operator names them, read through once."""

import gzip
import sys
from collections.abc import Iterator
from typing import BinaryIO

_PIECE = 1 << 20


def pieces(name: str, overlap: int) -> Iterator[bytes]:
    """The content of a file (packed, if its name ends in .gz; `-` is standard input), each piece beginning with the
    last `overlap` octets before it. Raises OSError.
    """
    if name == "-":
        yield from _pieces(sys.stdin.buffer, overlap)
        return
    opened: BinaryIO = gzip.open(name, "rb") if name.endswith(".gz") else open(name, "rb")  # type: ignore[assignment] # noqa: SIM115
    with opened as file:
        yield from _pieces(file, overlap)


def _pieces(file: BinaryIO, overlap: int) -> Iterator[bytes]:
    rest = b""
    while data := file.read(_PIECE):
        yield rest + data
        rest = (rest + data)[-overlap:] if overlap else b""
