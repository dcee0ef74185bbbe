"""DNS over dedicated QUIC connections (RFC 9250): a stream for each query, with id 0, padded by EDNS (§5.4)."""

import struct
from collections.abc import Callable
from functools import partial

from net.h2 import StreamFailed, StreamFailure
from net.quic_messages import MessageLink
from net.quic_requests import RequestLimits
from privacy.channel import Channel, Kind
from resolver.edge.upstream.failures import stream_failure
from resolver.edge.upstream.over_quic import OverQuic, QuicMember
from resolver.edge.upstream.pooled import IDLE, tls_client
from resolver.edge.upstream.port import LARGEST, Ended, Tools, UpstreamFailed, Why
from resolver.settings import Profile, UpstreamSpec
from wire.units import Instant

ALPN = "doq"

NO_ERROR, PROTOCOL_ERROR, REQUEST_CANCELLED = 0x0, 0x2, 0x3
"""Error codes (RFC 9250 §4.3)."""

_LENGTH = struct.Struct("!H")
_HEADER = 12
_QR = 0x80
_NO_ID = b"\0\0"


def open_quic(spec: UpstreamSpec, profile: Profile, tools: Tools) -> "Doq":
    """A server over QUIC; not proved if `profile` is opportunistic. Raises ValueError for bad authorities."""
    channel = Channel(Kind.QUIC, encrypted=True, authenticated=profile is Profile.STRICT)
    return Doq(spec, tools, channel, tls_client(spec, profile, tools, alpn=(ALPN,)))


class DoqLink(MessageLink, QuicMember):
    """A connection that reports to its upstream."""

    code = NO_ERROR
    cancelled = REQUEST_CANCELLED
    violated = PROTOCOL_ERROR

    def __init__(self, upstream: "Doq", tools: Tools) -> None:
        super().__init__(upstream.client, RequestLimits(LARGEST, IDLE, tools.now), upstream.freed)
        self._upstream = upstream

    def ended(self) -> None:
        """Tell the pool."""
        self._upstream.ended(self)


class Doq(OverQuic[DoqLink]):
    """One DoQ server."""

    def make_link(self) -> DoqLink:
        """A link of this upstream."""
        return DoqLink(self, self._tools)

    async def ask(self, link: DoqLink, query: bytes, deadline: Instant, most: int) -> bytes:
        """One stream: a length and the query; a length, the response, and no more (RFC 9250 §4.2)."""
        try:
            octets = await link.exchange(_framed(query), deadline, _LENGTH.size + most)
        except StreamFailed as error:
            raise _failure(error) from None
        return _read(link, octets)

    def begin(self, query: bytes, deadline: Instant, ended: Ended) -> Callable[[], object] | None:
        """As resolver.edge.upstream.port.Prompt, over a connection that stands."""
        link = self.ready()
        if link is None:
            return None
        told = partial(self.heard, query, deadline, ended, partial(_read, link))
        return partial(link.take_back, link.ask(_framed(query), deadline, _LENGTH.size + LARGEST, told))


def _framed(query: bytes) -> bytes:
    return _LENGTH.pack(len(query)) + query


def _read(link: DoqLink, octets: bytes | StreamFailed) -> bytes:
    """The response in what a stream brought. Raises UpstreamFailed, and ends a connection that brought anything else."""
    if isinstance(octets, StreamFailed):
        raise _failure(octets)
    message = octets[_LENGTH.size :]
    if octets[: _LENGTH.size] != _LENGTH.pack(len(message)) or len(message) < _HEADER or not message[2] & _QR:
        link.violate()
        raise UpstreamFailed(Why.MALFORMED, "not one DNS response")
    if message[:2] != _NO_ID:
        # > the DNS Message ID MUST be set to 0 (RFC 9250 §4.2.1); else it is a protocol error (§4.3.3)
        link.violate()
        raise UpstreamFailed(Why.MISMATCH, "an id over QUIC")
    return message


def _failure(error: StreamFailed) -> UpstreamFailed:
    if error.failure is StreamFailure.PROTOCOL:
        return UpstreamFailed(Why.MALFORMED, error.detail)
    return stream_failure(error)
