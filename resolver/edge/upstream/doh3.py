"""DNS over HTTPS (RFC 8484) over HTTP/3 (RFC 9114): the requests and what is read of responses are those of HTTP/2."""

from collections.abc import Callable
from functools import partial

from net.h2 import Response, StreamFailed
from net.h3 import Http3Link
from net.quic_requests import RequestLimits
from net.tls import TlsClient
from privacy.channel import Channel, Kind
from resolver.edge.upstream.doh import MAX_BODY, Requests, read_response
from resolver.edge.upstream.failures import stream_failure
from resolver.edge.upstream.over_quic import OverQuic, QuicMember
from resolver.edge.upstream.pooled import IDLE, tls_client
from resolver.edge.upstream.port import Ended, Tools
from resolver.settings import Profile, UpstreamSpec
from wire.units import Instant

ALPN = "h3"


def open_h3(spec: UpstreamSpec, profile: Profile, tools: Tools) -> "Https3":
    """A server over HTTP/3; not proved if `profile` is opportunistic. Raises ValueError for bad authorities."""
    channel = Channel(Kind.H3, encrypted=True, authenticated=profile is Profile.STRICT)
    return Https3(spec, tools, channel, tls_client(spec, profile, tools, alpn=(ALPN,)))


class Https3Link(Http3Link, QuicMember):
    """A connection that reports to its upstream."""

    def __init__(self, upstream: "Https3", tools: Tools) -> None:
        super().__init__(upstream.client, RequestLimits(MAX_BODY, IDLE, tools.now), upstream.freed)
        self._upstream = upstream

    def ended(self) -> None:
        """Tell the pool."""
        self._upstream.ended(self)


class Https3(OverQuic[Https3Link]):
    """One DoH server over HTTP/3. Its requests name `origin`, if given, whatever port it is reached at (RFC 7838 §2)."""

    def __init__(
        self, spec: UpstreamSpec, tools: Tools, channel: Channel, tls: TlsClient, origin: UpstreamSpec | None = None
    ) -> None:
        super().__init__(spec, tools, channel, tls)
        self._requests = Requests(origin or spec)

    def make_link(self) -> Https3Link:
        """A link of this upstream."""
        return Https3Link(self, self._tools)

    async def ask(self, link: Https3Link, query: bytes, deadline: Instant, most: int) -> bytes:
        """One request."""
        headers, body = self._requests.build(query)
        try:
            response = await link.request(headers, body, deadline)
        except StreamFailed as error:
            raise stream_failure(error) from None
        return read_response(response)

    def begin(self, query: bytes, deadline: Instant, ended: Ended) -> Callable[[], object] | None:
        """As resolver.edge.upstream.port.Prompt, over a connection that stands."""
        link = self.ready()
        if link is None:
            return None
        headers, body = self._requests.build(query)
        told = partial(self.heard, query, deadline, ended, _read)
        return partial(link.take_back, link.ask(headers, body, deadline, told))


def _read(came: Response | StreamFailed) -> bytes:
    if isinstance(came, StreamFailed):
        raise stream_failure(came)
    return read_response(came)
