"""What is looked at once more when the answer is there, for this client group: the outermost step, whatever way the answer
came. Pure.

The order: names that it leads to, addresses in it, who gave it; last what an answer from outside may not hold, for what is
taken out nobody sees any more. A failure stays one: what could not be proved is never made into anything else.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from privacy.lists.matcher import Hit
from resolver.policy import lists, rules
from resolver.policy.book import View
from resolver.policy.rebinding import inspect_rebinding
from resolver.policy.verdict import Ground, Say
from resolver.values import Origin, Query, Reply
from wire.dns.codes import RecordType
from wire.dns.message import Message, parse_message, rdata_name
from wire.dns.names import Known
from wire.dns.svcb import IPV4HINT, IPV6HINT, parse_hint, parse_service
from wire.errors import Malformed

_A, _AAAA, _CNAME = int(RecordType.A), int(RecordType.AAAA), int(RecordType.CNAME)
_LONG = 16
"""Octets of an IPv6 address."""
_SERVICES = frozenset({int(RecordType.SVCB), int(RecordType.HTTPS)})

_OURS = frozenset({Origin.FAILURE, Origin.LOCAL, Origin.DROPPED})


class Servers(NamedTuple):
    """The authoritative servers of a name, as far as an iteration knows them: folded names, addresses of 4 or 16 octets."""

    names: tuple[bytes, ...] = ()
    addresses: tuple[bytes, ...] = ()


def inspect(
    query: Query, reply: Reply, ground: Ground, servers: Callable[[], Servers] | None = None, *, made: bool = False
) -> Reply | Say:
    """What the client gets of `reply`: itself, less of it, or what a rule or list says instead. `made`: a rule, a list or
    a record of the user's led to it; where it leads is looked at all the same, but not rewritten again."""
    if reply.origin in _OURS:
        return reply
    view = ground.book.view(query.group)
    if view.inspects:
        said = _judge(query, reply, ground, servers, made=made)
        # Where an alias made here leads was judged when it was followed: nothing is led on twice.
        if said is not None and not (made and said.onward):
            return said
    return inspect_rebinding(query, reply, ground) or reply


def _judge(
    query: Query, reply: Reply, ground: Ground, servers: Callable[[], Servers] | None, *, made: bool
) -> Say | None:
    view = ground.book.view(query.group)
    looks = bool(view.uses) and ground.book.looks_at_answers
    if not looks and not _leads_on(reply):
        # The usual case: what there is to say of the name itself was said before it was asked for.
        return None
    if view.allows(view.match(query.name, query.rrtype)):
        return None
    message = parse_message(reply.message)
    for target in targets_of(message):
        if view.allows(view.match(target, query.rrtype)):
            return None
        said = rules.inspect_name(query, target, view, made=made)
        if said is None:
            said = _listed(query, ground, view, ground.book.hits(view, target, query.rrtype), target)
        if said is not None:
            return said
    if not looks:
        return None
    for address in addresses_of(message):
        said = _listed(query, ground, view, _address_hits(address, ground), query.name)
        if said is not None:
            return said
    if servers is None or not ground.book.looks_at_servers:
        return None
    return _listed(query, ground, view, ground.book.server_hits(*servers()), query.name)


def _listed(query: Query, ground: Ground, view: View, hits: Iterable[Hit], name: bytes) -> Say | None:
    hit = lists.choose(hits, view.uses)
    if hit is None or lists.lets(hit, view.uses[hit.list]):
        return None
    if ground.book.is_protected(name) or ground.book.is_protected(query.name):
        return None
    own = lists.choose(ground.book.hits(view, query.name, query.rrtype), view.uses)
    if own is not None and lists.lets(own, view.uses[own.list]):
        # A list's exception is one for all that the name leads to; of the user's own rules it takes nothing away.
        return None
    return lists.say(query, hit, view.uses[hit.list], name)


def _address_hits(address: bytes, ground: Ground) -> tuple[Hit, ...]:
    """Of an address that a translator leads on, those of the IPv4 address in it too: DNS64 is no way round a list."""
    embedded = ground.guard.embedded(address) if len(address) == _LONG else None
    hits = ground.book.address_hits(address)
    return hits if embedded is None else (*hits, *ground.book.address_hits(embedded))


def _leads_on(reply: Reply) -> bool:
    """Whether there is an alias in it. No name is read: before each TTL stand type and class."""
    data = reply.message
    return any(int.from_bytes(data[at - 4 : at - 2], "big") == _CNAME for at in reply.ttl_offsets)


def targets_of(message: Message) -> Iterator[bytes]:
    """Where the aliases in an answer lead, in its order."""
    known: Known = {}
    for record in message.answer:
        if record.rrtype == _CNAME:
            yield rdata_name(message, record, known)


def addresses_of(message: Message) -> Iterator[bytes]:
    """The addresses in an answer, hints of services too (RFC 9460 §7.3): clients connect to these as well."""
    for record in message.answer:
        rdata = message.data[record.rdata_start : record.rdata_end]
        if record.rrtype == _A or record.rrtype == _AAAA:
            yield rdata
        elif record.rrtype in _SERVICES:
            yield from _hints(rdata)


def _hints(rdata: bytes) -> Iterator[bytes]:
    try:
        found = parse_service(rdata)
        for key, size in ((IPV4HINT, 4), (IPV6HINT, 16)):
            yield from parse_hint(value, size) if (value := found.find(key)) else ()
    except Malformed:
        # No client can use it either.
        return
