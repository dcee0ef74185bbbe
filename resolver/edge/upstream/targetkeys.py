"""The keys of an ODoH target: from the configuration or from servers that are not the target, and what several agree on."""

import urllib.parse
from collections import Counter

from net.h2 import StreamFailed
from net.h2_codecs import Header
from privacy.channel import Channel, Kind
from privacy.odoh import TargetKey, parse_configs
from resolver.edge.sharing import Shared
from resolver.edge.upstream.backoff import Backoff
from resolver.edge.upstream.doh import Https, HttpsLink, authority_of
from resolver.edge.upstream.failures import stream_failure
from resolver.edge.upstream.pooled import tls_client
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.settings import ObliviousTarget, Profile, UpstreamSpec
from wire.errors import Malformed
from wire.units import Instant


class TargetKeys:
    """The key that is in use, fetched when there is none and when the target says that it does not know it."""

    def __init__(self, target: ObliviousTarget, tools: Tools) -> None:
        self._tools = tools
        self._own = target.keys
        self._sources = tuple(KeySource(spec, target, tools) for spec in target.sources)
        self._backoff = Backoff(tools.entropy)
        self._shared = Shared(Counter(), "shared")
        self._current: TargetKey | None = None
        self._refused: set[TargetKey] = set()

    def current(self) -> TargetKey:
        """The key in use. Raises UpstreamFailed."""
        if self._current is None:
            raise UpstreamFailed(Why.KEYS, "none yet")
        return self._current

    async def have(self, deadline: Instant) -> None:
        """See that there is a key. Raises UpstreamFailed."""
        if self._current is None:
            await self._renewed(deadline)

    async def replace(self, refused: TargetKey, deadline: Instant) -> None:
        """The target does not know `refused`: have another one. Raises UpstreamFailed if there is none."""
        if self._current == refused:
            self._current = None
            self._refused = {refused}
        await self.have(deadline)

    def proved(self) -> None:
        """The target has answered a question that was sealed with the key in use."""
        self._backoff.succeeded()

    async def close(self) -> None:
        """End every connection."""
        for source in self._sources:
            await source.close()

    async def _renewed(self, deadline: Instant) -> None:
        if self._backoff.wait(self._tools.now()):
            raise UpstreamFailed(Why.KEYS, "not asked for again so soon")
        done = await self._shared.once("keys", lambda: self._renew(deadline), deadline)
        if done is None:
            raise UpstreamFailed(Why.TIMEOUT, "no keys in time")

    async def _renew(self, deadline: Instant) -> bool:
        if self._current is not None:
            return True
        try:
            found = await self._agreed(deadline)
        except UpstreamFailed:
            self._backoff.failed(self._tools.now())
            raise
        if found is None:
            self._backoff.failed(self._tools.now())
            # What was refused may be right again, when the target has lost its keys and found them.
            self._refused.clear()
            raise UpstreamFailed(Why.KEYS, "none that every source shows and the target knows")
        self._current = found
        return True

    async def _agreed(self, deadline: Instant) -> TargetKey | None:
        """The first source's first key that all others show too."""
        shown = [_keys(self._own)] if self._own else []
        shown += [_keys(await source.exchange(b"", deadline)) for source in self._sources]
        first, *others = shown
        return next((k for k in first if k not in self._refused and all(k in other for other in others)), None)


class KeySource(Https):
    """A server that shows the target's keys, which must prove its name or pin."""

    def __init__(self, spec: UpstreamSpec, target: ObliviousTarget, tools: Tools) -> None:
        channel = Channel(Kind.HTTPS, encrypted=True, authenticated=True)
        super().__init__(spec, tools, channel, tls_client(spec, Profile.STRICT, tools, alpn=("h2",)))
        self._headers: list[Header] = [
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":authority", authority_of(spec)),
            (b":path", relay_path(spec.path, target).encode()),
        ]

    async def ask(self, link: HttpsLink, query: bytes, deadline: Instant, most: int) -> bytes:
        """The ObliviousDoHConfigs that it shows."""
        try:
            response = await link.request(self._headers, b"", deadline)
        except StreamFailed as error:
            raise stream_failure(error) from None
        if response.status != 200:
            raise UpstreamFailed(Why.KEYS, f"status {response.status} for the keys")
        return response.body


def relay_path(template: str, target: ObliviousTarget) -> str:
    """The path that tells a relay its target: `/p`, `/p{?targethost,targetpath}` or `/p/{targethost}/{targetpath}` (RFC 9230
    §4.1, RFC 6570 §1.2)."""
    host, path = (urllib.parse.quote(part, safe="") for part in (target.host, target.path))
    if "{targethost}" in template:
        return template.replace("{targethost}", host).replace("{targetpath}", path)
    base = template.split("{")[0]
    return f"{base}{'&' if '?' in base else '?'}targethost={host}&targetpath={path}"


def _keys(configs: bytes) -> tuple[TargetKey, ...]:
    try:
        return parse_configs(configs)
    except Malformed as error:
        raise UpstreamFailed(Why.KEYS, error.what) from None
