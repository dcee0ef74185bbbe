"""DNS over TLS (RFC 7858)."""

from net.tls import Peer
from privacy.channel import Channel, Kind
from resolver.edge.upstream.framed import Framed
from resolver.edge.upstream.pooled import tls_client
from resolver.edge.upstream.port import Tools
from resolver.settings import Profile, UpstreamSpec

ALPN = "dot"
"""What IANA lists for DNS over TLS (RFC 7858) among the names of ALPN (RFC 7301)."""


def open_tls(spec: UpstreamSpec, profile: Profile, tools: Tools) -> Framed:
    """A server over TLS; not proved if `profile` is opportunistic. Raises ValueError for bad authorities."""
    channel = Channel(Kind.TLS, encrypted=True, authenticated=profile is Profile.STRICT)
    return Framed(spec, tools, channel, tls_client(spec, profile, tools))


def open_unasked(address: str, port: int, tools: Tools) -> Framed:
    """An authoritative server over TLS, which nobody said that it speaks (RFC 9539): nothing is proved, no name is told,
    `dot` is offered by ALPN and need not be chosen, for servers from before ALPN are many."""
    tls = tools.tls.client(Peer("", alpn=(ALPN,), verify=False, insists=False))
    channel = Channel(Kind.TLS, encrypted=True, authenticated=False)
    return Framed(UpstreamSpec("tls", "", (address,), port, ""), tools, channel, tls)
