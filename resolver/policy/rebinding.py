"""Answers from outside that lead inside (DNS rebinding). Pure.

A page of somebody else's may ask whatever its own name leads to; if that is a printer in the house, it asks the printer.
So an address of the inside stays in an answer only if every name on the way may lead inside: the one that was asked, every
alias, and the one that has the address. What is taken out are the addresses, not the answer: docs/decisions/0025-rebinding.md.
"""

import ipaddress
from collections.abc import Iterator

from resolver.addresses import is_inside_v4, is_inside_v6
from resolver.policy import decide
from resolver.policy.prefix64 import Prefix64
from resolver.policy.verdict import Ground
from resolver.settings import ResolverSettings, Route, UpstreamSpec
from resolver.values import Explanation, Query, Reply
from wire.dns.codes import ExtendedError, HeaderFlag, RecordType
from wire.dns.message import Message, ResourceRecord, build_response, parse_message
from wire.dns.names import ROOT, suffixes
from wire.dns.svcb import (
    IPV4HINT,
    IPV6HINT,
    MANDATORY,
    Service,
    build_service,
    parse_hint,
    parse_mandatory,
    parse_service,
)
from wire.errors import Malformed

TAKEN_OUT = Explanation(ExtendedError.BLOCKED, "rebinding protection: addresses of private networks taken out")

MAX_LINKS = 16
"""Aliases of our own that are followed to see which names are ours."""

_A_IN = b"\0\1\0\1"
"""Type A and class IN, as in a `Query`."""

_A, _AAAA, _SVCB, _HTTPS, _RRSIG = map(
    int, (RecordType.A, RecordType.AAAA, RecordType.SVCB, RecordType.HTTPS, RecordType.RRSIG)
)
_HOLD = frozenset((_A, _AAAA, _SVCB, _HTTPS))
_ON_THE_WAY = _HOLD | {int(RecordType.CNAME)}
_KEPT = int(HeaderFlag.RD | HeaderFlag.RA | HeaderFlag.CD)


class Inside:
    """Which addresses are of the inside, and which names may lead there, in one generation."""

    def __init__(self, settings: ResolverSettings) -> None:
        given = settings.policy.rebinding
        self._protect = given.protect
        self._allow = frozenset(given.allow)
        own = () if settings.dns64 is None else settings.dns64.prefixes
        translated = (*own, *(one.nat64 for one in settings.iterations if one.nat64))
        self._prefixes = tuple(map(Prefix64, dict.fromkeys(translated)))
        self._places = frozenset(_places_inside(settings))

    def may(self, name: bytes, query: Query, ground: Ground) -> bool:
        """Whether `name`, on the way from `query`, may lead inside: it is allowed by the configuration, it is a local name, or
        its route, also one by a rule, goes to private servers."""
        if any(suffix in self._allow for suffix in suffixes(name)):
            return True
        route = ground.route(query._replace(key=name + query.key[-4:]))
        if route is not None and self._leads_inside(route):
            return True
        return ground.local.has(name, query.group, ground.routes)

    def _leads_inside(self, route: Route) -> bool:
        """Whether a route's names are the household's own: it is private, or all its servers are at addresses of the inside. Not
        the route for everything: a router that is asked for all names passes on what the outside says."""
        return route.suffix != ROOT and (route.private or route.upstream_group in self._places)

    def is_inside(self, address: bytes) -> bool:
        """Whether 16 octets are an address of the inside. Below a prefix of a translator that we know it is the IPv4 address that
        counts, wherever the prefix itself lies."""
        embedded = self.embedded(address)
        return is_inside_v6(address) if embedded is None else is_inside_v4(embedded)

    def embedded(self, address: bytes) -> bytes | None:
        """The IPv4 address to which 16 octets lead by a translator that we know; None if it is none of its addresses."""
        for prefix in self._prefixes:
            if (found := prefix.extract(address)) is not None:
                return found
        return None

    def holds(self, reply: Reply) -> bool:
        """Whether there is an address of the inside in it. Only what may be one is looked at: no name is read."""
        if not self._protect:
            return False
        data = reply.message
        for at in reply.ttl_offsets:
            rrtype = int.from_bytes(data[at - 4 : at - 2], "big")
            if rrtype not in _HOLD:
                continue
            start = at + 6
            rdata = data[start : start + int.from_bytes(data[at + 4 : start], "big")]
            if self.cleaned(rrtype, rdata) != rdata:
                return True
        return False

    def cleaned(self, rrtype: int, rdata: bytes) -> bytes | None:
        """The data of a record without addresses of the inside; None if nothing is left. What cannot be read goes: somebody may
        read it otherwise."""
        if rrtype == _A:
            return None if len(rdata) != 4 or is_inside_v4(rdata) else rdata
        if rrtype == _AAAA:
            return None if len(rdata) != 16 or self.is_inside(rdata) else rdata
        try:
            service = parse_service(rdata)
            found = tuple((key, self._cleaned_hint(key, value)) for key, value in service.parameters)
        except Malformed:
            return None
        if found == service.parameters:
            return rdata
        return _without(service, tuple(key for key, value in found if not value and service.find(key)), dict(found))

    def _cleaned_hint(self, key: int, value: bytes) -> bytes:
        """A parameter's value; of the hints (RFC 9460 §7.3) the addresses of the outside. Raises Malformed."""
        if key == IPV4HINT:
            return b"".join(address for address in parse_hint(value, 4) if not is_inside_v4(address))
        if key == IPV6HINT:
            return b"".join(address for address in parse_hint(value, 16) if not self.is_inside(address))
        return value


def _without(service: Service, gone: tuple[int, ...], values: dict[int, bytes]) -> bytes | None:
    """The record with these values, without the keys that are `gone`, of which `mandatory` must not speak then (RFC 9460 §8).
    Clients look for the addresses themselves; those are looked at as any others."""
    left = {key: value for key, value in values.items() if key not in gone}
    if MANDATORY in left:
        try:
            keys = tuple(key for key in parse_mandatory(left[MANDATORY]) if key not in gone)
        except Malformed:
            return None
        left[MANDATORY] = b"".join(key.to_bytes(2, "big") for key in keys)
        if not keys:
            del left[MANDATORY]
    return build_service(service._replace(parameters=tuple(left.items())))


def inspect_rebinding(query: Query, reply: Reply, ground: Ground) -> Reply | None:
    """The answer without addresses of the inside; None: it is in order, they are not in it or may be."""
    guard = ground.guard
    if not guard.holds(reply):
        return None
    message = parse_message(reply.message)
    names = dict.fromkeys((query.name, *(one.owner for one in message.answer if one.rrtype in _ON_THE_WAY)))
    ours = _own_aliases(query, ground)
    if all(name in ours or guard.may(name, query, ground) for name in names):
        return None
    return _taken_out(query, reply, message, ground)


def _own_aliases(query: Query, ground: Ground) -> set[bytes]:
    """Names on the way that a rule of the user's leads on from: what was written here is as good as allowed."""
    found: set[bytes] = set()
    said = decide(query, ground)
    while said is not None and said.onward and len(found) < MAX_LINKS:
        found.update(record.owner for record in said.answer)
        query = query._replace(key=said.onward + query.key[-4:])
        said = None if query.name in found else decide(query, ground)
    return found


def _taken_out(query: Query, reply: Reply, message: Message, ground: Ground) -> Reply:
    """Without the addresses, the signatures over the RRsets that they were in, and the word that it is all proved. If no record
    of the type that was asked for is left, nothing proves that there is none either."""
    guard, changed = ground.guard, set()
    sections: list[list[ResourceRecord]] = []
    for section in (message.answer, message.authority):
        kept = []
        for record in section:
            rdata = message.data[record.rdata_start : record.rdata_end]
            left = guard.cleaned(record.rrtype, rdata) if record.rrtype in _HOLD else rdata
            if left != rdata:
                changed.add((record.owner, record.rrtype))
            if left is not None:
                kept.append(ResourceRecord(record.owner, record.rrtype, record.rrclass, record.ttl, left))
        sections.append(kept)
    answer, authority = ([one for one in kept if not _signs_one_of(one, changed)] for kept in sections)
    if not any(record.rrtype == query.rrtype for record in answer):
        authority = []
    built = build_response(query.key, message.flags & _KEPT, message.rcode, answer, authority)
    return reply._replace(message=built.message, ttl_offsets=built.ttl_offsets, explanation=TAKEN_OUT)


def _signs_one_of(record: ResourceRecord, changed: set[tuple[bytes, int]]) -> bool:
    """Whether it is a signature over one of these RRsets: the first field of its data is their type (RFC 4034 §3.1)."""
    return record.rrtype == _RRSIG and (record.owner, int.from_bytes(record.rdata[:2], "big")) in changed


def _places_inside(settings: ResolverSettings) -> Iterator[int]:
    """The places of upstream groups and iterations all of whose servers are at addresses of the inside."""
    for place, group in enumerate(settings.upstream_groups):
        if all(map(_is_private, group.servers)):
            yield place
    for place, iteration in enumerate(settings.iterations, len(settings.upstream_groups)):
        addresses = [address for server in iteration.servers for address in server.addresses]
        if iteration.zone != ROOT and addresses and all(map(_is_inside_text, addresses)):
            yield place


def _is_private(server: UpstreamSpec) -> bool:
    return bool(server.addresses) and server.target is None and all(map(_is_inside_text, server.addresses))


def _is_inside_text(text: str) -> bool:
    """Of `ADDRESS` or `ADDRESS@PORT`."""
    packed = ipaddress.ip_address(text.partition("@")[0].partition("%")[0]).packed
    return is_inside_v4(packed) if len(packed) == 4 else is_inside_v6(packed)
