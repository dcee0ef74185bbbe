"""DNS over TLS (RFC 7858)."""

from privacy.channel import Channel, Kind
from resolver.edge.upstream.framed import Framed
from resolver.edge.upstream.pooled import tls_client
from resolver.edge.upstream.port import Tools
from resolver.settings import Profile, UpstreamSpec


def open_tls(spec: UpstreamSpec, profile: Profile, tools: Tools) -> Framed:
    """A server over TLS; not proved if `profile` is opportunistic. Raises ValueError for bad authorities."""
    channel = Channel(Kind.TLS, encrypted=True, authenticated=profile is Profile.STRICT)
    return Framed(spec, tools, channel, tls_client(spec, profile, tools))
