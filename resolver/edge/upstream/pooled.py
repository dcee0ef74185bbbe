"""What tcp, tls and https share: a pool of streams, one retry on a fresh one, TLS that proves the peer."""

from typing import Generic, TypeVar

from net.dial import DialFailed, Target, dial
from net.stream import Link
from net.tls import Peer, TlsClient
from privacy.channel import Channel
from resolver.edge.upstream.failures import dial_failure
from resolver.edge.upstream.pool import Member, Pool, PoolLimits
from resolver.edge.upstream.port import LARGEST, Tools, UpstreamFailed, Why
from resolver.settings import Profile, UpstreamSpec
from wire.units import Instant

IDLE = 10.0
"""Seconds without an exchange after which a connection is closed (RFC 7858 §3.4)."""

AGAIN = frozenset({Why.RESET, Why.GOAWAY})
"""What may be the fault of a connection that had grown old: tried once more on another."""


class PooledLink(Link, Member):
    """A link that a pool can hold."""


L = TypeVar("L", bound=PooledLink)


class Pooled(Generic[L]):
    """An upstream over streams; a subclass makes the links and speaks over them."""

    def __init__(self, spec: UpstreamSpec, tools: Tools, channel: Channel, tls: TlsClient | None) -> None:
        self._spec = spec
        self._tools = tools
        self._channel = channel
        self._tls = tls
        self._pool: Pool[L] = Pool(self.connect, self.limits(), tools)

    def limits(self) -> PoolLimits:
        """How many connections."""
        raise NotImplementedError

    def make_link(self) -> L:
        """A link that is not connected yet and reports to the pool."""
        raise NotImplementedError

    async def ask(self, link: L, query: bytes, deadline: Instant, most: int) -> bytes:
        """One exchange over `link`, which has room. Raises UpstreamFailed."""
        raise NotImplementedError

    def channel(self) -> Channel:
        """The road, which never changes."""
        return self._channel

    async def prepare(self, deadline: Instant) -> None:
        """See that there is a connection. Raises UpstreamFailed."""
        if self._pool.ready() is None:
            await self._pool.take(deadline)

    async def exchange(self, query: bytes, deadline: Instant, most: int = LARGEST) -> bytes:
        """As the port says. A response of more than `most` octets is not waited for, where its length is told first."""
        try:
            link = self._pool.ready() or await self._pool.take(deadline)
            return await self.ask(link, query, deadline, most)
        except UpstreamFailed as failure:
            if failure.why not in AGAIN:
                raise
        self._tools.count("retry")
        return await self.ask(await self._pool.take(deadline), query, deadline, most)

    async def close(self) -> None:
        """As the port says."""
        await self._pool.close()

    def freed(self) -> None:
        """A link has room again."""
        self._pool.freed()

    def ended(self, link: L) -> None:
        """A link is gone; its session is kept for the next one, if the peer was proved and behaved."""
        if link.tls is not None and self._tls is not None and link.answered:
            self._tls.keep_session(link.tls, link.address)
        self._pool.ended(link)

    async def connect(self) -> L:
        """A new connection, proved, ready for exchanges. Raises UpstreamFailed."""
        addresses = self._spec.addresses or await self._tools.lookup(self._spec.name)
        if not addresses:
            raise UpstreamFailed(Why.NO_ADDRESS)
        try:
            return await dial(Target(tuple(addresses), self._spec.port, self._tls), self.make_link)
        except DialFailed as error:
            raise dial_failure(error) from None


def tls_client(spec: UpstreamSpec, profile: Profile, tools: Tools, alpn: tuple[str, ...] = ()) -> TlsClient:
    """How to speak TLS to `spec`: proved if strict, to anybody if not. Raises ValueError."""
    verify = profile is Profile.STRICT
    return tools.tls.client(Peer(spec.name, spec.pins if verify else (), spec.authorities, alpn, verify))
