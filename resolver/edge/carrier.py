"""The going-out half of an oblivious relay: sealed bodies to targets of the configuration, and to nobody else (RFC 9230 §4.1).

Nothing here reads DNS, and nothing of the client is known: what comes is an index and octets.
"""

from dataclasses import replace

from net.h2 import Response, StreamFailed
from net.h2_codecs import Header
from privacy.channel import Channel, Kind
from privacy.odoh import WELL_KNOWN
from resolver.addresses import is_public
from resolver.carried import MAX_ANSWER, Carried, Outcome, build_carried, parse_carried
from resolver.edge.upstream.doh import Https, HttpsLink, authority_of, post_headers
from resolver.edge.upstream.failures import stream_failure
from resolver.edge.upstream.odoh import OBLIVIOUS, is_oblivious
from resolver.edge.upstream.pooled import tls_client
from resolver.edge.upstream.port import Tools, UpstreamFailed, Why
from resolver.settings import CarriedTarget, Profile
from wire.units import Instant

MAX_OPEN = 256
"""Bodies under way at the same time, to all targets together."""

_KEYS = b""
"""Instead of a sealed body: the target's keys are wanted."""

_OUTCOMES = {
    Why.TIMEOUT: Outcome.TIMEOUT,
    Why.CERTIFICATE: Outcome.TLS,
    Why.TLS: Outcome.TLS,
    Why.HTTP: Outcome.NONSENSE,
    Why.MALFORMED: Outcome.NONSENSE,
    Why.TOO_LARGE: Outcome.NONSENSE,
    Why.BUSY: Outcome.TOO_MUCH,
}
"""All else is UNAVAILABLE."""


PROHIBITED = "only addresses that are not public"
"""What is said of a name that led to nowhere else."""


class Carrier:
    """All targets that are carried for."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._roads: tuple[TargetRoad, ...] = ()
        self._open = 0

    def use(self, targets: tuple[CarriedTarget, ...]) -> list["TargetRoad"]:
        """Carry for these; those that stay keep their connections. Gives those that are not used any more."""
        known = {road.target: road for road in self._roads}
        self._roads = tuple(known.get(target) or TargetRoad(target, self._tools) for target in targets)
        return [road for road in known.values() if road not in self._roads]

    def move(self) -> list["TargetRoad"]:
        """Another network: begin anew with every target. Gives the roads of before, which are to be closed."""
        former = self._roads
        self._roads = tuple(TargetRoad(road.target, self._tools) for road in former)
        return list(former)

    async def carry(self, place: int, sealed: bytes, deadline: Instant) -> Carried:
        """Hand `sealed` to the target at `place`; empty: fetch its keys. Never raises."""
        if place >= len(self._roads) or self._open >= MAX_OPEN:
            self._tools.count("relay-refused")
            return Carried(Outcome.TOO_MUCH if place < len(self._roads) else Outcome.UNAVAILABLE)
        self._open += 1
        try:
            return parse_carried(await self._roads[place].exchange(sealed, deadline))
        except UpstreamFailed as failure:
            self._tools.count(f"relay-{failure.why.value}")
            if failure.detail == PROHIBITED:
                return Carried(Outcome.PROHIBITED)
            return Carried(_OUTCOMES.get(failure.why, Outcome.UNAVAILABLE))
        finally:
            self._open -= 1

    async def close(self) -> None:
        """End every connection."""
        for road in self._roads:
            await road.close()


class TargetRoad(Https):
    """One target. What it says is passed on as it came: status, body, and whether it is an oblivious message."""

    def __init__(self, target: CarriedTarget, tools: Tools) -> None:
        spec = target.spec
        guarded = tools if target.private else replace(tools, lookup=_Guard(tools).lookup)
        channel = Channel(Kind.HTTPS, encrypted=True, authenticated=True)
        super().__init__(spec, guarded, channel, tls_client(spec, Profile.STRICT, tools, alpn=("h2",)))
        self.target = target
        self._authority = authority_of(spec)
        self._path = spec.path.encode()

    async def ask(self, link: HttpsLink, query: bytes, deadline: Instant, most: int) -> bytes:
        """One request, with no header of the client's, for none is known here; the answer is the body of a CARRIED."""
        headers = (
            self._keys_headers() if query == _KEYS else post_headers(self._authority, self._path, OBLIVIOUS, len(query))
        )
        try:
            response = await link.request(headers, query, deadline)
        except StreamFailed as error:
            raise stream_failure(error) from None
        return _passed_on(response)

    def _keys_headers(self) -> list[Header]:
        return [
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":authority", self._authority),
            (b":path", WELL_KNOWN.encode()),
        ]


class _Guard:
    """Looks names up and lets no address pass that is not public, lest somebody's name lead into this network."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def lookup(self, name: str) -> tuple[str, ...]:
        """As Tools says. Raises UpstreamFailed if nothing is left."""
        found = await self._tools.lookup(name)
        public = tuple(address for address in found if is_public(address))
        if found and not public:
            raise UpstreamFailed(Why.NO_ADDRESS, PROHIBITED)
        return public


def _passed_on(response: Response) -> bytes:
    # Others are not of a whole response (RFC 9110 §15), and would leave the client without one.
    if not 200 <= response.status <= 599 or len(response.body) > MAX_ANSWER:
        raise UpstreamFailed(Why.HTTP, "a response that cannot be passed on")
    return build_carried(Carried(Outcome.ANSWERED, response.status, is_oblivious(response), response.body))
