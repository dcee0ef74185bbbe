"""DNS over HTTPS (RFC 8484) over HTTP/2: exactly the headers that are needed, and none that tells us apart."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from functools import partial

from net.h2 import Http2Link, Limits, Response, StreamFailed
from net.h2_codecs import Header
from net.headers import Unindexed
from net.tls import TlsClient
from privacy.channel import Channel, Kind
from resolver.edge.upstream.failures import stream_failure
from resolver.edge.upstream.freshness import Freshness, lower_ttls, read_freshness
from resolver.edge.upstream.pool import PoolLimits
from resolver.edge.upstream.pooled import IDLE, Pooled, PooledLink, tls_client
from resolver.edge.upstream.port import Ended, Tools, UpstreamFailed, Why
from resolver.settings import HttpMethod, Profile, UpstreamSpec
from wire.errors import Malformed
from wire.units import Instant

LIMITS = PoolLimits(connections=4, crowded=96)
MAX_BODY = 65_535
"""Octets of a response body: the longest DNS message there is."""

SETTLE = 4.0
"""Seconds a server may take to send its SETTINGS."""

MEDIA_TYPE = b"application/dns-message"
DEFAULT_PORT = 443
DEFAULT_PATH = "/dns-query"

_HEADER = 12
_QR = 0x80


def open_https(spec: UpstreamSpec, profile: Profile, tools: Tools) -> "Direct":
    """A server over HTTPS; not proved if `profile` is opportunistic. Raises ValueError for bad authorities."""
    channel = Channel(Kind.HTTPS, encrypted=True, authenticated=profile is Profile.STRICT)
    return Direct(spec, tools, channel, tls_client(spec, profile, tools, alpn=("h2",)))


class Requests:
    """Makes the header lists for one server.

    They hold what RFC 9113 §8.3.1 and RFC 8484 §4.1 demand and nothing else: no user agent, language, encoding or
    cookie. A GET path holds the question and is kept out of the header table (RFC 7541 §7.1.3).
    """

    def __init__(self, spec: UpstreamSpec) -> None:
        self._authority = authority_of(spec)
        self._path = (spec.path.split("{")[0] or DEFAULT_PATH).encode()
        self._get = spec.method is HttpMethod.GET
        self._posts: dict[int, list[Header]] = {}

    def build(self, query: bytes) -> tuple[list[Header], bytes]:
        """Headers and body for `query`, whose id is 0 already (RFC 8484 §4.1, so that caches can work)."""
        if self._get:
            return self._build_get(query), b""
        headers = self._posts.get(len(query))
        if headers is None:
            headers = self._posts[len(query)] = post_headers(self._authority, self._path, MEDIA_TYPE, len(query))
        return headers, query

    def _build_get(self, query: bytes) -> list[Header]:
        # > without any padding characters (RFC 8484 §4.1)
        value = urlsafe_b64encode(query).rstrip(b"=")
        joint = b"&dns=" if b"?" in self._path else b"?dns="
        return [
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":authority", self._authority),
            Unindexed(b":path", self._path + joint + value),
            (b"accept", MEDIA_TYPE),
        ]


def post_headers(authority: bytes, path: bytes, media_type: bytes, length: int) -> list[Header]:
    """A request whose body has `length` octets of `media_type`, as the answer shall be (RFC 8484 §4.1, RFC 9230 §4.1)."""
    return [
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", authority),
        (b":path", path),
        (b"accept", media_type),
        (b"content-type", media_type),
        (b"content-length", str(length).encode()),
    ]


class HttpsLink(Http2Link, PooledLink):
    """A connection that reports to its upstream."""

    def __init__(self, upstream: "Https", tools: Tools) -> None:
        super().__init__(Limits(MAX_BODY, IDLE, tools.now), upstream.freed)
        self._upstream = upstream

    def ended(self) -> None:
        """Tell the pool."""
        self._upstream.ended(self)


class Https(Pooled[HttpsLink]):
    """One DoH server. `observe` is shown the headers of every response."""

    def __init__(
        self,
        spec: UpstreamSpec,
        tools: Tools,
        channel: Channel,
        tls: TlsClient,
        observe: Callable[[Sequence[Header]], None] | None = None,
    ) -> None:
        super().__init__(spec, tools, channel, tls)
        self._requests = Requests(spec)
        self._observe = observe

    def limits(self) -> PoolLimits:
        """Few: one connection carries many streams."""
        return LIMITS

    def make_link(self) -> HttpsLink:
        """A link of this upstream."""
        return HttpsLink(self, self._tools)

    async def connect(self) -> HttpsLink:
        """As the base, and then wait for the server's SETTINGS: only they say how many streams it takes."""
        link = await super().connect()
        try:
            async with asyncio.timeout(SETTLE):
                await link.settle()
        except TimeoutError:
            link.abort()
            raise UpstreamFailed(Why.HTTP, "no SETTINGS in time") from None
        except asyncio.CancelledError:
            link.abort()
            raise
        return link

    async def ask(self, link: HttpsLink, query: bytes, deadline: Instant, most: int) -> bytes:
        """One request."""
        headers, body = self._requests.build(query)
        try:
            response = await link.request(headers, body, deadline)
        except StreamFailed as error:
            raise stream_failure(error) from None
        return self._read(response)

    def _read(self, response: Response) -> bytes:
        if self._observe is not None:
            self._observe(response.headers)
        return read_response(response)


class Direct(Https):
    """One that can be asked at once: what is sent is the query itself, which those who seal it must not inherit."""

    def begin(self, query: bytes, deadline: Instant, ended: Ended) -> Callable[[], object] | None:
        """As resolver.edge.upstream.port.Prompt, over a connection that stands."""
        link = self.ready()
        if link is None:
            return None
        headers, body = self._requests.build(query)
        try:
            future = link.request(headers, body, deadline)
        except StreamFailed as error:
            self.settled(query, deadline, ended, stream_failure(error))
            return lambda: None
        future.add_done_callback(partial(self._done, query, deadline, ended))
        return future.cancel

    def _done(self, query: bytes, deadline: Instant, ended: Ended, future: "asyncio.Future[Response]") -> None:
        if not future.cancelled():
            self.heard(query, deadline, ended, self._outcome, future)

    def _outcome(self, future: "asyncio.Future[Response]") -> bytes:
        try:
            return self._read(future.result())
        except StreamFailed as error:
            raise stream_failure(error) from None


def authority_of(spec: UpstreamSpec) -> bytes:
    """How a request calls the server it goes to (RFC 9113 §8.3.1)."""
    host = (spec.name or (spec.addresses[0] if spec.addresses else "")).partition("%")[0]
    host = f"[{host}]" if ":" in host else host
    return (host if spec.port == DEFAULT_PORT else f"{host}:{spec.port}").encode()


def read_response(response: Response) -> bytes:
    """The DNS message in a response, its TTLs lowered by its age in caches (RFC 8484 §5.1). Raises UpstreamFailed."""
    if response.status != 200:
        raise UpstreamFailed(Why.HTTP, f"status {response.status}")
    kind, freshness = b"", Freshness()
    for name, value in response.headers:
        if name == b"content-type":
            kind = value.split(b";")[0].strip().lower()
        else:
            freshness = read_freshness(freshness, name, value)
    if kind != MEDIA_TYPE:
        raise UpstreamFailed(Why.HTTP, "not application/dns-message")
    message = response.body
    if len(message) < _HEADER or not message[2] & _QR:
        raise UpstreamFailed(Why.MALFORMED, "not a DNS response")
    if not freshness.limits_anything:
        return message
    try:
        return lower_ttls(message, freshness)
    except Malformed as error:
        raise UpstreamFailed(Why.MALFORMED, error.what) from None
