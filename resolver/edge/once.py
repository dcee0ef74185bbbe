"""One question to one server, and that is all: for who tries out an upstream."""

from resolver.edge.converse import converse
from resolver.edge.upstream import open_upstream
from resolver.edge.upstream.port import Tools
from resolver.settings import Profile, UpstreamSpec
from resolver.values import Query
from wire.units import Instant

ASK_ONCE_PATIENCE = 5.0
"""Seconds for `ask_once`."""


async def ask_once(spec: UpstreamSpec, profile: Profile, query: Query, tools: Tools) -> bytes:
    """Open one server, ask it one question, close it; the response, unchecked. Raises UpstreamFailed."""
    upstream = open_upstream(spec, profile, tools)
    try:
        return await converse(upstream, query.key, query.flags, tools.entropy, Instant(tools.now() + ASK_ONCE_PATIENCE))
    finally:
        await upstream.close()
