"""What quic and h3 share: connections of QUIC in a pool, each proved before a query leaves."""

from typing import Any, TypeVar

from net.quic import QuicTarget, dial_quic
from net.quic_client import QuicClient
from net.quic_requests import RequestLink
from net.tls import TlsClient
from privacy.channel import Channel
from resolver.edge.upstream.pool import Member, PoolLimits
from resolver.edge.upstream.pooled import PooledUpstream
from resolver.edge.upstream.port import Tools
from resolver.settings import UpstreamSpec

LIMITS = PoolLimits(connections=4, crowded=96)


class QuicMember(RequestLink[Any, Any], Member):
    """A connection that a pool can hold."""


Q = TypeVar("Q", bound=QuicMember)


class OverQuic(PooledUpstream[Q]):
    """An upstream over QUIC."""

    def __init__(self, spec: UpstreamSpec, tools: Tools, channel: Channel, tls: TlsClient) -> None:
        super().__init__(spec, tools, channel)
        self.client = QuicClient(tls)

    def limits(self) -> PoolLimits:
        """Few: one connection carries many streams."""
        return LIMITS

    def make_link(self) -> Q:
        """A link that is not connected yet and reports to the pool."""
        raise NotImplementedError

    async def reach(self, addresses: tuple[str, ...]) -> Q:
        """As the base says."""
        return await dial_quic(QuicTarget(addresses, self._spec.port), self.make_link)

    def ended(self, link: Q) -> None:
        """A link is gone; its sessions are kept for the next one, if the peer behaved."""
        if link.answered:
            link.keep_sessions()
        super().ended(link)
