"""The OPT pseudo-record and its options (RFC 6891)."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from wire.errors import Malformed

MAX_OPTIONS = 100
"""More options than this in one OPT are refused (CVE-2026-41292 class)."""

_OPT = struct.Struct("!BHHBBHH")
_OPTION = struct.Struct("!HH")
_DO = 0x8000
_TYPE_OPT = 41


class Edns(NamedTuple):
    """What an OPT record says. `options` are (code, content), in order."""

    payload: int
    extended_rcode: int
    version: int
    do: bool
    options: tuple[tuple[int, bytes], ...]

    def option(self, code: int) -> bytes | None:
        """The first option with this code."""
        for number, content in self.options:
            if number == code:
                return content
        return None


def parse_options(data: bytes) -> tuple[tuple[int, bytes], ...]:
    """The options in an OPT's RDATA: code u16, length u16, content. Raises Malformed."""
    options: list[tuple[int, bytes]] = []
    at, end = 0, len(data)
    while at < end:
        if end - at < 4 or len(options) >= MAX_OPTIONS:
            raise Malformed("EDNS options cut off or too many", at)
        code, length = _OPTION.unpack_from(data, at)
        at += 4
        if length > end - at:
            raise Malformed("EDNS option cut off", at)
        options.append((code, data[at : at + length]))
        at += length
    return tuple(options)


def parse_opt(payload: int, ttl: int, rdata: bytes) -> Edns:
    """An OPT from its CLASS (payload size), TTL (extended rcode, version, flags) and RDATA. Raises Malformed."""
    return Edns(payload, ttl >> 24, ttl >> 16 & 0xFF, bool(ttl & _DO), parse_options(rdata))


def build_opt(payload: int, do: bool, options: Sequence[tuple[int, bytes]], extended_rcode: int = 0) -> bytes:
    """A whole OPT record, version 0; `extended_rcode` is the upper eight bits of the response code."""
    rdata = b"".join(_OPTION.pack(code, len(content)) + content for code, content in options)
    return _OPT.pack(0, _TYPE_OPT, payload, extended_rcode, 0, _DO if do else 0, len(rdata)) + rdata
