"""What transports with connections share: a pool of them, one retry on a fresh one, and (tcp, tls, https) TLS that proves."""

from collections.abc import Callable
from typing import Generic, TypeVar

from net.dial import DialFailed, Target, dial
from net.stream import Link
from net.tls import Peer, TlsClient
from privacy.channel import Channel
from resolver.edge.upstream.failures import dial_failure
from resolver.edge.upstream.pool import Member, Pool, PoolLimits
from resolver.edge.upstream.port import LARGEST, Ended, Tools, UpstreamFailed, Why
from resolver.edge.upstream.prompt import Afterwards, broken_off
from resolver.settings import Profile, UpstreamSpec
from wire.units import Instant

IDLE = 10.0
"""Seconds without an exchange after which a connection is closed (RFC 7858 §3.4)."""

AGAIN = frozenset({Why.RESET, Why.GOAWAY})
"""What may be the fault of a connection that had grown old: tried once more on another."""


class PooledLink(Link, Member):
    """A link that a pool can hold."""


M = TypeVar("M", bound=Member)
L = TypeVar("L", bound=PooledLink)
T = TypeVar("T")


class PooledUpstream(Generic[M]):
    """An upstream over connections; a subclass makes them and speaks over them."""

    def __init__(self, spec: UpstreamSpec, tools: Tools, channel: Channel) -> None:
        self._spec = spec
        self._tools = tools
        self._channel = channel
        self._afresh = Afterwards()
        self._pool: Pool[M] = Pool(self.connect, self.limits(), tools)

    def limits(self) -> PoolLimits:
        """How many connections."""
        raise NotImplementedError

    async def reach(self, addresses: tuple[str, ...]) -> M:
        """A new connection to one of these, proved. Raises DialFailed."""
        raise NotImplementedError

    async def ask(self, link: M, query: bytes, deadline: Instant, most: int) -> bytes:
        """One exchange over `link`, which has room. Raises UpstreamFailed."""
        raise NotImplementedError

    def channel(self) -> Channel:
        """The road, which never changes."""
        return self._channel

    def ready(self) -> M | None:
        """A connection that stands and has room."""
        return self._pool.ready()

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
        return await self._again(query, deadline, most)

    async def _again(self, query: bytes, deadline: Instant, most: int = LARGEST) -> bytes:
        """On another connection. Raises UpstreamFailed."""
        self._tools.count("retry")
        return await self.ask(await self._pool.take(deadline), query, deadline, most)

    def settled(self, query: bytes, deadline: Instant, ended: Ended, outcome: bytes | UpstreamFailed) -> None:
        """Tell how an exchange ended that nobody waits for in a task; one that may do better on another connection is put there
        first."""
        if isinstance(outcome, UpstreamFailed) and outcome.why in AGAIN:
            self._afresh.tell(ended, self._again(query, deadline))
        else:
            ended(outcome)

    def heard(self, query: bytes, deadline: Instant, ended: Ended, read: Callable[[T], bytes], came: T) -> None:
        """The same for what `read` finds in what came; it raises UpstreamFailed."""
        outcome: bytes | UpstreamFailed = broken_off()
        try:
            outcome = read(came)
        except UpstreamFailed as failure:
            outcome = failure
        finally:
            self.settled(query, deadline, ended, outcome)

    async def close(self) -> None:
        """As the port says."""
        await self._pool.close()

    def freed(self) -> None:
        """A connection has room again."""
        self._pool.freed()

    def ended(self, link: M) -> None:
        """A connection is gone."""
        self._pool.ended(link)

    async def connect(self) -> M:
        """A new connection, proved, ready for exchanges. Raises UpstreamFailed."""
        addresses = self._spec.addresses or await self._tools.lookup(self._spec.name)
        if not addresses:
            raise UpstreamFailed(Why.NO_ADDRESS)
        try:
            return await self.reach(tuple(addresses))
        except DialFailed as error:
            raise dial_failure(error) from None


class Pooled(PooledUpstream[L]):
    """An upstream over streams of TCP or TLS."""

    def __init__(self, spec: UpstreamSpec, tools: Tools, channel: Channel, tls: TlsClient | None) -> None:
        super().__init__(spec, tools, channel)
        self._tls = tls

    def make_link(self) -> L:
        """A link that is not connected yet and reports to the pool."""
        raise NotImplementedError

    def ended(self, link: L) -> None:
        """A link is gone; its session is kept for the next one, if the peer was proved and behaved."""
        if link.tls is not None and self._tls is not None and link.answered:
            self._tls.keep_session(link.tls, link.address)
        super().ended(link)

    async def reach(self, addresses: tuple[str, ...]) -> L:
        """As the base says."""
        return await dial(Target(addresses, self._spec.port, self._tls), self.make_link)


def tls_client(spec: UpstreamSpec, profile: Profile, tools: Tools, alpn: tuple[str, ...] = ()) -> TlsClient:
    """How to speak TLS to `spec`: proved if strict, to anybody if not. Raises ValueError."""
    verify = profile is Profile.STRICT
    return tools.tls.client(Peer(spec.name, spec.pins if verify else (), spec.authorities, alpn, verify))
