"""The ways to reach an upstream, by the scheme of its URL."""

from resolver.edge.upstream import do53, doh3, doq, dot, odoh, upgrading
from resolver.edge.upstream.discovered import Discovered
from resolver.edge.upstream.opportunistic import Opportunistic
from resolver.edge.upstream.port import Open, Tools, Upstream
from resolver.settings import Profile, UpstreamSpec

TRANSPORTS: dict[str, Open] = {
    "udp": do53.open_udp,
    "tcp": do53.open_tcp,
    "tls": dot.open_tls,
    "https": upgrading.open_https,
    "quic": doq.open_quic,
    "h3": doh3.open_h3,
    "odoh": odoh.open_odoh,
}

ENCRYPTED = frozenset({"tls", "https", "quic", "h3", "odoh"})
"""Schemes that a strict group may use."""


def open_upstream(spec: UpstreamSpec, profile: Profile, tools: Tools) -> Upstream:
    """The upstream for `spec`, falling back as RFC 8310 §5 allows if `profile` is opportunistic. Connects nothing.

    Raises ValueError for a clear scheme in a strict group (the loader refuses it long before) and for authorities that
    are not certificates.
    """
    if spec.scheme not in ENCRYPTED:
        if profile is Profile.STRICT:
            raise ValueError("strict: nothing may leave in clear text")
        if spec.discover and spec.addresses:
            return Discovered(spec, tools, TRANSPORTS)
        return TRANSPORTS[spec.scheme](spec, profile, tools)
    if profile is Profile.OPPORTUNISTIC and spec.target is None:
        return Opportunistic(spec, tools, TRANSPORTS[spec.scheme])
    return TRANSPORTS[spec.scheme](spec, profile, tools)
