"""What a client of HTTP/2 may spend: frames are weighed by their headers alone, before the codec works for any of them.

Knows nothing of requests. Each frame has a price, each request that was served pays some back; whoever only makes work
(resets, pings, settings, empty frames) has spent all within 20 kB, and costs less than a microsecond a frame until then.
"""

from enum import IntEnum
from struct import Struct
from typing import NamedTuple

PREFACE = 24
"""Octets that come before the first frame (RFC 9113 §3.4)."""

HEADER = 9
LAYOUT = Struct("!BHBBI")
"""Length in three octets, type, flags, stream (RFC 9113 §4.1)."""
MAX_FRAME = 16_384
"""Octets of one frame; we never allow more (RFC 9113 §4.2)."""

MAX_BLOCK = 16_384
"""Octets of one encoded header block, its CONTINUATION frames included."""

PURSE = 400
"""What a connection may spend in advance, and at most holds."""

SERVED = 6
"""What a request that was served pays back. A plain one costs two or three, with window updates and a ping six."""

RESET = 4
"""The price of a stream that ends without an answer, beside those of its frames (CVE-2023-44487, CVE-2025-8671)."""

LATE = 2
"""For HEADERS on a stream that is not new, beside their price: trailers are never needed, and of a stream that is gone they are
only work (nghttp2 puts up with any number)."""

HEADERS_FREE = 16
"""So many header fields are in the price; a single octet can name one (RFC 7541 §6.1)."""
HEADERS_GRAIN = 4
"""Fields past those, for one more."""


class Kind(IntEnum):
    """Types of frames that have their own price (RFC 9113 §6)."""

    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    CONTINUATION = 9


class Price(NamedTuple):
    """Of one frame, and one more for each so many octets."""

    frame: int
    grain: int


_HEADERS, _CONTINUATION = int(Kind.HEADERS), int(Kind.CONTINUATION)
_PRICES: dict[int, Price] = {
    # A body is bounded by itself, and its octets cost next to nothing.
    Kind.DATA: Price(1, MAX_FRAME),
    Kind.HEADERS: Price(1, 128),
    Kind.CONTINUATION: Price(2, 128),
    Kind.RST_STREAM: Price(1 + RESET, 32),
}
_TABLE = tuple(_PRICES.get(kind, Price(1, 32)) for kind in range(256))


BROKEN = "protocol"
"""What a client is said to have done that breaks the protocol: perhaps by mistake, for once."""


class Abusive(Exception):
    """A client does what no client needs to do, or breaks the protocol; `what` is a short word for a counter."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Guard:
    """The purse of one connection, and the place in its stream of frames."""

    __slots__ = ("_block", "_head", "_newest", "_skip", "purse")

    def __init__(self) -> None:
        self.purse = PURSE
        self._skip = PREFACE
        self._head = b""
        self._block = 0
        self._newest = 0

    def weigh(self, data: bytes) -> None:
        """Take the price of every frame whose header is in `data`. Raises Abusive."""
        at = self._skip
        end = len(data)
        if self._head and at < end:
            missing = HEADER - len(self._head)
            self._head += data[:missing]
            if len(self._head) < HEADER:
                return
            at = missing + self._pay(self._head, 0)
            self._head = b""
        while at + HEADER <= end:
            at += HEADER + self._pay(data, at)
        if at < end:
            self._head, at = data[at:], end
        self._skip = at - end

    def _pay(self, data: bytes, at: int) -> int:
        """The length of the frame that begins at `at`. Raises Abusive."""
        high, low, kind, _, stream = LAYOUT.unpack_from(data, at)
        length: int = high << 16 | low
        if length > MAX_FRAME:
            raise Abusive("frame-size")
        price, grain = _TABLE[kind]
        self.purse -= price + length // grain
        if self.purse < 0:
            raise Abusive("frames")
        if kind == _HEADERS:
            self._block = length
            if stream > self._newest:
                self._newest = stream
            else:
                self.spend(LATE)
        elif kind == _CONTINUATION:
            self._block += length
            if self._block > MAX_BLOCK:
                raise Abusive("header-block")
        return length

    def spend(self, price: int) -> None:
        """Take `price`. Raises Abusive if it is not there."""
        self.purse -= price
        if self.purse < 0:
            raise Abusive("frames")

    def earn(self) -> None:
        """A request was served."""
        purse = self.purse + SERVED
        self.purse = purse if purse < PURSE else PURSE
